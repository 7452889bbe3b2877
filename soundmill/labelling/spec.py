"""What a labelling round is to be: the tags people look for, the sound they listen to, and how many of them."""

import re
import unicodedata
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from soundmill.catalog import Round
from soundmill.errors import SpecRefused, mistakes
from soundmill.formats.annotation import check_tag

AUTHOR = "round:"  # and the round's name: the author of its consensus
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,55}")  # its consensus is an author of this name, and a prefix


class RoundSpec(BaseModel):
    """A round's recipe, as the catalog keeps it: the same recipe on the same data draws the same sessions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tags: Annotated[tuple[str, ...], Field(min_length=1, description="what people look for")]
    guideline: Annotated[str, Field(description="what counts as what, in the words that people read beside the sound")] = ""
    sources: Annotated[tuple[str, ...], Field(description="empty: every source")] = ()
    days: Annotated[tuple[date, ...], Field(min_length=1, max_length=3660)]
    sessions: Annotated[int, Field(ge=1, le=100_000, description="how many are drawn")] = 100
    session_seconds: Annotated[float, Field(ge=1, le=3600)] = 60.0
    shortest_seconds: Annotated[float, Field(ge=0, le=60, description="a box is made at least so long")] = 0.0
    model: Annotated[str, Field(description="name/version whose predictions are shown; empty: the champion, or none")] = ""
    threshold: Annotated[float, Field(description="predictions whose margin is lower are left out; below 0 for a high recall")] = 0.0
    rule: Annotated[
        Literal["auto", "candidates", "typical", "margin", "random"],
        Field(description="auto: typical sounds until every tag has four labels and there is a model, then the least sure of it"),
    ] = "auto"
    annotators: Annotated[int, Field(ge=1, le=20, description="how many people label a session that is labelled more than once")] = 2
    overlap: Annotated[float, Field(ge=0, le=1, description="share of the sessions that so many people label")] = 0.15
    audit: Annotated[float, Field(ge=0, le=1, description="share drawn to measure what the model missed, and never to choose")] = 0.1
    gold: Annotated[float, Field(ge=0, le=1, description="share of sessions beside them whose answer is known, unmarked")] = 0.05
    agreed_f1: Annotated[float, Field(ge=0, le=1, description="sessions whose people agree less go to an adjudicator")] = 0.7
    seed: int = 0

    @classmethod
    def of(cls, one: Round) -> "RoundSpec":
        """The recipe of a round as the catalog keeps it."""
        return cls.model_validate(one.spec)

    @field_validator("tags")
    @classmethod
    def _can_be_given(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        spelled = tuple(unicodedata.normalize("NFC", tag.strip()).replace(" ", "_") for tag in tags)
        for tag in spelled:
            check_tag(tag)
        return spelled

    @field_validator("tags", "sources")
    @classmethod
    def _named_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if any(not name.strip() for name in names) or len(set(names)) != len(names):
            raise ValueError("each name once, and none empty")
        return names

    @model_validator(mode="after")
    def _shortest_fits(self) -> "RoundSpec":
        if self.shortest_seconds > self.session_seconds:
            raise ValueError("a session is longer than the shortest box")
        return self


def round_spec(values: Any) -> RoundSpec:
    """A round's specification from plain values. Raises `SpecRefused` with one line for each mistake."""
    try:
        return RoundSpec.model_validate(values)
    except ValidationError as error:
        raise SpecRefused(mistakes(error, "round")) from None
