"""Keeping sets as the original recorder kept them, while a studio runs.

Its two files are written anew when takes come or go; where a backup is set, the folders of sets that `/recorder` serves are copied to
`labelled_audio_v2/<set>` in the backup's bucket every three minutes.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Collection

from sqlalchemy.exc import SQLAlchemyError

from soundmill.backup.bucket import bucket_of
from soundmill.catalog import TAKES_FOLDER, Catalog, Prompts, Takes, lease
from soundmill.catalog.takes import path_hash
from soundmill.errors import LeaseLost, SoundmillError, UnknownPrompts
from soundmill.lake import Lake
from soundmill.options import BackupOptions
from soundmill.workflows.takes.original import ACTIVE, METADATA, RECORDINGS, original_files, write_original

log = logging.getLogger("soundmill.recorder")
BUCKET_FOLDER = "labelled_audio_v2"
_AT_MOST_EVERY = 1.0  # seconds between two writes of a set's files
_SHARE = 0.1  # of the time that writing may take: a set of many thousand takes is written less often
_LOOK_EVERY = 60.0  # seconds: for what another process changed, and holds that are over
_BACKUP_EVERY = 180.0


class Originals:
    """Sets that are kept; use as a context manager. `changed` is called by whoever changed one."""

    def __init__(
        self, lake: Lake, catalog: Catalog, options: BackupOptions, copied: Collection[str] = (), every: float = _BACKUP_EVERY
    ) -> None:
        self._lake, self._catalog, self._options, self._every = lake, catalog, options, every
        self._copied = tuple(copied)
        self._changed = set[str]()
        self._lock, self._news, self._stopped = threading.Lock(), threading.Event(), threading.Event()
        self._sent: dict[str, str] = {}  # the stamp of each file as it was sent last, by its path in the bucket
        self._threads = [threading.Thread(target=self._write, name="originals")]
        if options.url and self._copied:
            self._threads.append(threading.Thread(target=self._copy, name="originals backup"))

    def __enter__(self) -> "Originals":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._news.set()
        for thread in self._threads:
            thread.join()

    def changed(self, name: str) -> None:
        """Takes or holds of a set changed."""
        with self._lock:
            self._changed.add(name)
        self._news.set()

    def _write(self) -> None:
        looked = -_LOOK_EVERY
        while True:
            is_last, names = self._stopped.is_set(), list[str]()
            try:
                if time.monotonic() - looked >= _LOOK_EVERY:
                    looked = time.monotonic()
                    with self._lock:
                        self._changed |= {one.name for one in Prompts(self._catalog).all()}
                with self._lock:
                    names, self._changed = sorted(self._changed), set()
            except (OSError, SoundmillError, SQLAlchemyError):  # the catalog may be away for a while
                log.exception("looking for prompt sets")
            began = time.monotonic()
            for name in names:
                try:
                    write_original(self._lake, self._catalog, name)
                except UnknownPrompts:
                    continue  # it is gone
                except (OSError, SoundmillError, SQLAlchemyError):  # the disk may be full, too
                    log.exception("the original's files of %s could not be written", name)
                    self.changed(name)
            if is_last:
                return
            self._stopped.wait(max(_AT_MOST_EVERY, (time.monotonic() - began) / _SHARE))
            self._news.wait(_LOOK_EVERY)
            self._news.clear()

    def _copy(self) -> None:
        while True:
            is_last = self._stopped.wait(self._every)
            for name in self._copied:
                try:
                    with lease(self._catalog, f"original backup {name}", wait=0):
                        if is_last:
                            write_original(self._lake, self._catalog, name)
                        copy_original(self._lake, self._catalog, self._options, name, self._sent)
                except LeaseLost:
                    continue  # another process of the studio is at it
                except (OSError, SoundmillError, SQLAlchemyError):
                    log.exception("%s could not be copied to the backup's bucket; the next try is in %g s", name, self._every)
            if is_last:
                return


def copy_original(lake: Lake, catalog: Catalog, options: BackupOptions, name: str, sent: dict[str, str]) -> int:
    """Copies what changed of a set's folder to the backup's bucket, and deletes there what was withdrawn; returns how many files it sent.

    `sent` remembers the stamps of files from call to call. Raises `BackupUnavailable`, `OSError`.
    """
    bucket = bucket_of(options, f"{options.url.rstrip('/')}/{BUCKET_FOLDER}/{name}")
    there, folder, copied = bucket.list(), f"{TAKES_FOLDER}/{name}", 0
    withdrawn = Takes(catalog).withdrawn_path_hashes()
    found = [entry for entry in lake.files(folder) if not entry.is_dir]
    for entry in found:
        file = entry.path.removeprefix(f"{folder}/")
        if file not in (METADATA, ACTIVE) and not file.startswith(f"{RECORDINGS}/"):
            continue
        is_there = sent.get(f"{name}/{file}") == entry.stamp if f"{name}/{file}" in sent else file.startswith(RECORDINGS)
        is_there = is_there and (f"{name}/{file}" in sent or path_hash(entry.path) not in withdrawn)  # its name may have been another's
        if not is_there or there.get(file) != entry.size:
            data = lake.read_bytes(entry.path)
            bucket.put(file, data, hashlib.sha256(data).hexdigest())
            copied += 1
        sent[f"{name}/{file}"] = entry.stamp
    kept = {entry.path for entry in found}
    paths = {file: f"{folder}/{file}" for file in there}
    bucket.delete(file for file, path in paths.items() if path not in kept and path_hash(path) in withdrawn)
    return copied


def purge_originals(lake: Lake, catalog: Catalog, options: BackupOptions) -> int:
    """Deletes from `labelled_audio_v2` what was withdrawn, also of sets that no studio serves any longer; returns how many files that
    were. Raises `BackupUnavailable`."""
    bucket = bucket_of(options, f"{options.url.rstrip('/')}/{BUCKET_FOLDER}")
    withdrawn = Takes(catalog).withdrawn_path_hashes()
    there = bucket.list() if withdrawn else {}
    gone = [file for file in there if path_hash(f"{TAKES_FOLDER}/{file}") in withdrawn and not lake.exists(f"{TAKES_FOLDER}/{file}")]
    bucket.delete(gone)
    for name in sorted({file.partition("/")[0] for file in gone}):
        for file, data in original_files(catalog, name).items():
            bucket.put(f"{name}/{file}", data, hashlib.sha256(data).hexdigest())
    return len(gone)
