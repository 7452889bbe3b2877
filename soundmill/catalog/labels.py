"""Labels as they were handed in: submissions, which never change, and the annotations that are derived from them.

Two people's equal labels are two rows. A person's later submission on the same sound takes the place of that person's earlier one; other
people's stay. Labels that belong to a round count when its rule makes annotations of them, and not before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Any, Literal, cast

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from soundmill.catalog.database import Catalog
from soundmill.catalog.schema import AnnotationRow, BoxRow, ReviewedSpanRow, SubmissionRow, TagRow
from soundmill.fingerprint import digest
from soundmill.formats.annotation import Annotation
from soundmill.times import utc

_SUBMIT_LOCK = 0x50_0D_41_14  # any constant but those of other locks in this folder

Action = Literal["add", "replace", "withdraw"]
Origin = Literal["drawn", "imported", "prediction"]
BoxState = Literal["drawn", "kept", "moved", "rejected"]


@dataclass(frozen=True)
class Box:
    """A labelled span of a source's timeline, UTC, with optional bounds in Hz.

    origin                       drawn by hand, imported from a file, or a prediction of a model
    state                        drawn; for a prediction: kept as it was, moved, or rejected (an explicit negative)
    model, model_version, score  whose prediction it was, and with which score
    """

    start: datetime
    end: datetime
    tag: str
    low_hz: float | None = None
    high_hz: float | None = None
    origin: Origin = "drawn"
    state: BoxState = "drawn"
    model: str | None = None
    model_version: int | None = None
    score: float | None = None
    note: str = ""


@dataclass(frozen=True)
class ReviewedSpan:
    """From `start` to `end`, UTC, the annotator looked for these tags: where no box lies, there is none of them."""

    start: datetime
    end: datetime
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Submission:
    """One annotator's labels of one span of a source, all of them at once.

    action   `add` adds boxes; `replace` puts them in the place of all that this annotator had from `start` to `end`; `withdraw` takes equal
             ones back
    version  counts this annotator's submissions on this source, from 1; 0 before it is stored
    round    the labelling round it belongs to, with the number of its session; None: it counts by itself
    """

    annotator: str
    source: str
    start: datetime
    end: datetime
    boxes: tuple[Box, ...]
    action: Action = "replace"
    reviewed: tuple[ReviewedSpan, ...] = ()
    round: str | None = None
    session: int | None = None
    note: str = ""
    version: int = 0
    created_at: datetime | None = None

    def annotations(self) -> list[Annotation]:
        """Its boxes as annotations of its annotator, without those that were rejected. Raises `ValueError` for a box that cannot be."""
        kept = [box for box in self.boxes if box.state != "rejected"]
        return [Annotation(self.source, box.start, box.end, box.tag, self.annotator, box.low_hz, box.high_hz) for box in kept]


@dataclass(frozen=True)
class Standing:
    """An annotator's labels of a span as they stand: boxes by start, rejected predictions among them; what was reviewed; and the number of
    the annotator's newest submission on the source."""

    boxes: tuple[Box, ...]
    reviewed: tuple[ReviewedSpan, ...]
    version: int


def standing(submissions: Iterable[Submission], start: datetime, end: datetime, version: int) -> Standing:
    """What submissions of one annotator, the oldest first, come to from start to end."""
    boxes: list[Box] = []
    reviewed: list[ReviewedSpan] = []
    for one in submissions:
        if one.action == "replace":
            boxes = [box for box in boxes if not one.start <= box.start < one.end]
            reviewed = [span for span in reviewed if not (one.start <= span.start and span.end <= one.end)]
        same = {_place(box) for box in one.boxes}
        boxes = [box for box in boxes if _place(box) not in same]
        if one.action != "withdraw":
            boxes += one.boxes
            reviewed += one.reviewed
    inside = sorted((box for box in boxes if start <= box.start < end), key=lambda box: (box.start, box.end, box.tag))
    return Standing(tuple(inside), tuple(span for span in reviewed if span.start < end and span.end > start), version)


def _place(box: Box) -> tuple[object, ...]:
    return box.start, box.end, box.tag, box.low_hz, box.high_hz


