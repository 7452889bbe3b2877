"""The spool keeps parts that may be gone on with, and no others."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from soundmill.catalog import Catalog, DownloadQueue, Wanted
from soundmill.ingest.spool import remove_part, sweep_spool

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)


def part(spool: Path, number: int, at: datetime = NOW) -> Path:
    spool.mkdir(exist_ok=True)
    path = spool / f"{number}.part"
    path.write_bytes(b"half")
    path.with_suffix(".json").write_text("{}")
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def test_what_is_queued_stays_for_a_week_and_what_is_settled_goes(catalog: Catalog, tmp_path: Path) -> None:
    queue = DownloadQueue(catalog)
    queue.add([Wanted("a", "agent", "http://a.test/"), Wanted("b", "agent", "http://a.test/")], NOW)
    first, second = sorted(queue.queued_among(range(100)))
    fresh, old, settled = (
        part(tmp_path / "spool", first),
        part(tmp_path / "spool", second, NOW - timedelta(days=8)),
        part(tmp_path / "spool", 99),
    )
    (tmp_path / "spool" / "note.part").write_bytes(b"not ours")
    sweep_spool(tmp_path / "spool", queue, NOW)
    assert (fresh.exists(), fresh.with_suffix(".json").exists()) == (True, True)
    assert not any(path.exists() for gone in (old, settled) for path in (gone, gone.with_suffix(".json")))
    assert (tmp_path / "spool" / "note.part").exists()


def test_a_spool_that_is_not_there_and_a_part_that_is_gone_are_no_trouble(sqlite_catalog: Catalog, tmp_path: Path) -> None:
    sweep_spool(tmp_path / "nowhere", DownloadQueue(sqlite_catalog), NOW)
    remove_part(tmp_path / "7.part")
