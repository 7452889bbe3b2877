"""Which sound there is of a source, and when: light queries of the ledger for what people look at."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select

from soundmill.catalog.database import Catalog
from soundmill.catalog.ledger import Item, Ledger
from soundmill.catalog.schema import ItemRow

_USUAL = timedelta(seconds=20)  # segments are seldom longer
_LONGEST = timedelta(hours=1)


@dataclass(frozen=True)
class SourceSummary:
    """A source with captured sound: when its first and last segment began, how many are stored, and their seconds."""

    source: str
    first: datetime
    last: datetime
    segments: int
    seconds: float


@dataclass(frozen=True)
class DaySummary:
    """A source's day: stored segments, their seconds, and a mark that changes when any of them does."""

    day: date
    segments: int
    seconds: float
    mark: str


@dataclass(frozen=True)
class Place:
    """Where a segment lies in time, and whether it was stored (`ready`) or stated to be silent."""

    start: datetime
    seconds: float
    state: str


class SoundIndex:
    """Queries of segments by source and time."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def sources(self) -> list[SourceSummary]:
        """Sources with stored segments, in order of name."""
        ready = (ItemRow.kind == "segment", ItemRow.state == "ready")
        query = select(
            ItemRow.source, func.min(ItemRow.started_at), func.max(ItemRow.started_at), func.count(), func.sum(ItemRow.seconds)
        ).where(*ready)
        with self._catalog.reading() as session:
            rows = session.execute(query.group_by(ItemRow.source).order_by(ItemRow.source))
            return [
                SourceSummary(source, first, last, number, float(seconds))
                for source, first, last, number, seconds in rows
                if first is not None and last is not None
            ]

    def days(self, source: str, first: date = date.min, last: date = date.max) -> list[DaySummary]:
        """A source's days with stored segments, from first to last, the oldest first."""
        mine = (ItemRow.source == source, ItemRow.kind == "segment", ItemRow.state == "ready", ItemRow.day.between(first, last))
        query = select(ItemRow.day, func.count(), func.sum(ItemRow.seconds), func.max(ItemRow.updated_at)).where(*mine)
        with self._catalog.reading() as session:
            rows = session.execute(query.group_by(ItemRow.day).order_by(ItemRow.day))
            return [DaySummary(day, number, float(seconds), _mark(number, newest)) for day, number, seconds, newest in rows]

    def count(self, source: str, start: datetime, end: datetime) -> int:
        """Stored segments that began from start to end."""
        mine = (ItemRow.source == source, ItemRow.started_at >= start, ItemRow.started_at < end)
        query = select(func.count()).where(*mine, ItemRow.kind == "segment", ItemRow.state == "ready")
        with self._catalog.reading() as session:
            return session.scalar(query) or 0

    def places(self, source: str, start: datetime, end: datetime) -> list[Place]:
        """Segments, stored or silent, that reach into a span, in order of time."""
        query = select(ItemRow.started_at, ItemRow.seconds, ItemRow.state)
        query = query.where(*_reaching(source, start, end), ItemRow.state.in_(["ready", "silent"]))
        with self._catalog.reading() as session:
            rows = session.execute(query.order_by(ItemRow.started_at, ItemRow.key)).all()
        places = [Place(begun, seconds, state) for begun, seconds, state in rows if begun is not None]
        return [place for place in places if place.start + timedelta(seconds=place.seconds) > start]

    def mark(self, source: str, start: datetime, end: datetime) -> str:
        """A mark that changes when any segment in the span does."""
        query = select(func.count(), func.max(ItemRow.updated_at)).where(*_reaching(source, start, end))
        with self._catalog.reading() as session:
            number, newest = session.execute(query).one()
        return _mark(number, newest)

    def segments(self, source: str, start: datetime, end: datetime) -> list[Item]:
        """Stored segments that reach into a span, in order of time."""
        return Ledger(self._catalog).selected(*_reaching(source, start, end), ItemRow.state == "ready")

    def recording(self, key: str) -> tuple[Item, str] | None:
        """A download or an upload that is there, with its mark; None where there is none."""
        with self._catalog.reading() as session:
            changed_at = session.scalar(select(ItemRow.updated_at).where(ItemRow.key == key))
        item = Ledger(self._catalog).known([key]).get(key)
        if item is None or changed_at is None or item.path is None or item.kind not in ("download", "upload"):
            return None
        return item, _mark(1, changed_at)


def _reaching(source: str, start: datetime, end: datetime) -> tuple[ColumnElement[bool], ...]:
    """Conditions for segments that reach into a span, or end shortly before it."""
    within = (ItemRow.started_at >= start - _LONGEST, ItemRow.started_at < end)  # of these the index knows: nothing else is looked at
    is_near = or_(ItemRow.started_at >= start - _USUAL, ItemRow.seconds > _USUAL.total_seconds())
    return ItemRow.source == source, ItemRow.kind == "segment", *within, is_near


def _mark(number: int, newest: datetime | None) -> str:
    return f"{number}.{round(newest.timestamp() * 1e6):x}" if newest else "0"
