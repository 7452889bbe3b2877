"""Progress of the collection: counted from the ledger, reported in the lake, and held against the tables."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow.compute as pc

from soundmill.capture import SEGMENTS
from soundmill.catalog import CAPTURED, DOWNLOADED, AudioCollection, Catalog, Ledger, held
from soundmill.errors import DamagedTable
from soundmill.ingest.conversations import Conversation, conversations_csv, conversations_of, mean_sound, report
from soundmill.ingest.downloads import DOWNLOADS
from soundmill.ingest.hourly import hourly_counts, write_hourly
from soundmill.ingest.progress import progress_csv, progress_of, progress_picture
from soundmill.lake import Lake

if TYPE_CHECKING:
    from soundmill.ingest.progress import Progress

FOLDER = "reports/collection_progress"
_FEWEST_CALLS = 10  # for the mean length of a call
_RECONCILED = 1e-3  # seconds


@dataclass(frozen=True)
class Count:
    """One count of the collection: its figures, conversations, a plot (PNG), and whether the target was reached with this count for the
    first time."""

    progress: "Progress"
    conversations: int
    plot: bytes
    is_reached: bool
    is_newly_reached: bool


def progress_now(catalog: Catalog, zone: ZoneInfo, target_hours: float | None, now: datetime) -> tuple["Progress", list[Conversation]]:
    """How far the collection is, and its calls with both sides."""
    collection = AudioCollection(catalog)
    calls = conversations_of(collection.downloads(), zone)
    mean = mean_sound(calls) if len(calls) >= _FEWEST_CALLS else 0.0
    by_day, apart = collection.ready_seconds_by_day(), collection.ready_seconds_apart()
    return progress_of(collection.counts(), by_day, target_hours, now, mean, apart), calls


def count_collection(lake: Lake, catalog: Catalog, zone: ZoneInfo, target_hours: float | None, now: datetime) -> Count:
    """Counts hours and items, and writes progress.json, progress.csv, conversations.csv and progress.png below `FOLDER`."""
    progress, calls = progress_now(catalog, zone, target_hours, now)
    plot = progress_picture(AudioCollection(catalog).ready_seconds_by_day(), progress)
    before = any(count["target_reached"] and count["target_hours"] == target_hours for count in hourly_counts(lake, 1))
    figures = {**progress.as_json(), "calls": report(calls, target_hours, now)}
    lake.write_bytes(f"{FOLDER}/progress.json", json.dumps(figures, indent=1).encode())
    lake.write_bytes(f"{FOLDER}/progress.csv", progress_csv(progress).encode())
    lake.write_bytes(f"{FOLDER}/conversations.csv", conversations_csv(calls, lake).encode())
    lake.write_bytes(f"{FOLDER}/progress.png", plot)
    reached = target_hours is not None and progress.target_reached
    return Count(progress, len(calls), plot, reached, reached and not before)


def keep_hourly(lake: Lake, count: Count) -> dict[str, Any]:
    """Adds a count to the hourly ones, and returns it with its difference to the one before."""
    return write_hourly(lake, count.progress)


def unreconciled(lake: Lake, catalog: Catalog) -> tuple[list[str], int]:
    """Days on which the ready hours of a table are not those of the ledger, each with both; and how many days were compared.

    Days that are being made, or are marked to be made again, are left out: there the ledger is ahead.
    """
    ledger = Ledger(catalog)
    differing, compared = [], 0
    for table, kinds, ready in ((SEGMENTS, CAPTURED, None), (DOWNLOADS, DOWNLOADED, pc.field("state") == "ready")):
        busy = {name.split(" ")[0] for name in held(catalog, f"{table.name}/")} | {str(day) for day in ledger.stale(table.name)}
        by_day = ledger.ready_seconds_by_day(kinds)
        for day in sorted({*by_day, *lake.days(table)}):
            if str(day) in busy:
                continue
            compared += 1
            try:
                rows = lake.read_days(table, [day], columns=["seconds"], where=ready)
            except DamagedTable as error:
                differing.append(str(error))
                continue
            in_table, in_ledger = pc.sum(rows["seconds"]).as_py() or 0.0, by_day.get(day, 0.0)
            if abs(in_table - in_ledger) > _RECONCILED:
                differing.append(f"{table.name} {day}: {in_table / 3600:.4f} h in the table, {in_ledger / 3600:.4f} h in the ledger")
    return differing, compared
