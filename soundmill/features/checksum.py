"""Files of networks by their content."""

import hashlib
from functools import lru_cache
from pathlib import Path

from soundmill.errors import ExtractorUnavailable


def checksum(path: Path) -> str:
    """The sha256 of a file; read again only when it was changed."""
    return _checksum_of(path, path.stat().st_mtime_ns)


def checksum_of_network(path: Path | None, title: str, network: str) -> str:
    """The sha256 of the file of a network, called `title` in messages and `network` in settings. Raises `ExtractorUnavailable`."""
    if path is None or not path.is_file():
        raise ExtractorUnavailable(f"no {title} in {path}: soundmill pretrained fetch {network}, or set SOUNDMILL_{network.upper()}_MODEL")
    return checksum(path)


@lru_cache(maxsize=4)
def _checksum_of(path: Path, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
