"""Whether the two recordings of a call belong together."""

from datetime import date
from typing import Any

import pytest

from soundmill.catalog import Item
from soundmill.ingest.pairs import PAIRS, complete, pairs_of

DAY = date(2026, 1, 5)


def side(speaker: str, seconds: float = 60.0, content: str = "", conversation: str = "call", path: str | None = "x.wav") -> Item:
    measures: dict[str, Any] = {"conversation": conversation, "speaker": speaker}
    key = f"downloads/{conversation}/{speaker}"
    return Item(key, "download", "downloads", DAY, "ready", "f", seconds=seconds, path=path, content_hash=content or key, measures=measures)


def turns(agent: list[tuple[float, float]], customer: list[tuple[float, float]]) -> dict[str, list[tuple[float, float]]]:
    return {"downloads/call/agent": agent, "downloads/call/customer": customer}


def test_a_call_in_which_they_take_turns_agrees() -> None:
    (pair,) = pairs_of([side("agent"), side("customer", 60.5)], turns([(0, 12)], [(12, 30)]))
    assert pair.problem == ""
    assert (pair.agent_speech, pair.customer_speech, pair.both_speech) == (0.2, pytest.approx(18 / 60.5, abs=1e-4), 0.0)
    row = pair.row()
    assert (row["difference"], row["agrees"]) == (0.5, True)
    assert PAIRS.from_rows([row]).num_rows == 1


@pytest.mark.parametrize(
    ("agent", "customer", "said", "says"),
    [
        (side("agent", content="same"), side("customer", content="same"), turns([], []), "the same audio"),
        (side("agent"), side("customer", 90.0), turns([], []), "30.0 s longer"),
        (side("agent"), side("customer"), turns([(0, 30)], [(1, 11)]), "at the same time for 100%"),
    ],
)
def test_what_cannot_be_one_call_is_said_so(agent: Item, customer: Item, said: dict[str, list[tuple[float, float]]], says: str) -> None:
    (pair,) = pairs_of([agent, customer], said)
    assert says in pair.problem
    assert pair.row()["agrees"] is False


def test_a_call_that_lacks_a_side_is_no_pair() -> None:
    items = [side("agent"), side("customer", path=None), side("agent", conversation="other"), side("speaker", conversation="other")]
    assert complete(items) == {}
    assert pairs_of(items, {}) == []
