"""Prompt sets: what is given to whom, and how far a set is."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from soundmill.catalog import Catalog, Prompt, Prompts, Takes
from soundmill.catalog.prompts import HELD_FOR, LATER, MOST_HELD
from soundmill.errors import PromptsRefused, UnknownPrompts
from soundmill.lake import Lake
from tests.soundmill.workflows.takes.reading import prompt_set, read, somebody

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def test_no_sentence_is_in_two_people_s_hands_and_a_reload_gives_the_same(catalog: Catalog) -> None:
    prompt_set(catalog, number=3)
    prompts = Prompts(catalog)
    ann, ben, eve = (somebody(catalog)[0].id for _ in range(3))
    first = prompts.claim("digits", ann, now=NOW)
    assert first == prompts.claim("digits", ann, now=NOW)
    second = prompts.claim("digits", ben, 5, now=NOW)
    assert len(second) == 2
    assert not set(first) & set(second)
    assert prompts.claim("digits", eve, now=NOW) == []
    assert prompts.held("digits", NOW) == ["u0", "u1", "u2"]
    assert prompts.claim("digits", eve, now=NOW + HELD_FOR) == first  # who left lets go of it in the end
    assert prompts.claim("digits", ann, now=NOW + HELD_FOR) == second[:1]
    prompts.release("digits", ben, but=["u1"])
    assert prompts.held("digits", NOW) == ["u0", "u1"]


def test_nobody_holds_the_whole_set(catalog: Catalog) -> None:
    prompt_set(catalog, number=20)
    assert len(Prompts(catalog).claim("digits", somebody(catalog)[0].id, 20)) == MOST_HELD


def test_what_is_passed_by_does_not_come_again_but_for_what_is_left_for_later(catalog: Catalog) -> None:
    prompt_set(catalog, number=3)
    prompts, ann = Prompts(catalog), somebody(catalog)[0].id
    prompts.skip("digits", "u0", ann, "it has a mistake")
    prompts.skip("digits", "u1", ann, LATER)
    assert [one.utterance for one in prompts.claim("digits", ann)] == ["u2"]
    prompts.skip("digits", "u2", ann, LATER, datetime.now(UTC) + timedelta(seconds=1))
    assert [one.utterance for one in prompts.claim("digits", ann, 3)] == ["u1", "u2"]
    assert [one.utterance for one in prompts.claim("digits", somebody(catalog)[0].id)] == ["u0"]
    assert prompts.skips("digits") == {"u0": {"it has a mistake": 1}, "u1": {LATER: 1}, "u2": {LATER: 1}}
    with pytest.raises(PromptsRefused, match="say why"):
        prompts.skip("digits", "u0", ann, "tired")


def test_an_entity_is_read_once_by_each_and_a_sentence_never_twice(folder_lake: Lake, catalog: Catalog, data: Path) -> None:
    prompt_set(catalog, number=6, entities=2, takes=2)
    prompts, ann = Prompts(catalog), somebody(catalog)
    mine = prompts.claim("digits", ann[0].id, 5)
    assert [one.entity for one in mine] == ["E0", "E1"]  # also of what is only held
    for number, one in enumerate(mine):
        read(folder_lake, catalog, data, ann, one.utterance, number)
    assert prompts.claim("digits", ann[0].id) == []
    ben = somebody(catalog)
    assert [one.utterance for one in prompts.claim("digits", ben[0].id, 5)] == ["u2", "u3"]  # those with the fewest takes first


def test_an_entity_that_has_all_its_takes_is_given_to_nobody(folder_lake: Lake, catalog: Catalog, data: Path) -> None:
    prompt_set(catalog, number=6, entities=2, entity_takes=1)
    prompts = Prompts(catalog)
    read(folder_lake, catalog, data, somebody(catalog), "u0")
    assert [one.utterance for one in prompts.claim("digits", somebody(catalog)[0].id, 5)] == ["u1"]
    assert prompts.claim("digits", somebody(catalog)[0].id, 5) == []  # the other entity is in somebody's hands


def test_a_set_is_done_when_every_sentence_has_the_takes_that_it_wants(folder_lake: Lake, catalog: Catalog, data: Path) -> None:
    prompt_set(catalog, number=2, takes=2)
    prompts, people = Prompts(catalog), [somebody(catalog) for _ in range(3)]
    for number, who in enumerate(people[:2]):
        for utterance in ("u0", "u1"):
            read(folder_lake, catalog, data, who, utterance, 10 * number + int(utterance[1]))
    told = prompts.progress("digits")
    assert (told.prompts, told.done, told.takes, told.wanted, told.remaining, told.bad) == (2, 2, 4, 4, 0, 0)
    assert told.by_takes == {2: 2}
    assert sum(told.by_speaker.values()) == 4
    assert prompts.claim("digits", people[2][0].id) == []
    first = Takes(catalog).listed(name="digits")[0][0]
    Takes(catalog).review(first.key, "rejected", "eve", ())
    assert [one.utterance for one in prompts.claim("digits", people[2][0].id)] == [first.utterance]
    assert prompts.progress("digits").verdicts["rejected"] == 1


def test_a_set_grows_and_a_sentence_that_was_read_keeps_its_words(folder_lake: Lake, catalog: Catalog, data: Path) -> None:
    prompt_set(catalog, number=2)
    prompts = Prompts(catalog)
    read(folder_lake, catalog, data, somebody(catalog), "u0")
    spec = prompts.get("digits").spec
    done = prompts.define("digits", spec, [Prompt("u0", "other words"), Prompt("u1", "new words"), Prompt("u9", "more")])
    assert (done.added, done.known) == (1, 1)
    assert list(done.refused) == ["u0"]
    assert {one.utterance: one.text for one in prompts.prompts("digits")} == {
        "u0": "sentence number 0 of this set",
        "u1": "new words",
        "u9": "more",
    }
    assert prompts.progress("digits").by_takes == {0: 2, 1: 1}


def test_what_is_not_there_is_said(catalog: Catalog) -> None:
    prompts = Prompts(catalog)
    for ask in (prompts.get, prompts.prompts, prompts.progress):
        with pytest.raises(UnknownPrompts, match="no prompt set 'none'"):
            ask("none")
    prompt_set(catalog)
    with pytest.raises(UnknownPrompts, match="no sentence"):
        prompts.prompt("digits", "u99")
    with pytest.raises(UnknownPrompts, match="no sentence"):
        prompts.take("digits", "u99", "x")


def test_somebody_else_s_sentence_cannot_be_taken_again(catalog: Catalog) -> None:
    prompt_set(catalog, number=1)
    prompts, ann, ben = Prompts(catalog), somebody(catalog)[0].id, somebody(catalog)[0].id
    prompts.claim("digits", ann, now=NOW)
    with pytest.raises(PromptsRefused, match="somebody else"):
        prompts.take("digits", "u0", ben, NOW)
    assert prompts.take("digits", "u0", ben, NOW + HELD_FOR).utterance == "u0"


def test_fifty_people_at_once_are_given_five_hundred_different_sentences(catalog: Catalog) -> None:
    prompt_set(catalog, number=500, order="random")
    people = [somebody(catalog)[0].id for _ in range(50)]
    with ThreadPoolExecutor(50) as pool:
        given = list(pool.map(lambda who: [one.utterance for one in Prompts(catalog).claim("digits", who, 5)], people))
    flat = [one for of in given for one in of]
    assert len(flat) == len(set(flat)) == 250
    assert flat[:5] != sorted(flat[:5], key=lambda one: int(one[1:]))  # in no order of the file
