"""A station: what it does when the source, the disk, the hub or the process fails."""

import random
import signal
import time
from pathlib import Path

import numpy as np
import soundfile as sf

from soundmill.audio import read_pcm
from soundmill.capture.naming import SegmentName
from soundmill.capture.outbox import Landing
from soundmill.capture.recorder import RecordedSegment
from soundmill.capture.sources import FileSource
from soundmill.capture.status import read_status
from soundmill.lake import Lake, open_lake
from tests.conftest import PATIENCE
from tests.soundmill.capture.scripted import NOON, RATE, SEGMENT, Kept, command, noise, station, whole


def test_a_file_is_recorded_whole_and_its_status_says_so(tmp_path: Path, folder_lake: Lake) -> None:
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
    ended = station(tmp_path, [FileSource(tmp_path / "minute.wav", RATE, NOON, 64)], kept).run()
    assert (ended.overruns, ended.lost_seconds) == (0, 0)
    np.testing.assert_array_equal(kept.sound(), pcm)


def test_killed_again_and_again_nothing_is_half_written_and_no_closed_segment_is_lost(tmp_path: Path) -> None:
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
