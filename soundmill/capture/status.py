"""What a station reports of itself: a small file, written once a second, that everybody may read."""

import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from soundmill.disk import write_whole

ALARMING = frozenset({"stalled", "dead", "stopped"})
SUFFIX = ".status.json"
_SILENT_AFTER = 60.0  # seconds without word from a station on another machine


@dataclass
class Status:
    """What a station reports of itself, as its status file holds it. Counts are since the process began; times are UTC."""

    name: str
    source: str
    pid: int | None = field(default_factory=os.getpid)
    began_at: str = ""
    updated_at: str = ""
    on: bool = False
    state: str = "off"  # off, starting, live, quiet, stalled, dead, ended
    why: str = ""
    session: int | None = None
    last_segment_at: str = ""
    segments: int = 0
    silent: int = 0
    seconds: float = 0.0
    lost_seconds: float = 0.0
    overruns: int = 0
    not_stored: int = 0
    reopened: int = 0
    clock_steps: list[float] = field(default_factory=list)
    backlog: int = 0
    peak_dbfs: float | None = None
    floor_dbfs: float | None = None


def write_status(path: Path, values: dict[str, Any]) -> None:
    """Writes a status whole: readers see the old one or the new."""
    write_whole(path, json.dumps(values))


def read_status(folder: Path) -> list[dict[str, Any]]:
    """The newest status of each station that runs here or reports here, with `running` and the seconds since it was written.

    One whose process is gone, or that has not reported for a minute, is "stopped".
    """
    found = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            status = json.loads(path.read_text())
            age = (datetime.now(UTC) - datetime.fromisoformat(status["updated_at"])).total_seconds()
        except (OSError, ValueError, KeyError, TypeError):
            continue
        running = age < _SILENT_AFTER and (status["pid"] is None or _is_running(status["pid"]))
        if not running and status["state"] not in ("ended", "off"):
            status["state"], status["why"] = "stopped", f"it was {status['state']} when it last reported, {age:.0f} s ago"
        found.append({**status, "running": running, "age_seconds": round(age, 1)})
    return found


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def now_text() -> str:
    """This moment, as status files write it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
