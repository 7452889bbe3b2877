"""Instants and days: UTC everywhere, parsed and written in one way."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from soundmill.errors import UnreadableTime

_COMPACT = re.compile(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})[T_ ](\d{2})[-:]?(\d{2})[-:]?(\d{2})(?:[.,](\d{1,6})(?!\d))?")
_EPOCH_MS = re.compile(r"(?<!\d)([012]\d{12})(?!\d)")  # from 1970 to 2065


def utc(moment: datetime) -> datetime:
    """The moment in UTC; a naive one is taken to be UTC already."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_instant(text: str) -> datetime:
    """An ISO 8601 moment ("2026-01-05T10:00:00Z", "2026-01-05 10:00:00+02:00") or a 13-digit epoch in ms, as UTC.

    Raises `UnreadableTime`.
    """
    text = text.strip()
    if re.fullmatch(r"\d{13}", text):
        return from_ms(int(text))
    try:
        return utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise UnreadableTime(f"{text!r} is not a moment; write it like 2026-01-05T10:00:00Z") from None


def parse_day(text: str) -> date:
    """A day such as "2026-01-05". Raises `UnreadableTime`."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise UnreadableTime(f"{text!r} is not a day; write it like 2026-01-05") from None


def parse_days(text: str) -> tuple[date, ...]:
    """Days from "2026-01-01..2026-01-05,2026-01-09": commas between, two dots for a range with both ends.

    Raises `UnreadableTime`.
    """
    days: list[date] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        first, dots, last = part.partition("..")
        if dots and parse_day(last) < parse_day(first):
            raise UnreadableTime(f"{part!r} ends before it begins")
        days.extend(days_between(parse_day(first), parse_day(last)) if dots else [parse_day(first)])
    return tuple(sorted(set(days)))


def instant_in_name(name: str) -> datetime | None:
    """The moment a file's name carries (13-digit epoch in ms, or 20260105T101500Z, 2026-01-05_10-15-00.250 and kin), else None."""
    if match := _EPOCH_MS.search(name):
        return from_ms(int(match.group(1)))
    if match := _COMPACT.search(name):
        year, month, day, hour, minute, second = (int(group) for group in match.groups()[:6])
        microsecond = int((match.group(7) or "0").ljust(6, "0"))
        try:
            moment = datetime(year, month, day, hour, minute, second, microsecond, UTC)
        except ValueError:
            return None
        return moment if year < 9999 else None  # so that a length can be added
    return None


def from_ms(epoch_ms: int) -> datetime:
    """The UTC moment of an epoch in milliseconds."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=epoch_ms)


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch, rounded to the nearest."""
    return round((utc(moment) - datetime.fromtimestamp(0, UTC)) / timedelta(milliseconds=1))


def midnight(day: date) -> datetime:
    """The UTC moment at which the day begins."""
    return datetime.combine(day, time(), UTC)


def days_between(first: date, last: date) -> Iterator[date]:
    """Every day from first to last, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)
