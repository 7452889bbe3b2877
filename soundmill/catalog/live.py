"""Live detections: verdicts and events of the last days, one row at a time; the lake's `detections` are the record."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select

from soundmill.catalog.database import Catalog
from soundmill.catalog.schema import LiveDetectionRow, LiveEventRow


@dataclass(frozen=True)
class LiveDetection:
    """A model version's verdict on a segment. `key` is that of the segment in the ledger; `detected_at` when the verdict was there."""

    model: str
    version: int
    key: str
    source: str
    started_at: datetime
    seconds: float
    tag: str
    score: float
    probability: float | None
    detected_at: datetime


class LiveRecord:
    """Queries and writes of live detections."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def add(self, found: Sequence[LiveDetection], events: Iterable[dict[str, Any]] = ()) -> None:
        """Stores verdicts, and events (model, version, source, tag, onset, offset, segments, score) that began or went on, in one
        transaction. The same ones again change nothing."""
        now = datetime.now(UTC)
        with self._catalog.writing() as session:
            for one in found:
                row = self._catalog.insert(LiveDetectionRow).values(**asdict(one))
                session.execute(row.on_conflict_do_nothing(index_elements=["model", "version", "key"]))
            for event in events:
                new = self._catalog.insert(LiveEventRow).values(**event, updated_at=now)
                changes = {"updated_at": now, **{name: event[name] for name in ("offset", "segments", "score")}}
                session.execute(new.on_conflict_do_update(index_elements=["model", "version", "source", "tag", "onset"], set_=changes))

    def detected_keys(self, model: str, version: int, source: str, since: datetime) -> set[str]:
        """Keys of the source's segments since then that this version has verdicts of."""
        wanted = select(LiveDetectionRow.key).where(
            LiveDetectionRow.model == model,
            LiveDetectionRow.version == version,
            LiveDetectionRow.source == source,
            LiveDetectionRow.started_at >= since,
        )
        with self._catalog.reading() as session:
            return set(session.scalars(wanted))

    def newest(self, sources: Sequence[str] = ()) -> datetime | None:
        """Start of the last segment with a verdict, of these sources or of any."""
        wanted = select(func.max(LiveDetectionRow.started_at))
        if sources:
            wanted = wanted.where(LiveDetectionRow.source.in_(sources))
        with self._catalog.reading() as session:
            return session.scalar(wanted)

    def newest_detected_at(self) -> datetime | None:
        """When the last verdict was there."""
        with self._catalog.reading() as session:
            return session.scalar(select(func.max(LiveDetectionRow.detected_at)))

    def detections(self, since: datetime, source: str | None = None) -> list[LiveDetection]:
        """Verdicts on segments that began since then, in order of time."""
        wanted = select(LiveDetectionRow).where(LiveDetectionRow.started_at >= since).order_by(LiveDetectionRow.started_at)
        if source is not None:
            wanted = wanted.where(LiveDetectionRow.source == source)
        names = LiveDetection.__dataclass_fields__
        with self._catalog.reading() as session:
            return [LiveDetection(**{name: getattr(row, name) for name in names}) for row in session.scalars(wanted)]

    def events(self, since: datetime, source: str | None = None) -> list[dict[str, Any]]:
        """Events that ended since then, in order of their onset."""
        wanted = select(LiveEventRow).where(LiveEventRow.offset >= since).order_by(LiveEventRow.onset)
        if source is not None:
            wanted = wanted.where(LiveEventRow.source == source)
        names = ("model", "version", "source", "tag", "onset", "offset", "segments", "score")
        with self._catalog.reading() as session:
            return [{name: getattr(row, name) for name in names} for row in session.scalars(wanted)]

    def forget(self, before: datetime) -> None:
        """Deletes what was detected before then, whenever the sound itself was."""
        with self._catalog.writing() as session:
            session.execute(delete(LiveDetectionRow).where(LiveDetectionRow.detected_at < before))
            session.execute(delete(LiveEventRow).where(LiveEventRow.updated_at < before))
