"""What every request passes: bounds on its body, a refusal of what other sites' pages send (but for the originals' own pages), HEAD where
there is GET, and paths as clients write them."""

import re
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import quote, urlsplit

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from soundmill.studio.auth import is_loopback

_VERSION = re.compile(r"/transcriber/v([12])(?=/|$)")
_SOME_WITH_SLASH = ("/transcriber", "/downloader", "/capture")  # below these, some routes end with a slash
_OF_ORIGINALS = ("/podcast/", "/recorder/")  # APIs whose own pages may be served from elsewhere
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Origins:
    """Refuses with 403 what a browser sends for another site's page: requests that change something, and come from another origin.

    `origins` are addresses that the studio is reached under besides its Host, such as those of a proxy. Programs send no Origin. The
    originals' own pages may ask the APIs that were made for them from where they are served: one of `origins`, or this machine where the
    studio is reached as a loopback address (CORS, as the Fetch standard has it).
    """

    def __init__(self, app: ASGIApp, origins: Collection[str] = ()) -> None:
        self._app, self._origins = app, frozenset(origin.rstrip("/").lower() for origin in origins)
        self._cors = CORSMiddleware(
            app, allow_origin_regex=".*", allow_methods=["GET", "POST"], allow_headers=["*"], allow_credentials=True
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin and _is_page_of_original(scope["path"], origin, headers.get("host", ""), self._origins):
            await self._cors(scope, receive, send)
        elif scope["method"] in _SAFE or self._is_ours(headers):
            await self._app(scope, receive, send)
        else:
            await JSONResponse({"detail": "this request comes from another site's page"}, 403)(scope, receive, send)

    def _is_ours(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "none") in ("none", "same-origin")
        return origin.lower() in self._origins or origin.lower().partition("://")[2] == headers.get("host", "").lower()


def _is_page_of_original(path: str, origin: str, host: str, origins: Collection[str]) -> bool:
    """Whether a request is for an original's API and comes from where its own page may be served."""
    if not path.startswith(_OF_ORIGINALS):
        return False
    try:
        theirs, ours = urlsplit(origin).hostname or "", urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return origin.lower() in origins or (is_loopback(theirs) and is_loopback(ours))


class HeadAsGet:
    """Answers HEAD like GET, without the body: so programs learn whether something is there, and how large it is (RFC 9110, 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app({**scope, "method": "GET"}, receive, without_body)


class KnownPaths:
    """Leads every way in which clients write a path to its one route: with or without a slash at its end; `/transcriber/v1/...` and
    `/transcriber/v2/...`, whose answers are in the shapes of mp3.ai; and `.json` at the end of a path of recordings."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app, self._routes = app, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(self._rewritten(scope) if scope["type"] == "http" else scope, receive, send)

    def _rewritten(self, scope: Scope) -> Scope:
        path, query = scope["path"], scope["query_string"]
        if version := _VERSION.match(path):
            path = "/transcriber" + path[version.end() :]
            if b"compat=" not in query:
                query = query + (b"&" if query else b"") + f"compat={version[1]}".encode()
        if path.startswith("/transcriber/api/") and path.endswith(".json"):
            path = path.removesuffix(".json")
        if not path.endswith("/") and not path.startswith(_SOME_WITH_SLASH):
            return scope
        toggled = path.rstrip("/") if path.endswith("/") else f"{path}/"
        if toggled and not self._is_known(scope, path) and self._is_known(scope, toggled):
            path = toggled
        if (path, query) == (scope["path"], scope["query_string"]):
            return scope
        return {**scope, "path": path, "raw_path": quote(path).encode(), "query_string": query}

    def _is_known(self, scope: Scope, path: str) -> bool:
        wanted = {**scope, "path": path}
        return any(route.matches(wanted)[0] != Match.NONE for route in self._routes if not isinstance(route, Mount))


class BodyLimit:
    """Refuses bodies that are larger than allowed with 413, before anything reads them whole; `larger` has the bounds of some paths, by
    how the bodies' type begins. A path that ends with a star stands for all that begin so."""

    def __init__(self, app: ASGIApp, most_bytes: int, larger: Mapping[str, Mapping[str, int]]) -> None:
        self._app, self._most, self._larger = app, most_bytes, larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given, larger = headers.get(b"content-type", b"").lower(), self._bounds(scope["path"])
        most = next((bound for kind, bound in larger.items() if given.startswith(kind.encode())), self._most)
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

    def _bounds(self, path: str) -> Mapping[str, int]:
        exact = self._larger.get(path)
        return exact or next((of for below, of in self._larger.items() if below.endswith("*") and path.startswith(below[:-1])), {})

    async def _refuse(self, most: int, scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse({"detail": f"the request is larger than {most} bytes"}, 413)(scope, receive, send)


class _TooLarge(Exception):
    pass
