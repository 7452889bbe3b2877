"""Copying what changed: first the catalog, then the lake, and the manifest last.

Rows are read before files are listed, so that every file a row names is in the copy. Objects are named by their content: none is written
over, those that nothing names any longer go when the new manifest stands, and those that a killed backup sent are not sent again.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from soundmill.backup.bucket import Bucket, sends_whole, sha256_of
from soundmill.backup.catalog_copy import chunk_names, read_chunk, row_counts, snapshot
from soundmill.backup.manifest import NAME, SETTINGS, KeptChunk, KeptFile, Manifest, object_of, read_manifest
from soundmill.catalog import CLIPS_FOLDER, TAKES_FOLDER, Catalog, DownloadQueue, Ledger, Releases, Takes, lease
from soundmill.catalog.database import HEAD
from soundmill.catalog.takes import path_hash
from soundmill.errors import BackupRefused, BackupUnavailable, NotInLake
from soundmill.lake import Entry, Lake
from soundmill.options import BackupOptions

_THREADS = 16
_MANY, _LEAST_SHARE = 20, 0.5  # a backup of so many files or rows is not replaced by less than that share of them


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


def pending(bucket: Bucket, lake: Lake, catalog: Catalog, options: BackupOptions) -> str:
    """What a backup would have to look at, in a few words; empty where nothing changed since the last one."""
    known = read_manifest(bucket)
    if known is None:
        return "there is no backup yet"
    present = known.present
    listed = list(lake.files(""))
    entries = [entry for entry in listed if not _problem(entry) and not entry.is_dir]
    changed = sum((entry.size, entry.stamp) != _size_and_stamp(present.get(entry.path)) for entry in entries)
    gone = _gone(present, entries, [entry.path for entry in listed if _problem(entry)])
    with snapshot(catalog) as connection:
        names = chunk_names(connection, datetime.now(UTC))
        tables = [name for name, mark in names.items() if not _is_current(connection, name, mark, known)]
    tables += sorted(known.chunks.keys() - names)
    parts = [f"{changed} changed files" if changed else "", f"{len(gone)} deleted files" if gone else ""]
    parts += [
        f"{len(tables)} changed tables" if tables else "",
        "other settings" if _sha256(_settings_bytes(options)) != known.settings else "",
    ]
    return ", ".join(part for part in parts if part)


def back_up(
    bucket: Bucket,
    lake: Lake,
    catalog: Catalog,
    options: BackupOptions,
    *,
    now: datetime | None = None,
    even_if_emptier: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> BackupDone:
    """Brings the bucket up to what is here. One at a time: raises `LeaseLost` where another backup runs, `BackupUnavailable`, and
    `BackupRefused` where most of what the backup holds is gone, unless `even_if_emptier`.

    A file that cannot be copied is named and stops none of the others. `progress` is called with files done and files in all.
    """
    moment = now or datetime.now(UTC)
    with lease(catalog, "backup", wait=0) as held:
        known = read_manifest(bucket) or Manifest(moment, HEAD)
        there = bucket.list()
        done = BackupDone()
        with snapshot(catalog) as connection:
            if not even_if_emptier:
                _refuse_ruin(
                    "rows of the catalog", sum(chunk.rows for chunk in known.chunks.values()), sum(row_counts(connection).values())
                )
            chunks = _copy_catalog(bucket, connection, moment, known, there, done)
        entries = list(lake.files(""))  # now: what rows name is there by now
        if not even_if_emptier:
            _refuse_ruin("files of the lake", len(known.present), len(known.present.keys() & {entry.path for entry in entries}))
        done.failed = {entry.path: problem for entry in entries if (problem := _problem(entry))}
        entries = [entry for entry in entries if not entry.is_dir and entry.path not in done.failed]
        files = _copy_lake(bucket, lake, entries, known, there, done, progress)
        gone = _gone(known.files, entries, list(done.failed))
        done.deleted = sum(known.files[path].deleted_at is None for path in gone)
        kept_until = moment - timedelta(days=options.keep_deleted_days)
        # not kept a day: somebody wants them gone
        taken_back = DownloadQueue(catalog).withdrawn_paths() | Ledger(catalog).withdrawn_paths()
        taken_back |= {path for path in known.files if path.startswith(f"{CLIPS_FOLDER}/")} - Releases(catalog).living_paths()
        hashes = Takes(catalog).withdrawn_path_hashes()
        taken_back |= {path for path in known.files if path.startswith(f"{TAKES_FOLDER}/") and path_hash(path) in hashes}
        for path, kept in known.files.items():
            if path in files:
                continue
            if path not in gone:  # it could not be read: what is there of it stays as it was
                files[path] = kept
            elif path in taken_back or path.startswith(("audio/originals/", "unfinished/")):
                done.purged += 1
            elif datetime.fromisoformat(since := kept.deleted_at or moment.isoformat()) > kept_until:
                files[path] = replace(kept, deleted_at=since)
            else:
                done.purged += 1
        settings_copy = _settings_bytes(options)
        if known.settings != _sha256(settings_copy) or SETTINGS not in there:
            bucket.put(SETTINGS, settings_copy, _sha256(settings_copy))
        manifest = Manifest(moment, HEAD, files, chunks, _sha256(settings_copy))
        held.check()
        done.changed = NAME not in there or replace(manifest, created_at=known.created_at) != known
        if done.changed:
            data = manifest.to_bytes()
            bucket.put(NAME, data, _sha256(data))
        wanted = {object_of(path, kept.sha256) for path, kept in files.items()} | {chunk.name for chunk in chunks.values()}
        # only below our own folders, and only what the manifest no longer names
        bucket.delete(name for name in there if name.startswith(("lake/", "catalog/")) and name not in wanted)
        return done


def _copy_catalog(
    bucket: Bucket, connection: Connection, moment: datetime, known: Manifest, there: dict[str, int], done: BackupDone
) -> dict[str, KeptChunk]:
    chunks: dict[str, KeptChunk] = {}
    for name, mark in chunk_names(connection, moment).items():
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
    there: dict[str, int],
    done: BackupDone,
    progress: Callable[[int, int], None] | None,
) -> dict[str, KeptFile]:
    files: dict[str, KeptFile] = {}
    changed: list[Entry] = []
    for entry in entries:
        kept = known.files.get(entry.path)
        stored = kept and there.get(object_of(entry.path, kept.sha256))
        if kept and (kept.size, kept.stamp, stored) == (entry.size, entry.stamp, entry.size):
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
                waiting[pool.submit(_copy_file, bucket, lake, entry, there)] = entry
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
                except (OSError, ValueError, BackupUnavailable) as error:  # a ValueError: a name that is no text
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


def _copy_file(bucket: Bucket, lake: Lake, entry: Entry, there: dict[str, int]) -> tuple[bool, KeptFile]:
    """Sends a file unless the very bytes are there; says whether it did. What changes meanwhile has its turn in the next backup."""
    if sends_whole(entry.size):
        data = lake.read_bytes(entry.path)
        kept = KeptFile(len(data), entry.stamp, _sha256(data))
        name = object_of(entry.path, kept.sha256)
        if is_new := there.get(name) != kept.size:
            bucket.put(name, data, kept.sha256)
        return is_new, kept
    with lake.local_file(entry.path) as path:
        before = path.stat()
        kept = KeptFile(before.st_size, entry.stamp, sha256_of(path))
        name = object_of(entry.path, kept.sha256)
        if is_new := there.get(name) != kept.size:
            bucket.put_file(name, path, kept.sha256)
            after = path.stat()
            if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                bucket.delete([name])
                raise OSError(f"{entry.path} changed while it was copied")
        return is_new, kept


def _problem(entry: Entry) -> str:
    """Why a listed entry cannot be copied; empty where it can, and for an empty folder."""
    if entry.is_dir and entry.stamp != "empty folder":
        return entry.stamp
    return entry.stamp if entry.stamp.startswith(("dangling", "unreadable")) else ""


def _gone(known: Mapping[str, KeptFile], entries: Iterable[Entry], unreadable: Sequence[str]) -> set[str]:
    """Those of the known files that are no longer in the lake; what lies in folders that cannot be read is not known to be gone."""
    there = {entry.path for entry in entries}
    hidden = tuple(f"{path}/" for path in unreadable)
    return {path for path in known if path not in there and path not in unreadable and not path.startswith(hidden)}


def _is_current(connection: Connection, name: str, mark: str, known: Manifest) -> bool:
    kept = known.chunks.get(name)
    if kept is None:
        return False
    if mark and kept.mark:
        return kept.mark == mark
    return _sha256(read_chunk(connection, name)[0]) == kept.sha256


def _size_and_stamp(kept: KeptFile | None) -> tuple[int, str] | None:
    return (kept.size, kept.stamp) if kept else None


def _refuse_ruin(what: str, had: int, has: int) -> None:
    """Stops a backup that would put ruins in place of what it holds: a disk that is not mounted, a catalog begun anew."""
    if had >= _MANY and has < had * _LEAST_SHARE:
        raise BackupRefused(f"of {had} {what} in the backup, {has} are left here; if that is meant, use --even-if-emptier")


def _settings_bytes(options: BackupOptions) -> bytes:
    """The settings that are set, without secrets and passwords."""
    return (json.dumps(dict(options.settings), indent=1) + "\n").encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
