"""Putting the studio together: one application for every API and page, on the lake and the catalog of the settings."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from anyio import CapacityLimiter
from anyio.to_thread import current_default_thread_limiter
from fastapi import Depends, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi_offline import FastAPIOffline
from sqlalchemy.exc import OperationalError

from soundmill.catalog import open_catalog
from soundmill.errors import NoAudio
from soundmill.ingest.downloader import Downloader
from soundmill.lake import open_lake
from soundmill.options import backup_options, download_options, upload_options
from soundmill.settings import Settings, masked_url
from soundmill.studio import pages
from soundmill.studio.api import (
    capture,
    dashboard,
    downloader,
    labels,
    osr,
    podcast,
    recorder,
    recording,
    rounds,
    sound,
    training,
    transcriber,
)
from soundmill.studio.api.documentation import documentation
from soundmill.studio.api.transcriber.body import Refused
from soundmill.studio.api.transcriber.recordings import RECORDINGS
from soundmill.studio.assets import STATIC, StaticAssets
from soundmill.studio.auth import RoleNeeded, SignInNeeded, page_for
from soundmill.studio.logs import logging_to_file
from soundmill.studio.middleware import BodyLimit, HeadAsGet, KnownPaths, Origins
from soundmill.studio.pages.sign_in import not_allowed, to_sign_in
from soundmill.workflows.takes import MOST_BYTES
from soundmill.workflows.takes.keeping import Originals
from soundmill.workflows.uploads.worker import UploadWorker

log = logging.getLogger("soundmill.studio")
_WRITERS = 2  # of them may wait for their turn to write; who only reads is not kept waiting
_THREADS = 8  # that answer requests: more of them would only keep each other, and the event loop, from Python's lock
_MOST_BYTES = 1 << 20  # of a request's body; APIs that take audio have limits of their own


def create_app(settings: Settings) -> FastAPI:
    """The application. Several processes may run it on one home."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with logging_to_file(settings):
            async with _running(app, settings):
                yield

    app = FastAPIOffline(  # whose /docs needs nothing from the internet
        title="Soundmill studio",
        version=version("soundmill"),
        description="`/downloader` fetches audio by URL, as 16 kHz mono WAV. `/capture` takes segments from edge devices, each once. "
        "`/transcriber` transcribes uploaded recordings, finds keywords in them, and rates their sentiment. `/osr` is Buddybork's "
        "data API, `/podcast` that of Pod.Cast's labelling rounds, `/recorder` that of the recorder of prompted speech. `/api` is what the "
        "pages use: "
        "sound by time, labels, detections.",
        lifespan=lifespan,
        redoc_url=None,
    )
    most = settings.transcriber_max_megabytes << 20
    json_segment = max(_MOST_BYTES, capture.MOST_JSON_BYTES_A_SAMPLE * settings.segment_samples)
    larger = {
        "/capture/data": {"audio/": capture.MOST_BYTES, "": json_segment},
        RECORDINGS: {"multipart/": most},
        "/api/record/*": {"multipart/": MOST_BYTES},
        "/recorder/*": {"multipart/": MOST_BYTES},
        "/api/training/try": {"multipart/": training.MOST_TRIED_BYTES},
    }
    app.add_middleware(BodyLimit, most_bytes=_MOST_BYTES, larger=larger)
    app.add_middleware(Origins, origins=settings.studio_origin_list)
    app.add_middleware(HeadAsGet)
    app.add_middleware(KnownPaths, routes=app.router.routes)
    app.add_exception_handler(RequestValidationError, _bad_input)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(OSError, _no_room)
    app.add_exception_handler(OperationalError, _catalog_away)
    app.add_exception_handler(NoAudio, _no_sound)
    app.add_exception_handler(SignInNeeded, to_sign_in)
    app.add_exception_handler(RoleNeeded, not_allowed)
    for router in (
        sound.router,
        labels.router,
        rounds.router,
        dashboard.router,
        training.router,
    ):  # what is asked most often is found first
        app.include_router(router)
    app.include_router(recording.router, prefix="/api/record", dependencies=[Depends(page_for("speaker", "engineer", "annotator"))])
    # the same, for who knows the recorder's password alone: browsers send it below its own path only
    app.include_router(
        recording.router,
        prefix="/recorder/api/record",
        dependencies=[Depends(recorder.may_record), Depends(recorder.is_served)],
        include_in_schema=False,
    )
    app.include_router(recording.mine)
    app.include_router(recording.reviews)
    for api in (capture.router, downloader.router, osr.router, podcast.router, recorder.router, transcriber.router):
        app.include_router(api)
        app.include_router(documentation(api))
    app.include_router(pages.router)
    app.mount("/static", StaticAssets(directory=STATIC), name="static")
    app.add_api_route("/favicon.ico", lambda: RedirectResponse("/static/favicon.svg"), include_in_schema=False)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # as FastAPI's own documentation does it
    return app


