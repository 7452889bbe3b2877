"""The switch that turns a station on and off, from outside and across restarts."""

import json
import time
from pathlib import Path

import numpy as np
import soundfile as sf

from soundmill.audio import read_pcm
from soundmill.capture.switch import Switch
from tests.conftest import wait_until
from tests.soundmill.capture.scripted import RATE, SEGMENT, Kept, Scripted, command, noise, running, station, steady


def test_turned_off_it_drops_what_fills_no_segment_and_turned_on_it_begins_anew(tmp_path: Path) -> None:
    kept, pcm = Kept(), noise(40 * SEGMENT)
    sources = [Scripted(steady(pcm, 0.001)), Scripted(steady(pcm, 0.001))]
    one = station(tmp_path, list(sources), kept, on=False)
    thread = running(one)
    time.sleep(0.4)
    assert one.status.state == "off"
    switch = Switch(tmp_path / "mic.state.json")
    switch.set(True)
    wait_until(lambda: one.status.segments >= 2, 20)
    switch.set(False)
    wait_until(lambda: one.status.state == "off", 20)
    assert sources[0].stopped.is_set()  # the microphone is closed, not only unheard
    first = dict(kept.files)
    assert {len(read_pcm(data)[0]) for data in first.values()} == {SEGMENT}
    switch.set(True)
    wait_until(lambda: len(kept.files) > len(first), 20)
    one.end()
    thread.join(20)
    sessions = sorted({name.session for name in kept.files})
    assert len(sessions) == 2
    later = [name for name in kept.files if name.session == sessions[1]]
    assert later[0].position == 0
    np.testing.assert_array_equal(read_pcm(kept.files[later[0]])[0], pcm[:SEGMENT])


def test_a_station_starts_as_it_was_left(tmp_path: Path) -> None:
    sf.write(tmp_path / "a.wav", noise(RATE), RATE, subtype="PCM_16")
    Switch(tmp_path / "capture" / "porch.state.json").set(False)
    process = command(tmp_path, "--source", f"file:{tmp_path / 'a.wav'}", "--name", "porch")
    state = tmp_path / "capture" / "porch.status.json"
    wait_until(lambda: state.exists() and json.loads(state.read_text())["state"] == "off", 30)
    process.terminate()
    assert process.wait(20) == 0
