"""Reading a backup back, byte by byte: whether every object is what the manifest says."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from soundmill.backup.bucket import Bucket
from soundmill.backup.manifest import SETTINGS, Manifest, object_of, read_manifest
from soundmill.errors import BackupUnavailable

_THREADS = 16


@dataclass
class Verified:
    """`objects` that are as they should be, with their `bytes`; names of those `missing` and `damaged`."""

    objects: int = 0
    bytes: int = 0
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether everything is there and whole."""
        return not (self.missing or self.damaged)


def manifest_of(bucket: Bucket) -> Manifest:
    """The manifest of a backup that has to be there. Raises `BackupUnavailable`."""
    manifest = read_manifest(bucket)
    if manifest is None:
        raise BackupUnavailable(f"there is no backup at {bucket.url}")
    return manifest


def expected(manifest: Manifest) -> dict[str, str]:
    """The sha256 that each object should have, by name; also of files that are gone from the lake and still kept."""
    files = {object_of(path, kept.sha256): kept.sha256 for path, kept in manifest.files.items()}
    return {**files, **{chunk.name: chunk.sha256 for chunk in manifest.chunks.values()}, SETTINGS: manifest.settings}


def verify(bucket: Bucket, progress: Callable[[int, int], None] | None = None) -> Verified:
    """Reads every object that the manifest names and compares its hash. Raises `BackupUnavailable`."""
    wanted = expected(manifest_of(bucket))
    found = Verified()

    def read(item: tuple[str, str]) -> tuple[str, str, int]:
        name, sha256 = item
        copied = bucket.copy(name, None)
        if copied is None:
            return name, "missing", 0
        return name, "whole" if copied.sha256 == sha256 else "damaged", copied.size

    with ThreadPoolExecutor(_THREADS) as pool:
        for number, (name, state, size) in enumerate(pool.map(read, sorted(wanted.items())), 1):
            if state == "whole":
                found.objects += 1
                found.bytes += size
            else:
                (found.missing if state == "missing" else found.damaged).append(name)
            if progress:
                progress(number, len(wanted))
    return found
