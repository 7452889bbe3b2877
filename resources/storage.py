"""Where things are kept: the lake and the catalog."""

from functools import lru_cache

import dagster as dg

from soundmill.catalog import Catalog, Ledger, open_catalog
from soundmill.lake import Lake, open_lake
from soundmill.settings import Settings


class LakeResource(dg.ConfigurableResource):
    """Tables and blobs below a folder or an s3:// URL."""

    url: str
    s3_endpoint: str = ""

    def open(self) -> Lake:
        """The lake, opened once per process."""
        return _lake(self.url, self.s3_endpoint)


class CatalogResource(dg.ConfigurableResource):
    """The ledger and other small records: SQLite or PostgreSQL by URL; by SOUNDMILL_CATALOG where the URL is left empty, so that a
    password in it never shows in the UI."""

    url: str = ""

    def open(self) -> Catalog:
        """The catalog, opened once per process and brought to the newest schema."""
        return _catalog(self.url or Settings().catalog_url)

    def ledger(self) -> Ledger:
        """The ledger of the catalog."""
        return Ledger(self.open())


@lru_cache(maxsize=4)
def _lake(url: str, s3_endpoint: str) -> Lake:
    return open_lake(url, s3_endpoint)


@lru_cache(maxsize=4)
def _catalog(url: str) -> Catalog:
    return open_catalog(url)
