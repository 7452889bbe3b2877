"""The open-set classifier: names what is enough like a taught class, and calls the rest "other".

What counts as enough is rehearsed: models fitted without a part of the taught sounds score that part, models fitted without some of
the classes score those as if they were unknown, and background is scored by models that did not have it. Thresholds, promised recall
and probabilities all come from these rehearsals, none from a score of something the model was fitted to.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin

from soundmill.osr.class_scores import ClassScores, Floats
from soundmill.osr.metrics import auroc
from soundmill.osr.sounds import Verdicts
from soundmill.osr.thresholds import balanced_threshold, quantile_threshold

Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
REJECTIONS = ("relative_mahalanobis", "background_ratio", "combined", "energy", "max_softmax")
THRESHOLDS = ("quantile", "background_balance", "left_out_classes", "mean", "stricter", "training_percentile")
_FOLDS = 5
_MOST_RECALL, _LEAST_RECALL = 0.95, 0.5  # that a threshold of our own choice keeps
_MOST_REHEARSALS = 6  # of unknown classes
_FEWEST_FOR_A_CLASS = 20  # sounds, for half of the weight of a class's own threshold
_MANY = 1500  # sounds from which on no number of dimensions is tried but the largest
_DIMENSIONS = (50, 100, 200)


Choice = tuple[str, str, str]  # a setting that the data decided, its value, and why


class OpenSetClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Names taught classes, and says `other` to the rest.

    projector, class_model, components, regularisation, blocks    see `ClassScores`
    dimensions  of the projection; None: by rehearsal among 50, 100 and 200
    rejection   what tells taught from unknown: `relative_mahalanobis`, `background_ratio`, `combined` (both), `energy`, `max_softmax`;
                None: `combined` with background, else `relative_mahalanobis`
    threshold   `quantile` (keeps a share `recall`), `background_balance`, `left_out_classes`, `mean` or `stricter` of these two,
                `training_percentile` (the original's, on scores of what it was fitted to); None: the stricter of what can be rehearsed,
                but keeping a share between 0.5 and 0.95
    recall      share of taught sounds that `quantile` and `training_percentile` keep
    other       the name of the rest; None: "other", or -1 where classes are numbers

    After `fit`: `classes_`, `thresholds_` (classes,), `promised_` (classes,) the recall that rehearsals promise, NaN where none could be
    held, `choices_`, `model_`, and `rehearsed_`: shares of taught sounds that rehearsals `named` rightly and `kept`, and for each kind of
    unknown sound (`left_out_classes`, `background`) the share `rejected` and the AUROC, as `left_out_classes_rejected` and so on. They are
    what thresholds were chosen by, and so a little better than new sounds will be.
    """

    def __init__(
        self,
        projector: str = "pca_lda",
        class_model: str = "gaussian_angle",
        rejection: str | None = None,
        threshold: str | None = None,
        recall: float = 0.8,
        dimensions: int | None = None,
        components: int = 4,
        regularisation: float = 0.01,
        blocks: Sequence[int] | None = None,
        other: Any = None,
        seed: int = 0,
    ) -> None:
        self.projector = projector
        self.class_model = class_model
        self.rejection = rejection
        self.threshold = threshold
        self.recall = recall
        self.dimensions = dimensions
        self.components = components
        self.regularisation = regularisation
        self.blocks = blocks
        self.other = other
        self.seed = seed

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        background: Any = None,
        groups: Any = None,
        background_groups: Any = None,
    ) -> "OpenSetClassifier":
        """Learns from vectors X, shape (n, d), of classes y, shape (n,), and from background, shape (b, d), that is none of them.

        Sounds of one group, shape (n,) and (b,), are never on both sides of a rehearsal: give sounds of one recording one group.
        Raises `ValueError` where there is nothing to learn from.
        """
        from sklearn.utils.multiclass import check_classification_targets
        from sklearn.utils.validation import check_array, validate_data

        X, y = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        check_classification_targets(y)
        if self.rejection is not None and self.rejection not in REJECTIONS:
            raise ValueError(f"rejection {self.rejection!r} is none of {', '.join(REJECTIONS)}")
        if self.threshold is not None and self.threshold not in THRESHOLDS:
            raise ValueError(f"threshold {self.threshold!r} is none of {', '.join(THRESHOLDS)}")
        background = None if background is None or not len(background) else check_array(background, dtype=np.float64)
        if background is None and (self.rejection in {"background_ratio", "combined"} or self.threshold == "background_balance"):
            raise ValueError(f"{self.rejection or self.threshold} needs background")
        self.classes_, place = np.unique(y, return_inverse=True)
        self.other_ = self.other if self.other is not None else (-1 if np.issubdtype(self.classes_.dtype, np.number) else "other")
        self.choices_: list[Choice] = []
        groups = np.array([f"sound {n}" for n in range(len(X))] if groups is None else groups, str)
        own = [f"background {n}" for n in range(0 if background is None else len(background))]
        spread = np.array(own if background_groups is None else background_groups, str)
        data = _Data(X, place, groups, background, spread)
        self.parts_ = self._parts(background is not None)
        dimensions, rehearsal = self._choose_dimensions(data)
        self.model_ = self._scorer(dimensions).fit(X, place, background)
        self._calibrate(rehearsal, data)
        return self

    def predict(self, X: Any) -> Any:
        """The name of each of n vectors, shape (n,)."""
        named, margins, _ = self._judge(X)
        accepted = margins[np.arange(len(named)), named] >= 0
        if isinstance(self.other_, str):
            return np.where(accepted, self.classes_.astype(object)[named], self.other_).astype(str)
        return np.where(accepted, self.classes_[named], self.other_)

    def margins(self, X: Any) -> Floats:
        """How far within each class's threshold each vector is, shape (n, classes), in standard deviations of taught sounds."""
        return self._judge(X)[1]

    def verdicts(self, X: Any, shift: Floats | None = None) -> Verdicts:
        """Everything in one pass. `shift`, shape (n, classes), is evidence from elsewhere, as a log likelihood ratio to be added."""
        named, margins, probabilities = self._judge(X, shift)
        chosen = margins[np.arange(len(named)), named]
        names = [self.classes_[k] if margin >= 0 else self.other_ for k, margin in zip(named, chosen, strict=True)]
        return Verdicts(names, margins, [self.classes_[k] for k in named], probabilities)

    def probabilities(self, X: Any) -> Floats:
        """How probable each class and, last, anything else is, shape (n, classes + 1), if one sound in two were unknown."""
        return self._judge(X)[2]

    def _checked(self, X: Any) -> Floats:
        from sklearn.utils.validation import check_is_fitted, validate_data

        check_is_fitted(self)
        checked: Floats = validate_data(self, X, reset=False, dtype=np.float64)
        return checked

    def _judge(self, X: Any, shift: Floats | None = None) -> tuple[Ints, Floats, Floats]:
        """The nearest class, the margins of all, and the probabilities."""
        X = self._checked(X)
        scores = self.model_.score_all(X)
        standard = self._standard(scores)
        of_class = scores["class"] / self.temperature_
        if shift is not None:
            standard = standard + shift / self.slope_
            of_class = of_class + shift
        named = of_class.argmax(axis=1)
        likely = of_class - np.logaddexp.reduce(of_class, axis=1, keepdims=True)
        known = 1 / (1 + np.exp(-np.clip(self.slope_ * standard[np.arange(len(named)), named] + self.offset_, -50, 50)))
        probabilities = np.concatenate([np.exp(likely) * known[:, None], 1 - known[:, None]], axis=1)
        return named, standard - self.thresholds_, probabilities

    def _scorer(self, dimensions: int) -> ClassScores:
        return ClassScores(self.projector, self.class_model, dimensions, self.components, self.regularisation, self.blocks, self.seed)

    def _choose_dimensions(self, data: "_Data") -> tuple[int, "_Rehearsal"]:
        most = max(1, min(len(data.X) - 1, data.X.shape[1]))
        if self.dimensions is not None or self.projector != "pca_lda":
            candidates: tuple[int, ...] = (min(self.dimensions or _DIMENSIONS[1], most),)
        elif len(data.X) >= _MANY:
            candidates = (min(_DIMENSIONS[-1], most),)
        else:
            candidates = tuple(sorted({min(size, most) for size in _DIMENSIONS}))
        held = {size: _rehearse(self._scorer(size), data, self.seed) for size in candidates}
        merits = {size: held[size].merit(self.parts_[0]) for size in candidates}
        best = max(candidates, key=lambda size: (merits[size], -size))
        if len(candidates) > 1:
            tried = ", ".join(f"{size}: {merit:.3f}" for size, merit in merits.items())
            self.choices_.append(("dimensions", str(best), f"the best mean of accuracy and AUROC in rehearsals ({tried})"))
        return best, held[best]

    def _parts(self, with_background: bool) -> tuple[str, ...]:
        score = self.rejection or ("combined" if with_background else "relative_mahalanobis")
        return ("relative_mahalanobis", "background_ratio") if score == "combined" else (score,)

    def _calibrate(self, rehearsal: "_Rehearsal", data: "_Data") -> None:
        """Standard scores, thresholds and probabilities, from the rehearsals."""
        if self.rejection is None:
            why = "there is no background" if data.background is None else f"there are {len(data.background)} sounds of background"
            self.choices_.append(("rejection", " + ".join(self.parts_), why))
        known = rehearsal.known
        if not known.right.any():  # too few sounds to hold any back: what the model was fitted to must do
            known = _answers(self.model_, data.X, data.place, len(self.classes_))
            self.choices_.append(("thresholds", "scores of taught sounds", "too few sounds to hold any back; trust no promise"))
        self.centre_, self.spread_ = {}, {}
        for name in self.parts_:
            own = known.scores[name][known.right] if known.right.any() else known.scores[name]
            self.centre_[name], self.spread_[name] = float(own.mean()), max(float(own.std()), 1e-3)
        scores = self._standard(known.scores)
        unknown = {name: self._standard(part.scores) for name, part in rehearsal.unknown.items()}
        shared = self._shared_threshold(scores, known.right, unknown, data)
        self.thresholds_ = np.full(len(self.classes_), shared)
        if self.threshold in {"quantile", "training_percentile"} and rehearsal.known.right.any():
            self._own_thresholds(scores, known, shared)
        self.promised_ = np.full(len(self.classes_), np.nan)
        if rehearsal.known.right.any():
            for k in range(len(self.classes_)):
                mine = known.truth == k
                if mine.any():
                    self.promised_[k] = float((known.right[mine] & (scores[mine] >= self.thresholds_[k])).mean())
        self._fit_probabilities(scores, known, unknown, shared)
        self.rehearsed_: dict[str, float] = {}
        if rehearsal.known.right.any():
            kept = known.right & (scores >= self.thresholds_[known.truth])
            self.rehearsed_ |= {"named": float(known.right.mean()), "kept": float(kept.mean())}
            for name, part in rehearsal.unknown.items():
                rejected = unknown[name] < self.thresholds_[part.of_class.argmax(axis=1)]
                self.rehearsed_[f"{name}_rejected"] = float(rejected.mean())
                self.rehearsed_[f"{name}_auroc"] = auroc(scores, unknown[name]) or 0.0

    def _standard(self, scores: dict[str, Floats]) -> Floats:
        """Scores in standard deviations from the mean of taught sounds, the mean of all parts.

        To be unlike background is no proof of being like a class: far from both, the ratio would grow without end.
        """
        parts = {name: (scores[name] - self.centre_[name]) / self.spread_[name] for name in self.parts_}
        if "background_ratio" in parts and len(parts) > 1:
            parts["background_ratio"] = np.minimum(parts["background_ratio"], 1.0)
        standard: Floats = np.mean(list(parts.values()), axis=0)
        return standard

    def _shared_threshold(self, scores: Floats, right: Bools, unknown: dict[str, Floats], data: "_Data") -> float:
        rule = self.threshold
        balances = {name: balanced_threshold(scores, right, part) for name, part in unknown.items()}
        if rule is None:
            rule = "stricter" if balances else "quantile"  # background of another place would set too loose a threshold
            rehearsed = " and ".join(name.replace("_", " ") for name in balances)
            why = (
                f"rehearsed with {rehearsed}; between what keeps {_LEAST_RECALL:.0%} and {_MOST_RECALL:.0%} of taught sounds"
                if balances
                else "nothing unknown to rehearse"
            )
            self.choices_.append(("threshold", rule, why))
        if rule == "training_percentile":
            own = self._standard(_answers(self.model_, data.X, data.place, len(self.classes_)).scores)
            return float(np.percentile(own, 100 * (1 - self.recall)))
        if rule in {"background_balance", "left_out_classes"} and rule.removesuffix("_balance") in balances:
            return balances[rule.removesuffix("_balance")]
        if rule in {"mean", "stricter"} and balances:
            values = list(balances.values())
            strictest = float(np.mean(values)) if rule == "mean" else max(values)
            # where taught and unknown sounds lie far apart, unknown ones of other kinds may lie between them
            if self.threshold is not None:
                return strictest
            # and where they overlap, to reject all of them is the best balance, and no use
            loosest, tightest = (quantile_threshold(scores, right, recall) for recall in (_MOST_RECALL, _LEAST_RECALL))
            return min(max(strictest, loosest), tightest)
        return quantile_threshold(scores, right, self.recall)

    def _own_thresholds(self, scores: Floats, known: "_Answers", shared: float) -> None:
        """Moves each class's threshold from the shared one to its own as far as its number of sounds warrants."""
        for k in range(len(self.classes_)):
            mine = known.truth == k
            if mine.any():
                own = quantile_threshold(scores[mine], known.right[mine], self.recall)
                weight = mine.sum() / (mine.sum() + _FEWEST_FOR_A_CLASS)
                self.thresholds_[k] = weight * own + (1 - weight) * shared

    def _fit_probabilities(self, scores: Floats, known: "_Answers", unknown: dict[str, Floats], shared: float) -> None:
        """`slope_` and `offset_` of the logistic curve from score to probability of being known (Platt scaling), `temperature_` of
        the class scores."""
        from scipy.optimize import minimize_scalar
        from sklearn.linear_model import LogisticRegression

        away = np.concatenate(list(unknown.values())) if unknown else np.empty(0)
        self.slope_, self.offset_ = 2.0, -2.0 * shared
        if len(away):
            labels = np.concatenate([np.ones(len(scores)), np.zeros(len(away))])
            curve = LogisticRegression(class_weight="balanced").fit(np.concatenate([scores, away])[:, None], labels)
            if curve.coef_[0, 0] > 0.1:
                self.slope_, self.offset_ = float(curve.coef_[0, 0]), float(curve.intercept_[0])
        self.temperature_ = 1.0
        of_class = known.of_class
        if len(self.classes_) > 1 and len(of_class):
            rows = np.arange(len(of_class))

            def loss(log_temperature: float) -> float:
                cooled = of_class / np.exp(log_temperature)
                own = cooled[rows, known.truth] - np.logaddexp.reduce(cooled, axis=1)
                return -float(np.maximum(own, -30).mean())

            self.temperature_ = float(np.exp(minimize_scalar(loss, bounds=(-3, 5), method="bounded").x))


