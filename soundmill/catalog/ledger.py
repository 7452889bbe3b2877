"""The ledger: one row for every piece of audio, from where it came to what became of it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, bindparam, delete, func, select, true, update
from sqlalchemy.orm import Session

from soundmill.catalog.database import Catalog
from soundmill.catalog.schema import ItemRow, ProcessedRow, WithdrawnSpanRow
from soundmill.catalog.spans import Span, lies_in, timeline_lock
from soundmill.fingerprint import is_stale, stale_mark

ItemState = Literal["ready", "silent", "duplicate", "quarantined", "withdrawn", "cut"]
ItemKind = Literal["recording", "segment", "download", "upload", "take"]
CAPTURED: tuple[ItemKind, ...] = ("recording", "segment")
DOWNLOADED: tuple[ItemKind, ...] = ("download",)
TRUNCATED_KEPT = "truncated_kept"
_BATCH = 500
_LONGEST_SEGMENT = timedelta(hours=1)
_LAST = 8  # segments that can have sound in one piece; where they are short there are more


@dataclass(frozen=True)
class Item:
    """One piece of audio.

    A landed file that makes one segment is that segment's row; a longer one is a `recording` in state `cut`, whose segments
    carry `parent`. The seconds of all states but `cut` therefore add up to the raw audio, each second once.

    key          stable name: the landed path, with `#` and a number for a segment cut from a longer recording;
                 downloads/{conversation}/{speaker} for a download; uploads/{uuid} for an upload; takes/{set}/{key} for a take
    kind         recording, segment, download, upload, take
    day          UTC date of the audio itself (of the landing folder where the audio could not be read); of a download's request
    landed       date folder it was landed in; None for a segment of a longer recording
    fingerprint  of the input and of how it was treated: an item is redone when it differs
    started_at   UTC moment of the first sample; seconds: its length
    path         the stored WAV in the lake (of what is ready, and of a download that is a duplicate); content_hash: its sha256
    blocked_by   key of the item that has the same moment or the same sound, for a duplicate or a conflict
    turns        when somebody speaks, in seconds, of a download; None where it is not asked for: most readers do not need it
    reason       one short word why it is not ready, or what is wrong with what is used all the same; message: a sentence;
                 transient: whether a later attempt may succeed
    """

    key: str
    kind: ItemKind
    source: str
    day: date
    state: ItemState
    fingerprint: str
    landed: date | None = None
    parent: str | None = None
    started_at: datetime | None = None
    seconds: float = 0.0
    path: str | None = None
    content_hash: str | None = None
    measures: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None
    message: str | None = None
    transient: bool = False
    attempts: int = 1
    next_attempt_at: datetime | None = None
    blocked_by: str | None = None
    turns: list[list[float]] | None = None

    def noting(self, shortfall: object | None) -> "Item":
        """The same, with what is missing of a file that is used although it ends before its header says."""
        return replace(self, reason=TRUNCATED_KEPT, message=str(shortfall)) if shortfall and not self.reason else self


_COLUMNS = [f.name for f in fields(Item)]
_READ = [name for name in _COLUMNS if name != "turns"]


# built once: it is asked for every segment that is cut
_READY_BEFORE = (
    select(*(getattr(ItemRow, name) for name in _READ))
    .where(ItemRow.source == bindparam("source"), ItemRow.state == "ready")
    .where(ItemRow.started_at > bindparam("first"), ItemRow.started_at < bindparam("end"))
    .where(func.coalesce(ItemRow.parent, ItemRow.key) != bindparam("but_by"))
    .order_by(ItemRow.started_at.desc(), ItemRow.key.desc())
)
_LAST_READY_BEFORE = _READY_BEFORE.limit(_LAST)


@dataclass(frozen=True)
class StateCount:
    """How many items, and how many seconds of audio, a source has in a state."""

    source: str
    state: ItemState
    items: int
    seconds: float


class Ledger:
    """Queries and writes of items."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        insert = catalog.insert(ItemRow)
        replaced = {name: getattr(insert.excluded, name) for name in (*_READ, "updated_at") if name != "key"}
        replaced["turns"] = func.coalesce(insert.excluded.turns, ItemRow.turns)  # who did not read them does not erase them
        self._upsert_item = insert.on_conflict_do_update(index_elements=["key"], set_=replaced)

    def landed(self, day: date) -> dict[str, Item]:
        """Items by key whose file was landed in the day's folders."""
        return {item.key: item for item in self._items(ItemRow.landed == day)}

    def segments(self, day: date, state: ItemState | None = None) -> list[Item]:
        """Segments of a day, by source and start."""
        of_state = true() if state is None else ItemRow.state == state
        return self._items(ItemRow.day == day, ItemRow.kind == "segment", of_state)

    def between(self, source: str, start: datetime, end: datetime) -> list[Item]:
        """Segments of a source that began between two moments, in whatever state, in order of time."""
        return self._items(ItemRow.source == source, ItemRow.kind == "segment", ItemRow.started_at >= start, ItemRow.started_at < end)

    def withdraw(self, source: str, spans: Sequence[Span], segments: Collection[Item], asset: str) -> list[Item]:
        """Takes spans of a source's timeline back for good: these segments, those with sound in a span, and those to come. What the
        asset made of their days is stale. Returns the segments that were withdrawn now, as they are from now on: where their files lay is
        remembered, so that they can go."""
        if not spans:
            return []
        named = {(item.key, item.started_at) for item in segments}  # a key may have come to name another moment
        first, last, now = min(start for start, _ in spans), max(end for _, end in spans), datetime.now(UTC)
        near = (ItemRow.started_at >= first - _LONGEST_SEGMENT, ItemRow.started_at < last)
        query = select(*(getattr(ItemRow, name) for name in _READ)).where(ItemRow.source == source, ItemRow.kind == "segment", *near)
        with self.catalog.writing() as session:
            self.catalog.alone(session, timeline_lock(source))
            session.add_all(WithdrawnSpanRow(source=source, start=start, end=end, created_at=now) for start, end in spans)
            found = [Item(*row) for row in session.execute(query.where(ItemRow.state != "withdrawn"))]
            gone = [_withdrawn(item) for item in found if (item.key, item.started_at) in named or _is_taken_back(item, spans)]
            self.write(session, gone)
            self.mark_stale(session, asset, {item.day for item in gone})
        return gone

    def withdrawn_spans(self, source: str) -> list[Span]:
        """What was taken back of a source's timeline, in order of time."""
        with self.catalog.reading() as session:
            return self._spans(session, source)

    def withdrawn_paths(self) -> set[str]:
        """Where segments that were taken back lay, and the landed files they were cut from; and where deleted uploads lay."""
        items = self._items(ItemRow.kind.in_(("segment", "upload")), ItemRow.state == "withdrawn")
        return {path for item in items for path in (item.parent or item.key, item.measures.get("original_path")) if path}

    def neighbours(self, source: str, start: datetime, end: datetime) -> tuple[Item | None, Item | None]:
        """A source's last ready or silent segment before a moment, and its first from another one on."""
        columns = [getattr(ItemRow, name) for name in _READ]
        known = select(*columns).where(ItemRow.source == source, ItemRow.kind == "segment", ItemRow.state.in_(("ready", "silent")))
        before = known.where(ItemRow.started_at < start).order_by(ItemRow.started_at.desc()).limit(1)
        after = known.where(ItemRow.started_at >= end).order_by(ItemRow.started_at).limit(1)
        with self.catalog.reading() as session:
            first, second = (session.execute(query).first() for query in (before, after))
        return (Item(*first) if first else None), (Item(*second) if second else None)

    def quarantined(self, day: date, kinds: Collection[ItemKind] = CAPTURED) -> list[Item]:
        """Items of a day that are in quarantine, by source, start and key."""
        return self._items(ItemRow.day == day, ItemRow.state == "quarantined", ItemRow.kind.in_(kinds))

    def cut_short(self, day: date) -> list[Item]:
        """Items of a day whose files end before their headers say, and that are used all the same."""
        return self._items(ItemRow.day == day, ItemRow.reason == TRUNCATED_KEPT)

    def downloads(self, day: date | None = None) -> list[Item]:
        """What the requests of a day, or of all days, became: by key."""
        of_day = true() if day is None else ItemRow.day == day
        return sorted(self._items(ItemRow.kind == "download", of_day), key=lambda item: item.key)

    def uploads(self, day: date) -> list[Item]:
        """Ready uploads of a day, by key."""
        return sorted(self._items(ItemRow.kind == "upload", ItemRow.day == day, ItemRow.state == "ready"), key=lambda item: item.key)

    def takes(self, day: date) -> list[Item]:
        """Takes of a day that are there, by key."""
        return sorted(self._items(ItemRow.kind == "take", ItemRow.day == day, ItemRow.state == "ready"), key=lambda item: item.key)

    def withdrawn_with_file(self, kind: ItemKind, day: date | None = None) -> list[Item]:
        """Items, of a day or of all, that were taken back, and whose file is not known to be gone yet."""
        of_day = true() if day is None else ItemRow.day == day
        there = ItemRow.measures["file_exists"].as_boolean().is_(True)
        return self._items(ItemRow.kind == kind, ItemRow.state == "withdrawn", of_day, there)

    def files_are_gone(self, items: Iterable[Item]) -> None:
        """Notes that the files of withdrawn items are deleted."""
        wanted = {item.key: item for item in items}
        with self.catalog.writing() as session:
            for start in range(0, len(wanted), _BATCH):
                keys = sorted(wanted)[start : start + _BATCH]
                query = select(*(getattr(ItemRow, name) for name in _READ)).where(ItemRow.key.in_(keys), ItemRow.state == "withdrawn")
                now = [Item(*row) for row in session.execute(query)]
                same = [item for item in now if item.started_at == wanted[item.key].started_at]
                self.write(session, [replace(item, measures={**item.measures, "file_exists": False}) for item in same])

    def turns(self, day: date) -> dict[str, list[tuple[float, float]]]:
        """When somebody speaks on each of a day's downloads, by key."""
        query = select(ItemRow.key, ItemRow.turns).where(ItemRow.day == day, ItemRow.kind == "download", ItemRow.turns.is_not(None))
        with self.catalog.reading() as session:
            return {key: [(start, end) for start, end in turns] for key, turns in session.execute(query) if turns}

    def uses_original(self, sha256: str) -> bool:
        """Whether any download that is there came from the original with this hash."""
        hash_of = ItemRow.measures["original"]["hash"].as_string()
        query = select(ItemRow.key).where(ItemRow.kind == "download", ItemRow.path.is_not(None), hash_of == sha256).limit(1)
        with self.catalog.reading() as session:
            return session.scalar(query) is not None

    def stale(self, asset: str) -> list[date]:
        """Days whose tables are behind the ledger."""
        return sorted(day for day, mark in self.processed(asset).items() if is_stale(mark))

    def known(self, keys: Sequence[str]) -> dict[str, Item]:
        """Those of the items that the ledger has, by key."""
        found: dict[str, Item] = {}
        for start in range(0, len(keys), _BATCH):
            found |= {item.key: item for item in self._items(ItemRow.key.in_(keys[start : start + _BATCH]))}
        return found

    def selected(self, *conditions: ColumnElement[bool]) -> list[Item]:
        """Items by source, start and key, for queries of other modules."""
        return self._items(*conditions)

    def ready_over(self, source: str, start: datetime, seconds: float, but_by: str = "") -> list[Item]:
        """Ready segments of a source with sound in these seconds, in order of time, but for those of the landed file `but_by`."""
        end = start + timedelta(seconds=seconds)
        values = {"source": source, "first": start - _LONGEST_SEGMENT, "end": end, "but_by": but_by}
        with self.catalog.reading() as session:
            rows = session.execute(_LAST_READY_BEFORE, values).all()
            if len(rows) == _LAST and rows[-1].started_at > start:  # many short ones: there may be more that begin in these seconds
                rows = session.execute(_READY_BEFORE, values).all()
        found = [Item(*row) for row in reversed(rows)]
        return [item for item in found if item.started_at == start or lies_in(item.started_at, item.seconds, [(start, end)])]

    def parts(self, key: str) -> list[Item]:
        """The segments cut from a recording."""
        return self._items(ItemRow.parent == key)

    def paths_in_use(self, paths: Collection[str], but_by: str) -> set[str]:
        """Those of the paths that ready items use, but for the item `but_by` and its segments."""
        wanted, used = sorted(paths), set[str]()
        with self.catalog.reading() as session:
            for start in range(0, len(wanted), _BATCH):
                query = select(ItemRow.path, ItemRow.key, ItemRow.parent).where(
                    ItemRow.path.in_(wanted[start : start + _BATCH]), ItemRow.state == "ready"
                )
                used |= {path for path, key, parent in session.execute(query) if path and but_by not in (key, parent)}
        return used

    def retryable(self, now: datetime, max_attempts: int) -> dict[date, str]:
        """Days landed on which items wait for another attempt that is due, each with a mark that changes with every attempt."""
        query = (
            select(ItemRow.landed, func.count(), func.sum(ItemRow.attempts))
            .where(
                ItemRow.state == "quarantined",
                ItemRow.transient,
                ItemRow.attempts < max_attempts,
                ItemRow.next_attempt_at <= now,
                ItemRow.landed.is_not(None),
            )
            .group_by(ItemRow.landed)
        )
        with self.catalog.reading() as session:
            return {day: f"{count} items, {attempts} attempts" for day, count, attempts in session.execute(query) if day is not None}

    def forget(self, keys: Sequence[str]) -> None:
        """Removes items, say those in quarantine whose file is gone."""
        with self.catalog.writing() as session:
            for start in range(0, len(keys), _BATCH):
                session.execute(delete(ItemRow).where(ItemRow.key.in_(keys[start : start + _BATCH])))

    def begin_cutting(self, items: Sequence[Item]) -> None:
        """Writes rows that say that these items are being worked on; those that were withdrawn stay so."""
        with self.catalog.writing() as session:
            withdrawn = set(
                session.scalars(select(ItemRow.key).where(ItemRow.key.in_([i.key for i in items]), ItemRow.state == "withdrawn"))
            )
            self.write(session, [item for item in items if item.key not in withdrawn])

    def set_fingerprint(self, keys: Sequence[str], fingerprint: str) -> None:
        """Says what items were made from."""
        with self.catalog.writing() as session:
            session.execute(update(ItemRow), [{"key": key, "fingerprint": fingerprint, "updated_at": datetime.now(UTC)} for key in keys])

    def record(self, item: Item, segments: Sequence[Item] = (), stale: tuple[str, Collection[date]] = ("", ())) -> list[Item]:
        """Writes an item and the segments cut from it, in place of what an earlier attempt made of it.

        `stale` names an asset and other days that these reach: they are marked in the same transaction. What was withdrawn meanwhile is
        written as withdrawn; returns those that are, with files that ought to go.
        """
        new = {segment.key for segment in segments}
        asset, days = stale
        with self.catalog.writing() as session:
            self.catalog.alone(session, timeline_lock(item.source))
            spans = self._spans(session, item.source)
            item, *segments = (_withdrawn(one) if _is_taken_back(one, spans) else one for one in (item, *segments))
            still_there = (ItemRow.state == "withdrawn") & ItemRow.measures["file_exists"].as_boolean().is_(True)
            old = session.scalars(select(ItemRow.key).where(ItemRow.parent == item.key, ~still_there)).all()
            gone = [key for key in old if key not in new]
            for start in range(0, len(gone), _BATCH):
                session.execute(delete(ItemRow).where(ItemRow.key.in_(gone[start : start + _BATCH])))
            self.write(session, [item, *segments])
            self.mark_stale(session, asset, days)
        return [one for one in (item, *segments) if one.state == "withdrawn"]

    def resolve_duplicates(self, hashes: Collection[str], asset: str) -> None:
        """Of downloads with the same sound, the first by day and key is ready and the others are duplicates of it.

        The two sides of one conversation are never each other's duplicates: that they sound alike is for the pair's check to say.
        The outcome follows from what is there, whoever came first; days that change are marked stale for `asset`.
        """
        with self.catalog.writing() as session:
            columns = [getattr(ItemRow, name) for name in _READ]
            wanted = sorted(hashes)
            for start in range(0, len(wanted), _BATCH):
                found = select(*columns).where(
                    ItemRow.content_hash.in_(wanted[start : start + _BATCH]),
                    ItemRow.kind == "download",
                    ItemRow.state.in_(["ready", "duplicate"]),
                )
                same_sound: dict[str, list[Item]] = {}
                for item in sorted((Item(*row) for row in session.execute(found)), key=lambda item: (item.day, item.key)):
                    same_sound.setdefault(item.content_hash or "", []).append(item)
                changed = [
                    new for items in same_sound.values() for old, new in zip(items, _duplicates_resolved(items), strict=True) if new != old
                ]
                self.write(session, changed)
                self.mark_stale(session, asset, {item.day for item in changed})

    def counts(
        self, day: date | None = None, kinds: Collection[ItemKind] = (*CAPTURED, *DOWNLOADED), but: Collection[str] = ()
    ) -> list[StateCount]:
        """Items and seconds by source and state, but for those whose keys begin with one of `but`; recordings that were cut are left
        out, for their segments carry the seconds."""
        query = (
            select(ItemRow.source, ItemRow.state, func.count(), func.coalesce(func.sum(ItemRow.seconds), 0.0))
            .where(ItemRow.state != "cut", ItemRow.kind.in_(kinds), *_but(but))
            .group_by(ItemRow.source, ItemRow.state)
            .order_by(ItemRow.source, ItemRow.state)
        )
        if day is not None:
            query = query.where(ItemRow.day == day)
        with self.catalog.reading() as session:
            return [
                StateCount(source, cast(ItemState, state), items, float(seconds))
                for source, state, items, seconds in session.execute(query)
            ]

    def ready_seconds_by_day(
        self, kinds: Collection[ItemKind] = (*CAPTURED, *DOWNLOADED), below: str = "", but: Collection[str] = ()
    ) -> dict[date, float]:
        """Seconds of ready audio of each day: of items whose keys begin with `below`, and with none of `but`."""
        ready = (ItemRow.state == "ready", ItemRow.kind.in_(kinds), ItemRow.key.startswith(below, autoescape=True), *_but(but))
        query = select(ItemRow.day, func.sum(ItemRow.seconds)).where(*ready).group_by(ItemRow.day).order_by(ItemRow.day)
        with self.catalog.reading() as session:
            return {day: float(seconds) for day, seconds in session.execute(query)}

    def days(self, but: Collection[str] = ()) -> set[date]:
        """The days of which there is, or was, any recording, captured, downloaded or uploaded, whose key begins with none of `but`."""
        with self.catalog.reading() as session:
            return set(session.scalars(select(ItemRow.day).where(*_but(but)).distinct()))

    def processed(self, asset: str) -> dict[date, str]:
        """For each day, the fingerprint of what the asset was last made from."""
        with self.catalog.reading() as session:
            rows = session.execute(select(ProcessedRow.day, ProcessedRow.fingerprint).where(ProcessedRow.asset == asset))
            return {day: fingerprint for day, fingerprint in rows}  # noqa: C416  # rows are Row objects, not pairs

    def mark_processed(self, asset: str, day: date, fingerprint: str, previous: str | None) -> bool:
        """Notes what the asset's day has been made from, unless the note is no longer the `previous` one that the work began with.

        Says whether it noted: a day that went stale meanwhile stays so.
        """
        now = datetime.now(UTC)
        row = self.catalog.insert(ProcessedRow).values(asset=asset, day=day, fingerprint=fingerprint, updated_at=now)
        row = row.on_conflict_do_update(
            index_elements=["asset", "day"],
            set_={"fingerprint": fingerprint, "updated_at": now},
            where=ProcessedRow.fingerprint == (previous or fingerprint),
        )
        with self.catalog.writing() as session:
            return session.execute(row.returning(ProcessedRow.day)).scalar() is not None

    def mark_stale(self, session: Session, asset: str, days: Iterable[date]) -> None:
        """Says, within a transaction, that an asset's days are to be made again."""
        now = datetime.now(UTC)
        for day in days:
            note = stale_mark()
            row = self.catalog.insert(ProcessedRow).values(asset=asset, day=day, fingerprint=note, updated_at=now)
            session.execute(row.on_conflict_do_update(index_elements=["asset", "day"], set_={"fingerprint": note, "updated_at": now}))

    def _spans(self, session: Session, source: str) -> list[Span]:
        query = select(WithdrawnSpanRow.start, WithdrawnSpanRow.end).where(WithdrawnSpanRow.source == source)
        return [(start, end) for start, end in session.execute(query.order_by(WithdrawnSpanRow.start))]

    def _items(self, *conditions: ColumnElement[bool]) -> list[Item]:
        """Items by source, start and key. Plain columns: a day of 28,800 as mapped objects would take three times as long."""
        query = select(*(getattr(ItemRow, name) for name in _READ)).where(*conditions)
        with self.catalog.reading() as session:
            return [Item(*row) for row in session.execute(query.order_by(ItemRow.source, ItemRow.started_at, ItemRow.key))]

    def withdraw_below(self, session: Session, prefix: str) -> list[Item]:
        """Within a transaction, withdraws the items whose keys begin so; returns them as they were."""
        query = select(*(getattr(ItemRow, name) for name in _READ)).where(ItemRow.key.startswith(prefix, autoescape=True))
        found = [Item(*row) for row in session.execute(query)]
        self.write(
            session, [replace(item, state="withdrawn", path=None, reason=None, message=None, next_attempt_at=None) for item in found]
        )
        return found

    def write(self, session: Session, items: Iterable[Item]) -> None:
        """Writes items within a transaction, each in place of what stood under its key."""
        now = datetime.now(UTC)
        rows = [{**{name: getattr(item, name) for name in _COLUMNS}, "updated_at": now} for item in items]
        for start in range(0, len(rows), _BATCH):
            session.execute(self._upsert_item, rows[start : start + _BATCH])


