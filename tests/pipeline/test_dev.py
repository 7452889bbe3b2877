"""soundmill dev: what it refuses, and how it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.dev import DevFailed, _free_port, running
from soundmill.catalog import lease, open_catalog
from soundmill.settings import Settings


def test_a_port_in_use_is_refused_and_nothing_is_started(home_settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(DevFailed, match="is in use"), running(home_settings, taken.getsockname()[1], _free_port()):
            pass
    assert not home_settings.home.exists()


def test_a_second_one_on_the_same_home_is_refused(home_settings: Settings) -> None:
    with (
        lease(open_catalog(home_settings.catalog_url), f"dev {home_settings.home.absolute()}"),
        pytest.raises(DevFailed, match="another `soundmill dev`"),
        running(home_settings, _free_port(), _free_port()),
    ):
        pass


def test_a_second_interrupt_while_it_ends_leaves_no_process_behind(home_settings: Settings) -> None:
    ports = ["--port", str(_free_port()), "--studio-port", str(_free_port())]
    environment = {**os.environ, **home_settings.environment(), "SOUNDMILL_HOME": str(home_settings.home)}
    command = [sys.executable, "-m", "soundmill.cli", "dev", *ports]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr is not None
        assert any("stop with Ctrl-C" in line and "Dagster UI" in line for line in process.stderr)
        assert len(_processes_of(home_settings.home)) > 4
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            process.send_signal(number)
            time.sleep(0.2)
        assert process.wait(60) == 0
    assert _processes_of(home_settings.home) == []


def _processes_of(home: Path) -> list[int]:
    """The living processes whose environment names this home: on Linux, where /proc tells."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"SOUNDMILL_HOME={home}\0".encode() in environ.read_bytes():
                found.append(int(environ.parent.name))
        except OSError:
            pass
    return found
