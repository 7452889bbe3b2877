"""A round's recipe: what it may say, and how it is told where it may not."""

import pytest

from soundmill.errors import SpecRefused
from soundmill.labelling.spec import RoundSpec, round_spec

LEAST = {"tags": ["owl"], "days": ["2026-01-05"]}


def test_a_recipe_comes_back_as_it_was_stored() -> None:
    spec = round_spec({**LEAST, "session_seconds": 30, "sources": ["garden"], "threshold": -0.2})
    assert (spec.session_seconds, spec.annotators, spec.overlap, spec.audit) == (30, 2, 0.15, 0.1)
    assert RoundSpec.model_validate(spec.model_dump(mode="json")) == spec
    assert round_spec({**LEAST, "tags": ["Gru\u0308nfink", "tawny owl"]}).tags == ("Grünfink", "tawny_owl")  # as pages spell them


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"tags": [], "days": ["2026-01-05"]}, "tags: "),
        ({"tags": ["owl"], "days": []}, "days: "),
        ({**LEAST, "tags": ["owl", "owl"]}, "tags: .*each name once"),
        ({**LEAST, "overlap": 2}, "overlap: "),
        ({**LEAST, "tags": ["owl?"]}, "tags: "),
        ({**LEAST, "days": ["2026-01-05"] * 4000}, "days: "),
        ({**LEAST, "shortest_seconds": 40, "session_seconds": 30}, "longer than the shortest box"),
        ({**LEAST, "colour": "red"}, "colour: "),
        ("owls", "round: "),
    ],
)
def test_what_cannot_be_is_said_in_a_line(values: object, says: str) -> None:
    with pytest.raises(SpecRefused, match=says):
        round_spec(values)
