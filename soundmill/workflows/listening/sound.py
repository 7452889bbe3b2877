"""Sound by time: samples of a captured source, a download or an upload, counted from 1970.

Sample k of a source at rate r lies k / r seconds after the start of 1970, whatever files it is kept in, so that every slice of a moment
holds the same samples.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import numpy as np
import numpy.typing as npt

from soundmill.capture import SEGMENTS, Timeline, segment_row
from soundmill.catalog import Catalog, Item, SoundIndex
from soundmill.errors import NoAudio
from soundmill.lake import Lake
from soundmill.times import from_ms, midnight, to_ms

Int16 = npt.NDArray[np.int16]
Bools = npt.NDArray[np.bool_]
_HEADER = 44  # bytes of the WAVs that this project writes
_MARGIN = timedelta(seconds=1)
_USUAL_RATE = 44_100


class Sound(Protocol):
    """Samples by their number since 1970 at `sample_rate` Hz."""

    sample_rate: int

    def read(self, first: int, count: int) -> tuple[Int16, Bools]:
        """So many samples, zeros where there is no sound, and where there is some."""


@dataclass(frozen=True)
class Slice:
    """Samples from `first` on, shape (n,) int16, their rate in Hz, and the gaps in them, from and to, in samples of the slice."""

    first: int
    samples: Int16
    sample_rate: int
    gaps: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Span:
    """From `start` to `end`, in ms since 1970, there is sound (`sound`), or silence that was not kept (`silence`)."""

    start: int
    end: int
    state: str


class SoundByTime:
    """The sound of every source. A source is the name of a microphone, or the ledger's key of a download or an upload."""

    def __init__(self, lake: Lake, catalog: Catalog) -> None:
        self._lake, self.index = lake, SoundIndex(catalog)

    def open(self, source: str, start_ms: float, end_ms: float) -> Sound:
        """What there is from start to end. Raises `NoAudio`."""
        start, end = from_ms(start_ms), from_ms(end_ms)
        if "/" in source:
            return self._recording(source)
        items = self.index.segments(source, start - _MARGIN, end + _MARGIN)
        if not items:
            raise NoAudio(f"{source} has no sound between {start:%Y-%m-%d %H:%M:%S} and {end:%H:%M:%S} UTC")
        return _Captured(self._lake, items)

    def slice(self, source: str, start_ms: float, count: int) -> Slice:
        """`count` samples at the source's own rate, from the one nearest to a moment. Raises `NoAudio`."""
        sound = self.open(source, start_ms, start_ms + 1000 * count / 8000)
        first = round(start_ms * sound.sample_rate / 1000)
        samples, covered = sound.read(first, count)
        if not covered.any():
            raise NoAudio(f"{source} has no sound at {from_ms(start_ms):%Y-%m-%d %H:%M:%S} UTC")
        return Slice(first, samples, sound.sample_rate, _runs(~covered))

    def mark(self, source: str, start_ms: float, end_ms: float) -> str:
        """A mark that changes whenever the sound from start to end may; empty where there is none."""
        if "/" in source:
            found = self.index.recording(source)
            return found[1] if found else ""
        return self.index.mark(source, from_ms(start_ms) - _MARGIN, from_ms(end_ms) + _MARGIN)

    def spans(self, source: str, start_ms: float, end_ms: float) -> list[Span]:
        """Where there is sound, and where silence, in order of time; the rest is a gap."""
        if "/" in source:
            item, _ = self._item(source)
            begin = recording_start(item)
            return [Span(begin, begin + round(1000 * item.seconds), "sound")]
        found: list[Span] = []
        for place in self.index.places(source, from_ms(start_ms), from_ms(end_ms)):
            begin, state = to_ms(place.start), "sound" if place.state == "ready" else "silence"
            stop = begin + round(1000 * place.seconds)
            if found and found[-1].state == state and begin - found[-1].end <= 2:  # starts are kept to the millisecond
                found[-1] = Span(found[-1].start, max(stop, found[-1].end), state)
            else:
                found.append(Span(begin, stop, state))
        return found

    def _recording(self, key: str) -> "_Recording":
        item, _ = self._item(key)
        return _Recording(self._lake, item)

    def _item(self, key: str) -> tuple[Item, str]:
        found = self.index.recording(key)
        if found is None:
            raise NoAudio(f"there is no recording {key!r}")
        return found


