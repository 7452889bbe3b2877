"""`/transcriber`: recordings by HTTP, written down, looked through and judged, with the fields and answers that clients of mp3.ai know.

Accounts and tokens are those of Django's djoser; answers are proper JSON, or the original's strings with `compat=1`.
"""

import asyncio
import hashlib
import json
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, BinaryIO
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from fastapi.security import APIKeyHeader
from starlette.datastructures import UploadFile

from soundmill.catalog import Account, Accounts, Upload, Uploads
from soundmill.errors import (
    AccountDeleted,
    AccountRefused,
    FetchFailed,
    IdempotencyConflict,
    KeywordsRefused,
    NoSpeechModel,
    QuotaExceeded,
    TooManyLogins,
    UndecodableAudio,
    WrongCredentials,
)
from soundmill.ingest.addresses import AddressPolicy
from soundmill.settings import Settings
from soundmill.speech import Keywords, Transcript, transcriber
from soundmill.speech.subtitles import FORMS
from soundmill.workflows.erasure import erase
from soundmill.workflows.uploads.intake import COMPAT_SECONDS, Wanted
from soundmill.workflows.uploads.worker import UploadWorker

log = logging.getLogger("soundmill.transcriber")
router = APIRouter(prefix="/transcriber", tags=["transcriber"])
RECORDINGS = "/transcriber/api/v1/recordings/"
_KEY = APIKeyHeader(name="Authorization", auto_error=False, scheme_name="account token", description="`Token ...`, from a login")
_LONGEST_NAME, _LONGEST_WORDS, _LONGEST_KEY, _LONGEST_URL = 32, 10_000, 128, 2048
_TRUE, _FALSE = {"t", "y", "yes", "true", "on", "1"}, {"f", "n", "no", "false", "off", "0", ""}
_MEDIA = {"json": "application/json", "srt": "application/x-subrip", "vtt": "text/vtt", "ctm": "text/plain", "txt": "text/plain"}
_HASH_BLOCK = 1 << 20
_LOOK_SECONDS = 2.0
_MOST_LISTED = 1000

Compat = Annotated[
    str, Query(pattern="^[012]$", description="1: words, counts and times as strings, as mp3.ai first gave them; 2: as it did later.")
]
Asynchronous = Annotated[bool, Query(alias="async", description="Answer 202 at once, and go on with the work.")]
_401: dict[int | str, dict[str, Any]] = {401: {"description": "No token, or none that is worth anything"}}
_404: dict[int | str, dict[str, Any]] = {**_401, 404: {"description": "There is no such recording of this account"}}
_400: dict[int | str, dict[str, Any]] = {400: {"description": "Something is missing or cannot be used: what, field by field"}}
_429: dict[int | str, dict[str, Any]] = {429: {"description": "Too many passwords were wrong of late"}}


class Refused(Exception):
    """A 400 that says what is wrong with each field."""

    def __init__(self, **fields: str | list[str]) -> None:
        super().__init__(str(fields))
        self.fields = {name: lines if isinstance(lines, list) else [lines] for name, lines in fields.items()}


@dataclass(frozen=True)
class _Body:
    """What a request says: texts by name, and the file it brings."""

    texts: Mapping[str, str]
    file: UploadFile | None = None

    def text(self, name: str, longest: int, *, needed: bool = False) -> str:
        """A field without blanks around it. Raises a 400."""
        value = self.texts.get(name, "").strip()
        if needed and name not in self.texts:
            raise Refused(**{name: "This field is required."})
        if needed and not value:
            raise Refused(**{name: "This field may not be blank."})
        if len(value) > longest:
            raise Refused(**{name: f"Ensure this field has no more than {longest} characters."})
        return value

    def flag(self, name: str) -> bool:
        """A field that is true or false. Raises a 400."""
        value = self.texts.get(name, "").strip().lower()
        if value not in _TRUE | _FALSE:
            raise Refused(**{name: "Must be a valid boolean."})
        return value in _TRUE

    def number(self, name: str, default: float) -> float:
        """A field that is a number. Raises a 400."""
        try:
            return float(self.texts.get(name) or default)
        except ValueError:
            raise Refused(**{name: "A valid number is required."}) from None


