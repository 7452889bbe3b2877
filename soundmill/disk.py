"""Room on the disk, of which some is always left: for the catalog, and for people who clear up."""

import errno
import shutil
from pathlib import Path

from soundmill.errors import DiskFull


def need_room(folder: Path, least_free: int) -> None:
    """Raises `DiskFull` where fewer than `least_free` bytes are free where a folder lies, or is to lie."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < least_free:
        raise DiskFull(errno.ENOSPC, f"only {free / 1e6:.0f} MB are free where {folder} lies, and {least_free / 1e6:.0f} are to stay so")
