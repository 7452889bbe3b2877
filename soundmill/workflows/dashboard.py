"""What the studio's first page shows: stations, the collection, downloads, uploads, and what is in quarantine, as they are now."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from soundmill.capture.status import ALARMING, read_status
from soundmill.catalog import AudioCollection, Catalog, DownloadQueue, Item, Uploads
from soundmill.catalog.quarantine import Quarantine
from soundmill.settings import Settings
from soundmill.workflows.progress import progress_now

_MOST_LISTED = 20


@dataclass(frozen=True)
class StationNow:
    """A station. Levels are of its last second, in dBFS; `alarms` says that somebody ought to look after it."""

    name: str
    source: str
    state: str
    why: str
    alarms: bool
    running: bool
    peak_dbfs: float | None
    floor_dbfs: float | None
    last_segment_at: str
    segments: int
    silent: int
    lost_seconds: float
    waiting: int


@dataclass(frozen=True)
class CollectionNow:
    """How far the collection is: hours, also by source and state and by day, and when the target will be reached, in the middle and with
    four chances in five."""

    ready_hours: float
    target_hours: float | None
    percent: float | None
    hours_a_day: float
    forecast: date | None
    forecast_early: date | None
    forecast_late: date | None
    sources: dict[str, dict[str, float]]
    days: dict[str, float]
    apart_hours: dict[str, float]


@dataclass(frozen=True)
class FailedDownload:
    """A request that failed, or will be tried again at `next_attempt_at`."""

    conversation: str
    speaker: str
    reason: str
    message: str
    url: str
    next_attempt_at: datetime | None


@dataclass(frozen=True)
class DownloadsNow:
    """Requests by state, and the last that failed. `enabled`: whether requests over HTTP are carried out."""

    enabled: bool
    counts: dict[str, int]
    failures: list[FailedDownload]


@dataclass(frozen=True)
class QuarantinedItem:
    """Something that could not be used. `has_file`: it can be fetched, and perhaps heard."""

    key: str
    source: str
    day: date
    reason: str
    message: str
    has_file: bool


@dataclass(frozen=True)
class QuarantineNow:
    """Items in quarantine by reason, the most frequent first, and the ones that came last."""

    reasons: dict[str, int]
    items: list[QuarantinedItem]


def stations_now(settings: Settings) -> list[StationNow]:
    """The stations that run here, or report here."""
    return [
        StationNow(
            one["name"],
            one["source"],
            one["state"],
            one["why"],
            one["state"] in ALARMING,
            one["running"],
            one.get("peak_dbfs") if one["running"] else None,
            one.get("floor_dbfs"),
            one["last_segment_at"],
            one["segments"],
            one["silent"],
            one["lost_seconds"],
            one["backlog"],
        )
        for one in read_status(settings.home / "capture")
    ]


def collection_now(catalog: Catalog, settings: Settings) -> CollectionNow:
    """Counted anew."""
    progress, _ = progress_now(catalog, settings.zone, settings.target_hours, datetime.now(UTC))
    return CollectionNow(
        progress.ready_hours,
        progress.target_hours,
        progress.percent,
        progress.hours_a_day,
        progress.forecast,
        progress.forecast_early,
        progress.forecast_late,
        progress.sources,
        {day.isoformat(): seconds / 3600 for day, seconds in sorted(AudioCollection(catalog).ready_seconds_by_day().items())},
        progress.apart_hours,
    )


def downloads_now(catalog: Catalog, settings: Settings) -> DownloadsNow:
    """Requests as they stand."""
    queue = DownloadQueue(catalog)
    failures = [
        FailedDownload(one.conversation, one.speaker, one.reason or "", one.message or "", one.shown_url, one.next_attempt_at)
        for one in queue.failed_or_retrying(_MOST_LISTED)
    ]
    return DownloadsNow(settings.downloads_enabled, queue.counts(datetime.now(UTC)), failures)


def uploads_now(catalog: Catalog) -> dict[str, int]:
    """Uploaded recordings by state."""
    return Uploads(catalog).counts()


def quarantine_now(catalog: Catalog, reason: str | None = None) -> QuarantineNow:
    """What is in quarantine; the items are those of one reason, or of all."""
    quarantine = Quarantine(catalog)
    items = [
        QuarantinedItem(one.key, one.source, one.day, one.reason or "", one.message or "", has_file(one))
        for one in quarantine.newest(_MOST_LISTED, reason)
    ]
    return QuarantineNow(quarantine.counts(), items)


def has_file(item: Item) -> bool:
    """Whether an item in quarantine is a landed file: its key is its place in the lake."""
    return item.kind == "recording" and item.key.startswith("landing/")