async def _body(request: Request) -> _Body:
    """JSON, a form, or a form with a file. Raises a 400 for what is none of them, and a 415 for other kinds."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
        try:
            form = await request.form(max_files=4)
        except (UnicodeDecodeError, ValueError, KeyError) as error:
            raise HTTPException(400, f"the form cannot be read: {error}") from None
        texts = {name: value for name, value in form.items() if isinstance(value, str)}
        if "words" in texts:  # given one by one, or as a JSON list
            texts["words"] = ",".join(_words_in(value) for value in form.getlist("words") if isinstance(value, str))
        file = form.get("audio_file")
        found = _Body(texts, file if isinstance(file, UploadFile) else None)
    else:
        raw = await request.body()
        if raw and kind != "application/json":
            raise HTTPException(415, f"send a form or JSON, not {kind or 'something without a Content-Type'}")
        try:
            values = json.loads(raw or b"{}")
        except (ValueError, RecursionError) as error:
            raise HTTPException(400, f"JSON parse error - {error}") from None
        if not isinstance(values, dict):
            raise HTTPException(400, "an object is asked for")
        found = _Body({name: _text_of(name, value) for name, value in values.items() if value is not None})
    if any(_is_odd(text) for pair in found.texts.items() for text in pair):
        raise HTTPException(400, "texts may not hold NUL or halves of characters")
    return found


def _words_in(text: str) -> str:
    if not text.lstrip().startswith("["):
        return text
    try:
        return _text_of("words", json.loads(text))
    except (ValueError, RecursionError):
        raise Refused(words="This is no list of words.") from None


def _text_of(name: str, value: Any) -> str:
    """A JSON value as a form would have it; a list of texts as what lies between commas. Raises a 400."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ",".join(value)
    if not isinstance(value, str | int | float):
        raise Refused(**{name: "Not a valid string."})
    return str(value)


def _is_odd(text: str) -> bool:
    return "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text)


async def account(request: Request, given: Annotated[str | None, Depends(_KEY)]) -> Account:
    """Whose token comes with the request. Raises a 401."""
    token = _token(given)
    if not token:
        raise HTTPException(401, "Authentication credentials were not provided.", {"WWW-Authenticate": "Token"})
    found = await run_in_threadpool(Accounts(request.app.state.catalog).by_token, token)
    if found is None:
        raise HTTPException(401, "Invalid token.", {"WWW-Authenticate": "Token"})
    return found


async def admin(known: Annotated[Account, Depends(account)]) -> Account:
    """The same, for admins only. Raises a 401, a 403."""
    if not known.is_admin:
        raise HTTPException(403, "You do not have permission to perform this action.")
    return known


Body = Annotated[_Body, Depends(_body)]
Known = Annotated[Account, Depends(account)]
Admin = Annotated[Account, Depends(admin)]


@router.get("/", summary="What this is")
async def about(request: Request) -> dict[str, Any]:
    """What this service is, where its endpoints are, and whether it can write down speech right now."""
    model = await run_in_threadpool(_model, request.app.state.settings)
    return {
        "service": "Transcriber",
        "speech_model": model,
        "endpoints": {
            "auth/users/": "POST: an account",
            "auth/users/me/": "GET, DELETE: one's own account",
            "auth/token/login/": "POST: a token",
            "auth/token/logout/": "POST: takes it back",
            "api/v1/recordings/": "GET: one's recordings; POST: another one",
            "api/v1/recordings/{uuid}/": "GET, DELETE: one of them; below it transcript/, history/, words/ (POST), retry/ (POST)",
            "admin/recordings/": "GET: everybody's, for admins; admin/users/",
        },
    }


