"""The open-set classifier: names what is enough like a known class, and calls the rest "other".

Thresholds, expected recall and probabilities come from cross-validation (`cross_validation.py`), none from a score of something that the
model was fitted to.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from soundmill.osr.class_scores import ClassScores, Floats
from soundmill.osr.cross_validation import Bools, CrossValidation, Ints, Scored, TrainingSet, cross_validate, score_sounds
from soundmill.osr.metrics import auroc
from soundmill.osr.sounds import Verdicts
from soundmill.osr.thresholds import balanced_threshold, quantile_threshold

REJECTIONS = ("relative_mahalanobis", "background_ratio", "combined", "energy", "max_softmax")
THRESHOLDS = ("quantile", "background_balance", "left_out_classes", "mean", "stricter", "training_percentile")
_MOST_RECALL, _LEAST_RECALL = 0.95, 0.5  # that a threshold of our own choice keeps
_FEWEST_FOR_A_CLASS = 20  # sounds, for half of the weight of a class's own threshold
_MANY = 1500  # sounds from which on no number of dimensions is tried but the largest
_DIMENSIONS = (50, 100, 200)


Choice = tuple[str, str, str]  # a setting that the data decided, its value, and why


class OpenSetClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Names known classes, and calls the rest `other`.

    Parameters

    projector, class_model, components, regularisation, blocks
        see `ClassScores`
    dimensions
        of the projection; None: the best of 50, 100 and 200 in cross-validation
    rejection
        the score that separates known from unknown: `relative_mahalanobis`, `background_ratio`, `combined` (both), `energy`, `max_softmax`;
        None: `combined` with background, else `relative_mahalanobis`
    threshold
        `quantile` (keeps a share `recall`), `background_balance`, `left_out_classes`, `mean` or `stricter` of these two,
        `training_percentile` (the original's, on scores of what it was fitted to); None: the stricter of what cross-validation allows, but
        keeping a share between 0.5 and 0.95
    recall
        share of known sounds that `quantile` and `training_percentile` keep
    threshold_offsets
        by class: how much higher its threshold is than what the rule gives, in standard deviations of known sounds
    other
        the name of the rest; None: "other", or -1 where classes are numbers

    Attributes after `fit`

    classes_, model_, choices_
        the known classes, the fitted `ClassScores`, and what the data decided
    thresholds_, expected_recall_
        (classes,); the recall that cross-validation found, NaN where no sound could be held out
    cross_validation_
        shares of known sounds that were `named` rightly and `kept`, and for each kind of unknown sound (`left_out_classes`, `background`)
        the share rejected and the AUROC, as `left_out_classes_rejected` and `left_out_classes_auroc`. Thresholds were chosen by these
        figures, so they are a little better than new sounds will be.
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
        threshold_offsets: Mapping[Any, float] | None = None,
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
        self.threshold_offsets = threshold_offsets

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

        Groups, shape (n,) and (b,), are held out whole: give sounds of one recording one group.
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
        data = TrainingSet(X, place, groups, background, spread)
        self.parts_ = self._parts(background is not None)
        dimensions, validation = self._choose_dimensions(data)
        self.model_ = self._scorer(dimensions).fit(X, place, background)
        self._calibrate(validation, data)
        return self

    def predict(self, X: Any) -> Any:
        """The name of each of n vectors, shape (n,)."""
        named, margins, _ = self._predict_all(X)
        accepted = margins[np.arange(len(named)), named] >= 0
        if isinstance(self.other_, str):
            return np.where(accepted, self.classes_.astype(object)[named], self.other_).astype(str)
        return np.where(accepted, self.classes_[named], self.other_)

    def margins(self, X: Any) -> Floats:
        """How far within each class's threshold each vector is, shape (n, classes), in standard deviations of known sounds."""
        return self._predict_all(X)[1]

    def verdicts(self, X: Any, shift: Floats | None = None) -> Verdicts:
        """Everything in one pass. `shift`, shape (n, classes), is evidence from elsewhere, as a log likelihood ratio to be added."""
        named, margins, probabilities = self._predict_all(X, shift)
        chosen = margins[np.arange(len(named)), named]
        names = [self.classes_[k] if margin >= 0 else self.other_ for k, margin in zip(named, chosen, strict=True)]
        return Verdicts(names, margins, [self.classes_[k] for k in named], probabilities)

    def probabilities(self, X: Any) -> Floats:
        """How probable each class and, last, anything else is, shape (n, classes + 1), if one sound in two were unknown."""
        return self._predict_all(X)[2]

    def _checked(self, X: Any) -> Floats:
        from sklearn.utils.validation import check_is_fitted, validate_data

        check_is_fitted(self)
        checked: Floats = validate_data(self, X, reset=False, dtype=np.float64)
        return checked

    def _predict_all(self, X: Any, shift: Floats | None = None) -> tuple[Ints, Floats, Floats]:
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

    def _choose_dimensions(self, data: "TrainingSet") -> tuple[int, "CrossValidation"]:
        most = max(1, min(len(data.X) - 1, data.X.shape[1]))
        if self.dimensions is not None or self.projector != "pca_lda":
            candidates: tuple[int, ...] = (min(self.dimensions or _DIMENSIONS[1], most),)
        elif len(data.X) >= _MANY:
            candidates = (min(_DIMENSIONS[-1], most),)
        else:
            candidates = tuple(sorted({min(size, most) for size in _DIMENSIONS}))
        held = {size: cross_validate(self._scorer(size), data, self.seed) for size in candidates}
        merits = {size: held[size].merit(self.parts_[0]) for size in candidates}
        best = max(candidates, key=lambda size: (merits[size], -size))
        if len(candidates) > 1:
            tried = ", ".join(f"{size}: {merit:.3f}" for size, merit in merits.items())
            self.choices_.append(("dimensions", str(best), f"the best mean of accuracy and AUROC in cross-validation ({tried})"))
        return best, held[best]

    def _parts(self, with_background: bool) -> tuple[str, ...]:
        score = self.rejection or ("combined" if with_background else "relative_mahalanobis")
        return ("relative_mahalanobis", "background_ratio") if score == "combined" else (score,)

    def _calibrate(self, validation: CrossValidation, data: TrainingSet) -> None:
        """Standard scores, thresholds and probabilities, from cross-validation."""
        if self.rejection is None:
            why = "there is no background" if data.background is None else f"there are {len(data.background)} sounds of background"
            self.choices_.append(("rejection", " + ".join(self.parts_), why))
        known = self._known_scores(validation, data)
        self._fit_scale(known)
        scores = self._standard(known.scores)
        unknown = {name: self._standard(part.scores) for name, part in validation.unknown.items()}
        shared = self._shared_threshold(scores, known.right, unknown, data)
        self.thresholds_ = np.full(len(self.classes_), shared)
        if validation.is_usable and self.threshold in {"quantile", "training_percentile"}:
            self._own_thresholds(scores, known, shared)
        self.thresholds_ += [float((self.threshold_offsets or {}).get(name, 0.0)) for name in self.classes_.tolist()]
        self.expected_recall_ = self._recall_by_class(scores, known) if validation.is_usable else np.full(len(self.classes_), np.nan)
        self._fit_probabilities(scores, known, unknown, shared)
        self.cross_validation_ = self._summary(scores, known, unknown, validation) if validation.is_usable else {}

    def _known_scores(self, validation: CrossValidation, data: TrainingSet) -> Scored:
        """Scores of known sounds by models that had not seen them; by the model itself where too few could be held out."""
        if validation.is_usable:
            return validation.known
        self.choices_.append(("thresholds", "scores of training sounds", "too few sounds to hold any out; expect less recall"))
        return score_sounds(self.model_, data.X, data.place, len(self.classes_))

    def _fit_scale(self, known: Scored) -> None:
        """`centre_` and `spread_` of each score, by which it becomes a standard score."""
        self.centre_, self.spread_ = {}, {}
        for name in self.parts_:
            own = known.scores[name][known.right] if known.right.any() else known.scores[name]
            self.centre_[name], self.spread_[name] = float(own.mean()), max(float(own.std()), 1e-3)

    def _recall_by_class(self, scores: Floats, known: Scored) -> Floats:
        """The share of each class's sounds, shape (classes,), that got its name and reached its threshold; NaN where none was held out."""
        recall = np.full(len(self.classes_), np.nan)
        for k in range(len(self.classes_)):
            mine = known.truth == k
            if mine.any():
                recall[k] = (known.right[mine] & (scores[mine] >= self.thresholds_[k])).mean()
        return recall

    def _summary(self, scores: Floats, known: Scored, unknown: dict[str, Floats], validation: CrossValidation) -> dict[str, float]:
        """How cross-validation went: see the class."""
        kept = known.right & (scores >= self.thresholds_[known.truth])
        summary = {"named": float(known.right.mean()), "kept": float(kept.mean())}
        for name, part in validation.unknown.items():
            rejected = unknown[name] < self.thresholds_[part.of_class.argmax(axis=1)]
            summary[f"{name}_rejected"] = float(rejected.mean())
            summary[f"{name}_auroc"] = auroc(scores, unknown[name]) or 0.0
        return summary

    def _standard(self, scores: dict[str, Floats]) -> Floats:
        """Scores in standard deviations from the mean of known sounds, the mean of all parts.

        To be unlike background is no proof of being like a class: far from both, the ratio would grow without end.
        """
        parts = {name: (scores[name] - self.centre_[name]) / self.spread_[name] for name in self.parts_}
        if "background_ratio" in parts and len(parts) > 1:
            parts["background_ratio"] = np.minimum(parts["background_ratio"], 1.0)
        standard: Floats = np.mean(list(parts.values()), axis=0)
        return standard

    def _shared_threshold(self, scores: Floats, right: Bools, unknown: dict[str, Floats], data: "TrainingSet") -> float:
        rule = self.threshold
        balances = {name: balanced_threshold(scores, right, part) for name, part in unknown.items()}
        if rule is None:
            rule = "stricter" if balances else "quantile"  # background of another place would set too loose a threshold
            kinds = " and ".join(name.replace("_", " ") for name in balances)
            why = (
                f"validated with {kinds}; between what keeps {_LEAST_RECALL:.0%} and {_MOST_RECALL:.0%} of known sounds"
                if balances
                else "nothing unknown to validate with"
            )
            self.choices_.append(("threshold", rule, why))
        if rule == "training_percentile":
            own = self._standard(score_sounds(self.model_, data.X, data.place, len(self.classes_)).scores)
            return float(np.percentile(own, 100 * (1 - self.recall)))
        if rule in {"background_balance", "left_out_classes"} and rule.removesuffix("_balance") in balances:
            return balances[rule.removesuffix("_balance")]
        if rule in {"mean", "stricter"} and balances:
            values = list(balances.values())
            strictest = float(np.mean(values)) if rule == "mean" else max(values)
            # where known and unknown sounds lie far apart, unknown ones of other kinds may lie between them
            if self.threshold is not None:
                return strictest
            # and where they overlap, to reject all of them is the best balance, and no use
            loosest, tightest = (quantile_threshold(scores, right, recall) for recall in (_MOST_RECALL, _LEAST_RECALL))
            return min(max(strictest, loosest), tightest)
        return quantile_threshold(scores, right, self.recall)

    def _own_thresholds(self, scores: Floats, known: "Scored", shared: float) -> None:
        """Moves each class's threshold from the shared one to its own as far as its number of sounds warrants."""
        for k in range(len(self.classes_)):
            mine = known.truth == k
            if mine.any():
                own = quantile_threshold(scores[mine], known.right[mine], self.recall)
                weight = mine.sum() / (mine.sum() + _FEWEST_FOR_A_CLASS)
                self.thresholds_[k] = weight * own + (1 - weight) * shared

    def _fit_probabilities(self, scores: Floats, known: "Scored", unknown: dict[str, Floats], shared: float) -> None:
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
