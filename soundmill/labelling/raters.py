"""Who is right where three or more label the same sessions, and how each of them errs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soundmill.labelling.agreement import SHARE, Interval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_FEWEST_SESSIONS = 20  # that three or more labelled: of fewer nobody's errors can be told
_DRAWS = 200
_ROUNDS = 200


@dataclass(frozen=True)
class Truth:
    """What Dawid and Skene's model makes of votes.

    posterior   (items, classes): the probability of each class
    confusion   (raters, classes, classes): with which probability a rater says the second class where the first is true
    prior       (classes,): how often each class is true
    """

    posterior: Floats
    confusion: Floats
    prior: Floats


@dataclass(frozen=True)
class Rater:
    """How one person errs on one tag, in the sessions that several labelled: the share of sessions with the tag in which they find it, and
    of those without it in which they see it all the same."""

    name: str
    sessions: int
    finds: Interval
    invents: Interval


@dataclass(frozen=True)
class Weighed:
    """The votes of all on one tag: the probability that a session has it, by session, and how each person errs."""

    tag: str
    has_it: Mapping[int, float]
    raters: tuple[Rater, ...]


def weigh(votes: Mapping[int, Mapping[str, bool]], tag: str, seed: int = 0) -> Weighed | None:
    """Weighs who saw a tag in each session that several labelled. None where fewer than 20 were labelled by three or more people."""
    shared = {number: by for number, by in votes.items() if len(by) > 1}
    if sum(len(by) > 2 for by in shared.values()) < _FEWEST_SESSIONS:
        return None
    people = sorted({who for by in shared.values() for who in by})
    table = np.array([[int(by[who]) if who in by else -1 for who in people] for by in shared.values()], np.int64)
    patterns, of_session, counts = np.unique(table, axis=0, return_inverse=True, return_counts=True)  # far fewer than sessions
    truth = dawid_skene(patterns, 2, weights=counts.astype(float))
    draws = np.random.default_rng(seed).multinomial(len(table), counts / len(table), _DRAWS)
    drawn = np.array([dawid_skene(patterns, 2, weights=of.astype(float)).confusion[:, :, 1] for of in draws])
    low, high = np.quantile(drawn, [(1 - SHARE) / 2, (1 + SHARE) / 2], axis=0)

    def interval(rater: int, true: int) -> Interval:
        return Interval(float(truth.confusion[rater, true, 1]), float(low[rater, true]), float(high[rater, true]))

    raters = (Rater(who, int((table[:, place] >= 0).sum()), interval(place, 1), interval(place, 0)) for place, who in enumerate(people))
    has_it = truth.posterior[of_session.reshape(-1), 1]
    return Weighed(tag, dict(zip(shared, has_it.tolist(), strict=True)), tuple(raters))


def dawid_skene(votes: Ints, classes: int, weights: Floats | None = None, tolerance: float = 1e-6) -> Truth:
    """The likeliest truth and each rater's errors, by expectation maximisation.

    `votes` is (items, raters), -1 where a rater did not vote; an item counts `weights` times. Starts from the majority. Each confusion
    has a tenth of a vote more for every cell, so that nobody is taken for infallible. (Dawid and Skene 1979, Applied Statistics 28.)
    """
    weights = np.ones(len(votes)) if weights is None else weights
    said = np.stack([votes == one for one in range(classes)], axis=2).astype(float)  # (items, raters, classes)
    posterior = said.sum(axis=1) + 1e-9
    posterior /= posterior.sum(axis=1, keepdims=True)
    for _ in range(_ROUNDS):
        counted = posterior * weights[:, None]
        prior = counted.sum(axis=0) / max(weights.sum(), 1e-12)
        confusion = np.einsum("ik,irc->rkc", counted, said) + 0.1
        confusion /= confusion.sum(axis=2, keepdims=True)
        likelihood = np.log(prior + 1e-12) + np.einsum("irc,rkc->ik", said, np.log(confusion))
        after = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
        after /= after.sum(axis=1, keepdims=True)
        moved = float(np.abs(after - posterior).max(initial=0.0))
        posterior = after
        if moved < tolerance:
            break
    return Truth(posterior, confusion, prior)
