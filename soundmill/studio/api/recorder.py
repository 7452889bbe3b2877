"""`/recorder`: the API of the original recorder, on one prompt set, or on several below `/recorder/SET`.

Its own page works with its base URL changed. Who asks is a name in `X-Username`, or a fingerprint of the browser; their consent is what who
runs the recorder vouches for. What that page cannot tell a speaker, a take's verdict, is kept for reviewers.
"""

import hashlib
import json
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, File, Form, HTTPException, Query, Request, UploadFile
from fastapi.responses import HTMLResponse
from fastapi.security import HTTPBasicCredentials
from sqlalchemy.exc import SQLAlchemyError

from soundmill.catalog import Accounts, Prompt, Prompts, Takes
from soundmill.catalog.prompts import LATER
from soundmill.catalog.speakers import Speakers
from soundmill.catalog.takes import ORIGINAL
from soundmill.errors import InputRefused, TooManyLogins, UnknownPrompts
from soundmill.prompts.spec import PromptSetSpec
from soundmill.settings import Settings
from soundmill.studio.auth import BASIC, client_address, current_user, is_local
from soundmill.studio.pages.rendering import page
from soundmill.workflows.takes import Sent, receive_take, speaker_for

router = APIRouter(prefix="/recorder", tags=["recorder"])
_ASKS = {"WWW-Authenticate": 'Basic realm="Soundmill recorder"'}
_NAME = "the recorder's password"  # the name under which guesses at it are counted
_LONGEST_NAME = 150
_STORED = "Audio uploaded successfully"
OK, ERROR, DONE = 0, 1, 2


def may_record(request: Request, basic: Annotated[HTTPBasicCredentials | None, Depends(BASIC)]) -> None:
    """Lets through who knows the recorder's password, as name and as password; without one, speakers who are signed in; on this machine
    alone anybody, as long as they send Basic credentials at all, which is what the original asks for. Raises a 401, or a 429."""
    settings: Settings = request.app.state.settings
    if settings.recorder_password is not None:
        secret, given = settings.recorder_password.get_secret_value(), basic.password if basic else ""
        try:
            knows = basic is not None and Accounts(request.app.state.catalog).check_secret(secret, given, _NAME, client_address(request))
        except TooManyLogins as error:
            raise HTTPException(429, str(error), {"Retry-After": str(error.retry_after)}) from None
        if knows and basic is not None and basic.username == basic.password:
            return
    elif is_local(request):
        if basic is not None:
            return
    elif (user := current_user(request, basic)) is not None and user.has("speaker", "engineer"):
        return
    raise HTTPException(401, "sign in first", _ASKS)


def is_served(request: Request, name: str) -> None:
    """Lets through what is asked of a set that is served here. Raises a 404."""
    _served(request, name)


Known = Depends(may_record)


@router.get("/", summary="The recorder's page", response_class=HTMLResponse, dependencies=[Known])
def first_page(request: Request) -> HTMLResponse:
    """Our own page of the first set, which does what the original's does."""
    return _page(request, _first(request))


@router.get("/get-sentence", summary="A sentence to read", dependencies=[Known])
async def get_sentence(request: Request, skip: Annotated[bool, Query(description="another one")] = False) -> dict[str, Any]:
    """The sentence that this user holds, or the next; `status` 0, 1 (error), or 2 (nothing is left)."""
    return await run_sync(_sentence, request, _first(request), _user(request), skip, limiter=request.app.state.writers)


@router.post("/upload-audio", summary="Store a take", dependencies=[Known])
async def upload_audio(
    request: Request,
    audio: Annotated[UploadFile | None, File(description="WAV")] = None,
    sampleRate: Annotated[str, Form(max_length=40, description="by the browser; the file's own counts")] = "",
    accent: Annotated[str, Form(max_length=200)] = "",
) -> dict[str, Any]:
    """Stores the take of the sentence that this user holds; `status` 0, 1 (nothing was stored), or 2 (it was, and nothing is left)."""
    data = await audio.read() if audio is not None else b""
    return await run_sync(_upload, request, _first(request), _user(request), data, accent, limiter=request.app.state.writers)


@router.get("/{name}/", summary="A set's page", response_class=HTMLResponse, dependencies=[Known])
def page_of(request: Request, name: str) -> HTMLResponse:
    """As `/`, of one of several sets."""
    return _page(request, _served(request, name))


@router.get("/{name}/get-sentence", summary="A sentence of a set", dependencies=[Known])
async def get_sentence_of(request: Request, name: str, skip: bool = False) -> dict[str, Any]:
    """As `/get-sentence`, of one of several sets."""
    return await run_sync(_sentence, request, _served(request, name), _user(request), skip, limiter=request.app.state.writers)


