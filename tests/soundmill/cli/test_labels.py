"""soundmill labels and soundmill ingest: sound and its labels come in and are worked on."""

import json
from pathlib import Path

import pytest

from tests.command import Command
from tests.conftest import wav


def test_audio_comes_in_is_labelled_and_worked_on(soundmill: Command, tmp_path: Path) -> None:
    folder = tmp_path / "sd card"
    folder.mkdir()
    for hour in (9, 10):
        (folder / f"20250301T{hour:02d}0000Z.wav").write_bytes(wav(7.0))
    assert "2 files landed for garden" in soundmill("ingest", str(folder), "--source", "garden")
    assert len(json.loads(soundmill("ingest", str(folder), "--source", "garden", "--json"))["landed"]) == 2
    (tmp_path / "track.txt").write_text("1.0\t3.0\twren\n")
    place = ("--source", "garden", "--started-at", "2025-03-01T09:00:00Z")
    assert "1 of 1 annotation new" in soundmill("labels", "import", str(tmp_path / "track.txt"), "--format", "audacity", *place)
    assert "0 of 1 annotation new" in soundmill("labels", "import", str(tmp_path / "track.txt"), "--format", "audacity", *place)
    exported = soundmill("labels", "export", "--days", "2025-03-01")
    assert "garden,2025-03-01T09:00:01+00:00,2025-03-01T09:00:03+00:00,wren" in exported
    done = json.loads(soundmill("materialize", "day", "--from", "2025-02-28", "--to", "2025-03-01", "--json"))
    assert {(row["asset"], row["partition"]) for row in done} >= {("captured_segments", "2025-02-28"), ("detections", "2025-03-01")}
    (segments,) = (row["metadata"] for row in done if (row["asset"], row["partition"]) == ("captured_segments", "2025-03-01"))
    assert segments["segments"] == 4
    progress = json.loads(soundmill("progress", "--json"))
    assert progress["hours"]["ready"] == pytest.approx(14 / 3600)
    assert "█" in soundmill("progress", "--target-hours", "0.001")
    soundmill("progress", "--target-hours", "5", code=1)
