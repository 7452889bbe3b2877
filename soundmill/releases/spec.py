"""What a release is to be: the rounds it is made of, how it is split, and who may use it."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from soundmill.errors import SpecRefused, mistakes

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,55}")
_SPLIT = re.compile(r"[a-z][a-z0-9_]{0,20}")


class ReleaseSpec(BaseModel):
    """A release's definition, as the catalog keeps it: the same definition on the same labels and sound gives the same bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rounds: Annotated[
        tuple[Annotated[str, Field(pattern=f"^{NAME.pattern}$")], ...],
        Field(description="closed labelling rounds, whose consensus it holds"),
    ] = ()
    prompts: Annotated[
        tuple[Annotated[str, Field(pattern=f"^{NAME.pattern}$")], ...],
        Field(description="prompt sets, whose takes it holds"),
    ] = ()
    purpose: Annotated[Literal["train", "evaluate", "publish"], Field(description="takes are in it whose speakers allow this use")] = (
        "train"
    )
    licence: Annotated[str, Field(min_length=1, max_length=200, description="such as CC-BY-4.0, or 'internal'")]
    use: Annotated[str, Field(max_length=2000, description="who may use it, and for what")] = ""
    description: Annotated[str, Field(max_length=10_000)] = ""
    splits: Annotated[
        dict[str, Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]],
        Field(min_length=1, max_length=10, description="share of the sound, by name"),
    ] = {
        "train": 0.8,
        "test": 0.2,
    }
    together: Annotated[
        Literal["auto", "recording", "day", "source"],
        Field(description="what is never parted, beside copies; auto: sources where there are five or more, else recordings"),
    ] = "auto"
    after: Annotated[
        str,
        Field(max_length=56, pattern=f"^({NAME.pattern})?$", description="the release before: what was in one of its splits stays in it"),
    ] = ""
    seed: int = 0

    @field_validator("rounds", "prompts")
    @classmethod
    def _named_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) != len(names):
            raise ValueError("each once")
        return names

    @model_validator(mode="after")
    def _is_whole(self) -> "ReleaseSpec":
        if not self.rounds and not self.prompts:
            raise ValueError("it is made of labelling rounds, or of prompt sets, or of both: name one")
        if strange := [name for name in self.splits if not _SPLIT.fullmatch(name)]:
            raise ValueError(f"{strange[0]!r} is no name of a split: small letters, digits and underscores")
        if abs(sum(self.splits.values()) - 1) > 1e-6:
            raise ValueError("the shares of the splits add up to 1")
        return self


def release_spec(values: Any) -> ReleaseSpec:
    """A release's definition from plain values. Raises `SpecRefused` with one line for each mistake."""
    try:
        return ReleaseSpec.model_validate(values)
    except ValidationError as error:
        raise SpecRefused(mistakes(error, "release")) from None


def read_splits(text: str) -> dict[str, float]:
    """Splits as people write them: `train=.8,test=.2`. Raises `SpecRefused`."""
    try:
        pairs = [part.split("=", 1) for part in text.split(",") if part.strip()]
        found = {name.strip(): float(share) for name, share in pairs}
    except ValueError:
        raise SpecRefused(f"{text!r} names no splits: write train=.8,test=.2") from None
    if len(found) < len(pairs):
        raise SpecRefused(f"{text!r} names a split twice")
    return found
