"""Calls as the downloader's clients know them: an entry for each that has both sides, and what they add up to."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from soundmill.catalog import Item
from soundmill.formats.spreadsheets import cell
from soundmill.ingest.pairs import AGENT, CUSTOMER, complete
from soundmill.lake import Lake
from soundmill.times import hour_in

_MB = 1 << 20
CSV_COLUMNS = (
    "conversation_id", "timestamp", "agent_filepath", "agent_size_mb", "agent_duration_min",
    "customer_filepath", "customer_size_mb", "customer_duration_min", "total_size_mb", "total_duration_hours",
)  # fmt: skip


@dataclass(frozen=True)
class Conversation:
    """A call with both sides; it lasts as long as the longer one. `downloaded_at`: when the later one was done, in the given zone."""

    id: str
    downloaded_at: datetime
    agent: Item
    customer: Item

    @property
    def seconds(self) -> float:
        """Length of the longer side."""
        return max(self.agent.seconds, self.customer.seconds)

    @property
    def bytes(self) -> int:
        """Size of both WAVs."""
        return size_of(self.agent) + size_of(self.customer)


def conversations_of(items: Iterable[Item], zone: tzinfo) -> list[Conversation]:
    """The calls whose two sides are there, in order of their coming."""
    found = [
        Conversation(
            name,
            max(datetime.fromisoformat(sides[side].measures["fetched_at"]) for side in (AGENT, CUSTOMER)).astimezone(zone),
            sides[AGENT],
            sides[CUSTOMER],
        )
        for name, sides in complete(items).items()
    ]
    return sorted(found, key=lambda conversation: (conversation.downloaded_at, conversation.id))


def mean_sound(conversations: Sequence[Conversation]) -> float:
    """Seconds of sound that a call has on average, both sides together; 0 without a call."""
    return sum(one.agent.seconds + one.customer.seconds for one in conversations) / len(conversations) if conversations else 0.0


def size_of(item: Item) -> int:
    """Bytes of an item's WAV."""
    return int(item.measures["bytes"])


def megabytes(size: int) -> float:
    """Bytes as MB of 1,048,576, to two places."""
    return round(size / _MB, 2)


def entry(conversation: Conversation, lake: Lake) -> dict[str, Any]:
    """A call as the list of calls has it."""
    sides = {speaker: _side(item, lake) for speaker, item in ((AGENT, conversation.agent), (CUSTOMER, conversation.customer))}
    return {
        "conversation_id": conversation.id,
        "timestamp": conversation.downloaded_at.isoformat(),
        **sides,
        "total": {
            "size_mb": round(sides[AGENT]["size_mb"] + sides[CUSTOMER]["size_mb"], 2),
            "duration_seconds": round(conversation.seconds, 2),
            "duration_minutes": round(conversation.seconds / 60, 2),
            "duration_hours": round(conversation.seconds / 3600, 4),
        },
    }


def summary(conversations: Sequence[Conversation]) -> dict[str, Any]:
    """What the calls add up to; each counts, also where its sound is that of another call: the ledger tells these apart."""
    seconds, size, number = sum(one.seconds for one in conversations), sum(one.bytes for one in conversations), len(conversations)
    totals: dict[str, Any] = {
        "total_conversations": number,
        "total_hours": round(seconds / 3600, 2),
        "total_minutes": round(seconds / 60, 2),
        "total_seconds": round(seconds, 2),
        "total_size_mb": megabytes(size),
        "total_size_gb": round(size / _MB / 1024, 2),
    }
    if not conversations:
        return totals
    return {
        **totals,
        "average_duration_minutes": round(seconds / number / 60, 2),
        "average_size_mb": megabytes(round(size / number)),
        "first_download": conversations[0].downloaded_at.isoformat(),
        "last_download": conversations[-1].downloaded_at.isoformat(),
    }