def recording_start(item: Item) -> int:
    """When a download or an upload begins on the timeline, in ms: when it began, where that is known; else its day."""
    return to_ms(item.started_at or midnight(item.day))


class _Captured:
    """Segments of a source; those at a lower rate than its highest are resampled."""

    def __init__(self, lake: Lake, items: list[Item]) -> None:
        by_rate: dict[int, list[dict[str, object]]] = defaultdict(list)
        for item in items:
            row = segment_row(item, _USUAL_RATE)
            by_rate[int(str(row["sample_rate"]))].append(row)
        self.sample_rate = max(by_rate)
        self._source = items[0].source
        self._timelines = {rate: Timeline(lake, SEGMENTS.from_rows(by_rate[rate])) for rate in sorted(by_rate, reverse=True)}

    def read(self, first: int, count: int) -> tuple[Int16, Bools]:
        """See `Sound`. Read from whole seconds on, at which every rate has a sample."""
        begin, stop = first // self.sample_rate, -(-(first + count) // self.sample_rate)
        samples, covered = np.zeros((stop - begin) * self.sample_rate, np.int16), np.zeros((stop - begin) * self.sample_rate, bool)
        for rate, timeline in self._timelines.items():
            mine, there = self._at_rate(timeline, rate, begin, stop)
            if rate != self.sample_rate:
                mine, there = _resampled(mine, there, rate, self.sample_rate)
            fresh = there & ~covered
            samples[fresh] = mine[fresh]
            covered |= fresh
        offset = first - begin * self.sample_rate
        return samples[offset : offset + count], covered[offset : offset + count]

    def _at_rate(self, timeline: Timeline, rate: int, begin: int, stop: int) -> tuple[Int16, Bools]:
        samples, covered = np.zeros((stop - begin) * rate, np.int16), np.zeros((stop - begin) * rate, bool)
        try:
            _, pieces = timeline.pieces(self._source, from_ms(1000 * begin), from_ms(1000 * stop))
        except NoAudio:
            return samples, covered
        at = 0
        for piece, has_sound in pieces:
            room = max(0, len(samples) - at)
            if has_sound:
                samples[at : at + len(piece)] = piece[:room]
                covered[at : at + len(piece)] = True
            at += len(piece)
        return samples, covered


class _Recording:
    """A download or an upload: one WAV of this project's own, read in parts."""

    def __init__(self, lake: Lake, item: Item) -> None:
        self._lake, self._path = lake, item.path or ""
        head = lake.read_range(self._path, 0, _HEADER)
        self.sample_rate = int.from_bytes(head[24:28], "little")
        self._length = int.from_bytes(head[40:44], "little") // 2
        self._begins = round(recording_start(item) * self.sample_rate / 1000)

    def read(self, first: int, count: int) -> tuple[Int16, Bools]:
        """See `Sound`."""
        samples, covered = np.zeros(count, np.int16), np.zeros(count, bool)
        begin, stop = max(0, first - self._begins), min(self._length, first + count - self._begins)
        if stop > begin:
            data = self._lake.read_range(self._path, _HEADER + 2 * begin, _HEADER + 2 * stop)
            at = begin + self._begins - first
            found = np.frombuffer(data, "<i2")
            samples[at : at + len(found)] = found
            covered[at : at + len(found)] = True
        return samples, covered


def _resampled(samples: Int16, covered: Bools, rate: int, wanted: int) -> tuple[Int16, Bools]:
    import soxr

    count = len(samples) // rate * wanted
    found = np.zeros(count, np.int16)
    resampled = soxr.resample(samples, rate, wanted)[:count]
    found[: len(resampled)] = resampled
    return found, covered[np.minimum(np.arange(count) * rate // wanted, len(covered) - 1)]


def _runs(marked: Bools) -> tuple[tuple[int, int], ...]:
    """First and last (exclusive) places of unbroken runs."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8)))
    return tuple((int(a), int(b)) for a, b in edges.reshape(-1, 2))
