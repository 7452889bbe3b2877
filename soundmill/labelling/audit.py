"""What a model missed, as an audit finds it: people label a few of the segments in which it heard nothing, drawn from strata of its score.

Strata halve by score (Navine, Denton, Weldy and Hart 2024, "All thresholds barred", Frontiers in Bird Science): the lowest holds half of
the segments, the next a quarter, and so on. The share of targets in each has a beta posterior, and a target is no rarer where the score is
higher. When targets are rare, the prior of the large low strata decides nearly everything; so several estimators that err in opposite ways
are asked, and the interval is the hull of theirs:

- a cap: each rate drawn is at most that of the stratum above it. Claims too much recall where the detector is weak.
- the joint posterior of rates that never rise. Claims too little where the detector is good and targets are rare.
- the same from a flat prior, once `_SEVERAL` targets were found among the undetected: before that it claims far too little.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
STRATA = 8
_PRIOR = 0.5  # of both classes: Jeffreys
_DRAWS = 4000
_SEVERAL = 5
_EDGES = np.concatenate([[0.0], np.geomspace(1e-7, 1, 801)])
_GRID, _WIDTHS = (_EDGES[1:] + _EDGES[:-1]) / 2, np.diff(_EDGES)  # rates, finer where they are small


@dataclass(frozen=True)
class Stratum:
    """Segments whose scores are near each other. `drawn` of its `size` were labelled, and `positive` of these held the target."""

    size: int
    drawn: int
    positive: int


@dataclass(frozen=True)
class Estimate:
    """An estimate with its interval of 95 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Audited:
    """What the audit of a detector says.

    missed     how many segments hold the target and were not detected
    recall     share of the segments with the target that were detected; precision: share of the detected that have it
    """

    missed: Estimate
    recall: Estimate
    precision: Estimate


def strata_of(scores: Floats, count: int = STRATA) -> NDArray[np.int64]:
    """The stratum of each segment, 0 for the highest scores. The lowest holds half of all, the next half of the rest, the two highest the
    same number; small collections have fewer."""
    order = np.argsort(-scores, kind="stable")
    bounds = [len(scores) // 2**n for n in range(count - 1, 0, -1)]  # of how many segments the first 1, 2, ... strata consist
    strata = np.empty(len(scores), np.int64)
    strata[order] = np.searchsorted(sorted({bound for bound in bounds if bound > 0}), np.arange(len(scores)), side="right")
    return strata


def draw(strata: NDArray[np.int64], labels: int, seed: int) -> tuple[NDArray[np.int64], Floats]:
    """Which segments to label, with the probability that each had of being drawn: from each stratum as many, and what a small one lacks
    from the others."""
    rng = np.random.default_rng(seed)
    sizes = np.bincount(strata)
    shares = _even_shares(sizes, labels)
    picked = [rng.choice(np.flatnonzero(strata == number), share, replace=False) for number, share in enumerate(shares)]
    probabilities = [np.full(share, share / size) for share, size in zip(shares, sizes, strict=True)]
    return np.concatenate([np.empty(0, np.int64), *picked]), np.concatenate([np.empty(0), *probabilities])


def audited(strata: Sequence[Stratum], detected: int, confirmed: tuple[int, int], apart: Stratum | None = None, seed: int = 0) -> Audited:
    """What was missed, from labelled strata of the undetected (highest scores first) and of the detected.

    `detected` segments were; of those that people looked at, drawn by chance, `confirmed` says how many did have the target, and how many
    did not. `apart` are segments without a detection of the target that are in no stratum, say because something else was detected there.
    """
    rng = np.random.default_rng(seed)
    yes, no = confirmed
    hits = yes + rng.beta(yes + _PRIOR, no + _PRIOR, _DRAWS) * max(detected - yes - no, 0)
    unseen = np.array([stratum.size - stratum.drawn for stratum in strata])
    seen = sum(stratum.positive for stratum in strata)
    rates = [_capped(strata, rng), _falling(strata, rng, _PRIOR), *([_falling(strata, rng, 1.0)] if seen >= _SEVERAL else [])]
    elsewhere = np.zeros(_DRAWS)
    if apart is not None:
        rate = rng.beta(apart.positive + _PRIOR, apart.drawn - apart.positive + _PRIOR, _DRAWS)
        elsewhere = apart.positive + rate * (apart.size - apart.drawn)
    missed = [seen + one @ unseen + elsewhere for one in rates]
    recall = [hits / np.maximum(hits + one, 1e-9) for one in missed]
    return Audited(_estimate(missed), _estimate(recall), _estimate([hits / max(detected, 1)]))


def _capped(strata: Sequence[Stratum], rng: np.random.Generator) -> Floats:
    """(draws, strata): rates, each at most that of the stratum above."""
    rates = [rng.beta(one.positive + _PRIOR, one.drawn - one.positive + _PRIOR, _DRAWS) for one in strata]
    return np.minimum.accumulate(np.reshape(rates, (len(strata), _DRAWS)), axis=0).T


def _falling(strata: Sequence[Stratum], rng: np.random.Generator, prior: float) -> Floats:
    """(draws, strata): rates from their joint posterior, given that they never rise. Exact on a grid: what lies below each rate is summed
    from the lowest stratum up, and rates are drawn from the highest stratum down."""
    below = np.ones(len(_GRID))
    sums: list[Floats] = []
    for one in reversed(strata):
        negative = one.drawn - one.positive
        likelihood = (one.positive + prior - 1) * np.log(_GRID) + (negative + prior - 1) * np.log1p(-_GRID)
        below = np.cumsum(np.exp(likelihood - likelihood.max()) * _WIDTHS * below)
        below /= below[-1]
        sums.insert(0, below)
    most, rates = np.full(_DRAWS, len(_GRID) - 1), np.zeros((_DRAWS, len(strata)))
    for number, reaches in enumerate(sums):
        most = np.minimum(np.searchsorted(reaches, rng.random(_DRAWS) * reaches[most]), most)
        rates[:, number] = _GRID[most]
    return rates


def _even_shares(sizes: NDArray[np.int64], wanted: int) -> list[int]:
    """As many from each as can be, so that together they are what is wanted (or all there is)."""
    shares = np.zeros(len(sizes), np.int64)
    left = min(wanted, int(sizes.sum()))
    while left:
        open_ones = np.flatnonzero(shares < sizes)[:left]  # the highest scores first, where it does not come out even
        each = max(min(left // len(open_ones), int((sizes - shares)[open_ones].min())), 1)
        shares[open_ones] += each
        left -= each * len(open_ones)
    return shares.tolist()


def _estimate(draws: Sequence[Floats]) -> Estimate:
    """The hull of the intervals of several estimators, and the mean of their medians."""
    low, middle, high = np.quantile(np.array(draws), [0.025, 0.5, 0.975], axis=1)
    return Estimate(float(middle.mean()), float(low.min()), float(high.max()))
