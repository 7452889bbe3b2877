"""What a day's asset could not use, as a file that people read: `quarantine/{date}/{asset}.json` in the lake."""

import json
from collections.abc import Iterable
from datetime import date

from soundmill.catalog import Item
from soundmill.lake import Lake
from soundmill.settings import masked_url


def quarantine_path(asset: str, day: date) -> str:
    """Where the file lies below the lake's root."""
    return f"quarantine/{day.isoformat()}/{asset}.json"


def write_quarantine(lake: Lake, asset: str, day: date, items: Iterable[Item]) -> None:
    """Names each item with its reason; without any, there is no file."""
    notes = [
        {
            "item": item.key,
            "reason": item.reason,
            "message": item.message,
            "retry": "transient" if item.transient else "permanent",
            **({"url": masked_url(item.measures["url"])} if "url" in item.measures else {}),
        }
        for item in sorted(items, key=lambda item: item.key)
    ]
    if notes:
        lake.write_if_changed(quarantine_path(asset, day), (json.dumps(notes, indent=1) + "\n").encode())
    else:
        lake.delete(quarantine_path(asset, day))
