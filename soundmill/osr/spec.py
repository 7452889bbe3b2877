"""What a model is to be: the tags it learns, the days it learns from, and its settings."""

import re
import unicodedata
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from soundmill.errors import SpecRefused

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


OTHER = "other"
CODE = {"open_set": 1, "gaussian_votes": 1}  # part of every fit's fingerprint: goes up when the same data would give another model
_ORIGINAL = {"extractor": "loudest_frames", "components": 20, "least_recall": 0.6, "least_dbfs": -35.0, "time_of_day": True}


class ModelSpec(BaseModel):
    """A model's specification, as the catalog keeps it. Empty `tags` means all, empty `train_days` and `test_days` an automatic
    split of the annotated days, `background_days` None the training days, empty `sources` every source.

    Without background (`background_days` empty) thresholds come from the known sounds alone. For `projector`, `class_model`,
    `rejection` and `threshold` see `soundmill.osr.classifier.OpenSetClassifier`; None lets the data decide. `least_recall` set means
    the threshold rule `quantile`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tags: tuple[str, ...] = ()
    train_days: tuple[date, ...] = ()
    test_days: tuple[date, ...] = ()
    background_days: tuple[date, ...] | None = None
    sources: tuple[str, ...] = ()
    extractor: str = "pooled_spectral"
    recogniser: Literal["open_set", "gaussian_votes"] = "open_set"
    projector: Literal["pca_lda", "logistic", "none"] = "pca_lda"
    class_model: Literal["gaussian_angle", "gaussian", "mixture", "logistic", "knn"] = "gaussian_angle"
    rejection: Literal["relative_mahalanobis", "background_ratio", "combined", "energy", "max_softmax"] | None = None
    threshold: Literal["quantile", "background_balance", "left_out_classes", "mean", "stricter", "training_percentile"] | None = None
    components: Annotated[int, Field(ge=1, le=200, description="Gaussians in each tag's mixture")] = 4
    regularisation: Annotated[float, Field(gt=0, description="C of the logistic regressions")] = 0.01
    least_recall: Annotated[float, Field(gt=0, lt=1, description="share of known sounds that thresholds are to keep")] | None = None
    least_dbfs: Annotated[float, Field(le=0, description="segments whose peak is lower are always 'other'")] | None = None
    time_of_day: bool = False
    allow_duplicates: Annotated[bool, Field(description="evaluate the model although test sounds are copies of training sounds")] = False
    seed: int = 0

    @model_validator(mode="before")
    @classmethod
    def _as_the_original(cls, values: Any) -> Any:
        """The original's own values, where its features or its recogniser are asked for and these are left open."""
        if not isinstance(values, dict):
            return values
        values = {name: value for name, value in values.items() if not (value is None and name in _ORIGINAL)}
        if "recogniser" not in values and values.get("extractor") == "loudest_frames":
            values["recogniser"] = "gaussian_votes"
        return {**_ORIGINAL, **values} if values.get("recogniser") == "gaussian_votes" else values

    @field_validator("tags")
    @classmethod
    def _composed(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(unicodedata.normalize("NFC", tag) for tag in tags)

    @model_validator(mode="after")
    def _choices_fit(self) -> "ModelSpec":
        keeps_recall = self.threshold in {None, "quantile", "training_percentile"}
        if self.recogniser == "open_set" and self.least_recall is not None and not keeps_recall:
            raise ValueError(f"the threshold rule {self.threshold!r} keeps no recall of one's own: leave out least_recall")
        if self.background_days == () and (self.rejection in {"background_ratio", "combined"} or self.threshold == "background_balance"):
            raise ValueError(f"{self.threshold if self.threshold == 'background_balance' else self.rejection!r} needs background days")
        return self

    @model_validator(mode="after")
    def _no_day_on_both_sides(self) -> "ModelSpec":
        test = set(self.test_days)
        if shared := test & set(self.train_days):
            raise ValueError(f"{_days(shared)} would both train and test the model")
        if shared := test & set(self.background_days or ()):
            raise ValueError(f"{_days(shared)} would both set thresholds and test the model")
        return self

    @classmethod
    def parse(cls, values: dict[str, Any]) -> "ModelSpec":
        """A specification from stored or typed values. Raises `SpecRefused`."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise SpecRefused(f"{where}: {first['msg']}" if where else first["msg"].removeprefix("Value error, ")) from None


def check_name(name: str) -> str:
    """The name, where it can be a folder's and a partition's. Raises `SpecRefused`."""
    if not NAME.fullmatch(name):
        raise SpecRefused(f"{name!r} cannot name a model: use up to 63 letters, digits, dashes and underscores")
    return name


def _days(days: set[date]) -> str:
    return ", ".join(day.isoformat() for day in sorted(days))
