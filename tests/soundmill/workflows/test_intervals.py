"""What a source recorded between two moments, as a file."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from soundmill.catalog import Catalog
from soundmill.errors import InputRefused, NoAudio
from soundmill.lake import Lake
from soundmill.workflows.intervals import macrosegment, write_interval
from tests.soundmill.capture.landed import NOON, RATE, land, sound

SECOND = timedelta(seconds=1)


def test_gaps_are_silence_and_are_named(folder_lake: Lake, sqlite_catalog: Catalog, tmp_path: Path) -> None:
    land(folder_lake, sqlite_catalog, [0, 2, 3])
    found = write_interval(folder_lake, "mic", NOON + SECOND, NOON + 8 * SECOND, tmp_path / "out.wav")
    assert (found.seconds, found.gaps, found.missing) == (7.0, ((2.0, 5.0),), 3.0)
    heard, rate = sf.read(tmp_path / "out.wav", dtype="int16")
    assert rate == RATE
    np.testing.assert_array_equal(heard[: 2 * RATE], sound(0)[RATE:])
    assert not heard[2 * RATE : 5 * RATE].any()
    assert found.labels is not None
    whole = write_interval(folder_lake, "mic", NOON, NOON + SECOND, tmp_path / "out.wav")
    assert (whole.gaps, whole.labels, found.labels.exists()) == ((), None, False)


def test_what_cannot_be_written_leaves_nothing(folder_lake: Lake, sqlite_catalog: Catalog, tmp_path: Path) -> None:
    land(folder_lake, sqlite_catalog, [0])
    with pytest.raises(InputRefused, match="ends in none of"):
        write_interval(folder_lake, "mic", NOON, NOON + SECOND, tmp_path / "out.doc")
    with pytest.raises(NoAudio):
        write_interval(folder_lake, "porch", NOON, NOON + SECOND, tmp_path / "out.wav")
    with pytest.raises(OSError, match="cannot be written"):
        write_interval(folder_lake, "mic", NOON, NOON + SECOND, tmp_path / "nowhere" / "out.wav")
    assert not list(tmp_path.glob("out*"))


def test_a_macrosegment_reaches_two_segments_to_either_side(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    land(folder_lake, sqlite_catalog, [0, 1, 2])
    assert macrosegment(folder_lake, "mic", NOON + 4 * SECOND) == (NOON - 3 * SECOND, NOON + 12 * SECOND)
    with pytest.raises(NoAudio, match="no segment at"):
        macrosegment(folder_lake, "mic", NOON + 20 * SECOND)
