"""How downloads are fetched: limits, manners, and where half-fetched files wait."""

from pathlib import Path

import dagster as dg

from soundmill.options import DownloadOptions, FetchOptions


class DownloadsResource(dg.ConfigurableResource):
    """See `soundmill.options.DownloadOptions` and `FetchOptions` for what each value means."""

    spool: str
    concurrency: int = 8
    per_host: int = 4
    delay: float = 0.0
    most_bytes: int = 1 << 30
    most_seconds: float = 1800.0
    most_hours: float = 24.0
    allow: list[str] = []  # noqa: RUF012  # a pydantic field, copied per instance
    max_attempts: int = 5
    keep_originals: bool = False
    stop_at_hours: float | None = None
    truncated: str = "keep"
    ca_file: str = ""
    least_free: int = 0

    def options(self) -> DownloadOptions:
        """As the library takes it."""
        fetch = FetchOptions(
            most_bytes=self.most_bytes,
            seconds=self.most_seconds,
            per_host=self.per_host,
            delay=self.delay,
            allow=tuple(self.allow),
            ca_file=self.ca_file,
        )
        return DownloadOptions(
            Path(self.spool),
            fetch,
            self.concurrency,
            self.most_hours,
            self.max_attempts,
            self.keep_originals,
            self.stop_at_hours,
            "refuse" if self.truncated == "refuse" else "keep",
            self.least_free,
        )
