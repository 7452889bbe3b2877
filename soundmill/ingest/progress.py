"""Progress of the collection: hours by state and source, what is left to the target, and when it will be reached."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from soundmill.catalog import StateCount
from soundmill.plots import ACCENT, INK, WARM, figure, png

BAR = 40
RECENT_DAYS = 14


@dataclass(frozen=True)
class Progress:
    """Hours and items by state and by source, counted at `at`.

    `raw_hours` is the sum over all states, each second once; `ready_hours` counts toward the target. `forecast` is the day on which
    the target is reached at the mean pace of the last 14 days that ended before `at`, None without a target, pace or need.
    """

    at: datetime
    items: dict[str, int]
    hours: dict[str, float]
    sources: dict[str, dict[str, float]]
    raw_hours: float
    ready_hours: float
    target_hours: float | None
    remaining_hours: float | None
    percent: float | None
    hours_a_day: float
    forecast: date | None

    @property
    def target_reached(self) -> bool:
        """Whether the target is reached, or none is set."""
        return self.target_hours is None or self.ready_hours >= self.target_hours

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = asdict(self)
        return {
            **values,
            "at": self.at.isoformat(),
            "forecast": self.forecast and self.forecast.isoformat(),
            "target_reached": self.target_reached,
        }


def progress_of(counts: Sequence[StateCount], ready_seconds: Mapping[date, float], target_hours: float | None, at: datetime) -> Progress:
    """Progress from the ledger's counts and its ready seconds of each day."""
    items: dict[str, int] = {}
    hours: dict[str, float] = {}
    sources: dict[str, dict[str, float]] = {}
    for count in counts:
        items[count.state] = items.get(count.state, 0) + count.items
        hours[count.state] = hours.get(count.state, 0.0) + count.seconds / 3600
        sources.setdefault(count.source, {})[count.state] = count.seconds / 3600
    ready = hours.get("ready", 0.0)
    remaining = None if target_hours is None else target_hours - ready
    yesterday = at.date() - timedelta(days=1)
    recent = sum(seconds for day, seconds in ready_seconds.items() if 0 <= (yesterday - day).days < RECENT_DAYS)
    pace = recent / 3600 / RECENT_DAYS
    forecast = None
    if remaining is not None and remaining > 0 and pace > 0 and remaining / pace < 36_500:
        forecast = at.date() + timedelta(days=math.ceil(remaining / pace))
    return Progress(
        at=at,
        items=items,
        hours=hours,
        sources=sources,
        raw_hours=sum(hours.values()),
        ready_hours=ready,
        target_hours=target_hours,
        remaining_hours=remaining,
        percent=None if target_hours is None else 100 * ready / target_hours,
        hours_a_day=pace,
        forecast=forecast,
    )


def progress_bar(percent: float) -> str:
    """Forty characters of bar, and the percentage."""
    filled = min(BAR, int(BAR * percent / 100))
    return f"[{'█' * filled}{'░' * (BAR - filled)}] {percent:.1f} %"


def progress_csv(progress: Progress) -> str:
    """One line per source and state: source, state, hours."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["source", "state", "hours"])
    for source, states in sorted(progress.sources.items()):
        for state, hours in sorted(states.items()):
            writer.writerow([source, state, f"{hours:.4f}"])
    return out.getvalue()


def progress_picture(ready_seconds: Mapping[date, float], target_hours: float | None) -> bytes:
    """Ready hours over the days, and the target, as PNG."""
    days = sorted(ready_seconds)
    total, sums = 0.0, []
    for day in days:
        total += ready_seconds[day] / 3600
        sums.append(total)
    fig, axis = figure(5.2, 2.0)
    axis.fill_between(days, sums, step="post", color=ACCENT, alpha=0.25)
    axis.step(days, sums, where="post", color=ACCENT, linewidth=1.5, marker="o", markersize=3)
    if target_hours is not None:
        axis.axhline(target_hours, color=WARM, linestyle="--", linewidth=1.2)
    axis.set_ylim(bottom=0)
    axis.set_ylabel("hours ready", fontsize=8, color=INK)
    fig.autofmt_xdate()
    return png(fig)
