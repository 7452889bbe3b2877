"""Files of networks by their content."""

import hashlib
from functools import lru_cache
from pathlib import Path


def checksum(path: Path) -> str:
    """The sha256 of a file; read again only when it was changed."""
    return _checksum_of(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _checksum_of(path: Path, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
