"""/transcriber/auth: accounts and tokens, as Django's djoser has them."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar

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
    token_in,
    too_many_logins,
)
from soundmill.studio.api.transcriber.body import (
    CREDENTIALS,
    Refused,
    RequestBody,
    body_schema,
)
from soundmill.studio.auth import client_address
from soundmill.workflows.erasure import erase

log = logging.getLogger("soundmill.transcriber")
router = APIRouter()
_T = TypeVar("_T")
_EMAIL = body_schema({"email": "Address of the account."}, ("email",))
_EMAIL_TOO = body_schema({"email": "Another address."}, ())
_NO_ACCOUNT: dict[int | str, dict[str, Any]] = {**UNAUTHORIZED, 404: {"description": "There is no such account, or it is another's"}}


def _confirm(*more: str) -> dict[str, Any]:
    names = ("uid", "token", *more)
    return body_schema(dict.fromkeys(names, "From a link."), names)


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
    if await run_in_threadpool(Accounts(request.app.state.catalog).count) >= request.app.state.settings.transcriber_max_accounts:
        raise HTTPException(403, "there are as many accounts as the operator allows")
    _require(body, "username", "password")
    username, password = body.text("username", 150, needed=True), body.texts["password"]
    return account_json(await _changed(Accounts(request.app.state.catalog).add, username, password, body.text("email", 254)))


@router.get("/auth/users/", summary="The accounts one may see", responses=UNAUTHORIZED)
async def users(request: Request, known: Known) -> list[dict[str, Any]]:
    """One's own account; all of them for an admin."""
    found = await run_in_threadpool(Accounts(request.app.state.catalog).all) if known.is_admin else [known]
    return [account_json(one) for one in found]


@router.post(
    "/auth/users/set_password/",
    status_code=204,
    summary="Choose another password",
    responses={**BAD_REQUEST, **UNAUTHORIZED, **TOO_MANY},
    openapi_extra=body_schema(
        {"new_password": "The new one.", "current_password": "The one until now."}, ("new_password", "current_password")
    ),
)
async def set_password(request: Request, known: Known, body: Body, given: Annotated[str | None, Depends(AUTHORIZATION)]) -> Response:
    """Changes the password, and ends all sessions and tokens but the one in use."""
    _require(body, "new_password", "current_password")
    await _check_password(request, known, body)
    accounts, password = Accounts(request.app.state.catalog), body.texts["new_password"]
    await _changed(partial(accounts.set_password, known.username, password, keep=token_in(given)), password="new_password")
    return Response(status_code=204)


@router.post(
    "/auth/users/set_username/",
    status_code=204,
    summary="Choose another name",
    responses={**BAD_REQUEST, **UNAUTHORIZED, **TOO_MANY},
    openapi_extra=body_schema({"new_username": "The new one.", "current_password": "The password."}, ("new_username", "current_password")),
)
async def set_username(request: Request, known: Known, body: Body) -> Response:
    """Changes the account's name."""
    _require(body, "new_username", "current_password")
    await _check_password(request, known, body)
    wanted = body.text("new_username", 150, needed=True)
    await _changed(Accounts(request.app.state.catalog).rename, known, wanted, username="new_username")
    return Response(status_code=204)


@router.post("/auth/users/reset_password/", status_code=204, summary="Ask for a new password", responses=BAD_REQUEST, openapi_extra=_EMAIL)
@router.post("/auth/users/reset_username/", status_code=204, summary="Ask for a new name", responses=BAD_REQUEST, openapi_extra=_EMAIL)
async def ask_for_reset(request: Request, body: Body) -> Response:
    """No mail is sent from here: the wish goes to the log, where the operator finds it (`soundmill account password NAME`)."""
    email = body.text("email", 254, needed=True)
    log.warning("%s was called for the address %r: no mail is sent, see `soundmill account password`", request.url.path, email)
    return Response(status_code=204)


@router.post("/auth/users/reset_password_confirm/", summary="Not used here", responses=BAD_REQUEST, openapi_extra=_confirm("new_password"))
@router.post("/auth/users/reset_username_confirm/", summary="Not used here", responses=BAD_REQUEST, openapi_extra=_confirm("new_username"))
@router.post("/auth/users/activation/", summary="Not used here", responses=BAD_REQUEST, openapi_extra=_confirm())
async def confirm(request: Request, body: Body) -> Response:
    """What a mail's link leads to; as no mail is sent, no such link is good."""
    name = request.url.path.rstrip("/").rsplit("/", 1)[1]
    needed = {"reset_password_confirm": ("new_password",), "reset_username_confirm": ("new_username",)}.get(name, ())
    _require(body, "uid", "token", *needed)
    raise Refused(uid="Invalid user id or user doesn't exist.")


@router.post("/auth/users/resend_activation/", summary="Not used here", responses=BAD_REQUEST, openapi_extra=_EMAIL)
async def resend_activation(body: Body) -> Response:
    """Accounts need no activation: there is nothing to send again."""
    body.text("email", 254, needed=True)
    return Response(status_code=400)


@router.get("/auth/users/me/", summary="One's own account", responses=UNAUTHORIZED)
async def me(known: Known) -> dict[str, Any]:
    """The account that the token belongs to."""
    return account_json(known)


