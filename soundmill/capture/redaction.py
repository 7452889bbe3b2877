"""What a redaction would erase: segments that nobody annotated in an interval, or files that are silent.

Only the plan is made here; `workflows/erasure.py` carries it out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from soundmill.capture.naming import SILENCE
from soundmill.catalog import Annotations, Catalog, Item, Ledger
from soundmill.formats.annotation import Annotation

KEPT_AROUND = 2  # segments on either side of an annotation


@dataclass(frozen=True)
class Redaction:
    """What is to go: segments that become withdrawn, and files; `kept` segments of the interval stay for their annotations.

    `kind` is interval or silence, `name` the source with the interval.
    """

    kind: str
    name: str
    segments: tuple[Item, ...]
    files: tuple[str, ...]
    kept: int
    seconds: float


def plan_redaction(catalog: Catalog, source: str, start: datetime, end: datetime, keep: int = KEPT_AROUND) -> Redaction:
    """The segments between two moments, and the landed files they were cut from, but for those that an annotation touches and `keep` on
    either side. A recording that keeps some segments keeps these alone: its file goes.

    What an earlier redaction was cut off from deleting is in it again.
    """
    ledger = Ledger(catalog)
    around = timedelta(days=1)
    every = [item for item in ledger.between(source, start - around, end + around) if item.state != "cut" and item.started_at is not None]
    marks = [one for one in Annotations(catalog).of_days((start - 2 * around).date(), (end + around).date()) if one.source == source]
    protected = _protected(every, marks, keep)
    inside = [item for item in every if _overlaps(item, start, end)]
    gone = [item for item in inside if item.key not in protected]
    files = {path for item in gone for path in (item.path, item.measures.get("original_path"), item.parent or item.key) if path}
    fresh = tuple(item for item in gone if item.state != "withdrawn")
    return Redaction(
        "interval", _name(source, start, end), fresh, tuple(sorted(files)), len(inside) - len(gone), sum(item.seconds for item in fresh)
    )


def plan_silent(catalog: Catalog, source: str, start: datetime, end: datetime) -> Redaction:
    """Landed files between two moments that hold nothing but silence. Their seconds still count as silent: only the sound goes."""
    ledger = Ledger(catalog)
    items = [item for item in ledger.between(source, start, end) if item.state != "cut"]
    files: dict[str, list[Item]] = {}
    for item in items:
        files.setdefault(item.parent or item.key, []).append(item)
    silent = {path: parts for path, parts in files.items() if all(part.state == "silent" for part in parts) and not path.endswith(SILENCE)}
    silent = {path: parts for path, parts in silent.items() if len(parts) == len(ledger.parts(path) or parts)}
    return Redaction(
        "silence", _name(source, start, end), (), tuple(sorted(silent)), 0, sum(part.seconds for parts in silent.values() for part in parts)
    )


def _name(source: str, start: datetime, end: datetime) -> str:
    return f"{source} {start.isoformat()} {end.isoformat()}"


def _protected(items: Sequence[Item], marks: Sequence[Annotation], keep: int) -> set[str]:
    """Keys of the segments that annotations touch, and of `keep` before and after each of them."""
    ordered = sorted((item for item in items if item.state != "withdrawn"), key=_start)
    protected: set[str] = set()
    for place, item in enumerate(ordered):
        if any(_overlaps(item, mark.start, mark.end) for mark in marks):
            protected |= {one.key for one in ordered[max(0, place - keep) : place + keep + 1]}
    return protected


def _overlaps(item: Item, start: datetime, end: datetime) -> bool:
    return _start(item) < end and _start(item) + timedelta(seconds=item.seconds) > start


def _start(item: Item) -> datetime:
    assert item.started_at is not None
    return item.started_at
