"""How every page is put together: its template, who is signed in, where else they may go, and headers that keep strangers' scripts out."""

from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

from soundmill.catalog import Role
from soundmill.studio.auth import LOCAL, User

_TEMPLATES = Jinja2Templates(Path(__file__).parent.parent / "templates")
_PAGES: tuple[tuple[str, str, tuple[Role, ...]], ...] = (
    ("/", "Overview", ("engineer", "annotator")),
    ("/recordings", "Recordings", ("engineer",)),
    ("/people", "People", ()),
)
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def page(request: Request, template: str, user: User | None = None, status: int = 200, **facts: Any) -> HTMLResponse:
    """A page for whoever is signed in."""
    zone = request.app.state.settings.zone
    links = [(address, name) for address, name, roles in _PAGES if user is not None and user.has(*roles)]
    shared = {"user": user, "is_local": user is LOCAL, "links": links, "zone": zone, "now": datetime.now(zone)}
    return _TEMPLATES.TemplateResponse(request, template, {**shared, **facts}, status, _HEADERS)


def first_page(user: User) -> str:
    """Where a user goes who has signed in: the first page that is theirs, else the API's description."""
    return next((address for address, _, roles in _PAGES if user.has(*roles)), "/docs")
