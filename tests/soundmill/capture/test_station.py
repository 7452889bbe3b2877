"""A station: what it does when the source, the disk, the hub or the process fails."""

import contextlib
import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile as sf

from soundmill.audio import read_pcm, wav_bytes
from soundmill.capture.naming import SegmentName
from soundmill.capture.outbox import Landing, Outbox, to_hub
from soundmill.capture.recorder import RecordedSegment
from soundmill.capture.ring import Block
from soundmill.capture.sources import FileSource, MicSource, PcmSource, Source, StreamSource, microphones, now
from soundmill.capture.station import Cut, Station
from soundmill.capture.status import read_status
from soundmill.capture.switch import Switch
from soundmill.errors import DiskFull, HubRefused, HubUnavailable, SourceRefused, SourceUnavailable
from soundmill.lake import Lake, open_lake
from tests.conftest import PATIENCE, ROOT, wait_until
from tests.soundmill.studio.running import studio
from tests.web import Web, reply

RATE = 8000
SEGMENT = 8192
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
CUT = ("--rate", str(RATE), "--samples", str(SEGMENT), "--gate", "off")


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-9000, 9000, samples).astype(np.int16)


class Scripted:
    """A source whose blocks a test makes; live and endless like a microphone unless told otherwise."""

    def __init__(self, script: Callable[["Scripted"], Iterator[Block]], endless: bool = True) -> None:
        self.sample_rate, self.live, self.endless, self.started_at = RATE, endless, endless, None
        self.patience = 5.0
        self.stopped = threading.Event()
        self._script = script

    def blocks(self) -> Iterator[Block]:
        return self._script(self)

    def stop(self) -> None:
        self.stopped.set()


def steady(pcm: np.ndarray, pause: float = 0.0) -> Callable[[Scripted], Iterator[Block]]:
    def script(source: Scripted) -> Iterator[Block]:
        for at in range(0, len(pcm), 256):
            if source.stopped.is_set():
                return
            yield Block(pcm[at : at + 256], at, time.time(), now())
            if pause:
                time.sleep(pause)
        source.stopped.wait()

    return script


class Kept:
    """A store in memory."""

    def __init__(self) -> None:
        self.backlog = 0
        self.files: dict[SegmentName, bytes] = {}

    def put(self, name: SegmentName, data: bytes) -> None:
        self.files[name] = data

    def close(self, wait: float) -> None:
        pass

    def sound(self) -> np.ndarray:
        return np.concatenate([read_pcm(data)[0] for name, data in self.files.items() if name.suffix == ".wav"])


def station(tmp_path: Path, sources: list[Any], store: Any, on: bool = True, **more: Any) -> Station:
    switch = Switch(tmp_path / "mic.state.json")
    switch.set(on)

    def open_source(attempt: int) -> Source:
        found: Source = sources.pop(0) if len(sources) > 1 else sources[0]
        return found

    return Station("mic", "mic", open_source, store, switch, tmp_path / "mic.status.json", Cut(SEGMENT, None), **more)


def running(one: Station) -> threading.Thread:
    thread = threading.Thread(target=one.run)
    thread.start()
    return thread


def test_a_file_is_heard_whole_and_its_status_says_so(tmp_path: Path, folder_lake: Lake) -> None:
    pcm = noise(10 * SEGMENT + 500)
    sf.write(tmp_path / "night.flac", pcm, RATE, subtype="PCM_16")
    heard: list[RecordedSegment] = []
    one = station(
        tmp_path,
        [FileSource(tmp_path / "night.flac", RATE, NOON, 0)],
        Landing(folder_lake, "mic", 0),
        on_segment=lambda one, stored: heard.append(one),
    )
    ended = one.run()
    assert (ended.segments, ended.state, ended.lost_seconds, ended.overruns) == (11, "ended", 0, 0)
    files = sorted(entry.path for entry in folder_lake.files("landing"))
    np.testing.assert_array_equal(np.concatenate([read_pcm(folder_lake.read_bytes(path))[0] for path in files]), pcm)
    assert len(heard) == 11
    (told,) = read_status(tmp_path)
    assert (told["state"], told["segments"], told["last_segment_at"][:19]) == ("ended", 11, "2026-01-05T12:00:10")


def test_paced_at_many_times_real_time_nothing_is_lost(tmp_path: Path) -> None:
    pcm = noise(60 * RATE)
    sf.write(tmp_path / "minute.wav", pcm, RATE, subtype="PCM_16")
    kept = Kept()
    began = time.monotonic()
    ended = station(tmp_path, [FileSource(tmp_path / "minute.wav", RATE, NOON, 64)], kept).run()
    assert time.monotonic() - began >= 0.9  # it is paced, and not merely fast
    assert (ended.overruns, ended.lost_seconds) == (0, 0)
    np.testing.assert_array_equal(kept.sound(), pcm)


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


