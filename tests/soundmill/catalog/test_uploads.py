"""Uploads in the catalog: entered once, listed without what is long, settled once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from soundmill.catalog import Accounts, Catalog, Item, Ledger, Upload, Uploads
from soundmill.catalog.uploads import SOURCE, upload_key
from soundmill.errors import AccountDeleted, IdempotencyConflict

DAY = date(2026, 1, 5)
NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
STALE = "transcripts"


@pytest.fixture
def account(catalog: Catalog) -> int:
    return Accounts(catalog).add("ann", "correct-horse-9").id


def upload(account: int, uuid: str, minute: int = 0, **values: Any) -> Upload:
    at = NOW + timedelta(minutes=minute)
    fixed = (account, f"call {uuid}", "", False, None, 1.0, "queued", DAY, f"audio/uploads/{uuid}.wav", "c", 60.0, "h", at, at)
    return replace(Upload(uuid, *fixed, username="ann"), **values)


def add(catalog: Catalog, one: Upload, place: Callable[[], None] = lambda: None) -> Upload:
    item = Item(upload_key(one.uuid), "upload", SOURCE, DAY, "ready", "f", seconds=one.seconds, path=one.path)
    return Uploads(catalog).add(one, item, STALE, place)


def test_an_upload_whose_file_cannot_be_placed_leaves_no_trace(catalog: Catalog, account: int) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        add(catalog, upload(account, "a"), full)
    assert Uploads(catalog).get("a") is None
    assert Ledger(catalog).uploads(DAY) == []
    assert list(Ledger(catalog).stale(STALE)) == []


def test_of_two_requests_with_one_key_the_first_counts(catalog: Catalog, account: int) -> None:
    first = add(catalog, upload(account, "a", idempotency_key="k"))
    assert add(catalog, upload(account, "b", idempotency_key="k")).uuid == first.uuid
    with pytest.raises(IdempotencyConflict):
        add(catalog, upload(account, "c", idempotency_key="k", request_hash="another"))
    with pytest.raises(AccountDeleted):
        add(catalog, upload(account + 99, "d"))


def test_lists_are_the_newest_first_in_pages_and_can_be_searched(catalog: Catalog, account: int) -> None:
    for number, text in enumerate(("one two", "100% sure", "three")):
        add(catalog, upload(account, str(number), number, text=text, transcript={"words": []}))
    uploads = Uploads(catalog)
    found, count = uploads.listed(limit=2)
    assert ([one.uuid for one in found], count) == (["2", "1"], 3)
    assert found[0].transcript is None  # they are long
    assert [one.uuid for one in uploads.listed(search="TWO")[0]] == ["0"]
    assert [one.uuid for one in uploads.listed(search="%")[0]] == ["1"]
    assert uploads.listed(account + 1) == ([], 0)
    assert uploads.listed(username="ann", state="queued")[1] == 3


def test_only_who_read_it_as_it_is_changes_it(catalog: Catalog, account: int) -> None:
    uploads = Uploads(catalog)
    one = add(catalog, upload(account, "a"))
    changed = uploads.set_words(one, words="bell")
    assert changed is not None
    assert (changed.words, changed.revision) == ("bell", 1)
    assert uploads.set_words(one, words="whistle") is None
    assert uploads.requeue(changed) is None  # it has not failed
    assert [change.action for change in uploads.changes("a")] == ["created", "updated"]


def test_a_removed_upload_leaves_a_row_that_says_so_and_its_file_until_that_is_gone(catalog: Catalog, account: int) -> None:
    uploads = Uploads(catalog)
    one = add(catalog, upload(account, "a"))
    assert uploads.seconds_of(account) == 60.0
    uploads.remove(one, STALE)
    uploads.remove(one, STALE)
    assert (uploads.get("a"), uploads.seconds_of(account), uploads.counts()) == (None, 0.0, {})
    (item,) = uploads.withdrawn_files()
    assert (item.state, item.measures["original_path"]) == ("withdrawn", "audio/uploads/a.wav")
    uploads.file_is_gone(item)
    assert uploads.withdrawn_files() == []
    assert [change.action for change in uploads.changes("a")] == ["created", "deleted"]


def test_a_due_call_is_made_by_one(catalog: Catalog, account: int) -> None:
    uploads = Uploads(catalog)
    add(catalog, upload(account, "a", webhook="http://a.test/", webhook_state="waiting", webhook_due=NOW))
    (due,) = uploads.calls_due(NOW, 10)
    won = uploads.claim_call(due, NOW + timedelta(minutes=1))
    assert won is not None
    assert uploads.claim_call(due, NOW + timedelta(minutes=1)) is None
    assert uploads.calls_due(NOW, 10) == []
    uploads.called(due, "failed", "an old claim says nothing")
    uploads.called(won, "delivered")
    found = uploads.get("a")
    assert found is not None
    assert (found.webhook_state, found.webhook_attempts) == ("delivered", 1)
