"""The lake: day tables (Parquet) and blobs (audio, models, reports) under one root, on any fsspec file system.

Writes are atomic (written aside, then renamed; on object stores a single put), so a reader sees the old bytes or the new ones.
"""

import glob
import io
import itertools
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs
import pyarrow.parquet as pq
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from soundmill.disk import need_room
from soundmill.errors import BlobDiscarded, DamagedTable, NotInLake
from soundmill.times import parse_day

_PARTIAL = ".partial"
_COPY = "soundmill-lake-"  # files and folders for temporary copies of a bucket's objects
LEFT_SECONDS = 3600.0  # after which a file that is half written is nobody's any more
_MADE_FROM = b"soundmill.made_from"
_SCHEMA_VERSION = b"soundmill.schema_version"


def column(name: str, kind: pa.DataType, description: str, nullable: bool = False) -> pa.Field:
    """A column with what it holds, as the UI and the documentation show it; never null unless `nullable`."""
    return pa.field(name, kind, nullable=nullable, metadata={"description": description})


@dataclass(frozen=True)
class DayTable:
    """A table with one file a day: its columns, and the columns it is sorted by."""

    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    version: int = 1

    def empty(self) -> pa.Table:
        """The table without rows."""
        return self.schema.empty_table()

    def from_rows(self, rows: Iterable[dict[str, Any]]) -> pa.Table:
        """Rows as an Arrow table of this schema."""
        return pa.Table.from_pylist(list(rows), schema=self.schema)


_declared: dict[str, DayTable] = {}


def day_table(name: str, schema: pa.Schema, key: tuple[str, ...], version: int = 1) -> DayTable:
    """Declares a table of the lake, once, beside the code that writes it; `declared_tables` lists them."""
    table = _declared[name] = DayTable(name, schema, key, version)
    return table


def declared_tables() -> tuple[DayTable, ...]:
    """Every table that the modules imported so far declare, in order of name."""
    return tuple(_declared[name] for name in sorted(_declared))


@dataclass(frozen=True, slots=True)
class Entry:
    """A listed file: path below the lake's root, bytes, and a stamp that changes when the file does."""

    path: str
    size: int
    stamp: str
    is_dir: bool = False


