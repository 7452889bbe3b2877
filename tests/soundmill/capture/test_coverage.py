"""Coverage: seconds expected, heard, silent, missing and doubled."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundmill.capture import coverage_of
from soundmill.catalog import Item

START = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)


def segment(at: float, seconds: float = 3.0, state: str = "ready", source: str = "mic", clipped: int = 0) -> Item:
    return Item(
        key=f"{source}{at}{state}",
        kind="segment",
        source=source,
        day=date(2026, 1, 5),
        state=state,  # type: ignore[arg-type]
        fingerprint="",
        started_at=START + timedelta(seconds=at),
        seconds=seconds,
        measures={"samples": round(seconds * 1000), "clipped": clipped},
    )


def test_a_day_with_a_gap_an_overlap_and_silence() -> None:
    rows = coverage_of(
        [
            segment(0),
            segment(3, state="silent"),
            segment(6, clipped=300),
            segment(10),
            segment(12),
            segment(0, source="porch"),
            segment(20, state="duplicate"),
        ]
    )
    mic, porch = rows.to_pylist()
    assert {name: pytest.approx(mic[name]) for name in ("expected", "captured", "silent", "gap", "overlap", "clipped")} == {
        "expected": 15.0,
        "captured": 12.0,
        "silent": 3.0,
        "gap": 1.0,
        "overlap": 1.0,
        "clipped": 0.3,
    }
    assert (porch["source"], porch["expected"], porch["segments"]) == ("porch", 3.0, 1)


def test_a_start_rounded_to_the_millisecond_is_no_gap() -> None:
    (row,) = coverage_of([segment(n * 3.0012 + (0.0005 if n % 2 else -0.0005), 3.0012) for n in range(100)]).to_pylist()
    assert row["gap"] == 0
    assert row["overlap"] == 0


def test_no_segment_no_row() -> None:
    assert len(coverage_of([])) == 0


@given(st.lists(st.tuples(st.floats(0, 80_000), st.floats(0.1, 20), st.sampled_from(["ready", "silent"])), min_size=1, max_size=30))
def test_seconds_always_add_up(spans: list[tuple[float, float, str]]) -> None:
    (row,) = coverage_of([segment(at, seconds, state) for at, seconds, state in spans]).to_pylist()
    assert row["expected"] == pytest.approx(row["captured"] + row["silent"] + row["gap"] - row["overlap"], abs=1e-6)
    assert min(row["gap"], row["overlap"], row["expected"]) >= 0


def captured(moment: datetime, seconds: float = 3.0) -> Item:
    place = {"session": round(1000 * moment.timestamp()), "position": 0}
    return replace(segment(0, seconds), started_at=moment, day=moment.date(), measures={"samples": 3000, "clipped": 0, **place})


def test_a_day_of_which_nothing_was_recorded_is_missing_where_a_capture_ran_before_and_after() -> None:
    before, after = captured(START - timedelta(days=2)), captured(START + timedelta(days=1, hours=4))
    days = [START.date() + timedelta(days=n) for n in (-2, -1, 0, 1)]
    own = {days[0]: [before], days[3]: [after]}
    beside = {days[0]: (None, after), days[1]: (before, after), days[2]: (before, after), days[3]: (before, None)}
    rows = [coverage_of(own.get(day, []), {"mic": beside[day]}, day).to_pylist()[0] for day in days]
    assert [row["gap"] for row in rows] == [14 * 3600 - 3, 86_400, 86_400, 14 * 3600]
    assert [row["segments"] for row in rows] == [1, 0, 0, 1]
    files = segment(0), segment(90_000 * 3)
    assert len(coverage_of([], {"mic": files}, days[2])) == 0  # files that nobody captured promise nothing
