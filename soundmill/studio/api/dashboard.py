"""`/api`: the pipeline as it is now, also as server-sent events; what was detected; and files in quarantine."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import TypeAdapter

from soundmill.catalog import Catalog, LiveRecord, ModelRegistry
from soundmill.errors import UnknownModel
from soundmill.lake import Lake
from soundmill.settings import Settings
from soundmill.studio.auth import page_for
from soundmill.studio.feed import Feed, Part
from soundmill.times import from_ms, to_ms
from soundmill.workflows.dashboard import (
    CollectionNow,
    DownloadsNow,
    QuarantineNow,
    StationNow,
    collection_now,
    downloads_now,
    quarantine_now,
    stations_now,
    uploads_now,
)
from soundmill.workflows.listening.quarantined import quarantined_file, quarantined_sound
from soundmill.workflows.predictions import Predicted, newest_prediction, predictions, version_named
from soundmill.workflows.runs import RunsNow, runs_now

router = APIRouter(prefix="/api", tags=["dashboard"], dependencies=[Depends(page_for("engineer", "annotator"))])
_FOLLOWED_FOR = 600.0  # seconds; the browser then connects again, and its session is looked at again
_MOST_EVENTS = 300
_LONGEST_DAYS = 31
_HOUR_MS = 3_600_000
_HEARD_SECONDS = 60
_NOTHING: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such thing"}}
_Moment = Annotated[float, Query(ge=0, le=4.2e12)]


@dataclass(frozen=True)
class DetectionsMark:
    """Changes when there are new live detections, or another champion."""

    mark: str


@dataclass(frozen=True)
class Overview:
    """Everything at once."""

    stations: list[StationNow]
    collection: CollectionNow
    downloads: DownloadsNow
    uploads: dict[str, int]
    quarantine: QuarantineNow
    runs: RunsNow
    detections: DetectionsMark


@dataclass(frozen=True)
class DetectedEvent:
    """Neighbouring detections of one tag, from `start` to `end` (ms). `score` is the margin to the tag's threshold."""

    source: str
    start: int
    end: int
    tag: str
    score: float
    probability: float | None


@dataclass(frozen=True)
class DetectionsOut:
    """What a model detected from one moment to another.

    model    its name and version; empty where there is no model
    total    how many events there are
    events   the last 300 of them, the newest first
    counts   events by tag, and by the hour they began in (ms)
    newest   the last event before that span, where there is none in it
    """

    model: str
    total: int
    events: list[DetectedEvent]
    counts: dict[str, dict[int, int]]
    newest: DetectedEvent | None = None


def _parts(lake: Lake, catalog: Catalog, settings: Settings) -> dict[str, tuple[Callable[[], Any], type, float]]:
    """What the dashboard shows by name: how it is read, its type, and after how many seconds it is read again."""
    return {
        "stations": (partial(stations_now, settings), list[StationNow], 1.0),
        "detections": (partial(_detections_mark, catalog), DetectionsMark, 2.0),
        "runs": (partial(runs_now, settings.dagster_url), RunsNow, 5.0),
        "downloads": (partial(downloads_now, catalog, settings), DownloadsNow, 5.0),
        "uploads": (partial(uploads_now, catalog), dict[str, int], 5.0),
        "quarantine": (partial(quarantine_now, catalog), QuarantineNow, 10.0),
        "collection": (partial(collection_now, catalog, settings), CollectionNow, 30.0),
    }


def feed_of(lake: Lake, catalog: Catalog, settings: Settings) -> Feed:
    """The feed that tells them to everybody who watches."""
    parts = _parts(lake, catalog, settings)
    return Feed({name: Part(_as_json(read, kind), every) for name, (read, kind, every) in parts.items()})


@router.get("/overview", summary="The pipeline as it is now")
async def overview(request: Request) -> Overview:
    """Stations, collection, downloads, uploads, quarantine, Dagster's runs, and a mark of the detections."""
    state = request.app.state
    parts = _parts(state.lake, state.catalog, state.settings)
    return Overview(**{name: await run_sync(read) for name, (read, _, _) in parts.items()})


@router.get("/events", summary="The same, as it changes", response_class=StreamingResponse)
async def events(request: Request) -> StreamingResponse:
    """Server-sent events, named as the fields of `/api/overview`, with that field as JSON: all at first, then those that change."""
    feed: Feed = request.app.state.feed

    async def lines() -> AsyncIterator[str]:
        yield "retry: 3000\n\n"
        async for name, text in feed.follow(_FOLLOWED_FOR):
            yield f"event: {name}\ndata: {text}\n\n" if name else ": still here\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


