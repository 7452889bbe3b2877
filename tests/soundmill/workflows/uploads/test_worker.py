"""Workers on uploaded recordings, when the catalog fails, leases end, words change midway and files cannot be deleted."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from soundmill.catalog import Account, Accounts, Catalog, Uploads, open_catalog
from soundmill.catalog.schema import LeaseRow, UploadRow
from soundmill.lake import Lake
from soundmill.options import BackupOptions
from soundmill.speech import Transcript
from soundmill.speech.transcriber import VoskTranscriber
from soundmill.workflows.uploads import worker as worker_module
from soundmill.workflows.uploads.intake import Wanted
from tests.conftest import wait_until
from tests.soundmill.workflows.uploads.uploading import PASSWORD, actions, wait_for


class Held:
    """The transcriber, held up until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.began, self.go, self.times = threading.Event(), threading.Event(), 0
        hear = VoskTranscriber.transcribe

        def held(transcriber: VoskTranscriber, source: Any, progress: Any = None) -> Transcript:
            self.times += 1
            self.began.set()
            self.go.wait(60)
            return hear(transcriber, source, progress)

        monkeypatch.setattr(VoskTranscriber, "transcribe", held)


@pytest.mark.parametrize("method", ["claim", "settle"])
def test_a_recording_is_not_lost_where_the_catalog_fails_once(
    working: Any, ann: Account, digits: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    works, failures = getattr(Uploads, method), iter([True])

    def fails_once(*given: Any, **more: Any) -> Any:
        if next(failures, False):
            raise OperationalError("", None, Exception("the database is away"))
        return works(*given, **more)

    monkeypatch.setattr(Uploads, method, fails_once)
    with working() as worker:
        upload = wait_for(worker, worker.receive(ann, Wanted("x", "x.wav"), digits, "0"))
        assert upload.text == "three one four one five nine"
        assert actions(worker, upload) == ["created", "done"]


def test_a_worker_whose_lease_ran_out_does_not_take_its_own_work_over(
    working: Any, ann: Account, digits: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    with working() as worker:
        upload = worker.receive(ann, Wanted("x", "x.wav"), digits, "0")
        assert held.began.wait(30)
        with catalog.writing() as session:  # as when the machine slept
            session.execute(update(LeaseRow).values(expires_at=datetime.now(UTC) - timedelta(hours=1)))
        threading.Event().wait(2.5)  # a few looks around
        held.go.set()
        assert wait_for(worker, upload).attempts == 1
    assert held.times == 1


def test_two_workers_never_settle_one_recording_twice(
    working: Any, ann: Account, digits: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    with working() as first:
        upload = first.receive(ann, Wanted("x", "x.wav"), digits, "0")
        assert held.began.wait(30)
        with catalog.writing() as session:
            session.execute(update(LeaseRow).values(expires_at=datetime.now(UTC) - timedelta(hours=1)))
        with working() as second:
            wait_until(lambda: held.times == 2, 30)
            held.go.set()
            wait_for(second, upload)
    assert actions(first, upload) == ["created", "done"]


def test_a_worker_that_is_ended_gives_its_work_back_at_once(
    working: Any, ann: Account, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    with working(workers=1) as worker:
        upload = worker.receive(ann, Wanted("x", "x.wav"), digits, "0")
        assert held.began.wait(30)
        worker._stopped.set()
        held.go.set()
    found = worker.uploads.get(upload.uuid)
    assert found is not None
    assert (found.state, found.claimed_by, found.claims) == ("queued", None, 0)
    with working() as other:
        assert wait_for(other, upload).attempts == 1


def test_one_that_ends_its_worker_every_time_is_failed_after_the_third(
    working: Any, ann: Account, digits: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    with working() as worker:
        upload = wait_for(worker, worker.receive(ann, Wanted("x", "x.wav"), digits, "0"))
        killed = {"state": "queued", "claimed_by": "a worker that was killed", "claims": 3}
        with catalog.writing() as session:
            session.execute(update(UploadRow).values(**killed))
        failed = wait_for(worker, upload, "failed")
    assert failed.reason == "interrupted"
    assert actions(worker, upload) == ["created", "done", "failed"]


def test_words_that_are_asked_for_while_it_is_written_down_are_those_it_is_looked_through_for(
    working: Any, ann: Account, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    with working() as worker:
        upload = worker.receive(ann, Wanted("x", "x.wav", words="one"), digits, "0")
        assert held.began.wait(30)
        early = worker.uploads.get(upload.uuid)
        assert early is not None
        assert worker.search(early, "four,nine", None, 1.0, True) is not None
        held.go.set()
        done = wait_for(worker, upload)
        assert [hit["keyword"] for hit in done.hits] == ["four", "nine"]
        # and one that was read before it was done does not write over what was found since
        again = worker.search(early, "five", None, 1.0, True)
    assert again is not None
    assert [hit["keyword"] for hit in again.hits] == ["five"]


def test_lists_do_not_read_transcripts(working: Any, ann: Account, digits: Path, catalog: Catalog) -> None:
    with working() as worker:
        wait_for(worker, worker.receive(ann, Wanted("x", "x.wav"), digits, "0"))
    (listed,), _ = Uploads(catalog).listed(ann.id)
    assert (listed.text, listed.transcript) == ("three one four one five nine", None)


def test_stems_are_right_when_many_ask_at_once(working: Any, ann: Account, digits: Path) -> None:
    with working() as worker:
        upload = wait_for(worker, worker.receive(ann, Wanted("x", "x.wav"), digits, "0"))
        spoken = replace(upload, words="ones,fours,running,generously", stemming="english")
        expected = worker_module._hits(spoken)
        wrong: list[object] = []

        def ask() -> None:
            for _ in range(50):
                try:
                    if worker_module._hits(spoken) != expected:
                        wrong.append("other hits")
                except Exception as error:  # noqa: BLE001  # whatever it is, it is wrong
                    wrong.append(error)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_accounts_and_uploads_come_back_from_a_backup(
    working: Any, ann: Account, digits: Path, folder_lake: Lake, catalog: Catalog, s3_url: str, s3_endpoint: str, tmp_path: Path,
    other_postgres_url: str,
) -> None:  # fmt: skip
    from soundmill.backup import back_up, bucket_of, restore
    from soundmill.lake import open_lake

    with working() as worker:
        upload = wait_for(worker, worker.receive(ann, Wanted("x", "x.wav"), digits, "0"))
    token = Accounts(catalog).login("ann", PASSWORD, "here")
    options = BackupOptions(url=s3_url, endpoint=s3_endpoint)
    bucket = bucket_of(options)
    back_up(bucket, folder_lake, catalog, options)
    for url in (f"sqlite:///{tmp_path / 'new' / 'catalog.db'}", other_postgres_url):
        place = tmp_path / url[:4]
        restore(bucket, open_lake(str(place / "lake")), url, place)
        there = open_catalog(url)
        assert Uploads(there).get(upload.uuid) == Uploads(catalog).get(upload.uuid)
        found = Accounts(there).by_token(token)
        assert found is not None
        assert found.username == "ann"
        there.close()
