"""What a model is to be: the tags it learns, the days it learns from, and its settings."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from soundmill.errors import SpecRefused

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


OTHER = "other"
CODE = {"open_set": 1, "gaussian_votes": 1}  # part of every fit's fingerprint: goes up when the same data would give another model
_LATER: dict[str, Any] = {"test_background_days": None, "threshold_offsets": {}}  # at these values a specification is stored as before
_ORIGINAL = {"extractor": "loudest_frames", "components": 20, "least_recall": 0.6, "least_dbfs": -35.0, "time_of_day": True}


class ModelSpec(BaseModel):
    """A model's specification, as the catalog keeps it. Empty `tags` means all, empty `train_days` and `test_days` an automatic
    split of the annotated days, `background_days` None the training days, `test_background_days` None the test days, empty `sources`
    every source.

    `threshold_offsets` moves the thresholds that the fit chooses, by tag, in units of a verdict's margin: above 0 a sound has to lie so
    much further within, below 0 it may lie so far outside.

    Without background (`background_days` empty) thresholds come from the known sounds alone. For `projector`, `class_model`,
    `rejection` and `threshold` see `soundmill.osr.classifier.OpenSetClassifier`; None lets the data decide. `least_recall` set means
    the threshold rule `quantile`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tags: tuple[str, ...] = ()
    train_days: tuple[date, ...] = ()
    test_days: tuple[date, ...] = ()
    background_days: tuple[date, ...] | None = None
    test_background_days: tuple[date, ...] | None = None
    sources: tuple[str, ...] = ()
    extractor: Annotated[
        str,
        Field(
            description="What a sound is described by: pooled_spectral, mn04, yamnet, loudest_frames (Buddybork's), or several joined by +"
        ),
    ] = "pooled_spectral"
    recogniser: Annotated[
        Literal["open_set", "gaussian_votes"],
        Field(description="What recognises: gaussian_votes is Buddybork's, and the default with loudest_frames"),
    ] = "open_set"
    projector: Annotated[
        Literal["pca_lda", "logistic", "none"], Field(description="How vectors are brought into the space in which tags are told apart")
    ] = "pca_lda"
    class_model: Annotated[
        Literal["gaussian_angle", "gaussian", "mixture", "logistic", "knn"],
        Field(description="How the sounds of one tag are modelled there"),
    ] = "gaussian_angle"
    rejection: Annotated[
        Literal["relative_mahalanobis", "background_ratio", "combined", "energy", "max_softmax"] | None,
        Field(description="The score that separates known sounds from unknown ones; left open, the data decide"),
    ] = None
    threshold: Annotated[
        Literal["quantile", "background_balance", "left_out_classes", "mean", "stricter", "training_percentile"] | None,
        Field(description="The rule by which the threshold of that score is set; left open, the data decide"),
    ] = None
    components: Annotated[int, Field(ge=1, le=200, description="Gaussians in each tag's mixture, where there are mixtures")] = 4
    regularisation: Annotated[float, Field(gt=0, allow_inf_nan=False, description="C of the logistic regressions: less is smoother")] = 0.01
    least_recall: (
        Annotated[
            float, Field(gt=0, lt=1, description="Share of known sounds that thresholds keep; left open, known and unknown are balanced")
        ]
        | None
    ) = None
    least_dbfs: (
        Annotated[
            float,
            Field(
                le=0, allow_inf_nan=False, description="Segments with a lower peak level (dBFS) are always 'other'; left open, all count"
            ),
        ]
        | None
    ) = None
    time_of_day: Annotated[bool, Field(description="Whether the hour of the day counts: each tag is likelier when it was labelled")] = False
    threshold_offsets: dict[str, Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]] = Field(default_factory=dict)
    allow_duplicates: Annotated[bool, Field(description="Evaluate the model although test sounds are copies of training sounds")] = False
    seed: Annotated[int, Field(ge=0, lt=2**32, description="Of what is drawn at random: background")] = 0

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

    @model_serializer(mode="wrap")
    def _as_stored(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the settings that came later, where they are left as they are: the same model is known again."""
        stored: dict[str, Any] = dump(self)
        return {name: value for name, value in stored.items() if name not in _LATER or getattr(self, name) != _LATER[name]}

    @field_validator("tags")
    @classmethod
    def _composed(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(unicodedata.normalize("NFC", tag) for tag in tags)

    @field_validator("train_days", "test_days", "background_days", "test_background_days")
    @classmethod
    def _each_once(cls, days: tuple[date, ...] | None) -> tuple[date, ...] | None:
        return None if days is None else tuple(dict.fromkeys(days))

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
        if shared := set(self.test_background_days or ()) & {*self.train_days, *(self.background_days or ())}:
            raise ValueError(f"background of {_days(shared)} would both train and test the model")
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


def with_extractor(values: Mapping[str, Any], extractor: str) -> dict[str, Any]:
    """Values of a specification, with this extractor where none is named, nor the original's recogniser, which has its own."""
    if values.get("extractor") or values.get("recogniser") == "gaussian_votes":
        return dict(values)
    return {**values, "extractor": extractor}


@dataclass(frozen=True)
class Setting:
    """A setting of a model: what it does, what it can be (empty: any), what kind of value it has, and what it is when left alone."""

    name: str
    about: str
    choices: list[str]
    kind: Literal["choice", "number", "text", "switch"]
    default: Any


def settings_of_models() -> list[Setting]:
    """Every setting beside days, tags and sources."""
    return [_setting(name, field) for name, field in ModelSpec.model_json_schema()["properties"].items() if name not in _CHOSEN]


_CHOSEN = ("tags", "train_days", "test_days", "background_days", "test_background_days", "sources", "threshold_offsets")


def _setting(name: str, field: dict[str, Any]) -> Setting:
    parts = [field, *field.get("anyOf", [])]
    choices: list[str] = next((part["enum"] for part in parts if "enum" in part), [])
    types = {part.get("type") for part in parts}
    kind: Any = "choice" if choices else "switch" if "boolean" in types else "number" if types & {"number", "integer"} else "text"
    return Setting(name, next(part["description"] for part in parts if "description" in part), choices, kind, field.get("default"))


def check_name(name: str) -> str:
    """The name, where it can be a folder's and a partition's. Raises `SpecRefused`."""
    if not NAME.fullmatch(name):
        raise SpecRefused(f"{name!r} cannot name a model: use up to 63 letters, digits, dashes and underscores")
    return name


def _days(days: set[date]) -> str:
    return ", ".join(day.isoformat() for day in sorted(days))
