"""`/people`: accounts with their roles: added, changed, removed by admins."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from soundmill.catalog import ROLES, Accounts, Uploads
from soundmill.errors import AccountRefused
from soundmill.studio.auth import User, page_for
from soundmill.studio.pages.rendering import page
from soundmill.workflows.erasure import erase

router = APIRouter()
Admin = Annotated[User, Depends(page_for("admin"))]
Name = Annotated[str, Form(max_length=150)]
Roles = Annotated[list[str] | None, Form()]
_MEANING = {
    "admin": "everything, these accounts included",
    "engineer": "runs and watches the pipeline",
    "annotator": "labels sound",
    "speaker": "records prompts",
    "client": "the transcriber's API",
}


@router.get("/people", response_class=HTMLResponse)
def people(request: Request, user: Admin) -> HTMLResponse:
    """Every account with its roles, and a form for another one."""
    return _shown(request, user)


@router.post("/people", response_class=HTMLResponse)
def add(request: Request, user: Admin, username: Name, password: Annotated[str, Form(max_length=1024)], roles: Roles = None) -> Response:
    """Adds an account."""
    try:
        Accounts(request.app.state.catalog).add(username.strip(), password, roles=roles or [])
    except AccountRefused as error:
        return _shown(request, user, error, username)
    request.app.state.people = None
    return RedirectResponse("/people", 303)


@router.post("/people/roles", response_class=HTMLResponse)
def change_roles(request: Request, user: Admin, username: Name, roles: Roles = None) -> Response:
    """Gives an account other roles."""
    try:
        Accounts(request.app.state.catalog).set_roles(username, roles or [])
    except AccountRefused as error:
        return _shown(request, user, error)
    request.app.state.people = None
    return RedirectResponse("/people", 303)


@router.post("/people/password", response_class=HTMLResponse)
def change_password(request: Request, user: Admin, username: Name, password: Annotated[str, Form(max_length=1024)]) -> Response:
    """Gives an account another password, which signs it out everywhere."""
    try:
        Accounts(request.app.state.catalog).set_password(username, password)
    except AccountRefused as error:
        return _shown(request, user, error)
    return RedirectResponse("/people", 303)


@router.post("/people/remove", response_class=HTMLResponse)
def remove(request: Request, user: Admin, username: Name, confirm: Annotated[str, Form(max_length=150)] = "") -> Response:
    """Removes an account with its recordings, once its name is typed again."""
    state = request.app.state
    account = Accounts(state.catalog).named(username)
    try:
        if account is not None and confirm.strip() != username:
            raise AccountRefused({"remove": [f"type {username} into the field to remove this account and its recordings"]})
        if account is not None and user.account is not None and account.id == user.account.id:
            raise AccountRefused({"remove": ["another admin has to remove your own account"]})
    except AccountRefused as error:
        return _shown(request, user, error)
    if account is not None:
        erase(state.lake, state.catalog, account, user.name)
    state.people = None
    return RedirectResponse("/people", 303)


def _shown(request: Request, user: User, problem: AccountRefused | None = None, username: str = "") -> HTMLResponse:
    catalog = request.app.state.catalog
    accounts, uploads = Accounts(catalog).all(), Uploads(catalog)
    rows = [(account, uploads.listed(account.id, limit=1)[1]) for account in accounts]
    facts = {"rows": rows, "roles": ROLES, "meaning": _MEANING, "problem": problem, "username": username}
    return page(request, "people.html", user, 400 if problem else 200, **facts)
