"""Which sounds are new: what was called "other", grouped by likeness, the most worth a tag first."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from soundmill.lake import column, day_table
from soundmill.osr.sounds import Floats, Sounds, Verdicts
from soundmill.osr.spec import OTHER

MOST_SOUNDS = 5000  # a busier day is sampled
EXAMPLES = 3
_FEWEST = 4  # sounds in a group
_LARGEST_NUMBER = 200  # of groups, if they were all of the smallest size
_DIMENSIONS = 20
_BACKGROUND_SHARE = 0.02
_USUAL = 0.95  # of background is as near to itself as this quantile

NEW_SOUNDS = day_table(
    "new_sounds",
    pa.schema(
        [
            column("model", pa.string(), "model name"),
            column("version", pa.int32(), "model version"),
            column("rank", pa.int32(), "place in the list of what to label next, from 1"),
            column("sounds", pa.int32(), "segments in the group"),
            column("novelty", pa.float32(), "how far its middle segment is from every known tag, in standard deviations of known sounds"),
            column("nearest", pa.string(), "the known tag that most of them are nearest to"),
            column("compactness", pa.float32(), "likeness within the group, between 0 and 1"),
            column("examples", pa.string(), "keys of the segments in its middle, one a line"),
        ]
    ),
    key=("model", "version", "rank"),
)


class Rejected(NamedTuple):
    """n sounds that were called "other": pooled vectors (n, d), margins (n,) to the nearest threshold, and the nearest tags."""

    keys: list[str]
    vectors: npt.NDArray[np.float32]
    margins: Floats
    nearest: list[str]

    @classmethod
    def among(cls, sounds: Sounds, verdicts: Verdicts, known: Sequence[bool] = ()) -> "Rejected":
        """Sounds that have vectors and were called "other", but for those that `known` marks: they were missed, and are not new."""
        rejected = (np.array(verdicts.names, object) == OTHER) & sounds.has_vectors()
        at = np.flatnonzero(rejected & ~np.array(known, bool) if known else rejected)
        chosen = sounds.take(at)
        margins = verdicts.margins[at].max(axis=1, initial=-np.inf)
        return cls(list(chosen.keys), chosen.pooled().astype(np.float32), margins, [verdicts.nearest[i] for i in at])

    @classmethod
    def joined(cls, parts: Sequence["Rejected"]) -> "Rejected":
        """Those of several sets, at least one, one after another."""
        filled = [part for part in parts if len(part.keys)] or list(parts[:1])
        return cls(
            [key for part in filled for key in part.keys],
            np.concatenate([part.vectors for part in filled]),
            np.concatenate([part.margins for part in filled]),
            [tag for part in filled for tag in part.nearest],
        )

    def thinned(self, share: float) -> "Rejected":
        """An evenly chosen share of them."""
        chosen = np.unique(np.linspace(0, len(self.keys) - 1, round(share * len(self.keys))).astype(int))
        return Rejected([self.keys[i] for i in chosen], self.vectors[chosen], self.margins[chosen], [self.nearest[i] for i in chosen])


@dataclass(frozen=True)
class NewSound:
    """A group of alike sounds that were called "other". `members` are their keys, the most typical first, fewer than `sounds` where these
    were sampled."""

    sounds: int
    novelty: float
    nearest: str
    compactness: float
    members: tuple[str, ...]

    @property
    def examples(self) -> tuple[str, ...]:
        """Keys of those in its middle."""
        return self.members[:EXAMPLES]


def group_new_sounds(rejected: Rejected, background: npt.NDArray[Any] | None = None, seed: int = 0) -> list[NewSound]:
    """Groups of alike sounds among rejected ones, the best to label first.

    Groups are dense regions (HDBSCAN) of the principal components; what lies in none is left out, and so are groups that are like the
    background of the place, vectors (b, d). They are ranked by novelty times the logarithm of their size.
    """
    from sklearn.cluster import HDBSCAN
    from sklearn.decomposition import PCA

    keys, vectors, margins, nearest = rejected.keys, rejected.vectors.astype(np.float64), rejected.margins, rejected.nearest
    if len(keys) < 2 * _FEWEST:
        return []
    chosen = np.arange(len(keys))
    if len(keys) > MOST_SOUNDS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(keys), MOST_SOUNDS, replace=False))
    deviation = vectors[chosen].std(axis=0)

    def scaled(values: Floats) -> Floats:
        clipped: Floats = np.clip((values - vectors[chosen].mean(axis=0)) / np.where(deviation > 1e-9, deviation, 1), -8, 8)
        return clipped

    components = PCA(min(_DIMENSIONS, *vectors[chosen].shape), random_state=seed).fit(scaled(vectors[chosen]))
    space = components.transform(scaled(vectors[chosen]))
    is_background = np.zeros(len(space), bool)
    if background is not None and len(background) > _FEWEST:
        is_background = like_background(space, components.transform(scaled(background.astype(np.float64))))
    fewest = max(_FEWEST, len(chosen) // _LARGEST_NUMBER)
    labels = HDBSCAN(min_cluster_size=fewest, min_samples=2, copy=True).fit_predict(space)
    overall = float(np.sqrt(((space - space.mean(axis=0)) ** 2).sum(axis=1).mean())) or 1.0
    found = []
    for label in range(int(labels.max()) + 1):
        members = np.flatnonzero(labels == label)
        if is_background[members].mean() > 0.5:
            continue
        away = np.linalg.norm(space[members] - np.median(space[members], axis=0), axis=1)
        typical = members[np.argsort(away, kind="stable")]
        places = chosen[members]
        found.append(
            NewSound(
                sounds=round(len(members) * len(keys) / len(chosen)),
                novelty=float(max(0.0, -np.median(margins[places]))),
                nearest=Counter(nearest[at] for at in places).most_common(1)[0][0],
                compactness=float(max(0.0, 1 - np.sqrt((away**2).mean()) / overall)),
                members=tuple(keys[chosen[at]] for at in typical),
            )
        )
    return sorted(found, key=lambda one: -(one.novelty + 0.5) * np.log1p(one.sounds) * (0.5 + one.compactness))


def like_background(space: Floats, background: Floats) -> npt.NDArray[np.bool_]:
    """Which of n points, shape (n, d), lie as near to background, shape (b, d), as background lies to itself.

    Near means the distance to so many of its points as make two in a hundred: a sound that is rarer in the background stays new.
    """
    from scipy.spatial import cKDTree

    tree, count = cKDTree(background), max(_FEWEST, math.ceil(_BACKGROUND_SHARE * len(background)))
    own = tree.query(background, [count + 1])[0][:, 0]  # the first is the point itself
    near: npt.NDArray[np.bool_] = tree.query(space, [count])[0][:, 0] <= np.quantile(own, _USUAL)
    return near


def new_sound_rows(name: str, version: int, found: Sequence[NewSound]) -> pa.Table:
    """Groups as rows of `NEW_SOUNDS`."""
    return NEW_SOUNDS.from_rows(
        {
            "model": name,
            "version": version,
            "rank": rank,
            "sounds": one.sounds,
            "novelty": one.novelty,
            "nearest": one.nearest,
            "compactness": one.compactness,
            "examples": "\n".join(one.examples),
        }
        for rank, one in enumerate(found, 1)
    )
