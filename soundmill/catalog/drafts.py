"""Drafts: labels that somebody is at and has not handed in, saved while they work, so that a closed browser loses nothing."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, cast

from sqlalchemy import CursorResult, delete, update

from soundmill.catalog.database import Catalog
from soundmill.catalog.schema import DraftRow


@dataclass(frozen=True)
class Draft:
    """What a page saved of an annotator's labels of a source's day. `version` goes up with every change, from 1."""

    annotator: str
    source: str
    day: date
    version: int
    content: dict[str, Any]
    updated_at: datetime


class Drafts:
    """Writes and reads of drafts."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def get(self, annotator: str, source: str, day: date) -> Draft | None:
        """The draft; None where there is none."""
        with self._catalog.reading() as session:
            row = session.get(DraftRow, (annotator, source, day))
            return None if row is None else Draft(row.annotator, row.source, row.day, row.version, row.content, row.updated_at)

    def save(self, annotator: str, source: str, day: date, content: dict[str, Any], version: int) -> int | None:
        """Puts a draft in the place of the one with this version (0: of none), and returns the new version.

        None where another is stored meanwhile, say by another tab: nothing is changed then.
        """
        now = datetime.now(UTC)
        values = {"content": content, "version": version + 1, "updated_at": now}
        mine = (DraftRow.annotator == annotator, DraftRow.source == source, DraftRow.day == day)
        with self._catalog.writing() as session:
            if version == 0:
                row = self._catalog.insert(DraftRow).values(annotator=annotator, source=source, day=day, **values)
                saved = session.execute(row.on_conflict_do_nothing().returning(DraftRow.version)).scalar()
                return cast("int | None", saved)
            done = session.execute(update(DraftRow).where(*mine, DraftRow.version == version).values(**values))
            return version + 1 if cast("CursorResult[Any]", done).rowcount else None

    def discard(self, annotator: str, source: str, day: date) -> None:
        """Removes the draft; nothing happens where there is none."""
        mine = (DraftRow.annotator == annotator, DraftRow.source == source, DraftRow.day == day)
        with self._catalog.writing() as session:
            session.execute(delete(DraftRow).where(*mine))
