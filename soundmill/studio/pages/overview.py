"""`/`: how far the collection is, how stations and downloads are doing, and what was detected."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from soundmill.studio.auth import User, page_for
from soundmill.studio.pages.rendering import page

router = APIRouter()


@router.get("/", response_class=HTMLResponse)
def overview(request: Request, user: Annotated[User, Depends(page_for("engineer", "annotator"))]) -> HTMLResponse:
    """The studio's first page; its script follows `/api/events`."""
    return page(request, "overview.html", user)
