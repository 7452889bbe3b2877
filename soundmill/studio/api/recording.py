"""`/api/record`: what the page of a prompt set asks: consent, sentences to read, takes, and what becomes of them.

`/api/my-recordings` is what a speaker has given, to hear and to take back; `/api/takes` what reviewers hear. A speaker is known by the
secret in `X-Speaker`, which their browser keeps; who may open the page at all, their account says.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, File, Form, Header, HTTPException, Query, Request, UploadFile
from fastapi.responses import Response
from pydantic import BaseModel, Field

from soundmill.catalog import Catalog, Prompt, Prompts, Speaker, Speakers, Take, Takes
from soundmill.catalog.prompts import HELD_FOR, MOST_HELD, SKIP_REASONS
from soundmill.errors import ConsentNeeded, NotInLake, PromptsRefused, TakeRefused, UndecodableAudio, UnknownPrompts
from soundmill.prompts.spec import PURPOSES, PromptSetSpec
from soundmill.studio.auth import User, page_for
from soundmill.times import from_ms
from soundmill.workflows.erasure import erase
from soundmill.workflows.takes import STALE, Sent, give_consent, receive_take

router = APIRouter(tags=["record"])
mine = APIRouter(prefix="/api/my-recordings", tags=["record"])
reviews = APIRouter(prefix="/api/takes", tags=["record"])
Reviewer = Annotated[User, Depends(page_for("engineer", "annotator"))]
Secret = Annotated[str, Header(alias="X-Speaker", max_length=200, description="the speaker's secret")]
_Short = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
_MOST_SHOWN = 200
_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"description": "What cannot be stored, for good"},
    404: {"description": "No such prompt set, sentence, take or speaker"},
    409: {"description": "Somebody else reads it just now"},
    410: {"description": "Nobody consented to it, or not any longer: it is not stored, and is not to be kept anywhere"},
}


class PromptOut(BaseModel):
    """A sentence to read."""

    utterance: str
    text: str


class SetOut(BaseModel):
    """A prompt set, as speakers see it. `speaker`: the id of who asks, once they consented; `mine`: how many of their takes count."""

    name: str
    title: str
    instructions: str
    language: str
    licence: str
    consent: str
    consent_sha256: str
    purposes: dict[str, str]
    skip_reasons: list[str]
    shortest_seconds: float
    longest_seconds: float
    speaker: str | None
    has_consented: bool
    has_withdrawn: bool
    accent: str
    microphone: str
    mine: int
    takes: int
    wanted: int


class ConsentIn(BaseModel):
    """What a speaker ticks before their first take."""

    purposes: Annotated[list[str], Field(max_length=10)]
    of_age: bool
    text_sha256: Annotated[str, Field(max_length=64, description="of the text that was shown")]


class ConsentOut(BaseModel):
    """Who the speaker is from now on; `secret` only where they are new: it is not kept here."""

    speaker: str
    secret: str | None


class SpeakerIn(BaseModel):
    """What a speaker says of themselves: it is kept with their takes from now on."""

    accent: _Short = ""
    microphone: _Short = ""


class SkipIn(BaseModel):
    """Which sentence is passed by, and why."""

    utterance: _Short
    reason: _Short


class UtteranceIn(BaseModel):
    """Which sentence is to be read once more."""

    utterance: _Short


class HeldOut(BaseModel):
    """Sentences that are kept for this speaker until `until`, in order; none where there is nothing left to read."""

    prompts: list[PromptOut]
    until: datetime
    mine: int


class ReasonOut(BaseModel):
    """What is wrong with a take: check or again, and what to do about it."""

    rule: str
    verdict: str
    text: str


class TakeOut(BaseModel):
    """A take as it is stored."""

    key: str
    set: str
    utterance: str
    text: str
    seconds: float
    recorded_at: datetime
    verdict: str
    reasons: list[ReasonOut]
    counts: bool
    review: str | None
    mine: int = 0


class MineOut(BaseModel):
    """All that is kept of a speaker."""

    speaker: str
    accent: str
    microphone: str
    withdrawn_at: datetime | None
    consents: list["GivenOut"]
    takes: list[TakeOut]


class GivenOut(BaseModel):
    """A consent."""

    set: str
    purposes: list[str]
    licence: str
    given_at: datetime
    withdrawn_at: datetime | None
    text: str


class ErasedOut(BaseModel):
    """What was deleted: takes, their seconds, and clips of releases."""

    takes: int
    seconds: float
    clips: int


class ReviewedTake(TakeOut):
    """A take as reviewers see it."""

    speaker: str
    accent: str
    microphone: str
    processed: bool | None
    measures: dict[str, Any]
    reviewed_by: str | None


class ReviewOut(BaseModel):
    """Takes to hear, and how many there are of the kind."""

    takes: list[ReviewedTake]
    number: int


class ReviewIn(BaseModel):
    """What a person says of a take; null takes it back."""

    review: Literal["accepted", "rejected"] | None


@router.get("/{name}", summary="A prompt set", responses=_REFUSED)
async def about(request: Request, name: str, secret: Secret = "") -> SetOut:
    """What is read here, on which terms, and how far the speaker and the set are."""
    with _refusing():
        return await run_sync(_about, request.app.state.catalog, name, secret)


@router.post("/{name}/consent", summary="Consent", responses=_REFUSED)
async def consent(request: Request, name: str, content: ConsentIn, secret: Secret = "") -> ConsentOut:
    """Notes what the speaker consents to; who has no secret yet becomes a speaker by it."""
    with _refusing():
        return await run_sync(_consent, request.app.state.catalog, name, content, secret, limiter=request.app.state.writers)


@router.put("/{name}/speaker", summary="Accent and microphone", status_code=204, responses=_REFUSED)
async def describe(request: Request, name: str, content: SpeakerIn, secret: Secret = "") -> None:
    """What a speaker says of themselves."""
    catalog = request.app.state.catalog
    speaker = await run_sync(_speaker, catalog, secret)
    await run_sync(Speakers(catalog).describe, speaker, content.accent, content.microphone, limiter=request.app.state.writers)


@router.post("/{name}/claim", summary="Sentences to read", responses=_REFUSED)
async def claim(request: Request, name: str, secret: Secret = "", number: Annotated[int, Query(ge=1, le=MOST_HELD)] = 1) -> HeldOut:
    """Sentences for this speaker: those that they hold, and others up to `number`. Asked again, their time runs anew."""
    with _refusing():
        return await run_sync(_claim, request, name, secret, number, limiter=request.app.state.writers)


@router.post("/{name}/skip", summary="Pass a sentence by", status_code=204, responses=_REFUSED)
async def skip(request: Request, name: str, content: SkipIn, secret: Secret = "") -> None:
    """It is not given to this speaker again; with the reason `later` it is, once there is no other."""
    catalog = request.app.state.catalog
    speaker = await run_sync(_speaker, catalog, secret)
    with _refusing():
        await run_sync(Prompts(catalog).skip, name, content.utterance, speaker.id, content.reason, limiter=request.app.state.writers)
    request.app.state.originals.changed(name)


@router.post("/{name}/again", summary="Read a sentence once more", responses=_REFUSED)
async def again(request: Request, name: str, content: UtteranceIn, secret: Secret = "") -> PromptOut:
    """Keeps a sentence for the speaker who wants to read it again."""
    catalog = request.app.state.catalog
    speaker = await run_sync(_speaker, catalog, secret)
    with _refusing():
        return _prompt(await run_sync(Prompts(catalog).take, name, content.utterance, speaker.id, limiter=request.app.state.writers))


@router.post("/{name}/release", summary="Give sentences back", status_code=204, responses=_REFUSED)
async def release(request: Request, name: str, secret: Secret = "") -> None:
    """Gives back what the speaker holds, as when they leave the page."""
    catalog = request.app.state.catalog
    speaker = await run_sync(_speaker, catalog, secret)
    with _refusing():
        await run_sync(Prompts(catalog).get, name)
    await run_sync(Prompts(catalog).release, name, speaker.id, limiter=request.app.state.writers)
    request.app.state.originals.changed(name)


@router.put("/{name}/takes/{key}", summary="Store a take", responses=_REFUSED)
async def store(
    request: Request,
    name: str,
    key: str,
    audio: Annotated[UploadFile, File(description="the WAV")],
    utterance: Annotated[str, Form(max_length=200, pattern=r"^[^\x00]*$")],
    recorded_at: Annotated[float, Form(description="ms since 1970, by the browser's clock")],
    settings: Annotated[str, Form(max_length=10_000, description="JSON: what the browser said of the microphone")] = "{}",
    gap: Annotated[bool, Form(description="whether samples were lost while it was recorded")] = False,
    secret: Secret = "",
) -> TakeOut:
    """Stores a take, once however often it is sent, and says how good it is.

    `key` is the sha256 of four lines: the sha256 of the WAV, the set, the utterance and the speaker's id.
    """
    data = await audio.read()
    try:
        said = json.loads(settings)
        moment = from_ms(recorded_at)
        if not isinstance(said, dict):
            raise ValueError("no object")
    except (ValueError, OverflowError, RecursionError):
        raise HTTPException(400, "settings are a JSON object, and recorded_at is a moment in ms") from None
    sent = Sent(utterance, data, moment, said, gap, key)
    with _refusing():
        return await run_sync(_store, request, name, secret, sent, limiter=request.app.state.writers)


@mine.get("", summary="My recordings", responses=_REFUSED)
async def my_recordings(request: Request, secret: Secret = "") -> MineOut:
    """All that is kept of the speaker who knows this secret."""
    return await run_sync(_mine, request.app.state.catalog, secret)


@mine.get("/{key}.wav", summary="Hear one of my recordings", responses=_REFUSED, response_class=Response)
async def hear(request: Request, key: str, secret: Secret = "") -> Response:
    """The file as it came."""
    take = await run_sync(_own, request.app.state.catalog, secret, key)
    return await run_sync(_wav, request, take)


@mine.delete("/{key}", summary="Delete one of my recordings", responses=_REFUSED)
async def delete_one(request: Request, key: str, secret: Secret = "") -> ErasedOut:
    """It is deleted here at once, and from copies with the next run of the pipeline and of the backup."""
    state = request.app.state
    take = await run_sync(_own, state.catalog, secret, key)
    erased = await run_sync(erase, state.lake, state.catalog, take, "speaker", limiter=state.writers)
    return ErasedOut(takes=erased.items, seconds=erased.seconds, clips=erased.clips)


@mine.delete("", summary="Withdraw everything", responses=_REFUSED)
async def withdraw(request: Request, secret: Secret = "") -> ErasedOut:
    """Ends every consent of the speaker, and deletes all their recordings."""
    state = request.app.state
    speaker = await run_sync(_speaker, state.catalog, secret)
    erased = await run_sync(erase, state.lake, state.catalog, speaker, "speaker", limiter=state.writers)
    return ErasedOut(takes=erased.items, seconds=erased.seconds, clips=erased.clips)


@reviews.get("/{name}", summary="Takes to hear", responses=_REFUSED)
async def takes(
    request: Request,
    name: str,
    user: Reviewer,
    show: Annotated[Literal["todo", "good", "check", "again", "accepted", "rejected", ""], Query()] = "todo",
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=_MOST_SHOWN)] = 50,
) -> ReviewOut:
    """Takes of a set in order of their coming: those that a person ought to hear, or those of one verdict."""
    with _refusing():
        await run_sync(Prompts(request.app.state.catalog).get, name)
    store = Takes(request.app.state.catalog)
    found, number = await run_sync(lambda: store.listed(name=name, show=show or None, limit=limit, offset=offset))
    return ReviewOut(takes=[_reviewed(one) for one in found], number=number)


@reviews.get("/{name}/{key}.wav", summary="Hear a take", responses=_REFUSED, response_class=Response)
async def listen(request: Request, name: str, key: str, user: Reviewer) -> Response:
    """The file as it came."""
    take = await run_sync(Takes(request.app.state.catalog).get, key)
    if take is None or take.set != name or take.state != "ready":
        raise HTTPException(404, "there is no such take")
    return await run_sync(_wav, request, take)


@reviews.post("/{name}/{key}", summary="Accept or reject a take", responses=_REFUSED)
async def review(request: Request, name: str, key: str, content: ReviewIn, user: Reviewer) -> ReviewedTake:
    """What a person says overrules the verdict."""
    store, writers = Takes(request.app.state.catalog), request.app.state.writers
    with _refusing():
        found = await run_sync(store.review, key, content.review, user.name, STALE, limiter=writers)
    request.app.state.originals.changed(name)
    return _reviewed(found)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except ConsentNeeded as error:
        raise HTTPException(410, str(error)) from None
    except UnknownPrompts as error:
        raise HTTPException(404, str(error)) from None
    except PromptsRefused as error:
        raise HTTPException(409, str(error)) from None
    except (TakeRefused, UndecodableAudio) as error:
        raise HTTPException(400, str(error)) from None


def _speaker(catalog: Catalog, secret: str) -> Speaker:
    found = Speakers(catalog).by_secret(secret) if secret else None
    if found is None:
        raise HTTPException(404, "no speaker has this secret")
    return found


def _about(catalog: Catalog, name: str, secret: str) -> SetOut:
    prompts, speakers = Prompts(catalog), Speakers(catalog)
    spec = PromptSetSpec.of(prompts.get(name))
    speaker = speakers.by_secret(secret) if secret else None
    told = prompts.progress(name)
    return SetOut(
        name=name,
        title=spec.title or name,
        instructions=spec.instructions,
        language=spec.language,
        licence=spec.licence,
        consent=spec.consent,
        consent_sha256=spec.consent_sha256,
        purposes={one: PURPOSES[one] for one in spec.purposes},
        skip_reasons=list(SKIP_REASONS),
        shortest_seconds=spec.limits.seconds_again[0],
        longest_seconds=spec.limits.seconds_again[1],
        speaker=speaker.id if speaker else None,
        has_consented=speaker is not None and speakers.living(speaker, name, spec.consent_sha256) is not None,
        has_withdrawn=speaker is not None and speaker.withdrawn_at is not None,
        accent=speaker.accent if speaker else "",
        microphone=speaker.microphone if speaker else "",
        mine=Takes(catalog).counts_of(name, speaker.id) if speaker else 0,
        takes=told.takes,
        wanted=told.wanted,
    )


def _consent(catalog: Catalog, name: str, content: ConsentIn, secret: str) -> ConsentOut:
    speakers = Speakers(catalog)
    if content.text_sha256 != PromptSetSpec.of(Prompts(catalog).get(name)).consent_sha256:
        raise PromptsRefused("what you agree to has changed: load the page again")
    speaker, fresh = speakers.by_secret(secret) if secret else None, None
    if speaker is None or speaker.withdrawn_at is not None:
        speaker, fresh = speakers.add()
    give_consent(catalog, speaker, name, tuple(content.purposes), of_age=content.of_age, given="page")
    return ConsentOut(speaker=speaker.id, secret=fresh)


def _claim(request: Request, name: str, secret: str, number: int) -> HeldOut:
    catalog = request.app.state.catalog
    speaker, prompts = _speaker(catalog, secret), Prompts(catalog)
    if Speakers(catalog).living(speaker, name, PromptSetSpec.of(prompts.get(name)).consent_sha256) is None:
        raise ConsentNeeded("consent first: the sentences come after it")
    held = prompts.claim(name, speaker.id, number)
    request.app.state.originals.changed(name)
    until = datetime.now().astimezone() + HELD_FOR
    return HeldOut(prompts=[_prompt(one) for one in held], until=until, mine=Takes(catalog).counts_of(name, speaker.id))


def _store(request: Request, name: str, secret: str, sent: Sent) -> TakeOut:
    state = request.app.state
    speaker = _speaker(state.catalog, secret)
    spec = PromptSetSpec.of(Prompts(state.catalog).get(name))
    consents = [one for one in Speakers(state.catalog).consents(speaker.id, name) if one.withdrawn_at is None]
    current = [one for one in consents if one.text_sha256 == spec.consent_sha256]
    if not consents:
        raise ConsentNeeded("nobody consents to this recording any longer: it is not stored")
    # of a take that waited in the browser, the consent that stood then may be to an older text
    take = receive_take(state.lake, state.catalog, name, speaker, (current or consents)[-1], sent, state.settings.least_free)
    state.originals.changed(name)
    return _take(take).model_copy(update={"mine": Takes(state.catalog).counts_of(name, speaker.id)})


def _mine(catalog: Catalog, secret: str) -> MineOut:
    speaker, speakers = _speaker(catalog, secret), Speakers(catalog)
    consents = [
        GivenOut(
            set=one.set,
            purposes=list(one.purposes),
            licence=one.licence,
            given_at=one.given_at,
            withdrawn_at=one.withdrawn_at,
            text=speakers.text(one.text_sha256),
        )
        for one in speakers.consents(speaker.id)
    ]
    found = Takes(catalog).listed(speaker=speaker.id)[0]
    return MineOut(
        speaker=speaker.id,
        accent=speaker.accent,
        microphone=speaker.microphone,
        withdrawn_at=speaker.withdrawn_at,
        consents=consents,
        takes=[_take(one) for one in found],
    )


def _own(catalog: Catalog, secret: str, key: str) -> Take:
    speaker, take = _speaker(catalog, secret), Takes(catalog).get(key)
    if take is None or take.speaker != speaker.id:
        raise HTTPException(404, "you have no such recording")
    return take


def _wav(request: Request, take: Take) -> Response:
    try:
        data = request.app.state.lake.read_bytes(take.path)
    except NotInLake:
        raise HTTPException(404, "the sound of this take is gone") from None
    return Response(data, media_type="audio/wav", headers={"Cache-Control": "no-store"})


def _prompt(prompt: Prompt) -> PromptOut:
    return PromptOut(utterance=prompt.utterance, text=prompt.text)


def _take(take: Take) -> TakeOut:
    return TakeOut(**_facts(take))


def _reviewed(take: Take) -> ReviewedTake:
    more = {name: getattr(take, name) for name in ("speaker", "accent", "microphone", "measures", "reviewed_by")}
    return ReviewedTake(**_facts(take), **more, processed=take.settings.get("processed"))


def _facts(take: Take) -> dict[str, Any]:
    names = ("key", "set", "utterance", "text", "seconds", "recorded_at", "verdict", "counts", "review")
    return {name: getattr(take, name) for name in names} | {"reasons": [ReasonOut(**one) for one in take.reasons]}
