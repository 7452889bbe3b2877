"""The recogniser that models use unless they ask for another: the open-set classifier, on sounds as the pipeline knows them.

It adds what a sound is beside its vector: how loud it is, which recording it belongs to, and at which hour it was usable.
"""

import numpy as np
from sklearn.base import BaseEstimator, clone

from soundmill.errors import NotEnoughData
from soundmill.osr.classifier import OpenSetClassifier
from soundmill.osr.sounds import Floats, Sounds, Verdicts
from soundmill.osr.spec import OTHER
from soundmill.osr.time_of_day import density_at, time_model

_AT_ONCE = 4096  # sounds predicted together: a day of them in doubles would take gigabytes


class OpenSet(BaseEstimator):  # type: ignore[misc]
    """Names sounds it was trained on, and calls the rest "other".

    classifier   the estimator on vectors; it is cloned, not fitted; None: an `OpenSetClassifier` as it comes
    least_dbfs   sounds with a lower peak are always "other"; None: all count
    time_of_day  whether the hour counts

    After `fit`: `tags_`, `classes_` (tags, and "other" when background was given), `classifier_`, `time_weights_` (tags, 73),
    `expected_recall_` (recall by tag, by cross-validation; NaN where there was none), `choices_`, `cross_validation_`.
    """

    def __init__(self, classifier: OpenSetClassifier | None = None, least_dbfs: float | None = None, time_of_day: bool = False) -> None:
        self.classifier = classifier
        self.least_dbfs = least_dbfs
        self.time_of_day = time_of_day

    def fit(self, training: Sounds, background: Sounds | None = None) -> "OpenSet":
        """Learns from tagged sounds, and from background sounds that hold none of the tags. Raises `NotEnoughData`.

        Sounds of one group are never on both sides of a fold.
        """
        if not training.tags:
            raise NotEnoughData("no tagged sound to learn from")
        if len(training) < 2:
            raise NotEnoughData(f"one sound of {training.tags[0]!r} is too little to learn from")
        background = None if background is None else background.with_vectors()
        if background is not None and len(background) < 2:
            background = None
        self.classifier_ = OpenSetClassifier() if self.classifier is None else clone(self.classifier)
        try:
            self.classifier_.fit(
                training.pooled(),
                np.array(training.tags),
                background=None if background is None else background.pooled(),
                groups=training.groups or None,
                background_groups=None if background is None else background.groups or None,
            )
        except ValueError as error:
            raise NotEnoughData(str(error)) from None
        self.tags_ = [str(tag) for tag in self.classifier_.classes_]
        self.classes_ = list(self.tags_) if background is None else [*self.tags_, OTHER]
        # cross-validation knows no hours: with them no recall can be expected
        expected_recall = np.full(len(self.tags_), np.nan) if self.time_of_day else self.classifier_.expected_recall_
        self.expected_recall_ = {tag: float(recall) for tag, recall in zip(self.tags_, expected_recall, strict=True)}
        self.choices_ = list(self.classifier_.choices_)
        self.cross_validation_ = dict(self.classifier_.cross_validation_)
        tags = np.array(training.tags)
        self.time_weights_ = np.stack([time_model(training.hours[tags == tag] if self.time_of_day else np.empty(0)) for tag in self.tags_])
        return self

    @property
    def thresholds_(self) -> dict[str, float]:
        """Thresholds by tag, in standard deviations of known sounds."""
        return dict(zip(self.tags_, map(float, self.classifier_.thresholds_), strict=True))

    def predict(self, sounds: Sounds) -> list[str]:
        """A tag or "other" for each sound."""
        return self.verdicts(sounds).names

    def decision_function(self, sounds: Sounds) -> Floats:
        """How far within each tag's threshold a sound is, shape (n, tags)."""
        return self.verdicts(sounds).margins

    def verdicts(self, sounds: Sounds, use_hours: bool = True) -> Verdicts:
        """`predict`, `decision_function`, the nearest tags and probabilities in one pass."""
        if not len(sounds):
            return Verdicts([], np.empty((0, len(self.tags_))), [], np.empty((0, len(self.tags_) + 1)))
        shift = None
        if self.time_of_day and use_hours:
            shift = np.log(np.stack([density_at(weights, sounds.hours) for weights in self.time_weights_], axis=1))
        vectors = sounds.pooled()
        parts = [
            self.classifier_.verdicts(vectors[at : at + _AT_ONCE], None if shift is None else shift[at : at + _AT_ONCE])
            for at in range(0, len(vectors), _AT_ONCE)
        ]
        verdicts = Verdicts(
            [name for part in parts for name in part.names],
            np.concatenate([part.margins for part in parts]),
            [name for part in parts for name in part.nearest],
            np.concatenate([part.probabilities for part in parts if part.probabilities is not None]),
        )
        usable = sounds.has_vectors()
        if self.least_dbfs is not None:
            usable &= sounds.dbfs >= self.least_dbfs
        names = [str(name) if loud else OTHER for name, loud in zip(verdicts.names, usable, strict=True)]
        margins, probabilities = verdicts.margins, verdicts.probabilities
        if probabilities is not None and not usable.all():
            margins[~usable] = -1e9  # as far as a number goes
            probabilities[~usable] = np.eye(len(self.tags_) + 1)[-1]
        return Verdicts(names, margins, [str(tag) for tag in verdicts.nearest], probabilities)