def test_a_source_that_goes_away_is_opened_again_and_told_of(tmp_path: Path) -> None:
    def broken(source: Scripted) -> Iterator[Block]:
        raise SourceUnavailable("the plug is out")
        yield

    def ends(source: Scripted) -> Iterator[Block]:
        yield Block(noise(SEGMENT), 0, time.time(), now())

    kept, said = Kept(), []
    sources = [Scripted(ends), Scripted(broken), Scripted(steady(noise(9 * SEGMENT)))]
    one = station(tmp_path, sources, kept, notify=lambda text, good: said.append((text, good)))
    thread = running(one)
    wait_until(lambda: one.status.segments >= 5, 30)
    one.end()
    thread.join(20)
    assert one.status.reopened == 2
    assert any("mic is stalled" in text and not good for text, good in said)
    assert any("mic is live" in text and good for text, good in said)


def test_a_source_that_stalls_is_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soundmill.capture.liveness.STALLED_AFTER", 0.5)
    first, second = Scripted(steady(noise(2 * SEGMENT))), Scripted(steady(noise(3 * SEGMENT, 1)))
    first.patience = second.patience = 0.5
    kept = Kept()
    one = station(tmp_path, [first, second], kept)
    thread = running(one)
    wait_until(lambda: one.status.segments >= 5, 30)
    one.end()
    thread.join(20)
    assert first.stopped.is_set()
    assert one.status.reopened >= 1


def test_what_a_station_has_no_word_for_does_not_end_it(tmp_path: Path) -> None:
    def odd(source: Scripted) -> Iterator[Block]:
        raise ValueError("No input device matching 'USB'")
        yield

    kept = Kept()
    keep, failed = kept.put, []

    def put(name: SegmentName, data: bytes) -> None:
        if len(failed) < 2:
            failed.append(name)
            raise OSError(5, "Input/output error")
        keep(name, data)

    kept.put = put  # type: ignore[method-assign]
    one = station(tmp_path, [Scripted(odd), Scripted(steady(noise(6 * SEGMENT)))], kept)
    thread = running(one)
    wait_until(lambda: one.status.segments >= 5, 30)
    one.end()
    thread.join(20)
    assert [name.sequence for name in kept.files][:5] == [0, 1, 2, 3, 4]  # what could not be stored at first was kept in memory
    assert one.status.not_stored == 0


def test_without_room_it_hears_on_and_stores_again_when_there_is_some(tmp_path: Path) -> None:
    kept, said = Kept(), []
    full = threading.Event()
    full.set()
    keep = kept.put

    def put(name: SegmentName, data: bytes) -> None:
        if full.is_set():
            raise DiskFull(28, "the disk is full")
        keep(name, data)

    kept.put = put  # type: ignore[method-assign]
    heard: list[tuple[RecordedSegment, bool]] = []
    source = Scripted(steady(noise(60 * SEGMENT), 0.002))
    more = {"notify": lambda text, good: said.append((text, good)), "on_segment": lambda one, stored: heard.append((one, stored))}
    one = station(tmp_path, [source], kept, **more)
    thread = running(one)
    wait_until(lambda: one.status.not_stored >= 3, 30)
    full.clear()
    wait_until(lambda: one.status.segments >= 6, 30)
    one.end()
    thread.join(20)
    assert [stored for _, stored in heard[:3]] == [False] * 3
    assert one.status.not_stored == 0  # what waited in memory is stored now
    assert len(heard) >= 6
    assert [good for _, good in said] == [False, True]
    assert said[0][0] == "mic: the disk is full; sound is recorded but not stored"


def test_a_disk_that_is_nearly_full_is_left_alone(tmp_path: Path, folder_lake: Lake) -> None:
    name = SegmentName(NOON, 1, 1, 1)
    with pytest.raises(DiskFull, match="are to stay so"):
        Landing(folder_lake, "mic", 1 << 60).put(name, b"x")
    outbox = Outbox(tmp_path / "outbox", lambda name, data: None, 1 << 60)
    with pytest.raises(DiskFull):
        outbox.put(name, b"x")
    outbox.close(5)
    assert not list(folder_lake.files("landing"))


def test_an_outbox_sends_the_oldest_first_and_keeps_what_is_refused(tmp_path: Path) -> None:
    sent: list[int] = []
    away = threading.Event()
    away.set()

    def deliver(name: SegmentName, data: bytes) -> None:
        if away.is_set():
            raise httpx.ConnectError("nobody there")
        if name.sequence == 2:
            raise HubRefused("never")
        sent.append(name.sequence)

    box = Outbox(tmp_path, deliver, 0)
    (tmp_path / "half.wav.partial").write_bytes(b"half")
    for number in (0, 1, 2, 3):
        box.put(SegmentName(NOON, 5, number, number), b"x")
    time.sleep(0.3)
    assert box.backlog == 4
    box.close(5)
    away.clear()
    again = Outbox(tmp_path, deliver, 0)
    assert not (tmp_path / "half.wav.partial").exists()
    wait_until(lambda: again.backlog == 0, 20)
    again.close(5)
    assert sent == [0, 1, 3]
    assert len(list((tmp_path / "refused").iterdir())) == 1


