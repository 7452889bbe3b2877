"""Progress toward a target."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from soundmill.catalog import StateCount
from soundmill.ingest.progress import progress_bar, progress_csv, progress_lines, progress_of

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


def test_the_forecast_has_an_interval_that_a_steady_pace_makes_narrow() -> None:
    steady = {date(2026, 1, 19) - timedelta(days=n): 540.0 for n in range(14)}
    found = progress_of(COUNTS, steady, 10.0, NOW)
    assert found.forecast == found.forecast_early == found.forecast_late == NOW.date() + timedelta(days=57)
    uneven = {date(2026, 1, 19): 14 * 540.0}
    found = progress_of(COUNTS, uneven, 10.0, NOW)
    assert found.forecast == NOW.date() + timedelta(days=57)
    assert found.forecast_early
    assert found.forecast_late
    assert found.forecast_early < found.forecast < found.forecast_late


def test_the_interval_holds_the_day_four_times_in_five() -> None:
    """Days to come drawn as the recent ones were: how often the target is reached inside the interval."""
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(300):
        hours = rng.exponential(1.0, 14)
        days = {date(2026, 1, 19) - timedelta(days=n): 3600 * float(hours[n]) for n in range(14)}
        found = progress_of([StateCount("mic", "ready", 1, 0.0)], days, 40.0, NOW)
        reached = NOW.date() + timedelta(days=int(np.searchsorted(np.cumsum(rng.choice(hours, 400)), 40.0)) + 1)
        inside += (
            found.forecast_early is not None and found.forecast_late is not None and found.forecast_early <= reached <= found.forecast_late
        )
    assert 0.74 <= inside / 300 <= 0.92


def test_calls_that_are_still_needed_are_counted_by_their_mean_length() -> None:
    # 89.75 h to go, thirteen calls of 10.25 h in all so far
    found = progress_of([StateCount("downloads", "ready", 26, 10.25 * 3600)], {}, 100.0, NOW, 10.25 * 3600 / 13)
    assert found.conversations_needed == 114
    assert progress_of(COUNTS, {}, 1.0, NOW, 60.0).conversations_needed == 0
    assert progress_of(COUNTS, {}, 10.0, NOW).conversations_needed is None


def test_the_report_names_what_is_left_and_when() -> None:
    lines = progress_lines(progress_of(COUNTS, DAYS, 10.0, NOW, 360.0))
    assert lines[-3].startswith("[█")
    assert lines[-3].endswith("counting every ready file")
    assert lines[-2] == "8.50 h to go, about 85 calls"
    assert "2026-04-10" in lines[-1]
    assert progress_lines(progress_of(COUNTS, DAYS, 1.0, NOW))[-1] == "the target is reached"
    assert "no forecast" in progress_lines(progress_of(COUNTS, {}, 10.0, NOW))[-1]