def _fields(described: Mapping[str, str], needed: tuple[str, ...], *, file: bool = False) -> dict[str, Any]:
    """How OpenAPI describes a body: as JSON and as a form, or as a form with a file."""
    properties = {name: {"type": "string", "description": text} for name, text in described.items()}
    if file:
        properties["audio_file"] = {"type": "string", "format": "binary", "description": "Audio in any codec."}
    schema = {"type": "object", "properties": properties, "required": list(needed)}
    kinds = ["multipart/form-data"] if file else ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"]
    return {"requestBody": {"required": bool(needed), "content": {kind: {"schema": schema} for kind in kinds}}}


_CREDENTIALS = {"username": "Name of the account.", "password": "Its password."}
_WORDS = {
    "words": "Words and phrases to look for, between commas, one by one, or as a JSON list.",
    "get_timestamps": "Whether it is told when they were said.",
    "stemming": "Words with one stem count as one: english, german, ...",
    "fuzzy": "How alike heard words must be to those looked for, from 0 to 1; 1: the same.",
}


@router.post(
    "/auth/users/",
    status_code=201,
    summary="Make an account",
    responses={**_400, 403: {"description": "Accounts are made by the operator only"}},
    openapi_extra=_fields({**_CREDENTIALS, "email": "Not needed."}, ("username", "password")),
)
async def sign_up(request: Request, body: Body) -> dict[str, Any]:
    """Makes an account. Passwords have eight characters at least, are not common, not all digits, and not like the name."""
    if not request.app.state.settings.transcriber_sign_up:
        raise HTTPException(403, "accounts are made by the operator here")
    username, password = body.text("username", 150, needed=True), body.texts.get("password")
    if password is None:
        raise Refused(password="This field is required.")
    try:
        made = await run_in_threadpool(Accounts(request.app.state.catalog).add, username, password, body.text("email", 254))
    except AccountRefused as error:
        raise Refused(**error.fields) from None
    return _account(made)


@router.get("/auth/users/me/", summary="One's own account", responses=_401)
async def me(known: Known) -> dict[str, Any]:
    """The account that the token belongs to."""
    return _account(known)


@router.delete(
    "/auth/users/me/",
    status_code=204,
    summary="Delete one's own account",
    responses={**_400, **_401, **_429},
    openapi_extra=_fields({"current_password": "The account's password."}, ("current_password",)),
)
async def delete_me(request: Request, known: Known, body: Body) -> Response:
    """Deletes the account with all its recordings; asks for its password once more."""
    password = body.texts.get("current_password")
    if password is None:
        raise Refused(current_password="This field is required.")
    try:
        right = await run_in_threadpool(Accounts(request.app.state.catalog).is_password, known, password, _address(request))
    except TooManyLogins as error:
        raise _too_many(error) from None
    if not right:
        raise Refused(current_password="Invalid password.")
    await run_in_threadpool(erase, request.app.state.lake, request.app.state.catalog, known, known.username)
    return Response(status_code=204)


@router.post(
    "/auth/token/login/",
    summary="Log in",
    responses={**_400, **_429},
    openapi_extra=_fields(_CREDENTIALS, ("username", "password")),
)
async def login(request: Request, body: Body) -> dict[str, str]:
    """A token for the header `Authorization: Token ...`. Ten failed logins of a name within five minutes close it for as long."""
    username, password = body.text("username", 150, needed=True), body.texts.get("password")
    if password is None:
        raise Refused(password="This field is required.")
    try:
        token = await run_in_threadpool(Accounts(request.app.state.catalog).login, username, password, _address(request))
    except WrongCredentials as error:
        raise Refused(non_field_errors=str(error)) from None
    except TooManyLogins as error:
        raise _too_many(error) from None
    return {"auth_token": token}


@router.post("/auth/token/logout/", status_code=204, summary="Log out", responses=_401)
async def logout(request: Request, known: Known, given: Annotated[str | None, Depends(_KEY)]) -> Response:
    """Makes the token worthless."""
    await run_in_threadpool(Accounts(request.app.state.catalog).logout, _token(given))
    return Response(status_code=204)


