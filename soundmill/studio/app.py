"""Putting the studio together: one application for every API and page, on the lake and the catalog of the settings."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from anyio import CapacityLimiter
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from soundmill.catalog import open_catalog
from soundmill.ingest.downloader import Downloader
from soundmill.lake import open_lake
from soundmill.options import download_options, upload_options
from soundmill.settings import Settings
from soundmill.studio import downloader, hub, pages, transcriber
from soundmill.studio.logs import log_to_file
from soundmill.workflows.uploads.worker import UploadWorker

_MOST_BYTES = 1 << 20  # of a request's body; APIs that take audio have limits of their own


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application. Several processes may run it on one home."""
    values = settings or Settings()
    log_to_file(values)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.settings = values
        app.state.lake = open_lake(values.lake_url, values.s3_endpoint)
        app.state.catalog = open_catalog(values.catalog_url)
        uploads = UploadWorker(app.state.lake, app.state.catalog, upload_options(values))
        async with Downloader(app.state.lake, app.state.catalog, download_options(values)) as worker:
            app.state.worker, app.state.uploads = worker, uploads
            app.state.decoding = CapacityLimiter(uploads.options.workers)
            await run_in_threadpool(uploads.__enter__)
            try:
                yield
            finally:
                await run_in_threadpool(uploads.__exit__)
        app.state.catalog.close()

    app = FastAPIOffline(  # whose /docs needs nothing from the internet
        title="Soundmill studio",
        version=version("soundmill"),
        description="Audio by URL: each call is fetched, converted to 16 kHz mono WAV, measured, and entered in the ledger. "
        "Audio from edges: their segments land here, each once. Recordings of people: written down, looked through for words, and judged.",
        lifespan=lifespan,
        redoc_url=None,
    )
    most = values.transcriber_max_megabytes << 20
    larger = {"/capture/data": ("", hub.MOST_BYTES)}
    larger |= dict.fromkeys(
        (transcriber.RECORDINGS, transcriber.RECORDINGS.rstrip("/")), ("multipart/", most)
    )  # the latter leads to the former
    app.add_middleware(BodyLimit, most_bytes=_MOST_BYTES, larger=larger)
    app.add_exception_handler(RequestValidationError, _bad_input)
    app.add_exception_handler(transcriber.Refused, _refused)
    app.include_router(downloader.router)
    app.include_router(hub.router)
    app.include_router(transcriber.router)
    app.include_router(pages.router)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # as FastAPI's own documentation does it
    return app


class BodyLimit:
    """Refuses bodies that are larger than allowed with 413, before anything reads them whole; `larger` are the bounds of some paths, for
    bodies whose type begins so."""

    def __init__(self, app: ASGIApp, most_bytes: int, larger: Mapping[str, tuple[str, int]]) -> None:
        self._app, self._most, self._larger = app, most_bytes, larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        kind, larger = self._larger.get(scope["path"], ("", self._most))
        most = larger if headers.get(b"content-type", b"").lower().startswith(kind.encode()) else self._most
        claimed = headers.get(b"content-length", b"0")
        if claimed.isdigit() and int(claimed) > most:
            await self._refuse(most, scope, receive, send)
            return
        received, begun = 0, False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise _TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            if received > most and not begun:
                return  # what FastAPI makes of a body that could not be read
            begun = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except _TooLarge:
            pass
        if received > most and not begun:
            await self._refuse(most, scope, receive, send)

    async def _refuse(self, most: int, scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse({"detail": f"the request is larger than {most} bytes"}, 413)(scope, receive, send)


class _TooLarge(Exception):
    pass


async def _bad_input(request: Request, error: Exception) -> JSONResponse:
    """What is missing or of the wrong kind, by name, as a 400."""
    assert isinstance(error, RequestValidationError)
    if request.url.path.startswith("/transcriber/"):
        return JSONResponse({".".join(map(str, one["loc"][1:])) or str(one["loc"][0]): [one["msg"]] for one in error.errors()}, 400)
    lines = [f"{'.'.join(str(part) for part in one['loc'][1:]) or one['loc'][0]}: {one['msg']}" for one in error.errors()]
    return JSONResponse({"detail": "; ".join(lines)}, 400)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    """What is wrong with each field, as a 400."""
    assert isinstance(error, transcriber.Refused)
    return JSONResponse(error.fields, 400)


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
