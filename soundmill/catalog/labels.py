"""Labels as they were handed in: submissions, which never change, and the annotations that are derived from them.

Two people's equal labels are two rows. A person's later submission on the same sound takes the place of that person's earlier one; other
people's stay. Labels that belong to a round count when its rule makes annotations of them, and not before.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.orm import Session

from soundmill.catalog.database import Catalog
from soundmill.catalog.schema import AnnotationRow, BoxRow, ReviewedSpanRow, SubmissionRow, TagRow
from soundmill.errors import LabelsChanged
from soundmill.fingerprint import digest
from soundmill.formats.annotation import Annotation
from soundmill.times import midnight, utc

_SUBMIT_LOCK = 0x50_0D_41_14  # any constant but those of other locks in this folder

_AT_ONCE = 1000
_NOT_LOADED = {"synchronize_session": False}  # no object of the session shows what the statement changes
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

    def outside(self, start: datetime, end: datetime) -> "list[ReviewedSpan]":
        """What of it lies before `start`, and after `end`."""
        parts = (replace(self, end=min(self.end, start)), replace(self, start=max(self.start, end)))
        return [part for part in parts if part.start < part.end]


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
    """An annotator's labels of a span as they stand: boxes by start, rejected predictions among them; what was reviewed; and the version of
    the annotator's newest submission that reaches into the span (0: there is none)."""

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
            reviewed = [part for span in reviewed for part in span.outside(one.start, one.end)]
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
        insert = catalog.insert(AnnotationRow)
        self._upsert = insert.on_conflict_do_update(
            index_elements=["identity"],
            set_={"withdrawn_at": None, "box": insert.excluded.box, "revision": AnnotationRow.revision + 1},
            where=AnnotationRow.withdrawn_at.is_not(None),
        ).returning(AnnotationRow.id)

    def submit(self, submission: Submission, based_on: int | None = None) -> tuple[Submission, int]:
        """Stores a submission and what follows from it, all or nothing; returns it with its version, and how many annotations changed.

        The same content as the annotator's newest on this span is not stored twice. `based_on` is the version of the standing labels
        that it was made from. Raises `ValueError` for a box that cannot be, `LabelsChanged` where another version stands by now.
        """
        fresh = [(annotation, identity(annotation)) for annotation in submission.annotations()]  # before anybody else has to wait
        with self._catalog.writing() as session:
            return self.store(session, submission, based_on, fresh)

    def store(
        self,
        session: Session,
        submission: Submission,
        based_on: int | None = None,
        fresh: Sequence[tuple[Annotation, str]] | None = None,
    ) -> tuple[Submission, int]:
        """The same within a transaction; `fresh` are the submission's annotations with their identities, where they are known."""
        if fresh is None:
            fresh = [(annotation, identity(annotation)) for annotation in submission.annotations()]
        now = submission.created_at or datetime.now(UTC)
        content = digest([submission.action, str(submission.round), str(submission.session), *map(repr, _content(submission))])
        if self._catalog.engine.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
            session.execute(select(func.pg_advisory_xact_lock(_SUBMIT_LOCK)))
        before = session.scalar(
            select(SubmissionRow)
            .where(*_near(submission.annotator, submission.source, submission.start, submission.end, submission.round))
            .order_by(SubmissionRow.version.desc())
            .limit(1)
        )
        if before is not None and before.content == content:
            return _submission(before, submission.boxes, submission.reviewed), 0
        if based_on is not None and based_on != (before.version if before else 0):
            raise LabelsChanged("labels were handed in from elsewhere meanwhile: load them first")
        mine = (SubmissionRow.annotator == submission.annotator, SubmissionRow.source == submission.source)
        newest = session.scalar(select(func.max(SubmissionRow.version)).where(*mine)) or 0
        stored = replace(submission, version=newest + 1, created_at=now)
        row = {name: getattr(stored, name) for name in _SUBMISSION} | {"content": content}
        number = session.scalar(self._catalog.insert(SubmissionRow).returning(SubmissionRow.id), row)
        of = {"submission": number}
        boxes = [{**of, "day": utc(box.start).date(), **vars(box)} for box in submission.boxes]
        spans = [{**of, "day": utc(span.start).date(), **vars(span), "tags": list(span.tags)} for span in submission.reviewed]
        insert = self._catalog.insert(BoxRow).returning(BoxRow.id, sort_by_parameter_order=True)
        numbers = session.scalars(insert, boxes).all() if boxes else []
        if spans:
            session.execute(self._catalog.insert(ReviewedSpanRow), spans)
        for tag in sorted({annotation.tag for annotation, _ in fresh}):
            session.execute(self._catalog.insert(TagRow).values(name=tag, created_at=now).on_conflict_do_nothing())
        changed = 0
        if submission.round is None:
            of_box = [number for number, box in zip(numbers, submission.boxes, strict=True) if box.state != "rejected"]
            changed = self._derive(
                session, submission, [(box, known_by, one) for box, (one, known_by) in zip(of_box, fresh, strict=True)], now
            )
        return stored, changed

    def standing(self, annotator: str, source: str, start: datetime, end: datetime) -> "Standing":
        """What an annotator's submissions come to from start to end, those of rounds left out."""
        near = _near(annotator, source, start, end)
        whole = (SubmissionRow.action == "replace", SubmissionRow.start <= start, SubmissionRow.end >= end)
        first = select(func.max(SubmissionRow.version)).where(*near, *whole).scalar_subquery()  # nothing before it counts any more
        query = select(SubmissionRow).where(*near, SubmissionRow.version >= func.coalesce(first, 0))
        with self._catalog.reading() as session:
            found = read_submissions(session, query.order_by(SubmissionRow.version))
        return standing(found, start, end, found[-1].version if found else 0)

    def history(self, annotator: str, source: str) -> list[Submission]:
        """An annotator's submissions on a source, the oldest first."""
        query = select(SubmissionRow).where(SubmissionRow.annotator == annotator, SubmissionRow.source == source)
        with self._catalog.reading() as session:
            return read_submissions(session, query.order_by(SubmissionRow.version))

    def rejected(self, first: date, last: date) -> list[tuple[str, str, Box]]:
        """Predictions that stand as rejected on the days from first to last, explicit negatives: source, annotator, box."""
        query = (
            select(SubmissionRow.source, SubmissionRow.annotator, BoxRow.day)
            .join(BoxRow, BoxRow.submission == SubmissionRow.id)
            .where(BoxRow.state == "rejected", BoxRow.day >= first, BoxRow.day <= last)
            .distinct()
            .order_by(SubmissionRow.source, SubmissionRow.annotator, BoxRow.day)
        )
        with self._catalog.reading() as session:
            places = [(source, annotator, midnight(day)) for source, annotator, day in session.execute(query)]
        return [
            (source, annotator, box)
            for source, annotator, start in places
            for box in self.standing(annotator, source, start, start + timedelta(days=1)).boxes
            if box.state == "rejected"
        ]

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

    def _derive(self, session: Session, submission: Submission, fresh: Sequence[tuple[int, str, Annotation]], now: datetime) -> int:
        """Brings the annotator's annotations up to a submission, whose boxes come with their numbers and identities; returns how many
        changed."""
        identities = {known_by for _, known_by, _ in fresh}
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
            changed += len(session.execute(gone.returning(AnnotationRow.id), execution_options=_NOT_LOADED).all())
        if submission.action == "withdraw" or not fresh:
            return changed
        rows = {
            known_by: {**vars(one), "day": one.day, "identity": known_by, "box": box, "created_at": now, "revision": 1}
            for box, known_by, one in fresh  # of equal boxes the last
        }
        return changed + len(session.execute(self._upsert, list(rows.values())).all())


