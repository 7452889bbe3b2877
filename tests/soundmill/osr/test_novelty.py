"""New sounds: alike ones together, the best to teach first."""

import numpy as np

from soundmill.osr.novelty import MOST_SOUNDS, NEW_SOUNDS, Rejected, group_new_sounds, like_background, new_sound_rows

RNG = np.random.default_rng(0)
CENTRES = RNG.normal(size=(3, 40)) * 6


def rejected(counts: tuple[int, ...], scattered: int = 30) -> tuple[list[str], np.ndarray, list[int]]:
    rows = [CENTRES[kind] + RNG.normal(size=(count, 40)) for kind, count in enumerate(counts)]
    rows.append(RNG.normal(size=(scattered, 40)) * 9)
    kinds = [kind for kind, count in enumerate(counts) for _ in range(count)] + [-1] * scattered
    return [f"{kind} {n}" for n, kind in enumerate(kinds)], np.concatenate(rows), kinds


def test_sounds_of_a_kind_are_one_group_and_loners_are_none() -> None:
    keys, vectors, kinds = rejected((40, 15))
    found = group_new_sounds(Rejected(keys, vectors, np.full(len(keys), -3.0), ["bell"] * len(keys)))
    purest = [{key.split()[0] for key in group.examples} for group in found]
    assert {"0"} in purest
    assert {"1"} in purest
    assert sum(group.sounds for group in found) <= kinds.count(0) + kinds.count(1) + 8
    assert found[0].nearest == "bell"
    assert all(0 <= group.compactness <= 1 for group in found)


def test_what_is_frequent_and_far_from_every_tag_comes_first() -> None:
    keys, vectors, kinds = rejected((30, 30, 6), scattered=0)
    margins = np.array([{0: -1.0, 1: -8.0, 2: -8.0}[kind] for kind in kinds])
    found = group_new_sounds(Rejected(keys, vectors, margins, ["bell"] * len(keys)))
    first = [group.examples[0].split()[0] for group in found]
    assert first[0] == "1"
    assert first.index("1") < first.index("0")
    assert next(group for group in found if group.examples[0].startswith("1")).novelty == 8.0


def test_few_sounds_make_no_group_and_very_many_are_sampled() -> None:
    assert group_new_sounds(Rejected(["a"], np.ones((1, 4)), np.array([-1.0]), ["bell"])) == []
    count = MOST_SOUNDS + 3000
    vectors = CENTRES[RNG.integers(0, 2, count)] + RNG.normal(size=(count, 40))
    found = group_new_sounds(Rejected([str(n) for n in range(count)], vectors, np.full(count, -2.0), ["bell"] * count))
    assert sum(group.sounds for group in found) > 0.5 * count


def test_groups_become_rows_by_rank() -> None:
    keys, vectors, _ = rejected((20, 20), scattered=0)
    found = group_new_sounds(Rejected(keys, vectors, np.full(40, -2.0), ["bell"] * 40))
    rows = new_sound_rows("house", 2, found)
    assert rows.schema.names == NEW_SOUNDS.schema.names
    assert rows["rank"].to_pylist() == list(range(1, len(found) + 1))
    assert rows["examples"][0].as_py().split("\n") == list(found[0].examples)


def test_groups_that_are_like_the_background_of_the_place_are_no_news() -> None:
    keys, vectors, _ = rejected((40, 40), scattered=0)
    every = Rejected(keys, vectors, np.full(len(keys), -3.0), ["bell"] * len(keys))
    usual = CENTRES[0] + RNG.normal(size=(300, 40))
    assert {group.examples[0].split()[0] for group in group_new_sounds(every)} == {"0", "1"}
    assert {group.examples[0].split()[0] for group in group_new_sounds(every, usual)} == {"1"}
    assert len(group_new_sounds(every, usual[:0])) == len(group_new_sounds(every))  # a model without background


def test_a_sound_that_is_rare_in_the_background_stays_new() -> None:
    background = np.concatenate([RNG.normal(size=(296, 20)), 9 + RNG.normal(size=(4, 20))])
    assert not like_background(9 + RNG.normal(size=(20, 20)), background).any()
    assert like_background(RNG.normal(size=(200, 20)), background).mean() > 0.9