@router.get("/detections", summary="What was detected", responses=_NOTHING)
async def detections(
    request: Request,
    start: Annotated[_Moment, Query(alias="from")],
    end: Annotated[_Moment, Query(alias="to")],
    source: Annotated[str, Query(max_length=512, description="all where it is left out")] = "",
    tag: Annotated[str, Query(max_length=64, description="all where it is left out")] = "",
    model: Annotated[str, Query(max_length=100, description="name/version; the champion where it is left out")] = "",
) -> DetectionsOut:
    """Events of a model version over a month at most, from the days' tables and from live detection."""
    if not 0 <= end - start <= _LONGEST_DAYS * 24 * _HOUR_MS:
        raise HTTPException(400, f"from and to span {_LONGEST_DAYS} days at most")
    state = request.app.state

    def read() -> DetectionsOut:
        try:
            chosen = version_named(state.catalog, model)
        except UnknownModel as error:
            raise HTTPException(404, str(error)) from None
        if chosen is None:
            return DetectionsOut("", 0, [], {})
        found = predictions(state.lake, state.catalog, chosen, source or None, from_ms(start), from_ms(end))
        found = [one for one in found if not tag or one.tag == tag]
        counts: dict[str, Counter[int]] = {}
        for one in found:
            counts.setdefault(one.tag, Counter())[to_ms(one.start) // _HOUR_MS * _HOUR_MS] += 1
        earlier = None if found else newest_prediction(state.lake, state.catalog, chosen, from_ms(start))
        return DetectionsOut(
            f"{chosen.name}/{chosen.version}",
            len(found),
            [_event(one) for one in found[: -_MOST_EVENTS - 1 : -1]],
            {tag: dict(by_hour) for tag, by_hour in sorted(counts.items())},
            _event(earlier) if earlier else None,
        )

    return await run_sync(read)


@router.get("/quarantine", summary="What is in quarantine")
async def quarantine(request: Request, reason: Annotated[str | None, Query(max_length=64)] = None) -> QuarantineNow:
    """How much by reason, and what came last, of one reason or of all."""
    return await run_sync(quarantine_now, request.app.state.catalog, reason)


@router.get("/quarantine/{key:path}/file", summary="A file in quarantine", response_class=Response, responses=_NOTHING)
async def quarantine_file(request: Request, key: str) -> Response:
    """As it was landed."""
    lake: Lake = request.app.state.lake
    path = await run_sync(quarantined_file, lake, request.app.state.catalog, key)
    name = path.rpartition("/")[2].encode("ascii", "replace").decode().replace('"', "_").replace("?", "_")
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",  # whatever it holds, no browser is to run it
        "Content-Security-Policy": "sandbox",
    }
    return StreamingResponse(_blocks(lake, path), media_type="application/octet-stream", headers=headers)


@router.get("/quarantine/{key:path}/sound.wav", summary="What can be heard of it", response_class=Response, responses=_NOTHING)
async def quarantine_sound(request: Request, key: str) -> Response:
    """A minute at most of what can be decoded."""
    state = request.app.state
    return Response(await run_sync(quarantined_sound, state.lake, state.catalog, key, _HEARD_SECONDS), media_type="audio/wav")


def _blocks(lake: Lake, path: str, size: int = 1 << 20) -> Any:
    with lake.local_file(path) as file, file.open("rb") as data:
        while block := data.read(size):
            yield block


def _event(one: Predicted) -> DetectedEvent:
    return DetectedEvent(one.source, to_ms(one.start), to_ms(one.end), one.tag, one.score, one.probability)


def _detections_mark(catalog: Catalog) -> DetectionsMark:
    champion, newest = ModelRegistry(catalog).champion(), LiveRecord(catalog).newest_detected_at()
    name = f"{champion.name}/{champion.version}" if champion else "no model"
    return DetectionsMark(f"{name} {newest.isoformat() if newest else ''}")


def _as_json(read: Callable[[], Any], kind: Any) -> Callable[[], str]:
    adapter = TypeAdapter(kind)
    return lambda: json.dumps(adapter.dump_python(read(), mode="json"), separators=(",", ":"))
