"""`/`: how far the collection is, how stations and downloads are doing, and what was detected."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from soundmill.capture.status import ALARMING, read_status
from soundmill.catalog import Catalog, DownloadQueue, LiveRecord, Uploads
from soundmill.settings import Settings
from soundmill.studio.auth import User, page_for
from soundmill.studio.pages.rendering import page
from soundmill.workflows.progress import progress_now

router = APIRouter()
_MOST_FAILURES = 20
_HOURS_OF_EVENTS, _MOST_EVENTS = 6, 50


@router.get("/", response_class=HTMLResponse)
def overview(request: Request, user: Annotated[User, Depends(page_for("engineer", "annotator"))]) -> HTMLResponse:
    """The studio's first page."""
    return page(request, "overview.html", user, **_facts(request.app.state.catalog, request.app.state.settings))


def _facts(catalog: Catalog, settings: Settings) -> dict[str, Any]:
    queue, now = DownloadQueue(catalog), datetime.now(UTC)
    return {
        "progress": progress_now(catalog, settings.zone, settings.target_hours, now)[0],
        "requests": queue.counts(now),
        "failures": queue.failed_or_retrying(_MOST_FAILURES),
        "stations": read_status(settings.home / "capture"),
        "alarming": ALARMING,
        "events": LiveRecord(catalog).events(now - timedelta(hours=_HOURS_OF_EVENTS))[: -_MOST_EVENTS - 1 : -1],
        "uploads": Uploads(catalog).counts(),
        "enabled": settings.downloads_enabled,
    }