def _but(prefixes: Iterable[str]) -> list[ColumnElement[bool]]:
    """Conditions for keys that begin with none of the prefixes."""
    return [~ItemRow.key.startswith(prefix, autoescape=True) for prefix in prefixes]


def _is_taken_back(item: Item, spans: Iterable[Span]) -> bool:
    return item.kind == "segment" and lies_in(item.started_at, item.seconds, spans)


def _withdrawn(item: Item) -> Item:
    """A segment as it is once it is taken back."""
    place = {"original_path": item.path or item.measures.get("original_path"), "file_exists": True}
    return replace(
        item, state="withdrawn", path=None, content_hash=None, reason=None, message=None, blocked_by=None, next_attempt_at=None,
        transient=False, measures={**item.measures, **place},
    )  # fmt: skip


def _duplicates_resolved(items: Sequence[Item]) -> list[Item]:
    """Items with the same sound, in order, as they are to stand."""
    first = items[0]
    settled = []
    for item in items:
        if item is first or item.measures.get("conversation") == first.measures.get("conversation"):
            settled.append(replace(item, state="ready", reason=None, message=None, blocked_by=None))
        else:
            message = f"the same sound as {first.key}"
            settled.append(replace(item, state="duplicate", reason="same_audio", message=message, blocked_by=first.key))
    return settled
