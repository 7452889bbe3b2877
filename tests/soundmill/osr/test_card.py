"""A model's card, for programs and for people."""

import json

from soundmill.osr.card import card_markdown, model_card
from soundmill.osr.open_set import OpenSet
from soundmill.osr.spec import ModelSpec
from tests.soundmill.osr.plain import TAGS

FACTS = {
    "train_days": ["2026-01-01"],
    "test_days": ["2026-01-02"],
    "background_days": [],
    "timezone": "UTC",
    "support": dict.fromkeys(TAGS, 25),
    "sounds": 100,
    "groups": 4,
    "groups_are": "recordings",
    "background_segments": 60,
}


def test_a_card_is_plain_values_from_which_the_specification_comes_back(model: OpenSet) -> None:
    spec = ModelSpec(tags=TAGS)
    card = json.loads(json.dumps(model_card("house", 3, "abc", spec, model, FACTS)))
    assert ModelSpec.parse(card["spec"]) == spec
    assert (card["name"], card["version"], card["tags"], card["data"]) == ("house", 3, list(TAGS), FACTS)
    assert set(card["thresholds"]) == set(card["expected_recall"]) == set(TAGS)
    assert all(0 <= recall <= 1 for recall in card["expected_recall"].values())
    assert set(card["versions"]) >= {"soundmill", "numpy"}


def test_people_read_what_it_knows_how_much_it_was_given_and_why(model: OpenSet) -> None:
    card = model_card("house", 3, "abc", ModelSpec(), model, FACTS)
    text = card_markdown({**card, "sha256": "f" * 64})
    assert text.startswith("# house, version 3\n")
    assert "| bell | 25 |" in text
    assert all(choice["because"] in text for choice in card["chosen"])
    assert "f" * 64 in text
    assert "Sounds since" not in text
    rounds = {"from_rounds": {"owls": {"bell": 4}}, "earlier": {"version": 2, "support": dict.fromkeys(TAGS, 25) | {"bell": 21}}}
    grown = card_markdown({**card, "data": {**FACTS, **rounds}})
    assert "Labels of the round owls: 4 bell." in grown
    assert "Sounds since version 2: +4 bell." in grown
    unknown = {**card, "expected_recall": dict.fromkeys(TAGS)}
    assert "| – |" in card_markdown(unknown)
