"""Files of uploads that nothing names any more: of deleted recordings, and of requests that a kill cut off."""

import logging
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from soundmill.catalog import Catalog, Ledger, Uploads, upload_key
from soundmill.lake import Lake
from soundmill.workflows.uploads.intake import FOLDER

log = logging.getLogger("soundmill.transcriber")
_EVERY_SECONDS = 600.0


class Sweeper:
    """Sweeps at its start and every ten minutes, in a thread; use as a context manager."""

    def __init__(self, lake: Lake, catalog: Catalog) -> None:
        self._lake, self._catalog = lake, catalog
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep uploads")

    def __enter__(self) -> "Sweeper":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        strays: set[str] = set()
        while True:
            try:
                strays = sweep_uploads(self._lake, self._catalog, strays)
            except Exception:  # the catalog may be away for a moment
                log.exception("sweeping files of uploads")
            if self._stopped.wait(_EVERY_SECONDS):
                return


def sweep_uploads(lake: Lake, catalog: Catalog, strays: set[str]) -> set[str]:
    """Deletes files of deleted recordings, and those of the last two days that had no row the time before (`strays`) either.

    Returns those that have no row now: a kill parted them from it, or it is about to be written.
    """
    uploads = Uploads(catalog)
    for item in uploads.withdrawn_files():
        lake.delete(str(item.measures["original_path"]))
        uploads.file_is_gone(item)
    today = datetime.now(UTC).date()
    paths = [entry.path for day in (today, today - timedelta(days=1)) for entry in lake.files(f"{FOLDER}/{day}")]
    known = Ledger(catalog).known([upload_key(Path(path).stem) for path in paths])
    without = {path for path in paths if upload_key(Path(path).stem) not in known}
    for path in without & strays:
        lake.delete(path)
    return without - strays
