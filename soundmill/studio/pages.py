"""The studio's own pages."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

from soundmill.capture.status import ALARMING, read_status
from soundmill.catalog import Catalog, DownloadQueue, Ledger, LiveRecord
from soundmill.ingest.progress import progress_of
from soundmill.settings import Settings
from soundmill.studio.access import password

router = APIRouter(include_in_schema=False, dependencies=[Depends(password)])
_TEMPLATES = Jinja2Templates(Path(__file__).parent / "templates")
_MOST_TROUBLED = 20
_HOURS_OF_EVENTS, _MOST_EVENTS = 6, 50


@router.get("/", response_class=HTMLResponse)
async def overview(request: Request) -> HTMLResponse:
    """How far the collection is, how stations and downloads fare, and what was heard."""
    state = request.app.state
    facts = await run_in_threadpool(_facts, state.catalog, state.settings)
    return _TEMPLATES.TemplateResponse(request, "overview.html", facts)


def _facts(catalog: Catalog, settings: Settings) -> dict[str, Any]:
    ledger, queue, now = Ledger(catalog), DownloadQueue(catalog), datetime.now(UTC)
    progress = progress_of(ledger.counts(), ledger.ready_seconds_by_day(), settings.target_hours, now)
    return {
        "progress": progress,
        "requests": queue.counts(now),
        "troubled": queue.troubled(_MOST_TROUBLED),
        "stations": read_status(settings.home / "capture"),
        "alarming": ALARMING,
        "events": LiveRecord(catalog).events(now - timedelta(hours=_HOURS_OF_EVENTS))[: -_MOST_EVENTS - 1 : -1],
        "enabled": settings.downloads_enabled,
        "zone": settings.zone,
        "now": now.astimezone(settings.zone),
    }