def toward_target(conversations: Sequence[Conversation], target_hours: float) -> dict[str, Any]:
    """How far the calls are toward a target; `estimated_conversations_needed` is rounded toward zero."""
    hours = sum(one.seconds for one in conversations) / 3600
    average = hours / len(conversations) if conversations else 0.0
    remaining = target_hours - hours
    return {
        "target_hours": target_hours,
        "current_hours": round(hours, 2),
        "remaining_hours": round(remaining, 2),
        "progress_percentage": round(100 * hours / target_hours, 2) if target_hours else 100.0,
        "estimated_conversations_needed": int(remaining / average) if average else 0,
        "target_reached": hours >= target_hours,
    }


def by_hour(conversations: Iterable[Conversation]) -> dict[str, dict[str, Any]]:
    """Calls, hours of sound and MB that came in each hour ("2026-01-05 10:00")."""
    found: dict[str, list[Conversation]] = {}
    for one in conversations:
        found.setdefault(hour_in(one.downloaded_at, one.downloaded_at.tzinfo or UTC), []).append(one)
    return {
        hour: {
            "conversations": len(calls),
            "duration_hours": round(sum(one.seconds for one in calls) / 3600, 4),
            "size_mb": megabytes(sum(one.bytes for one in calls)),
        }
        for hour, calls in sorted(found.items(), key=lambda entry: min(one.downloaded_at for one in entry[1]).astimezone(UTC))
    }


def conversations_csv(conversations: Iterable[Conversation], lake: Lake) -> str:
    """One line for each call."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for one in conversations:
        values = entry(one, lake)
        row = [values["conversation_id"], values["timestamp"]]
        for side in (AGENT, CUSTOMER):
            row += [values[side]["filepath"], values[side]["size_mb"], values[side]["duration_minutes"]]
        writer.writerow(map(cell, [*row, values["total"]["size_mb"], values["total"]["duration_hours"]]))
    return out.getvalue()


def report(conversations: Sequence[Conversation], target_hours: float | None, at: datetime) -> dict[str, Any]:
    """Everything that the report on the calls says."""
    sides = {side: megabytes(sum(size_of(getattr(one, side)) for one in conversations)) for side in (AGENT, CUSTOMER)}
    return {
        "generated_at": at.isoformat(),
        "summary": summary(conversations),
        **({"progress": toward_target(conversations, target_hours)} if target_hours else {}),
        "hourly_breakdown": by_hour(conversations),
        "size_by_speaker_mb": sides,
        **({"rates": _rates(conversations)} if conversations else {}),
    }


def report_lines(found: Mapping[str, Any]) -> list[str]:
    """The report as people read it."""
    totals = found["summary"]
    lines = [f"calls with both sides: {totals['total_conversations']}, {totals['total_hours']:.2f} h, {totals['total_size_mb']:.2f} MB"]
    if not totals["total_conversations"]:
        return lines
    sizes, rates = found["size_by_speaker_mb"], found["rates"]
    lines += [
        f"a call has on average {totals['average_duration_minutes']:.2f} min and {totals['average_size_mb']:.2f} MB",
        f"agent {sizes[AGENT]:.2f} MB, customer {sizes[CUSTOMER]:.2f} MB",
        f"from {_minute(totals['first_download'])} to {_minute(totals['last_download'])}: {rates['conversations_per_hour']:.1f} calls and"
        f" {rates['audio_hours_per_hour']:.2f} h of sound an hour",
    ]
    if progress := found.get("progress"):
        lines.append(f"counted as calls, each by its longer side: {progress['current_hours']:.2f} h")
    return lines


def _minute(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M}"


def _rates(conversations: Sequence[Conversation]) -> dict[str, float]:
    """Calls and hours of sound an hour, from the first to the last of them; over at least one hour."""
    hours = max(1.0, (conversations[-1].downloaded_at - conversations[0].downloaded_at).total_seconds() / 3600)
    return {
        "conversations_per_hour": round(len(conversations) / hours, 2),
        "audio_hours_per_hour": round(sum(one.seconds for one in conversations) / 3600 / hours, 4),
    }


def _side(item: Item, lake: Lake) -> dict[str, Any]:
    return {
        "filepath": lake.address(item.path or ""),
        "url": item.measures["url"],
        "size_mb": megabytes(size_of(item)),
        "duration_seconds": round(item.seconds, 2),
        "duration_minutes": round(item.seconds / 60, 2),
        "exists": True,
    }
