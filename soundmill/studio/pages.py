"""The studio's own pages."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

from soundmill.capture.status import ALARMING, read_status
from soundmill.catalog import Accounts, Catalog, DownloadQueue, Ledger, LiveRecord, Uploads
from soundmill.errors import NoSpeechModel
from soundmill.ingest.progress import progress_of
from soundmill.settings import Settings
from soundmill.speech import transcriber
from soundmill.studio.access import password

router = APIRouter(include_in_schema=False, dependencies=[Depends(password)])
_TEMPLATES = Jinja2Templates(Path(__file__).parent / "templates")
_MOST_SHOWN = 20
_HOURS_OF_EVENTS, _MOST_EVENTS = 6, 50
_MOST_RECORDINGS = 100


@router.get("/", response_class=HTMLResponse)
async def overview(request: Request) -> HTMLResponse:
    """How far the collection is, how stations and downloads fare, and what was heard."""
    state = request.app.state
    facts = await run_in_threadpool(_facts, state.catalog, state.settings)
    return _TEMPLATES.TemplateResponse(request, "overview.html", facts)


@router.get("/recordings", response_class=HTMLResponse)
async def recordings(request: Request, user: str | None = None, state: str | None = None, search: str = "") -> HTMLResponse:
    """Everybody's uploaded recordings, the newest first: how they fare, and what was said in them."""
    values = request.app.state
    facts = await run_in_threadpool(_recordings, values.catalog, values.settings, user or None, state or None, search.replace("\0", ""))
    return _TEMPLATES.TemplateResponse(request, "recordings.html", facts)


def _recordings(catalog: Catalog, settings: Settings, user: str | None, state: str | None, search: str) -> dict[str, Any]:
    uploads = Uploads(catalog)
    found, number = uploads.listed(username=user, state=state, search=search, limit=_MOST_RECORDINGS)
    return {
        "recordings": found,
        "number": number,
        "counts": uploads.counts(),
        "accounts": Accounts(catalog).all(),
        "chosen": {"user": user, "state": state, "search": search},
        "model": _speech_model(settings),
        "zone": settings.zone,
        "now": datetime.now(settings.zone),
    }


def _speech_model(settings: Settings) -> str:
    try:
        return transcriber(settings.vosk_folder).model
    except NoSpeechModel as error:
        return str(error)


def _facts(catalog: Catalog, settings: Settings) -> dict[str, Any]:
    ledger, queue, now = Ledger(catalog), DownloadQueue(catalog), datetime.now(UTC)
    progress = progress_of(ledger.counts(), ledger.ready_seconds_by_day(), settings.target_hours, now)
    return {
        "progress": progress,
        "requests": queue.counts(now),
        "failed_or_retrying": queue.failed_or_retrying(_MOST_SHOWN),
        "stations": read_status(settings.home / "capture"),
        "alarming": ALARMING,
        "events": LiveRecord(catalog).events(now - timedelta(hours=_HOURS_OF_EVENTS))[: -_MOST_EVENTS - 1 : -1],
        "uploads": Uploads(catalog).counts(),
        "enabled": settings.downloads_enabled,
        "zone": settings.zone,
        "now": now.astimezone(settings.zone),
    }