def test_a_network_stream_is_heard_and_opened_again_when_it_ends(tmp_path: Path, web: Web) -> None:
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


def command(home: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "SOUNDMILL_HOME": str(home), "SOUNDMILL_LEAST_FREE_MEGABYTES": "0"}
    return subprocess.Popen(
        [sys.executable, "-m", "soundmill.cli", "capture", *arguments],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def whole(lake: Lake) -> dict[str, bytes]:
    return {entry.path: lake.read_bytes(entry.path) for entry in lake.files("landing")}


def test_killed_again_and_again_nothing_is_half_written_and_nothing_closed_is_lost(tmp_path: Path) -> None:
    pcm = noise(240 * RATE)
    sf.write(tmp_path / "20260105T120000Z.wav", pcm, RATE, subtype="PCM_16")
    source = (
        "--source",
        f"file:{tmp_path / '20260105T120000Z.wav'}",
        "--name",
        "mic",
        "--rate",
        str(RATE),
        "--samples",
        str(SEGMENT),
        "--gate",
        "off",
    )
    rng = random.Random(0)
    lake = open_lake(str(tmp_path / "home" / "lake"))
    closed: set[str] = set()
    for _ in range(4):
        process = command(tmp_path / "home", *source, "--speed", "60")
        time.sleep(1.5 + rng.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
        for path, data in whole(lake).items():
            name = SegmentName.parse(path.rpartition("/")[2])
            assert name is not None
            np.testing.assert_array_equal(read_pcm(data)[0], pcm[name.position : name.position + SEGMENT])
            closed.add(path)
    last = command(tmp_path / "home", *source, "--speed", "0")
    assert "235 segments stored" in last.communicate(timeout=60 * PATIENCE)[0]
    files = whole(lake)
    assert closed <= set(files)
    np.testing.assert_array_equal(np.concatenate([read_pcm(files[path])[0] for path in sorted(files)]), pcm)


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
    rng = random.Random(1)
    for _ in range(3):
        there = len(whole(landing))
        wait_until(lambda there=there: len(whole(landing)) > there, 60)  # type: ignore[misc]
        time.sleep(rng.random() * 0.5)
        running_hub.kill()
        running_hub.wait()
        running_hub = hub()
    edge.communicate(timeout=60 * PATIENCE)
    box = Outbox(outbox, to_hub(url, "porch", None), 0)
    wait_until(lambda: not list(outbox.glob("*.wav")), 60)
    box.close(5)
    running_hub.kill()
    running_hub.wait()
    files = whole(landing)
    assert len(files) == 88
    np.testing.assert_array_equal(np.concatenate([read_pcm(files[path])[0] for path in sorted(files)]), pcm)


def test_what_answers_for_everybody_is_no_hub(tmp_path: Path, web: Web) -> None:
    web.on("/capture/data", lambda asked, connection: reply(connection, "200 OK", b"<html>Log in to the network</html>"))
    deliver = to_hub(f"{web.url}/capture", "porch", None)
    with pytest.raises((HubUnavailable, ValueError)):
        deliver(SegmentName(NOON, 1, 1, 1), b"sound")


def test_a_source_that_is_slow_to_begin_is_waited_for(tmp_path: Path) -> None:
    def slow(source: Scripted) -> Iterator[Block]:
        time.sleep(1.5)
        yield from steady(noise(3 * SEGMENT))(source)

    source, kept = Scripted(slow), Kept()
    source.patience = 0.5
    one = station(tmp_path, [source], kept)
    thread = running(one)
    wait_until(lambda: one.status.segments >= 2, 20)
    one.end()
    thread.join(20)
    assert one.status.reopened == 0


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


def test_a_station_starts_as_it_was_left(tmp_path: Path) -> None:
    sf.write(tmp_path / "a.wav", noise(RATE), RATE, subtype="PCM_16")
    Switch(tmp_path / "capture" / "porch.state.json").set(False)
    process = command(tmp_path, "--source", f"file:{tmp_path / 'a.wav'}", "--name", "porch")
    state = tmp_path / "capture" / "porch.status.json"
    wait_until(lambda: state.exists() and json.loads(state.read_text())["state"] == "off", 30)
    process.terminate()
    assert process.wait(20) == 0


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
def test_what_cannot_be_heard_is_refused_in_one_line(tmp_path: Path, arguments: tuple[str, ...], code: int, says: str) -> None:
    process = command(tmp_path, *arguments)
    error = " ".join(process.communicate(timeout=60 * PATIENCE)[1].replace("│", " ").split())
    assert process.returncode == code
    assert says in error
    assert "Traceback" not in error
