"""/transcriber/api/v1/recordings: an account's recordings, uploaded, listed, searched for keywords, deleted."""

import asyncio
import hashlib
import logging
from functools import partial
from typing import Annotated, Any, BinaryIO
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from soundmill.catalog import Account, Upload, Uploads
from soundmill.errors import (
    AccountDeleted,
    FetchFailed,
    IdempotencyConflict,
    KeywordsRefused,
    NoSpeechModel,
    QuotaExceeded,
    UndecodableAudio,
)
from soundmill.ingest.addresses import AddressPolicy
from soundmill.settings import Settings
from soundmill.speech import Keywords, Transcript, transcriber
from soundmill.speech.subtitles import FORMS
from soundmill.studio.api.transcriber.access import BAD_REQUEST, NOT_FOUND, UNAUTHORIZED, Body, Known
from soundmill.studio.api.transcriber.answers import upload_json
from soundmill.studio.api.transcriber.body import (
    KEYWORD_FIELDS,
    LONGEST_KEY,
    LONGEST_NAME,
    LONGEST_URL,
    LONGEST_WORDS,
    Refused,
    RequestBody,
    body_schema,
    is_malformed,
)
from soundmill.workflows.erasure import erase
from soundmill.workflows.uploads.intake import COMPAT_SECONDS, Wanted
from soundmill.workflows.uploads.worker import UploadWorker

log = logging.getLogger("soundmill.transcriber")
router = APIRouter()
RECORDINGS = "/transcriber/api/v1/recordings/"
_MEDIA = {"json": "application/json", "srt": "application/x-subrip", "vtt": "text/vtt", "ctm": "text/plain", "txt": "text/plain"}
_HASH_BLOCK = 1 << 20
_LOOK_SECONDS = 2.0
MOST_LISTED = 1000
_NO_FILE = "The submitted data was not a file. Check the encoding type on the form."


def _compat(
    request: Request,
    compat: Annotated[
        str | None,
        Query(
            pattern="^[012]$",
            description="1: words, counts and times as strings, as mp3.ai first gave them; 2: as it did later. Base URLs that end in"
            " /v1 and /v2 mean the same; without any, SOUNDMILL_TRANSCRIBER_COMPAT counts.",
        ),
    ] = None,
) -> str:
    settings: Settings = request.app.state.settings
    return settings.transcriber_compat if compat is None else compat


Compat = Annotated[str, Depends(_compat)]
Asynchronous = Annotated[bool, Query(alias="async", description="Answer 202 at once, and go on with the work.")]


@router.get("/", summary="What this is")
async def about(request: Request) -> dict[str, Any]:
    """What this service is, where its endpoints are, and whether it can transcribe right now."""
    model = await run_in_threadpool(_model, request.app.state.settings)
    return {
        "service": "Transcriber",
        "speech_model": model,
        "endpoints": {
            "auth/users/": "POST: an account",
            "auth/users/me/": "GET, PUT, PATCH, DELETE: one's own account",
            "auth/users/set_password/": "POST: another password; set_username/: another name",
            "auth/token/login/": "POST: a token",
            "auth/token/logout/": "POST: takes it back",
            "api/v1/recordings/": "GET: one's recordings; POST: another one",
            "api/v1/recordings/{uuid}/": "GET, DELETE: one of them; below it transcript/, history/, words/ (POST), retry/ (POST)",
            "admin/recordings/": "GET: everybody's, for admins; admin/users/",
        },
    }


@router.get("/api/v1/", summary="What it has", responses=UNAUTHORIZED)
async def root(request: Request, known: Known) -> dict[str, str]:
    """The URL of the list of recordings."""
    return {"recordings": str(request.url_for("recordings"))}


