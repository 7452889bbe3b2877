"""Where a score is good enough to believe the name that goes with it.

The first three rules are the original recogniser's, on costs (negative log scores, lower is more like the tag): with background by
precision and recall, without it by a percentile; a sound is believed when more than half of its vectors cost no more than the threshold.
The others work on scores, higher is more like the tag, that come from models which had not seen the sounds they scored.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def sound_costs(costs: Floats, owner: Ints, count: int) -> Floats:
    """The threshold from which on each of `count` sounds is believed, shape (count,): the cost that just more than half of its
    vectors stay within. `costs` and `owner` have shape (m,). Infinite for a sound without vectors."""
    out = np.full(count, np.inf)
    order = np.lexsort((costs, owner))
    sizes = np.bincount(owner, minlength=count)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    has_vectors = sizes > 0
    out[has_vectors] = costs[order][starts[has_vectors] + sizes[has_vectors] // 2]
    return out


def percentile_threshold(own: Floats, recall: float = 0.6) -> float:
    """The cost within which a share `recall` of a tag's own vectors, shape (m,), stay."""
    return float(np.percentile(own, 100 * recall))


def precision_threshold(costs: Floats, is_tag: npt.NDArray[np.bool_], least_recall: float = 0.6, slack: float = 0.95) -> float:
    """The threshold over sounds, both arguments of shape (n,), that the precision-recall curve suggests.

    Walking costs upwards, the search starts where recall first reaches `least_recall` and takes the best precision from there on.
    Where that is the start itself, it goes on to the furthest point whose precision is still `slack` of it.
    """
    order = np.argsort(costs, kind="stable")
    hits = np.cumsum(is_tag[order])
    last_of_equal = np.append(np.diff(costs[order]) > 0, True)
    recall = (hits / max(1, int(is_tag.sum())))[last_of_equal]
    precision = (hits / np.arange(1, len(costs) + 1))[last_of_equal]
    at = costs[order][last_of_equal]
    reached = np.flatnonzero((recall >= least_recall) & np.isfinite(at))
    if not len(reached):
        finite = at[np.isfinite(at)]
        return float(finite[-1]) if len(finite) else -np.inf
    start = reached[0]
    best = start + int(np.argmax(precision[start:]))
    if best == start:
        good = np.flatnonzero((precision[start:] >= slack * precision[start]) & np.isfinite(at[start:]))
        best = start + int(good[-1])
    return float(at[best])


def quantile_threshold(scores: Floats, right: npt.NDArray[np.bool_], recall: float) -> float:
    """The score that a share `recall` of the known sounds reaches under its right name; both arguments have shape (n,).

    Where fewer than that are named rightly at all, the lowest score of those.
    """
    reached = np.sort(scores[right])[::-1]
    if not len(reached):
        return float(scores.min())
    return float(reached[min(len(reached), max(1, round(recall * len(scores)))) - 1])


def balanced_threshold(known: Floats, right: npt.NDArray[np.bool_], unknown: Floats, softness: float = 0.3) -> float:
    """The threshold that serves both best: known sounds accepted under their right name, and unknown ones rejected.

    `known` and `right` have shape (n,), `unknown` (m,). Each step of the two shares is softened over `softness`, so that one sound
    more or less does not move the threshold far.
    """
    both = np.concatenate([known, unknown])
    grid = np.linspace(both.min() - softness, both.max() + softness, 400)
    accepted = _sigmoid((known[right][None, :] - grid[:, None]) / softness).sum(axis=1) / len(known)
    rejected = 1 - _sigmoid((unknown[None, :] - grid[:, None]) / softness).mean(axis=1)
    return float(grid[int(np.argmax(accepted + rejected))])


def _sigmoid(values: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(values, -50, 50)))
