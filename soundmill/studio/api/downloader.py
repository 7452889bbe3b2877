"""`/downloader`: calls by URL over HTTP, with the fields and answers that clients of the downloader know.

What is asked for here goes through the queue that the asset works on, and through the same code; the answer comes when it is done.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from soundmill.catalog import AudioCollection, DownloadRequest, Item, Wanted, download_key
from soundmill.errors import FetchFailed, RequestRefused
from soundmill.ingest.conversations import conversations_of, megabytes, size_of, summary, toward_target
from soundmill.ingest.downloader import Downloader, Outcome
from soundmill.ingest.flat_view import flat_view
from soundmill.ingest.pairs import AGENT, CUSTOMER, complete
from soundmill.ingest.requests import DEFAULT_SPEAKER
from soundmill.lake import Lake
from soundmill.settings import Settings
from soundmill.studio.auth import token

log = logging.getLogger("soundmill.downloader")
router = APIRouter(prefix="/downloader", tags=["downloader"])
_REFUSED: dict[int | str, dict[str, Any]] = {400: {"description": "The input is wrong, or the audio cannot be had or used"}}
_MOST_NAMES = 50
_VIEW_SHARE = 20  # of the time at most one part goes into the view of a large collection
_T = TypeVar("_T")

ConversationId = Annotated[str, Form(description="The call; together with the speaker it names the file.")]


@router.get("/", summary="What this is")
async def about() -> dict[str, Any]:
    """What this service is, and where its endpoints are."""
    return {
        "service": "Audio downloader",
        "version": "1.0.0",
        "description": "Fetches calls by URL and keeps them as 16 kHz mono WAV, a file for each speaker",
        "endpoints": {
            "/health": "GET: whether the service is well",
            "/download/single": "POST: one file",
            "/download/dual": "POST: the agent's file of a call, and the customer's",
            "/storage/info": "GET: what is stored",
            "/statistics": "GET: calls, hours and sizes; with target_hours, how far that is",
        },
    }


@router.get("/health", summary="Whether it is well")
async def health(request: Request) -> dict[str, str]:
    """Whether catalog and lake can be used."""
    return {"status": "healthy", "storage_dir": await run_in_threadpool(_storage, request)}


@router.post("/download/single", summary="Fetch one file", responses=_REFUSED, dependencies=[Depends(token)], response_model=None)
async def single(
    request: Request,
    conversation_id: ConversationId,
    audio_url: Annotated[str, Form(description="Where the audio is: http(s), also a share link of Google Drive or Dropbox.")],
    speaker_label: Annotated[
        str, Form(description="Who speaks; `agent+customer` takes a stereo recording apart, left and right.")
    ] = DEFAULT_SPEAKER,
) -> dict[str, Any] | JSONResponse:
    """Fetches one file, in place of what was stored for that speaker of that conversation."""
    wanted = _wanted(conversation_id, speaker_label, audio_url)
    if held := _held_back(request, wanted):
        return held
    (outcome,) = await _fetch(request, [wanted])
    if outcome.failure:
        return _refusal(outcome.failure)
    files = [_file(item, request.app.state.lake) for item in outcome.items]
    answer = {"status": "success", "conversation_id": wanted.conversation, "speaker_label": wanted.speaker, **files[0]}
    return {**answer, "files": files} if len(files) > 1 else answer


@router.post("/download/dual", summary="Fetch both sides of a call", responses=_REFUSED, dependencies=[Depends(token)], response_model=None)
async def dual(
    request: Request,
    conversation_id: ConversationId,
    audio_url_agent: Annotated[str, Form(description="The agent's audio; without it the call fails.")],
    audio_url_customer: Annotated[str | None, Form(description="The customer's audio; where it fails, the call does not.")] = None,
) -> dict[str, Any] | JSONResponse:
    """Fetches the two sides of a call. A call that is there is skipped; what failed before is tried again, and a side that is missing is
    added to one from the same URL as before: sides of different calls do not become a pair."""
    asked = [_wanted(conversation_id, AGENT, audio_url_agent)]
    if audio_url_customer and audio_url_customer.strip():
        asked.append(_wanted(conversation_id, CUSTOMER, audio_url_customer))
    if held := _held_back(request, asked[0]):
        return held
    conversation, worker, lake = asked[0].conversation, _worker(request), request.app.state.lake
    known = {one.speaker: one for one in await _query(worker.queue.of, conversation)}
    if await _query(_is_taken, worker, known, asked):
        return _skipped(conversation, f"{conversation} is stored already, or is being downloaded")
    if other := [one.speaker for one in asked if one.speaker in known and _is_from_elsewhere(known[one.speaker], one)]:
        return _skipped(conversation, f"of {conversation} the file of {' and '.join(other)} is stored already, from another URL")
    missing = [one for one in asked if one.speaker not in known or known[one.speaker].state != "done"]
    outcomes = {one.speaker: outcome for one, outcome in zip(missing, await _fetch(request, missing), strict=True)}
    there = await _query(worker.ledger.known, [download_key(conversation, one.speaker) for one in asked])
    downloads, ready = [], set()
    for one in asked:
        outcome = outcomes.get(one.speaker)
        if outcome and outcome.failure:
            if one.speaker == AGENT:
                return _refusal(outcome.failure)
            downloads.append({"speaker": one.speaker, "status": "failed", "error": _message(outcome.failure)})
            continue
        item = outcome.items[0] if outcome else there[download_key(conversation, one.speaker)]
        ready.add(one.speaker)
        downloads.append({"speaker": one.speaker, **_file(item, lake), "status": "success"})
    answer = {"conversation_id": conversation, "status": "success", "total_files": len(ready), "downloads": downloads}
    return {**answer, "metadata_tracked": True} if ready >= {AGENT, CUSTOMER} else answer


@router.get("/storage/info", summary="What is stored", dependencies=[Depends(token)])
async def storage_info(request: Request) -> dict[str, Any]:
    """How much is stored; at most 50 names of files and of conversations."""
    items = [item for item in await _items(request) if item.path]
    names = sorted((item.path or "").rsplit("/", 1)[1] for item in items)
    conversations = sorted({item.measures["conversation"] for item in items})
    return {
        "storage_directory": await run_in_threadpool(_storage, request),
        "total_files": len(items),
        "total_size_mb": megabytes(sum(size_of(item) for item in items)),
        "total_conversations": len(conversations),
        "files": names[:_MOST_NAMES],
        "conversation_folders": conversations[:_MOST_NAMES],
    }


@router.get("/statistics", summary="Calls, hours, sizes", responses=_REFUSED, dependencies=[Depends(token)])
async def statistics(
    request: Request,
    target_hours: Annotated[
        float | None, Query(le=1e9, allow_inf_nan=False, description="Hours that are aimed at; 0 and less: none.")
    ] = None,
) -> dict[str, Any]:
    """What the calls with both sides add up to, and how far that is toward a target."""
    zone = _settings(request).zone
    found = conversations_of(await _items(request), zone)
    progress = {"progress": toward_target(found, target_hours)} if target_hours and target_hours > 0 else {}
    return {"summary": summary(found), **progress, "timestamp": datetime.now(zone).isoformat()}


@router.get("/conversations", summary="Calls by name", dependencies=[Depends(token)])
async def conversations(request: Request) -> dict[str, Any]:
    """Calls by name: which sides are there, and how requests fare."""
    items = await _items(request)
    counts = await _query(_worker(request).queue.counts, datetime.now(UTC))
    paired = complete(items)
    alone = sorted({item.measures["conversation"] for item in items if item.path} - set(paired))
    return {"complete": sorted(paired), "incomplete": alone, "requests": counts}


def _wanted(conversation: str, speaker: str, url: str) -> Wanted:
    try:
        return Wanted(conversation, speaker, url)
    except RequestRefused as error:
        raise HTTPException(400, str(error)) from None


def _held_back(request: Request, wanted: Wanted) -> dict[str, Any] | None:
    """The answer while nothing is to be downloaded."""
    if _settings(request).downloads_enabled:
        return None
    return {
        "status": "dry_run",
        "conversation_id": wanted.conversation,
        "message": "the request is in order; downloads are switched off",
        "note": "set SOUNDMILL_DOWNLOADS_ENABLED=true to download",
    }


def _skipped(conversation: str, message: str) -> dict[str, Any]:
    return {
        "status": "skipped",
        "conversation_id": conversation,
        "message": message,
        "reason": "duplicate_conversation_id",
        "action": "none: nothing was downloaded; use another conversation_id for another call",
    }


def _is_from_elsewhere(known: DownloadRequest, asked: Wanted) -> bool:
    return known.state == "done" and known.url != asked.url


def _is_taken(worker: Downloader, known: dict[str, DownloadRequest], asked: Sequence[Wanted]) -> bool:
    """Whether all that is asked for is done, or somebody is on some of it right now."""
    there = [known[one.speaker] for one in asked if one.speaker in known]
    return any(worker.queue.is_held(one) for one in there) or (len(there) == len(asked) and all(one.state == "done" for one in there))


async def _fetch(request: Request, wanted: Sequence[Wanted]) -> list[Outcome]:
    try:
        outcomes = await _worker(request).fetch_now(wanted)
    except RequestRefused as error:
        log.info("refused: %s", error)
        raise HTTPException(400, str(error)) from None
    except OSError as error:
        log.exception("%s cannot be stored", wanted[0].conversation)
        raise HTTPException(507, f"the file cannot be stored: {error.strerror or error}") from error
    return _logged(outcomes)


def _logged(outcomes: list[Outcome]) -> list[Outcome]:
    """The same, with a line in the log for each."""
    for outcome in outcomes:
        who = f"{outcome.request.conversation} {outcome.request.speaker}"
        if outcome.failure:
            log.warning("%s: %s", who, _message(outcome.failure))
        else:
            log.info("%s: %.1f s, %.2f MB", who, outcome.items[0].seconds, megabytes(sum(size_of(item) for item in outcome.items)))
    return outcomes


def _refusal(failure: FetchFailed) -> JSONResponse:
    retry = "transient" if failure.transient else "permanent"
    return JSONResponse({"detail": _message(failure), "reason": failure.code, "retry": retry}, 400)


def _message(failure: FetchFailed) -> str:
    return f"{failure.code}: {failure}"


def _file(item: Item, lake: Lake) -> dict[str, Any]:
    path = item.path or ""
    found = {"filename": path.rsplit("/", 1)[1], "filepath": lake.address(path), "file_size_mb": megabytes(size_of(item))}
    return {**found, "note": f"{item.reason}: {item.message}"} if item.reason else found


async def _items(request: Request) -> list[Item]:
    return await _query(_worker(request).collection.downloads)


async def _query(function: Callable[..., _T], *arguments: Any) -> _T:
    return await run_in_threadpool(function, *arguments)


def _storage(request: Request) -> str:
    """A folder with a folder for each call, as programs that read the disk expect it; of a lake elsewhere, the address of the files."""
    state = request.app.state
    collection, place = AudioCollection(state.catalog), state.settings.home / "conversations"
    counts, files = collection.counts(), str(state.lake.address("audio/downloads"))
    if "://" in files:
        return files
    seen, due = getattr(state, "viewed", (None, 0.0))
    began = time.monotonic()
    if (seen != counts and began >= due) or not place.exists():
        flat_view(collection.downloads(), state.lake, place)
        took = time.monotonic() - began
        state.viewed = counts, began + _VIEW_SHARE * took
    return str(place)


def _worker(request: Request) -> Downloader:
    worker: Downloader = request.app.state.worker
    return worker


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings
