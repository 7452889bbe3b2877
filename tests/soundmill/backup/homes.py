"""Homes with something in every corner, for the tests of backups."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from soundmill.catalog import Annotations, Catalog, DownloadQueue, Item, Ledger, ModelRegistry, Wanted
from soundmill.formats.annotation import Annotation
from soundmill.lake import Lake
from soundmill.options import BackupOptions, backup_options
from soundmill.settings import Settings

DAY = date(2026, 1, 5)
NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)


def settings(folder: Path, **values: Any) -> BackupOptions:
    return backup_options(Settings(**{"home": folder, "_env_file": None, **values}))


def fill(lake: Lake, catalog: Catalog, files: int = 30) -> None:
    """A lake with some files, and a catalog with something in every table that is kept."""
    rng = np.random.default_rng(3)
    for n in range(files):
        lake.write_bytes(f"audio/segments/mic/2026-01-{1 + n % 28:02d}/{n}.wav", rng.bytes(500 + n))
    lake.write_bytes("landing/mic/2026-01-05/Größe 1.wav", b"x" * 3000)
    ledger = Ledger(catalog)
    for n in range(40):
        day = DAY + timedelta(days=n % 4)
        start = datetime(day.year, day.month, day.day, 9, tzinfo=UTC) + timedelta(seconds=n)
        ledger.record(Item(f"mic/{n}", "segment", "mic", day, "ready", "f", started_at=start, seconds=3.25, measures={"max_amp": n}))
    ledger.mark_processed("captured_segments", DAY, "x", None)
    Annotations(catalog).add([Annotation("mic", NOW, NOW + timedelta(seconds=1), "bell", "anna")])
    ModelRegistry(catalog).define("house", {"tags": ["bell"]})
    DownloadQueue(catalog).add([Wanted("call", "agent", "http://a.test/")], NOW)


def content(lake: Lake) -> dict[str, bytes]:
    return {entry.path: lake.read_bytes(entry.path) for entry in lake.files("")}
