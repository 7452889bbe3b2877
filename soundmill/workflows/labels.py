"""Labels beside the sound they speak of: where a recording began, and labels that no sound is under."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from soundmill.audio import seconds_of
from soundmill.capture.landing import LANDING, LandedFile, landed_on, start_of
from soundmill.errors import StartTimeUnknown, UndecodableAudio
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
    spans: dict[str, list[tuple[datetime, datetime]]] = {source: [] for source in by_source}
    days = {one.day - timedelta(days=back) for labels in by_source.values() for one in labels for back in (0, 1)}
    for file in (file for day in sorted(days) for file in landed_on(lake, day)[0] if file.source in spans):
        if span := _span(lake, file):
            spans[file.source].append(span)
    for source, labels in sorted(by_source.items()):
        lost = sum(not any(start < one.end and one.start < end for start, end in spans[source]) for one in labels)
        if lost:
            yield source, lost, len(labels)


def _span(lake: Lake, file: LandedFile) -> tuple[datetime, datetime] | None:
    """From when to when there is sound in a landed file; None where nothing says so."""
    try:
        with lake.local_file(file.path) as local:
            seconds = seconds_of(local)
        start = start_of(lake, file, seconds)
    except (UndecodableAudio, StartTimeUnknown, OSError):
        return None
    return start, start + timedelta(seconds=seconds)
