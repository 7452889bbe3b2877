"""How much of a source's day was recorded: expected, captured, silent, missing and doubled seconds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

import pyarrow as pa

from soundmill.catalog import Item
from soundmill.lake import column, day_table
from soundmill.times import from_ms, midnight

COVERAGE = day_table(
    "capture_coverage",
    pa.schema(
        [
            column("source", pa.string(), "microphone or collection"),
            column("first", pa.timestamp("us", "UTC"), "UTC start of its first segment; midnight where nothing was recorded all day"),
            column("last", pa.timestamp("us", "UTC"), "UTC start of its last segment; midnight where nothing was recorded all day"),
            column("expected", pa.float64(), "seconds that ought to have been recorded: captured + silent + gap - overlap"),
            column("captured", pa.float64(), "seconds in ready segments"),
            column("silent", pa.float64(), "seconds held back by the gate"),
            column("gap", pa.float64(), "seconds between, and up to a midnight beyond which there is sound, that no segment covers"),
            column("overlap", pa.float64(), "seconds that more than one segment covers"),
            column("clipped", pa.float64(), "seconds of samples at full scale"),
            column("drift", pa.float64(), "seconds by which the clock and the count of samples came apart at most, within a session"),
            column("clock_steps", pa.int32(), "how often the clock was anchored anew"),
            column("sessions", pa.int32(), "how often a capture began or went on; 0 for files that nobody captured"),
            column("segments", pa.int32(), "ready and silent segments; a silence that a capture reports counts as one"),
        ]
    ),
    key=("source",),
    version=2,
)
_ROUNDING = 0.002  # seconds: starts are kept to the millisecond, so neighbours may seem to miss or double one
_STEP = 0.2  # seconds between clock and samples from one segment to the next: more than the slewing of a clock
_HEARD = ("ready", "silent")


Neighbours = tuple[Item | None, Item | None]


@dataclass(frozen=True, slots=True)
class Span:
    """A segment on its source's timeline, in seconds since an origin. In a session the count of samples tells its place."""

    start: float
    seconds: float
    state: str


def coverage_of(segments: Iterable[Item], neighbours: Mapping[str, Neighbours] | None = None, day: date | None = None) -> pa.Table:
    """One row per source, in seconds, from ready and silent segments of a day.

    `neighbours` holds each source's last segment before the day and its first after it, None where there is none. Where they were captured,
    what is missing between them and this day's counts, up to the day's midnights; so does a day on which nothing was recorded at all.
    """
    found = _by_source(segments)
    rows: list[dict[str, object] | None] = []
    for source in sorted({*found, *(neighbours or {})}):
        before, after = (one if one and "session" in one.measures else None for one in (neighbours or {}).get(source, (None, None)))
        if source in found:
            rows.append(_row(source, found[source], before, after, day))
        elif before and after and day is not None:
            rows.append(_nothing_recorded(source, before, after, day))
    return COVERAGE.from_rows(row for row in rows if row)


def spans_of(segments: Iterable[Item], origin: datetime) -> dict[str, list[Span]]:
    """The segments of each source in order of time, for a picture."""
    return {source: sorted(_spans(items, origin), key=lambda span: span.start) for source, items in sorted(_by_source(segments).items())}


def _by_source(segments: Iterable[Item]) -> dict[str, list[Item]]:
    by_source: dict[str, list[Item]] = defaultdict(list)
    for segment in segments:
        if segment.state in _HEARD and segment.started_at is not None:
            by_source[segment.source].append(segment)
    return by_source


def _nothing_recorded(source: str, before: Item, after: Item, day: date) -> dict[str, object] | None:
    """The row of a day between two on which there was sound; None where a segment reaches over all of it."""
    begin, end = midnight(day), midnight(day + timedelta(days=1))
    gap = _between(before, after)
    missing = _seconds_before(end, after, gap) - _seconds_before(begin, after, gap)
    if missing <= 0:
        return None
    nothing = dict.fromkeys(("captured", "silent", "overlap", "clipped", "drift"), 0.0)
    counts = dict.fromkeys(("clock_steps", "sessions", "segments"), 0)
    return {"source": source, "first": begin, "last": begin, "expected": missing, "gap": missing, **nothing, **counts}