class _Data(NamedTuple):
    X: Floats
    place: Ints
    groups: npt.NDArray[Any]
    background: Floats | None
    background_groups: npt.NDArray[Any]


class _Answers(NamedTuple):
    """What a model that had not seen them says of sounds: whether it names the right class, scores of the class it names by name,
    scores of every class, shape (n, classes), and the true classes, -1 for what is unknown."""

    right: Bools
    scores: dict[str, Floats]
    of_class: Floats
    truth: Ints


@dataclass(frozen=True)
class _Rehearsal:
    known: _Answers
    unknown: dict[str, _Answers]  # `background`, `left_out_classes`

    def merit(self, score: str) -> float:
        """Mean of accuracy and of how well known sounds stand apart from unknown ones."""
        if not len(self.known.right):
            return 0.0
        apart = [auroc(self.known.scores[score], part.scores[score]) or 0.0 for part in self.unknown.values()]
        return float(np.mean([self.known.right.mean(), *([float(np.mean(apart))] if apart else [])]))


def _answers(model: ClassScores, X: Floats, truth: Ints, classes: int) -> _Answers:
    """Answers of a model whose `classes_` are places among all `classes`; it may have been fitted without some."""
    scores = model.score_all(X)
    chosen = scores["class"].argmax(axis=1)
    of_class = np.full((len(X), classes), -1e9)
    of_class[:, model.classes_] = scores["class"]
    at = {name: np.asarray(values)[np.arange(len(X)), chosen] for name, values in scores.items()}
    return _Answers(model.classes_[chosen] == truth, at, of_class, truth)


