"""A prefix in an S3 bucket: listed at once, written with checks, encryption and storage class."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from soundmill.settings import Settings

_WHOLE = 16 << 20  # bytes up to which a file is sent in one piece
_CONNECTIONS = 32
_READ = 1 << 20


class BackupUnavailable(RuntimeError):
    """The bucket cannot be used: not there, not allowed, or not reached."""


@dataclass(frozen=True)
class Stored:
    """An object as the listing has it; `etag` is the MD5 of one sent whole without KMS."""

    size: int
    etag: str


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

    def list(self) -> dict[str, Stored]:
        """Every object below the prefix, by name."""
        found: dict[str, Stored] = {}
        skip = len(self.key(""))
        with _failures(self.url):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=self.key("")):
                for entry in page.get("Contents", ()):
                    found[entry["Key"][skip:]] = Stored(entry["Size"], entry["ETag"].strip('"'))
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
        chunks = self.read(name)
        return None if chunks is None else b"".join(chunks)

    def read(self, name: str) -> Iterator[bytes] | None:
        """An object block by block; None where it is not there."""
        with _failures(self.url):
            try:
                body = self._client.get_object(Bucket=self._name, Key=self.key(name))["Body"]
            except self._client.exceptions.NoSuchKey:
                return None
        return self._blocks(body)

    def _blocks(self, body: Any) -> Iterator[bytes]:
        with _failures(self.url):
            yield from body.iter_chunks(_READ)

    def delete(self, names: Iterable[str]) -> None:
        """Removes objects."""
        wanted = sorted(names)
        with _failures(self.url):
            for start in range(0, len(wanted), 1000):
                keys = [{"Key": self.key(name)} for name in wanted[start : start + 1000]]
                self._client.delete_objects(Bucket=self._name, Delete={"Objects": keys, "Quiet": True})


def bucket_of(settings: Settings, url: str = "") -> Bucket:
    """The bucket of the settings, or another with the same options. Raises `BackupUnavailable`, also where none is set."""
    if not (url or settings.backup):
        raise BackupUnavailable("no backup is set: SOUNDMILL_BACKUP=s3://bucket/prefix names its place")
    endpoint = settings.backup_endpoint or settings.s3_endpoint
    return Bucket(url or settings.backup, endpoint, settings.backup_encryption, settings.backup_storage_class)


def sends_whole(size: int) -> bool:
    """Whether a file of this size goes in one piece, and is read into memory for it."""
    return size <= _WHOLE


def sums_of(path: Path) -> tuple[str, str]:
    """(sha256, md5) of a file, in hexadecimal."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(_READ):
            sha256.update(block)
            md5.update(block)
    return sha256.hexdigest(), md5.hexdigest()


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
    except (BotoCoreError, Boto3Error) as error:
        raise BackupUnavailable(f"{url}: {error}") from error
