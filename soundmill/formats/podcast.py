"""Pod.Cast's tables of predictions and annotations: TSV with wav_filename, start_time_s, duration_s and, of predictions, confidence."""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass

from soundmill.errors import LabelFileRefused

_NEEDED = ("wav_filename", "start_time_s", "duration_s")


@dataclass(frozen=True)
class TimedSpan:
    """A span of a recording, in seconds from its first sample. `confidence` is 1.0 where the table does not tell."""

    wav_filename: str
    start_s: float
    duration_s: float
    confidence: float = 1.0


@dataclass(frozen=True)
class SpanTable:
    """Spans by recording and start, and whether the table tells how sure it is of each."""

    spans: tuple[TimedSpan, ...]
    has_confidence: bool

    def recordings(self) -> Mapping[str, list[TimedSpan]]:
        """Spans of each recording, by name, in order of time."""
        found: dict[str, list[TimedSpan]] = {}
        for span in self.spans:
            found.setdefault(span.wav_filename, []).append(span)
        return found


def read_spans(text: str) -> SpanTable:
    """Reads such a table. Raises `LabelFileRefused`, naming the first line that is none."""
    rows = csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
    names = rows.fieldnames or []
    if missing := [name for name in _NEEDED if name not in names]:
        raise LabelFileRefused(f"the table has no column {', '.join(missing)}; its first line names the columns, with tabs between")
    spans = [_span(number, row) for number, row in enumerate(rows, 2)]
    ordered = tuple(sorted(spans, key=lambda one: (one.wav_filename, one.start_s)))
    return SpanTable(ordered, "confidence" in names)


def _span(number: int, row: Mapping[str, str | None]) -> TimedSpan:
    try:
        start, long = float(row["start_time_s"] or ""), float(row["duration_s"] or "")
        confidence = float(row.get("confidence") or 1.0)
    except ValueError:
        raise LabelFileRefused(f"line {number}: start_time_s, duration_s and confidence are numbers") from None
    if not row["wav_filename"] or not all(map(math.isfinite, (start, long, confidence))) or start < 0 or long < 0:
        raise LabelFileRefused(f"line {number}: this names no span of a recording")
    return TimedSpan(row["wav_filename"], start, long, confidence)
