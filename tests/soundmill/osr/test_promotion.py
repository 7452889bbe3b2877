"""A challenger takes the champion's place only where it is better beyond chance, and nowhere worse."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soundmill.osr.evaluation import HeldOut
from soundmill.osr.promotion import compare, may_compete
from soundmill.osr.sounds import Sounds, Verdicts
from soundmill.osr.spec import OTHER


class Oracle:
    """Names sounds rightly but for a share of each tag; `other` sounds with a share of false alarms."""

    def __init__(self, tags: tuple[str, ...], errors: dict[str, float], seed: int = 0) -> None:
        self.tags_, self._errors, self._seed = list(tags), errors, seed

    def verdicts(self, sounds: Sounds, use_hours: bool = True) -> Verdicts:
        rng = np.random.default_rng(self._seed)
        truth = sounds.tags or (OTHER,) * len(sounds)
        names = []
        for tag in truth:
            wrong = rng.random() < self._errors.get(tag, 0.0)
            right = tag if tag in self.tags_ else OTHER
            names.append((self.tags_[0] if right == OTHER else OTHER) if wrong else right)
        return Verdicts(names, np.zeros((len(names), len(self.tags_))), names)


def data(each: int = 60) -> HeldOut:
    tags = tuple(tag for tag in ("bell", "drum", "foreign") for _ in range(each))
    count = len(tags)
    empty = np.zeros((count, 1), np.float32)
    groups = tuple(f"recording {n // 3}" for n in range(count))
    sounds = Sounds(tuple(map(str, range(count))), empty, np.arange(count), np.zeros(count), np.zeros(count), tags, groups)
    background = replace(sounds.take(np.arange(12)), keys=tuple(f"b{n}" for n in range(12)), tags=())
    return HeldOut(sounds, background, 60.0)


def duel(old: Any, new: Any, each: int = 60) -> Any:
    result = compare((old, data(each)), (new, data(each)))
    assert result is not None
    return result


BOTH = ("bell", "drum")


def test_a_clearly_better_challenger_is_promoted_with_figures() -> None:
    result = duel(Oracle(BOTH, {"bell": 0.4, "drum": 0.4, "foreign": 0.3}), Oracle(BOTH, {"bell": 0.1, "drum": 0.1, "foreign": 0.1}, 1))
    assert result.promote
    assert result.challenger > result.champion
    assert result.gain[0] > 0
    assert "ACCw" in result.because


def test_an_equal_challenger_is_not() -> None:
    result = duel(Oracle(BOTH, {"bell": 0.2, "drum": 0.2}), Oracle(BOTH, {"bell": 0.2, "drum": 0.2}, seed=1))
    assert not result.promote
    assert "not better beyond chance" in result.because


def test_a_gain_that_a_few_sounds_cannot_show_is_not() -> None:
    assert not duel(Oracle(BOTH, {"bell": 0.3}), Oracle(BOTH, {"bell": 0.15}, seed=1), each=12).promote


def test_five_groups_are_too_few_to_tell_however_large_the_gain() -> None:
    few = replace(data(), tagged=replace(data().tagged, groups=tuple(f"day {n % 5}" for n in range(len(data().tagged)))))
    assert compare((Oracle(BOTH, {"bell": 0.9, "drum": 0.9}), few), (Oracle(BOTH, {}), few)) is None


def test_better_on_the_whole_but_worse_for_one_tag_is_not() -> None:
    result = duel(Oracle(BOTH, {"drum": 0.95}), Oracle(BOTH, {"bell": 0.4}))
    assert result.gain[0] > 0
    assert not result.promote
    assert "F1 falls by more than 0.05 for bell" in result.because


def test_what_either_was_trained_on_counts_as_known() -> None:
    result = duel(Oracle(("bell",), {}), Oracle(BOTH, {}))
    assert result.promote
    assert result.f1["drum"] == (0.0, 1.0)


def test_models_of_different_sounds_are_not_compared() -> None:
    other = replace(data(), tagged=data().tagged.take(np.arange(10)))
    assert compare((Oracle(BOTH, {}), data()), (Oracle(BOTH, {}), other)) is None


@pytest.mark.parametrize(
    ("champion", "challenger", "says"),
    [
        ({"train_days": ["2026-01-03"]}, {}, "was trained on 2026-01-03"),
        ({"background_days": ["2026-01-03"]}, {}, "was trained on 2026-01-03"),
        ({"tags": ["bell", "drum", "gong"]}, {}, "was not trained on gong"),
        ({}, {}, None),
    ],
)
def test_only_days_new_to_both_and_all_of_the_champion_s_tags_make_a_fair_match(
    champion: dict[str, Any], challenger: dict[str, Any], says: str | None
) -> None:
    def card(values: dict[str, Any]) -> dict[str, Any]:
        days = {"train_days": ["2026-01-01"], "background_days": ["2026-01-01"], "test_days": ["2026-01-03"]}
        return {
            "name": "m", "version": 1, "tags": values.get("tags", ["bell", "drum"]),
            "data": {**days, **{key: value for key, value in values.items() if key != "tags"}},
        }  # fmt: skip

    reason = may_compete(card(champion), card(challenger))
    assert (reason is None) if says is None else (says in (reason or ""))
