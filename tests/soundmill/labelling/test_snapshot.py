"""A day's annotations as a table that changes only when they do."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from soundmill.formats.annotation import Annotation
from soundmill.labelling.snapshot import ANNOTATIONS, write_snapshot
from soundmill.lake import Lake

DAY = date(2026, 1, 5)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
BELL = Annotation("porch", NOON, NOON + timedelta(seconds=2), "bell", "ann", 200.0, 900.0)


def test_two_people_s_equal_labels_are_two_rows_and_bounds_come_back(lake: Lake) -> None:
    assert write_snapshot(lake, DAY, [BELL, replace(BELL, author="ben"), replace(BELL, low_hz=None, high_hz=None)])
    rows = lake.read_days(ANNOTATIONS, [DAY]).to_pylist()
    assert sorted((row["author"], row["low_hz"], row["high_hz"]) for row in rows if row["low_hz"]) == [
        ("ann", 200.0, 900.0),
        ("ben", 200.0, 900.0),
    ]
    assert len(rows) == 3


def test_the_same_labels_in_another_order_change_nothing(lake: Lake) -> None:
    other = replace(BELL, tag="drum")
    assert write_snapshot(lake, DAY, [BELL, other])
    assert not write_snapshot(lake, DAY, [other, BELL])
    assert write_snapshot(lake, DAY, [BELL])
    assert write_snapshot(lake, DAY, [])
    assert lake.read_days(ANNOTATIONS, [DAY]).num_rows == 0