def _together(parts: list[_Answers], classes: int) -> _Answers:
    if not parts:
        return _Answers(np.empty(0, bool), {}, np.empty((0, classes)), np.empty(0, np.intp))
    return _Answers(
        np.concatenate([part.right for part in parts]),
        {name: np.concatenate([part.scores[name] for part in parts]) for name in parts[0].scores},
        np.concatenate([part.of_class for part in parts]),
        np.concatenate([part.truth for part in parts]),
    )


def _rehearse(scorer: ClassScores, data: _Data, seed: int) -> _Rehearsal:
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
        there = held & np.isin(data.place, model.classes_)  # a class that is held back as a whole is nobody's own
        if there.any():
            known.append(_answers(model, data.X[there], data.place[there], classes))
        if data.background is not None and held_background.any() and not held_background.all():
            background.append(_answers(model, data.background[held_background], nobody[: held_background.sum()], classes))
    for absent in _absences(classes, seed):
        kept = ~np.isin(data.place, absent)
        if len(np.unique(data.place[kept])) < 2:
            continue
        model = clone(scorer).fit(data.X[kept], data.place[kept], data.background)
        left_out.append(_answers(model, data.X[~kept], nobody[: (~kept).sum()], classes))
    unknown = {"background": _together(background, classes), "left_out_classes": _together(left_out, classes)}
    return _Rehearsal(_together(known, classes), {name: part for name, part in unknown.items() if len(part.truth)})


