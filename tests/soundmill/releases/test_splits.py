"""Groups of clips in splits: whole, in about the shares that were asked for, tag by tag."""

from collections import Counter

import numpy as np
import pytest

from soundmill.releases.splits import Member, split_of_groups

SHARES = {"train": 0.7, "test": 0.3}


def members(seed: int) -> list[Member]:
    """300 clips of 60 groups; one tag is usual, one is in a tenth of the clips, one in six clips alone."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 60, 300)
    rare = set(rng.choice(300, 6, replace=False).tolist())
    return [
        Member(
            f"g{group}",
            60.0,
            {"usual": int(rng.integers(1, 4)), **({"some": 1} if rng.random() < 0.1 else {}), **({"rare": 1} if n in rare else {})},
        )
        for n, group in enumerate(groups)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_every_tag_is_in_each_split_in_about_the_share_that_was_asked_for(seed: int) -> None:
    clips = members(seed)
    splits = split_of_groups(clips, SHARES, seed)
    counts = {split: Counter[str]() for split in SHARES}
    for one in clips:
        counts[splits[one.group]].update({**one.labels, "clips": 1})
    for tag, slack in {"clips": 0.05, "usual": 0.05, "some": 0.1, "rare": 0.25}.items():
        share = counts["test"][tag] / (counts["test"][tag] + counts["train"][tag])
        assert abs(share - 0.3) <= slack, (tag, share)
    assert counts["test"]["rare"] > 0


def test_the_same_groups_are_split_alike_in_any_order_and_another_seed_splits_otherwise() -> None:
    clips = members(1)
    first = split_of_groups(clips, SHARES, 1)
    assert split_of_groups(clips[::-1], SHARES, 1) == first
    assert split_of_groups([Member(one.group, 60.0, {}) for one in clips], SHARES, 1) != split_of_groups(
        [Member(one.group, 60.0, {}) for one in clips], SHARES, 2
    )


def test_what_was_in_a_split_stays_in_it_and_a_split_that_is_no_more_keeps_nothing() -> None:
    clips = members(2)
    kept = {"g1": "test", "g2": "test", "g3": "train", "g4": "dev", "elsewhere": "test"}
    splits = split_of_groups(clips, SHARES, 2, kept)
    assert [splits[group] for group in ("g1", "g2", "g3")] == ["test", "test", "train"]
    assert splits["g4"] in SHARES
    assert "elsewhere" not in splits
