"""What a redaction would erase: segments that nobody annotated in an interval, or silent files; and the files of what is withdrawn.

The plan is made here; `workflows/erasure.py` carries it out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from soundmill.capture.interrupted import CUTTING, FILE_DELETED
from soundmill.capture.landing import SIDECAR, landed_on
from soundmill.capture.naming import SILENCE
from soundmill.catalog import Annotations, Catalog, Item, Ledger, Span
from soundmill.formats.annotation import Annotation
from soundmill.lake import Lake
from soundmill.times import days_between

KEPT_AROUND = 2  # segments on either side of an annotation


@dataclass(frozen=True)
class Redaction:
    """What is to go: `spans` of the source's timeline with the segments that there are of them, and files; `kept` segments of the interval
    stay for their annotations.

    `kind` is interval or silence, `name` the source with the interval.
    """

    kind: str
    source: str
    name: str
    spans: tuple[Span, ...]
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
    kept = [item for item in inside if item.key in protected]
    spans = _without(min([start, *map(_start, gone)]), max([end, *map(_end, gone)]), kept)
    seconds = sum(item.seconds for item in fresh)
    return Redaction("interval", source, _name(source, start, end), spans, fresh, tuple(sorted(files)), len(kept), seconds)


def plan_silent(catalog: Catalog, source: str, start: datetime, end: datetime) -> Redaction:
    """Landed files between two moments that hold nothing but silence. Their seconds still count as silent: only the sound goes."""
    ledger = Ledger(catalog)
    items = [item for item in ledger.between(source, start, end) if item.state != "cut"]
    files: dict[str, list[Item]] = {}
    for item in items:
        files.setdefault(item.parent or item.key, []).append(item)
    silent = {path: parts for path, parts in files.items() if all(part.state == "silent" for part in parts) and not path.endswith(SILENCE)}
    silent = {path: parts for path, parts in silent.items() if len(parts) == len(ledger.parts(path) or parts)}
    seconds = sum(part.seconds for parts in silent.values() for part in parts)
    return Redaction("silence", source, _name(source, start, end), (), (), tuple(sorted(silent)), 0, seconds)


def uncut_files(lake: Lake, ledger: Ledger, source: str, start: datetime, end: datetime) -> list[str]:
    """Landed files of the interval's days that no run has cut yet: what they hold of a withdrawn span goes when their day is next made."""
    found = []
    for day in days_between((start - timedelta(days=1)).date(), end.date()):
        files, _ = landed_on(lake, day)
        known = ledger.landed(day)
        found += [file.path for file in files if file.source == source and (file.key not in known or known[file.key].started_at is None)]
    return found


def delete_withdrawn(lake: Lake, ledger: Ledger, segments: Sequence[Item], files: Sequence[str] = ()) -> int:
    """Deletes the files of withdrawn segments, the landed files they were cut from, and `files`; returns how many there were."""
    paths = {path for item in segments for path in (item.measures.get("original_path"), item.parent or item.key) if path} | set(files)
    # the file of a cut that was killed is still needed: it goes once the cut is done
    known = ledger.known(sorted(paths))
    unfinished = {key for key, item in known.items() if item.fingerprint == CUTTING}
    # a recording that lands again is looked at again, even if it is the same to the byte and to the second
    recordings = sorted(key for key, item in known.items() if item.state == "cut" and key not in unfinished)
    if recordings:
        ledger.set_fingerprint(recordings, FILE_DELETED)
    deleted = 0
    for path in sorted(paths - unfinished - ledger.paths_in_use(paths, "")):
        for name in (path, path + SIDECAR):
            if lake.exists(name):
                lake.delete(name)
                deleted += name == path
    ledger.files_are_gone(segments)
    return deleted


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


def _without(start: datetime, end: datetime, kept: Sequence[Item]) -> tuple[Span, ...]:
    """What is left from start to end without the kept segments."""
    spans: list[Span] = []
    for item in sorted(kept, key=_start):
        if _start(item) > start:
            spans.append((start, min(end, _start(item))))
        start = max(start, _end(item))
    return (*spans, (start, end)) if end > start else tuple(spans)


def _overlaps(item: Item, start: datetime, end: datetime) -> bool:
    return _start(item) < end and _end(item) > start


def _start(item: Item) -> datetime:
    assert item.started_at is not None
    return item.started_at


def _end(item: Item) -> datetime:
    return _start(item) + timedelta(seconds=item.seconds)
