"""Who is right of several people, and how each errs: simulated people with known errors come back."""

from itertools import pairwise

import numpy as np

from soundmill.labelling.raters import dawid_skene, weigh


def test_dawid_and_skene_recover_who_errs_and_how() -> None:
    rng = np.random.default_rng(8)
    truth = rng.random(1500) < 0.3
    finds, invents = np.array([0.95, 0.85, 0.7, 0.6]), np.array([0.02, 0.1, 0.15, 0.3])
    votes = (rng.random((1500, 4)) < np.where(truth[:, None], finds, invents)).astype(np.int64)
    votes[rng.random(votes.shape) < 0.1] = -1
    told = dawid_skene(votes)
    assert np.abs(told.finds[:, 0] - finds).max() < 0.06
    assert np.abs(told.invents[:, 0] - invents).max() < 0.06
    assert abs(told.prior[0] - 0.3) < 0.03
    majority = (votes == 1).sum(axis=1) > (votes == 0).sum(axis=1)
    assert ((told.posterior[:, 0] > 0.5) == truth).mean() > (majority == truth).mean()
    assert all(a > b for a, b in pairwise(told.finds[:, 0] - told.invents[:, 0]))


def test_two_classes_and_five_people_are_recovered_from_two_hundred_items() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(200) < 0.4
    miss, false_alarm = np.array([0.05, 0.1, 0.15, 0.2, 0.3]), np.array([0.02, 0.05, 0.1, 0.1, 0.2])
    votes = np.where(truth[:, None], rng.random((200, 5)) >= miss, rng.random((200, 5)) < false_alarm).astype(np.int64)
    told = dawid_skene(votes)
    measured = np.stack([[votes[truth == bool(c), r].mean() for c in (0, 1)] for r in range(5)])  # what they did on these items
    assert np.abs(np.stack([told.invents[:, 0], told.finds[:, 0]], axis=1) - measured).max() < 0.03


def test_an_item_that_counts_twice_is_two_items() -> None:
    rng = np.random.default_rng(3)
    votes = rng.integers(-1, 2, (60, 4))
    weights = rng.integers(0, 4, 60)
    once, often = dawid_skene(votes, weights.astype(float)[:, None]), dawid_skene(np.repeat(votes, weights, axis=0))
    assert np.allclose(once.finds, often.finds, atol=1e-3)
    assert np.allclose(once.prior, often.prior, atol=1e-3)
    both = dawid_skene(votes, np.stack([np.ones(60), weights], axis=1).astype(float))
    assert np.allclose(both.finds[:, 1], once.finds[:, 0], atol=1e-3)


PEOPLE = {"ann": (0.95, 0.02), "bob": (0.9, 0.05), "cid": (0.7, 0.1), "dot": (0.6, 0.25)}  # finds, invents


def simulated(sessions: int, seed: int) -> tuple[dict[int, dict[str, bool]], dict[int, bool]]:
    rng = np.random.default_rng(seed)
    truth = {number: bool(rng.random() < 0.4) for number in range(sessions)}
    votes = {
        number: {who: bool(rng.random() < (finds if there else invents)) for who, (finds, invents) in PEOPLE.items() if rng.random() < 0.9}
        for number, there in truth.items()
    }
    return votes, truth


def test_each_persons_errors_lie_in_their_intervals_and_who_errs_less_counts_more() -> None:
    inside, of, right, majority = 0, 0, 0, 0
    for seed in range(12):
        votes, truth = simulated(250, seed)
        told = weigh(votes, "owl", seed)
        assert told is not None
        for rater in told.raters:
            finds, invents = PEOPLE[rater.name]
            inside += (rater.finds.low <= finds <= rater.finds.high) + (rater.invents.low <= invents <= rater.invents.high)
            of += 2
        right += sum((told.has_it[number] > 0.5) == truth[number] for number in told.has_it)
        majority += sum((2 * sum(by.values()) > len(by)) == truth[number] for number, by in votes.items() if number in told.has_it)
    assert inside / of >= 0.85
    assert right > majority


def test_of_few_sessions_or_two_people_nothing_is_told() -> None:
    votes, _ = simulated(250, 0)
    assert weigh({number: by for number, by in votes.items() if number < 15}, "owl") is None
    assert (
        weigh({number: {"ann": by["ann"], "bob": by["bob"]} for number, by in votes.items() if {"ann", "bob"} <= by.keys()}, "owl") is None
    )
    assert weigh({}, "owl") is None
