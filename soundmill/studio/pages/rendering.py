"""How every page is put together: its template, who is signed in, where else they may go, and headers that keep strangers' scripts out."""

from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates
from markupsafe import Markup

from soundmill.catalog import Role
from soundmill.studio.assets import built
from soundmill.studio.auth import LOCAL, User

_TEMPLATES = Jinja2Templates(Path(__file__).parent.parent / "templates")
_ISLAND = Markup(
    '<div id="{0}" data-of="{3}"{4} class="island"><noscript>This part of the page needs JavaScript.</noscript></div>'
    '{1}<script type="module" src="{2}"></script>'
)
_STYLE = Markup('<link rel="stylesheet" href="{0}">')
_NOT_BUILT = Markup(
    '<div class="problem"><p>The interactive part of this page was not built: no npm registry was in reach at set-up.</p>'
    "<p>With one in reach, run <code>make web</code> and load this page again. Behind a proxy with a certificate of its own, set "
    "<code>NODE_EXTRA_CA_CERTS</code> first. All else works without it.</p></div>"
)
_PAGES: tuple[tuple[str, str, tuple[Role, ...]], ...] = (
    ("/", "Overview", ("engineer", "annotator")),
    ("/annotate", "Annotate", ("engineer", "annotator")),
    ("/rounds", "Rounds", ("engineer", "annotator")),
    ("/models", "Models", ("engineer", "annotator")),
    ("/record", "Prompts", ("engineer", "annotator", "speaker")),
    ("/releases", "Releases", ("engineer",)),
    ("/recordings", "Recordings", ("engineer",)),
    ("/people", "People", ()),
)
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def island(name: str, of: str = "", **more: str) -> Markup:
    """The place that a page's script fills, `of` something that the script is told, and `more` by name; or what is missing for it."""
    found = built(name)
    if found is None:
        return _NOT_BUILT
    styles = Markup("").join(_STYLE.format(style) for style in found.styles)
    told = Markup("").join(Markup(' data-{0}="{1}"').format(key, value) for key, value in more.items())
    return _ISLAND.format(name, styles, found.script, of, told)


def script(name: str) -> str:
    """The address of a script that another one loads."""
    found = built(name)
    return found.script if found else ""


_TEMPLATES.env.globals["island"] = island
_TEMPLATES.env.globals["script"] = script


def page(request: Request, template: str, user: User | None = None, status: int = 200, **facts: Any) -> HTMLResponse:
    """A page for whoever is signed in."""
    zone = request.app.state.settings.zone
    links = [(address, name) for address, name, roles in _PAGES if user is not None and user.has(*roles)]
    shared = {"user": user, "is_local": user is LOCAL, "links": links, "zone": zone, "now": datetime.now(zone)}
    return _TEMPLATES.TemplateResponse(request, template, {**shared, **facts}, status, _HEADERS)


def first_page(user: User) -> str:
    """Where a user goes who has signed in: the first page that is theirs, else the API's description."""
    return next((address for address, _, roles in _PAGES if user.has(*roles)), "/docs")
