"""Catalogs in SQLite whose tables are made once and copied."""

import tempfile
from functools import cache
from pathlib import Path

from soundmill.catalog import open_catalog


@cache
def _empty_sqlite() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "catalog.db"
        open_catalog(f"sqlite:///{file}").close()
        return file.read_bytes()


def sqlite_in(folder: Path) -> str:
    """The URL of a catalog in a folder, with tables that were made once and copied."""
    file = folder / "catalog.db"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_empty_sqlite())
    return f"sqlite:///{file}"