class Labels:
    """Queries and writes of submissions."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def submit(self, submission: Submission) -> tuple[Submission, int]:
        """Stores a submission and what follows from it, all or nothing; returns it with its version, and how many annotations changed.

        The same content as the annotator's newest on this source is not stored twice. Raises `ValueError` for a box that cannot be.
        """
        annotations = submission.annotations()
        now = submission.created_at or datetime.now(UTC)
        content = digest([submission.action, str(submission.round), str(submission.session), *map(repr, _content(submission))])
        with self._catalog.writing() as session:
            if self._catalog.engine.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
                session.execute(select(func.pg_advisory_xact_lock(_SUBMIT_LOCK)))
            newest = session.scalar(
                select(SubmissionRow)
                .where(SubmissionRow.annotator == submission.annotator, SubmissionRow.source == submission.source)
                .order_by(SubmissionRow.version.desc())
                .limit(1)
            )
            if newest is not None and newest.content == content:
                return _submission(newest, submission.boxes, submission.reviewed), 0
            row = SubmissionRow(
                annotator=submission.annotator,
                source=submission.source,
                version=1 if newest is None else newest.version + 1,
                action=submission.action,
                start=submission.start,
                end=submission.end,
                round=submission.round,
                session=submission.session,
                content=content,
                note=submission.note,
                created_at=now,
            )
            session.add(row)
            session.flush()
            boxes = [BoxRow(submission=row.id, day=utc(box.start).date(), **vars(box)) for box in submission.boxes]
            session.add_all(boxes)
            session.add_all(
                ReviewedSpanRow(submission=row.id, day=utc(span.start).date(), start=span.start, end=span.end, tags=list(span.tags))
                for span in submission.reviewed
            )
            session.flush()
            for tag in sorted({annotation.tag for annotation in annotations}):
                session.execute(self._catalog.insert(TagRow).values(name=tag, created_at=now).on_conflict_do_nothing())
            changed = 0
            if submission.round is None:
                of_box = [box.id for box in boxes if box.state != "rejected"]
                changed = self._derive(session, submission, dict(zip(of_box, annotations, strict=True)), now)
            return _submission(row, submission.boxes, submission.reviewed), changed

    def standing(self, annotator: str, source: str, start: datetime, end: datetime) -> "Standing":
        """What an annotator's submissions come to from start to end, those of rounds left out."""
        near = (SubmissionRow.start < end, SubmissionRow.end > start, SubmissionRow.round.is_(None))
        query = select(SubmissionRow).where(SubmissionRow.annotator == annotator, SubmissionRow.source == source, *near)
        newest = select(func.max(SubmissionRow.version)).where(SubmissionRow.annotator == annotator, SubmissionRow.source == source)
        with self._catalog.reading() as session:
            rows = session.scalars(query.order_by(SubmissionRow.version)).all()
            numbers = [row.id for row in rows]
            boxes, spans = _boxes_of(session, numbers), _spans_of(session, numbers)
            found = [_submission(row, boxes.get(row.id, ()), spans.get(row.id, ())) for row in rows]
            return standing(found, start, end, session.scalar(newest) or 0)

    def history(self, annotator: str, source: str) -> list[Submission]:
        """An annotator's submissions on a source, the oldest first."""
        query = select(SubmissionRow).where(SubmissionRow.annotator == annotator, SubmissionRow.source == source)
        with self._catalog.reading() as session:
            rows = session.scalars(query.order_by(SubmissionRow.version)).all()
            numbers = [row.id for row in rows]
            boxes, spans = _boxes_of(session, numbers), _spans_of(session, numbers)
            return [_submission(row, boxes.get(row.id, ()), spans.get(row.id, ())) for row in rows]

    def rejected(self, first: date, last: date) -> list[tuple[str, Box]]:
        """Predictions that annotators rejected on the days from first to last, each with its source: explicit negatives."""
        query = (
            select(SubmissionRow.source, BoxRow)
            .join(BoxRow, BoxRow.submission == SubmissionRow.id)
            .where(BoxRow.state == "rejected", BoxRow.day >= first, BoxRow.day <= last)
            .order_by(SubmissionRow.source, BoxRow.start, BoxRow.id)
        )
        with self._catalog.reading() as session:
            return [(source, _box(row)) for source, row in session.execute(query)]

    def reviewed(self, first: date, last: date) -> list[tuple[str, str, ReviewedSpan]]:
        """Spans that were looked through on the days from first to last: source, annotator, span."""
        query = (
            select(SubmissionRow.source, SubmissionRow.annotator, ReviewedSpanRow)
            .join(ReviewedSpanRow, ReviewedSpanRow.submission == SubmissionRow.id)
            .where(ReviewedSpanRow.day >= first, ReviewedSpanRow.day <= last)
            .order_by(SubmissionRow.source, ReviewedSpanRow.start, ReviewedSpanRow.id)
        )
        with self._catalog.reading() as session:
            return [(source, annotator, _span(row)) for source, annotator, row in session.execute(query)]

    def _derive(self, session: Session, submission: Submission, fresh: dict[int, Annotation], now: datetime) -> int:
        """Brings the annotator's annotations up to a submission; returns how many changed."""
        identities = {identity(annotation) for annotation in fresh.values()}
        changed = 0
        if submission.action != "add":
            gone = update(AnnotationRow).where(AnnotationRow.withdrawn_at.is_(None))
            if submission.action == "withdraw":
                gone = gone.where(AnnotationRow.identity.in_(identities))
            else:
                mine = (AnnotationRow.author == submission.annotator, AnnotationRow.source == submission.source)
                inside = (AnnotationRow.start >= submission.start, AnnotationRow.start < submission.end)
                gone = gone.where(*mine, *inside, AnnotationRow.identity.not_in(identities))
            gone = gone.values(withdrawn_at=now, revision=AnnotationRow.revision + 1)
            changed += len(session.execute(gone.returning(AnnotationRow.id)).all())
        if submission.action == "withdraw":
            return changed
        for box, annotation in fresh.items():
            insert = self._catalog.insert(AnnotationRow).values(
                **vars(annotation), day=annotation.day, identity=identity(annotation), box=box, created_at=now, revision=1
            )
            insert = insert.on_conflict_do_update(
                index_elements=["identity"],
                set_={"withdrawn_at": None, "box": box, "revision": AnnotationRow.revision + 1},
                where=AnnotationRow.withdrawn_at.is_not(None),
            )
            changed += session.execute(insert.returning(AnnotationRow.id)).scalar() is not None
        return changed


