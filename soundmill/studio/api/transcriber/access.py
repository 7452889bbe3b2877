"""Who asks /transcriber: accounts by their token; and the answers that all its routes share."""

from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import APIKeyHeader

from soundmill.catalog import Account, Accounts
from soundmill.errors import (
    TooManyLogins,
)
from soundmill.studio.api.transcriber.body import (
    RequestBody,
    read_body,
)

AUTHORIZATION = APIKeyHeader(name="Authorization", auto_error=False, scheme_name="account token", description="`Token ...`, from a login")


UNAUTHORIZED: dict[int | str, dict[str, Any]] = {401: {"description": "No token, or none that is worth anything"}}


NOT_FOUND: dict[int | str, dict[str, Any]] = {**UNAUTHORIZED, 404: {"description": "There is no such recording of this account"}}


BAD_REQUEST: dict[int | str, dict[str, Any]] = {400: {"description": "Something is missing or cannot be used: what, field by field"}}


TOO_MANY: dict[int | str, dict[str, Any]] = {429: {"description": "Too many passwords were wrong of late"}}


async def current_account(request: Request, given: Annotated[str | None, Depends(AUTHORIZATION)]) -> Account:
    """Whose token comes with the request. Raises a 401."""
    token = token_in(given)
    if not token:
        raise HTTPException(401, "Authentication credentials were not provided.", {"WWW-Authenticate": "Token"})
    found = await run_in_threadpool(Accounts(request.app.state.catalog).by_token, token)
    if found is None:
        raise HTTPException(401, "Invalid token.", {"WWW-Authenticate": "Token"})
    return found


async def current_admin(known: Annotated[Account, Depends(current_account)]) -> Account:
    """The same, for admins only. Raises a 401, a 403."""
    if not known.is_admin:
        raise HTTPException(403, "You do not have permission to perform this action.")
    return known


Body = Annotated[RequestBody, Depends(read_body)]


Known = Annotated[Account, Depends(current_account)]


Admin = Annotated[Account, Depends(current_admin)]


def too_many_logins(error: TooManyLogins) -> HTTPException:
    return HTTPException(429, str(error), {"Retry-After": str(error.retry_after)})


def token_in(given: str | None) -> str:
    kind, _, token = (given or "").strip().partition(" ")
    return token.strip() if kind.lower() in ("token", "bearer") else ""
