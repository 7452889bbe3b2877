"""Where things are kept: the lake and the catalog."""

from functools import lru_cache
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from soundmill.catalog import AudioCollection, Catalog, Ledger
    from soundmill.lake import Lake


class LakeResource(dg.ConfigurableResource):
    """Tables and blobs below a folder or an s3:// URL."""

    url: str
    s3_endpoint: str = ""

    def open(self) -> "Lake":
        """The lake, opened once per process."""
        return _lake(self.url, self.s3_endpoint)


class CatalogResource(dg.ConfigurableResource):
    """The ledger and other small records: SQLite or PostgreSQL by URL."""

    url: str

    def open(self) -> "Catalog":
        """The catalog, opened once per process and brought to the newest schema. Raises `CatalogUnavailable`."""
        return _catalog(self.url)

    def ledger(self) -> "Ledger":
        """The ledger of the catalog."""
        from soundmill.catalog import Ledger

        return Ledger(self.open())

    def collection(self) -> "AudioCollection":
        """What of the ledger is of the collection."""
        from soundmill.catalog import AudioCollection

        return AudioCollection(self.open())


@lru_cache(maxsize=4)
def _lake(url: str, s3_endpoint: str) -> "Lake":
    from soundmill.lake import open_lake

    return open_lake(url, s3_endpoint)


@lru_cache(maxsize=4)
def _catalog(url: str) -> "Catalog":
    from soundmill.catalog import open_catalog

    return open_catalog(url)
