"""The queue under downloads, uploads, and whatever else is worked on one row at a time."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from soundmill.catalog import Catalog
from soundmill.catalog.downloads import WORKER
from soundmill.catalog.queue import WorkQueue, backoff, next_attempt
from soundmill.catalog.schema import DownloadRow
from tests.conftest import ROOT, wait_until

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
CLAIM_AND_WAIT = """
import signal, sys
from datetime import UTC, datetime
from soundmill.catalog import open_catalog
from soundmill.catalog.downloads import WORKER
from soundmill.catalog.queue import WorkQueue
from soundmill.catalog.schema import DownloadRow
queue = WorkQueue(open_catalog(sys.argv[1]), DownloadRow, DownloadRow.id, WORKER)
with queue.worker() as held:
    queue.claim(held.owner, datetime.now(UTC), columns=[DownloadRow.id])
    signal.pause()
"""


def queue_of(catalog: Catalog) -> WorkQueue:
    return WorkQueue(catalog, DownloadRow, DownloadRow.id, WORKER)


@pytest.fixture
def queue(catalog: Catalog) -> WorkQueue:
    with catalog.writing() as session:
        for number in range(40):
            row = {"conversation": f"c{number}", "speaker": "agent", "url": "http://a/", "day": NOW.date(), "requested_at": NOW}
            session.add(DownloadRow(**row, state="queued", attempts=0))
    return queue_of(catalog)


def claim(queue: WorkQueue, worker: str, **more: object) -> list[int]:
    return [row[0] for row in queue.claim(worker, datetime.now(UTC), columns=[DownloadRow.id], **more)]  # type: ignore[arg-type]


def settle(catalog: Catalog, queue: WorkQueue, key: int, worker: str, **values: object) -> bool:
    with catalog.writing() as session:
        return queue.settle(session, key, worker, **values)


def test_each_row_is_one_worker_s_however_many_claim_at_once(queue: WorkQueue) -> None:
    with ExitStack() as held, ThreadPoolExecutor(8) as pool:
        workers = [held.enter_context(queue.worker()).owner for _ in range(8)]
        claimed = [key for keys in pool.map(lambda worker: claim(queue, worker, limit=5), workers) for key in keys]
    assert sorted(claimed) == sorted(set(claimed))
    assert len(claimed) == 40


def test_what_a_worker_holds_is_free_when_it_ends_and_its_claims_do_not_count(catalog: Catalog, queue: WorkQueue) -> None:
    with queue.worker() as first:
        held = claim(queue, first.owner, limit=40)
        with queue.worker() as second:
            assert claim(queue, second.owner) == []
    with queue.worker() as second:
        assert claim(queue, second.owner, limit=40) == held
        with catalog.reading() as session:
            assert set(session.scalars(select(DownloadRow.claims))) == {1}


def test_what_a_killed_worker_held_is_claimed_again_and_the_claims_are_counted(catalog: Catalog, queue: WorkQueue) -> None:
    url = catalog.engine.url.render_as_string(hide_password=False)
    for expected in (1, 2):
        worker = subprocess.Popen([sys.executable, "-c", CLAIM_AND_WAIT, url], cwd=ROOT)
        wait_until(lambda count=expected: _claims(catalog) == count, 30)
        worker.kill()
        worker.wait()
    with queue.worker() as other:
        (key,) = claim(queue, other.owner)
        assert _claims(catalog) == 3
        assert settle(catalog, queue, key, other.owner, state="done")
    with catalog.reading() as session:
        assert session.execute(select(DownloadRow.attempts, DownloadRow.claims).where(DownloadRow.id == key)).one() == (1, 0)


def _claims(catalog: Catalog) -> int:
    with catalog.reading() as session:
        return session.scalar(select(DownloadRow.claims).order_by(DownloadRow.id).limit(1)) or 0


def test_only_who_still_holds_a_row_settles_it(catalog: Catalog, queue: WorkQueue) -> None:
    with queue.worker() as mine, queue.worker() as other:
        (key,) = claim(queue, mine.owner)
        assert not settle(catalog, queue, key, other.owner, state="done")
        assert settle(catalog, queue, key, mine.owner, state="done")
        assert not settle(catalog, queue, key, mine.owner, state="failed")


def test_a_worker_takes_anew_what_it_holds_and_is_not_busy_with(queue: WorkQueue) -> None:
    with queue.worker() as mine:
        first, second = claim(queue, mine.owner, limit=2)
        assert first not in claim(queue, mine.owner, limit=40)
        assert claim(queue, mine.owner, busy=[second]) == [first]


def test_a_row_waits_for_its_next_attempt(catalog: Catalog, queue: WorkQueue) -> None:
    with queue.worker() as mine:
        held = claim(queue, mine.owner, limit=40)
        later = datetime.now(UTC) + timedelta(minutes=1)
        assert settle(catalog, queue, held[0], mine.owner, state="queued", next_attempt_at=later)
        assert claim(queue, mine.owner) == []
        found = queue.claim(mine.owner, later, columns=[DownloadRow.id])
        assert [row[0] for row in found] == [held[0]]


def test_attempts_come_further_and_further_apart_and_end() -> None:
    assert [backoff(n) for n in (1, 2, 3, 30)] == [timedelta(minutes=1), timedelta(minutes=4), timedelta(minutes=16), timedelta(days=1)]
    assert next_attempt(NOW, 1, 5, transient=False) is None
    assert next_attempt(NOW, 5, 5, transient=True) is None
    for attempts in (1, 2, 3, 4):
        due = next_attempt(NOW, attempts, 5, transient=True)
        assert due is not None
        assert 0.8 * backoff(attempts) <= due - NOW <= 1.25 * backoff(attempts)
    patient = next_attempt(NOW, 1, 5, transient=True, retry_after=7200)
    assert patient is not None
    assert patient - NOW >= timedelta(hours=2)
