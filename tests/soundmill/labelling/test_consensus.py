"""What several people's labels of a session come to, by majority and where it is known who errs."""

from datetime import timedelta

from soundmill.catalog import Box, Submission
from soundmill.labelling.consensus import agreed_on
from tests.soundmill.catalog.test_rounds import NOON


def said(who: str, *boxes: tuple[float, str]) -> Submission:
    starts = [(NOON + timedelta(seconds=second), tag) for second, tag in boxes]
    there = tuple(Box(start, start + timedelta(seconds=2), tag) for start, tag in starts)
    return Submission(who, "garden", NOON, NOON + timedelta(minutes=1), there, version=1)


def of(*submissions: Submission) -> dict[str, Submission]:
    return {one.annotator: one for one in submissions}


def seconds(boxes: tuple[Box, ...] | None) -> list[float] | None:
    return None if boxes is None else [(box.start - NOON).total_seconds() for box in boxes]


OWLS = [said("ann", (3, "owl")), said("bob", (3.2, "owl")), said("cid")]


def test_without_weights_one_who_differs_among_three_makes_a_dispute() -> None:
    assert agreed_on(of(*OWLS), ["owl"], 0.7, {}) is None


def test_who_is_usually_wrong_is_overruled_both_ways() -> None:
    assert seconds(agreed_on(of(*OWLS), ["owl"], 0.7, {"owl": 0.97})) == [3.1]
    alone = of(said("ann"), said("bob"), said("cid", (9, "owl")))
    assert agreed_on(alone, ["owl"], 0.7, {"owl": 0.04}) == ()
    assert seconds(agreed_on(alone, ["owl"], 0.7, {"owl": 0.96})) == [9.0]  # ann and bob hardly ever find one


def test_what_stays_open_is_disputed() -> None:
    assert agreed_on(of(*OWLS), ["owl"], 0.7, {"owl": 0.6}) is None
    apart = of(said("ann", (3, "owl")), said("bob", (40, "owl")), said("cid"))
    assert agreed_on(apart, ["owl"], 0.7, {"owl": 0.99}) is None  # it is there; where, nobody knows


def test_a_tag_without_weights_beside_one_with_them_is_judged_by_majority() -> None:
    with_fox = of(said("ann", (3, "owl"), (30, "fox")), said("bob", (3, "owl"), (30, "fox")), said("cid", (30, "fox")))
    assert seconds(agreed_on(with_fox, ["owl", "fox"], 0.7, {"owl": 0.95})) == [30.0, 3.0]
