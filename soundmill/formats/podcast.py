"""Pod.Cast's tables: predictions, TSV with wav_filename, start_time_s, duration_s and confidence; and archives of labels."""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from soundmill.errors import LabelFileRefused
from soundmill.formats.spreadsheets import cell
from soundmill.names import file_name

_NEEDED = ("wav_filename", "start_time_s", "duration_s")
_NEEDED_OF_ARCHIVE = ("dataset", *_NEEDED, "location", "date", "pst_or_master_tape_identifier")
_PACIFIC = timedelta(hours=8)  # that standard time is behind UTC


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


@dataclass(frozen=True)
class Archived:
    """A line of an archive of labels: a span in a session's recording, of a round (the data set) and a source (the location).

    Without a tag it says that nothing is in the session.
    """

    dataset: str
    location: str
    session_start: datetime
    session_end: datetime
    start_s: float = 0.0
    duration_s: float = 0.0
    tag: str = ""


def write_archive(lines: Iterable[Archived]) -> str:
    """Pod.Cast's archive of labels, and a column for the tag."""
    out = io.StringIO()
    table = csv.writer(out, delimiter="\t", lineterminator="\n")
    table.writerow((*_NEEDED_OF_ARCHIVE, "tag"))
    for one in lines:
        when = one.session_start
        place = (one.dataset, wav_name(one.location, when, one.session_end), f"{one.start_s:.3f}", f"{one.duration_s:.3f}", one.location)
        table.writerow(map(cell, (*place, f"{when:%Y-%m-%d}", f"{when - _PACIFIC:%H:%M:%S}", one.tag)))
    return out.getvalue()


def wav_name(source: str, start: datetime, end: datetime) -> str:
    """The name of a stretch's WAV: its UTC start, to the millisecond, its length in ms, and its source."""
    return (
        f"{start:%Y-%m-%dT%H-%M-%S}-{start.microsecond // 1000:03d}_{round((end - start).total_seconds() * 1000)}_{file_name(source)}.wav"
    )


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
