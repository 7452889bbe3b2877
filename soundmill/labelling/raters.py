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
_TOLERANCE = 1e-5
_SMOOTH = 0.1  # votes


@dataclass(frozen=True)
class Truth:
    """What Dawid and Skene's model makes of votes of yes and no, for each of d weightings of n items by r raters.

    posterior   (n, d): the probability that an item is a yes
    finds       (r, d): with which probability a rater says yes where it is one; invents: where it is none
    prior       (d,): how often it is
    """

    posterior: Floats
    finds: Floats
    invents: Floats
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
    truth = dawid_skene(patterns, counts[:, None].astype(float))
    draws = np.random.default_rng(seed).multinomial(len(table), counts / len(table), _DRAWS).T.astype(float)
    drawn = dawid_skene(patterns, draws)

    def interval(of: Floats, values: Floats) -> Interval:
        low, high = np.quantile(values, [(1 - SHARE) / 2, (1 + SHARE) / 2])
        return Interval(float(of[0]), float(low), float(high))

    raters = (
        Rater(
            who,
            int((table[:, place] >= 0).sum()),
            finds=interval(truth.finds[place], drawn.finds[place]),
            invents=interval(truth.invents[place], drawn.invents[place]),
        )
        for place, who in enumerate(people)
    )
    has_it = truth.posterior[of_session.reshape(-1), 0]
    return Weighed(tag, dict(zip(shared, has_it.tolist(), strict=True)), tuple(raters))


def dawid_skene(votes: Ints, weights: Floats | None = None) -> Truth:
    """The likeliest truth and each rater's errors, by expectation maximisation.

    `votes` is (items, raters): 1 for yes, 0 for no, -1 where a rater did not vote; `weights` (items, d) how often each item counts, in
    each of d weightings that are worked out side by side. Starts from the majority. Yes and no of each rater have a tenth of a vote more,
    so that nobody is taken for infallible. (Dawid and Skene 1979, Applied Statistics 28.)
    """
    yes, no = (votes == 1).astype(float), (votes == 0).astype(float)
    counts = np.ones((len(votes), 1)) if weights is None else weights
    said = yes + no
    posterior = np.repeat((yes.sum(axis=1) / np.maximum(said.sum(axis=1), 1))[:, None], counts.shape[1], axis=1)
    for _ in range(_ROUNDS):
        there, gone = posterior * counts, (1 - posterior) * counts
        prior = there.sum(axis=0) / np.maximum(counts.sum(axis=0), 1e-12)
        finds, invents = ((yes.T @ of + _SMOOTH) / (said.T @ of + 2 * _SMOOTH) for of in (there, gone))
        odds = np.log(prior + 1e-12) - np.log(1 - prior + 1e-12)
        odds = odds + yes @ np.log(finds / invents) + no @ np.log((1 - finds) / (1 - invents))
        after = 1 / (1 + np.exp(-np.clip(odds, -500, 500)))
        moved = float(np.abs(after - posterior).max(initial=0.0))
        posterior = after
        if moved < _TOLERANCE:
            break
    return Truth(posterior, finds, invents, prior)
