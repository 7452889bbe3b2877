"""Instants and days: UTC everywhere, parsed and written in one way."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from soundmill.errors import UnreadableTime

# 20260105T101500Z, 2026-01-05 10.15.00 +0100, 2026_01_05_10_15_00+0200, 20260105101500, 2019 5 8T 20000 (blanks for zeros); then an offset,
# or a fraction that a recorder writes after a point or, as three digits, after an underscore, a dash or nothing
_OFFSET = r"Z|[+-]\d{2}(?::?\d{2})?(?!\d)"
_DATE_AND_TIME = re.compile(
    r"(?<!\d)(?P<year>\d{4})(?P<sep>[-_.]?)(?P<month>[ \d]\d)(?P=sep)(?P<day>[ \d]\d)"
    r"[T_ $-]?(?P<hour>[ \d]\d)(?P<colon>[-:._]?)(?P<minute>\d{2})(?P=colon)(?P<second>\d{2})(?P<glued>\d{3})?(?!\d)"
    rf"(?:(?P<offset>{_OFFSET})| (?P<spaced>[+-]\d{{2}}:?\d{{2}})(?!\d)"
    rf"|[.,](?P<fraction>\d{{1,6}})(?!\d)(?P<after>{_OFFSET})?|[_-](?P<ms>\d{{3}})(?!\d)(?P<late>{_OFFSET})?)?"
)
_IN_WORDS = re.compile(r"(?i)(?<=\d)(?: at | um |T|[_ -])(\d{1,2})[.:h](\d{2})[.:m](\d{2})s?(?: ?([AP])M\b)?")  # what people's phones write
_EPOCH_MS = re.compile(r"(?<![\d+])([012]\d{12})(?!\d)")  # from 1970 to 2065; with a + before it, it is a phone number
_HEX_SECONDS = re.compile(r"[0-9A-F]{8}")  # the first AudioMoths
_HEX_YEARS = range(2016, 2036)


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


def instant_in_name(name: str, zone: tzinfo = UTC) -> datetime | None:
    """The moment that a file's name gives, else None.

    A date and a time in one of the spellings of recorders and phones, with an offset from UTC or, without, in `zone`; else an epoch in ms
    of 13 digits, or in seconds as eight hexadecimal digits.
    """
    for match in _DATE_AND_TIME.finditer(_IN_WORDS.sub(_as_digits, name)):
        if (moment := _moment_of(match, zone)) is not None:
            return moment
    if epoch := _EPOCH_MS.search(name):
        return from_ms(int(epoch[1]))
    stem = name.partition(".")[0]
    if _HEX_SECONDS.fullmatch(stem) and (moment := from_ms(1000 * int(stem, 16))).year in _HEX_YEARS and not _is_date(stem):
        return moment
    return None


def _moment_of(match: re.Match[str], zone: tzinfo) -> datetime | None:
    year, month, day, hour, minute, second = (int(match[name]) for name in ("year", "month", "day", "hour", "minute", "second"))
    microsecond = int((match["fraction"] or match["ms"] or match["glued"] or "0").ljust(6, "0"))
    try:
        offset = _zone_of(match["offset"] or match["spaced"] or match["after"] or match["late"] or "") or zone
        moment = datetime(year, month, day, hour, minute, second, microsecond, offset)
        return moment.astimezone(UTC) if year < 9999 else None  # so that a length can be added
    except (ValueError, OverflowError):
        return None


def _as_digits(match: re.Match[str]) -> str:
    """at 3.10.09 PM and 15h10m09s as 15-10-09."""
    hour, half = int(match[1]), (match[4] or "").upper()
    hour = hour % 12 + 12 * (half == "P") if half else hour
    return f" {hour:02d}-{match[2]}-{match[3]}"


def _zone_of(offset: str) -> tzinfo | None:
    """The zone of an offset such as +1000, -09 or Z; None for what is none."""
    if offset in ("", "Z"):
        return UTC if offset else None
    hours, minutes = int(offset[1:3]), int(offset[-2:]) if len(offset) > 3 else 0
    if hours > 14 or minutes > 59:
        return None
    away = timedelta(hours=hours, minutes=minutes)
    return timezone(away if offset[0] == "+" else -away)


def _is_date(digits: str) -> bool:
    try:
        return bool(date(int(digits[:4]), int(digits[4:6]), int(digits[6:])))
    except ValueError:
        return False


def hour_in(moment: datetime, zone: tzinfo) -> str:
    """The hour of a zone, such as 2026-10-25 01:00; with its offset where the clocks go back and there are two of that name."""
    local = moment.astimezone(zone)
    is_one_of_two = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return f"{local:%Y-%m-%d %H:00}" + (f"{local:%z}" if is_one_of_two else "")


def from_ms(epoch_ms: float) -> datetime:
    """The UTC moment of an epoch in milliseconds, to the microsecond."""
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