def _folds(data: _Data, seed: int) -> Iterator[tuple[Bools, Bools]]:
    """Which sounds, and which background, each rehearsal holds back: whole groups, every class in even shares."""
    from sklearn.model_selection import StratifiedGroupKFold

    count = min(_FOLDS, len(np.unique(data.groups)))
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
        # background of a group that is taught, too, is held back with it
        of_kinds = np.where(shared, np.isin(kinds, data.groups[mask]), turn == number)
        held_background = of_kinds[kind] if len(kinds) else np.empty(0, bool)
        yield mask, held_background & (not held_background.all())


def _uneven_folds(data: _Data, count: int, rng: np.random.Generator) -> Iterator[Bools]:
    turn = {}
    for k in range(int(data.place.max()) + 1):
        mine = [group for group in np.unique(data.groups[data.place == k]) if group not in turn]
        for number, at in enumerate(rng.permutation(len(mine))):
            turn[mine[at]] = (number + k) % count
    of_sound = np.array([turn[group] for group in data.groups])
    for number in range(count):
        yield of_sound == number


def _absences(classes: int, seed: int) -> list[Ints]:
    """Which classes each rehearsal of the unknown leaves out: each once, and never so many that fewer than two stay."""
    if classes < 3:
        return []
    order = np.random.default_rng(seed).permutation(classes)
    parts: list[Ints] = np.array_split(order, min(classes, _MOST_REHEARSALS))
    return parts