def identity(annotation: Annotation) -> str:
    """By which an author's label is known again."""
    return digest([annotation.key, annotation.author])


def _content(submission: Submission) -> Iterable[Any]:
    yield submission.start
    yield submission.end
    yield from submission.boxes
    yield from submission.reviewed


_BOX = [f.name for f in fields(Box)]
_SUBMISSION = [f.name for f in fields(Submission) if f.name not in ("boxes", "reviewed")]


def _span(row: ReviewedSpanRow) -> ReviewedSpan:
    return ReviewedSpan(row.start, row.end, tuple(row.tags))


def _near(annotator: str, source: str, start: datetime, end: datetime, of_round: str | None = None) -> tuple[ColumnElement[bool], ...]:
    """Conditions for an annotator's submissions on a source that reach into a span: of a round, or of none."""
    mine = (SubmissionRow.annotator == annotator, SubmissionRow.source == source, SubmissionRow.round.is_not_distinct_from(of_round))
    return (*mine, SubmissionRow.start < end, SubmissionRow.end > start)


def read_submissions(session: Session, query: Select[Any]) -> list[Submission]:
    """Submissions, with their boxes and reviewed spans, in the order of a query of rows."""
    rows = session.scalars(query).all()
    numbers = [row.id for row in rows]
    boxes, spans = _boxes_of(session, numbers), _spans_of(session, numbers)
    return [_submission(row, tuple(boxes.get(row.id, ())), tuple(spans.get(row.id, ()))) for row in rows]


def _boxes_of(session: Session, submissions: Sequence[int]) -> dict[int, list[Box]]:
    found: dict[int, list[Box]] = {}
    columns = [BoxRow.submission, *(getattr(BoxRow, name) for name in _BOX)]
    for some in _parts(submissions):
        for submission, *values in session.execute(select(*columns).where(BoxRow.submission.in_(some)).order_by(BoxRow.id)):
            found.setdefault(submission, []).append(Box(*values))
    return found


def _spans_of(session: Session, submissions: Sequence[int]) -> dict[int, list[ReviewedSpan]]:
    found: dict[int, list[ReviewedSpan]] = {}
    for some in _parts(submissions):
        for row in session.scalars(select(ReviewedSpanRow).where(ReviewedSpanRow.submission.in_(some)).order_by(ReviewedSpanRow.id)):
            found.setdefault(row.submission, []).append(_span(row))
    return found


def _parts(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    """A database takes so many parameters at once."""
    for start in range(0, len(numbers), _AT_ONCE):
        yield numbers[start : start + _AT_ONCE]


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
