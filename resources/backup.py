"""Where the backup goes."""

from typing import TYPE_CHECKING

import dagster as dg

from soundmill.options import BackupOptions

if TYPE_CHECKING:
    from soundmill.backup import Bucket


class BackupResource(dg.ConfigurableResource):
    """The backup's place and manners; see `soundmill.options.BackupOptions`."""

    url: str = ""
    lake_url: str = ""
    endpoint: str = ""
    encryption: str = ""
    storage_class: str = ""
    keep_deleted_days: int = 30
    settings: dict[str, str] = {}  # noqa: RUF012  # a pydantic field, copied per instance

    def options(self) -> BackupOptions:
        """As the library takes it."""
        return BackupOptions(**{name: getattr(self, name) for name in type(self).model_fields})

    def bucket(self) -> "Bucket | None":
        """The backup's place; None where none is set. Raises `BackupUnavailable`."""
        from soundmill.backup import bucket_of

        return bucket_of(self.options()) if self.url else None