def _row(source: str, segments: list[Item], before: Item | None, after: Item | None, day: date | None) -> dict[str, object]:
    starts = [_start(segment) for segment in segments]
    origin = min(starts)
    spans = sorted(_spans(segments, origin), key=lambda span: span.start)
    gap = overlap = 0.0
    reached = spans[0].start
    for span in spans:
        step, start = span.start - reached, span.start
        if step > _ROUNDING:
            gap += step
        elif step < -_ROUNDING:
            overlap += min(-step, span.seconds)
        else:
            start = reached  # a neighbour: what rounding moved is neither missing nor doubled
        reached = max(reached, start + span.seconds)
    if day is not None and before is not None:
        between = _between(before, first := min(segments, key=_start))
        overlap += max(0.0, -between)
        gap += max(0.0, between - _seconds_before(midnight(day), first, between))
    if day is not None and after is not None:
        between = _between(max(segments, key=_start), after)
        gap += _seconds_before(midnight(day + timedelta(days=1)), after, between)
    captured = sum(segment.seconds for segment in segments if segment.state == "ready")
    silent = sum(segment.seconds for segment in segments if segment.state == "silent")
    clipped = sum(segment.measures["clipped"] * segment.seconds / segment.measures["samples"] for segment in segments)
    drifts = [_drift(of_session) for of_session in _sessions(segments).values()]
    return {
        "source": source,
        "first": origin,
        "last": max(starts),
        "expected": captured + silent + gap - overlap,
        "captured": captured,
        "silent": silent,
        "gap": gap,
        "overlap": overlap,
        "clipped": clipped,
        "drift": max((most for most, _ in drifts), default=0.0),
        "clock_steps": sum(steps for _, steps in drifts),
        "sessions": len(drifts),
        "segments": len(segments),
    }


def _between(one: Item, next_one: Item) -> float:
    """Seconds from the end of one segment to the start of another: by their samples where both are of one session; negative where they
    overlap. What rounding may have moved is nothing."""
    session = one.measures.get("session")
    if session is not None and session == next_one.measures.get("session"):
        seconds = _place(next_one) - _place(one) - one.seconds
    else:
        seconds = (_start(next_one) - _start(one)).total_seconds() - one.seconds
    return seconds if abs(seconds) > _ROUNDING else 0.0


def _seconds_before(moment: datetime, segment: Item, gap: float) -> float:
    """How much of the gap that ends where a segment starts lies before a moment."""
    return min(max(0.0, gap), max(0.0, gap - (_start(segment) - moment).total_seconds()))


def _spans(segments: Sequence[Item], origin: datetime) -> list[Span]:
    """Places of segments in time. Those of a session hang on its first one, by their samples."""
    own = _sessions(segments)
    spans = []
    for segment in segments:
        start = (_start(segment) - origin).total_seconds()
        if of_session := own.get(segment.measures.get("session", -1)):
            start = (_start(of_session[0]) - origin).total_seconds() + _place(segment) - _place(of_session[0])
        spans.append(Span(start, segment.seconds, segment.state))
    return spans


def _sessions(segments: Iterable[Item]) -> dict[int, list[Item]]:
    """The segments of each session, in order of position."""
    found: dict[int, list[Item]] = defaultdict(list)
    for segment in segments:
        if "session" in segment.measures:
            found[segment.measures["session"]].append(segment)
    return {session: sorted(items, key=lambda item: item.measures["position"]) for session, items in found.items()}


def _drift(of_session: Sequence[Item]) -> tuple[float, int]:
    """How far the clock and the count of samples came apart at most, and how often at once."""
    away = [(_start(one) - from_ms(one.measures["session"])).total_seconds() - _place(one) for one in of_session]
    steps = sum(abs(b - a) > _STEP for a, b in pairwise(away))
    return max(away) - min(away), steps


def _place(segment: Item) -> float:
    """Seconds of samples from the session's first to the segment's."""
    return float(segment.measures["position"] * segment.seconds / segment.measures["samples"])


def _start(segment: Item) -> datetime:
    assert segment.started_at is not None
    return segment.started_at