@router.put("/auth/users/me/", summary="Change one's own account", responses={**BAD_REQUEST, **UNAUTHORIZED}, openapi_extra=_EMAIL_TOO)
@router.patch("/auth/users/me/", summary="Change one's own account", responses={**BAD_REQUEST, **UNAUTHORIZED}, openapi_extra=_EMAIL_TOO)
async def change_me(request: Request, known: Known, body: Body) -> dict[str, Any]:
    """Changes the address; the name has a route of its own, `set_username/`."""
    return await _with_email(request, known, body)


@router.delete(
    "/auth/users/me/",
    status_code=204,
    summary="Delete one's own account",
    responses={**BAD_REQUEST, **UNAUTHORIZED, **TOO_MANY},
    openapi_extra=body_schema({"current_password": "The account's password."}, ("current_password",)),
)
async def delete_me(request: Request, known: Known, body: Body) -> Response:
    """Deletes the account with all its recordings; asks for its password once more."""
    return await _delete(request, known, known, body)


@router.get("/auth/users/{number}/", summary="An account", responses=_NO_ACCOUNT)
async def user(request: Request, known: Known, number: str) -> dict[str, Any]:
    """One's own account, by its id; for admins any."""
    return account_json(await _visible(request, known, number))


@router.put("/auth/users/{number}/", summary="Change an account", responses={**BAD_REQUEST, **_NO_ACCOUNT}, openapi_extra=_EMAIL_TOO)
@router.patch("/auth/users/{number}/", summary="Change an account", responses={**BAD_REQUEST, **_NO_ACCOUNT}, openapi_extra=_EMAIL_TOO)
async def change_user(request: Request, known: Known, number: str, body: Body) -> dict[str, Any]:
    """Changes the address of one's own account; admins that of any."""
    return await _with_email(request, await _visible(request, known, number), body)


@router.delete(
    "/auth/users/{number}/",
    status_code=204,
    summary="Delete an account",
    responses={**BAD_REQUEST, **_NO_ACCOUNT, **TOO_MANY},
    openapi_extra=body_schema({"current_password": "The password of whoever asks."}, ("current_password",)),
)
async def delete_user(request: Request, known: Known, number: str, body: Body) -> Response:
    """Deletes one's own account with all its recordings; admins any."""
    return await _delete(request, known, await _visible(request, known, number), body)


@router.post(
    "/auth/token/login/",
    summary="Log in",
    responses={**BAD_REQUEST, **TOO_MANY},
    openapi_extra=body_schema(CREDENTIALS, ("username", "password")),
)
async def login(request: Request, body: Body) -> dict[str, str]:
    """A token for the header `Authorization: Token ...`. Ten failed logins of a name within five minutes, from one address, close it to
    that address for as long."""
    for name in ("username", "password"):
        if body.texts.get(name) == "":
            raise Refused(**{name: "This field may not be blank."})
    username, password = body.text("username", 150), body.texts.get("password")
    try:
        if not username or password is None:
            raise WrongCredentials("Unable to log in with provided credentials.")
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


def _require(body: RequestBody, *names: str) -> None:
    """Raises a 400 that names every field that is missing."""
    if missing := [name for name in names if name not in body.texts]:
        raise Refused(**dict.fromkeys(missing, "This field is required."))


async def _changed(change: Callable[..., _T], *arguments: Any, **renamed: str) -> _T:
    """What a change of an account gives. Raises a 400 with what speaks against it, under the names that the fields have in the request."""
    try:
        return await run_in_threadpool(change, *arguments)
    except AccountRefused as error:
        raise Refused(**{renamed.get(name, name): lines for name, lines in error.fields.items()}) from None


async def _check_password(request: Request, known: Account, body: RequestBody) -> None:
    """Raises a 400 where `current_password` is missing or wrong, a 429 after too many that were."""
    _require(body, "current_password")
    accounts, password = Accounts(request.app.state.catalog), body.texts["current_password"]
    try:
        right = await run_in_threadpool(accounts.is_password, known, password, client_address(request))
    except TooManyLogins as error:
        raise too_many_logins(error) from None
    if not right:
        raise Refused(current_password="Invalid password.")


async def _visible(request: Request, known: Account, number: str) -> Account:
    """The account of that id. Raises a 404 where there is none, or it is another's."""
    if number == str(known.id):
        return known
    accounts = Accounts(request.app.state.catalog)
    found = [one for one in await run_in_threadpool(accounts.all) if str(one.id) == number] if known.is_admin else []
    if not found:
        raise HTTPException(404, "Not found.")
    return found[0]


async def _with_email(request: Request, account: Account, body: RequestBody) -> dict[str, Any]:
    if "email" in body.texts:
        account = await _changed(Accounts(request.app.state.catalog).set_email, account, body.text("email", 254))
    return account_json(account)


async def _delete(request: Request, known: Account, account: Account, body: RequestBody) -> Response:
    await _check_password(request, known, body)
    await run_in_threadpool(erase, request.app.state.lake, request.app.state.catalog, account, known.username)
    return Response(status_code=204)
