"""Copying what changed: first the catalog, then the lake, and the manifest last.

Rows are read before files are listed, so that every file a row names is in the copy. Objects may be newer than the manifest where a
backup was killed; the next one finds them by their sums and does not send them again.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr
from sqlalchemy import Connection

from soundmill.backup.bucket import BackupUnavailable, Bucket, Stored, sends_whole, sums_of
from soundmill.backup.catalog_copy import chunk_names, read_chunk, row_counts, snapshot
from soundmill.backup.manifest import NAME, SETTINGS, KeptChunk, KeptFile, Manifest, object_of, read_manifest
from soundmill.catalog import Catalog, lease
from soundmill.catalog.database import HEAD
from soundmill.lake import Entry, Lake, NotInLake
from soundmill.settings import Settings

_THREADS = 16
_MANY, _LEAST_SHARE = 20, 0.5  # a backup of so many files or rows is not replaced by less than that share of them


class BackupRefused(RuntimeError):
    """What is here is so much less than what the backup holds that copying it would be a loss."""


@dataclass
class BackupDone:
    """What a backup did: files `uploaded` with their `bytes`, `unchanged` ones, `deleted` from the lake since, `purged` for good.

    `chunks` of the catalog were sent; `failed` names files that could not be copied, with the reason. `changed`: a new manifest stands.
    """

    uploaded: int = 0
    bytes: int = 0
    unchanged: int = 0
    deleted: int = 0
    purged: int = 0
    chunks: int = 0
    changed: bool = False
    failed: dict[str, str] = field(default_factory=dict)


def pending(bucket: Bucket, lake: Lake, catalog: Catalog, settings: Settings) -> str:
    """What a backup would have to look at, in a few words; empty where nothing changed since the last one."""
    known = read_manifest(bucket)
    if known is None:
        return "there is no backup yet"
    present = known.present
    entries = [entry for entry in lake.files("") if not entry.is_dir]
    changed = sum((entry.size, entry.stamp) != _size_and_stamp(present.get(entry.path)) for entry in entries)
    gone = len(present) - sum(entry.path in present for entry in entries)
    with snapshot(catalog) as connection:
        names = chunk_names(connection)
        tables = [name for name, mark in names.items() if not _is_current(connection, name, mark, known)]
    tables += sorted(known.chunks.keys() - names)
    parts = [f"{changed} changed files" if changed else "", f"{gone} deleted files" if gone else ""]
    parts += [
        f"{len(tables)} changed tables" if tables else "",
        "other settings" if _sha256(_settings_bytes(settings)) != known.settings else "",
    ]
    return ", ".join(part for part in parts if part)


def back_up(
    bucket: Bucket,
    lake: Lake,
    catalog: Catalog,
    settings: Settings,
    *,
    now: datetime | None = None,
    even_if_emptier: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> BackupDone:
    """Brings the bucket up to what is here. One at a time: raises `LeaseLost` where another backup runs, `BackupUnavailable`, and
    `BackupRefused` where most of what the backup holds is gone, unless `even_if_emptier`.

    A file that cannot be copied is named and stops none of the others. `progress` is told files done and files in all.
    """
    moment = now or datetime.now(UTC)
    with lease(catalog, "backup", wait=0) as held:
        known = read_manifest(bucket) or Manifest(moment, HEAD)
        there = bucket.list()
        done = BackupDone()
        with snapshot(catalog) as connection:
            entries = [entry for entry in lake.files("") if not entry.is_dir]
            if not even_if_emptier:
                _refuse_ruins(known, entries, row_counts(connection))
            chunks = _copy_catalog(bucket, connection, known, there, done)
        entries = [entry for entry in lake.files("") if not entry.is_dir]  # anew: what rows name by now is there by now
        files = _copy_lake(bucket, lake, entries, known, there, done, progress)
        gone = {path: kept for path, kept in known.files.items() if path not in files and path not in done.failed}
        done.deleted = sum(kept.deleted_at is None for kept in gone.values())
        kept_until = moment - timedelta(days=settings.backup_keep_deleted_days)
        for path, kept in gone.items():
            since = kept.deleted_at or moment.isoformat()
            if datetime.fromisoformat(since) > kept_until:
                files[path] = replace(kept, deleted_at=since)
            else:
                done.purged += 1
        for path in done.failed:  # what is there of it stays as it was
            if path in known.files:
                files[path] = known.files[path]
        settings_copy = _settings_bytes(settings)
        if known.settings != _sha256(settings_copy) or SETTINGS not in there:
            bucket.put(SETTINGS, settings_copy, _sha256(settings_copy))
        manifest = Manifest(moment, HEAD, files, chunks, _sha256(settings_copy))
        held.check()
        done.changed = NAME not in there or replace(manifest, created_at=known.created_at) != known
        if done.changed:
            data = manifest.to_bytes()
            bucket.put(NAME, data, _sha256(data))
        wanted = {object_of(path) for path in files} | {chunk.name for chunk in chunks.values()} | {NAME, SETTINGS}
        # only below our own folders, and only what the manifest no longer names
        unwanted = {name for name in there if name.startswith(("lake/", "catalog/")) and name not in wanted}
        bucket.delete(unwanted - {object_of(path) for path in done.failed})
        return done


def _copy_catalog(
    bucket: Bucket, connection: Connection, known: Manifest, there: dict[str, Stored], done: BackupDone
) -> dict[str, KeptChunk]:
    chunks: dict[str, KeptChunk] = {}
    for name, mark in chunk_names(connection).items():
        kept = known.chunks.get(name)
        if kept and mark and kept.mark == mark and kept.name in there:
            chunks[name] = kept
            continue
        data, rows = read_chunk(connection, name)
        sha256 = _sha256(data)
        chunk = KeptChunk(f"catalog/{name}-{sha256[:16]}.jsonl.gz", mark, rows, sha256)
        if chunk.name not in there:
            bucket.put(chunk.name, data, sha256)
            done.chunks += 1
        chunks[name] = chunk
    return chunks


def _copy_lake(
    bucket: Bucket,
    lake: Lake,
    entries: Iterable[Entry],
    known: Manifest,
    there: dict[str, Stored],
    done: BackupDone,
    progress: Callable[[int, int], None] | None,
) -> dict[str, KeptFile]:
    files: dict[str, KeptFile] = {}
    changed: list[Entry] = []
    for entry in entries:
        kept, stored = known.files.get(entry.path), there.get(object_of(entry.path))
        if kept and stored and (kept.size, kept.stamp, stored.size) == (entry.size, entry.stamp, entry.size):
            files[entry.path] = replace(kept, deleted_at=None)
            done.unchanged += 1
        else:
            changed.append(entry)
    finished = 0
    with ThreadPoolExecutor(_THREADS) as pool:
        waiting = {}
        queue = iter(changed)
        while True:
            for entry in queue:
                waiting[pool.submit(_copy_file, bucket, lake, entry, known.files.get(entry.path), there.get(object_of(entry.path)))] = entry
                if len(waiting) >= 4 * _THREADS:
                    break
            if not waiting:
                return files
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                entry = waiting.pop(future)
                finished += 1
                try:
                    sent, kept = future.result()
                except NotInLake:
                    continue  # deleted since the listing
                except (OSError, BackupUnavailable) as error:
                    done.failed[entry.path] = str(error)
                    continue
                finally:
                    if progress:
                        progress(finished, len(changed))
                files[entry.path] = kept
                if sent:
                    done.uploaded += 1
                    done.bytes += kept.size
                else:
                    done.unchanged += 1


def _copy_file(bucket: Bucket, lake: Lake, entry: Entry, kept: KeptFile | None, stored: Stored | None) -> tuple[bool, KeptFile]:
    """Sends a file unless the very bytes are there; says whether it did. What changes meanwhile has its turn in the next backup."""
    name = object_of(entry.path)
    if sends_whole(entry.size):
        data = lake.read_bytes(entry.path)
        sha256, md5, size = _sha256(data), hashlib.md5(data, usedforsecurity=False).hexdigest(), len(data)
        if _is_there(size, sha256, md5, kept, stored):
            return False, KeptFile(size, entry.stamp, sha256)
        bucket.put(name, data, sha256)
        return True, KeptFile(size, entry.stamp, sha256)
    with lake.local_file(entry.path) as path:
        before = path.stat()
        sha256, md5 = sums_of(path)
        if _is_there(before.st_size, sha256, md5, kept, stored):
            return False, KeptFile(before.st_size, entry.stamp, sha256)
        bucket.put_file(name, path, sha256)
        after = path.stat()
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise OSError(f"{entry.path} changed while it was copied")
        return True, KeptFile(before.st_size, entry.stamp, sha256)


def _is_there(size: int, sha256: str, md5: str, kept: KeptFile | None, stored: Stored | None) -> bool:
    if stored is None or stored.size != size:
        return False
    return stored.etag == md5 or (kept is not None and kept.sha256 == sha256)


def _is_current(connection: Connection, name: str, mark: str, known: Manifest) -> bool:
    kept = known.chunks.get(name)
    if kept is None:
        return False
    return kept.mark == mark if mark else _sha256(read_chunk(connection, name)[0]) == kept.sha256


def _size_and_stamp(kept: KeptFile | None) -> tuple[int, str] | None:
    return (kept.size, kept.stamp) if kept else None


def _refuse_ruins(known: Manifest, entries: list[Entry], rows: dict[str, int]) -> None:
    """Stops a backup that would put ruins in place of what it holds: a disk that is not mounted, a catalog begun anew."""
    had, has = len(known.present), sum(entry.path in known.present for entry in entries)
    if had >= _MANY and has < had * _LEAST_SHARE:
        raise BackupRefused(f"{had - has} of the {had} files in the backup are gone from the lake; if that is meant, use --even-if-emptier")
    had, has = sum(chunk.rows for chunk in known.chunks.values()), sum(rows.values())
    if had >= _MANY and has < had * _LEAST_SHARE:
        raise BackupRefused(f"the catalog has {has} rows, and the backup {had}; if that is meant, use --even-if-emptier")


def _settings_bytes(settings: Settings) -> bytes:
    """The settings without their secrets."""
    values = {
        f"SOUNDMILL_{name.upper()}": str(value)
        for name in sorted(settings.model_fields_set)
        if not isinstance(value := getattr(settings, name), SecretStr)
    }
    return (json.dumps(values, indent=1) + "\n").encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
