"""Events of a recording, as live detection would have found them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soundmill.times import from_ms
from soundmill.workflows.live.detector import Detector, window_across_boundary
from soundmill.workflows.live.events import EventTracker, LiveEvent


@dataclass(frozen=True)
class FileEvent:
    """A sound in a file: onset and offset in seconds from its start, and the best margin to the tag's threshold."""

    tag: str
    onset: float
    offset: float
    score: float


def events_in_file(detector: Detector, file: Path) -> list[FileEvent]:
    """Events in order of their onset. Raises `UndecodableAudio`, `NoChampion`."""
    zero, rate, tracker = from_ms(0), detector.segmenter.sample_rate, EventTracker(str(file))
    newest: dict[tuple[str, object], LiveEvent] = {}
    previous: npt.NDArray[np.int16] = np.empty(0, np.int16)
    for start, samples in detector.segments(file, zero):
        across = window_across_boundary(previous, samples, start, rate)
        for began, window in [*([across] if across else []), (start, samples)]:
            for event in tracker.add(detector.detect(window, rate, began)):
                newest[event.tag, event.onset] = event
        previous = samples
    return [
        FileEvent(
            event.tag,
            round((event.onset - zero).total_seconds(), 3),
            round((event.offset - zero).total_seconds(), 3),
            round(event.score, 3),
        )
        for event in sorted(newest.values(), key=lambda event: event.onset)
    ]
