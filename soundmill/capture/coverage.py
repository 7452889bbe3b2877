"""How much of a source's day was heard: expected, captured, silent, missing and doubled seconds."""

from collections import defaultdict
from collections.abc import Iterable

import pyarrow as pa

from soundmill.catalog import Item
from soundmill.lake import DayTable, column

COVERAGE = DayTable(
    "capture_coverage",
    pa.schema(
        [
            column("source", pa.string(), "microphone or collection"),
            column("first", pa.timestamp("us", "UTC"), "UTC start of its first segment"),
            column("last", pa.timestamp("us", "UTC"), "UTC start of its last segment"),
            column("expected", pa.float64(), "seconds from the first start to the furthest end"),
            column("captured", pa.float64(), "seconds in ready segments"),
            column("silent", pa.float64(), "seconds held back by the gate"),
            column("gap", pa.float64(), "seconds in between that no segment covers"),
            column("overlap", pa.float64(), "seconds that more than one segment covers"),
            column("clipped", pa.float64(), "seconds of samples at full scale"),
            column("segments", pa.int32(), "ready and silent segments"),
        ]
    ),
    key=("source",),
)
_ROUNDING = 0.002  # seconds: starts are kept to the millisecond, so neighbours may seem to miss or double one


def coverage_of(segments: Iterable[Item]) -> pa.Table:
    """One row per source, in seconds, from ready and silent segments of a day.

    `expected` runs from the first segment's start to the furthest end, and equals captured + silent + gap - overlap; a `gap` is
    time in between without a segment, `overlap` time with more than one. `clipped` is time in samples at full scale.
    """
    by_source: dict[str, list[Item]] = defaultdict(list)
    for segment in segments:
        if segment.state in ("ready", "silent") and segment.started_at is not None:
            by_source[segment.source].append(segment)
    return COVERAGE.from_rows(_of_source(source, by_source[source]) for source in sorted(by_source))


def _of_source(source: str, segments: list[Item]) -> dict[str, object]:
    starts = [segment.started_at for segment in segments if segment.started_at is not None]
    origin = min(starts)
    spans = sorted(((start - origin).total_seconds(), segment.seconds) for start, segment in zip(starts, segments, strict=True))
    reached = spans[0][0]
    gap = overlap = 0.0
    for start, seconds in spans:
        step = start - reached
        if step > _ROUNDING:
            gap += step
        elif step < -_ROUNDING:
            overlap += min(-step, seconds)
        else:
            start = reached  # a neighbour: what rounding moved is neither missing nor doubled
        reached = max(reached, start + seconds)
    captured = sum(segment.seconds for segment in segments if segment.state == "ready")
    silent = sum(segment.seconds for segment in segments if segment.state == "silent")
    clipped = sum(segment.measures["clipped"] * segment.seconds / segment.measures["samples"] for segment in segments)
    by_start = sorted(segments, key=lambda segment: segment.started_at or origin)
    return {
        "source": source,
        "first": origin,
        "last": by_start[-1].started_at,
        "expected": reached - spans[0][0],
        "captured": captured,
        "silent": silent,
        "gap": gap,
        "overlap": overlap,
        "clipped": clipped,
        "segments": len(segments),
    }
