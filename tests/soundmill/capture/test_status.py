"""The status file of a station, and what readers make of it."""

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from soundmill.capture.status import Status, now_text, read_status, write_status


def test_a_station_that_runs_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_status(tmp_path / "porch.status.json", asdict(Status("porch", "mic", state="live", updated_at=now_text(), segments=7)))
    (found,) = read_status(tmp_path)
    assert (found["name"], found["state"], found["segments"], found["running"]) == ("porch", "live", 7, True)
    assert found["age_seconds"] < 30
    assert not list(tmp_path.glob("*.partial"))


def test_one_whose_process_is_gone_or_that_is_long_silent_has_stopped(tmp_path: Path) -> None:
    old = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    states = {
        "gone": Status("gone", "mic", pid=2**22 + 1, state="live", updated_at=now_text()),
        "elsewhere": Status("elsewhere", "mic", pid=None, state="live", updated_at=now_text()),
        "silent": Status("silent", "mic", pid=None, state="quiet", updated_at=old),
        "ended": Status("ended", "mic", pid=2**22 + 1, state="ended", updated_at=old),
    }
    for name, status in states.items():
        write_status(tmp_path / f"{name}.status.json", asdict(status))
    found = {one["name"]: one["state"] for one in read_status(tmp_path)}
    assert found == {"gone": "stopped", "elsewhere": "live", "silent": "stopped", "ended": "ended"}


def test_a_file_that_is_no_status_is_passed_over(tmp_path: Path) -> None:
    for number, text in enumerate(["", "{}", "[]", json.dumps({"updated_at": "yesterday"})]):
        (tmp_path / f"{number}.status.json").write_text(text)
    write_status(tmp_path / "good.status.json", asdict(Status("good", "mic", pid=os.getpid(), updated_at=now_text())))
    assert [one["name"] for one in read_status(tmp_path)] == ["good"]
    assert read_status(tmp_path / "nowhere") == []


def test_a_status_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "porch.status.json").mkdir()  # stands in its way, as a full disk does
    with pytest.raises(OSError, match="directory"):
        write_status(tmp_path / "porch.status.json", {"name": "porch"})
    assert [entry.name for entry in tmp_path.iterdir()] == ["porch.status.json"]
