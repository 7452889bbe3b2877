"""`/annotate`: the sound of a source on one timeline, to see, hear and label."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from soundmill.studio.auth import User, page_for
from soundmill.studio.pages.rendering import page

router = APIRouter()


@router.get("/annotate", response_class=HTMLResponse)
def annotate(request: Request, user: Annotated[User, Depends(page_for("engineer", "annotator"))]) -> HTMLResponse:
    """The page; `?source=`, and `at=` (ms since 1970) or `day=`, say what it opens."""
    return page(request, "annotate.html", user)
