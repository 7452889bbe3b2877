"""Progress of the collection: hours by state and source, what is left to the target, and when it will be reached."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from soundmill.catalog import StateCount
from soundmill.formats.spreadsheets import cell
from soundmill.plots import ACCENT, INK, WARM, figure, png

BAR = 40
RECENT_DAYS = 14
_FEWEST_HOURS = 1.0  # of recent sound, for a forecast
_DRAWS, _MOST_DRAWN_DAYS = 2000, 365
_FARTHEST_DAYS = 36_500


@dataclass(frozen=True)
class Progress:
    """Hours and items by state and by source, counted at `at`.

    `raw_hours` is the sum over all states, each second once; `ready_hours` counts toward the target. `forecast` is the day on which
    the target is reached at the mean pace of the last 14 days that ended before `at`; None without a target, a need, or an hour in
    those days. With four chances in five it is reached from `forecast_early` to `forecast_late`, if days to come are drawn from those
    14 (bootstrap). `conversations_needed`: calls with as much sound as the mean so far that the rest amounts to; None without a mean
    or a target. `apart_hours`: ready hours that do not count, by what they are for: training clips, the demo.
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
    forecast_early: date | None
    forecast_late: date | None
    conversations_needed: int | None
    apart_hours: dict[str, float] = field(default_factory=dict)

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
            **{name: values[name] and values[name].isoformat() for name in ("forecast", "forecast_early", "forecast_late")},
            "target_reached": self.target_reached,
        }


def progress_of(
    counts: Sequence[StateCount],
    ready_seconds: Mapping[date, float],
    target_hours: float | None,
    at: datetime,
    mean_call_seconds: float = 0.0,
    apart_seconds: Mapping[str, float] | None = None,
) -> Progress:
    """Progress from the ledger's counts, its ready seconds of each day, the mean sound of a call with both sides, and the ready seconds
    that are apart from the collection, by what they are for."""
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
    recent = [ready_seconds.get(yesterday - timedelta(days=back), 0.0) / 3600 for back in range(RECENT_DAYS)]
    pace = sum(recent) / RECENT_DAYS
    forecast = early = late = None
    if remaining is not None and remaining > 0 and sum(recent) >= _FEWEST_HOURS:
        forecast = _day_after(at.date(), remaining / pace)
        early, late = (_day_after(at.date(), days) for days in _days_needed(recent, remaining))
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
        forecast_early=early,
        forecast_late=late,
        conversations_needed=None
        if remaining is None or not mean_call_seconds
        else max(0, math.ceil(remaining * 3600 / mean_call_seconds)),
        apart_hours={purpose: seconds / 3600 for purpose, seconds in (apart_seconds or {}).items()},
    )


