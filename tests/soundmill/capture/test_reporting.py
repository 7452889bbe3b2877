"""A station says when something is wrong, and when it is right again; and nothing twice."""

import json
from pathlib import Path

from soundmill.capture.reporting import Reporter
from soundmill.capture.status import Status


def test_what_alarms_is_announced_once_and_so_is_its_end(tmp_path: Path) -> None:
    said: list[tuple[str, bool]] = []
    reporter = Reporter(Status("porch", "mic"), tmp_path / "porch.status.json", lambda text, good: said.append((text, good)))
    for state, why in (("starting", ""), ("live", ""), ("dead", "only hum"), ("dead", "only hum"), ("live", "")):
        reporter.change_state(state, why)
    assert said == [("porch is dead: only hum (was live)", False), ("porch is live (was dead)", True)]
    assert json.loads((tmp_path / "porch.status.json").read_text())["state"] == "live"


def test_changes_are_written_at_once_and_the_rest_once_a_second(tmp_path: Path) -> None:
    file = tmp_path / "porch.status.json"
    reporter = Reporter(Status("porch", "mic"), file)
    reporter.set(segments=1)
    assert json.loads(file.read_text())["segments"] == 1
    file.unlink()
    reporter.set(segments=1)
    assert not file.exists()
    reporter.set(segments=2)
    assert json.loads(file.read_text())["segments"] == 2


def test_a_status_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    reporter = Reporter(Status("porch", "mic"), tmp_path / "file" / "porch.status.json")
    reporter.change_state("live", "")
    assert reporter.status.state == "live"
