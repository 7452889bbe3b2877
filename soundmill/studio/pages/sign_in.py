"""`/sign-in` and `/sign-out`: a session cookie for a browser."""

from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from soundmill.catalog import Accounts
from soundmill.errors import TooManyLogins
from soundmill.studio.auth import COOKIE, RoleNeeded, client_address, signed_in
from soundmill.studio.pages.rendering import first_page, page

router = APIRouter()
_LONGEST = 1024


@router.get("/sign-in", response_class=HTMLResponse)
def form(request: Request, next: str = "/") -> HTMLResponse:
    """Asks for name and password."""
    return page(request, "sign_in.html", next=_local(next), has_password=request.app.state.settings.studio_password is not None)


@router.post("/sign-in", response_class=HTMLResponse)
def sign_in(
    request: Request,
    password: Annotated[str, Form(max_length=_LONGEST)] = "",
    username: Annotated[str, Form(max_length=150)] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    """Opens a session for who knows the password, and goes on to where they came from."""
    state, has_password = request.app.state, request.app.state.settings.studio_password is not None
    accounts, username = Accounts(state.catalog), username.strip()
    facts: dict[str, Any] = {"next": _local(next), "has_password": has_password, "username": username}
    try:
        user = signed_in(accounts, state.settings, username, password, client_address(request))
    except TooManyLogins as error:
        wait = f"Too many failed attempts. Try again in {error.retry_after} seconds."
        answer = page(request, "sign_in.html", status=429, problem=wait, **facts)
        answer.headers["Retry-After"] = str(error.retry_after)
        return answer
    if user is None:
        return page(request, "sign_in.html", status=401, problem="This name and password do not match an account here.", **facts)
    where = _local(next)
    onward = RedirectResponse(first_page(user) if where == "/" else where, 303)
    cookie = accounts.open_session(user.account.id if user.account else None)
    onward.set_cookie(COOKIE, cookie, httponly=True, samesite="lax", secure=request.url.scheme == "https", path="/")
    return onward


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """Ends the browser's session."""
    if cookie := request.cookies.get(COOKIE):
        Accounts(request.app.state.catalog).close_session(cookie)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


async def to_sign_in(request: Request, _: Exception) -> Response:
    """Leads a browser to the sign-in page; answers 401 to all else, with Basic where the studio has a password."""
    is_page = "text/html" in request.headers.get("accept", "")
    if is_page and request.url.path.startswith("/osr"):  # whose clients look at the answer itself
        has_password = request.app.state.settings.studio_password is not None
        return page(request, "sign_in.html", status=401, next="/", has_password=has_password)
    if is_page and request.method == "GET":
        where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/sign-in?next={quote(where, safe='')}", 303)
    has_people = await run_in_threadpool(Accounts(request.app.state.catalog).has_people)
    asks = request.app.state.settings.studio_password is not None or has_people
    headers = {"WWW-Authenticate": 'Basic realm="Soundmill studio"'} if asks else {}
    return JSONResponse({"detail": "sign in first"}, 401, headers)


async def not_allowed(request: Request, error: Exception) -> Response:
    """Says in a page, or in JSON, which roles are needed."""
    assert isinstance(error, RoleNeeded)
    if "text/html" in request.headers.get("accept", ""):
        return page(request, "forbidden.html", error.user, 403, needed=error.needed)
    return JSONResponse({"detail": str(error)}, 403)


def _local(where: str) -> str:
    """A path of this studio; `/` for anything that would lead elsewhere."""
    parts = urlsplit(where)
    is_ours = where.startswith("/") and not where.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return where if is_ours and where.isprintable() else "/"
