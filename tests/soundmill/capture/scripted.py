"""Scripted sources, a store in memory, and stations made of them."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from soundmill.audio import read_pcm
from soundmill.capture.naming import SegmentName
from soundmill.capture.ring import Block
from soundmill.capture.sources import Source, now
from soundmill.capture.station import Cut, Station
from soundmill.capture.switch import Switch
from soundmill.lake import Lake
from tests.conftest import ROOT

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)

RATE = 8000
SEGMENT = 8192


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-9000, 9000, samples).astype(np.int16)


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


def command(home: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "SOUNDMILL_HOME": str(home), "SOUNDMILL_LEAST_FREE_MEGABYTES": "0"}
    return subprocess.Popen(
        [sys.executable, "-m", "soundmill.cli", "capture", *arguments],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def whole(lake: Lake) -> dict[str, bytes]:
    return {entry.path: lake.read_bytes(entry.path) for entry in lake.files("landing")}


class Scripted:
    """A source whose blocks a test makes; live and endless like a microphone unless told otherwise."""

    def __init__(self, script: Callable[["Scripted"], Iterator[Block]], endless: bool = True) -> None:
        self.sample_rate, self.live, self.endless, self.started_at = RATE, endless, endless, None
        self.can_wait, self.patience = False, 5.0
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
