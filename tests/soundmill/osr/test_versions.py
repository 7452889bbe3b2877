"""Rows of several model versions in one table of a day."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from soundmill.lake import Lake
from soundmill.osr.detections import DETECTIONS
from soundmill.osr.versions import VersionRows

DAY = date(2026, 1, 5)


def rows(version: int, *tags: str) -> pa.Table:
    return DETECTIONS.from_rows(
        {
            "model": "house",
            "version": version,
            "key": f"mic/{number}",
            "source": "mic",
            "started_at": datetime(2026, 1, 5, 9, 0, number, tzinfo=UTC),
            "seconds": 3.0,
            "tag": tag,
            "score": 0.5,
            "probability": None,
        }
        for number, tag in enumerate(tags)
    )


def test_a_version_s_rows_change_and_those_of_the_others_stay(lake: Lake) -> None:
    first, second = (VersionRows(lake, DETECTIONS, "house", version) for version in (1, 2))
    assert (first.made_from(DAY), first.read(DAY).num_rows) == (None, 0)
    first.write(DAY, rows(1, "bell", "other"), "a")
    second.write(DAY, rows(2, "bell"), "b")
    second.write(DAY, rows(2, "drum", "drum", "drum"), "c")
    assert (first.made_from(DAY), second.made_from(DAY)) == ("a", "c")
    assert first.read(DAY)["tag"].to_pylist() == ["bell", "other"]
    assert second.read(DAY)["tag"].to_pylist() == ["drum"] * 3
    assert first.read(DAY, pc.field("tag") == "bell").num_rows == 1


def test_a_version_whose_name_begins_like_another_s_is_another(folder_lake: Lake) -> None:
    VersionRows(folder_lake, DETECTIONS, "house", 1).write(DAY, rows(1, "bell"), "a")
    assert VersionRows(folder_lake, DETECTIONS, "hous", 1).made_from(DAY) is None
    assert VersionRows(folder_lake, DETECTIONS, "house", 11).read(DAY).num_rows == 0