@router.post("/{name}/upload-audio", summary="Store a take of a set", dependencies=[Known])
async def upload_audio_of(
    request: Request,
    name: str,
    audio: Annotated[UploadFile | None, File()] = None,
    sampleRate: Annotated[str, Form(max_length=40)] = "",
    accent: Annotated[str, Form(max_length=200)] = "",
) -> dict[str, Any]:
    """As `/upload-audio`, of one of several sets."""
    data = await audio.read() if audio is not None else b""
    return await run_sync(_upload, request, _served(request, name), _user(request), data, accent, limiter=request.app.state.writers)


def _page(request: Request, name: str) -> HTMLResponse:
    try:
        spec = PromptSetSpec.of(Prompts(request.app.state.catalog).get(name))
    except UnknownPrompts as error:
        raise HTTPException(404, str(error)) from None
    return page(request, "record.html", None, title=spec.title or name, name=name, base="/recorder/api/record")


def _first(request: Request) -> str:
    names = request.app.state.settings.recorder_names
    if not names:
        raise HTTPException(404, "no prompt set is served here: start the studio with --recorder SET")
    return str(names[0])


def _served(request: Request, name: str) -> str:
    if name not in request.app.state.settings.recorder_names:
        raise HTTPException(404, f"the prompt set {name!r} is not served here: start the studio with --recorder {name}")
    return name


def _user(request: Request) -> str:
    """The name that the page sends, or a fingerprint of the browser. Raises a 401."""
    given = request.headers.get("x-username")
    if given is not None:
        name = given.strip()
        try:
            name = name.encode("latin-1").decode()  # headers are bytes; browsers send what they were given
        except UnicodeError:
            pass
        if not name or not name.isprintable() or len(name) > _LONGEST_NAME:
            raise HTTPException(401, f"X-Username is a name of 1 to {_LONGEST_NAME} letters")
        return name
    agent, language = request.headers.get("user-agent"), request.headers.get("accept-language")
    if not agent or not language:
        raise HTTPException(401, "send X-Username: a name under which your recordings can be deleted again")
    marks = {"ip": client_address(request), "user_agent": agent, "language": language}
    return hashlib.sha256(json.dumps(marks, sort_keys=True).encode()).hexdigest()[:16]


def _sentence(request: Request, name: str, user: str, skip: bool) -> dict[str, Any]:
    catalog = request.app.state.catalog
    try:
        speaker, _ = speaker_for(catalog, user, name)
        held = _next(Prompts(catalog), name, speaker.id, skip)
        count = Takes(catalog).counts_of(name, speaker.id)
    except (InputRefused, SQLAlchemyError) as error:
        message = str(error) if isinstance(error, InputRefused) else "the catalog cannot be used right now"
        return {"sentence": None, "count": "0", "status": ERROR, "error": message}
    request.app.state.originals.changed(name)
    return {"sentence": held.text if held else None, "count": str(count), "status": OK if held else DONE}


def _next(prompts: Prompts, name: str, speaker: str, skip: bool) -> Prompt | None:
    """What a speaker reads now; where they skip, another one, or the same where there is no other."""
    if skip and (first := prompts.in_hand(name, speaker)):
        prompts.skip(name, first.utterance, speaker, LATER)
    held = prompts.claim(name, speaker)
    return held[0] if held else None


def _upload(request: Request, name: str, user: str, data: bytes, accent: str) -> dict[str, Any]:
    state = request.app.state
    prompts = Prompts(state.catalog)
    try:
        if not data:
            raise InputRefused("there is no audio in the request")
        speaker, consent = speaker_for(state.catalog, user, name)
        held = prompts.in_hand(name, speaker.id)
        if held is None:  # never under a sentence that they have not seen: the next one is given out when it is asked for
            if Takes(state.catalog).has_sound(name, speaker.id, hashlib.sha256(data).hexdigest()):  # sent again, as the answer was lost
                return {"message": _STORED, "status": OK}
            raise InputRefused("you hold no sentence, or it was given to somebody else meanwhile: ask for one, or load the page again")
        Speakers(state.catalog).describe(speaker, accent, speaker.microphone)
        speaker = Speakers(state.catalog).get(speaker.id)
        sent = Sent(held.utterance, data, via=ORIGINAL)
        receive_take(state.lake, state.catalog, name, speaker, consent, sent, state.settings.least_free)
        left = prompts.has_more(name, speaker.id)
    except (InputRefused, OSError, SQLAlchemyError) as error:
        message = str(error) if isinstance(error, InputRefused) else "it could not be stored: the storage cannot be used right now"
        return {"error": message, "status": ERROR}
    state.originals.changed(name)
    return {"message": _STORED, "status": OK if left else DONE}
