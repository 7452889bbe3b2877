"""Annotations: tags that people put on a source's timeline."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import func, select, update

from soundmill.catalog.database import Catalog
from soundmill.catalog.schema import AnnotationRow, TagRow
from soundmill.times import utc

_TAG = re.compile(r"[^\W_][\w .&'()/+-]{0,63}")
LONGEST = timedelta(hours=1)
RESERVED = frozenset({"other"})  # the recogniser's word for everything it was not taught


@dataclass(frozen=True, order=True)
class Annotation:
    """A tag from `start` to `end` (UTC) on a source's timeline."""

    source: str
    start: datetime
    end: datetime
    tag: str
    author: str = ""

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"an annotation must end after it starts, and {self.tag!r} at {self.start:%Y-%m-%d %H:%M:%S} does not")
        if self.end - self.start > LONGEST:
            raise ValueError(f"the annotation {self.tag!r} at {self.start:%Y-%m-%d %H:%M:%S} is longer than an hour; is its end mistyped?")
        if len(self.author) > 64:
            raise ValueError(f"the author {self.author[:20]!r}... is longer than 64 characters")
        if not _TAG.fullmatch(self.tag):
            raise ValueError(f"{self.tag!r} is no tag: it takes 1 to 64 letters, digits, spaces and - _ . & ' ( ) / +")
        if self.tag.lower() in RESERVED:
            raise ValueError(f"the tag {self.tag!r} is the recogniser's own word for what it was not taught")

    @property
    def day(self) -> date:
        """The UTC date it starts on."""
        return utc(self.start).date()


class Annotations:
    """Queries and writes of annotations."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def add(self, annotations: Iterable[Annotation]) -> int:
        """Adds annotations; one that is there already stays as it is, a withdrawn one comes back. Returns how many changed."""
        now = datetime.now(UTC)
        rows = list(dict.fromkeys(annotations))
        changed = 0
        with self._catalog.writing() as session:
            for tag in sorted({row.tag for row in rows}):
                session.execute(self._catalog.insert(TagRow).values(name=tag, created_at=now).on_conflict_do_nothing())
            for row in rows:
                values = {"source": row.source, "start": row.start, "end": row.end, "tag": row.tag, "author": row.author}
                insert = self._catalog.insert(AnnotationRow).values(**values, day=row.day, created_at=now, revision=1)
                insert = insert.on_conflict_do_update(
                    index_elements=["source", "start", "end", "tag"],
                    set_={"withdrawn_at": None, "revision": AnnotationRow.revision + 1},
                    where=AnnotationRow.withdrawn_at.is_not(None),
                )
                changed += session.execute(insert.returning(AnnotationRow.id)).scalar() is not None
        return changed

    def withdraw(self, annotations: Iterable[Annotation]) -> int:
        """Takes annotations back; they stay in the catalog with the time of it. Returns how many changed."""
        now = datetime.now(UTC)
        changed = 0
        with self._catalog.writing() as session:
            for row in annotations:
                query = (
                    update(AnnotationRow)
                    .where(
                        AnnotationRow.source == row.source,
                        AnnotationRow.start == row.start,
                        AnnotationRow.end == row.end,
                        AnnotationRow.tag == row.tag,
                        AnnotationRow.withdrawn_at.is_(None),
                    )
                    .values(withdrawn_at=now, revision=AnnotationRow.revision + 1)
                )
                changed += session.execute(query.returning(AnnotationRow.id)).scalar() is not None
        return changed

    def of_days(self, first: date, last: date) -> list[Annotation]:
        """Annotations that start on the days from first to last, in order of source, start, end, tag."""
        query = (
            select(AnnotationRow)
            .where(AnnotationRow.day >= first, AnnotationRow.day <= last, AnnotationRow.withdrawn_at.is_(None))
            .order_by(AnnotationRow.source, AnnotationRow.start, AnnotationRow.end, AnnotationRow.tag)
        )
        with self._catalog.reading() as session:
            return [Annotation(row.source, row.start, row.end, row.tag, row.author) for row in session.scalars(query)]

    def revisions(self) -> dict[date, str]:
        """For each day with annotations, past ones included: a mark that changes with every change of the day's annotations."""
        query = select(AnnotationRow.day, func.count(), func.sum(AnnotationRow.revision)).group_by(AnnotationRow.day)
        with self._catalog.reading() as session:
            return {day: f"{count}.{total}" for day, count, total in session.execute(query)}

    def tags(self) -> list[str]:
        """Every tag ever used, in order of first use."""
        with self._catalog.reading() as session:
            return list(session.scalars(select(TagRow.name).order_by(TagRow.id)))
