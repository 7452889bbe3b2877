"""Calls as the downloader's clients know them, and what they add up to."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from soundmill.catalog import Item
from soundmill.ingest.conversations import (
    by_hour,
    conversations_csv,
    conversations_of,
    entry,
    mean_sound,
    report,
    report_lines,
    summary,
    toward_target,
)
from soundmill.lake import Lake

DAY = date(2026, 1, 5)
TEN = datetime(2026, 1, 5, 10, tzinfo=UTC)


def side(conversation: str, speaker: str, seconds: float, minute: int) -> Item:
    at = (TEN + timedelta(minutes=minute)).isoformat()
    size = round(seconds * 32_000)
    measures: dict[str, Any] = {"conversation": conversation, "speaker": speaker, "fetched_at": at, "bytes": size, "url": "http://a.test/"}
    key = f"downloads/{conversation}/{speaker}"
    return Item(key, "download", "downloads", DAY, "ready", "f", seconds=seconds, path=f"audio/{key}.wav", measures=measures)


ITEMS = [
    side("b", "agent", 600, 90),
    side("b", "customer", 590, 95),
    side("a", "agent", 1200, 5),
    side("a", "customer", 1230, 0),
    side("c", "agent", 60, 0),
]


def test_a_call_counts_when_both_sides_are_there_from_the_moment_of_the_later_one() -> None:
    first, second = conversations_of(ITEMS, ZoneInfo("Europe/Berlin"))
    assert (first.id, first.downloaded_at.isoformat(), first.seconds) == ("a", "2026-01-05T11:05:00+01:00", 1230)
    assert (second.id, second.downloaded_at.hour) == ("b", 12)
    assert mean_sound([first, second]) == 1810
    assert mean_sound([]) == 0


def test_totals_and_the_way_to_a_target_add_up() -> None:
    calls = conversations_of(ITEMS, UTC)
    found = summary(calls)
    assert (found["total_conversations"], found["total_minutes"], found["total_hours"]) == (2, 30.5, 0.51)
    assert found["total_size_mb"] == pytest.approx(sum(one.bytes for one in calls) / 2**20, abs=0.01)
    aim = toward_target(calls, 2.0)
    assert (aim["target_reached"], aim["estimated_conversations_needed"]) == (False, int((2 - 30.5 / 60) / (30.5 / 120)))
    assert toward_target(calls, 0.5)["target_reached"]
    assert toward_target([], 1.0)["estimated_conversations_needed"] == 0
    assert [(hour, row["conversations"]) for hour, row in by_hour(calls).items()] == [("2026-01-05 10:00", 1), ("2026-01-05 11:00", 1)]


def test_the_list_and_its_csv_say_the_same(folder_lake: Lake) -> None:
    calls = conversations_of(ITEMS, UTC)
    first = entry(calls[0], folder_lake)
    row = next(csv.DictReader(io.StringIO(conversations_csv(calls, folder_lake))))
    assert row["conversation_id"] == first["conversation_id"] == "a"
    assert row["agent_filepath"] == first["agent"]["filepath"]
    assert float(row["total_duration_hours"]) == first["total"]["duration_hours"] == round(1230 / 3600, 4)


def test_no_cell_of_the_list_is_a_formula(folder_lake: Lake) -> None:
    bad = "=cmd|' C calc'!A0"
    calls = conversations_of([side(bad, "agent", 60, 0), side(bad, "customer", 60, 0)], UTC)
    row = next(csv.DictReader(io.StringIO(conversations_csv(calls, folder_lake))))
    assert row["conversation_id"] == "'" + bad


def test_a_report_of_no_call_is_a_report() -> None:
    assert report_lines(report([], None, TEN)) == ["calls with both sides: 0, 0.00 h, 0.00 MB"]
    lines = report_lines(report(conversations_of(ITEMS, UTC), 2.0, TEN))
    assert lines[0].startswith("calls with both sides: 2, 0.51 h")
    assert lines[-1] == "counted as calls, each by its longer side: 0.51 h"  # one percentage is enough: that of the collection
