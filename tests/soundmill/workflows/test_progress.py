"""Counts of the collection, and whether tables and ledger agree."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from soundmill.capture import SEGMENTS
from soundmill.workflows.progress import FOLDER, Count, count_collection, keep_hourly, unreconciled
from tests.home import DAYS, Home

ZONE = ZoneInfo("UTC")
NOW = datetime(2025, 1, 9, 12, tzinfo=UTC)


def count(home: Home, target: float | None, now: datetime = NOW) -> Count:
    return count_collection(home.lake, home.catalog, ZONE, target, now)


def test_a_count_is_written_for_programs_for_tables_and_for_people(built_home: Home) -> None:
    found = count(built_home, 5.0)
    figures = json.loads(built_home.lake.read_bytes(f"{FOLDER}/progress.json"))
    assert figures["ready_hours"] == found.progress.ready_hours > 0
    assert built_home.lake.read_bytes(f"{FOLDER}/progress.png") == found.plot
    assert built_home.lake.exists(f"{FOLDER}/conversations.csv")
    assert (found.conversations, found.is_reached) == (0, False)


def test_a_target_is_newly_reached_once_and_another_target_anew(built_home: Home) -> None:
    first = count(built_home, 0.01)
    keep_hourly(built_home.lake, first)
    second = count(built_home, 0.01, NOW + timedelta(hours=1))
    third = count(built_home, 0.02, NOW + timedelta(hours=1))
    assert [(one.is_reached, one.is_newly_reached) for one in (first, second, third)] == [(True, True), (True, False), (True, True)]
    assert not count(built_home, None).is_reached


def test_a_table_that_lost_rows_or_is_damaged_is_named_with_both_figures(built_home: Home) -> None:
    lake = built_home.lake
    assert unreconciled(lake, built_home.catalog) == ([], 3)
    rows = lake.read_days(SEGMENTS, [DAYS[0]])
    lake.write_day(SEGMENTS, DAYS[0], rows.slice(1), made_from="lost one")
    lake.write_bytes(lake.table_path(SEGMENTS, DAYS[1]), b"damaged")
    (lost, damaged), compared = unreconciled(lake, built_home.catalog)
    assert lost.startswith(f"captured_segments {DAYS[0]}: ")
    assert str(DAYS[1]) in damaged
    assert compared == 3
    with built_home.catalog.writing() as session:
        built_home.ledger.mark_stale(session, "captured_segments", [DAYS[0]])
    assert len(unreconciled(lake, built_home.catalog)[0]) == 1  # a day that is to be made again is not compared
