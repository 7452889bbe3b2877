"""The manifest: what a backup holds, with sizes, stamps and hashes. It is written last, and a restore believes nothing else."""

import gzip
import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from soundmill.backup.bucket import Bucket
from soundmill.errors import BackupUnavailable

NAME = "manifest.json.gz"
SETTINGS = "config/settings.json"
_FORMAT = 1


@dataclass(frozen=True)
class KeptFile:
    """A file of the lake. `stamp` is its modification time in ns on disk, its ETag in an object store. `deleted_at`: gone from the lake."""

    size: int
    stamp: str
    sha256: str
    deleted_at: str | None = None


@dataclass(frozen=True)
class KeptChunk:
    """Rows of a catalog table: `name` of the object that holds them, `mark` of the state they were read in."""

    name: str
    mark: str
    rows: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Everything in a backup. `chunks` by table and chunk ("items/2026-01-05"); `schema`: the catalog's migration."""

    created_at: datetime
    schema: str
    files: dict[str, KeptFile] = field(default_factory=dict)
    chunks: dict[str, KeptChunk] = field(default_factory=dict)
    settings: str = ""

    @cached_property
    def present(self) -> dict[str, KeptFile]:
        """Files that the lake had, without those deleted since."""
        return {path: kept for path, kept in self.files.items() if kept.deleted_at is None}

    def to_bytes(self) -> bytes:
        """As it lies in the bucket."""
        values = {
            "format": _FORMAT,
            "created_at": self.created_at.isoformat(),
            "schema": self.schema,
            "settings": self.settings,
            "chunks": {name: asdict(chunk) for name, chunk in sorted(self.chunks.items())},
            "files": {path: [kept.size, kept.stamp, kept.sha256, kept.deleted_at] for path, kept in sorted(self.files.items())},
        }
        return gzip.compress(json.dumps(values).encode(), 6, mtime=0)


def object_of(path: str, sha256: str) -> str:
    """The name of the object that a file of the lake is kept in: its path, and a mark of its content.

    What is there is never written over, so that a backup which is killed leaves the one before it whole.
    """
    return f"lake/{path}~{sha256[:16]}"


def read_manifest(bucket: Bucket) -> Manifest | None:
    """The newest manifest; None where there is no backup yet. Raises `BackupUnavailable`, also for one that cannot be read."""
    data = bucket.get(NAME)
    if data is None:
        return None
    try:
        values: dict[str, Any] = json.loads(gzip.decompress(data))
        if values["format"] != _FORMAT:
            raise BackupUnavailable(f"{bucket.url}: the manifest is of format {values['format']}, which needs another version of Soundmill")
        return Manifest(
            datetime.fromisoformat(values["created_at"]),
            values["schema"],
            {path: KeptFile(*kept) for path, kept in values["files"].items()},
            {name: KeptChunk(**chunk) for name, chunk in values["chunks"].items()},
            values["settings"],
        )
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise BackupUnavailable(f"{bucket.url}/{NAME} is damaged: {error}") from error
