"""/transcriber/auth: accounts and tokens, as Django's djoser has them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from soundmill.catalog import Account, Accounts
from soundmill.errors import (
    AccountRefused,
    TooManyLogins,
    WrongCredentials,
)
from soundmill.studio.api.transcriber.access import (
    AUTHORIZATION,
    BAD_REQUEST,
    TOO_MANY,
    UNAUTHORIZED,
    Body,
    Known,
    client_address,
    token_in,
    too_many_logins,
)
from soundmill.studio.api.transcriber.body import (
    CREDENTIALS,
    Refused,
    body_schema,
)
from soundmill.workflows.erasure import erase

router = APIRouter()


@router.post(
    "/auth/users/",
    status_code=201,
    summary="Make an account",
    responses={**BAD_REQUEST, 403: {"description": "Accounts are made by the operator only"}},
    openapi_extra=body_schema({**CREDENTIALS, "email": "Not needed."}, ("username", "password")),
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
    return account_json(made)


@router.get("/auth/users/me/", summary="One's own account", responses=UNAUTHORIZED)
async def me(known: Known) -> dict[str, Any]:
    """The account that the token belongs to."""
    return account_json(known)


@router.delete(
    "/auth/users/me/",
    status_code=204,
    summary="Delete one's own account",
    responses={**BAD_REQUEST, **UNAUTHORIZED, **TOO_MANY},
    openapi_extra=body_schema({"current_password": "The account's password."}, ("current_password",)),
)
async def delete_me(request: Request, known: Known, body: Body) -> Response:
    """Deletes the account with all its recordings; asks for its password once more."""
    password = body.texts.get("current_password")
    if password is None:
        raise Refused(current_password="This field is required.")
    try:
        right = await run_in_threadpool(Accounts(request.app.state.catalog).is_password, known, password, client_address(request))
    except TooManyLogins as error:
        raise too_many_logins(error) from None
    if not right:
        raise Refused(current_password="Invalid password.")
    await run_in_threadpool(erase, request.app.state.lake, request.app.state.catalog, known, known.username)
    return Response(status_code=204)


@router.post(
    "/auth/token/login/",
    summary="Log in",
    responses={**BAD_REQUEST, **TOO_MANY},
    openapi_extra=body_schema(CREDENTIALS, ("username", "password")),
)
async def login(request: Request, body: Body) -> dict[str, str]:
    """A token for the header `Authorization: Token ...`. Ten failed logins of a name within five minutes close it for as long."""
    username, password = body.text("username", 150, needed=True), body.texts.get("password")
    if password is None:
        raise Refused(password="This field is required.")
    try:
        token = await run_in_threadpool(Accounts(request.app.state.catalog).login, username, password, client_address(request))
    except WrongCredentials as error:
        raise Refused(non_field_errors=str(error)) from None
    except TooManyLogins as error:
        raise too_many_logins(error) from None
    return {"auth_token": token}


@router.post("/auth/token/logout/", status_code=204, summary="Log out", responses=UNAUTHORIZED)
async def logout(request: Request, known: Known, given: Annotated[str | None, Depends(AUTHORIZATION)]) -> Response:
    """Makes the token worthless."""
    await run_in_threadpool(Accounts(request.app.state.catalog).logout, token_in(given))
    return Response(status_code=204)


def account_json(one: Account) -> dict[str, Any]:
    return {"email": one.email, "username": one.username, "id": one.id}
