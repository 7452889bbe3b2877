"""/transcriber/admin: everybody's recordings and all accounts, for admins."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from soundmill.catalog import Accounts
from soundmill.studio.api.transcriber.access import BAD_REQUEST, UNAUTHORIZED, Admin
from soundmill.studio.api.transcriber.accounts import account_json
from soundmill.studio.api.transcriber.recordings import MOST_LISTED, list_uploads

router = APIRouter()


@router.get(
    "/admin/recordings/", summary="Everybody's recordings", responses={**BAD_REQUEST, **UNAUTHORIZED, 403: {"description": "Not an admin"}}
)
async def all_recordings(
    request: Request,
    response: Response,
    known: Admin,
    username: Annotated[str | None, Query(alias="user__username", max_length=150)] = None,
    status: Annotated[str | None, Query(pattern="^(queued|running|done|failed)$")] = None,
    search: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 100,
    offset: Annotated[int, Query(ge=0, le=1 << 40)] = 0,
) -> list[dict[str, Any]]:
    """Recordings of all accounts, the newest first, for admins (`soundmill account admin NAME`)."""
    return await list_uploads(request, response, None, username, status, search, limit, offset, "0")


@router.get("/admin/users/", summary="All accounts", responses={**UNAUTHORIZED, 403: {"description": "Not an admin"}})
async def all_users(request: Request, known: Admin) -> list[dict[str, Any]]:
    """All accounts, for admins."""
    found = await run_in_threadpool(Accounts(request.app.state.catalog).all)
    return [{**account_json(one), "is_admin": one.is_admin, "created_at": one.created_at.isoformat()} for one in found]
