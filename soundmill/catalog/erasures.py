"""The audit of erasures: that something was erased, and when; nothing by which it could be known again but a hash."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select

from soundmill.catalog.database import Catalog
from soundmill.catalog.schema import ErasureRow


@dataclass(frozen=True)
class Erasure:
    """One erasure.

    kind            conversation, upload, account, interval or silence
    subject_sha256  sha256 of what was named: whoever knows the name can find the row
    items, seconds  ledger rows that were withdrawn, and their length
    by              who asked for it
    """

    kind: str
    subject_sha256: str
    items: int
    seconds: float
    by: str
    at: datetime


class Erasures:
    """Writes and reads of the audit."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def record(self, kind: str, subject: str, items: int, seconds: float, by: str, at: datetime | None = None) -> Erasure:
        """Adds a row."""
        erasure = Erasure(kind, subject_hash(subject), items, round(seconds, 3), by, at or datetime.now(UTC))
        with self._catalog.writing() as session:
            session.add(ErasureRow(**vars(erasure)))
        return erasure

    def all(self) -> list[Erasure]:
        """Every row, the oldest first."""
        with self._catalog.reading() as session:
            rows = session.scalars(select(ErasureRow).order_by(ErasureRow.id))
            return [Erasure(row.kind, row.subject_sha256, row.items, row.seconds, row.by, row.at) for row in rows]


def subject_hash(subject: str) -> str:
    """By which an erasure is found by who knows what was erased."""
    return hashlib.sha256(subject.encode("utf-8", "surrogateescape")).hexdigest()
