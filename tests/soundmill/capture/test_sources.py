"""Sources of sound: files, pipes, streams and microphones."""

import contextlib
import io
import os
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from soundmill.audio import read_pcm, wav_bytes
from soundmill.capture import sources
from soundmill.capture.sources import FileSource, MicSource, PcmSource, StreamSource, microphones
from soundmill.capture.station import Cut, Station
from soundmill.capture.switch import Switch
from soundmill.errors import SourceRefused, SourceUnavailable
from tests.conftest import tone, wait_until
from tests.soundmill.audio.encoded import encode
from tests.soundmill.capture.scripted import NOON, RATE, SEGMENT, Kept, noise, running, station
from tests.web import Web


def test_raw_samples_come_by_a_pipe(tmp_path: Path) -> None:
    pcm = noise(3 * SEGMENT)
    stereo = np.stack([pcm, -pcm], axis=1)
    reading, writing = os.pipe()
    threading.Thread(target=lambda: [os.write(writing, stereo.tobytes()), os.close(writing)]).start()
    kept = Kept()
    with open(reading, "rb") as pipe:
        ended = station(tmp_path, [PcmSource(pipe, RATE, channels=2, started_at=NOON)], kept).run()
    np.testing.assert_array_equal(kept.sound(), pcm)
    assert (ended.state, next(iter(kept.files)).started_at) == ("ended", NOON)


def test_a_network_stream_is_recorded_and_opened_again_when_it_ends(tmp_path: Path, web: Web) -> None:
    pcm = noise(4 * RATE)
    url = web.serve("/live.wav", wav_bytes(pcm, RATE))
    kept = Kept()
    switch = Switch(tmp_path / "s.json")
    switch.set(True)
    one = Station("net", url, lambda attempt: StreamSource(url, RATE), kept, switch, tmp_path / "net.status.json", Cut(SEGMENT, None))
    thread = running(one)
    wait_until(lambda: len({name.session for name in kept.files}) >= 2, 30)
    one.end()
    thread.join(20)
    first = min(name.session for name in kept.files)
    of_first = [read_pcm(data)[0] for name, data in kept.files.items() if name.session == first]
    np.testing.assert_array_equal(np.concatenate(of_first), pcm)
    with pytest.raises(SourceUnavailable, match="cannot be recorded"):
        list(StreamSource(web.serve("/nothing", b"no sound"), RATE).blocks())


def fake_portaudio(monkeypatch: pytest.MonkeyPatch, script: list[tuple[np.ndarray, float, bool]]) -> list[str]:
    """A `sounddevice` without a device: it calls back with these blocks, their times, and whether some were lost before."""
    did: list[str] = []

    class Stream:
        def __init__(self, callback: Any, channels: int, **more: Any) -> None:
            self.callback, self.channels = callback, channels

        def __enter__(self) -> None:
            for samples, moment, overflow in script:
                frames = np.repeat(samples[:, None], self.channels, axis=1)
                self.callback(
                    frames.tobytes(), len(samples), SimpleNamespace(inputBufferAdcTime=moment), SimpleNamespace(input_overflow=overflow)
                )

        def __exit__(self, *error: object) -> None:
            did.append("closed")

    module = SimpleNamespace(
        RawInputStream=Stream,
        PortAudioError=RuntimeError,
        query_devices=lambda: [{"name": "USB", "max_input_channels": 2}, {"name": "out", "max_input_channels": 0}],
        _terminate=lambda: did.append("terminated"),
        _initialize=lambda: did.append("initialised"),
    )
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return did


def test_what_a_microphone_loses_is_a_gap_of_whole_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    pcm = noise(8 * 256).reshape(8, 256)
    times = [n * 256 / RATE * (1 + 50e-6) for n in (0, 1, 2, 3, 9, 10, 11, 12)]  # five blocks are lost after the fourth
    script = [(block, 50 + at, n == 4) for n, (block, at) in enumerate(zip(pcm, times, strict=True))]
    did = fake_portaudio(monkeypatch, script)
    source = MicSource("USB", RATE, channels=2, fresh=True)
    heard = source.blocks()
    found = [next(heard) for _ in range(8)]
    source.stop()
    assert list(heard) == []
    assert [block.position // 256 for block in found] == [0, 1, 2, 3, 9, 10, 11, 12]
    np.testing.assert_array_equal(found[5].samples, pcm[5])
    assert did == ["terminated", "initialised", "closed"]
    assert microphones() == ["0: USB"]


def test_without_portaudio_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(SourceRefused, match="pip install sounddevice"):
        next(MicSource(None, RATE).blocks())


def test_a_stream_whose_name_is_in_latin_1_is_heard(web: Web) -> None:
    sound = encode(tone(2, 400, 44_100), 44_100, "mp3", "libmp3lame")
    head = f"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nicy-name: Caf\xe9\r\nContent-Length: {len(sound)}\r\n\r\n".encode("latin-1")
    url = web.on("/radio", lambda _, connection: connection.sendall(head + sound))
    heard = sum(len(block.samples) for block in StreamSource(url, RATE).blocks())
    assert heard == pytest.approx(2 * RATE, rel=0.05)


def test_frames_of_a_pipe_stay_whole_when_a_station_is_turned_off_and_on(tmp_path: Path) -> None:
    level = np.full(400_000, 1000, np.int16)
    reading, writing = os.pipe()

    def write() -> None:
        data = level.tobytes()
        with contextlib.suppress(BrokenPipeError):
            for at in range(0, len(data), 777):  # odd, so that frames are torn
                os.write(writing, data[at : at + 777])
                time.sleep(0.004)
            os.close(writing)

    threading.Thread(target=write, daemon=True).start()
    kept = Kept()
    with open(reading, "rb", buffering=0) as raw:
        source = PcmSource(io.BufferedReader(raw), RATE)  # type: ignore[arg-type]
        one = station(tmp_path, [source], kept)
        thread = running(one)
        switch = Switch(tmp_path / "mic.state.json")
        for _ in range(2):
            before = one.status.segments
            wait_until(lambda before=before: one.status.segments > before, 20)  # type: ignore[misc]
            switch.set(False)
            wait_until(lambda: one.status.state == "off", 20)
            switch.set(True)
        thread.join(60)
    assert len({name.session for name in kept.files}) >= 2
    assert set(kept.sound().tolist()) == {1000}


class _Clock(threading.Event):
    """A clock that goes on only while somebody waits."""

    now = 0.0

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return self.is_set()

    def monotonic(self) -> float:
        return self.now


def test_a_file_comes_as_fast_as_it_is_to_and_no_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sf.write(tmp_path / "minute.wav", noise(60 * RATE), RATE, subtype="PCM_16")
    source, clock = FileSource(tmp_path / "minute.wav", RATE, NOON, 64), _Clock()
    monkeypatch.setattr(sources, "time", clock)
    monkeypatch.setattr(source, "_stopped", clock)
    for block in source.blocks():
        assert clock.now == pytest.approx((block.position + len(block.samples)) / RATE / 64)
    assert clock.now == pytest.approx(60 / 64)