def _days_needed(recent: Sequence[float], remaining: float) -> tuple[float, float]:
    """The 10th and the 90th percentile of the days that `remaining` hours take, when each day is one of the recent ones by lot.

    The mean of n days by lot has the spread of the recent days over the root of n: paces are drawn for as many days as are needed.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    days = max(1, math.ceil(remaining / (sum(recent) / len(recent))))
    drawn = rng.choice(recent, size=(_DRAWS, min(days, _MOST_DRAWN_DAYS))).mean(axis=1)
    paces = np.percentile(drawn, [90, 10])
    return tuple(remaining / pace if pace > 0 else math.inf for pace in paces)  # type: ignore[return-value]  # two of them


def _day_after(first: date, days: float) -> date | None:
    return first + timedelta(days=math.ceil(days)) if days < _FARTHEST_DAYS else None


def deltas(now: Progress, before: Mapping[str, Any] | None) -> dict[str, Any]:
    """What came since an earlier progress (as its JSON): hours and items by state, and since when; all of it where there is none."""
    old = before or {"hours": {}, "items": {}, "at": None}
    return {
        "since": old["at"],
        "hours": {state: round(hours - old["hours"].get(state, 0.0), 6) for state, hours in sorted(now.hours.items())},
        "items": {state: items - old["items"].get(state, 0) for state, items in sorted(now.items.items())},
        "ready_hours": round(now.ready_hours - old.get("ready_hours", 0.0), 6),
    }


def progress_bar(percent: float) -> str:
    """Forty characters of bar, and the percentage."""
    filled = min(BAR, int(BAR * percent / 100))
    return f"[{'█' * filled}{'░' * (BAR - filled)}] {percent:.1f} %"


def progress_lines(progress: Progress) -> list[str]:
    """The report as people read it."""
    lines = [f"{state:<12} {progress.items[state]:>9} items {hours:>10.2f} h" for state, hours in sorted(progress.hours.items())]
    lines.append(f"{'all':<12} {sum(progress.items.values()):>9} items {progress.raw_hours:>10.2f} h")
    lines += [f"{hours:.2f} h of {purpose} are apart from it" for purpose, hours in progress.apart_hours.items()]
    if progress.percent is None or progress.remaining_hours is None:
        return lines
    lines.append(f"{progress_bar(progress.percent)} of {progress.target_hours:g} h, counting every ready file")
    if progress.target_reached:
        return [*lines, "the target is reached"]
    needed = f", about {progress.conversations_needed} calls" if progress.conversations_needed is not None else ""
    lines.append(f"{progress.remaining_hours:.2f} h to go{needed}")
    if progress.forecast:
        late = f"and {progress.forecast_late}" if progress.forecast_late else "and nobody knows when"
        lines.append(
            f"at the pace of the last {RECENT_DAYS} days ({progress.hours_a_day:.2f} h a day) reached on {progress.forecast}, "
            f"between {progress.forecast_early} {late} with four chances in five"
        )
    else:
        lines.append(f"the {RECENT_DAYS} days before today brought less than an hour: no forecast")
    return lines


def progress_csv(progress: Progress) -> str:
    """One line per source and state: source, state, hours."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["source", "state", "hours"])
    for source, states in sorted(progress.sources.items()):
        for state, hours in sorted(states.items()):
            writer.writerow([cell(source), state, f"{hours:.4f}"])
    return out.getvalue()


def progress_picture(ready_seconds: Mapping[date, float], progress: Progress) -> bytes:
    """Ready hours over the days, the target, the span in which it is expected, and what does not count, as PNG."""
    days = sorted(ready_seconds)
    total, sums = 0.0, []
    for day in days:
        total += ready_seconds[day] / 3600
        sums.append(total)
    fig, axis = figure(5.2, 2.0)
    axis.fill_between(days, sums, step="post", color=ACCENT, alpha=0.25)
    axis.step(days, sums, where="post", color=ACCENT, linewidth=1.5, marker="o", markersize=3)
    if progress.target_hours is not None:
        axis.axhline(progress.target_hours, color=WARM, linestyle="--", linewidth=1.2)
    if progress.forecast and days:
        axis.plot([days[-1], progress.forecast], [total, progress.target_hours], color=ACCENT, linestyle=":", linewidth=1.2)
        if progress.forecast_early and progress.forecast_late:
            axis.axvspan(progress.forecast_early, progress.forecast_late, color=WARM, alpha=0.15, linewidth=0)
    axis.set_ylim(bottom=0)
    if len(days) == 1:  # which matplotlib would show in the middle of years
        axis.set_xlim(days[0] - timedelta(days=7), max(days[0], progress.forecast_late or days[0]) + timedelta(days=7))
    if not days:
        axis.set_xticks([])
    if apart := [f"{purpose} {hours:.2f} h" for purpose, hours in progress.apart_hours.items()]:
        axis.set_title("apart from the collection: " + ", ".join(apart), fontsize=8, color=INK)
    axis.set_ylabel("hours ready", fontsize=8, color=INK)
    fig.autofmt_xdate()
    return png(fig)
