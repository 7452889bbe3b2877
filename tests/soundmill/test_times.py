"""Moments and days, read from what people and programs write."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundmill.errors import UnreadableTime
from soundmill.times import from_ms, hour_in, instant_in_name, parse_days, parse_instant, to_ms

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


@pytest.mark.parametrize(
    ("name", "began"),
    [
        ("20190521T120000+1000_REC.wav", "2019-05-21T02:00:00"),
        ("WOO_20170611_100000+1000.wav", "2017-06-11T00:00:00"),
        ("123_20131012_123456-09_456.wav", "2013-10-12T21:34:56"),
        ("20260105T120000.250+05:30.wav", "2026-01-05T06:30:00.250"),
        ("12345678_20260105_101500.wav", "2026-01-05T10:15:00"),
        ("20070415051314.wav", "2007-04-15T05:13:14"),
        ("20170613-160000.wav", "2017-06-13T16:00:00"),
        ("201905 8T020000_REC.wav", "2019-05-08T02:00:00"),
        ("2024-05-11-15-10-09.wav", "2024-05-11T15:10:09"),
        ("5B07C752.WAV", "2018-05-25T08:20:34"),
        ("CallRecord_20230619-121746_+12192826655.wav", "2023-06-19T12:17:46"),
        ("De03_2019_05_03_08_32_23.wav", "2019-05-03T08:32:23"),
        ("OLONG-CH1_0+1_20171121$143444.wav", "2017-11-21T14:34:44"),
        ("Voice 2024-05-11 15.10.09.wav", "2024-05-11T15:10:09"),
        ("2019-05-21 12.00.00 +1000.wav", "2019-05-21T02:00:00"),
        ("20260107_044808_010+0100.wav", "2026-01-07T03:48:08.010"),
        ("20260107-044802-510.wav", "2026-01-07T04:48:02.510"),
        ("2026-01-07 04-48-06-123.wav", "2026-01-07T04:48:06.123"),
        ("20260107044805010.wav", "2026-01-07T04:48:05.010"),
        ("20190508T 20000_REC.wav", "2019-05-08T02:00:00"),
        ("2019 5 8T020000_REC.wav", "2019-05-08T02:00:00"),
        ("2019 508T020001_REC.wav", "2019-05-08T02:00:01"),
        ("WhatsApp Audio 2024-05-11 at 15.10.09.wav", "2024-05-11T15:10:09"),
        ("WhatsApp Ptt 2024-05-11 at 3.10.09 PM.wav", "2024-05-11T15:10:09"),
        ("WhatsApp Ptt 2024-05-11 at 12.10.09 AM.wav", "2024-05-11T00:10:09"),
        ("2019-05-03_08h32m23s.wav", "2019-05-03T08:32:23"),
        ("20260105T120000.250+05:30 -10 dB.wav", "2026-01-05T06:30:00.250"),
        ("2026-01-05 12-00-00 -10 dB.wav", "2026-01-05T12:00:00"),
        ("20220522_122802_in_+2348012345678.wav", "2022-05-22T12:28:02"),
        ("2348012345678_20260105_101500.wav", "2026-01-05T10:15:00"),
        ("FNQ-RBS_20190102_044802_010.wav", "2019-01-02T04:48:02.010"),
        ("20260105_101500-45.wav", "2026-01-05T10:15:00"),
        ("19691231_190554.WAV", "1969-12-31T19:05:54"),
    ],
)
def test_recorders_and_phones_write_it_in_many_ways(name: str, began: str) -> None:
    assert instant_in_name(name) == datetime.fromisoformat(began).replace(tzinfo=UTC)


def test_a_name_without_an_offset_is_in_the_zone_that_is_given() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert instant_in_name("20260705_120000.wav", berlin) == datetime(2026, 7, 5, 10, tzinfo=UTC)
    assert instant_in_name("20260705_120000Z.wav", berlin) == datetime(2026, 7, 5, 12, tzinfo=UTC)
    assert instant_in_name("1767614400000.wav", berlin) == NOON


@given(st.text(max_size=40))
def test_any_name_gives_a_moment_or_none(name: str) -> None:
    found = instant_in_name(name)
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize(
    "name",
    [
        "+2348012345678.wav",
        "20260105_126100.wav",
        "20260105.wav",
        "2026010510150099.wav",
        "kitchen.wav",
        "take 12.wav",
        "20261305T120000Z.wav",
        "call_40_agent.wav",
        "12345678.wav",
    ],
)
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


def test_the_hour_that_comes_twice_has_its_offset() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    hours = [hour_in(datetime(2026, 10, 24, 22, 30, tzinfo=UTC) + timedelta(hours=n), berlin) for n in range(5)]
    assert hours == [
        "2026-10-25 00:00", "2026-10-25 01:00", "2026-10-25 02:00+0200", "2026-10-25 02:00+0100", "2026-10-25 03:00",
    ]  # fmt: skip
    assert hour_in(datetime(2026, 3, 29, 1, tzinfo=UTC), berlin) == "2026-03-29 03:00"
