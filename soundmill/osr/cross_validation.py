"""Cross-validation of an open-set classifier: every sound scored by a model that was fitted without it.

Models fitted without a part of the sounds score that part; models fitted without some of the classes score those as if they were unknown;
background is scored by models that did not have it. Whole groups are held out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from soundmill.osr.class_scores import ClassScores, Floats
from soundmill.osr.metrics import auroc

Ints = npt.NDArray[np.intp]


Bools = npt.NDArray[np.bool_]


FOLDS = 5


MOST_CLASS_FOLDS = 6  # of classes that are left out


class TrainingSet(NamedTuple):
    """What a classifier is fitted to: vectors (n, d), places of their classes (n,), groups (n,); background (b, d) with its groups."""

    X: Floats
    place: Ints
    groups: npt.NDArray[Any]
    background: Floats | None
    background_groups: npt.NDArray[Any]


class Scored(NamedTuple):
    """Scores of sounds by models that had not seen them.

    right     (n,) whether the best class is the true one
    scores    by name, each (n,): scores of the best class
    of_class  (n, classes) scores of every class
    truth     (n,) true classes by their place, -1 for what is unknown
    """

    right: Bools
    scores: dict[str, Floats]
    of_class: Floats
    truth: Ints


@dataclass(frozen=True)
class CrossValidation:
    """Scores of all sounds that could be held out; of unknown ones by their kind: `background`, `left_out_classes`."""

    known: Scored
    unknown: dict[str, Scored]

    @property
    def is_usable(self) -> bool:
        """Whether any known sound that was held out got its right name."""
        return bool(self.known.right.any())

    def merit(self, score: str) -> float:
        """Mean of accuracy and of how well known sounds stand apart from unknown ones."""
        if not len(self.known.right):
            return 0.0
        apart = [auroc(self.known.scores[score], part.scores[score]) or 0.0 for part in self.unknown.values()]
        return float(np.mean([self.known.right.mean(), *([float(np.mean(apart))] if apart else [])]))


def score_sounds(model: ClassScores, X: Floats, truth: Ints, classes: int) -> Scored:
    """Scores by a model whose `classes_` are places among all `classes`; it may have been fitted without some."""
    scores = model.score_all(X)
    chosen = scores["class"].argmax(axis=1)
    of_class = np.full((len(X), classes), -1e9)
    of_class[:, model.classes_] = scores["class"]
    at = {name: np.asarray(values)[np.arange(len(X)), chosen] for name, values in scores.items()}
    return Scored(model.classes_[chosen] == truth, at, of_class, truth)


def _concatenated(parts: list[Scored], classes: int) -> Scored:
    if not parts:
        return Scored(np.empty(0, bool), {}, np.empty((0, classes)), np.empty(0, np.intp))
    return Scored(
        np.concatenate([part.right for part in parts]),
        {name: np.concatenate([part.scores[name] for part in parts]) for name in parts[0].scores},
        np.concatenate([part.of_class for part in parts]),
        np.concatenate([part.truth for part in parts]),
    )


def cross_validate(scorer: ClassScores, data: TrainingSet, seed: int) -> CrossValidation:
    """What is known, what is background and what is a class of its own, each scored by models that were fitted without it."""
    from sklearn.base import clone

    classes = int(data.place.max()) + 1
    nobody = np.full(max(len(data.X), len(data.background_groups)), -1)
    known, background, left_out = [], [], []
    for held, held_background in _folds(data, seed):
        kept = ~held
        rest = None if data.background is None else data.background[~held_background]
        if kept.sum() < 2:
            continue
        model = clone(scorer).fit(data.X[kept], data.place[kept], rest)
        scored = held & np.isin(data.place, model.classes_)  # a class that is held out as a whole has no right name
        if scored.any():
            known.append(score_sounds(model, data.X[scored], data.place[scored], classes))
        if data.background is not None and held_background.any() and not held_background.all():
            background.append(score_sounds(model, data.background[held_background], nobody[: held_background.sum()], classes))
    for absent in _left_out_classes(classes, seed):
        kept = ~np.isin(data.place, absent)
        if len(np.unique(data.place[kept])) < 2:
            continue
        model = clone(scorer).fit(data.X[kept], data.place[kept], data.background)
        left_out.append(score_sounds(model, data.X[~kept], nobody[: (~kept).sum()], classes))
    unknown = {"background": _concatenated(background, classes), "left_out_classes": _concatenated(left_out, classes)}
    return CrossValidation(_concatenated(known, classes), {name: part for name, part in unknown.items() if len(part.truth)})


def _folds(data: TrainingSet, seed: int) -> Iterator[tuple[Bools, Bools]]:
    """Which sounds, and which background, each fold holds out: whole groups, every class in even shares."""
    from sklearn.model_selection import StratifiedGroupKFold

    count = min(FOLDS, len(np.unique(data.groups)))
    if count < 2:
        return
    rng = np.random.default_rng(seed)
    kinds, kind = np.unique(data.background_groups, return_inverse=True) if len(data.background_groups) else (np.empty(0), np.empty(0, int))
    turn = rng.permutation(len(kinds)) % count
    shared = np.isin(kinds, data.groups)
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    least = int(np.bincount(data.place).min())
    if least < count:  # the splitter asks for one sound of each class in each fold; a class that has fewer is left out of some
        splits = [np.flatnonzero(part) for part in _uneven_folds(data, count, rng)]
    else:
        splits = [held for _, held in splitter.split(data.X, data.place, data.groups)]
    for number, held in enumerate(splits):
        mask = np.zeros(len(data.X), bool)
        mask[held] = True
        # background of a group that known sounds belong to is held out with them
        of_kinds = np.where(shared, np.isin(kinds, data.groups[mask]), turn == number)
        held_background = of_kinds[kind] if len(kinds) else np.empty(0, bool)
        yield mask, held_background & (not held_background.all())


def _uneven_folds(data: TrainingSet, count: int, rng: np.random.Generator) -> Iterator[Bools]:
    turn = {}
    for k in range(int(data.place.max()) + 1):
        mine = [group for group in np.unique(data.groups[data.place == k]) if group not in turn]
        for number, at in enumerate(rng.permutation(len(mine))):
            turn[mine[at]] = (number + k) % count
    of_sound = np.array([turn[group] for group in data.groups])
    for number in range(count):
        yield of_sound == number


def _left_out_classes(classes: int, seed: int) -> list[Ints]:
    """Which classes each model is fitted without: each once, and never so many that fewer than two stay."""
    if classes < 3:
        return []
    order = np.random.default_rng(seed).permutation(classes)
    parts: list[Ints] = np.array_split(order, min(classes, MOST_CLASS_FOLDS))
    return parts
