"""Labels beside the sound they speak of: where a recording began, and labels that no sound is under."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from soundmill.audio import seconds_of
from soundmill.capture.landing import LANDING
from soundmill.errors import UndecodableAudio
from soundmill.formats.annotation import Annotation
from soundmill.lake import Lake
from soundmill.times import from_ms, instant_in_name

_LANDED = re.compile(r"(?P<ms>[0-9]{13})(?:_(?P<name>.*))?")


def start_of_recording(lake: Lake, source: str, name: str) -> datetime | None:
    """When the recording of a name (without its ending) began: as it landed for the source, else as the name says; None where neither."""
    for entry in lake.files(f"{LANDING}/{source}") if source else ():
        stem = PurePosixPath(entry.path).stem
        match = _LANDED.fullmatch(stem)
        if match and name in (stem, match["name"]):
            return from_ms(int(match["ms"]))
    return instant_in_name(name, UTC)


def outside_sound(lake: Lake, annotations: Iterable[Annotation]) -> Iterator[tuple[str, int, int]]:
    """Of each source with labels outside its sound: its name, how many lie so, and how many labels it has."""
    by_source: dict[str, list[Annotation]] = {}
    for one in annotations:
        by_source.setdefault(one.source, []).append(one)
    for source, labels in sorted(by_source.items()):
        days = {day.isoformat() for one in labels for day in (one.day, one.day - timedelta(days=1))}
        spans = [span for day in sorted(days) for span in _spans(lake, source, day)]
        lost = Counter(any(start < one.end and one.start < end for start, end in spans) for one in labels)[False]
        if lost:
            yield source, lost, len(labels)


def _spans(lake: Lake, source: str, day: str) -> Iterator[tuple[datetime, datetime]]:
    """From when to when there is sound in each file that landed for a day."""
    for entry in lake.files(f"{LANDING}/{source}/{day}"):
        path = PurePosixPath(entry.path)
        match = _LANDED.match(path.stem)
        start = from_ms(int(match["ms"])) if match else instant_in_name(path.stem, UTC)
        if start is None or path.suffix == ".json":
            continue
        try:
            with lake.local_file(entry.path) as local:
                yield start, start + timedelta(seconds=seconds_of(local))
        except (UndecodableAudio, OSError):
            continue
