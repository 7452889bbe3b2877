"""Where the backup goes."""

from typing import Any

import dagster as dg

from soundmill.backup import Bucket, bucket_of
from soundmill.settings import Settings


class BackupResource(dg.ConfigurableResource):
    """The settings that begin with `backup`; `overrides` replace some of them, by the setting's name."""

    overrides: dict[str, Any] = {}  # noqa: RUF012  # a pydantic field, copied per instance

    def settings(self) -> Settings:
        """The settings as they are now."""
        return Settings(**self.overrides)

    def bucket(self) -> Bucket | None:
        """The backup's place; None where none is set. Raises `BackupUnavailable`."""
        values = self.settings()
        return bucket_of(values) if values.backup else None
