"""The spool: half-fetched files on this machine, each with a note of the version it is a part of, and of how much of it is whole."""

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from soundmill.catalog import DownloadQueue
from soundmill.errors import FetchFailed

_PART_DAYS = 7
_BLOCK = 1 << 20
_NOTED_EVERY = 8 << 20  # bytes: a kill loses no more of a file


class Part:
    """The bytes of a file that is on its way, from its first on, for one worker.

    size       bytes that are there; all of them arrived, none twice
    validator  what the server calls this version of the file (an ETag or a date); None where nothing may be gone on with
    length     of the whole file in bytes, where the server said so
    etag       of the version, also where it is too weak to go on with

    What an earlier attempt left is trusted as far as its note has a hash of it, and cut there: after a full disk, a kill or a power cut
    a file may be longer than what arrived.
    """

    def __init__(self, file: BinaryIO, note: Path, url: str) -> None:
        self._file, self._note, self._url = file, note, url
        self._hash, self._noted = hashlib.sha256(), 0
        self.size, self.etag = 0, ""
        self.validator: str | None = None
        self.length: int | None = None
        known = _read_note(note)
        if known.get("url") == url and known.get("validator") and self._is_whole(known.get("size", 0), known.get("sha256", "")):
            self.size = self._noted = known["size"]
            self.validator, self.length, self.etag = known["validator"], known.get("length"), known.get("etag", "")
            file.truncate(self.size)
        else:
            self.clear()

    @property
    def sha256(self) -> bytes:
        """Of the bytes that arrived."""
        return self._hash.digest()

    def begin(self, validator: str | None, etag: str, length: int | None) -> None:
        """Starts over with this version of the file; without a validator it cannot be gone on with."""
        self.clear()
        self.validator, self.etag, self.length = validator, etag, length

    def write(self, block: bytes) -> None:
        """Appends to the file. Raises `OSError`."""
        left = memoryview(block)
        while left:
            written = self._file.write(left)  # unbuffered: a disk that is nearly full takes a part
            self._hash.update(left[:written])
            self.size += written
            left = left[written:]
        if self.size - self._noted >= _NOTED_EVERY:
            self.keep()

    def keep(self) -> None:
        """Notes what is there, so that a later attempt goes on from here."""
        if not self.validator or not self.size:
            return
        values = {"url": self._url, "validator": self.validator, "etag": self.etag, "length": self.length}
        try:
            self._note.write_text(json.dumps({**values, "size": self.size, "sha256": self._hash.hexdigest()}), "utf-8")
        except OSError:  # where there is no room for a note, the next attempt starts over
            self._note.unlink(missing_ok=True)
        self._noted = self.size

    def clear(self) -> None:
        """Forgets what is there."""
        self._note.unlink(missing_ok=True)
        self._file.truncate(0)
        self._hash, self._noted = hashlib.sha256(), 0
        self.size, self.validator, self.length, self.etag = 0, None, None, ""

    def _is_whole(self, size: int, sha256: str) -> bool:
        """Whether the first bytes are those that were noted; afterwards the running hash is theirs."""
        self._file.seek(0)
        while size > 0 and (block := self._file.read(min(size, _BLOCK))):
            self._hash.update(block)
            size -= len(block)
        return size == 0 and self._hash.hexdigest() == sha256


@contextmanager
def open_part(path: Path, url: str) -> Iterator[Part]:
    """What there is of a URL's file, for one worker at a time. Raises `FetchFailed`, `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+b", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FetchFailed("busy", "another worker is fetching this file", transient=True) from None
        yield Part(file, path.with_suffix(".json"), url)


def _read_note(note: Path) -> dict[str, Any]:
    try:
        known = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


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
