"""Which days to run, decided from what changed, what runs already, and when each day was last asked for."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta


@dataclass(frozen=True)
class Cursor:
    """What a sensor keeps between ticks: when (epoch seconds) it asked for which day, for as long as the spacing lasts."""

    asked: dict[str, float] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """The cursor of the last tick; an empty one where the text is none or not readable."""
        try:
            asked = json.loads(text or "{}")
            return cls({str(day): float(at) for day, at in asked.items()})
        except (ValueError, TypeError, AttributeError):
            return cls()

    def text(self) -> str:
        """What the next tick parses."""
        return json.dumps(self.asked)


@dataclass(frozen=True)
class Plan:
    """Days to run now with the fingerprint that asks for it; days that wait, and those that are no partition."""

    run: dict[date, str]
    waiting: list[date]
    outside: list[date]
    cursor: Cursor


def plan_days(
    current: Mapping[date, str],
    processed: Mapping[date, str],
    in_flight: Collection[str],
    partitions: Collection[str],
    cursor: Cursor,
    now: float,
    spacing: float,
    most: int = 20,
) -> Plan:
    """Days whose input differs from what they were last made from, the newest first, at most `most` of them.

    A day that is being run, or was asked for less than `spacing` seconds ago, waits. A day that was processed but is marked stale
    counts as changed with that mark. A clock that jumped backwards makes nothing wait longer than `spacing`.
    """
    asked = {day: at for day, at in cursor.asked.items() if 0 <= now - at < spacing}
    stale = {day: mark for day, mark in processed.items() if mark.startswith("stale ")}
    changed = {day: mark for day, mark in current.items() if processed.get(day) != mark and day not in stale}
    changed |= {day: f"{current.get(day, '')} {mark}".strip() for day, mark in stale.items()}
    run: dict[date, str] = {}
    waiting, outside = [], []
    for day in sorted(changed, reverse=True):
        key = day.isoformat()
        if key not in partitions:
            outside.append(day)
        elif key in in_flight or key in asked or len(run) >= most:
            waiting.append(day)
        else:
            run[day] = changed[day]
    return Plan(run, sorted(waiting), sorted(outside), Cursor({**asked, **{day.isoformat(): now for day in run}}))


def day_ranges(wanted: Collection[date], most: int) -> list[tuple[date, date]]:
    """First and last days of unbroken stretches of at most `most` days, the newest first. Long stretches break at the same days
    whatever else is wanted, so that a stretch that fails is known again."""
    ranges: list[tuple[date, date]] = []
    for day in sorted(set(wanted), reverse=True):
        if ranges and ranges[-1][0] - day == timedelta(days=1) and ranges[-1][0].toordinal() // most == day.toordinal() // most:
            ranges[-1] = (day, ranges[-1][1])
        else:
            ranges.append((day, day))
    return ranges
