"""Prompts from files."""

import gzip
import json

import pytest

from soundmill.catalog import Prompt
from soundmill.errors import PromptsRefused
from soundmill.prompts.reading import form_of, read_prompts


def cut(name: str, text: object, **custom: str) -> str:
    return json.dumps({"id": name, "type": "MonoCut", "supervisions": [{"text": text, "custom": custom}]})


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress])
def test_a_cutset_is_read_and_a_bad_line_is_named_and_stops_nothing(pack: object) -> None:
    lines = [
        cut("entity_N0_utterance_0", "Order  3M Filtrete", NE_id="N0", NE_text="3M Filtrete"),
        "{broken",
        cut("b", ""),
        "",
        cut("c", "plain"),
        cut("c", "twice"),
        json.dumps({"id": "d", "supervisions": []}),
        json.dumps([1]),
        json.dumps({"id": "e", "text": "a supervision by itself"}),
    ]
    prompts, bad = read_prompts(pack("\n".join(lines).encode()), "cuts")  # type: ignore[operator]
    assert prompts == [
        Prompt("entity_N0_utterance_0", "Order 3M Filtrete", "N0", "3M Filtrete"),
        Prompt("c", "plain"),
        Prompt("e", "a supervision by itself"),
    ]
    assert [one.number for one in bad] == [2, 3, 6, 7, 8]
    assert "JSON" in bad[0].why
    assert "twice" in bad[2].why


def test_lhotse_s_own_cutset_is_read() -> None:
    from lhotse import CutSet, MonoCut, SupervisionSegment

    said = SupervisionSegment("s", "r", 0, 1, text="call 3M Filtrete", custom={"NE_id": "N0", "NE_text": "3M Filtrete"})
    cuts = CutSet.from_cuts([MonoCut("u1", 0, 1, 0, supervisions=[said])])
    lines = "\n".join(json.dumps(one.to_dict()) for one in cuts)
    assert read_prompts(lines.encode(), "cuts") == ([Prompt("u1", "call 3M Filtrete", "N0", "3M Filtrete")], [])


def test_a_table_has_its_columns_by_name_in_any_dress() -> None:
    data = "Entity;TEXT;id\nN1;Grüße;a\n;plain;b\n;;c\nN2;x;d;more\n".encode("cp1252")
    prompts, bad = read_prompts(data, "csv")
    assert prompts == [Prompt("a", "Grüße", "N1"), Prompt("b", "plain")]
    assert [one.number for one in bad] == [4, 5]
    with pytest.raises(PromptsRefused, match="no column `text`"):
        read_prompts(b"id,sentence\n1,x\n", "csv")


def test_sentences_have_ids_that_stay_when_lines_come_or_go() -> None:
    first, _ = read_prompts(b"one\ntwo\n", "text")
    second, bad = read_prompts(b"zero\ntwo\none\ntwo\n", "text")
    assert {one.utterance for one in first} < {one.utterance for one in second}
    assert [one.number for one in bad] == [4]


@pytest.mark.parametrize("data", [b"\x1f\x8bnot gzip", gzip.compress(b"one\ntwo", mtime=0)[:-9]])
def test_a_damaged_archive_is_one_clear_error(data: bytes) -> None:
    with pytest.raises(PromptsRefused, match="damaged"):
        read_prompts(data, "text")


def test_text_that_nobody_could_read_is_left_out() -> None:
    prompts, bad = read_prompts(b"x" * 2001 + b"\nok\n" + "a\u0000b\n".encode(), "text")
    assert [one.text for one in prompts] == ["ok"]
    assert [one.number for one in bad] == [1, 3]


@pytest.mark.parametrize(("name", "form"), [("a.jsonl.gz", "cuts"), ("a.JSONL", "cuts"), ("a.tsv", "csv"), ("a.csv", "csv"), ("a", "text")])
def test_the_form_follows_from_the_name(name: str, form: str) -> None:
    assert form_of(name) == form
