"""Progress toward a target."""

from datetime import UTC, date, datetime, timedelta

import pytest

from soundmill.catalog import StateCount
from soundmill.ingest.progress import progress_bar, progress_csv, progress_of

NOW = datetime(2026, 1, 20, 9, tzinfo=UTC)
COUNTS = [StateCount("mic", "ready", 1200, 3600.0), StateCount("mic", "silent", 100, 300.0), StateCount("porch", "ready", 10, 1800.0)]
DAYS = {date(2026, 1, 19) - timedelta(days=n): 540.0 for n in range(10)}


def test_hours_by_state_and_source_add_up() -> None:
    found = progress_of(COUNTS, DAYS, 10.0, NOW)
    assert found.hours == {"ready": pytest.approx(1.5), "silent": pytest.approx(1 / 12)}
    assert found.raw_hours == pytest.approx(sum(hours for states in found.sources.values() for hours in states.values()))
    assert (found.remaining_hours, found.percent) == (pytest.approx(8.5), pytest.approx(15.0))
    assert not found.target_reached


def test_the_forecast_goes_on_at_the_pace_of_two_weeks() -> None:
    found = progress_of(COUNTS, DAYS, 10.0, NOW)
    assert found.hours_a_day == pytest.approx(1.5 / 14)
    assert found.forecast == NOW.date() + timedelta(days=80)  # 8.5 h at 1.5 h in 14 days
    assert progress_of(COUNTS, {}, 10.0, NOW).forecast is None
    assert progress_of(COUNTS, DAYS, 1.0, NOW).forecast is None
    assert progress_of(COUNTS, {date(2026, 1, 20): 9999.0}, 10.0, NOW).hours_a_day == 0  # today is not over


def test_a_target_is_reached_or_there_is_none() -> None:
    assert progress_of(COUNTS, DAYS, 1.5, NOW).target_reached
    assert progress_of([], {}, None, NOW).target_reached
    assert not progress_of([], {}, 0.1, NOW).target_reached


def test_the_bar_has_forty_characters() -> None:
    assert progress_bar(50) == "[" + "█" * 20 + "░" * 20 + "] 50.0 %"
    assert progress_bar(250).count("█") == 40
    assert len(progress_bar(0).split("]")[0]) == 41


def test_the_csv_names_source_and_state() -> None:
    assert progress_csv(progress_of(COUNTS, DAYS, None, NOW)).splitlines() == [
        "source,state,hours",
        "mic,ready,1.0000",
        "mic,silent,0.0833",
        "porch,ready,0.5000",
    ]