@router.get("/api/v1/recordings/", summary="One's recordings", responses={**_400, **_401})
async def recordings(
    request: Request,
    response: Response,
    known: Known,
    username: Annotated[str | None, Query(alias="user__username", max_length=150)] = None,
    status: Annotated[str | None, Query(pattern="^(queued|running|done|failed)$")] = None,
    search: Annotated[str | None, Query(max_length=200, description="Part of the name, the words or the transcript.")] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST_LISTED)] = _MOST_LISTED,
    offset: Annotated[int, Query(ge=0, le=1 << 40)] = 0,
    compat: Compat = "0",
) -> list[dict[str, Any]]:
    """The account's recordings, the newest first, a thousand of them at most; how many there are in all is in the header X-Total-Count."""
    return await _listed(request, response, known.id, username, status, search, limit, offset, compat)


@router.post(
    "/api/v1/recordings/",
    status_code=201,
    summary="Upload a recording",
    responses={
        **_400,
        **_401,
        202: {"description": "Taken; it is worked on"},
        409: {"description": "The idempotency key was another request's"},
        413: {"description": "The file is too large"},
        415: {"description": "It is no form"},
        503: {"description": "There is no speech model here"},
        507: {"description": "There is no room here, or the storage is away"},
    },
    openapi_extra=_fields(
        {"name": "At most 32 characters.", **_WORDS, "webhook": "URL that gets a POST when it is done."}, ("name", "audio_file"), file=True
    ),
)
async def upload(request: Request, known: Known, body: Body, asynchronous: Asynchronous = False, compat: Compat = "0") -> JSONResponse:
    """Stores a recording in any codec and of any length, writes it down, looks for the words, and judges its sentiment.

    The answer comes when all that is done (201), or at once (202) with `async=1` or the header `Prefer: respond-async`. The same request
    with the same header `Idempotency-Key` is made once. A recording that could not be worked on has the status `failed` and says why.
    With `compat` only its first minute is taken, as of old.
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
        return JSONResponse(_shown(made, settings, compat), 202, {"Location": f"{RECORDINGS}{made.uuid}/"})
    done = await _finished(worker, made.uuid)
    shown = await run_in_threadpool(_shown, done, settings, compat)
    return JSONResponse(shown, 201, {"Location": f"{RECORDINGS}{made.uuid}/"})


@router.get("/api/v1/recordings/{uuid}/", summary="A recording", responses=_404)
async def detail(request: Request, known: Known, uuid: str, compat: Compat = "0") -> dict[str, Any]:
    """One of the account's recordings; `status` says how far it is: queued, running, done, failed."""
    return await run_in_threadpool(_shown, await _own(request, known, uuid), request.app.state.settings, compat)


@router.delete("/api/v1/recordings/{uuid}/", status_code=204, summary="Delete a recording", responses=_404)
async def delete(request: Request, known: Known, uuid: str) -> Response:
    """Deletes a recording and its sound."""
    state = request.app.state
    await run_in_threadpool(erase, state.lake, state.catalog, await _own(request, known, uuid), known.username)
    return Response(status_code=204)


@router.post(
    "/api/v1/recordings/{uuid}/words/",
    summary="Look for other words",
    responses={**_400, **_404},
    openapi_extra=_fields(_WORDS, ("words",)),
)
async def other_words(request: Request, known: Known, uuid: str, body: Body, compat: Compat = "0") -> dict[str, Any]:
    """Looks for other words in what was written down already: nothing is heard again."""
    made = await _own(request, known, uuid)
    if "words" not in body.texts:
        raise Refused(words="This field is required.")
    words = body.text("words", _LONGEST_WORDS)
    timestamps = body.flag("get_timestamps") if "get_timestamps" in body.texts else made.get_timestamps
    keywords = _keywords(words, body)
    changed = await run_in_threadpool(_worker(request).look_for, made, words, keywords.stemming, keywords.fuzzy, timestamps)
    if changed is None:
        raise HTTPException(404, "Not found.")
    return await run_in_threadpool(_shown, changed, request.app.state.settings, compat)


