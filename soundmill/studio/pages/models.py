"""`/models`: all models; `/models/new`: one put together; `/models/NAME/VERSION`: a version's report, and its files; `/models/try`: the
champion on a file or a microphone."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from soundmill.errors import Damaged, NotFound
from soundmill.studio.auth import User, page_for
from soundmill.studio.pages.rendering import page
from soundmill.workflows.predictions import version_named
from soundmill.workflows.training.overview import files_of, predictions_csv

router = APIRouter()
Person = Annotated[User, Depends(page_for("engineer", "annotator"))]
_KINDS = {"md": "text/markdown; charset=utf-8", "json": "application/json", "csv": "text/csv; charset=utf-8"}


@router.get("/models", response_class=HTMLResponse)
def models(request: Request, user: Person) -> HTMLResponse:
    """Every model with its versions."""
    return page(request, "models.html", user, may_define=user.has("engineer"))


@router.get("/models/new", response_class=HTMLResponse)
def builder(request: Request, user: Person) -> HTMLResponse:
    """The builder; `?from=NAME` or `?from=NAME/VERSION` restores a choice, `?change=NAME` changes a definition."""
    return page(request, "model_builder.html", user, may_define=user.has("engineer"))


@router.get("/models/try", response_class=HTMLResponse)
def try_it(request: Request, user: Person) -> HTMLResponse:
    """The champion on a file or a microphone."""
    return page(request, "model_try.html", user)


@router.get("/models/{name}/{version}", response_class=HTMLResponse)
def report(request: Request, user: Person, name: str, version: int) -> HTMLResponse:
    """A version's report."""
    try:
        found = version_named(request.app.state.catalog, f"{name}/{version}")
    except NotFound as error:
        return page(request, "models.html", user, 404, may_define=user.has("engineer"), problem=error)
    assert found is not None  # a name was given
    files = [*files_of(request.app.state.lake, found), "predictions.csv"]
    return page(request, "model.html", user, model=name, version=version, files=files, may_define=user.has("engineer"))


@router.get("/models/{name}/{version}/{file}")
def download(request: Request, user: Person, name: str, version: int, file: str) -> Response:
    """A file of a version."""
    lake, catalog = request.app.state.lake, request.app.state.catalog
    try:
        found = version_named(catalog, f"{name}/{version}")
        assert found is not None
        if file == "predictions.csv":
            data = predictions_csv(lake, found)
        elif path := files_of(lake, found).get(file):
            data = lake.read_bytes(path)
        else:
            raise HTTPException(404, f"{name} {version} has no file {file!r}")
    except (NotFound, Damaged) as error:
        raise HTTPException(404, str(error)) from None
    headers = {"Content-Disposition": f'attachment; filename="{name}_{version}_{file}"', "X-Content-Type-Options": "nosniff"}
    return Response(data, media_type=_KINDS.get(file.rpartition(".")[2], "application/octet-stream"), headers=headers)