class PendingBlob:
    """A blob on its way: `file` takes its bytes, `commit` puts it in place, `discard` leaves nothing.

    Both may be called from any thread; after the first of them the other does nothing, or raises.
    """

    def __init__(self, file: BinaryIO, aside: str, place: Callable[[], None]) -> None:
        self.file, self._aside, self._place = file, aside, place
        self._lock = threading.Lock()
        self._is_over = False
        self._is_discarded = False

    def sync(self) -> None:
        """Brings what was written to the disk, so that `commit` takes no time."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def commit(self) -> None:
        """Puts the blob in place; nothing happens the second time. Raises `BlobDiscarded`, `OSError`."""
        with self._lock:
            if self._is_discarded:
                raise BlobDiscarded(f"{self._aside} was discarded")
            if not self._is_over:
                self.sync()
                self.file.close()
                self._place()
                self._is_over = True

    def discard(self) -> None:
        """Drops the blob; nothing happens where it is in place."""
        with self._lock:
            if not self._is_over:
                self._is_over = self._is_discarded = True
                try:
                    self.file.close()
                except OSError:
                    pass  # a full disk takes not even what is in the buffer
                Path(self._aside).unlink(missing_ok=True)


class Lake:
    """Tables and blobs below `url`: a folder, or anything fsspec opens, such as s3://bucket/prefix."""

    def __init__(self, url: str, **storage_options: Any) -> None:
        self.url = url
        self.fs, root = url_to_fs(url, **storage_options)
        self.root = root.rstrip("/")
        self.is_local = isinstance(self.fs, LocalFileSystem)

    def __repr__(self) -> str:
        return f"Lake({self.url!r})"

    def need_room(self, least_free: int) -> None:
        """Raises `DiskFull` where fewer bytes are free on the disk of a local lake; a bucket has room."""
        if self.is_local:
            need_room(Path(self.root), least_free)

    # blobs

    def full_path(self, path: str) -> str:
        """Where a path below the root lies on its file system. Raises `ValueError` for one that would leave the root."""
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts:
            raise ValueError(f"{path!r} does not stay inside the lake")
        return f"{self.root}/{path}"

    def address(self, path: str) -> str:
        """A path for people: absolute on disk, or the object's URL."""
        full = self.full_path(path)
        return full if self.is_local else str(self.fs.unstrip_protocol(full))

    def exists(self, path: str) -> bool:
        """Whether a file lies at the path."""
        full = self.full_path(path)
        return os.path.isfile(full) if self.is_local else bool(self.fs.isfile(full))

    def read_bytes(self, path: str) -> bytes:
        """A whole blob. Raises `NotInLake`."""
        full = self.full_path(path)
        try:
            return Path(full).read_bytes() if self.is_local else bytes(self.fs.cat_file(full))
        except FileNotFoundError:
            raise NotInLake(f"{self.address(path)} is not there") from None

    def read_start(self, path: str, size: int) -> bytes | None:
        """The first bytes of a blob, at most `size`; None where it is not there."""
        try:
            return self.read_range(path, 0, size)
        except NotInLake:
            return None

    def read_range(self, path: str, start: int, end: int) -> bytes:
        """Bytes `start` to `end` of a blob. Raises `NotInLake`."""
        full = self.full_path(path)
        try:
            if self.is_local:
                with open(full, "rb") as file:
                    file.seek(start)
                    return file.read(end - start)
            return bytes(self.fs.cat_file(full, start=start, end=end))
        except FileNotFoundError:
            raise NotInLake(f"{self.address(path)} is not there") from None

    def write_bytes(self, path: str, data: bytes) -> None:
        """Writes a whole blob, atomically."""
        if not self.is_local:
            self.fs.pipe_file(self.full_path(path), data)
            return
        with self.writer(path) as file:
            file.write(data)

    def write_if_changed(self, path: str, data: bytes) -> bool:
        """Writes a blob unless the same bytes are there already; says whether it wrote."""
        try:
            if self.read_bytes(path) == data:
                return False
        except NotInLake:
            pass
        self.write_bytes(path, data)
        return True

    @contextmanager
    def writer(self, path: str) -> Iterator[BinaryIO]:
        """A seekable file that becomes the blob when the block ends well, and leaves nothing when it does not."""
        blob = self.pending(path)
        try:
            yield blob.file
            blob.commit()
        except BaseException:
            blob.discard()
            raise

    def pending(self, path: str) -> "PendingBlob":
        """A blob that is written aside, and put in place or dropped later."""
        full = self.full_path(path)
        if self.is_local:
            folder, name = os.path.split(full)
            os.makedirs(folder, exist_ok=True)
            partial = os.path.join(folder, f".{name}.{secrets.token_hex(6)}{_PARTIAL}")
            return PendingBlob(open(partial, "w+b"), partial, lambda: os.replace(partial, full))
        handle, aside = tempfile.mkstemp(prefix=_COPY)

        def upload() -> None:
            self.fs.put_file(aside, full)
            os.unlink(aside)

        return PendingBlob(os.fdopen(handle, "w+b"), aside, upload)

    @contextmanager
    def local_file(self, path: str) -> Iterator[Path]:
        """The blob as a file on this machine: itself, or a copy that goes when the block ends. Raises `NotInLake`."""
        full = self.full_path(path)
        if self.is_local:
            if not os.path.lexists(full):
                raise NotInLake(f"{full} is not there")
            yield Path(full)
            return
        with tempfile.TemporaryDirectory(prefix=_COPY) as folder:
            copy = Path(folder) / PurePosixPath(path).name
            try:
                self.fs.get_file(full, str(copy))
            except FileNotFoundError:
                raise NotInLake(f"{self.address(path)} is not there") from None
            yield copy

    def delete(self, path: str) -> None:
        """Removes a blob; nothing happens where there is none."""
        full = self.full_path(path)
        try:
            os.unlink(full) if self.is_local else self.fs.rm_file(full)
        except FileNotFoundError:
            pass

    def folders(self, prefix: str) -> list[str]:
        """Names of the folders right below a prefix, sorted."""
        full = self.full_path(prefix)
        if self.is_local:
            try:
                with os.scandir(full) as entries:
                    return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
            except FileNotFoundError:
                return []
        try:
            return sorted(info["name"].rsplit("/", 1)[-1] for info in self.fs.ls(full, detail=True) if info["type"] == "directory")
        except FileNotFoundError:
            return []

    def files(self, prefix: str) -> Iterator[Entry]:
        """Every file below a prefix (of the whole lake where it is empty), hidden and half-written ones left out; on disk also empty
        folders named like files."""
        full = self.full_path(prefix) if prefix else self.root
        if self.is_local:
            yield from _walk(full, len(self.root) + 1)
            return
        try:
            found = self.fs.find(full, detail=True)
        except FileNotFoundError:
            return
        for name, info in found.items():
            path = name[len(self.root) + 1 :]
            if not any(part.startswith(".") for part in path.split("/")) and not path.endswith("/"):
                stamp = str(info.get("ETag") or info.get("LastModified") or info.get("mtime") or "").strip('"')
                yield Entry(path, int(info["size"] or 0), stamp)

    def sweep_partials(self, older_than_seconds: float, now: float, *below: str) -> int:
        """Removes what a killed process left half written, everywhere or below folders (of which `*` stands for any of a name): files on
        disk, and everywhere in a bucket uploads in parts, which S3 keeps until somebody completes them, and copies in this machine's folder
        for temporary files. Returns how many."""
        if not self.is_local:
            copies = _remove_copies(older_than_seconds, now)
            return copies if below else copies + self._abort_uploads(older_than_seconds, now)
        removed = 0
        folders = [folder for one in below for folder in glob.iglob(one, root_dir=self.root)] if below else [""]
        for folder, _, names in itertools.chain.from_iterable(os.walk(os.path.join(self.root, folder)) for folder in folders):
            for name in names:
                if name.startswith(".") and name.endswith(_PARTIAL):
                    path = os.path.join(folder, name)
                    try:
                        if now - os.stat(path).st_mtime > older_than_seconds:
                            os.unlink(path)
                            removed += 1
                    except FileNotFoundError:
                        pass
        return removed

    def _abort_uploads(self, older_than_seconds: float, now: float) -> int:
        if "s3" not in self.fs.protocol:
            return 0
        bucket, _, prefix = f"{self.root}/".partition("/")
        uploads = self.fs.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=prefix).get("Uploads", [])
        old = [upload for upload in uploads if now - upload["Initiated"].timestamp() > older_than_seconds]
        for upload in old:
            self.fs.call_s3("abort_multipart_upload", Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        return len(old)

    # day tables

    def table_path(self, table: DayTable, day: date) -> str:
        """Where a day of a table lies below the root."""
        return f"tables/{table.name}/{day.isoformat()}.parquet"

    def days(self, table: DayTable) -> list[date]:
        """Days for which the table has a file, in order."""
        return sorted(
            parse_day(PurePosixPath(entry.path).stem) for entry in self.files(f"tables/{table.name}") if entry.path.endswith(".parquet")
        )

    def write_day(self, table: DayTable, day: date, rows: pa.Table, made_from: str) -> bool:
        """Writes a day, sorted by key; `made_from` is a fingerprint of what it was made from. Says whether bytes changed. What a killed
        writer left of the table long ago goes."""
        metadata = {_SCHEMA_VERSION: str(table.version).encode(), _MADE_FROM: made_from.encode()}
        rows = rows.select(table.schema.names).cast(table.schema).sort_by([(name, "ascending") for name in table.key])
        texts = [field.name for field in table.schema if pa.types.is_string(field.type)]
        buffer = io.BytesIO()
        pq.write_table(rows.replace_schema_metadata(metadata), buffer, compression="zstd", use_dictionary=texts)
        path = self.table_path(table, day)
        if self.is_local:
            self.sweep_partials(LEFT_SECONDS, time.time(), path.rpartition("/")[0])
        return self.write_if_changed(path, buffer.getvalue())

    def made_from(self, table: DayTable, day: date) -> str | None:
        """The fingerprint a day was written with, from the file's footer alone; None where there is no such file or no schema of now."""
        full = self.full_path(self.table_path(table, day))
        try:
            with self.fs.open(full, "rb") as file:
                metadata = pq.read_schema(file).metadata or {}
        except (OSError, pa.ArrowInvalid):
            return None  # not there, or damaged: either way it is to be made
        if metadata.get(_SCHEMA_VERSION) != str(table.version).encode():
            return None
        return bytes(metadata[_MADE_FROM]).decode()

    def read_days(
        self, table: DayTable, days: Iterable[date], columns: Sequence[str] | None = None, where: pc.Expression | None = None
    ) -> pa.Table:
        """The rows of many days as one Arrow table, in order of day and key. Days without a file add no rows.

        Only the named columns are read, and only the files of these days are opened. Raises `DamagedTable`.
        """
        wanted = sorted(set(days))
        present = [day for day in wanted if self.exists(self.table_path(table, day))] if len(wanted) <= 3 else self._present(table, wanted)
        names = list(columns) if columns is not None else table.schema.names
        if not present:
            return table.empty().select(names)
        paths = [self.full_path(self.table_path(table, day)) for day in present]
        filesystem = None if self.is_local else pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(self.fs))
        try:
            return ds.dataset(paths, schema=table.schema, format="parquet", filesystem=filesystem).to_table(columns=names, filter=where)
        except (pa.ArrowInvalid, OSError) as error:
            raise DamagedTable(f"a file of {table.name} is damaged ({error}); delete it and materialise its day again") from error

    def _present(self, table: DayTable, wanted: list[date]) -> list[date]:
        have = set(self.days(table))
        return [day for day in wanted if day in have]


