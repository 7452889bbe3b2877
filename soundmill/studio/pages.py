"""The studio's own pages."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

from soundmill.catalog import Catalog, DownloadQueue, Ledger
from soundmill.ingest.progress import progress_of
from soundmill.settings import Settings
from soundmill.studio.access import password

router = APIRouter(include_in_schema=False, dependencies=[Depends(password)])
_TEMPLATES = Jinja2Templates(Path(__file__).parent / "templates")
_MOST_TROUBLED = 20


@router.get("/", response_class=HTMLResponse)
async def overview(request: Request) -> HTMLResponse:
    """How far the collection is, and how downloads fare."""
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
        "enabled": settings.downloads_enabled,
        "zone": settings.zone,
        "now": now.astimezone(settings.zone),
    }
