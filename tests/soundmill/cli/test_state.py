"""soundmill progress and soundmill doctor."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.command import Command
from tests.conftest import ROOT


def test_progress_saves_its_report_where_it_is_run(tmp_path: Path) -> None:
    environment = {**os.environ, "SOUNDMILL_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "soundmill.cli", "progress", "--save", "--target-hours", "5"]
    assert subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True).returncode == 1
    (saved,) = tmp_path.glob("storage_report_*.json")
    report = json.loads(saved.read_text())
    assert set(report) >= {"generated_at", "summary", "progress", "hourly_breakdown"}
    assert report["progress"]["target_reached"] is False


def test_doctor_prints_settings_with_their_source_and_no_secrets(soundmill: Command) -> None:
    shown = soundmill("doctor", SOUNDMILL_ALERT_WEBHOOK="https://example.org/secret-token", SOUNDMILL_GATE_DBFS="off")
    assert "secret-token" not in shown
    assert "catalog: ok" in shown
    lines = {line.split()[0]: line for line in shown.splitlines() if line.startswith("SOUNDMILL_")}
    assert " environment " in lines["SOUNDMILL_GATE_DBFS"]
    assert " default " in lines["SOUNDMILL_CHANNELS"]
    assert "speech: none: no speech model at" in shown
    soundmill("doctor", code=1, SOUNDMILL_VOSK_MODEL="/nowhere")
    soundmill("doctor", code=1, SOUNDMILL_KEYWORDS="a", SOUNDMILL_KEYWORD_STEMMING="klingon")
    soundmill("doctor", code=1, SOUNDMILL_CATALOG="postgresql+psycopg://nobody:hunter2@127.0.0.1:1/none")


def test_doctor_says_by_what_models_hear_and_how_to_get_the_better_one(soundmill: Command, mn04: Path) -> None:
    def said(**environment: str) -> str:
        return str(json.loads(soundmill("doctor", "--json", **environment))["checks"]["extractor"])

    assert said() == "ok, pooled_spectral; models recognise more with mn04: soundmill pretrained fetch mn04"
    assert said(SOUNDMILL_MN04_MODEL=str(mn04)) == "ok, mn04; beside it pooled_spectral"
    assert said(SOUNDMILL_MN04_MODEL=str(mn04), SOUNDMILL_EXTRACTORS="pooled_spectral").startswith("ok, pooled_spectral; models recognise")
    shown = soundmill("doctor", "--json", SOUNDMILL_EXTRACTORS="mn04", code=1)
    assert "Traceback" not in shown
