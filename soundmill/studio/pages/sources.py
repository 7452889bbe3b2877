"""`/sources/NAME`: what there is of a source, how quiet its surroundings are, and what it hears now."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from soundmill.studio.auth import User, page_for
from soundmill.studio.pages.rendering import page

router = APIRouter()


@router.get("/sources/{source}", response_class=HTMLResponse)
def source_page(request: Request, source: str, user: Annotated[User, Depends(page_for("engineer", "annotator"))]) -> HTMLResponse:
    """The page of a microphone; downloads and uploads have none, but open at `/annotate?source=`."""
    return page(request, "source.html", user, source=source)