@asynccontextmanager
async def _running(app: FastAPI, settings: Settings) -> AsyncIterator[None]:
    """Lake, catalog and workers, open while the block runs."""
    current_default_thread_limiter().total_tokens = _THREADS
    app.state.writers = CapacityLimiter(_WRITERS)
    app.state.settings, app.state.started_at = settings, datetime.now(UTC)
    app.state.lake = open_lake(settings.lake_url, settings.s3_endpoint)
    app.state.catalog = open_catalog(settings.catalog_url)
    app.state.feed = dashboard.feed_of(app.state.lake, app.state.catalog, settings)
    uploads = UploadWorker(app.state.lake, app.state.catalog, upload_options(settings))
    async with Downloader(app.state.lake, app.state.catalog, download_options(settings)) as worker:
        app.state.worker, app.state.uploads = worker, uploads
        app.state.decoding = CapacityLimiter(uploads.options.workers)
        app.state.parsing = CapacityLimiter(capture.PARSED_AT_ONCE)
        originals = Originals(app.state.lake, app.state.catalog, backup_options(settings), settings.recorder_names)
        app.state.originals = originals
        await run_in_threadpool(uploads.__enter__)
        await run_in_threadpool(originals.__enter__)
        try:
            yield
        finally:
            await run_in_threadpool(originals.__exit__)
            await run_in_threadpool(uploads.__exit__)
    app.state.catalog.close()


async def _bad_input(request: Request, error: Exception) -> JSONResponse:
    """What is missing or of the wrong kind, by name, as a 400; a body that is not said to be JSON, as a 415."""
    assert isinstance(error, RequestValidationError)
    kind = request.headers.get("content-type", "")
    if "json" not in kind and any(one["loc"] == ("body",) and one["type"] != "missing" for one in error.errors()):
        return JSONResponse({"detail": f"send JSON, with Content-Type: application/json, not {kind or 'nothing'}"}, 415)
    if request.url.path.startswith("/transcriber/"):
        return JSONResponse({".".join(map(str, one["loc"][1:])) or str(one["loc"][0]): [one["msg"]] for one in error.errors()}, 400)
    lines = [f"{'.'.join(str(part) for part in one['loc'][1:]) or one['loc'][0]}: {one['msg']}" for one in error.errors()]
    return JSONResponse({"detail": "; ".join(lines)}, 400)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    """What is wrong with each field, as a 400."""
    assert isinstance(error, Refused)
    return JSONResponse(error.fields, 400)


async def _no_room(request: Request, error: Exception) -> JSONResponse:
    """What cannot be read or stored here, as a 507."""
    assert isinstance(error, OSError)
    log.error("%s %s: %s", request.method, request.url.path, error)
    return JSONResponse({"detail": f"the storage cannot be used: {error.strerror or 'it is away'}"}, 507)


async def _no_sound(_: Request, error: Exception) -> JSONResponse:
    """Where there is nothing to hear, as a 404."""
    return JSONResponse({"detail": str(error)}, 404)


async def _catalog_away(request: Request, error: Exception) -> JSONResponse:
    """A catalog that is away, locked or full, as a 503."""
    log.error("%s %s: %s", request.method, request.url.path, masked_url(str(error)))
    return JSONResponse({"detail": "the catalog cannot be used right now"}, 503, {"Retry-After": "5"})


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The description of the API, in which bad input is a 400, as it is here."""
    if not app.openapi_schema:
        described = FastAPI.openapi(app)
        for path in described["paths"].values():
            for operation in path.values():
                if operation["responses"].pop("422", None):
                    operation["responses"].setdefault("400", {"description": "Something is missing or cannot be used"})
        app.openapi_schema = described
    return app.openapi_schema
