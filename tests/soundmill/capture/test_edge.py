"""An edge: a station whose segments go to a hub over HTTP."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import soundfile as sf

from soundmill.audio import read_pcm
from soundmill.capture.outbox import Outbox, to_hub
from soundmill.capture.switch import Switch
from soundmill.lake import open_lake
from tests.conftest import PATIENCE, ROOT, wait_until
from tests.soundmill.capture.scripted import RATE, SEGMENT, command, noise, whole
from tests.soundmill.studio.running import studio

CUT = ("--rate", str(RATE), "--samples", str(SEGMENT), "--gate", "off")


def test_an_edge_keeps_what_a_hub_that_is_away_misses_and_sends_it_once(tmp_path: Path) -> None:
    pcm = noise(60 * RATE)
    sf.write(tmp_path / "20260105T120000Z.wav", pcm, RATE, subtype="PCM_16")
    with studio(tmp_path / "hub") as hub:
        url = f"{str(hub.base_url).rstrip('/')}/capture"
        hub.post("/capture/state", json={"capture_state": True})
        arguments = (
            "--source",
            f"file:{tmp_path / '20260105T120000Z.wav'}",
            "--name",
            "porch",
            "--rate",
            str(RATE),
            "--samples",
            str(SEGMENT),
        )
        edge = command(tmp_path / "edge", *arguments, "--speed", "0", "--hub", "http://127.0.0.1:9/capture")
        said = edge.communicate(timeout=60 * PATIENCE)[0]
        assert "59 files still to be sent" in said
        for _ in range(2):
            edge = command(tmp_path / "edge", *arguments, "--speed", "30", "--hub", url)
            time.sleep(2.5)
            edge.send_signal(signal.SIGKILL)
            edge.wait()
        edge = command(tmp_path / "edge", *arguments, "--speed", "0", "--hub", url)
        edge.communicate(timeout=60 * PATIENCE)
        outbox = tmp_path / "edge" / "capture" / "outbox" / "porch"
        box = Outbox(outbox, to_hub(url, "porch", None), 0)
        wait_until(lambda: not list(outbox.glob("*.wav")), 30)
        box.close(5)
        (told,) = hub.get("/capture/stations").json()
        assert told["name"] == "porch"
        files = whole(open_lake(str(tmp_path / "hub" / "lake")))
    assert len(files) == 59
    np.testing.assert_array_equal(np.concatenate([read_pcm(files[path])[0] for path in sorted(files)]), pcm)


def test_a_hub_that_is_killed_again_and_again_has_every_segment_once(tmp_path: Path) -> None:
    pcm = noise(90 * RATE)
    sf.write(tmp_path / "20260105T120000Z.wav", pcm, RATE, subtype="PCM_16")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = {**os.environ, "SOUNDMILL_HOME": str(tmp_path / "hub")}
    serve = [sys.executable, "-m", "soundmill.cli", "studio", "--port", str(port)]

    def hub() -> subprocess.Popen[bytes]:
        return subprocess.Popen(serve, cwd=ROOT, env=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    url = f"http://127.0.0.1:{port}/capture"
    arguments = ("--source", f"file:{tmp_path / '20260105T120000Z.wav'}", "--name", "porch", *CUT, "--speed", "6", "--hub", url)
    Switch(tmp_path / "hub" / "capture" / "hub.state.json").set(True)
    running_hub = hub()
    edge = command(tmp_path / "edge", *arguments)
    outbox = tmp_path / "edge" / "capture" / "outbox" / "porch"
    landing = open_lake(str(tmp_path / "hub" / "lake"))
    rng, boxes = random.Random(1), list[Outbox]()

    def has_more_than(there: int) -> bool:
        if edge.poll() is not None and not boxes:  # it has ended before the hub was back: what it left is sent from here
            boxes.append(Outbox(outbox, to_hub(url, "porch", None), 0))
        return len(whole(landing)) in (88, *range(there + 1, 88))

    for _ in range(3):
        there = len(whole(landing))
        wait_until(lambda there=there: has_more_than(there), 60)  # type: ignore[misc]
        time.sleep(rng.random() * 0.5)
        running_hub.kill()
        running_hub.wait()
        running_hub = hub()
    edge.communicate(timeout=60 * PATIENCE)
    wait_until(lambda: has_more_than(87) and not list(outbox.glob("*.wav")), 60)
    boxes[0].close(5)
    running_hub.kill()
    running_hub.wait()
    files = whole(landing)
    assert len(files) == 88
    np.testing.assert_array_equal(np.concatenate([read_pcm(files[path])[0] for path in sorted(files)]), pcm)
