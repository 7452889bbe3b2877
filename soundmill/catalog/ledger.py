"""The ledger: one row for every piece of audio, from where it came to what became of it."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from typing import Any, Literal, cast

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from soundmill.catalog.database import Catalog
from soundmill.catalog.schema import ItemRow, ProcessedRow

ItemState = Literal["ready", "silent", "duplicate", "quarantined", "withdrawn", "cut"]
_BATCH = 500


@dataclass(frozen=True)
class Item:
    """One piece of audio.

    A landed file that makes one segment is that segment's row; a longer one is a `recording` in state `cut`, whose segments
    carry `parent`. The seconds of all states but `cut` therefore add up to the raw audio, each second once.

    key          stable name: the landed path, with `#` and a number for a segment cut from a longer recording
    kind         recording, segment
    day          UTC date of the audio itself (of the landing folder where the audio could not be read)
    landed       date folder it was landed in; None for a segment of a longer recording
    fingerprint  of the input and of how it was treated: an item is redone when it differs
    started_at   UTC moment of the first sample; seconds: its length
    path         the stored WAV in the lake (state ready only); content_hash: sha256 of that file
    reason       one short word why it is not ready; message: a sentence; transient: whether a later attempt may succeed
    """

    key: str
    kind: Literal["recording", "segment"]
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


_COLUMNS = [f.name for f in fields(Item)]


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
        self._catalog = catalog
        insert = catalog.insert(ItemRow)
        replaced = {name: getattr(insert.excluded, name) for name in (*_COLUMNS, "updated_at") if name != "key"}
        self._upsert_item = insert.on_conflict_do_update(index_elements=["key"], set_=replaced)

    def landed(self, day: date) -> dict[str, Item]:
        """Items by key whose file was landed in the day's folders."""
        with self._catalog.reading() as session:
            return {row.key: _item(row) for row in session.scalars(select(ItemRow).where(ItemRow.landed == day))}

    def segments(self, day: date, state: ItemState | None = None) -> list[Item]:
        """Segments of a day, by source and start."""
        query = select(ItemRow).where(ItemRow.day == day, ItemRow.kind == "segment")
        if state is not None:
            query = query.where(ItemRow.state == state)
        with self._catalog.reading() as session:
            return [_item(row) for row in session.scalars(query.order_by(ItemRow.source, ItemRow.started_at, ItemRow.key))]

    def quarantined(self, day: date) -> list[Item]:
        """Items of a day that are in quarantine, by key."""
        query = select(ItemRow).where(ItemRow.day == day, ItemRow.state == "quarantined").order_by(ItemRow.key)
        with self._catalog.reading() as session:
            return [_item(row) for row in session.scalars(query)]

    def at(self, source: str, moments: Sequence[datetime]) -> list[Item]:
        """Ready segments of a source that begin at one of these moments."""
        if not moments:
            return []
        query = select(ItemRow).where(
            ItemRow.source == source, ItemRow.state == "ready", ItemRow.started_at >= min(moments), ItemRow.started_at <= max(moments)
        )
        wanted = set(moments)
        with self._catalog.reading() as session:
            return [_item(row) for row in session.scalars(query) if row.started_at in wanted]

    def record(self, item: Item, segments: Sequence[Item] = ()) -> list[Item]:
        """Writes an item and the segments cut from it, replacing what an earlier attempt made of it, in one transaction.

        Returns the segments of the earlier attempt that are no more, so that their files can go.
        """
        new = {segment.key for segment in segments}
        with self._catalog.writing() as session:
            old = [_item(row) for row in session.scalars(select(ItemRow).where(ItemRow.parent == item.key))]
            gone = [segment for segment in old if segment.key not in new]
            for start in range(0, len(gone), _BATCH):
                session.execute(delete(ItemRow).where(ItemRow.key.in_([segment.key for segment in gone[start : start + _BATCH]])))
            self._upsert(session, [item, *segments])
        return gone

    def counts(self, day: date | None = None) -> list[StateCount]:
        """Items and seconds by source and state; recordings that were cut are left out, for their segments carry the seconds."""
        query = (
            select(ItemRow.source, ItemRow.state, func.count(), func.coalesce(func.sum(ItemRow.seconds), 0.0))
            .where(ItemRow.state != "cut")
            .group_by(ItemRow.source, ItemRow.state)
            .order_by(ItemRow.source, ItemRow.state)
        )
        if day is not None:
            query = query.where(ItemRow.day == day)
        with self._catalog.reading() as session:
            return [
                StateCount(source, cast(ItemState, state), items, float(seconds))
                for source, state, items, seconds in session.execute(query)
            ]

    def ready_seconds_by_day(self) -> dict[date, float]:
        """Seconds of ready audio of each day."""
        query = select(ItemRow.day, func.sum(ItemRow.seconds)).where(ItemRow.state == "ready").group_by(ItemRow.day).order_by(ItemRow.day)
        with self._catalog.reading() as session:
            return {day: float(seconds) for day, seconds in session.execute(query)}

    def processed(self, asset: str) -> dict[date, str]:
        """For each day, the fingerprint of what the asset was last made from."""
        with self._catalog.reading() as session:
            rows = session.execute(select(ProcessedRow.day, ProcessedRow.fingerprint).where(ProcessedRow.asset == asset))
            return {day: fingerprint for day, fingerprint in rows}  # noqa: C416  # rows are Row objects, not pairs

    def mark_processed(self, asset: str, day: date, fingerprint: str, previous: str | None) -> bool:
        """Notes what the asset's day has been made from, unless the note is no longer the `previous` one that the work began with.

        Says whether it noted: a day that went stale meanwhile stays so.
        """
        now = datetime.now(UTC)
        row = self._catalog.insert(ProcessedRow).values(asset=asset, day=day, fingerprint=fingerprint, updated_at=now)
        row = row.on_conflict_do_update(
            index_elements=["asset", "day"],
            set_={"fingerprint": fingerprint, "updated_at": now},
            where=ProcessedRow.fingerprint == (previous or fingerprint),
        )
        with self._catalog.writing() as session:
            return session.execute(row.returning(ProcessedRow.day)).scalar() is not None

    def mark_stale(self, asset: str, days: Iterable[date]) -> None:
        """Notes that days hold items which came from elsewhere, so that the asset is made again there."""
        now = datetime.now(UTC)
        with self._catalog.writing() as session:
            for day in days:
                note = f"stale {secrets.token_hex(8)}"
                row = self._catalog.insert(ProcessedRow).values(asset=asset, day=day, fingerprint=note, updated_at=now)
                session.execute(row.on_conflict_do_update(index_elements=["asset", "day"], set_={"fingerprint": note, "updated_at": now}))

    def _upsert(self, session: Session, items: Iterable[Item]) -> None:
        now = datetime.now(UTC)
        rows = [{**{name: getattr(item, name) for name in _COLUMNS}, "updated_at": now} for item in items]
        for start in range(0, len(rows), _BATCH):
            session.execute(self._upsert_item, rows[start : start + _BATCH])


def _item(row: ItemRow) -> Item:
    return Item(**{name: getattr(row, name) for name in _COLUMNS})
