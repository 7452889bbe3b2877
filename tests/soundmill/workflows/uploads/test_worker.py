"""Workers on uploaded recordings, when the catalog fails, leases end, words change midway and files cannot be deleted."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from soundmill.catalog import Account, Accounts, Catalog, Ledger, Upload, Uploads, open_catalog
from soundmill.catalog.schema import LeaseRow, UploadRow
from soundmill.errors import AccountDeleted
from soundmill.lake import Lake
from soundmill.options import BackupOptions, SpeechOptions, UploadOptions
from soundmill.speech import Transcript
from soundmill.speech.transcriber import VoskTranscriber
from soundmill.workflows.erasure import erase
from soundmill.workflows.uploads import sweep
from soundmill.workflows.uploads import worker as worker_module
from soundmill.workflows.uploads.intake import Wanted
from soundmill.workflows.uploads.worker import UploadWorker
from tests.conftest import wait_until
from tests.web import Asked, Web, reply

PASSWORD = "correct-horse-9"


@pytest.fixture
def ann(catalog: Catalog) -> Account:
    return Accounts(catalog).add("ann", PASSWORD)


@pytest.fixture
def working(folder_lake: Lake, catalog: Catalog, digits_model: Path) -> Callable[[], Any]:
    @contextmanager
    def make(model: Path | None = None, **options: Any) -> Iterator[UploadWorker]:
        with UploadWorker(folder_lake, catalog, UploadOptions(SpeechOptions(model or digits_model), **{"workers": 2, **options})) as worker:
            yield worker

    return make


@pytest.fixture
def digits(data: Path) -> Path:
    return data / "digit-strings" / "two_pauses.wav"


def state(worker: UploadWorker, upload: Upload) -> str:
    found = worker.uploads.get(upload.uuid)
    return found.state if found else "gone"


def wait_for(worker: UploadWorker, upload: Upload, wanted: str = "done") -> Upload:
    wait_until(lambda: state(worker, upload) == wanted, 60)
    found = worker.uploads.get(upload.uuid)
    assert found is not None
    return found


def actions(worker: UploadWorker, upload: Upload) -> list[str]:
    return [change.action for change in worker.uploads.changes(upload.uuid)]


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


def test_other_words_for_a_deleted_recording_are_refused(
    working: Any, ann: Account, digits: Path, folder_lake: Lake, catalog: Catalog
) -> None:
    with working() as worker:
        upload = wait_for(worker, worker.receive(ann, Wanted("x", "x.wav"), digits, "0"))
        erase(folder_lake, catalog, upload)
        assert worker.search(upload, "one", None, 1.0, True) is None
        assert actions(worker, upload) == ["created", "done", "deleted"]


def test_a_file_that_cannot_be_deleted_is_deleted_later_and_a_stray_one_too(
    working: Any, ann: Account, digits: Path, folder_lake: Lake, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    with working() as worker:
        upload = wait_for(worker, worker.receive(ann, Wanted("x", "x.wav"), digits, "0"))

    def fails(*_: object) -> None:
        raise OSError("the disk does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(Lake, "delete", fails)
        erase(folder_lake, catalog, upload)
    assert folder_lake.exists(upload.path)
    stray = f"audio/uploads/{datetime.now(UTC).date()}/11111111-2222-3333-4444-555555555555.wav"
    folder_lake.write_bytes(stray, b"killed before its row was there")
    monkeypatch.setattr(sweep, "_EVERY_SECONDS", 0.1)
    with working():
        wait_until(lambda: not folder_lake.exists(upload.path) and not folder_lake.exists(stray), 30)
    assert upload.path in Ledger(catalog).withdrawn_paths()  # the backup drops it, too
    assert Uploads(catalog).withdrawn_files() == []


def test_an_account_that_is_deleted_while_it_uploads_leaves_nothing_to_the_next(
    working: Any, ann: Account, digits: Path, folder_lake: Lake, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Uploads.add

    def deleted_first(*given: Any) -> Upload:
        erase(folder_lake, catalog, ann)
        Accounts(catalog).add("carl", PASSWORD)
        return add(*given)

    monkeypatch.setattr(Uploads, "add", deleted_first)
    with working() as worker, pytest.raises(AccountDeleted):
        worker.receive(ann, Wanted("secret", "x.wav"), digits, "0")
    carl = Accounts(catalog).named("carl")
    assert carl is not None
    assert carl.id != ann.id
    assert Uploads(catalog).listed(carl.id) == ([], 0)
    assert not [entry.path for entry in folder_lake.files("audio")]


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


def test_webhooks_that_are_slow_or_impossible_hold_up_no_others(working: Any, ann: Account, digits: Path, web: Web) -> None:
    slow = threading.Event()

    def answer(_: Asked, connection: socket.socket) -> None:
        slow.wait(8)
        reply(connection, "200 OK")

    web.on("/slow", answer)
    fast = web.serve("/fast", b"thanks")
    with working(allow=("127.0.0.1",)) as worker:
        for hook in (f"{web.url}/slow", f"{web.url}/slow", "http://127.0.0.1:99999/", fast):
            last = worker.receive(ann, Wanted("x", "x.wav", webhook=hook), digits, hook)
            if "99999" in hook:
                refused = last
        wait_until(lambda: web.times("/fast") == 1, 7)
        assert [change.what for change in worker.uploads.changes(refused.uuid)][-1].startswith("the URL names")
        slow.set()
        wait_until(lambda: getattr(worker.uploads.get(last.uuid), "webhook_state", "") == "delivered", 20)


def test_a_call_that_ends_after_a_retry_does_not_stand_for_the_next_one(catalog: Catalog, ann: Account) -> None:
    record, now = Uploads(catalog), datetime.now(UTC)
    upload = Upload(
        uuid="u", account=ann.id, username="ann", name="x", words="", get_timestamps=False, stemming=None, fuzzy=1.0, state="failed",
        day=now.date(), path="p", content="c", seconds=1.0, request_hash="h", created_at=now, updated_at=now, webhook="http://x",
        webhook_state="waiting", webhook_due=now,
    )  # fmt: skip
    with catalog.writing() as session:
        session.add(UploadRow(**{name: value for name, value in asdict(upload).items() if name not in ("username", "hits")}, hits=[]))
    (due,) = record.calls_due(now, 5)
    claimed = record.claim_call(due, now + timedelta(minutes=1))
    assert claimed is not None
    assert record.claim_call(due, now + timedelta(minutes=2)) is None
    assert record.requeue(upload) is not None
    begun = record.claim("w", now)
    assert begun is not None
    assert record.settle(begun, "w", state="done") is not None
    record.called(claimed, "delivered")
    assert [one.uuid for one in record.calls_due(datetime.now(UTC), 5)] == ["u"]


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
