"""Label files: CSV with absolute times, and Audacity's label tracks with seconds from the start of a recording."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import Literal

from soundmill.errors import LabelFileRefused, UnreadableTime
from soundmill.formats.annotation import Annotation, check_tag, clean_tag
from soundmill.formats.spreadsheets import cell, named_cells, read_rows
from soundmill.times import parse_instant

CSV_COLUMNS = ("source", "start", "end", "tag", "author", "low_hz", "high_hz")
ORIGIN_COLUMNS = ("origin", "state", "model", "model_version", "score")


Bad = Literal["refuse", "skip", "rename"]
_MOST_NAMED = 200  # bad lines


@dataclass(frozen=True)
class Placement:
    """What a label file does not say itself: the source, the moment its second 0 stands for, and who labelled.

    `bad` says what becomes of lines that are no annotations: "refuse" the file, naming them all; "skip" them; or "rename" tags to the
    nearest that can be, and skip the rest.
    """

    source: str = ""
    started_at: datetime | None = None
    author: str = ""
    bad: Bad = "refuse"


@dataclass(frozen=True)
class Labels:
    """What a label file holds: its annotations, and what is to be said of lines that were renamed or skipped."""

    annotations: list[Annotation]
    notes: list[str]


@dataclass(frozen=True)
class Provenance:
    """How a label came to be: drawn, imported, or a prediction (of a model version, with a score) that was kept as it was or moved."""

    origin: str
    state: str
    model: str | None = None
    model_version: int | None = None
    score: float | None = None


def read_csv(text: str, placement: Placement) -> Labels:
    """Columns source, start, end, tag and, if wanted, author, low_hz and high_hz, in any order, with a header line.

    `start` is a moment (ISO 8601, or epoch in ms), and so is `end`; with `placement.started_at` both may be seconds from it. Without
    a column source, `placement.source` counts for all. Raises `LabelFileRefused`.
    """
    rows = read_rows(text, LabelFileRefused)
    names = [name.lower() for name in rows[0].cells] if rows else []
    if missing := {"start", "end", "tag"} - set(names):
        hint = "; for an Audacity label track, give --format audacity" if "\t" in text[:500] else ""
        raise LabelFileRefused(f"the header lacks {', '.join(sorted(missing))}; it takes {', '.join(CSV_COLUMNS)}{hint}")
    found = _Collected(placement)
    for row in rows[1:]:
        values = dict.fromkeys(names, "") | named_cells(row, names, LabelFileRefused)
        source, author = values.get("source") or placement.source, values.get("author") or placement.author
        found.add(row.line, source, (values["start"], values["end"]), values["tag"], author, (values.get("low_hz"), values.get("high_hz")))
    return found.labels()


def write_csv(annotations: Iterable[Annotation], provenance: Mapping[Annotation, Provenance] | None = None) -> str:
    """What `read_csv` reads; with `provenance` also the columns `ORIGIN_COLUMNS`, which it passes over."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS if provenance is None else (*CSV_COLUMNS, *ORIGIN_COLUMNS))
    for a in annotations:
        row = [a.source, a.start.isoformat(), a.end.isoformat(), a.tag, a.author, _text(a.low_hz), _text(a.high_hz)]
        if provenance is not None:
            row += [_text(value) for value in astuple(provenance.get(a, Provenance("", "")))]
        writer.writerow(map(cell, row))
    return out.getvalue()


def _text(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def read_audacity(text: str, placement: Placement) -> Labels:
    """An Audacity label track: start and end in seconds and a label, by tabs; lines that begin with a backslash (frequencies) are
    passed over, and so are labels without text. Needs `placement.source` and `placement.started_at`. Raises `LabelFileRefused`."""
    if not placement.source or placement.started_at is None:
        raise LabelFileRefused("an Audacity label track says neither source nor date: give --source and --started-at")
    found = _Collected(placement)
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if not line.strip() or line.startswith("\\"):
            continue
        parts = line.split("\t")
        if len(parts) < 2:
            raise LabelFileRefused(f"line {number}: expected start, end and label, separated by tabs")
        if len(parts) == 2 or not parts[2].strip():
            continue
        found.add(number, placement.source, (parts[0], parts[1]), parts[2].strip(), placement.author)
    return found.labels()


def write_audacity(annotations: Sequence[Annotation], started_at: datetime | None) -> str:
    """A label track with seconds from `started_at`; what lies before it is left out. Raises `LabelFileRefused` without it."""
    if started_at is None:
        raise LabelFileRefused("an Audacity label track needs the moment of its second 0: give --started-at")
    lines = []
    for a in annotations:
        start, end = ((moment - started_at).total_seconds() for moment in (a.start, a.end))
        if end > 0:
            lines.append(f"{max(0.0, start):.6f}\t{end:.6f}\t{a.tag}\n")
    return "".join(lines)


READERS: dict[str, Callable[[str, Placement], Labels]] = {"csv": read_csv, "audacity": read_audacity}
WRITERS: dict[str, Callable[[Sequence[Annotation], datetime | None, Mapping[Annotation, Provenance]], str]] = {
    "csv": lambda annotations, _, provenance: write_csv(annotations, provenance),
    "audacity": lambda annotations, started_at, _: write_audacity(annotations, started_at),
}


def _moment(text: str, placement: Placement) -> datetime:
    if placement.started_at is not None:
        try:
            return placement.started_at + timedelta(seconds=float(text.replace(",", ".")))
        except (ValueError, OverflowError):
            pass
    return parse_instant(text)


class _Collected:
    """The annotations of a file as they are read, and its bad lines, of which all are named at once."""

    def __init__(self, placement: Placement) -> None:
        self._placement, self._annotations = placement, list[Annotation]()
        self._bad, self._notes = list[str](), list[str]()

    def add(
        self, line: int, source: str, span: tuple[str, str], tag: str, author: str, band: tuple[str | None, str | None] = (None, None)
    ) -> None:
        """Takes a line; `band` are its bounds in Hz, where it has any."""
        if not source:
            raise LabelFileRefused(f"line {line}: no source; add a column source or give --source")
        try:
            start, end = (_moment(text, self._placement) for text in span)
            if end == start:  # a point label marks a moment: a tenth of a second around it
                start, end = start - timedelta(seconds=0.05), end + timedelta(seconds=0.05)
            low, high = (float(text.replace(",", ".")) if text else None for text in band)
            self._annotations.append(Annotation(source, start, end, self._fitting(line, tag), author, low, high))
        except (UnreadableTime, ValueError, OverflowError) as error:
            self._bad.append(f"line {line}: {error}")

    def labels(self) -> Labels:
        """What was read. Raises `LabelFileRefused` where lines are bad and that is not allowed."""
        if self._bad and self._placement.bad == "refuse":
            more = f"\nand {len(self._bad) - _MOST_NAMED} lines more" if len(self._bad) > _MOST_NAMED else ""
            raise LabelFileRefused("\n".join(self._bad[:_MOST_NAMED]) + more)
        return Labels(self._annotations, self._notes + [f"{line}; it is left out" for line in self._bad])

    def _fitting(self, line: int, tag: str) -> str:
        if self._placement.bad != "rename":
            return tag
        try:
            check_tag(tag)
        except ValueError:
            nearest = clean_tag(tag)
            if nearest and nearest != tag:
                self._notes.append(f"line {line}: {tag!r} becomes {nearest!r}")
                return nearest
        return tag
