"""Labels beside the sound they speak of."""

from datetime import UTC, datetime, timedelta

from soundmill.formats.annotation import Annotation
from soundmill.lake import Lake
from soundmill.workflows.labels import outside_sound, start_of_recording
from tests.conftest import wav

TEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
LANDED = f"landing/yard/2026-01-05/{int(TEN.timestamp() * 1000)}_REC0042.wav"


def label(seconds: float, source: str = "yard") -> Annotation:
    return Annotation(source, TEN + timedelta(seconds=seconds), TEN + timedelta(seconds=seconds + 1), "owl")


def test_a_label_file_begins_where_the_recording_of_its_name_does(folder_lake: Lake) -> None:
    folder_lake.write_bytes(LANDED, wav(5))
    assert start_of_recording(folder_lake, "yard", "REC0042") == TEN
    assert start_of_recording(folder_lake, "porch", "REC0042") is None
    assert start_of_recording(folder_lake, "porch", "20260105T100000Z") == TEN


def test_labels_that_no_sound_is_under_are_counted(folder_lake: Lake) -> None:
    folder_lake.write_bytes(LANDED, wav(5))
    assert list(outside_sound(folder_lake, [label(0), label(4.5)])) == []
    found = list(outside_sound(folder_lake, [label(0), label(7200), label(-7200), label(0, "porch")]))
    assert found == [("porch", 1, 1), ("yard", 2, 3)]