@router.post(
    "/api/v1/recordings/{uuid}/retry/",
    status_code=202,
    summary="Try again",
    responses={**_404, 409: {"description": "It has not failed"}},
)
async def retry(request: Request, known: Known, uuid: str) -> dict[str, Any]:
    """Works on a failed recording anew."""
    queued = await run_in_threadpool(_worker(request).again, await _own(request, known, uuid))
    if queued is None:
        raise HTTPException(409, "only what has failed can be tried again")
    return _shown(queued, request.app.state.settings, "0")


@router.get("/api/v1/recordings/{uuid}/transcript/", summary="Its transcript", responses={**_400, **_404}, response_class=Response)
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


@router.get("/api/v1/recordings/{uuid}/history/", summary="What happened to it", responses=_404)
async def history(request: Request, known: Known, uuid: str) -> list[dict[str, Any]]:
    """What happened to a recording, in order; also to one that is deleted."""
    changes = await run_in_threadpool(_uploads(request).changes, _uuid(uuid))
    # a name may be another's by now
    if not any(one.username == known.username and one.at >= known.created_at for one in changes):
        raise HTTPException(404, "Not found.")
    zone = request.app.state.settings.zone
    return [{"at": one.at.astimezone(zone).isoformat(), "user": one.username, "action": one.action, "what": one.what} for one in changes]


@router.get("/admin/recordings/", summary="Everybody's recordings", responses={**_400, **_401, 403: {"description": "Not an admin"}})
async def all_recordings(
    request: Request,
    response: Response,
    known: Admin,
    username: Annotated[str | None, Query(alias="user__username", max_length=150)] = None,
    status: Annotated[str | None, Query(pattern="^(queued|running|done|failed)$")] = None,
    search: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST_LISTED)] = 100,
    offset: Annotated[int, Query(ge=0, le=1 << 40)] = 0,
) -> list[dict[str, Any]]:
    """Recordings of all accounts, the newest first, for admins (`soundmill account admin NAME`)."""
    return await _listed(request, response, None, username, status, search, limit, offset, "0")


@router.get("/admin/users/", summary="All accounts", responses={**_401, 403: {"description": "Not an admin"}})
async def all_users(request: Request, known: Admin) -> list[dict[str, Any]]:
    """All accounts, for admins."""
    found = await run_in_threadpool(Accounts(request.app.state.catalog).all)
    return [{**_account(one), "is_admin": one.is_admin, "created_at": one.created_at.isoformat()} for one in found]


def _wanted(request: Request, body: _Body, compat: str, settings: Settings) -> tuple[Wanted, BinaryIO]:
    """What is asked for, and the file. Raises a 400."""
    name, file = body.text("name", _LONGEST_NAME, needed=True), body.file
    if file is None:
        raise Refused(audio_file="No file was submitted." if "audio_file" not in body.texts else "The submitted data was not a file.")
    if not file.size:
        raise Refused(audio_file="The submitted file is empty.")
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= _LONGEST_KEY and key.isprintable()):
        raise HTTPException(400, f"an idempotency key has 1 to {_LONGEST_KEY} printable characters")
    webhook = body.text("webhook", _LONGEST_URL) or None
    if webhook:
        try:
            AddressPolicy(settings.download_exempt).check_url(webhook)
        except FetchFailed as error:
            raise Refused(webhook=str(error)) from None
    words = body.text("words", _LONGEST_WORDS)
    keywords = _keywords(words, body)
    file_name = "".join(letter for letter in file.filename or "" if letter.isprintable() and not _is_odd(letter))
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


def _keywords(words: str, body: _Body) -> Keywords:
    try:
        return Keywords.parse(words, stemming=body.text("stemming", 32) or None, fuzzy=body.number("fuzzy", 1.0))
    except KeywordsRefused as error:
        raise Refused(words=str(error)) from None


