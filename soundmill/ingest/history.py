"""What came in when: downloads by hour or day, from the ledger and the queue."""

from datetime import datetime, tzinfo
from typing import Any

from soundmill.catalog import AudioCollection, Catalog, DownloadQueue
from soundmill.ingest.conversations import megabytes, size_of
from soundmill.ingest.pairs import AGENT, CUSTOMER
from soundmill.times import hour_in


def history(catalog: Catalog, zone: tzinfo, by: str = "hour") -> list[dict[str, Any]]:
    """A row for each hour or day of the zone in which anything came or failed for good: files by speaker, conversations, MB."""
    rows: dict[str, dict[str, Any]] = {}
    calls: dict[str, set[str]] = {}
    sizes: dict[str, int] = {}
    first: dict[str, datetime] = {}

    def row(moment: datetime) -> dict[str, Any]:
        when = hour_in(moment, zone) if by == "hour" else f"{moment.astimezone(zone):%Y-%m-%d}"
        first[when] = min(moment, first.get(when, moment))
        return rows.setdefault(when, {"when": when, "conversations": 0, AGENT: 0, CUSTOMER: 0, "other": 0, "failed": 0, "size_mb": 0.0})

    for item in AudioCollection(catalog).downloads():
        if not item.path:
            continue
        found = row(datetime.fromisoformat(item.measures["fetched_at"]))
        speaker, when = item.measures["speaker"], found["when"]
        found[speaker if speaker in (AGENT, CUSTOMER) else "other"] += 1
        calls.setdefault(when, set()).add(item.measures["conversation"])
        sizes[when] = sizes.get(when, 0) + size_of(item)
        found["conversations"], found["size_mb"] = len(calls[when]), megabytes(sizes[when])
    for request in DownloadQueue(catalog).failed_or_retrying():
        if request.state == "failed" and request.finished_at:
            row(request.finished_at)["failed"] += 1
    return [rows[when] for when in sorted(rows, key=lambda when: first[when])]
