"""`/releases`: data sets, made and to be made; `/releases/NAME`: what is in one, and its files."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from soundmill.catalog import Prompts, Releases, Rounds
from soundmill.errors import Damaged, InputRefused, NotFound, UnknownRelease
from soundmill.releases.card import TOGETHER, hours, split_rows
from soundmill.releases.manifest import MANIFEST
from soundmill.releases.spec import read_splits
from soundmill.settings import names_in
from soundmill.studio.auth import User, page_for
from soundmill.studio.pages.rendering import page
from soundmill.workflows.releases import compare, define_release, export_file, export_names, inspect, opened

router = APIRouter()
Engineer = Annotated[User, Depends(page_for("engineer"))]
Text = Annotated[str, Form(max_length=10_000)]
_SHOWN = 20  # ids of each kind of change
_MOST_CLIPS = 500  # listed


@router.get("/releases", response_class=HTMLResponse)
def releases(request: Request, user: Engineer) -> HTMLResponse:
    """Every release, the newest first, and a form for another one."""
    return _list(request, user)


@router.post("/releases", response_class=HTMLResponse)
def define(
    request: Request,
    user: Engineer,
    name: Text,
    licence: Text,
    rounds: Text = "",
    prompts: Text = "",
    purpose: Text = "train",
    use: Text = "",
    description: Text = "",
    splits: Text = "train=.8,test=.2",
    together: Text = "auto",
) -> Response:
    """Defines a release; the pipeline makes it."""
    given = {
        "name": name,
        "rounds": rounds,
        "prompts": prompts,
        "purpose": purpose,
        "licence": licence,
        "use": use,
        "description": description,
        "splits": splits,
        "together": together,
    }
    try:
        values = {**given, "rounds": names_in(rounds), "prompts": names_in(prompts), "splits": read_splits(splits)}
        del values["name"]
        define_release(request.app.state.catalog, name.strip(), values)
    except InputRefused as error:
        return _list(request, user, error, given)
    return RedirectResponse("/releases", 303)


@router.get("/releases/{name}", response_class=HTMLResponse)
def show(request: Request, user: Engineer, name: str) -> HTMLResponse:
    """What is in a release, how far people agreed on it, what changed since the one before, and its files."""
    lake, catalog = request.app.state.lake, request.app.state.catalog
    try:
        release = opened(lake, catalog, name)
        found = inspect(lake, release)
        facts = release.release.facts or {}
        change = compare(opened(lake, catalog, facts["after"]), release) if facts["after"] else None
    except (InputRefused, Damaged) as error:
        return _list(request, user, error, status=404 if isinstance(error, UnknownRelease) else 409)
    told: dict[str, Any] = {
        "release": release.release,
        "facts": facts,
        "found": found,
        "change": change,
        "files": export_names(release),
        "together": TOGETHER,
    }
    told |= {"withdrawn": release.gone, "rows": split_rows(facts), "clips": release.clips[:_MOST_CLIPS]}
    return page(request, "release.html", user, hours=hours, shown=_SHOWN, **told)


@router.get("/releases/{name}/{file}")
def download(request: Request, user: Engineer, name: str, file: str) -> Response:
    """A file of a release, but for its sound: `soundmill release export` writes that, too."""
    lake, catalog = request.app.state.lake, request.app.state.catalog
    try:
        release = opened(lake, catalog, name)
        if file not in export_names(release):
            raise UnknownRelease(f"release {name!r} has no file {file!r}")
        data = export_file(lake, release, file)
    except (InputRefused, Damaged, NotFound) as error:
        return _list(request, user, error, status=404)
    kind = "application/json" if file == MANIFEST else "application/octet-stream"
    return Response(data, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}_{file}"'})


def _list(
    request: Request, user: User, problem: Exception | None = None, given: dict[str, str] | None = None, status: int | None = None
) -> HTMLResponse:
    catalog = request.app.state.catalog
    closed = [one.name for one in Rounds(catalog).all() if one.state == "closed"]
    code = status or (400 if problem else 200)
    rows = Releases(catalog).all()
    sets = [one.name for one in Prompts(catalog).all()]
    facts = {"rows": rows, "closed": closed, "sets": sets, "problem": problem, "given": given or {}}
    return page(request, "releases.html", user, code, hours=hours, **facts)
