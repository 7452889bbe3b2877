"""Webhooks tell when a recording is done."""

import socket
import threading
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from soundmill.catalog import Account, Catalog, Upload, Uploads
from soundmill.catalog.schema import UploadRow
from soundmill.workflows.uploads.intake import Wanted
from tests.conftest import wait_until
from tests.web import Asked, Web, reply


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
        wait_until(lambda: worker.uploads.changes(refused.uuid)[-1].what.startswith("the URL names"), 7)
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
