"""The studio's log: on standard error, and in files that rotate, whichever of several processes writes."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo

from concurrent_log_handler import ConcurrentRotatingFileHandler

from soundmill.settings import Settings

_MOST_BYTES = 5 << 20
_KEPT = 3


@contextmanager
def logging_to_file(settings: Settings) -> Iterator[None]:
    """While the block runs, messages go to `studio.log` in the log folder: 5 MB, and three older ones; times in SOUNDMILL_TIMEZONE."""
    folder = settings.logs
    folder.mkdir(parents=True, exist_ok=True)
    path = str(folder / "studio.log")
    root = logging.getLogger()
    handler = _LogFile(path, maxBytes=_MOST_BYTES, backupCount=_KEPT, encoding="utf-8")
    handler.setFormatter(_Zoned(settings.zone))
    root.addHandler(handler)
    root.setLevel(min(root.level, logging.INFO) or logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # whose lines hold whole URLs, with the keys in them
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()


class _LogFile(ConcurrentRotatingFileHandler):
    """A file that cannot be written to, as on a full disk, costs its lines there and no more: they are on standard error, too."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        """Says nothing."""


class _Zoned(logging.Formatter):
    def __init__(self, zone: tzinfo) -> None:
        super().__init__("%(asctime)s - %(name)s - %(levelname)s - %(message)s")
        self._zone = zone

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802  # logging's name
        return datetime.fromtimestamp(record.created, self._zone).isoformat(sep=" ", timespec="milliseconds")
