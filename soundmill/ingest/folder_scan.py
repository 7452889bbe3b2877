"""A folder of conversations read without any record of them: what is there, and which calls lack a side."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from soundmill.audio import probe
from soundmill.errors import UndecodableAudio
from soundmill.ingest.conversations import megabytes
from soundmill.ingest.pairs import AGENT, CUSTOMER


@dataclass(frozen=True)
class FolderScan:
    """`complete` calls with their `hours` (the longer side of each) and `megabytes`; `incomplete` calls with what they lack."""

    complete: int
    hours: float
    megabytes: float
    incomplete: dict[str, str]
    unreadable: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def scan_folder(folder: Path) -> FolderScan:
    """Reads the headers of `{conversation}/{conversation}_{speaker}.*`, at any depth."""
    complete, seconds, size = 0, 0.0, 0
    incomplete: dict[str, str] = {}
    unreadable: dict[str, str] = {}
    for place, _, names in sorted(os.walk(folder)):
        conversation = os.path.basename(place)
        sides: dict[str, float] = {}
        bytes_here = 0
        for name in sorted(names):
            stem = Path(name).stem
            if not stem.startswith(f"{conversation}_"):
                continue
            path = Path(place) / name
            try:
                sides[stem.removeprefix(f"{conversation}_")] = probe(path).seconds or 0.0
            except UndecodableAudio as error:
                unreadable[str(path)] = str(error)
                continue
            bytes_here += path.stat().st_size
        if AGENT in sides and CUSTOMER in sides:
            complete, seconds, size = complete + 1, seconds + max(sides[AGENT], sides[CUSTOMER]), size + bytes_here
        elif sides or any(path.startswith(f"{place}{os.sep}") for path in unreadable):
            lacks = " and ".join(side for side in (AGENT, CUSTOMER) if side not in sides)
            incomplete[conversation] = f"no {lacks}"
    return FolderScan(complete, round(seconds / 3600, 4), megabytes(size), incomplete, unreadable)
