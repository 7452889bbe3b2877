"""Sound by time: stitched without a seam, gaps as zeros."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from soundmill.audio import wav_bytes
from soundmill.capture import SEGMENTS, Segmenter, Timeline, update_segments
from soundmill.catalog import Catalog, Ledger
from soundmill.errors import NoAudio
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


def test_an_interval_over_many_segments_has_no_seam(stream: tuple[Timeline, np.ndarray]) -> None:
    timeline, pcm = stream
    samples, rate, covered = timeline.read("mic", NOON + timedelta(seconds=1), NOON + timedelta(seconds=25))
    assert (rate, covered, len(samples)) == (RATE, 1.0, 24 * RATE)
    np.testing.assert_array_equal(samples, pcm[RATE : 25 * RATE])


def test_what_is_missing_is_zero_and_reported(stream: tuple[Timeline, np.ndarray]) -> None:
    timeline, pcm = stream
    samples, _, covered = timeline.read("mic", NOON - timedelta(seconds=2), NOON + timedelta(seconds=2))
    assert covered == pytest.approx(0.5)
    assert not samples[: 2 * RATE].any()
    np.testing.assert_array_equal(samples[2 * RATE :], pcm[: 2 * RATE])


def test_where_there_is_nothing_it_says_so(stream: tuple[Timeline, np.ndarray]) -> None:
    timeline, _ = stream
    with pytest.raises(NoAudio, match="porch"):
        timeline.read("porch", NOON, NOON + timedelta(seconds=1))
    with pytest.raises(NoAudio, match="13:00:00"):
        timeline.read("mic", NOON + timedelta(hours=1), NOON + timedelta(hours=1, seconds=1))


def test_the_content_mark_changes_with_the_segments_it_covers(stream: tuple[Timeline, np.ndarray]) -> None:
    timeline, _ = stream
    here = timeline.content("mic", NOON, NOON + timedelta(seconds=2))
    assert here == timeline.content("mic", NOON + timedelta(seconds=1), NOON + timedelta(seconds=2))
    assert here != timeline.content("mic", NOON + timedelta(seconds=4), NOON + timedelta(seconds=5))


def spans(count: int, drift: float = 0.0, jump_at: int = -1) -> list[dict[str, object]]:
    """Rows of a session whose crystal is `drift` fast; at one segment the machine's clock was set forward by three seconds."""
    rows = []
    for number in range(count):
        moment = NOON + timedelta(seconds=number * SLOT / RATE / (1 + drift) + (3.0 if 0 <= jump_at <= number else 0.0))
        row = {"source": "mic", "started_at": moment.replace(microsecond=moment.microsecond // 1000 * 1000), "seconds": SLOT / RATE}
        rows.append({**row, "sample_rate": RATE, "path": f"{number}.wav", "content_hash": "", "session": 1, "position": number * SLOT})
    return rows


def of_rows(lake: Lake, rows: list[dict[str, object]]) -> Timeline:
    for number in range(len(rows)):
        lake.write_bytes(f"{number}.wav", wav_bytes(np.full(SLOT, number + 1, np.int16), RATE))
    return Timeline(lake, pa.Table.from_pylist(rows))


def test_an_hour_of_a_fast_crystal_has_no_seam_and_nothing_missing(folder_lake: Lake) -> None:
    timeline = of_rows(folder_lake, spans(1200, drift=100e-6))
    rate, pieces = timeline.pieces("mic", NOON, NOON + timedelta(hours=1))
    found = list(pieces)
    assert all(there for _, there in found)
    samples = sum(len(piece) for piece, _ in found)
    assert samples == pytest.approx(3600 * rate * (1 + 100e-6), abs=2 * rate / 1000)  # as many as the crystal made of the hour


def test_where_the_clock_was_set_there_is_a_seam(folder_lake: Lake) -> None:
    timeline = of_rows(folder_lake, spans(6, jump_at=3))
    samples, rate, covered = timeline.read("mic", NOON, NOON + timedelta(seconds=21))
    assert covered == pytest.approx(18.007 / 21, abs=0.001)
    assert samples[rate * 10] == 0  # the three seconds by which it was set
    assert samples[rate * 13] == 4


@pytest.mark.parametrize("begin", [0.5, 5.0, 7.123, 21.0])
def test_moments_are_exact_to_the_sample_within_a_recording(stream: tuple[Timeline, np.ndarray], begin: float) -> None:
    timeline, pcm = stream
    samples, _, _ = timeline.read("mic", NOON + timedelta(seconds=begin), NOON + timedelta(seconds=begin + 2))
    np.testing.assert_array_equal(samples, pcm[round(begin * RATE) : round(begin * RATE) + 2 * RATE])


@pytest.mark.parametrize("begin", [5.0, 3.25, 11.0])
def test_moments_are_exact_to_the_sample_within_a_capture_s_run(folder_lake: Lake, begin: float) -> None:
    pcm = np.random.default_rng(2).integers(-9000, 9000, 6 * SLOT).astype(np.int16)
    rows = spans(6)
    for number, row in enumerate(rows):
        row["session"] = int(NOON.timestamp() * 1000)
        folder_lake.write_bytes(f"{number}.wav", wav_bytes(pcm[number * SLOT : (number + 1) * SLOT], RATE))
    timeline = Timeline(folder_lake, pa.Table.from_pylist(rows))
    samples, _, covered = timeline.read("mic", NOON + timedelta(seconds=begin), NOON + timedelta(seconds=begin + 1))
    assert covered == 1.0
    np.testing.assert_array_equal(samples, pcm[round(begin * RATE) : round(begin * RATE) + RATE])
