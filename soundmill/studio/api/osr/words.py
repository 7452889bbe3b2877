"""How the original writes moments, days and requests, and how ours are read and written so."""

import json
import re
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import HTTPException

_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})[_ T](\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)")
_ID = re.compile(r"\d{13}")


def moment(text: str, zone: ZoneInfo) -> datetime:
    """`2026-01-05_10:15:03.644`, or with a blank, as a UTC moment. Raises a 400."""
    match = _MOMENT.fullmatch(text)
    try:
        if match:
            return datetime.fromisoformat(f"{match[1]} {match[2]}").replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise HTTPException(400, f"{text!r} is no moment: write it like 2026-01-05_10:15:03.644")


def written(at: datetime, zone: ZoneInfo) -> str:
    """A moment as the original writes it: local, to the millisecond."""
    return at.astimezone(zone).isoformat(sep=" ", timespec="milliseconds")[:23]


def day(text: str) -> date:
    """`2026-01-05`. Raises a 400."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise HTTPException(400, f"{text!r} is no day: write it like 2026-01-05") from None


def request(text: str, keys: set[str]) -> dict[str, Any]:
    """JSON from a path, with exactly these keys. Raises a 400."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise HTTPException(400, "the last part of the path is to be JSON") from None
    if not isinstance(found, dict) or set(found) != keys:
        raise HTTPException(400, f"the JSON is to have exactly the keys {', '.join(sorted(keys))}")
    return found


def model_id(value: object) -> str:
    """Thirteen digits. Raises a 400."""
    text = str(value)
    if not _ID.fullmatch(text):
        raise HTTPException(400, f"{text!r} is no model id: it has 13 digits")
    return text
