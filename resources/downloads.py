"""How downloads are fetched: limits, manners, and where half-fetched files wait."""

from typing import Any

import dagster as dg

from soundmill.options import DownloadOptions, download_options
from soundmill.settings import Settings


class DownloadsResource(dg.ConfigurableResource):
    """The settings that begin with `download`, and their kin; `overrides` replace some of them, by the setting's name."""

    overrides: dict[str, Any] = {}  # noqa: RUF012  # a pydantic field, copied per instance

    def options(self) -> DownloadOptions:
        """How a `Downloader` is to work."""
        return download_options(Settings(**self.overrides))
