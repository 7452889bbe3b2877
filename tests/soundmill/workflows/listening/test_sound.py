"""Sound by time: slices equal the samples, whatever files these lie in."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soundmill.audio import wav_bytes
from soundmill.capture import Segmenter, update_segments
from soundmill.catalog import Catalog, Ledger
from soundmill.errors import NoAudio
from soundmill.lake import Lake
from soundmill.workflows.listening import SoundByTime
from tests.soundmill.workflows.listening.recording import DAY, NOON, RATE, SECONDS, Recording, recorded


@pytest.fixture
def recording(folder_lake: Lake, sqlite_catalog: Catalog) -> Recording:
    return recorded(folder_lake, sqlite_catalog)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.integers(-5 * RATE, (SECONDS + 5) * RATE), count=st.integers(1, 12 * RATE))
def test_a_slice_is_the_samples_that_were_recorded_and_zeros_elsewhere(recording: Recording, first: int, count: int) -> None:
    sound = SoundByTime(recording.lake, recording.catalog)
    wanted = np.zeros(count, np.int16)
    left, right = max(first, 0), min(first + count, len(recording.pcm))
    if right <= left:
        with pytest.raises(NoAudio):
            sound.slice("mic", recording.ms + 1000 * first / RATE, count)
        return
    wanted[left - first : right - first] = recording.pcm[left:right]
    found = sound.slice("mic", recording.ms + 1000 * first / RATE, count)
    np.testing.assert_array_equal(found.samples, wanted)
    assert found.sample_rate == RATE
    assert sum(stop - begin for begin, stop in found.gaps) == count - (right - left)


def test_coverage_tells_sound_silence_and_gaps_apart(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    pcm = np.random.default_rng(2).integers(-9000, 9000, 30 * RATE).astype(np.int16)
    pcm[12 * RATE : 18 * RATE] = 0
    folder_lake.write_bytes(f"landing/mic/{DAY}/20260105T120000Z.wav", wav_bytes(pcm, RATE))
    update_segments(folder_lake, Ledger(sqlite_catalog), DAY, Segmenter(sample_rate=RATE, samples=24_000), now=NOON)
    begin = int(NOON.timestamp() * 1000)
    spans = SoundByTime(folder_lake, sqlite_catalog).spans("mic", begin - 60_000, begin + 60_000)
    assert [(span.start - begin, span.end - begin, span.state) for span in spans] == [
        (0, 12_000, "sound"),
        (12_000, 18_000, "silence"),
        (18_000, 30_000, "sound"),
    ]


def test_a_source_whose_rate_changed_is_heard_throughout(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    for minute, rate in ((0, 8000), (1, 16_000)):
        sine = np.rint(9000 * np.sin(2 * np.pi * 440 * np.arange(20 * rate) / rate)).astype(np.int16)
        folder_lake.write_bytes(f"landing/mic/{DAY}/20260105T120{minute}00Z.wav", wav_bytes(sine, rate))
        update_segments(folder_lake, Ledger(sqlite_catalog), DAY, Segmenter(sample_rate=rate, samples=3 * rate), now=NOON)
    sound = SoundByTime(folder_lake, sqlite_catalog)
    begin = NOON.timestamp() * 1000
    together = sound.open("mic", begin, begin + 80_000)
    samples, covered = together.read(round((begin / 1000 + 5) * together.sample_rate), together.sample_rate)
    assert covered.all()
    assert 8000 < np.abs(samples.astype(int)).max() < 9500


def test_a_mark_changes_with_the_sound_under_it_and_with_nothing_else(recording: Recording) -> None:
    sound = SoundByTime(recording.lake, recording.catalog)
    here, later = (sound.mark("mic", recording.ms + at, recording.ms + at + 20_000) for at in (0, 600_000))
    ledger = Ledger(recording.catalog)
    start = datetime(2026, 1, 5, 12, 0, 1, tzinfo=UTC)
    ledger.withdraw("mic", [(start, start.replace(second=5))], (), "captured_segments")
    assert sound.mark("mic", recording.ms, recording.ms + 20_000) != here
    assert sound.mark("mic", recording.ms + 600_000, recording.ms + 620_000) == later
    gone = sound.slice("mic", recording.ms, 9 * RATE)
    assert gone.gaps  # what was withdrawn is heard by nobody
    assert not gone.samples[gone.gaps[0][0] : gone.gaps[0][1]].any()


def test_what_is_not_there_says_so(recording: Recording) -> None:
    sound = SoundByTime(recording.lake, recording.catalog)
    for source in ("porch", "downloads/nobody/agent"):
        with pytest.raises(NoAudio):
            sound.slice(source, recording.ms, 100)
