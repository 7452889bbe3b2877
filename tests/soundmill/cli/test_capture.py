"""soundmill capture: stations from the command line."""

import json
import signal
from pathlib import Path

import pytest
import soundfile as sf

from tests.command import Command
from tests.conftest import PATIENCE, wait_until
from tests.soundmill.capture.scripted import RATE, command, noise


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--source", "file:nowhere.wav"), 1, "nowhere.wav is not there"),
        (("--source", "radio"), 2, "neither mic, file:PATH"),
        (("--source", "file:README.md", "--speed", "0"), 1, "holds text, not audio"),
        (("--source", "mic", "--name", "a/b"), 1, "cannot name a source"),
        (("--source", "mic", "--gate", "loud"), 2, "is no level"),
        (("--source", "mic", "--gate", "48"), 2, "0 is the loudest"),
        (("--source", "mic", "--gate", "nan"), 2, "0 is the loudest"),
        (("--source", "file:README.md", "--started-at", "1960-01-01T00:00:00Z"), 2, "before 1970"),
        (("--source", "mic", "--hub", "hub:8000"), 2, "is no address"),
        ((), 2, "name what to record"),
        (("--state", "on", "--name", "nobody"), 1, "no station is called 'nobody'"),
    ],
)
def test_what_cannot_be_recorded_is_refused_in_one_line(soundmill: Command, arguments: tuple[str, ...], code: int, says: str) -> None:
    error = " ".join(soundmill("capture", *arguments, code=code).replace("│", " ").split())
    assert says in error
    assert "Traceback" not in error


def test_signals_and_the_command_turn_a_station_on_and_off(tmp_path: Path) -> None:
    sf.write(tmp_path / "long.wav", noise(600 * RATE), RATE, subtype="PCM_16")
    process = command(tmp_path, "--source", f"file:{tmp_path / 'long.wav'}", "--name", "porch", "--rate", str(RATE), "--state", "off")
    state = tmp_path / "capture" / "porch.status.json"

    def now() -> str:
        return str(json.loads(state.read_text())["state"]) if state.exists() else ""

    wait_until(lambda: now() == "off", 30)
    twin = command(tmp_path, "--source", f"file:{tmp_path / 'long.wav'}", "--name", "porch")
    assert "a station called 'porch' runs already" in twin.communicate(timeout=30 * PATIENCE)[1]
    process.send_signal(signal.SIGUSR1)
    wait_until(lambda: now() in ("starting", "live"), 30)
    process.send_signal(signal.SIGUSR2)
    wait_until(lambda: now() == "off", 30)
    command(tmp_path, "--name", "porch", "--state", "on").wait()
    wait_until(lambda: now() in ("starting", "live"), 30)
    shown = command(tmp_path, "--status").communicate()[0]
    assert shown.startswith("porch is ")
    process.terminate()
    assert process.wait(20) == 0
    stopped = command(tmp_path, "--status", "--json").communicate()[0]
    assert json.loads(stopped)[0]["running"] is False
