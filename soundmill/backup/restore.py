"""The way back: a backup into a home that is empty, with the same ledger, tables and bytes.

Files come first and the catalog last, in one transaction: a home with a catalog is whole. A restore that was killed goes on where it was.
"""

import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from soundmill.backup.bucket import Bucket, sha256_of
from soundmill.backup.catalog_copy import write_rows
from soundmill.backup.manifest import SETTINGS, KeptFile, object_of
from soundmill.backup.verify import manifest_of
from soundmill.catalog import create_catalog, is_empty_catalog
from soundmill.errors import BackupUnavailable, RestoreRefused
from soundmill.lake import Lake

_THREADS = 16
_NOTE = "restoring.json"


@dataclass
class RestoreDone:
    """`files` and `bytes` that were written, `kept` ones that an earlier attempt had, catalog `rows`; what is `damaged` or missing."""

    files: int = 0
    bytes: int = 0
    kept: int = 0
    rows: int = 0
    damaged: list[str] = field(default_factory=list)


def restore(
    bucket: Bucket,
    lake: Lake,
    catalog_url: str,
    home: Path,
    *,
    with_deleted: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> RestoreDone:
    """Writes a backup's files into the lake and its rows into a new catalog. Damaged files are left out, and named.

    `with_deleted` brings back files, too, that were deleted from the lake and are still kept. Raises `RestoreRefused` where lake or
    catalog hold anything that is not of this restore; `BackupUnavailable`, also midway: run again, it goes on.
    """
    manifest = manifest_of(bucket)
    note = home / _NOTE
    mark = json.dumps({"from": bucket.url})
    if not is_empty_catalog(catalog_url):
        raise RestoreRefused("the catalog is not empty; choose an empty SOUNDMILL_HOME (and SOUNDMILL_CATALOG)")
    going_on = note.exists() and note.read_text("utf-8") == mark
    if not going_on and next((entry for entry in lake.files("")), None) is not None:
        raise RestoreRefused(f"the lake {lake.url} is not empty; choose an empty SOUNDMILL_HOME (and SOUNDMILL_LAKE)")
    home.mkdir(parents=True, exist_ok=True)
    note.write_text(mark, "utf-8")
    done = RestoreDone()

    def fetch(item: tuple[str, KeptFile]) -> tuple[str, KeptFile, str]:
        path, kept = item
        return path, kept, _fetch(bucket, lake, path, kept, going_on)

    present = manifest.files if with_deleted else manifest.present
    for entry in list(lake.files("")):
        if entry.path not in present:  # of an earlier attempt, and deleted from the backup since
            lake.delete(entry.path)
    with ThreadPoolExecutor(_THREADS) as pool:
        for number, (path, kept, state) in enumerate(pool.map(fetch, present.items()), 1):
            if state == "damaged":
                done.damaged.append(path)
            elif state == "kept":
                done.kept += 1
            else:
                done.files, done.bytes = done.files + 1, done.bytes + kept.size
            if progress:
                progress(number, len(present))
    chunks = []
    for name, chunk in sorted(manifest.chunks.items()):
        data = bucket.get(chunk.name)
        if data is None or hashlib.sha256(data).hexdigest() != chunk.sha256:
            raise BackupUnavailable(f"{bucket.url}/{chunk.name}, which holds rows of the catalog, is missing or damaged")
        chunks.append((name, data))
    done.rows = create_catalog(catalog_url, manifest.schema, lambda connection: write_rows(connection, chunks))
    if settings := bucket.get(SETTINGS):
        (home / "restored-settings.json").write_bytes(settings)
    note.unlink()
    return done


def _fetch(bucket: Bucket, lake: Lake, path: str, kept: KeptFile, going_on: bool) -> str:
    """Writes one file, with its time of change; says whether it was "written", "kept" from before, or "damaged"."""
    if going_on and lake.exists(path):
        with lake.local_file(path) as there:
            if there.stat().st_size == kept.size and sha256_of(there) == kept.sha256:
                _set_time(lake, path, kept)
                return "kept"
    try:
        with lake.writer(path) as file:
            copied = bucket.copy(object_of(path, kept.sha256), file)
            if copied is None or copied.sha256 != kept.sha256:
                raise _Damaged
    except _Damaged:
        return "damaged"
    _set_time(lake, path, kept)
    return "written"


class _Damaged(Exception):
    """Raised so that the half-made file goes."""


def _set_time(lake: Lake, path: str, kept: KeptFile) -> None:
    """The ledger knows landed files by size and time: with the old time, nothing is cut anew."""
    if lake.is_local and kept.stamp.isdigit():
        os.utime(lake.full_path(path), ns=(int(kept.stamp), int(kept.stamp)))
