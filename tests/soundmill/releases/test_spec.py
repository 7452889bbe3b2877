"""Definitions of releases."""

import pytest

from soundmill.errors import SpecRefused
from soundmill.releases.spec import read_splits, release_spec

WHOLE = {"rounds": ["owls"], "licence": "CC0-1.0"}


def test_a_definition_has_a_licence_and_splits_that_add_up() -> None:
    assert release_spec(WHOLE).splits == {"train": 0.8, "test": 0.2}
    assert read_splits("train=.7, dev=.1,test=.2") == {"train": 0.7, "dev": 0.1, "test": 0.2}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"rounds": ["owls"]}, "licence"),
        ({"rounds": [], "licence": "x"}, "rounds"),
        ({"rounds": ["a", "a"], "licence": "x"}, "rounds: each once"),
        ({**WHOLE, "splits": {"train": 0.5, "test": 0.4}}, "add up to 1"),
        ({**WHOLE, "splits": {"../x": 1.0}}, "no name of a split"),
        ({**WHOLE, "splits": {"train": float("nan"), "test": 0.5}}, "finite"),
        ({**WHOLE, "rounds": ["a\0b"]}, "rounds"),
        ({**WHOLE, "after": "../x"}, "after"),
        ({**WHOLE, "together": "hour"}, "together"),
    ],
)
def test_what_contradicts_itself_is_refused_in_a_line(values: dict[str, object], told: str) -> None:
    with pytest.raises(SpecRefused, match=told):
        release_spec(values)


@pytest.mark.parametrize(
    ("text", "told"), [("train", "write train"), ("train=much", "write train"), ("train=.8,train=.2", "a split twice")]
)
def test_what_names_no_splits_is_refused(text: str, told: str) -> None:
    with pytest.raises(SpecRefused, match=told):
        read_splits(text)
