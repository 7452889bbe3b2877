"""`/rounds`: labelling rounds with how far they are; `/rounds/NAME`: one session after another, to listen to and to label."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from soundmill.catalog import ModelRegistry, Rounds
from soundmill.catalog.rounds import GOLD
from soundmill.catalog.schema import RoundSessionRow
from soundmill.errors import RoundRefused, SpecRefused, UnknownRound
from soundmill.labelling.spec import NAME, RoundSpec, round_spec
from soundmill.osr.spec import NAME as MODEL_NAME
from soundmill.osr.spec import ModelSpec
from soundmill.settings import names_in
from soundmill.studio.auth import User, page_for
from soundmill.studio.pages.rendering import page
from soundmill.times import parse_days
from soundmill.workflows.rounds import outcome_of

router = APIRouter()
Person = Annotated[User, Depends(page_for("engineer", "annotator"))]
Engineer = Annotated[User, Depends(page_for("engineer"))]
Text = Annotated[str, Form(max_length=10_000)]
_SHOWN = 200


@router.get("/rounds", response_class=HTMLResponse)
def rounds(request: Request, user: Person) -> HTMLResponse:
    """Every round with its progress, the newest first; for engineers, a form for another one."""
    return _list(request, user)


@router.post("/rounds", response_class=HTMLResponse)
def define(
    request: Request,
    user: Engineer,
    name: Text,
    tags: Text,
    days: Text,
    sources: Text = "",
    guideline: Text = "",
    sessions: Annotated[int, Form()] = 100,
    session_seconds: Annotated[float, Form()] = 60.0,
    annotators: Annotated[int, Form()] = 2,
) -> Response:
    """Defines a round; its sessions are drawn by the pipeline."""
    values = {
        "tags": names_in(tags),
        "sources": names_in(sources),
        "guideline": guideline,
        "sessions": sessions,
        "session_seconds": session_seconds,
        "annotators": annotators,
    }
    try:
        if not NAME.fullmatch(name.strip()):
            raise SpecRefused("a round's name has letters, digits, dashes and underscores, 56 of them at most")
        spec = round_spec({**values, "days": parse_days(days)})
        Rounds(request.app.state.catalog).define(name.strip(), spec.model_dump(mode="json"))
    except (ValueError, RoundRefused) as error:
        return _list(request, user, error, {"name": name, "tags": tags, "days": days, "sources": sources, "guideline": guideline})
    return RedirectResponse("/rounds", 303)


@router.post("/rounds/{name}/open", response_class=HTMLResponse)
def open_round(request: Request, user: Engineer, name: str) -> Response:
    """Opens a round: people are given its sessions."""
    return _set_state(request, user, name, "open")


@router.post("/rounds/{name}/close", response_class=HTMLResponse)
def close_round(request: Request, user: Engineer, name: str) -> Response:
    """Closes a round: the pipeline makes annotations of its consensus."""
    return _set_state(request, user, name, "closed")


@router.post("/rounds/{name}/model", response_class=HTMLResponse)
def define_model(request: Request, user: Engineer, name: str, model: Text) -> Response:
    """Defines a model of a round's tags and sources; the pipeline fits it, and fits it again when labels change."""
    catalog = request.app.state.catalog
    try:
        spec = RoundSpec.of(Rounds(catalog).get(name))
        if not MODEL_NAME.fullmatch(model.strip()):
            raise SpecRefused("a model's name has letters, digits, dashes and underscores, 63 of them at most")
        registry = ModelRegistry(catalog)
        extractor = request.app.state.settings.extractor_names[0]
        registry.define_new(model.strip(), ModelSpec(tags=spec.tags, sources=spec.sources, extractor=extractor).model_dump(mode="json"))
    except (SpecRefused, UnknownRound) as error:
        return _list(request, user, error)
    return RedirectResponse(f"/rounds/{quote(name)}/results?model={quote(model.strip())}", 303)


@router.get("/rounds/{name}", response_class=HTMLResponse)
def label(request: Request, user: Person, name: str) -> HTMLResponse:
    """The round's sessions, one after another; `?session=` opens one by number."""
    try:
        about = Rounds(request.app.state.catalog).get(name)
    except UnknownRound as error:
        return _list(request, user, error, status=404)
    return page(request, "round.html", user, round=about, deciding="decide" in request.query_params)


@router.get("/rounds/{name}/results", response_class=HTMLResponse)
def results(request: Request, user: Person, name: str) -> HTMLResponse:
    """How people agree, how right the model was, and what it missed."""
    catalog = request.app.state.catalog
    try:
        about, progress = Rounds(catalog).get(name), Rounds(catalog).progress(name)
    except UnknownRound as error:
        return _list(request, user, error, status=404)
    disputed = Rounds(catalog).sessions(name, RoundSessionRow.state == "adjudicate", RoundSessionRow.rule != GOLD)
    told: dict[str, Any] = {
        "progress": progress,
        "told": outcome_of(catalog, name),
        "disputed": disputed,
        "may_define": user.has("engineer"),
    }
    return page(request, "round_results.html", user, round=about, model=request.query_params.get("model"), **told)


def _set_state(request: Request, user: User, name: str, state: str) -> Response:
    try:
        Rounds(request.app.state.catalog).set_state(name, "open" if state == "open" else "closed")
    except (RoundRefused, UnknownRound) as error:
        return _list(request, user, error)
    return RedirectResponse("/rounds", 303)


def _list(
    request: Request, user: User, problem: Exception | None = None, given: dict[str, str] | None = None, status: int | None = None
) -> HTMLResponse:
    store = Rounds(request.app.state.catalog)
    rows = [(one, store.progress(one.name)) for one in store.all()[:_SHOWN]]
    code = status or (400 if problem else 200)
    return page(request, "rounds.html", user, code, rows=rows, problem=problem, given=given or {}, may_define=user.has("engineer"))
