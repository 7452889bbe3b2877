"""One run of a capture: from opening a source to its end."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from soundmill.capture.naming import SegmentName
from soundmill.capture.ring import Block
from soundmill.capture.sources import now
from soundmill.errors import SourceUnavailable
from tests.conftest import wait_until
from tests.soundmill.capture.scripted import SEGMENT, Kept, Scripted, noise, running, station, steady


def test_a_source_that_goes_away_is_opened_again_and_reported(tmp_path: Path) -> None:
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
