"""Events of a recording, as live detection would have found them."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soundmill.audio import levels
from soundmill.times import from_ms
from soundmill.workflows.live.detector import Detector, WindowVerdict, window_across_boundary
from soundmill.workflows.live.events import EventTracker, LiveEvent


@dataclass(frozen=True)
class FileEvent:
    """A sound in a file: onset and offset in seconds from its start, and the best margin to the tag's threshold."""

    tag: str
    onset: float
    offset: float
    score: float


@dataclass(frozen=True)
class Tried:
    """What the champion makes of a file: its verdict on each segment, `silent` where the gate would have held it back, and events."""

    verdicts: list[WindowVerdict]
    silent: list[bool]
    events: list[FileEvent]


def events_in_file(detector: Detector, file: Path) -> list[FileEvent]:
    """Events in order of their onset. Raises `UndecodableAudio`, `NoChampion`."""
    return try_file(detector, file).events


def try_file(detector: Detector, file: Path, most_seconds: float = math.inf) -> Tried:
    """What the champion makes of a file, of its first seconds at most. Raises `UndecodableAudio`, `NoChampion`."""
    verdicts: list[WindowVerdict] = []
    silent: list[bool] = []
    zero, rate, tracker = from_ms(0), detector.segmenter.sample_rate, EventTracker(str(file))
    newest: dict[tuple[str, object], LiveEvent] = {}
    previous: npt.NDArray[np.int16] = np.empty(0, np.int16)
    for start, samples in detector.segments(file, zero):
        across = window_across_boundary(previous, samples, start, rate)
        for began, window in [*([across] if across else []), (start, samples)]:
            verdict = detector.detect(window, rate, began)
            if began == start:
                verdicts.append(verdict)
                silent.append(detector.segmenter.is_silent(levels(samples)))
            for event in tracker.add(verdict):
                newest[event.tag, event.onset] = event
        previous = samples
        if (start - zero).total_seconds() + len(samples) / rate >= most_seconds:
            break
    events = [
        FileEvent(
            event.tag,
            round((event.onset - zero).total_seconds(), 3),
            round((event.offset - zero).total_seconds(), 3),
            round(event.score, 3),
        )
        for event in sorted(newest.values(), key=lambda event: event.onset)
    ]
    return Tried(verdicts, silent, events)
