"""The champion on samples: the same verdict as the asset's."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from soundmill.audio import read_pcm
from soundmill.capture import SEGMENTS, Segmenter
from soundmill.catalog import ModelRegistry
from soundmill.errors import NoChampion
from soundmill.osr.detections import DETECTIONS
from soundmill.workflows.live import Detector
from soundmill.workflows.live.detector import window_across_boundary
from tests.home import DAYS, Home

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def detector(home: Home) -> Detector:
    return Detector(home.lake, ModelRegistry(home.catalog), Segmenter(), home.resources["collection"].zone)


def test_a_segment_has_the_verdict_that_the_table_has(built_home: Home) -> None:
    one = detector(built_home)
    rows = {row["key"]: row for row in built_home.lake.read_days(DETECTIONS, DAYS[2:]).to_pylist()}
    for segment in built_home.lake.read_days(SEGMENTS, DAYS[2:]).to_pylist()[:8]:
        pcm, rate = read_pcm(built_home.lake.read_bytes(segment["path"]))
        verdict = one.detect(pcm, rate, segment["started_at"])
        row = rows[segment["key"]]
        assert (verdict.tag, verdict.seconds) == (row["tag"], pytest.approx(row["seconds"]))
        assert verdict.score == pytest.approx(row["score"], abs=1e-4)
        assert set(verdict.margins) == {"doorbell", "kettle", "knocking"}


def test_without_a_champion_it_says_so(local_home: Home) -> None:
    with pytest.raises(NoChampion, match="soundmill model promote"):
        detector(local_home).champion()


def test_the_window_across_a_boundary_holds_both_halves() -> None:
    earlier, samples = np.arange(10, dtype=np.int16), np.arange(100, 108, dtype=np.int16)
    found = window_across_boundary(earlier, samples, NOON, 4)
    assert found is not None
    start, window = found
    assert (start, window.tolist()) == (NOON - timedelta(seconds=1), [6, 7, 8, 9, 100, 101, 102, 103])
    assert window_across_boundary(earlier[:3], samples, NOON, 4) is None
    assert window_across_boundary(earlier, samples[:1], NOON, 4) is None
