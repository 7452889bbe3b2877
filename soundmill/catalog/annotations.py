"""Annotations: what people's submissions come to, day by day."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date
from typing import Literal

from sqlalchemy import and_, func, select
from sqlalchemy.orm import aliased

from soundmill.catalog.database import Catalog
from soundmill.catalog.labels import Action, Box, Labels, Submission
from soundmill.catalog.schema import AnnotationRow, BoxRow, SubmissionRow, TagRow
from soundmill.formats.annotation import Annotation
from soundmill.formats.labels import Provenance


class Annotations:
    """Queries of annotations, and the two simplest submissions: some more, and some less."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def add(self, annotations: Iterable[Annotation], origin: Literal["drawn", "imported"] = "drawn") -> int:
        """Adds annotations; one that its author has already stays as it is, a withdrawn one comes back. Returns how many changed."""
        return self._submit(annotations, "add", origin)

    def withdraw(self, annotations: Iterable[Annotation]) -> int:
        """Takes annotations back: of their author, of everybody where none is named. They stay in the catalog with the time of it. Returns
        how many changed."""
        return self._submit([known for one in annotations for known in self._equal(one)], "withdraw", "drawn")

    def of_days(self, first: date, last: date) -> list[Annotation]:
        """Annotations that start on the days from first to last, in order of source, start, end, tag, author."""
        query = (
            select(AnnotationRow)
            .where(AnnotationRow.day >= first, AnnotationRow.day <= last, AnnotationRow.withdrawn_at.is_(None))
            .order_by(AnnotationRow.source, AnnotationRow.start, AnnotationRow.end, AnnotationRow.tag, AnnotationRow.author)
        )
        with self._catalog.reading() as session:
            return [_annotation(row) for row in session.scalars(query)]

    def provenance(self, first: date, last: date) -> dict[Annotation, Provenance]:
        """How the annotations of the days from first to last came to be."""
        query = (
            select(AnnotationRow, BoxRow)
            .outerjoin(BoxRow, BoxRow.id == AnnotationRow.box)
            .where(AnnotationRow.day >= first, AnnotationRow.day <= last, AnnotationRow.withdrawn_at.is_(None))
        )
        with self._catalog.reading() as session:
            return {
                _annotation(row): Provenance(box.origin, box.state, box.model, box.model_version, box.score)
                for row, box in session.execute(query)
                if box is not None
            }

    def revisions(self) -> dict[date, str]:
        """For each day with annotations or rejected predictions, past ones included: a mark that changes with every change of either."""
        query = select(AnnotationRow.day, func.count(), func.sum(AnnotationRow.revision)).group_by(AnnotationRow.day)
        first = select(BoxRow.submission, BoxRow.day, func.min(BoxRow.start).label("first"), func.max(BoxRow.start).label("last"))
        rejecting = first.where(BoxRow.state == "rejected").group_by(BoxRow.submission, BoxRow.day).subquery()
        mine, later = aliased(SubmissionRow), aliased(SubmissionRow)
        newest = (
            select(rejecting.c.day, func.max(later.id))
            .join(mine, mine.id == rejecting.c.submission)
            .join(later, and_(later.annotator == mine.annotator, later.source == mine.source))
            .where(later.start <= rejecting.c.last, later.end > rejecting.c.first)
            .group_by(rejecting.c.day)
        )
        with self._catalog.reading() as session:
            found = {day: f"{count}.{total}" for day, count, total in session.execute(query)}
            return found | {day: f"{found.get(day, '0.0')}.{submission}" for day, submission in session.execute(newest)}

    def marks_by_author(self, prefix: str) -> dict[str, str]:
        """For each author whose name begins so, without that beginning: a mark that changes with every change of their annotations."""
        mine = AnnotationRow.author.startswith(prefix, autoescape=True)
        query = select(AnnotationRow.author, func.count(), func.sum(AnnotationRow.revision)).where(mine).group_by(AnnotationRow.author)
        with self._catalog.reading() as session:
            return {author.removeprefix(prefix): f"{number}.{total}" for author, number, total in session.execute(query)}

    def counts_by_day(self, source: str) -> dict[str, dict[str, int]]:
        """Annotations of a source by day (ISO) and tag."""
        mine = (AnnotationRow.source == source, AnnotationRow.withdrawn_at.is_(None))
        query = select(AnnotationRow.day, AnnotationRow.tag, func.count()).where(*mine).group_by(AnnotationRow.day, AnnotationRow.tag)
        found: dict[str, dict[str, int]] = defaultdict(dict)
        with self._catalog.reading() as session:
            for day, tag, number in session.execute(query.order_by(AnnotationRow.day, AnnotationRow.tag)):
                found[day.isoformat()][tag] = number
        return dict(found)

    def sound_counts(self, first: date, last: date, sources: Collection[str] = (), but: Collection[str] = ()) -> dict[date, dict[str, int]]:
        """Labelled sounds by day and tag, each once, however many people labelled it alike: of some sources, or of all `but` some."""
        of = AnnotationRow.source.in_(sources) if sources else AnnotationRow.source.not_in(but)
        mine = (AnnotationRow.day >= first, AnnotationRow.day <= last, AnnotationRow.withdrawn_at.is_(None), of)
        place = (AnnotationRow.source, AnnotationRow.start, AnnotationRow.end, AnnotationRow.low_hz, AnnotationRow.high_hz)
        each = select(AnnotationRow.day, AnnotationRow.tag, *place).where(*mine).distinct().subquery()
        query = select(each.c.day, each.c.tag, func.count()).group_by(each.c.day, each.c.tag).order_by(each.c.day, each.c.tag)
        found: dict[date, dict[str, int]] = defaultdict(dict)
        with self._catalog.reading() as session:
            for day, tag, number in session.execute(query):
                found[day][tag] = number
        return dict(found)

    def tags(self) -> list[str]:
        """Every tag ever used, in order of first use."""
        with self._catalog.reading() as session:
            return list(session.scalars(select(TagRow.name).order_by(TagRow.id)))

    def _equal(self, annotation: Annotation) -> list[Annotation]:
        """The same label by its author, or by everybody who has it."""
        names = ("source", "start", "end", "tag", "low_hz", "high_hz") + (("author",) if annotation.author else ())
        same = (getattr(AnnotationRow, name).is_not_distinct_from(getattr(annotation, name)) for name in names)
        with self._catalog.reading() as session:
            authors = session.scalars(select(AnnotationRow.author).where(*same, AnnotationRow.withdrawn_at.is_(None)))
            return [replace(annotation, author=author) for author in authors]

    def _submit(self, annotations: Iterable[Annotation], action: Action, origin: Literal["drawn", "imported"]) -> int:
        """One submission for each author and source."""
        parts: dict[tuple[str, str], list[Annotation]] = defaultdict(list)
        for annotation in dict.fromkeys(annotations):
            parts[annotation.author, annotation.source].append(annotation)
        labels, changed = Labels(self._catalog), 0
        for (author, source), mine in sorted(parts.items()):
            boxes = tuple(Box(one.start, one.end, one.tag, one.low_hz, one.high_hz, origin) for one in mine)
            start, end = min(one.start for one in mine), max(one.end for one in mine)
            changed += labels.submit(Submission(author, source, start, end, boxes, action))[1]
        return changed


def _annotation(row: AnnotationRow) -> Annotation:
    return Annotation(row.source, row.start, row.end, row.tag, row.author, row.low_hz, row.high_hz)
