"""Hourly counts say what came since the one before."""

from datetime import UTC, date, datetime, timedelta

from soundmill.catalog import StateCount
from soundmill.ingest.hourly import FOLDER, hourly_counts, write_hourly
from soundmill.ingest.progress import Progress, progress_of
from soundmill.lake import Lake

NOW = datetime(2026, 1, 20, 9, tzinfo=UTC)
COUNTS = [StateCount("mic", "ready", 1200, 3600.0), StateCount("mic", "silent", 100, 300.0), StateCount("porch", "ready", 10, 1800.0)]


def progress(at: datetime, counts: list[StateCount] = COUNTS) -> Progress:
    return progress_of(counts, {date(2026, 1, 19): 540.0}, 10.0, at)


def test_each_count_says_what_came_since_the_one_before(folder_lake: Lake) -> None:
    first = write_hourly(folder_lake, progress(NOW, COUNTS[:1]))
    assert first["delta"] == {"since": None, "hours": {"ready": 1.0}, "items": {"ready": 1200}, "ready_hours": 1.0}
    later = NOW + timedelta(hours=1)
    second = write_hourly(folder_lake, progress(later))
    assert second["delta"]["since"] == NOW.isoformat()
    assert second["delta"]["items"] == {"ready": 10, "silent": 100}
    assert second["delta"]["ready_hours"] == 0.5
    assert [count["at"] for count in hourly_counts(folder_lake, 5)] == [NOW.isoformat(), later.isoformat()]
    assert [count["at"] for count in hourly_counts(folder_lake, 1)] == [later.isoformat()]


def test_counts_of_more_than_ninety_days_ago_are_removed(lake: Lake) -> None:
    for at in (NOW, NOW + timedelta(days=2), NOW + timedelta(days=91)):
        write_hourly(lake, progress(at))
    assert [count["at"][:10] for count in hourly_counts(lake, 5)] == ["2026-01-22", "2026-04-21"]
    assert lake.exists(f"{FOLDER}/hourly_20260421_0900.json")