def identity(annotation: Annotation) -> str:
    """By which an author's label is known again."""
    return digest([annotation.key, annotation.author])


def _content(submission: Submission) -> Iterable[Any]:
    yield submission.start
    yield submission.end
    yield from submission.boxes
    yield from submission.reviewed


_BOX = [f.name for f in fields(Box)]


def _box(row: BoxRow) -> Box:
    return Box(**{name: getattr(row, name) for name in _BOX})


def _span(row: ReviewedSpanRow) -> ReviewedSpan:
    return ReviewedSpan(row.start, row.end, tuple(row.tags))


def _boxes_of(session: Session, submissions: Sequence[int]) -> dict[int, tuple[Box, ...]]:
    found: dict[int, tuple[Box, ...]] = {}
    for row in session.scalars(select(BoxRow).where(BoxRow.submission.in_(submissions)).order_by(BoxRow.id)):
        found[row.submission] = (*found.get(row.submission, ()), _box(row))
    return found


def _spans_of(session: Session, submissions: Sequence[int]) -> dict[int, tuple[ReviewedSpan, ...]]:
    found: dict[int, tuple[ReviewedSpan, ...]] = {}
    for row in session.scalars(select(ReviewedSpanRow).where(ReviewedSpanRow.submission.in_(submissions)).order_by(ReviewedSpanRow.id)):
        found[row.submission] = (*found.get(row.submission, ()), _span(row))
    return found


def _submission(row: SubmissionRow, boxes: tuple[Box, ...], reviewed: tuple[ReviewedSpan, ...]) -> Submission:
    return Submission(
        row.annotator,
        row.source,
        row.start,
        row.end,
        boxes,
        cast(Action, row.action),
        reviewed,
        row.round,
        row.session,
        row.note,
        row.version,
        row.created_at,
    )