def open_lake(url: str, s3_endpoint: str = "") -> Lake:
    """The lake at a folder or URL; S3 listings are never cached, because other processes write too."""
    if not url.startswith("s3://"):
        return Lake(str(Path(url).absolute()) if "://" not in url else url)
    client = {"endpoint_url": s3_endpoint} if s3_endpoint else {}
    return Lake(url, client_kwargs=client, use_listings_cache=False, skip_instance_cache=True)


def _walk(folder: str, skip: int) -> Iterator[Entry]:
    """Files below a folder by scandir: 100,000 of them in a fraction of a second."""
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    except PermissionError:
        yield Entry(folder[skip:], 0, "unreadable folder", is_dir=True)
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path = entry.path[skip:]
        try:
            if entry.is_dir(follow_symlinks=False):
                if "." in entry.name and _is_empty(entry.path):
                    yield Entry(path, 0, "empty folder", is_dir=True)
                yield from _walk(entry.path, skip)
                continue
            stat = entry.stat()
            if entry.is_dir():  # a link to a folder: not followed, because it may lead in circles
                yield Entry(path, 0, "link to a folder", is_dir=True)
                continue
        except FileNotFoundError:
            if entry.is_symlink():
                yield Entry(path, 0, "dangling link")
            continue  # else renamed or removed since the listing
        except OSError as error:
            yield Entry(path, 0, f"unreadable: {error.strerror}")
            continue
        yield Entry(path, stat.st_size, str(stat.st_mtime_ns))


def _is_empty(folder: str) -> bool:
    try:
        with os.scandir(folder) as scan:
            return next(scan, None) is None
    except PermissionError:
        return False  # the walk itself lists it as unreadable


def _remove_copies(older_than_seconds: float, now: float) -> int:
    """Removes temporary copies of ours that a killed process left."""
    removed = 0
    for path in Path(tempfile.gettempdir()).glob(f"{_COPY}*"):
        try:
            facts = path.lstat()
            if facts.st_uid != os.getuid() or now - facts.st_mtime <= older_than_seconds:
                continue
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            removed += 1
        except FileNotFoundError:
            pass
    return removed
