"""The spool: half-fetched files on this machine, each with a note of the version it is a part of."""

from datetime import datetime
from pathlib import Path

from soundmill.catalog import DownloadQueue

_PART_DAYS = 7


def sweep_spool(spool: Path, queue: DownloadQueue, now: datetime) -> None:
    """Removes what killed workers left of requests that are settled since, and what nobody went on with for a week."""
    parts = {int(path.stem): path for path in spool.glob("*.part") if path.stem.isdigit()} if spool.is_dir() else {}
    queued = queue.queued_among(parts)
    for number, path in parts.items():
        try:
            if number not in queued or now.timestamp() - path.stat().st_mtime > _PART_DAYS * 86_400:
                remove_part(path)
        except FileNotFoundError:
            pass  # another worker's, done meanwhile


def remove_part(part: Path) -> None:
    """A half-fetched file and its note; the file last, by which the note is found again."""
    part.with_suffix(".json").unlink(missing_ok=True)
    part.unlink(missing_ok=True)
