"""A day's recordings that may hold speech, each as a file, and the mark that says when speech is to be made again."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from soundmill.audio import read_pcm
from soundmill.capture import SEGMENTS, Timeline
from soundmill.catalog import TRAINING_CLIPS, AudioCollection
from soundmill.options import SpeechOptions
from soundmill.workflows.transcription import audio_file, recordings_of, speech_marks
from tests.home import DAYS, Home


def test_segments_of_a_day_are_recordings_whose_file_holds_their_samples(built_home: Home) -> None:
    lake = built_home.lake
    (recording, *more) = recordings_of(lake, built_home.catalog, DAYS[0])
    assert more == []
    segments = lake.read_days(SEGMENTS, [DAYS[0]])
    assert recording.paths == tuple(segments["path"].to_pylist())
    parts = [read_pcm(lake.read_bytes(path))[0] for path in recording.paths]
    with audio_file(lake, Timeline(lake, segments), recording) as path:
        heard, rate = read_pcm(path.read_bytes())
        np.testing.assert_array_equal(heard[: len(parts[0])], parts[0])
        assert abs(len(heard) - sum(map(len, parts))) <= 44 * len(parts)  # segments lie where their millisecond says
        assert rate == segments["sample_rate"][0].as_py()
    assert not path.exists()


def test_a_day_s_mark_changes_with_its_recordings_and_with_what_is_looked_for(built_home: Home, tmp_path: Path) -> None:
    options = SpeechOptions(tmp_path / "no-model")
    first = speech_marks(built_home.ledger, options)
    assert set(first) == set(DAYS)
    assert speech_marks(built_home.ledger, options, [DAYS[0]]) == {DAYS[0]: first[DAYS[0]]}
    other = speech_marks(built_home.ledger, replace(options, keywords=("bell",)))
    assert all(other[day] != first[day] for day in DAYS)
    built_home.ledger.mark_processed("captured_segments", DAYS[0], "anew", built_home.ledger.processed("captured_segments")[DAYS[0]])
    later = speech_marks(built_home.ledger, options)
    assert [day for day in DAYS if later[day] != first[day]] == [DAYS[0]]


def test_training_clips_and_the_demo_are_not_transcribed(built_home: Home) -> None:
    (recording,) = recordings_of(built_home.lake, built_home.catalog, DAYS[0])
    AudioCollection(built_home.catalog).set_apart(f"landing/{recording.source}/", TRAINING_CLIPS)
    assert recordings_of(built_home.lake, built_home.catalog, DAYS[0]) == []
