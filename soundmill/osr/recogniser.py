"""Recognisers by specification, and on disk: skops, never pickle, so that loading one runs no code it brings along."""

from collections.abc import Sequence
from typing import Any, BinaryIO, Protocol

from soundmill.errors import UntrustedModel
from soundmill.osr.classifier import Choice, OpenSetClassifier
from soundmill.osr.gaussian_votes import GaussianVotes
from soundmill.osr.open_set import OpenSet
from soundmill.osr.sounds import Floats, Sounds, Verdicts
from soundmill.osr.spec import OTHER, ModelSpec

_OWN_TYPES = [
    "soundmill.osr.gaussian_votes.GaussianVotes",
    "soundmill.osr.open_set.OpenSet",
    "soundmill.osr.classifier.OpenSetClassifier",
    "soundmill.osr.class_scores.ClassScores",
]


_LEGACY_ATTRIBUTES = {"promised_": "expected_recall_", "rehearsed_": "cross_validation_"}


class Recogniser(Protocol):
    """What the pipeline asks of a recogniser. `choices_` says what the data decided, `cross_validation_` how cross-validation went;
    `time_weights_` has a row for each of `classes_` or of `tags_`."""

    tags_: list[str]
    classes_: list[str]
    choices_: list[Choice]
    cross_validation_: dict[str, float]
    time_weights_: Floats

    @property
    def expected_recall_(self) -> dict[str, float]:
        """The expected recall of each tag; NaN where cross-validation found none."""
        ...

    @property
    def thresholds_(self) -> dict[str, float]:
        """Thresholds by tag, in units of the recogniser's own."""
        ...

    def fit(self, training: Sounds, background: Sounds | None = None) -> Any:
        """Learns from tagged sounds and from background. Raises `NotEnoughData`."""
        ...

    def verdicts(self, sounds: Sounds, use_hours: bool = True) -> Verdicts:
        """Its predictions; `use_hours` off ignores the hour."""
        ...


def recogniser(spec: ModelSpec, blocks: Sequence[int]) -> Recogniser:
    """The recogniser that a specification asks for, to be fitted; `blocks` are the sizes of its extractor's groups of numbers."""
    if spec.recogniser == "gaussian_votes":
        return GaussianVotes(
            spec.components,
            spec.regularisation,
            0.6 if spec.least_recall is None else spec.least_recall,
            -35.0 if spec.least_dbfs is None else spec.least_dbfs,
            spec.time_of_day,
            spec.seed,
            dict(spec.threshold_offsets),
        )
    classifier = OpenSetClassifier(
        spec.projector,
        spec.class_model,
        spec.rejection,
        spec.threshold if spec.least_recall is None else spec.threshold or "quantile",
        0.8 if spec.least_recall is None else spec.least_recall,
        components=spec.components,
        regularisation=spec.regularisation,
        blocks=list(blocks) if len(blocks) > 1 else None,
        other=OTHER,
        seed=spec.seed,
        threshold_offsets=dict(spec.threshold_offsets),
    )
    return OpenSet(classifier, spec.least_dbfs, spec.time_of_day)


def dump_model(model: Recogniser, target: BinaryIO) -> None:
    """Writes a fitted model."""
    import skops.io

    target.write(skops.io.dumps(model))


def load_model(data: bytes) -> Recogniser:
    """Reads a fitted model. Raises `UntrustedModel`."""
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        model = skops.io.loads(data, trusted=_OWN_TYPES)
    except UntrustedTypesFoundException as error:
        raise UntrustedModel(f"the model file holds types that are not trusted: {error}") from None
    except Exception as error:  # noqa: BLE001  # whatever skops, zip and NumPy stumble over in a damaged file
        raise UntrustedModel(f"this is no model file: {error}") from None
    if not isinstance(model, GaussianVotes | OpenSet):
        raise UntrustedModel(f"the file holds a {type(model).__name__}, not a recogniser")
    for part in (model, getattr(model, "classifier_", None)):
        _rename_legacy_attributes(part)
    return model


def _rename_legacy_attributes(part: object) -> None:
    """Attributes of models that earlier versions stored, by their names of today."""
    for old, new in _LEGACY_ATTRIBUTES.items():
        if part is not None and old in vars(part):
            setattr(part, new, vars(part).pop(old))
