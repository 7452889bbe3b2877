"""Releases: what each is to be, what was made of it, and which of its clips were withdrawn since."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from soundmill.catalog.database import Catalog
from soundmill.catalog.schema import ReleaseClipRow, ReleaseRow, WithdrawnSpanRow
from soundmill.catalog.spans import Span, lies_in, timeline_lock
from soundmill.errors import ReleaseRefused, UnknownRelease

CLIPS_FOLDER = "audio/clips"
_BATCH = 500


@dataclass(frozen=True)
class Release:
    """A data set. `spec` as `releases.spec.ReleaseSpec` has it.

    content  sha256 of its manifest, once it is made: from then on it stays as it is
    facts    what the manifest says, without its clips
    """

    name: str
    spec: dict[str, Any]
    created_at: datetime
    made_at: datetime | None = None
    content: str | None = None
    facts: dict[str, Any] | None = None


@dataclass(frozen=True)
class ReleasedClip:
    """A clip of a release: a stretch of a source, the sha256 of its WAV, and when it was withdrawn."""

    release: str
    source: str
    start: datetime
    end: datetime
    sha256: str
    withdrawn_at: datetime | None = None

    def lies_in(self, spans: Iterable[Span]) -> bool:
        """Whether any of its sound lies in one of the spans."""
        return lies_in(self.start, (self.end - self.start).total_seconds(), spans)


class Releases:
    """Queries and writes of releases."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def define(self, name: str, spec: dict[str, Any]) -> None:
        """A new release, or another definition of one that is not made yet. Raises `ReleaseRefused`."""
        with self._catalog.writing() as session:
            self._catalog.alone(session, f"release {name}")
            row = session.get(ReleaseRow, name)
            if row is not None and row.content is not None:
                raise ReleaseRefused(f"release {name!r} is made, and stays as it is: give the next one another name")
            if row is None:
                session.add(ReleaseRow(name=name, spec=spec, created_at=datetime.now(UTC)))
            else:
                row.spec, row.created_at = spec, datetime.now(UTC)

    def get(self, name: str) -> Release:
        """The release. Raises `UnknownRelease`."""
        with self._catalog.reading() as session:
            return _release(_known(session, name))

    def all(self) -> list[Release]:
        """The newest first."""
        with self._catalog.reading() as session:
            return [_release(row) for row in session.scalars(select(ReleaseRow).order_by(ReleaseRow.created_at.desc(), ReleaseRow.name))]

    def made(self, name: str, spec: dict[str, Any], content: str, facts: dict[str, Any], clips: Sequence[ReleasedClip]) -> Release:
        """Notes that a release was made by a definition. Raises `ReleaseRefused` where it was made, or defined anew, meanwhile, or sound of
        it was withdrawn."""
        with self._catalog.writing() as session:
            self._catalog.alone(session, f"release {name}")
            for source in sorted({one.source for one in clips}):
                self._refuse_withdrawn(session, source, [one for one in clips if one.source == source])
            row = _known(session, name)
            if row.content is not None or row.spec != spec:
                raise ReleaseRefused(f"release {name!r} was {'made' if row.content else 'defined anew'} meanwhile")
            session.execute(delete(ReleaseClipRow).where(ReleaseClipRow.release == name))
            values = [vars(one) | {"release": name} for one in clips]
            for start in range(0, len(values), _BATCH):
                session.execute(self._catalog.insert(ReleaseClipRow), values[start : start + _BATCH])
            row.made_at, row.content, row.facts = datetime.now(UTC), content, facts
            return _release(row)

    def _refuse_withdrawn(self, session: Session, source: str, clips: Sequence[ReleasedClip]) -> None:
        self._catalog.alone(session, timeline_lock(source))
        rows = session.execute(select(WithdrawnSpanRow.start, WithdrawnSpanRow.end).where(WithdrawnSpanRow.source == source))
        spans = [(start, end) for start, end in rows]
        if any(one.lies_in(spans) for one in clips):
            raise ReleaseRefused(f"sound of {source} was withdrawn while the release was made: make it again")

    def clips(self, name: str | None = None, source: str | None = None, *, withdrawn: bool | None = None) -> list[ReleasedClip]:
        """Clips of a release, or of all; of a source, or of all; those that were withdrawn, those that were not, or both."""
        query = select(ReleaseClipRow).order_by(ReleaseClipRow.release, ReleaseClipRow.source, ReleaseClipRow.start, ReleaseClipRow.end)
        query = query if name is None else query.where(ReleaseClipRow.release == name)
        query = query if source is None else query.where(ReleaseClipRow.source == source)
        if withdrawn is not None:
            at = ReleaseClipRow.withdrawn_at
            query = query.where(at.is_not(None) if withdrawn else at.is_(None))
        with self._catalog.reading() as session:
            return [
                ReleasedClip(row.release, row.source, row.start, row.end, row.sha256, row.withdrawn_at) for row in session.scalars(query)
            ]

    def withdraw(self, clips: Collection[ReleasedClip]) -> None:
        """Notes that clips were withdrawn."""
        now = datetime.now(UTC)
        with self._catalog.writing() as session:
            for one in clips:
                same = (ReleaseClipRow.release == one.release, ReleaseClipRow.source == one.source)
                at = (ReleaseClipRow.start == one.start, ReleaseClipRow.end == one.end, ReleaseClipRow.withdrawn_at.is_(None))
                session.execute(update(ReleaseClipRow).where(*same, *at).values(withdrawn_at=now))

    def living_paths(self) -> set[str]:
        """Where the WAVs lie of clips that are in any release."""
        with self._catalog.reading() as session:
            return set(
                map(clip_path, session.scalars(select(ReleaseClipRow.sha256).where(ReleaseClipRow.withdrawn_at.is_(None)).distinct()))
            )


def clip_path(sha256: str) -> str:
    """Where a clip's WAV lies in the lake, by its hash; releases with the same clip share it."""
    return f"{CLIPS_FOLDER}/{sha256[:2]}/{sha256}.wav"


def _known(session: Session, name: str) -> ReleaseRow:
    row = session.get(ReleaseRow, name)
    if row is None:
        raise UnknownRelease(f"there is no release {name!r}")
    return row


def _release(row: ReleaseRow) -> Release:
    return Release(row.name, row.spec, row.created_at, row.made_at, row.content, row.facts)
