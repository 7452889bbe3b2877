"""Detections as rows: the named tag's margin, and how probable it is."""

import math
from datetime import timedelta

import pyarrow as pa
import pytest

from soundmill.osr.detections import DETECTIONS, detection_rows, score_of
from soundmill.osr.open_set import OpenSet
from soundmill.osr.spec import OTHER
from tests.soundmill.osr.plain import NOON, TEST, UNKNOWN, together


def test_each_segment_has_a_row_with_the_verdict_of_the_model(model: OpenSet) -> None:
    sounds = together(TEST, UNKNOWN)
    number = len(sounds.keys)
    segments = pa.table(
        {
            "key": list(sounds.keys),
            "source": ["mic"] * number,
            "started_at": pa.array([NOON + timedelta(seconds=3 * n) for n in range(number)], pa.timestamp("us", "UTC")),
            "seconds": [3.0] * number,
        }
    )
    found = detection_rows(model, "house", 3, segments, sounds)
    assert found.schema.equals(DETECTIONS.schema)
    names, margins, _, _ = model.verdicts(sounds)
    assert found["tag"].to_pylist() == list(names)
    assert (found["version"][0].as_py(), found["key"].to_pylist()) == (3, list(sounds.keys))
    for row, margin in zip(found.to_pylist(), margins, strict=True):
        assert row["score"] == pytest.approx(max(margin) if row["tag"] == OTHER else margin[model.tags_.index(row["tag"])], abs=1e-5)
        assert (row["score"] >= 0) == (row["tag"] != OTHER)
        assert row["probability"] is None or 0 <= row["probability"] <= 1


def test_for_other_the_nearest_tag_s_margin_counts() -> None:
    assert score_of("bell", {"bell": 0.5, "drum": 0.9}) == 0.5
    assert score_of(OTHER, {"bell": -3.0, "drum": -0.5}) == -0.5
    assert score_of(OTHER, {"bell": -math.inf, "drum": -math.inf}) == -math.inf
