"""Moments and days, read from what people and programs write."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundmill.errors import UnreadableTime
from soundmill.times import from_ms, instant_in_name, parse_days, parse_instant, to_ms

NOON = datetime(2026, 1, 5, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["2026-01-05T12:00:00Z", "2026-01-05 12:00:00", "2026-01-05T14:00:00+02:00", "1767614400000", " 2026-01-05T12:00:00.000+00:00 "],
)
def test_one_moment_in_many_spellings(text: str) -> None:
    assert parse_instant(text) == NOON


@pytest.mark.parametrize(
    "name",
    [
        "20260105T120000Z.wav",
        "20260105_120000.WAV",
        "2026-01-05_12-00-00.flac",
        "SITE7_20260105_120000.wav",
        "1767614400000.wav",
        "1767614400000_kitchen.wav",
        "rec 2026-01-05 12:00:00.mp3",
    ],
)
def test_a_recorder_s_file_name_tells_when_it_began(name: str) -> None:
    assert instant_in_name(name) == NOON


def test_a_fraction_in_the_name_counts() -> None:
    assert instant_in_name("20260105T120000.250Z.wav") == NOON + timedelta(milliseconds=250)


@pytest.mark.parametrize("name", ["kitchen.wav", "take 12.wav", "20261305T120000Z.wav", "call_40_agent.wav", "12345678.wav"])
def test_other_names_tell_nothing(name: str) -> None:
    assert instant_in_name(name) is None


def test_days_come_as_lists_and_ranges() -> None:
    assert parse_days("2026-01-09, 2026-01-01..2026-01-03") == (date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3), date(2026, 1, 9))
    assert parse_days("") == ()
    assert len(parse_days("2024-02-28..2024-03-01")) == 3  # a leap day between
    with pytest.raises(UnreadableTime, match="ends before it begins"):
        parse_days("2026-01-05..2026-01-01")
    with pytest.raises(UnreadableTime, match="January"):
        parse_days("January")


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone(timedelta(hours=5.5)))))
def test_milliseconds_and_moments_agree(moment: datetime) -> None:
    assert abs(from_ms(to_ms(moment)) - moment) <= timedelta(microseconds=500)
    assert to_ms(from_ms(to_ms(moment))) == to_ms(moment)
