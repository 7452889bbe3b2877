"""What a model is to be: the tags it learns, the days it learns from, and its settings."""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


OTHER = "other"


class NothingToLearnFrom(ValueError):
    """Data that no recogniser could be made or judged of, said in one line."""


class SpecRefused(ValueError):
    """A specification that contradicts itself, said in one line."""


class ModelSpec(BaseModel):
    """A model's specification, as the catalog keeps it. Empty `tags` means all, empty `train_days` and `test_days` an automatic
    split of the annotated days, `background_days` None the training days, empty `sources` every source.

    Without background (`background_days` empty) thresholds come from the taught sounds alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tags: tuple[str, ...] = ()
    train_days: tuple[date, ...] = ()
    test_days: tuple[date, ...] = ()
    background_days: tuple[date, ...] | None = None
    sources: tuple[str, ...] = ()
    extractor: str = "loudest_frames"
    components: Annotated[int, Field(ge=1, le=200, description="Gaussians in each tag's mixture")] = 20
    regularisation: Annotated[float, Field(gt=0, description="C of the logistic projector")] = 0.01
    least_recall: Annotated[float, Field(gt=0, lt=1, description="recall at which the search for a threshold begins")] = 0.6
    least_dbfs: Annotated[float, Field(le=0, description="segments whose peak is lower are 'other' unheard")] = -35.0
    time_of_day: bool = True
    seed: int = 0

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
