"""Events of a file."""

from pathlib import Path

import pytest

from soundmill.errors import UndecodableAudio
from soundmill.labelling.snapshot import ANNOTATIONS
from soundmill.times import midnight
from soundmill.workflows.live.files import events_in_file
from tests.home import DAYS, Home
from tests.soundmill.workflows.live.test_detector import detector


def test_sounds_in_a_file_are_events_where_they_sound(built_home: Home) -> None:
    (landed,) = built_home.lake.files(f"landing/mic/{DAYS[2]}")
    found = events_in_file(detector(built_home), Path(built_home.lake.full_path(landed.path)))
    nine = 9 * 3600
    labels = [
        (row["tag"], (row["start"] - midnight(DAYS[2])).total_seconds() - nine, (row["end"] - midnight(DAYS[2])).total_seconds() - nine)
        for row in built_home.lake.read_days(ANNOTATIONS, DAYS[2:]).to_pylist()
    ]
    right = [event for event in found if any(event.tag == tag and event.onset < end and event.offset > start for tag, start, end in labels)]
    assert len(right) >= 6
    assert len(right) >= 0.8 * len(found)
    assert [event.onset for event in found] == sorted(event.onset for event in found)


def test_what_is_no_sound_is_refused(built_home: Home, tmp_path: Path) -> None:
    (tmp_path / "page.wav").write_text("<html>")
    with pytest.raises(UndecodableAudio):
        events_in_file(detector(built_home), tmp_path / "page.wav")
