"""Sound by time: stitched without a seam, gaps as zeros."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from soundmill.audio import wav_bytes
from soundmill.capture import SEGMENTS, NoAudioThere, Segmenter, Timeline, update_segments
from soundmill.catalog import Catalog, Ledger
from soundmill.lake import Lake
from tests.conftest import RATE

DAY = date(2026, 1, 5)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
SLOT = 132_352


@pytest.fixture
def stream(folder_lake: Lake, sqlite_catalog: Catalog) -> tuple[Timeline, np.ndarray]:
    """Ten segments' worth of noise, and its timeline."""
    pcm = np.random.default_rng(1).integers(-9000, 9000, 10 * SLOT).astype(np.int16)
    folder_lake.write_bytes("landing/mic/2026-01-05/20260105T120000Z.wav", wav_bytes(pcm, RATE))
    update_segments(folder_lake, Ledger(sqlite_catalog), DAY, Segmenter(), now=NOON)
    return Timeline(folder_lake, folder_lake.read_days(SEGMENTS, [DAY])), pcm


def test_a_stretch_over_many_segments_has_no_seam(stream: tuple[Timeline, np.ndarray]) -> None:
    timeline, pcm = stream
    samples, rate, covered = timeline.read("mic", NOON + timedelta(seconds=1), NOON + timedelta(seconds=25))
    assert (rate, covered, len(samples)) == (RATE, 1.0, 24 * RATE)
    np.testing.assert_array_equal(samples, pcm[RATE : 25 * RATE])


def test_what_is_missing_is_zero_and_told(stream: tuple[Timeline, np.ndarray]) -> None:
    timeline, pcm = stream
    samples, _, covered = timeline.read("mic", NOON - timedelta(seconds=2), NOON + timedelta(seconds=2))
    assert covered == pytest.approx(0.5)
    assert not samples[: 2 * RATE].any()
    np.testing.assert_array_equal(samples[2 * RATE :], pcm[: 2 * RATE])


def test_where_there_is_nothing_it_says_so(stream: tuple[Timeline, np.ndarray]) -> None:
    timeline, _ = stream
    with pytest.raises(NoAudioThere, match="porch"):
        timeline.read("porch", NOON, NOON + timedelta(seconds=1))
    with pytest.raises(NoAudioThere, match="13:00:00"):
        timeline.read("mic", NOON + timedelta(hours=1), NOON + timedelta(hours=1, seconds=1))


def test_the_content_mark_changes_with_the_segments_it_covers(stream: tuple[Timeline, np.ndarray]) -> None:
    timeline, _ = stream
    here = timeline.content("mic", NOON, NOON + timedelta(seconds=2))
    assert here == timeline.content("mic", NOON + timedelta(seconds=1), NOON + timedelta(seconds=2))
    assert here != timeline.content("mic", NOON + timedelta(seconds=4), NOON + timedelta(seconds=5))
