"""The queue under everything that is worked on one row at a time: claims with a lease, attempts, backoff.

A table takes part by its columns (`schema.Queued`). A worker holds a lease while it lives, and claims rows in its name, one atomic
statement each. When its lease ends, even by a kill, what it had claimed is free again.
"""

import random
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, false, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from soundmill.catalog.database import Catalog
from soundmill.catalog.leases import Lease, is_dead, lease, living
from soundmill.catalog.schema import LeaseRow, Queued

QUEUED = "queued"
_SPREAD = (0.8, 1.25)  # of a backoff, so that what failed together does not come back together


def backoff(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: 1, 4, 16, ... minutes, at most a day."""
    return min(timedelta(minutes=4 ** min(attempts - 1, 10)), timedelta(days=1))


def next_attempt(now: datetime, attempts: int, most_attempts: int, *, transient: bool, retry_after: float | None = None) -> datetime | None:
    """When to try again what failed for the `attempts`-th time; None where it has failed for good.

    `retry_after` are the seconds that a server asked for.
    """
    if not transient or attempts >= most_attempts:
        return None
    return now + max(backoff(attempts) * random.uniform(*_SPREAD), timedelta(seconds=retry_after or 0))


class WorkQueue:
    """Rows of one table as work: state `queued` until they are settled, held by the worker in `claimed_by` meanwhile.

    `key` is the primary key; the leases of this queue's workers have names that begin with `workers`.
    """

    def __init__(self, catalog: Catalog, row: type[Queued], key: InstrumentedAttribute[Any], workers: str) -> None:
        self._catalog, self._row, self._key, self.workers = catalog, row, key, workers

    @contextmanager
    def worker(self) -> Iterator[Lease]:
        """A worker's lease while the block runs; its `owner` is the name to claim in. What it still holds at the end is released."""
        with lease(self._catalog, self.workers + secrets.token_hex(6), wait=0) as held:
            try:
                yield held
            finally:
                self.release(held.owner)

    def claim(
        self,
        worker: str,
        now: datetime,
        *wanted: ColumnElement[bool],
        columns: Sequence[Any],
        order: Any = None,
        limit: int = 1,
        busy: Collection[Any] | None = None,
    ) -> list[Row[Any]]:
        """Takes up to `limit` rows that are due and that no living worker holds, and counts the claim; returns their columns.

        `busy` are keys of the rows that this worker is at work on: others that it holds, say because the catalog was away when it wanted
        to settle them, are taken anew. Without it, what this worker holds stays as it is.
        """
        mine = self._row.claimed_by == worker
        lost = false() if busy is None else and_(mine, self._key.not_in(list(busy)))
        found = select(self._key).where(self.due(now), or_(and_(self.free(), or_(self._row.claimed_by.is_(None), ~mine)), lost), *wanted)
        with self._catalog.reading() as session:
            if session.execute(found.limit(1)).first() is None:
                return []  # without the lock that writers wait for
        due = found.order_by(self._key if order is None else order).limit(limit)
        # a common table expression runs once; as a subquery, PostgreSQL may run it for each row, each time with other rows locked
        chosen = due.with_for_update(skip_locked=True).cte("chosen")
        claim = (
            update(self._row)
            .where(self._key.in_(select(chosen.c[0])), self._row.state == QUEUED)
            .values(claimed_by=worker, claims=self._row.claims + 1)
            .returning(*columns)
            .execution_options(synchronize_session=False)
        )
        with self._catalog.writing() as session:
            return list(session.execute(claim))

    def settle(self, session: Session, key: Any, worker: str | None, *still: ColumnElement[bool], **values: Any) -> bool:
        """Ends an attempt with these values, if the claim is still this worker's and `still` holds; says whether it was."""
        mine = (self._key == key, self._row.claimed_by == worker, self._row.state == QUEUED, *still)
        ended = (
            update(self._row).where(*mine).values(claimed_by=None, claims=0, attempts=self._row.attempts + 1, **values).returning(self._key)
        )
        return session.execute(ended.execution_options(synchronize_session=False)).scalar() is not None

    def release(self, worker: str, key: Any = None) -> None:
        """Gives back what a worker still holds, or one row of it; these claims do not count."""
        mine = [self._row.claimed_by == worker, self._row.state == QUEUED, *([] if key is None else [self._key == key])]
        with self._catalog.writing() as session:
            session.execute(update(self._row).where(*mine).values(claimed_by=None, claims=self._row.claims - 1))

    def due(self, now: datetime) -> ColumnElement[bool]:
        """Rows that are queued, and whose next attempt has come."""
        return and_(self._row.state == QUEUED, or_(self._row.next_attempt_at.is_(None), self._row.next_attempt_at <= now))

    def free(self) -> ColumnElement[bool]:
        """Rows that nobody holds, or whose holder's lease is over. Decided where it is used: a worker may have come meanwhile."""
        with self._catalog.reading() as session:
            dead = [owner for owner in session.scalars(self._leases()) if is_dead(owner)]
        return or_(self._row.claimed_by.is_(None), self._row.claimed_by.not_in(self._leases().where(LeaseRow.owner.not_in(dead))))

    def alive(self) -> set[str]:
        """Workers whose lease runs, but for those on this machine that are known to be gone."""
        return living(self._catalog, self.workers)

    def _leases(self) -> Select[Any]:
        return select(LeaseRow.owner).where(
            LeaseRow.name.startswith(self.workers, autoescape=True), LeaseRow.expires_at > datetime.now(UTC)
        )
