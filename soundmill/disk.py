"""Room on the disk, of which some is always left: for the catalog, and for people who clear up; and small files, written whole."""

import errno
import secrets
import shutil
from pathlib import Path

from soundmill.errors import DiskFull


def need_room(folder: Path, least_free: int) -> None:
    """Raises `DiskFull` where fewer than `least_free` bytes are free where a folder lies, or is to lie."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < least_free:
        raise DiskFull(errno.ENOSPC, f"only {free / 1e6:.0f} MB are free where {folder} lies, and {least_free / 1e6:.0f} are to stay so")


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes a small file: readers see the old one or the new. What cannot be written, as on a full disk, leaves nothing behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{secrets.token_hex(6)}.partial")
    try:
        aside.write_bytes(content.encode() if isinstance(content, str) else content)
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
