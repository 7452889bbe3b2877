"""The file that names what a day could not use."""

import json
from datetime import date

from soundmill.catalog import Item
from soundmill.catalog.quarantine import quarantine_path, write_quarantine
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
