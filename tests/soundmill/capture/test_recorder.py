"""From blocks to segments: every sample once, and every fault where it was, to the block."""

import itertools
import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundmill.audio import read_pcm
from soundmill.capture import COVERAGE, SEGMENTS, Segmenter, Timeline, coverage_of, update_segments
from soundmill.capture.landing import landing_path
from soundmill.capture.naming import SILENCE, SegmentName
from soundmill.capture.recorder import RecordedSegment, Recorder, Silence
from soundmill.capture.ring import Block
from soundmill.catalog import Catalog, Ledger
from soundmill.lake import Lake
from soundmill.times import midnight
from tests.soundmill.capture.scripted import NOON, RATE, noise

BLOCK = 256
SEGMENT = 24_064  # 94 blocks


def blocks(pcm: np.ndarray, size: int = BLOCK, position: int = 0) -> Iterator[Block]:
    for start in range(0, len(pcm), size):
        yield Block(pcm[start : start + size], position + start)


def recorded(found: list[Block], gate: float | None = -48.0, began: datetime = NOON) -> list[RecordedSegment | Silence]:
    recorder = Recorder(RATE, SEGMENT, gate, began)
    return [one for block in found for one in recorder.feed(block)] + list(recorder.finish())


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=80), st.integers(0, 2**31))
def test_whatever_the_blocks_every_sample_is_in_one_segment(sizes: list[int], seed: int) -> None:
    pcm = noise(sum(sizes), seed)
    bounds = np.cumsum([0, *sizes])
    parts = recorded([Block(pcm[a:b], int(a)) for a, b in itertools.pairwise(bounds)], gate=None)
    closed = [one for one in parts if isinstance(one, RecordedSegment)]
    np.testing.assert_array_equal(np.concatenate([one.samples for one in closed]), pcm)
    assert [len(one.samples) for one in closed[:-1]] == [SEGMENT] * (len(closed) - 1)
    assert [one.name.sequence for one in closed] == list(range(len(closed)))
    assert [one.name.position for one in closed] == [n * SEGMENT for n in range(len(closed))]


def test_where_samples_are_missing_or_doubled_a_segment_ends() -> None:
    pcm = noise(10 * SEGMENT)
    found = list(blocks(pcm))
    del found[100:103]  # three blocks are lost
    found.insert(400, found[399])  # and one comes twice
    parts = recorded(found)
    at = {one.name.position: one for one in parts if isinstance(one, RecordedSegment)}
    for position, one in at.items():
        np.testing.assert_array_equal(one.samples, pcm[position : position + len(one.samples)])
    ends = {position + len(one.samples) for position, one in at.items()}
    assert 100 * BLOCK in ends
    assert 103 * BLOCK in at
    heard = sum(len(one.samples) for one in at.values())
    assert heard == len(pcm) - 3 * BLOCK + BLOCK


def test_silence_is_stated_not_stored() -> None:
    pcm = noise(6 * SEGMENT)
    pcm[SEGMENT : 4 * SEGMENT] = 100
    parts = recorded(list(blocks(pcm)))
    (silence,) = [one for one in parts if isinstance(one, Silence)]
    assert (silence.samples, silence.segments, silence.max_amp, silence.name.sequence) == (3 * SEGMENT, 3, 100, 1)
    assert json.loads(silence.file())["samples"] == 3 * SEGMENT
    stored = [one.name.sequence for one in parts if isinstance(one, RecordedSegment) and one.stored]
    assert stored == [0, 4, 5]
    assert parts.index(silence) < [isinstance(one, RecordedSegment) and one.stored for one in parts].index(
        True, 1
    )  # stated before what follows


def test_silence_is_stated_anew_at_midnight_and_every_minute() -> None:
    quiet = np.zeros(SEGMENT * 500, np.int16)  # 25 minutes
    parts = recorded(list(blocks(quiet, SEGMENT)), began=datetime(2026, 1, 5, 23, 55, tzinfo=UTC))
    stated = [one for one in parts if isinstance(one, Silence)]
    assert sum(one.samples for one in stated) == len(quiet)
    assert max(one.samples for one in stated) <= 60 * RATE + SEGMENT
    assert sum(one.samples for one in stated if one.name.day.day == 5) == pytest.approx(300 * RATE, abs=SEGMENT)
    assert len(stated) <= 27
    assert all(one.name.suffix == SILENCE for one in stated)


