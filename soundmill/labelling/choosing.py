"""What to label next: while little is known, what is typical of sounds that nobody has labelled; then, what the model is least sure of.

Cold: typical clusters (Hacohen, Dekel and Weinshall 2022, "Active learning on a budget"): as many clusters as there are labels and picks
together, the largest without a label first, and of it the sound that lies nearest to its neighbours. Warm: the smallest margin between the
best and the second-best score. Both hold near-copies back, so that a burst of one sound does not fill the batch.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Rule = Literal["typical", "margin", "candidates", "random"]
NEAR_COPY = 0.98  # cosine
_MOST_CLUSTERS = 500
_NEIGHBOURS = 20
_PER_HOUR = 2  # of one source
_DIMENSIONS = 48
_AT_ONCE = 5000  # candidates; more are clustered a part at a time


@dataclass(frozen=True)
class Pick:
    """A candidate to be labelled, by its index, and why: the rule, its score under it, and its cluster where there are any."""

    index: int
    rule: Rule
    score: float | None = None
    cluster: int | None = None


def projected(vectors: Floats, dimensions: int = _DIMENSIONS) -> Floats:
    """Vectors with each number scaled to unit spread, then their principal components, shape (candidates, at most `dimensions`)."""
    from sklearn.decomposition import PCA

    spread = vectors.std(axis=0)
    scaled = (vectors - vectors.mean(axis=0)) / np.where(spread > 1e-9, spread, 1)
    size = min(dimensions, *vectors.shape)
    return np.asarray(PCA(size, random_state=0, svd_solver="randomized" if size < min(vectors.shape) else "full").fit_transform(scaled))


def typical(vectors: Floats, labelled: Sequence[int], number: int, seed: int = 0) -> list[Pick]:
    """So many candidates that stand for what nobody has labelled yet; `labelled` are indices of those that somebody has."""
    from sklearn.cluster import KMeans, MiniBatchKMeans

    if not len(vectors) or number <= 0:
        return []
    count = min(len(labelled) + number, _MOST_CLUSTERS, len(vectors))
    kind = KMeans if len(vectors) <= _AT_ONCE else MiniBatchKMeans
    clusters = kind(count, n_init=1, random_state=seed).fit_predict(vectors)
    sizes, covered = np.bincount(clusters, minlength=count), np.bincount(clusters[list(labelled)], minlength=count)
    taken = set(labelled)
    left: dict[int, list[int]] = {}
    for index, cluster in enumerate(clusters.tolist()):
        if index not in taken:
            left.setdefault(cluster, []).append(index)
    picks: list[Pick] = []
    while left and len(picks) < number:
        chosen = min(left, key=lambda one: (covered[one], -sizes[one], one))  # the fewest labels, and of these the largest
        members = left[chosen]
        index = members.pop(int(_typicality(vectors[members]).argmax()))
        picks.append(Pick(index, "typical", float(sizes[chosen] / len(vectors)), chosen))
        covered[chosen] += 1
        if not members:
            del left[chosen]
    return picks


def least_sure(margins: Floats, labelled: Sequence[int], number: int, *, burst: Sequence[Hashable], vectors: Floats) -> list[Pick]:
    """So many candidates with the smallest margins, at most two of one `burst` (say, a source's hour) and none that is nearly a copy of one
    that was picked; where that leaves too few, the rest by margin alone."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    taken, of_burst, picks, held_back = set(labelled), Counter[Hashable](), list[Pick](), list[int]()
    for index in map(int, np.argsort(margins, kind="stable")):
        if len(picks) == number:
            break
        if index in taken:
            continue
        is_copy = bool(picks) and float((unit[[pick.index for pick in picks]] @ unit[index]).max()) > NEAR_COPY
        if is_copy or of_burst[burst[index]] >= _PER_HOUR:
            held_back.append(index)
            continue
        picks.append(Pick(index, "margin", float(margins[index])))
        of_burst[burst[index]] += 1
    picks += [Pick(index, "margin", float(margins[index])) for index in held_back[: number - len(picks)]]
    return picks


def at_random(candidates: int, labelled: Sequence[int], number: int, seed: int = 0) -> list[Pick]:
    """So many candidates by chance."""
    left = np.setdiff1d(np.arange(candidates), list(labelled))
    drawn = np.random.default_rng(seed).permutation(left)[:number]
    return [Pick(int(index), "random") for index in drawn]


def near_copies(vectors: Floats, of: Floats) -> NDArray[np.bool_]:
    """Which vectors are nearly copies of one of others."""
    if not len(of):
        return np.zeros(len(vectors), bool)
    unit, others = (each / np.maximum(np.linalg.norm(each, axis=1, keepdims=True), 1e-12) for each in (vectors, of))
    return np.concatenate([(unit[at : at + 1000] @ others.T).max(axis=1) > NEAR_COPY for at in range(0, len(unit), 1000)])


def session_margin(margins: Floats) -> float:
    """How sure a model is of a longer stretch: the mean of its three smallest margins, for most of a minute is easy everywhere."""
    return float(np.sort(margins)[:3].mean())


def _typicality(vectors: Floats) -> Floats:
    """One over the mean distance to the nearest neighbours, shape (vectors,)."""
    if len(vectors) == 1:
        return np.ones(1)
    from sklearn.neighbors import NearestNeighbors

    near = min(_NEIGHBOURS, len(vectors) - 1)
    distances, _ = NearestNeighbors(n_neighbors=near + 1).fit(vectors).kneighbors(vectors)
    return np.asarray(1 / np.maximum(distances[:, 1:].mean(axis=1), 1e-12))
