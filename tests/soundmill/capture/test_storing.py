"""What a station does when there is no room to store."""

import threading
from pathlib import Path

import pytest

from soundmill.capture.naming import SegmentName
from soundmill.capture.outbox import Landing, Outbox
from soundmill.capture.recorder import RecordedSegment
from soundmill.errors import DiskFull
from soundmill.lake import Lake
from tests.conftest import wait_until
from tests.soundmill.capture.scripted import NOON, SEGMENT, Kept, Scripted, noise, running, station, steady


def test_without_room_it_records_on_and_stores_again_when_there_is_some(tmp_path: Path) -> None:
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