@pytest.mark.parametrize(
    ("began", "days"),
    [
        (datetime(2028, 2, 28, 23, 59, 58, tzinfo=UTC), ["2028-02-28", "2028-02-29"]),
        (datetime(2028, 2, 29, 23, 59, 58, tzinfo=UTC), ["2028-02-29", "2028-03-01"]),
        (datetime(2026, 3, 29, 0, 59, 58, tzinfo=UTC), ["2026-03-29"]),  # when clocks go forward in Europe
        (datetime(2026, 10, 25, 0, 59, 58, tzinfo=UTC), ["2026-10-25"]),  # and back
    ],
)
def test_days_are_those_of_utc_whatever_the_calendar_does(began: datetime, days: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        closed = [one for one in recorded(list(blocks(noise(4 * SEGMENT))), began=began) if isinstance(one, RecordedSegment)]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert sorted({landing_path("mic", one.name).split("/")[2] for one in closed}) == days
    starts = [one.name.started_at for one in closed]
    assert [round((b - a).total_seconds(), 3) for a, b in pairwise(starts)] == [SEGMENT / RATE] * 3


def test_an_end_keeps_the_rest_and_a_stop_drops_it() -> None:
    recorder = Recorder(RATE, SEGMENT, None, NOON)
    heard = [one for block in blocks(noise(SEGMENT + 1000)) for one in recorder.feed(block)]
    assert len(heard) == 1
    assert list(recorder.finish(keep_rest=False)) == []
    (_whole, rest) = recorded(list(blocks(noise(SEGMENT + 1000))))
    assert isinstance(rest, RecordedSegment)
    assert len(rest.samples) == 1000


@pytest.fixture(scope="module")
def faulty() -> tuple[np.ndarray, list[Block], dict[str, int]]:
    """An hour over midnight: a crystal 50 ppm too fast, a clock that jumps, silence, lost and doubled blocks."""
    count = 3600 * RATE // BLOCK * BLOCK
    pcm = noise(count, seed=7)
    quiet = slice(40 * SEGMENT, 90 * SEGMENT)
    pcm[quiet] = np.random.default_rng(1).integers(-50, 50, 50 * SEGMENT)
    lost = [(3000, 1), (20_000, 40), (56_248, 3), (100_000, 700)]  # block and how many; the third is across midnight
    doubled = [30_000, 85_000]
    gone = {n for start, many in lost for n in range(start, start + many)}
    found = []
    began = datetime(2026, 1, 5, 23, 30, tzinfo=UTC).timestamp()
    for number in range(count // BLOCK):
        if number in gone:
            continue
        true = (number + 1) * BLOCK / RATE / (1 + 50e-6)
        jump = 3.0 if number > 66_000 else 0.0
        block = Block(pcm[number * BLOCK : (number + 1) * BLOCK], number * BLOCK, began + true + jump, true)
        found += [block, block] if number in doubled else [block]
    return pcm, found, {"lost": len(gone) * BLOCK, "doubled": len(doubled) * BLOCK, "silent": 50 * SEGMENT}


def test_an_hour_with_every_fault_come_back_sample_for_sample(
    faulty: tuple[np.ndarray, list[Block], dict[str, int]], folder_lake: Lake, sqlite_catalog: Catalog
) -> None:
    pcm, found, planted = faulty
    recorder = Recorder(RATE, SEGMENT)
    heard = np.zeros(len(pcm), np.int8)
    silent = 0
    names: list[SegmentName] = []
    for one in [one for block in found for one in recorder.feed(block)] + list(recorder.finish()):
        if isinstance(one, RecordedSegment) and not one.stored:
            continue
        names.append(one.name)
        path = landing_path("mic", one.name)
        folder_lake.write_bytes(path, one.file())
        if isinstance(one, Silence):
            silent += one.samples
            continue
        at = one.name.position
        stored, rate = read_pcm(folder_lake.read_bytes(path))
        assert rate == RATE
        np.testing.assert_array_equal(stored, pcm[at : at + len(stored)])
        heard[at : at + len(stored)] += 1
    quiet = slice(40 * SEGMENT, 90 * SEGMENT)
    assert (heard[quiet].sum() + silent, silent) == (50 * SEGMENT, silent)
    heard[quiet] = 1
    assert int(np.count_nonzero(heard == 0)) == planted["lost"]
    assert int(np.count_nonzero(heard == 2)) == planted["doubled"]
    assert [round(step) for step in recorder.steps] == [3]

    ledger = Ledger(sqlite_catalog)
    days = [date(2026, 1, 5), date(2026, 1, 6)]
    for day in days:
        update_segments(folder_lake, ledger, day, Segmenter(RATE, SEGMENT), now=NOON)
    rows = []
    for day in days:
        edges = midnight(day), midnight(day + timedelta(days=1))
        rows += coverage_of(ledger.segments(day), {"mic": ledger.neighbours("mic", *edges)}, day).to_pylist()
    total = {name: sum(row[name] for row in rows) for name in ("captured", "silent", "gap", "overlap")}
    block = BLOCK / RATE
    assert total["gap"] == pytest.approx(planted["lost"] / RATE, abs=block / 2)
    assert total["overlap"] == pytest.approx(planted["doubled"] / RATE, abs=block / 2)
    assert total["silent"] == pytest.approx(silent / RATE, abs=1e-6)
    assert total["captured"] + total["silent"] == pytest.approx((len(pcm) - planted["lost"] + planted["doubled"]) / RATE, abs=1e-6)
    assert [row["clock_steps"] for row in rows] == [0, 1]
    assert rows[0]["drift"] == pytest.approx(1800 * 50e-6, abs=0.02)
    assert rows[1]["drift"] == pytest.approx(3.0, abs=0.3)
    assert all(row["expected"] == pytest.approx(row["captured"] + row["silent"] + row["gap"] - row["overlap"]) for row in rows)
    assert COVERAGE.from_rows(rows).num_rows == 2

    # and by time: a stretch without a fault has no seam
    timeline = Timeline(folder_lake, folder_lake.read_days(SEGMENTS, days[:1]))
    first = next(name for name in names if name.position > 120 * SEGMENT)
    samples, rate, covered = timeline.read("mic", first.started_at, first.started_at + timedelta(seconds=60))
    assert covered == 1.0
    assert len(samples) == pytest.approx(60 * rate * (1 + 50e-6), abs=0.002 * rate)  # as many as the crystal made of a minute
    np.testing.assert_array_equal(samples, pcm[first.position : first.position + len(samples)])
