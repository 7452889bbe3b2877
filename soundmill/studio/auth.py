"""Who asks, and what they may do: a session cookie or Basic credentials for pages, tokens for APIs.

On loopback, with no account but clients' and no password set, there is one local user and no sign-in.
"""

import base64
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer
from pydantic import SecretStr

from soundmill.catalog import Account, Accounts, Role
from soundmill.errors import TooManyLogins, WrongCredentials
from soundmill.settings import Settings

COOKIE = "soundmill_session"
STUDIO = "the studio's password"  # the name under which guesses at it are counted
BEARER = HTTPBearer(auto_error=False, description="SOUNDMILL_API_TOKEN, or the token of an account that is an engineer's or an admin's")


class _Basic(HTTPBasic):
    """Basic credentials in UTF-8, as browsers and curl send them (RFC 7617), or in Latin-1; FastAPI's own take ASCII only."""

    async def __call__(self, request: Request) -> HTTPBasicCredentials | None:  # type: ignore[override]
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            data = base64.b64decode(encoded.strip(), validate=True)
        except ValueError:
            return None
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
        username, has_colon, password = text.partition(":")
        return HTTPBasicCredentials(username=username, password=password) if has_colon else None


BASIC = _Basic(auto_error=False)
_PEOPLE_KNOWN_FOR = 2.0  # seconds


@dataclass(frozen=True)
class User:
    """Who asks. `account` is None for the local user and for whoever knows the studio's password: both may do everything."""

    name: str
    account: Account | None = None

    def has(self, *roles: Role) -> bool:
        """Whether one of these roles is theirs; admins have all."""
        return self.account is None or self.account.has(*roles)


LOCAL, OPERATOR = User("local user"), User("operator")


class SignInNeeded(Exception):
    """Nobody is signed in; the application answers with the way to the sign-in page, or with 401."""


class RoleNeeded(Exception):
    """Whoever is signed in has none of the roles needed; the application answers with 403."""

    def __init__(self, user: User, roles: tuple[Role, ...]) -> None:
        self.user, self.needed = user, " or ".join(dict.fromkeys((*roles, "admin")))
        super().__init__(f"this page is for {self.needed}; you are {', '.join(user.account.roles) if user.account else ''}")


def current_user(request: Request, basic: Annotated[HTTPBasicCredentials | None, Depends(BASIC)]) -> User | None:
    """Who opens a page: by session cookie, by Basic credentials, or the local user; None where that is nobody. Raises a 421 or 429."""
    _refuse_other_names(request)
    settings, accounts = _settings(request), Accounts(request.app.state.catalog)
    if cookie := request.cookies.get(COOKIE):
        is_open, account = accounts.by_session(cookie, timedelta(minutes=settings.session_minutes))
        if is_open and (account is not None or settings.studio_password is not None):
            return User(account.username, account) if account else OPERATOR
    if basic is not None:
        try:
            return signed_in(accounts, settings, basic.username, basic.password, client_address(request))
        except TooManyLogins as error:
            raise HTTPException(429, str(error), {"Retry-After": str(error.retry_after)}) from None
    return LOCAL if is_local(request) else None


def signed_in(accounts: Accounts, settings: Settings, username: str, password: str, address: str) -> User | None:
    """Who knows this name and password: an account, or whoever knows the studio's password. Raises `TooManyLogins`."""
    secret = settings.studio_password
    if secret is not None and (not username or accounts.named(username) is None):
        return OPERATOR if accounts.check_secret(secret.get_secret_value(), password, STUDIO, address) else None
    try:
        account = accounts.authenticate(username, password, address)
    except WrongCredentials:
        return None
    return User(account.username, account)


def page_for(*roles: Role) -> Callable[[Request, User | None], User]:
    """A dependency that lets a page's users through, and nobody else. Raises `SignInNeeded`, `RoleNeeded`."""

    def check(request: Request, user: Annotated[User | None, Depends(current_user)]) -> User:
        if user is None:
            raise SignInNeeded
        if not user.has(*roles):
            raise RoleNeeded(user, roles)
        request.state.user = user
        return user

    return check


def token(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]) -> None:
    """Lets an API call through: with SOUNDMILL_API_TOKEN, with an engineer's or admin's token, or where none is asked for.

    Raises a 401, or a 421.
    """
    if not knows_token(request, given.credentials if given else "") and not asks_nobody(request):
        raise HTTPException(401, "this API asks for a token: Authorization: Bearer ...", {"WWW-Authenticate": "Bearer"})


def knows_token(request: Request, given: str) -> bool:
    """Whether a token opens the APIs that are not an account's own: SOUNDMILL_API_TOKEN, or an engineer's or admin's."""
    secret: SecretStr | None = _settings(request).api_token
    if secret is not None and secrets.compare_digest(secret.get_secret_value().encode(), given.encode(errors="surrogatepass")):
        return True
    account = Accounts(request.app.state.catalog).by_token(given) if given else None
    return account is not None and account.has("engineer")


def asks_nobody(request: Request) -> bool:
    """Whether these APIs are open: without SOUNDMILL_API_TOKEN, and without people. Raises a 421."""
    _refuse_other_names(request)
    return _settings(request).api_token is None and not has_people(request)


def _refuse_other_names(request: Request) -> None:
    """Refuses with 421 what asks a studio that stands on this machine alone under another name than its own: a page elsewhere can have its
    name point at this machine, and would read everything (DNS rebinding)."""
    settings, host = _settings(request), request.url.hostname or ""
    names = {urlsplit(origin).hostname for origin in settings.studio_origin_list}
    has_secret = settings.studio_password is not None or settings.api_token is not None
    if not (has_secret or is_loopback(host) or host in names or has_people(request)):
        message = f"this studio answers to this machine's own names, and {host!r} is none; see SOUNDMILL_STUDIO_ORIGINS"
        raise HTTPException(421, message)


def is_local(request: Request) -> bool:
    """Whether the studio stands on this machine alone: no people, no password, and the request came to a loopback name."""
    return _settings(request).studio_password is None and not has_people(request) and is_loopback(request.url.hostname or "")


def has_people(request: Request) -> bool:
    """Whether there are accounts of people, as of at most two seconds ago."""
    state = request.app.state
    known: tuple[float, bool] | None = getattr(state, "people", None)
    if known is None or time.monotonic() - known[0] > _PEOPLE_KNOWN_FOR:
        known = state.people = (time.monotonic(), Accounts(state.catalog).has_people())
    return known[1]


def is_loopback(host: str) -> bool:
    """Whether a host name or address leads to this machine only."""
    if host.lower().removesuffix(".") == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def client_address(request: Request) -> str:
    """The address that a request came from."""
    return request.client.host if request.client else ""


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings
