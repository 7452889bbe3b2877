"""The hourly counts, kept as files that say what came since the one before."""

import json
from datetime import UTC, timedelta
from typing import Any

from soundmill.ingest.progress import Progress, deltas
from soundmill.lake import Lake

FOLDER = "reports/collection_progress/hourly"
_KEPT = timedelta(days=90)


def write_hourly(lake: Lake, progress: Progress) -> dict[str, Any]:
    """Writes `hourly_YYYYMMDD_HHMM.json` (UTC) with what came since the last one, and returns it; removes what is older than 90 days."""
    now = progress.at.astimezone(UTC)
    places = sorted(entry.path for entry in lake.files(FOLDER))
    found = {**progress.as_json(), "delta": deltas(progress, _read(lake, places[-1]) if places else None)}
    lake.write_bytes(f"{FOLDER}/hourly_{now:%Y%m%d_%H%M}.json", (json.dumps(found, indent=1) + "\n").encode())
    oldest = f"{FOLDER}/hourly_{now - _KEPT:%Y%m%d_%H%M}.json"
    for place in places:
        if place < oldest:
            lake.delete(place)
    return found


def hourly_counts(lake: Lake, most: int) -> list[dict[str, Any]]:
    """The newest counts, the oldest of them first."""
    return [_read(lake, place) for place in sorted(entry.path for entry in lake.files(FOLDER))[-most:]]


def _read(lake: Lake, place: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lake.read_bytes(place))
    return found
