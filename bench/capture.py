"""Capture from a file in a process of its own: its share of a core, what it keeps up with, and how soon a verdict is there."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile as sf

from bench.pipeline import crown
from soundmill.catalog import LiveRecord, open_catalog
from soundmill.scene import RATE, SLOT, babble

SECONDS = 90
FAST = 64
LATENCY_TARGET, SHARE_TARGET = 100.0, 3.0  # ms, % of a core


def lines() -> Iterator[str]:
    """Share of a core at real time, 64 times real time, and the time from the end of a segment to its row."""
    with TemporaryDirectory() as folder:
        home = Path(folder)
        rng = np.random.default_rng(0)
        minute = np.concatenate([babble(rng)[:SLOT] for _ in range(20)])
        sf.write(home / "short.wav", np.resize(minute, SECONDS * RATE), RATE, subtype="PCM_16")
        sf.write(home / "long.wav", np.resize(minute, 20 * 60 * RATE), RATE, subtype="PCM_16")
        _, cpu = _capture(home, "idle", "short.wav", 1.0)
        began_cpu = _start_up(home)
        share = 100 * (cpu - began_cpu) / SECONDS
        yield f"capture at real time: {share:.2f} % of a core (target {SHARE_TARGET:g})"
        status, _ = _capture(home, "fast", "long.wav", FAST)
        lost = f"{status['overruns']} overruns, {status['lost_seconds']:.3f} s lost"
        yield f"20 minutes at {FAST} times real time: {lost}, {status['segments']} segments"
        crown(home)
        _capture(home, "bench", "short.wav", 1.0, "--detect")
        since = datetime.now(UTC) - timedelta(hours=1)
        found = LiveRecord(open_catalog(f"sqlite:///{home / 'catalog.db'}")).detections(since, "bench")
        waits = [1000 * (one.detected_at - one.started_at - timedelta(seconds=one.seconds)).total_seconds() for one in found]
        usual = waits[3:]  # the first ones wait for the model to be loaded
        yield (
            f"from the end of a segment to its verdict, {len(usual)} segments: median {np.median(usual):.0f} ms, "
            f"99 % within {np.percentile(usual, 99):.0f} ms (target {LATENCY_TARGET:g}); the first after {waits[0]:.0f} ms, model loaded"
        )


def _capture(home: Path, name: str, file: str, speed: float, *more: str) -> tuple[dict[str, float], float]:
    """Runs a capture; its last status, and its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    arguments = ["capture", "--source", f"file:{home / file}", "--name", name, "--speed", str(speed), "--gate", "off", *more]
    environment = {**os.environ, "SOUNDMILL_HOME": str(home), "SOUNDMILL_LEAST_FREE_MEGABYTES": "0"}
    subprocess.run([sys.executable, "-m", "soundmill.cli", *arguments], check=True, env=environment, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    status = json.loads((home / "capture" / f"{name}.status.json").read_text())
    return status, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _start_up(home: Path) -> float:
    """CPU seconds that a capture takes to begin and end, with a segment between."""
    sf.write(home / "blink.wav", np.random.default_rng(0).normal(0, 0.1, 2 * SLOT), RATE, subtype="PCM_16")
    return _capture(home, "blink", "blink.wav", 0)[1]
