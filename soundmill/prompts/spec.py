"""What a prompt set is to be: whom it asks, for how many takes, under which consent, and what counts as a good one."""

import hashlib
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from soundmill.catalog.prompts import PromptSet
from soundmill.errors import SpecRefused, mistakes
from soundmill.prompts.quality import Limits

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,55}")
RESERVED = frozenset({"api", "static", "get-sentence", "upload-audio"})  # of the paths below /recorder
PURPOSES = {
    "train": "to train speech models with them",
    "evaluate": "to evaluate speech models with them",
    "publish": "to publish them under the licence named here",
}
Purpose = Literal["train", "evaluate", "publish"]
CONSENT = (
    "You read sentences aloud, and we keep the recordings of your voice, with the sentences, your accent and your microphone. We keep no "
    "name with them. You may listen to your recordings, delete any of them, or withdraw your consent at any time, by the link that you "
    "get: then your recordings are deleted here at once, and from our copies within a day. What others have downloaded until then, we can "
    "only ask them to delete."
)


class PromptSetSpec(BaseModel):
    """How a set of prompts is recorded, as the catalog keeps it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: Annotated[
        str, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length=35, description="of the sentences, such as en or de-AT")
    ] = "en"
    title: Annotated[str, Field(max_length=200, description="what speakers read above the sentences")] = ""
    instructions: Annotated[str, Field(max_length=10_000, description="how they ought to be read")] = ""
    consent: Annotated[str, Field(min_length=1, max_length=50_000, description="what speakers agree to before their first take")] = CONSENT
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1, description="what speakers are asked to allow")] = ("train", "evaluate")
    licence: Annotated[str, Field(min_length=1, max_length=200, description="such as CC0-1.0, CC-BY-4.0, or 'internal'")] = "internal"
    takes: Annotated[int, Field(ge=1, le=1000, description="takes wanted of each sentence, each by somebody else")] = 1
    entity_takes: Annotated[int, Field(ge=0, le=100_000, description="takes wanted of all sentences of one entity; 0: as many as come")] = 0
    order: Literal["random", "file"] = "random"
    sample_rate: Annotated[
        Literal[16_000, 22_050, 24_000, 44_100, 48_000], Field(description="of the file that is derived from each take, Hz")
    ] = 16_000
    limits: Limits = Limits()

    @classmethod
    def of(cls, one: PromptSet) -> "PromptSetSpec":
        """Of a set as the catalog keeps it."""
        return cls.model_validate(one.spec)

    @field_validator("purposes")
    @classmethod
    def _named_once(cls, purposes: tuple[Purpose, ...]) -> tuple[Purpose, ...]:
        return tuple(dict.fromkeys(purposes))

    def is_in(self, language: str) -> bool:
        """Whether a model of a language can tell what is read here: `en` and `en-GB` are one."""
        return self.language.partition("-")[0].lower() == language.partition("-")[0].lower()

    @property
    def consent_sha256(self) -> str:
        """By which the text that was consented to is known."""
        return hashlib.sha256(self.consent.encode()).hexdigest()


def prompt_set_spec(values: Any) -> PromptSetSpec:
    """A set's specification from plain values. Raises `SpecRefused` with one line for each mistake."""
    try:
        return PromptSetSpec.model_validate(values)
    except ValidationError as error:
        raise SpecRefused(mistakes(error, "prompt set")) from None


def check_name(name: str) -> str:
    """A set's name, if it can be one. Raises `SpecRefused`."""
    if not NAME.fullmatch(name) or name in RESERVED:
        raise SpecRefused("a set's name has letters, digits, dashes and underscores, 56 of them at most, and is no path of the recorder")
    return name
