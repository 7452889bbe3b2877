"""Events from verdicts: a sound from its onset to its offset, however many segments it fills."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from soundmill.workflows.live.detector import WindowVerdict

HYSTERESIS = 0.5  # standard deviations under the threshold at which an event that has begun still goes on
GAP = 3.0  # seconds without the sound that end an event


@dataclass(frozen=True)
class LiveEvent:
    """A sound: from its onset to its offset as far as it has been detected, in so many windows, and the best margin among them."""

    source: str
    tag: str
    onset: datetime
    offset: datetime
    segments: int
    score: float


class EventTracker:
    """Joins the verdicts on one source's windows, in order of time, to events. Windows may overlap.

    An event begins with a window that is called by its name, goes on while its margin stays within the hysteresis, and ends when nothing
    of it has been detected for three seconds: what comes back sooner is the same event.
    """

    def __init__(self, source: str, going_on: Sequence[LiveEvent] = ()) -> None:
        self._source = source
        self._open = {event.tag: event for event in going_on}

    def add(self, window: WindowVerdict) -> list[LiveEvent]:
        """Takes a verdict in; the events that it began or prolonged."""
        end = window.started_at + timedelta(seconds=window.seconds)
        changed = []
        for tag, margin in window.margins.items():
            event = self._open.get(tag)
            if event is not None and (window.started_at - event.offset).total_seconds() > GAP:
                del self._open[tag]
                event = None
            if window.tag == tag:
                if event is None:
                    event = LiveEvent(self._source, tag, window.started_at, end, 1, margin)
                else:
                    event = replace(event, offset=max(event.offset, end), segments=event.segments + 1, score=max(event.score, margin))
            elif event is not None and margin >= -HYSTERESIS and window.started_at <= event.offset:
                event = replace(event, offset=max(event.offset, end), segments=event.segments + 1)
            else:
                continue
            self._open[tag] = event
            changed.append(event)
        return changed