def _refuse_without_model(settings: Settings) -> None:
    if settings.transcription_enabled and _model(settings) is None:
        raise HTTPException(
            503, "there is no speech model here: the operator can fetch one with `soundmill pretrained fetch vosk-small-en`"
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


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _too_many(error: TooManyLogins) -> HTTPException:
    return HTTPException(429, str(error), {"Retry-After": str(error.retry_after)})


async def _finished(worker: UploadWorker, uuid: str) -> Upload:
    """The recording once it is done or failed. Raises a 404 where it was deleted meanwhile."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    def tell() -> None:
        loop.call_soon_threadsafe(told.set)

    with worker.told(uuid, tell):
        while True:
            found = await run_in_threadpool(worker.uploads.get, uuid)
            if found is None:
                raise HTTPException(404, "it was deleted while it was worked on")
            if found.state in ("done", "failed"):
                return found
            try:
                await asyncio.wait_for(told.wait(), _LOOK_SECONDS)  # another process may have it
            except TimeoutError:
                pass
            told.clear()


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


async def _listed(
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
    if any(_is_odd(text) for text in (username, search) if text):
        raise HTTPException(400, "texts may not hold NUL or halves of characters")
    uploads = _uploads(request)

    def made() -> tuple[list[dict[str, Any]], int]:
        found, count = uploads.listed(of, username=username, state=status, search=search, limit=limit, offset=offset)
        return [_shown(one, request.app.state.settings, compat) for one in found], count

    shown, count = await run_in_threadpool(made)
    response.headers["X-Total-Count"] = str(count)
    return shown


def _shown(one: Upload, settings: Settings, compat: str) -> dict[str, Any]:
    """A recording as clients see it; never its sound. With compat "1" or "2" in the shapes of mp3.ai."""
    keywords = Keywords.parse(one.words)
    said = Counter(hit["keyword"] for hit in one.hits)
    counts = {word: said[word] for word in keywords.words}
    times = [{"word": hit["keyword"], "start": hit["start"], "end": hit["end"], "conf": hit["confidence"]} for hit in one.hits]
    times = times if one.get_timestamps else []
    scores = one.sentiment or {}
    shown: dict[str, Any] = {
        "uuid": one.uuid,
        "user": one.username,
        "name": one.name,
        "words": list(keywords.words),
        "word_freqs": counts,
        "get_timestamps": one.get_timestamps,
        "timestamps": times,
        "transcript": one.text,
        **{f"sentiment_{label}": scores.get(label, 0.0) for label in ("negative", "neutral", "positive")},
        "creation_date": one.created_at.astimezone(settings.zone).isoformat(),
        "last_updated": one.updated_at.astimezone(settings.zone).isoformat(),
    }
    if compat != "0":
        present = {word: count for word, count in counts.items() if count}  # as of old, without what nobody said
        old = {"words": one.words, "word_freqs": present}
        if compat == "1":
            old = {"words": json.dumps(list(keywords.words)), "word_freqs": json.dumps(present), "timestamps": repr(times)}
        return {**shown, **old}
    if one.stemming or one.fuzzy < 1:
        for time, hit in zip(times, one.hits, strict=False):
            time |= {"heard": hit["heard"], "score": hit["score"]}
    return {
        **shown,
        "status": one.state,
        "failure": {"reason": one.reason, "message": one.message} if one.state == "failed" else None,
        "seconds": round(one.seconds, 3),
        "stemming": one.stemming,
        "fuzzy": one.fuzzy,
        "sentiment_along": [{name: entry[name] for name in ("start", "end", "text", "scores")} for entry in scores.get("along", ())],
        "speech_model": one.model,
        "sentiment_model": scores.get("model"),
        "webhook": one.webhook_state,
    }


def _account(one: Account) -> dict[str, Any]:
    return {"email": one.email, "username": one.username, "id": one.id}


def _token(given: str | None) -> str:
    kind, _, token = (given or "").strip().partition(" ")
    return token.strip() if kind.lower() in ("token", "bearer") else ""


def _worker(request: Request) -> UploadWorker:
    worker: UploadWorker = request.app.state.uploads
    return worker


def _uploads(request: Request) -> Uploads:
    return _worker(request).uploads
