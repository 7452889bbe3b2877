"""The queue of downloads, on SQLite and PostgreSQL."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from soundmill.catalog import Catalog, DownloadQueue, Item, Ledger, Wanted, downloads, lease
from soundmill.catalog.downloads import WORKER
from soundmill.errors import RequestRefused

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
DAY = date(2026, 1, 5)
ONE = Wanted("call-1", "agent", "http://a.test/1")


def item(key: str, content_hash: str, day: date = DAY) -> Item:
    _, conversation, speaker = key.split("/")
    measures = {"conversation": conversation, "speaker": speaker}
    return Item(key, "download", "downloads", day, "ready", "f", seconds=2.0, path=key, content_hash=content_hash, measures=measures)


BAD_NAMES = ["", "..", "../x", "a/b", "a\\b", ".a", "a\0b", "a\nb", "a" * 101, "ä" * 60, "a\u202eb"]


@pytest.mark.parametrize(("conversation", "speaker"), [*((name, "agent") for name in BAD_NAMES), *(("call", name) for name in BAD_NAMES)])
def test_names_that_could_leave_their_folder_are_refused(conversation: str, speaker: str) -> None:
    with pytest.raises(RequestRefused):
        Wanted(conversation, speaker, "http://a.test/")


@pytest.mark.parametrize("speaker", ["agent+", "agent+agent", "+", "a--b"])
def test_speakers_of_channels_are_named_once_each(speaker: str) -> None:
    with pytest.raises(RequestRefused):
        Wanted("call", speaker, "http://a.test/")


def test_names_are_trimmed_and_composed() -> None:
    wanted = Wanted(" Gespra\u0308ch 1 ", " agent + customer ", " http://a.test/ ")
    assert (wanted.conversation, wanted.speaker, wanted.url) == ("Gespr\u00e4ch 1", "agent+customer", "http://a.test/")


def test_the_same_request_twice_is_one(catalog: Catalog) -> None:
    queue = DownloadQueue(catalog)
    assert queue.add([ONE, ONE, Wanted("call-1", "customer", "http://a.test/2")], NOW) == ["new", "known", "new"]
    assert queue.add([ONE], NOW + timedelta(days=1)) == ["known"]
    assert [(one.speaker, one.day, one.state) for one in queue.of("call-1")] == [("agent", DAY, "queued"), ("customer", DAY, "queued")]


def test_another_url_takes_the_place_of_one_that_failed_and_of_no_other(catalog: Catalog) -> None:
    queue, other = DownloadQueue(catalog), Wanted("call-1", "agent", "http://a.test/other")
    queue.add([ONE], NOW)
    assert queue.add([other], NOW) == ["conflict"]
    (claimed,) = queue.claim("me", NOW)
    queue.settle(claimed, [], NOW, state="failed", reason="http_404", message="gone", stale="downloads")
    assert queue.add([ONE], NOW + timedelta(days=3)) == ["known"]  # what failed for good is tried again only when somebody says so
    assert queue.add([other], NOW + timedelta(days=3)) == ["changed"]
    (again,) = queue.of("call-1")
    assert (again.url, again.state, again.attempts, again.day) == (other.url, "queued", 0, DAY)
    assert queue.add([other], NOW, replace=True) == ["known"]  # it is queued: no worker is to lose its claim
    assert queue.add([ONE], NOW, replace=True) == ["changed"]


def test_a_stereo_file_and_a_file_of_its_own_are_one_speaker_twice(catalog: Catalog) -> None:
    queue = DownloadQueue(catalog)
    assert queue.add([Wanted("call-1", "agent+customer", "http://a.test/"), ONE], NOW) == ["new", "conflict"]


def test_many_workers_claim_each_request_once(catalog: Catalog) -> None:
    queue = DownloadQueue(catalog)
    queue.add([Wanted(f"call-{n}", "agent", "http://a.test/") for n in range(60)], NOW)
    claimed: list[int] = []

    def work(number: int) -> None:
        with lease(catalog, f"{WORKER}{number}", wait=0) as held:
            while got := queue.claim(held.owner, NOW, limit=3):
                claimed.extend(request.id for request in got)
            done.wait()

    done = threading.Barrier(6)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(set(claimed))
    assert len(claimed) == 60


def test_a_claim_ends_with_its_workers_lease(catalog: Catalog) -> None:
    queue = DownloadQueue(catalog)
    queue.add([ONE], NOW)
    with lease(catalog, WORKER + "one", wait=0) as held:
        (claimed,) = queue.claim(held.owner, NOW)
        assert queue.claim("another", NOW) == []
        assert (queue.is_held(queue.of("call-1")[0]), queue.counts(NOW), queue.due_days(NOW)) == (True, {"working": 1}, {})
    (taken,) = queue.claim("another", NOW)
    assert taken.id == claimed.id
    assert not queue.settle(claimed, [item("downloads/call-1/agent", "x")], NOW, state="done", stale="downloads")
    assert Ledger(catalog).downloads() == []


def test_a_request_waits_for_its_next_attempt_and_can_be_hurried(catalog: Catalog) -> None:
    queue, later = DownloadQueue(catalog), NOW + timedelta(minutes=4)
    queue.add([ONE], NOW)
    (claimed,) = queue.claim("me", NOW)
    queue.settle(claimed, [], NOW, state="queued", reason="http_503", message="busy", next_attempt_at=later, stale="downloads")
    assert queue.claim("me", NOW) == []
    assert queue.counts(NOW) == {"waiting": 1}
    assert [request.reason for request in queue.failed_or_retrying()] == ["http_503"]
    mark = queue.due_days(later)
    assert set(mark) == {DAY}
    assert queue.retry(reason="http_404") == 0
    assert queue.retry(conversation="call-1") == 1
    assert [request.attempts for request in queue.claim("me", NOW)] == [0]


def test_the_first_of_those_that_sound_the_same_is_ready_whoever_came_first(catalog: Catalog) -> None:
    ledger = Ledger(catalog)
    early, late = item("downloads/b/agent", "same"), item("downloads/a/agent", "same", DAY + timedelta(days=1))
    other_side = item("downloads/b/customer", "same")
    for order in ([early, late, other_side], [late, other_side, early]):
        for one in order:
            ledger.record(one)
        ledger.resolve_duplicates({"same"}, "downloads")
        states = {one.key: (one.state, one.blocked_by) for one in ledger.downloads()}
        assert states == {
            "downloads/a/agent": ("duplicate", "downloads/b/agent"),
            "downloads/b/agent": ("ready", None),
            "downloads/b/customer": ("ready", None),
        }
    assert set(ledger.processed("downloads")) == {late.day}


def test_what_is_withdrawn_stays_so(catalog: Catalog) -> None:
    queue, ledger = DownloadQueue(catalog), Ledger(catalog)
    queue.add([ONE, Wanted("call-10", "agent", "http://a.test/")], NOW)
    for one in ("downloads/call-1/agent", "downloads/call-10/agent"):
        ledger.record(item(one, one))
    assert [one.key for one in queue.withdraw("call-1", NOW, "downloads")] == ["downloads/call-1/agent"]
    assert {one.key: (one.state, one.path) for one in ledger.downloads()} == {
        "downloads/call-1/agent": ("withdrawn", None),
        "downloads/call-10/agent": ("ready", "downloads/call-10/agent"),
    }
    assert queue.add([ONE], NOW, replace=True) == ["withdrawn"]
    assert [request.conversation for request in queue.claim("me", NOW, limit=9)] == ["call-10"]


def test_no_more_is_claimed_than_was_asked_for(catalog: Catalog) -> None:
    queue = DownloadQueue(catalog)
    queue.add([Wanted(f"call-{n}", "agent", "http://a.test/") for n in range(50)], NOW)
    assert len(queue.claim("me", NOW, limit=2)) == 2  # PostgreSQL may run a subquery once for each row


def test_many_that_ask_for_the_same_at_once_get_one_request_each(catalog: Catalog) -> None:
    queue, failed = DownloadQueue(catalog), list[Exception]()
    sides = ("agent", "agent+customer")

    def ask(number: int) -> None:
        try:
            queue.add([Wanted(f"call-{n}", sides[number % 2], "http://a.test/") for n in range(20)], NOW)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is a failure
            failed.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(queue.of_day(DAY)) == 20


def test_all_or_nothing_is_added_when_so_asked(catalog: Catalog) -> None:
    queue = DownloadQueue(catalog)
    queue.add([Wanted("a", "agent+customer", "http://a.test/")], NOW)
    with pytest.raises(RequestRefused, match="overlaps"):
        queue.add([Wanted("b", "agent", "http://a.test/"), Wanted("a", "customer", "http://a.test/")], NOW, strict=True)
    assert [request.conversation for request in queue.of_day(DAY)] == ["a"]


def test_writing_an_item_without_its_turns_keeps_them(catalog: Catalog) -> None:
    ledger, one = Ledger(catalog), item("downloads/a/agent", "x")
    ledger.record(replace(one, turns=[[0.5, 1.25]]))
    ledger.record(one)
    assert ledger.turns(DAY) == {one.key: [(0.5, 1.25)]}
    assert ledger.downloads()[0].turns is None


def test_names_may_hold_the_joiners_that_some_scripts_need(catalog: Catalog) -> None:
    assert Wanted("می\u200cخواهم", "agent", "http://a.test/").conversation == "می\u200cخواهم"
    for wrong in ("\u200c", "a\u200bb", "a\u202eb", "\u200c.a"):
        with pytest.raises(RequestRefused):
            Wanted(wrong, "agent", "http://a.test/")


def test_others_can_write_while_a_long_list_is_added(sqlite_catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "_BREATH", 0.15)  # longer than SQLite waits between two looks
    wanted = [Wanted(f"call {n}", "agent", f"http://a.test/{n}") for n in range(5000)]
    queue, turns = DownloadQueue(sqlite_catalog), []
    adding = threading.Thread(target=lambda: queue.add(wanted, NOW))
    adding.start()
    while adding.is_alive():
        queue.add([Wanted(f"other {len(turns)}", "agent", "http://b.test/")], NOW)
        turns.append(queue.counts(NOW)["queued"])
    adding.join()
    assert any(1000 <= count < 5000 for count in turns)  # in between, and not only before or after
    assert sum(queue.counts(NOW).values()) >= 5000
