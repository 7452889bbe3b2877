"""soundmill detect: events of files with the champion."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from soundmill.capture import SEGMENTS
from soundmill.cli import app
from soundmill.cli.detect import follower_of
from soundmill.osr.detections import DETECTIONS
from soundmill.times import midnight, to_ms
from tests.command import Command
from tests.home import DAYS, Home


def the_home(home: Home) -> dict[str, str]:
    return {"SOUNDMILL_LAKE": home.lake.root, "SOUNDMILL_CATALOG": str(home.catalog.engine.url)}


def test_events_of_a_file_are_lines_or_json(soundmill: Command, built_home: Home) -> None:
    (landed,) = built_home.lake.files(f"landing/mic/{DAYS[2]}")
    file = built_home.lake.full_path(landed.path)
    found = json.loads(soundmill("detect", file, "--json", **the_home(built_home)))
    assert {event["tag"] for event in found} == {"doorbell", "kettle", "knocking"}
    assert all(set(event) == {"file", "tag", "onset", "offset", "score"} for event in found)
    lines = soundmill("detect", file, **the_home(built_home)).splitlines()
    assert len(lines) == len(found)
    assert lines[0].split()[2] == found[0]["tag"]


def test_what_is_no_sound_or_not_there_and_a_home_without_a_champion_are_refused(
    soundmill: Command, built_home: Home, tmp_path: Path
) -> None:
    (tmp_path / "page.wav").write_text("<html>")
    assert "html, not audio" in soundmill("detect", str(tmp_path / "page.wav"), code=1, **the_home(built_home))
    assert "No such file" in soundmill("detect", "nowhere.wav", code=1)
    (landed,) = built_home.lake.files(f"landing/mic/{DAYS[0]}")
    assert "there is no champion model" in soundmill("detect", built_home.lake.full_path(landed.path), code=1)
    assert "name files, or use --follow" in " ".join(soundmill("detect", code=2).replace("│", " ").split())


def test_one_file_that_is_no_sound_stops_no_other_and_each_event_names_its_file(built_home: Home, tmp_path: Path) -> None:
    (landed,) = built_home.lake.files(f"landing/mic/{DAYS[2]}")
    good = built_home.lake.full_path(landed.path)
    (tmp_path / "page.wav").write_text("<html>")
    done = CliRunner().invoke(app, ["detect", str(tmp_path / "page.wav"), good], env=the_home(built_home))
    assert done.exit_code == 1
    assert "page.wav: the file holds html" in done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) >= 6
    assert all(line.startswith(f"{good}: ") for line in lines)


def test_a_follower_prints_what_it_detects_by_name(
    built_home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name, value in {"SOUNDMILL_HOME": str(tmp_path), **the_home(built_home)}.items():
        monkeypatch.setenv(name, value)
    row = next(row for row in built_home.lake.read_days(DETECTIONS, DAYS[2:]).to_pylist() if row["tag"] == "doorbell")
    (segment,) = (one for one in built_home.lake.read_days(SEGMENTS, DAYS[2:]).to_pylist() if one["key"] == row["key"])
    landed = f"landing/porch/{DAYS[2]}/{to_ms(segment['started_at'])}.wav"
    built_home.lake.write_bytes(landed, built_home.lake.read_bytes(segment["path"]))
    follower = follower_of(("porch",), midnight(DAYS[2]))
    follower.step()
    assert follower.status.model == "house"
    assert "porch: doorbell (" in capsys.readouterr().out