@router.get("/api/v1/recordings/", summary="One's recordings", responses={**BAD_REQUEST, **UNAUTHORIZED})
async def recordings(
    request: Request,
    response: Response,
    known: Known,
    compat: Compat,
    username: Annotated[str | None, Query(alias="user__username", max_length=150)] = None,
    status: Annotated[str | None, Query(pattern="^(queued|running|done|failed)$")] = None,
    search: Annotated[str | None, Query(max_length=200, description="Part of the name, the words or the transcript.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = MOST_LISTED,
    offset: Annotated[int, Query(ge=0, le=1 << 40)] = 0,
) -> list[dict[str, Any]]:
    """The account's recordings, the newest first, a thousand of them at most; how many there are in all is in the header X-Total-Count."""
    return await list_uploads(request, response, known.id, username, status, search, limit, offset, compat)


@router.post(
    "/api/v1/recordings/",
    status_code=201,
    summary="Upload a recording",
    responses={
        **BAD_REQUEST,
        **UNAUTHORIZED,
        202: {"description": "Taken; it is worked on"},
        409: {"description": "The idempotency key was another request's"},
        413: {"description": "The file is too large"},
        415: {"description": "It is no form"},
        503: {"description": "There is no speech model here"},
        507: {"description": "There is no room here, or the storage is away"},
    },
    openapi_extra=body_schema(
        {"name": "At most 32 characters.", **KEYWORD_FIELDS, "webhook": "URL that gets a POST when it is done."},
        ("name", "audio_file"),
        file=True,
    ),
)
async def upload(request: Request, known: Known, body: Body, compat: Compat, asynchronous: Asynchronous = False) -> JSONResponse:
    """Stores a recording in any codec and of any length, transcribes it, finds the keywords, and rates its sentiment.

    The answer comes when all that is done (201), or at once (202) with `async=1` or the header `Prefer: respond-async`. The same request
    with the same header `Idempotency-Key` is made once. A recording that could not be worked on has the status `failed` and says why.
    With `compat` only its first minute is taken, as the original did.
    """
    settings: Settings = request.app.state.settings
    wanted, file = _wanted(request, body, compat, settings)
    await run_in_threadpool(_refuse_without_model, settings)
    worker = _worker(request)
    try:
        # a few at a time: what decodes must not take all the threads that others answer with
        made = await run_sync(partial(_receive, worker, known, wanted, file), limiter=request.app.state.decoding)
    except UndecodableAudio as error:
        raise Refused(audio_file=f"{error} ({error.code})") from None
    except QuotaExceeded as error:
        raise Refused(audio_file=str(error)) from None
    except AccountDeleted:
        raise HTTPException(401, "Invalid token.", {"WWW-Authenticate": "Token"}) from None
    except IdempotencyConflict as error:
        raise HTTPException(409, str(error)) from None
    except OSError:
        log.exception("an upload of %s could not be stored", known.username)
        raise HTTPException(507, "there is no room for it here, or the storage is away") from None
    if asynchronous or "respond-async" in request.headers.get("prefer", "").lower():
        return JSONResponse(upload_json(made, settings, compat), 202, {"Location": f"{RECORDINGS}{made.uuid}/"})
    done = await _finished(worker, made.uuid)
    shown = await run_in_threadpool(upload_json, done, settings, compat)
    return JSONResponse(shown, 201, {"Location": f"{RECORDINGS}{made.uuid}/"})


@router.get("/api/v1/recordings/{uuid}/", summary="A recording", responses=NOT_FOUND)
async def detail(request: Request, known: Known, uuid: str, compat: Compat) -> dict[str, Any]:
    """One of the account's recordings; `status` says how far it is: queued, running, done, failed."""
    return await run_in_threadpool(upload_json, await _own(request, known, uuid), request.app.state.settings, compat)


@router.delete("/api/v1/recordings/{uuid}/", status_code=204, summary="Delete a recording", responses=NOT_FOUND)
async def delete(request: Request, known: Known, uuid: str) -> Response:
    """Deletes a recording and its sound."""
    state = request.app.state
    await run_in_threadpool(erase, state.lake, state.catalog, await _own(request, known, uuid), known.username)
    return Response(status_code=204)


@router.post(
    "/api/v1/recordings/{uuid}/words/",
    summary="Find other keywords",
    responses={**BAD_REQUEST, **NOT_FOUND},
    openapi_extra=body_schema(KEYWORD_FIELDS, ("words",)),
)
async def other_words(request: Request, known: Known, uuid: str, body: Body, compat: Compat) -> dict[str, Any]:
    """Finds other keywords in the transcript: nothing is transcribed again."""
    made = await _own(request, known, uuid)
    if "words" not in body.texts:
        raise Refused(words="This field is required.")
    words = body.text("words", LONGEST_WORDS)
    timestamps = body.flag("get_timestamps") if "get_timestamps" in body.texts else made.get_timestamps
    keywords = _keywords(words, body)
    changed = await run_in_threadpool(_worker(request).search, made, words, keywords.stemming, keywords.fuzzy, timestamps)
    if changed is None:
        raise HTTPException(404, "Not found.")
    return await run_in_threadpool(upload_json, changed, request.app.state.settings, compat)


@router.post(
    "/api/v1/recordings/{uuid}/retry/",
    status_code=202,
    summary="Try again",
    responses={**NOT_FOUND, 409: {"description": "It has not failed"}},
)
async def retry(request: Request, known: Known, uuid: str) -> dict[str, Any]:
    """Works on a failed recording anew."""
    queued = await run_in_threadpool(_worker(request).retry, await _own(request, known, uuid))
    if queued is None:
        raise HTTPException(409, "only what has failed can be tried again")
    return upload_json(queued, request.app.state.settings, "0")


@router.get(
    "/api/v1/recordings/{uuid}/transcript/", summary="Its transcript", responses={**BAD_REQUEST, **NOT_FOUND}, response_class=Response
)
async def transcript(
    request: Request,
    known: Known,
    uuid: str,
    form: Annotated[str, Query(alias="format", pattern=f"^({'|'.join(FORMS)})$", description=", ".join(FORMS))] = "json",
) -> Response:
    """The transcript with all its words: as JSON, subtitles (SRT, WebVTT), CTM or plain text."""
    made = await _own(request, known, uuid)
    if made.transcript is None:
        raise HTTPException(404, f"there is no transcript: the recording is {made.state}")
    written, name = made.transcript, made.name
    text = await run_in_threadpool(lambda: FORMS[form](Transcript.from_json(written), name))
    return PlainTextResponse(text, media_type=_MEDIA[form])


@router.get("/api/v1/recordings/{uuid}/history/", summary="What happened to it", responses=NOT_FOUND)
async def history(request: Request, known: Known, uuid: str) -> list[dict[str, Any]]:
    """What happened to a recording, in order; also to one that is deleted."""
    changes = await run_in_threadpool(_uploads(request).changes, _uuid(uuid))
    # a name may be another's by now
    if not any(one.username == known.username and one.at >= known.created_at for one in changes):
        raise HTTPException(404, "Not found.")
    zone = request.app.state.settings.zone
    return [{"at": one.at.astimezone(zone).isoformat(), "user": one.username, "action": one.action, "what": one.what} for one in changes]


def _wanted(request: Request, body: RequestBody, compat: str, settings: Settings) -> tuple[Wanted, BinaryIO]:
    """What is asked for, and the file. Raises a 400."""
    name, file = body.text("name", LONGEST_NAME, needed=True), body.file
    if file is None:
        raise Refused(audio_file="No file was submitted." if "audio_file" not in body.texts else _NO_FILE)
    if not file.size:
        raise Refused(audio_file="The submitted file is empty.")
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isprintable()):
        raise HTTPException(400, f"an idempotency key has 1 to {LONGEST_KEY} printable characters")
    webhook = body.text("webhook", LONGEST_URL) or None
    if webhook:
        try:
            AddressPolicy(settings.download_exempt).check_url(webhook)
        except FetchFailed as error:
            raise Refused(webhook=str(error)) from None
    words = body.text("words", LONGEST_WORDS)
    keywords = _keywords(words, body)
    file_name = "".join(letter for letter in file.filename or "" if letter.isprintable() and not is_malformed(letter))
    wanted = Wanted(
        name=name,
        file_name=file_name[-200:] or "recording",
        words=words,
        get_timestamps=body.flag("get_timestamps"),
        stemming=keywords.stemming,
        fuzzy=keywords.fuzzy,
        crop_seconds=COMPAT_SECONDS if compat != "0" else None,
        webhook=webhook,
        idempotency_key=key,
    )
    return wanted, file.file


def _keywords(words: str, body: RequestBody) -> Keywords:
    try:
        return Keywords.parse(words, stemming=body.text("stemming", 32) or None, fuzzy=body.number("fuzzy", 1.0))
    except KeywordsRefused as error:
        raise Refused(words=str(error)) from None


def _refuse_without_model(settings: Settings) -> None:
    if settings.transcription_enabled and _model(settings) is None:
        raise HTTPException(
            503,
            "there is no speech model here: the operator can fetch one with `soundmill pretrained fetch vosk-small-en`; where"
            " SOUNDMILL_VOSK_MODEL was set while the studio runs, it has to be restarted",
        )


def _model(settings: Settings) -> str | None:
    try:
        return transcriber(settings.vosk_folder).model
    except NoSpeechModel:
        return None


def _receive(worker: UploadWorker, known: Account, wanted: Wanted, file: BinaryIO) -> Upload:
    file.seek(0)
    whole = hashlib.sha256()
    while block := file.read(_HASH_BLOCK):
        whole.update(block)
    return worker.receive(known, wanted, file, whole.hexdigest())


async def _finished(worker: UploadWorker, uuid: str) -> Upload:
    """The recording once it is done or failed. Raises a 404 where it was deleted meanwhile."""
    loop, finished = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        loop.call_soon_threadsafe(finished.set)

    with worker.on_finished(uuid, wake):
        while True:
            found = await run_in_threadpool(worker.uploads.get, uuid)
            if found is None:
                raise HTTPException(404, "it was deleted while it was worked on")
            if found.state in ("done", "failed"):
                return found
            try:
                await asyncio.wait_for(finished.wait(), _LOOK_SECONDS)  # another process may have it
            except TimeoutError:
                pass
            finished.clear()


async def _own(request: Request, known: Account, uuid: str) -> Upload:
    """One of the account's recordings. Raises a 404 for all others, be they there or not."""
    found = await run_in_threadpool(_uploads(request).get, _uuid(uuid), known.id)
    if found is None:
        raise HTTPException(404, "Not found.")
    return found


def _uuid(text: str) -> str:
    """The name of a recording. Raises a 404 for what can be none."""
    try:
        return str(UUID(text))
    except ValueError:
        raise HTTPException(404, "Not found.") from None


async def list_uploads(
    request: Request,
    response: Response,
    of: int | None,
    username: str | None,
    status: str | None,
    search: str | None,
    limit: int,
    offset: int,
    compat: str,
) -> list[dict[str, Any]]:
    if any(is_malformed(text) for text in (username, search) if text):
        raise HTTPException(400, "texts may not hold NUL or halves of characters")
    uploads = _uploads(request)

    def made() -> tuple[list[dict[str, Any]], int]:
        found, count = uploads.listed(of, username=username, state=status, search=search, limit=limit, offset=offset)
        return [upload_json(one, request.app.state.settings, compat) for one in found], count

    shown, count = await run_in_threadpool(made)
    response.headers["X-Total-Count"] = str(count)
    return shown


def _worker(request: Request) -> UploadWorker:
    worker: UploadWorker = request.app.state.uploads
    return worker


def _uploads(request: Request) -> Uploads:
    return _worker(request).uploads
