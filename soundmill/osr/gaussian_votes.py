"""The original's recogniser, whole: a logistic projection, a Gaussian mixture per tag, the hour of the day, thresholds, a vote.

It is the baseline that other recognisers are measured against. Its thresholds are set on training scores, so the recall they lead to expect
is not what they deliver on new days; reports print both.
"""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

from soundmill.errors import NotEnoughData
from soundmill.osr.sounds import Sounds, Verdicts
from soundmill.osr.spec import OTHER
from soundmill.osr.thresholds import percentile_threshold, precision_threshold, sound_costs
from soundmill.osr.time_of_day import time_model, weight_at

Floats = npt.NDArray[np.float64]


class GaussianVotes(BaseEstimator):  # type: ignore[misc]
    """Names sounds it was trained on, and calls the rest "other".

    components         Gaussians (spherical) in each tag's mixture; fewer where a tag has fewer vectors
    regularisation     C of the logistic regression whose decision values are the space of the mixtures
    least_recall       share of known sounds that thresholds aim to keep
    least_dbfs         sounds with a lower peak are always "other"
    time_of_day        whether the hour counts
    threshold_offsets  by tag: how much lower the cost has to be than the threshold that the rule gives

    After `fit`: `tags_`, `classes_` (tags, and "other" when background was given), `projector_`, `mixtures_`, `log_priors_`,
    `time_weights_` (classes, 73), `thresholds_` (per tag; "other" never passes),
    `choices_` and `cross_validation_` (none: the data decides nothing, and there is no cross-validation).
    """

    def __init__(
        self,
        components: int = 20,
        regularisation: float = 0.01,
        least_recall: float = 0.6,
        least_dbfs: float = -35.0,
        time_of_day: bool = True,
        seed: int = 0,
        threshold_offsets: Mapping[str, float] | None = None,
    ) -> None:
        self.components = components
        self.regularisation = regularisation
        self.least_recall = least_recall
        self.least_dbfs = least_dbfs
        self.time_of_day = time_of_day
        self.seed = seed
        self.threshold_offsets = threshold_offsets

    def fit(self, training: Sounds, background: Sounds | None = None) -> "GaussianVotes":
        """Learns from tagged sounds, and from background sounds that hold none of the tags. Raises `NotEnoughData`."""
        tags = sorted(set(training.tags))
        if not tags:
            raise NotEnoughData("no tagged sound to learn from")
        y = np.array(training.tags)[training.owner]
        for tag in tags:
            if np.count_nonzero(y == tag) < 2:
                raise NotEnoughData(f"the tag {tag!r} has fewer than two vectors of sound to learn from")
        use_background = background is not None and len(background.vectors) > 1
        self.tags_ = tags
        self.classes_ = [*tags, OTHER] if use_background else tags
        self._fit_projector(training.vectors, y)
        projected = {tag: self._project(training.vectors[y == tag]) for tag in tags}
        hours = {tag: training.hours[np.array(training.tags) == tag] for tag in tags}
        if use_background and background is not None:
            projected[OTHER] = self._project(background.vectors)
            hours[OTHER] = background.hours
        total = sum(len(part) for part in projected.values())
        self.log_priors_ = np.array([math.log(len(projected[name]) / total) for name in self.classes_])
        self.mixtures_ = [self._mixture(projected[name]) for name in self.classes_]
        self.time_weights_ = np.stack([time_model(hours[name] if self.time_of_day else np.empty(0)) for name in self.classes_])
        chosen, offsets = self._thresholds(training, background if use_background else None), self.threshold_offsets or {}
        self.thresholds_ = {tag: threshold - offsets.get(tag, 0.0) for tag, threshold in chosen.items()}
        self.choices_: list[tuple[str, str, str]] = []
        self.cross_validation_: dict[str, float] = {}
        return self

    @property
    def expected_recall_(self) -> dict[str, float]:
        """The recall that each tag's threshold was set for; NaN where it was moved since."""
        moved = getattr(self, "threshold_offsets", None) or {}  # stored models may be older than the setting
        return {tag: math.nan if moved.get(tag) else self.least_recall for tag in self.tags_}

    def vector_costs(self, sounds: Sounds, use_hours: bool = True) -> Floats:
        """Negative log of prior, likelihood and hour for each vector and class, shape (m, classes)."""
        projected = self._project(sounds.vectors)
        hours = sounds.hours[sounds.owner]
        costs = np.empty((len(projected), len(self.classes_)))
        for k, mixture in enumerate(self.mixtures_):
            likelihood = mixture.score_samples(projected) if len(projected) else np.empty(0)
            costs[:, k] = -(self.log_priors_[k] + likelihood)
            if use_hours:
                costs[:, k] -= np.log(weight_at(self.time_weights_[k], hours))
        return costs

    def predict(self, sounds: Sounds) -> list[str]:
        """A tag or "other" for each sound: the majority of its vectors' verdicts, the first by alphabet where they tie."""
        return self.verdicts(sounds).names

    def decision_function(self, sounds: Sounds) -> Floats:
        """How far within each tag's threshold a sound is, shape (n, tags): above 0 more than half of its vectors pass it."""
        return self.verdicts(sounds).margins

    def verdicts(self, sounds: Sounds, use_hours: bool = True) -> Verdicts:
        """`predict`, `decision_function` and the nearest tags in one pass."""
        costs = self.vector_costs(sounds, use_hours)
        thresholds = np.array([self.thresholds_[tag] for tag in self.tags_])
        each = np.stack([sound_costs(costs[:, k], sounds.owner, len(sounds)) for k in range(len(self.tags_))], axis=1)
        passes = (costs[:, : len(self.tags_)] <= thresholds).any(axis=1)
        winner = np.where(passes, costs.argmin(axis=1), len(self.classes_))
        names = [*self.classes_, OTHER]
        votes: list[Counter[str]] = [Counter() for _ in sounds.keys]
        for owner, choice in zip(sounds.owner.tolist(), winner.tolist(), strict=True):
            votes[owner][names[choice]] += 1
        loud = sounds.dbfs >= self.least_dbfs
        named = [
            min(vote, key=lambda name: (-vote[name], name)) if vote and is_loud else OTHER
            for vote, is_loud in zip(votes, loud, strict=True)
        ]
        margins = np.maximum(thresholds - each, -1e9)  # a sound without vectors is infinitely far; keep it a number
        return Verdicts(named, margins, [self.tags_[k] for k in each.argmin(axis=1)])

    def _fit_projector(self, vectors: npt.NDArray[np.float32], y: npt.NDArray[Any]) -> None:
        from sklearn.decomposition import PCA
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        if len(self.tags_) > 1:
            last: Any = LogisticRegression(C=self.regularisation, max_iter=1000, random_state=self.seed)
        else:  # one tag alone leaves nothing to tell apart: its main directions serve instead
            last = PCA(n_components=min(8, *vectors.shape), random_state=self.seed)
        self.projector_ = make_pipeline(StandardScaler(), last).fit(vectors, y)

    def _project(self, vectors: npt.NDArray[np.float32]) -> Floats:
        if not len(vectors):
            return np.empty((0, 1))
        scaler, last = (step for _, step in self.projector_.steps)
        scaled = scaler.transform(vectors)
        values = last.decision_function(scaled) if hasattr(last, "decision_function") else last.transform(scaled)
        projected: Floats = values.reshape(len(vectors), -1).astype(np.float64)
        return projected

    def _mixture(self, projected: Floats) -> Any:
        from sklearn.mixture import GaussianMixture

        distinct = len(np.unique(projected, axis=0))
        mixture = GaussianMixture(
            n_components=min(self.components, distinct),
            covariance_type="spherical",
            init_params="kmeans",
            max_iter=200,
            reg_covar=1e-6,
            random_state=self.seed,
        )
        return mixture.fit(projected)

    def _thresholds(self, training: Sounds, background: Sounds | None) -> dict[str, float]:
        costs = self.vector_costs(training)
        tags = np.array(training.tags)
        if background is None:
            return {tag: percentile_threshold(costs[tags[training.owner] == tag, k], self.least_recall) for k, tag in enumerate(self.tags_)}
        others = self.vector_costs(background)
        chosen = {}
        for k, tag in enumerate(self.tags_):
            own = sound_costs(costs[:, k], training.owner, len(training))
            away = sound_costs(others[:, k], background.owner, len(background))
            is_tag = np.concatenate([tags == tag, np.zeros(len(background), bool)])
            chosen[tag] = precision_threshold(np.concatenate([own, away]), is_tag, self.least_recall)
        return chosen
