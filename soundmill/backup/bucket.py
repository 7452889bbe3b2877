"""A prefix in an S3 bucket: listed at once, written with checks, encryption and storage class."""

import hashlib
import io
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from soundmill.errors import BackupUnavailable
from soundmill.options import BackupOptions

_WHOLE = 16 << 20  # bytes up to which a file is sent in one piece
_CONNECTIONS = 32
_READ = 1 << 20
_READS = 4


@dataclass(frozen=True)
class Copied:
    """What was read: bytes, and their sha256."""

    size: int
    sha256: str


class Bucket:
    """Objects below `s3://bucket/prefix`. Safe to use from many threads. Raises `BackupUnavailable` when the bucket cannot be used.

    `encryption` is empty, AES256, aws:kms or aws:kms:KEY; `storage_class` empty or one that S3 knows.
    """

    def __init__(self, url: str, endpoint: str = "", encryption: str = "", storage_class: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.netloc:
            raise BackupUnavailable(f"{url!r} is no place for a backup; write it like s3://bucket/prefix")
        import boto3
        from botocore.config import Config

        self.url = url.rstrip("/")
        self._name, self._prefix = parts.netloc, parts.path.strip("/")
        # more than boto's own five attempts: a backup that runs for hours meets every hiccup there is
        config = Config(max_pool_connections=_CONNECTIONS, retries={"mode": "standard", "max_attempts": 8})
        with _failures(self.url):
            self._client: Any = boto3.client("s3", endpoint_url=endpoint or None, config=config)
        self._extra: dict[str, str] = {}
        if encryption:
            kind, _, key = encryption.partition("aws:kms:")
            self._extra["ServerSideEncryption"] = "aws:kms" if key else kind
            if key:
                self._extra["SSEKMSKeyId"] = key
        if storage_class:
            self._extra["StorageClass"] = storage_class

    def key(self, name: str) -> str:
        """The object's key in the bucket."""
        return f"{self._prefix}/{name}" if self._prefix else name

    def list(self) -> dict[str, int]:
        """The size of every object below the prefix, by name."""
        found: dict[str, int] = {}
        skip = len(self.key(""))
        with _failures(self.url):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=self.key("")):
                for entry in page.get("Contents", ()):
                    found[entry["Key"][skip:]] = entry["Size"]
        return found

    def put(self, name: str, data: bytes, sha256: str) -> None:
        """Writes a whole object; the server refuses it where a byte was lost on the way."""
        with _failures(self.url):
            self._client.put_object(Bucket=self._name, Key=self.key(name), Body=data, Metadata={"sha256": sha256}, **self._extra)

    def put_file(self, name: str, path: Path, sha256: str) -> None:
        """Sends a large file in parts."""
        with _failures(self.url):
            extra = {**self._extra, "Metadata": {"sha256": sha256}}
            self._client.upload_file(str(path), self._name, self.key(name), ExtraArgs=extra)

    def get(self, name: str) -> bytes | None:
        """A whole object; None where it is not there."""
        into = io.BytesIO()
        return None if self.copy(name, into) is None else into.getvalue()

    def copy(self, name: str, into: BinaryIO | None) -> "Copied | None":
        """Reads an object to its end, into a seekable file if one is given; None where it is not there.

        A body that breaks off is read again, a few times, before `BackupUnavailable` is raised: it says nothing about what is stored.
        """
        for attempt in range(_READS):
            with _failures(self.url):  # what fails here was tried often enough by boto
                try:
                    body = self._client.get_object(Bucket=self._name, Key=self.key(name))["Body"]
                except self._client.exceptions.NoSuchKey:
                    return None
            if into is not None:
                into.seek(0)
                into.truncate()
            digest, size = hashlib.sha256(), 0
            try:
                with _failures(self.url):
                    for block in body.iter_chunks(_READ):
                        digest.update(block)
                        size += len(block)
                        if into is not None:
                            into.write(block)
                return Copied(size, digest.hexdigest())
            except BackupUnavailable:
                if attempt == _READS - 1:
                    raise
                time.sleep(0.2 * 4**attempt)
        raise AssertionError("the loop returns or raises")

    def delete(self, names: Iterable[str]) -> None:
        """Removes objects."""
        wanted = sorted(names)
        with _failures(self.url):
            for start in range(0, len(wanted), 1000):
                keys = [{"Key": self.key(name)} for name in wanted[start : start + 1000]]
                self._client.delete_objects(Bucket=self._name, Delete={"Objects": keys, "Quiet": True})


def bucket_of(options: BackupOptions, url: str = "") -> Bucket:
    """The bucket of the options, or another with the same manners. Raises `BackupUnavailable`, also where none is set."""
    if not (url or options.url):
        raise BackupUnavailable("no backup is set: SOUNDMILL_BACKUP=s3://bucket/prefix names its place")
    place, lake = f"{(url or options.url).rstrip('/')}/", f"{options.lake_url.rstrip('/')}/"
    if place.startswith(lake) or lake.startswith(place):
        raise BackupUnavailable(
            f"the backup {place} and the lake {lake} lie one inside the other: each would take the other's files for its own"
        )
    return Bucket(url or options.url, options.endpoint, options.encryption, options.storage_class)


def sends_whole(size: int) -> bool:
    """Whether a file of this size goes in one piece, and is read into memory for it."""
    return size <= _WHOLE


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _failures(url: str) -> Iterator[None]:
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "NoSuchKey":
            raise
        raise BackupUnavailable(f"{url}: {error.response.get('Error', {}).get('Message') or error}") from error
    except (BotoCoreError, Boto3Error, ValueError) as error:  # a ValueError is how boto says that an endpoint is none
        raise BackupUnavailable(f"{url}: {error}") from error
