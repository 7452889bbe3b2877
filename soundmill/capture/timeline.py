"""Sound by time: any span of a source's timeline as samples, stitched from its segments."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from soundmill.audio import read_pcm
from soundmill.audio.reader import Int16
from soundmill.errors import NoAudio
from soundmill.fingerprint import digest
from soundmill.lake import Lake
from soundmill.times import from_ms

_ZEROS = 1 << 20  # samples at a time
_STEP_SECONDS = 0.05  # between neighbours by their samples: more is no slewing
_ROUNDED = timedelta(milliseconds=1)
_SNAP_SECONDS = 0.002  # starts are kept to the millisecond: neighbours closer than this join without a seam


@dataclass(frozen=True, slots=True)
class _Span:
    started_at: datetime
    seconds: float
    sample_rate: int
    path: str
    content_hash: str
    session: int | None
    position: int | None


class Timeline:
    """The segments of a table `captured_segments`, ready to be read by time."""

    def __init__(self, lake: Lake, segments: pa.Table) -> None:
        self._lake = lake
        self._by_source: dict[str, list[_Span]] = defaultdict(list)
        known = [name for name in ("recording", "offset") if name in segments.column_names]
        rows = segments.select(["source", *(each.name for each in fields(_Span)), *known]).to_pylist()
        # a recording's own start is in ms, as its name
        begins = {(row["source"], row["recording"]): row["started_at"] for row in rows if row.get("offset") == 0}
        for row in rows:
            source, recording, offset = row.pop("source"), row.pop("recording", None), row.pop("offset", 0)
            span = _Span(**row)
            self._by_source[source].append(replace(span, started_at=_exact(span, begins.get((source, recording)), offset)))
        self._longest = defaultdict(float, {source: max(span.seconds for span in spans) for source, spans in self._by_source.items()})
        for spans in self._by_source.values():
            spans.sort(key=lambda span: span.started_at)
        self._cached: tuple[str, Int16] | None = None

    def read(self, source: str, start: datetime, end: datetime) -> tuple[Int16, int, float]:
        """Samples from start to end, shape (n,) int16, gaps filled with zeros; their rate in Hz; the share that segments cover.

        Raises `NoAudio`.
        """
        rate, pieces = self.pieces(source, start, end)
        found = list(pieces)
        samples = np.concatenate([piece for piece, _ in found])
        covered = sum(len(piece) for piece, there in found if there)
        if not covered:
            raise NoAudio(f"{source} has no sound between {start:%Y-%m-%d %H:%M:%S} and {end:%H:%M:%S} UTC")
        return samples, rate, min(1.0, covered / len(samples))

    def pieces(self, source: str, start: datetime, end: datetime) -> tuple[int, Iterator[tuple[Int16, bool]]]:
        """The rate in Hz, and what lies from start to end piece by piece: samples, shape (n,) int16, and whether they are sound; what is
        missing is zeros. Memory does not grow with the span. Raises `NoAudio`.
        """
        touching = self._touching(source, start, end)
        if not touching:
            raise NoAudio(f"{source} has no segment between {start:%Y-%m-%d %H:%M:%S} and {end:%H:%M:%S} UTC")
        if len(touching) > 1 and touching[0].started_at + timedelta(seconds=touching[0].seconds - _SNAP_SECONDS) <= start:
            touching = touching[1:]  # only rounding makes the segment before reach into this span
        rate = touching[0].sample_rate
        return rate, self._pieces([span for span in touching if span.sample_rate == rate], start, end)  # the first rate holds

    def _pieces(self, spans: Sequence[_Span], start: datetime, end: datetime) -> Iterator[tuple[Int16, bool]]:
        """Of spans at one rate. Where they overlap, what was there first counts.

        Neighbours join by their samples however long the span is, so that it may hold some more or fewer samples than its length in
        seconds would have: as many as the source's crystal made of it.
        """
        rate = spans[0].sample_rate
        snap = _SNAP_SECONDS * rate
        nominal = max(1, round((end - start).total_seconds() * rate))
        written, reached, before = 0, 0, None
        for span in spans:
            at = round((span.started_at - start).total_seconds() * rate)
            if before is not None:
                apart = (span.started_at - before.started_at).total_seconds() - before.seconds
                joined = abs(apart) <= (_STEP_SECONDS if _follows(before, span) else _SNAP_SECONDS)  # a clock that was set parts them
                at = reached if joined else reached + round(apart * rate)
            pcm = self._pcm(span.path)
            before, reached = span, at + len(pcm)
            limit = at + round((end - span.started_at).total_seconds() * rate)
            left, right = max(at, written), min(reached, nominal if abs(limit - nominal) <= snap else limit)
            if right <= left:
                continue
            yield from _zeros(left - written)
            yield pcm[left - at : right - at], True
            written = right
        assert before is not None
        rest = round((end - before.started_at).total_seconds() * rate - before.seconds * rate) if written == reached else 0
        yield from _zeros(nominal - written if abs(written + rest - nominal) <= snap else rest)

    def content(self, source: str, start: datetime, end: datetime) -> str:
        """A hash of the segments between start and end, which changes whenever `read` may give other samples."""
        return digest(f"{span.content_hash} {span.started_at}" for span in self._touching(source, start, end))

    def _touching(self, source: str, start: datetime, end: datetime) -> list[_Span]:
        spans = self._by_source.get(source, [])
        first = bisect_left(spans, start - timedelta(seconds=self._longest[source]), key=lambda span: span.started_at)
        last = bisect_left(spans, end, key=lambda span: span.started_at)
        return [span for span in spans[first:last] if span.started_at + timedelta(seconds=span.seconds) > start]

    def _pcm(self, path: str) -> Int16:
        if self._cached is None or self._cached[0] != path:
            with self._lake.local_file(path) as local:
                self._cached = (path, read_pcm(str(local))[0])
        return self._cached[1]


def _exact(span: _Span, recording_began: datetime | None, offset: int) -> datetime:
    """A segment's start to the sample, by its place in its run or recording; it is kept to the millisecond.

    As it is kept where the clock of its run was slewed away from the count of samples.
    """
    found = span.started_at
    if span.session is not None and span.position is not None:
        found = from_ms(span.session) + timedelta(seconds=span.position / span.sample_rate)
    elif recording_began is not None:
        found = recording_began + timedelta(seconds=offset / span.sample_rate)
    return found if abs(found - span.started_at) <= _ROUNDED else span.started_at


def _zeros(count: int) -> Iterator[tuple[Int16, bool]]:
    for start in range(0, count, _ZEROS):
        yield np.zeros(min(_ZEROS, count - start), np.int16), False


def _follows(before: _Span, span: _Span) -> bool:
    """Whether one is the next of the other by the count of samples."""
    if before.session is None or before.session != span.session or before.position is None or span.position is None:
        return False
    return before.position + round(before.seconds * before.sample_rate) == span.position
