"""What could not be used: a day's file of it, and all of it by reason."""

import json
from datetime import date

from soundmill.catalog import Catalog, Item, Ledger
from soundmill.catalog.quarantine import Quarantine, quarantine_path, write_quarantine
from soundmill.lake import Lake

DAY = date(2026, 1, 5)


def bad(key: str, *, transient: bool = False, **measures: str) -> Item:
    values = {"reason": "truncated", "message": "it ends early", "transient": transient, "measures": measures}
    return Item(key, "segment", "mic", DAY, "quarantined", "f", **values)


def test_each_item_is_named_with_its_reason_and_whether_it_is_tried_again(lake: Lake) -> None:
    write_quarantine(lake, "downloads", DAY, [bad("b", transient=True), bad("a", url="http://a.test/")])
    notes = json.loads(lake.read_bytes(quarantine_path("downloads", DAY)))
    assert [(note["item"], note["reason"], note["retry"], note.get("url")) for note in notes] == [
        ("a", "truncated", "permanent", "http://a.test/"),
        ("b", "truncated", "transient", None),
    ]


def test_where_nothing_is_left_to_name_there_is_no_file(lake: Lake) -> None:
    write_quarantine(lake, "downloads", DAY, [bad("a")])
    write_quarantine(lake, "downloads", DAY, [])
    assert not lake.exists(quarantine_path("downloads", DAY))


def in_quarantine(name: str, reason: str | None) -> Item:
    state = "quarantined" if reason else "cut"
    return Item(f"landing/yard/{DAY}/{name}", "recording", "yard", DAY, state, "1", DAY, reason=reason)


def test_the_most_frequent_reason_and_the_newest_item_come_first(catalog: Catalog) -> None:
    ledger, quarantine = Ledger(catalog), Quarantine(catalog)
    for one in (
        in_quarantine("a.wav", "empty"),
        in_quarantine("b.wav", "not_audio"),
        in_quarantine("c.wav", "empty"),
        in_quarantine("d.wav", None),
    ):
        ledger.record(one)
    assert quarantine.counts() == {"empty": 2, "not_audio": 1}
    assert list(quarantine.counts()) == ["empty", "not_audio"]
    assert [one.key[-5:] for one in quarantine.newest(2)] == ["c.wav", "b.wav"]
    assert [one.key[-5:] for one in quarantine.newest(9, "empty")] == ["c.wav", "a.wav"]
    assert quarantine.newest(9, "odd") == []
