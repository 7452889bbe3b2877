"""The settled stretches of sound of a release's rounds, each once, and the sound of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from soundmill.audio.reader import Int16
from soundmill.capture import SEGMENTS, Timeline
from soundmill.catalog import Box
from soundmill.fingerprint import digest
from soundmill.lake import Lake
from soundmill.releases.manifest import Label, seconds_between
from soundmill.times import to_ms
from soundmill.workflows.rounds.outcome import Settled

_SLIVER = 0.001  # seconds: of a label that a clip's end cuts
_EDGE_MS = 2  # by which rounding makes a segment reach into its neighbour's time


@dataclass(frozen=True)
class Stretch:
    """A settled stretch of a source, of whichever rounds had it, in which `people` looked for `tags`."""

    source: str
    start: datetime
    end: datetime
    rounds: tuple[str, ...]
    tags: tuple[str, ...]
    people: int
    labels: tuple[Label, ...]


@dataclass(frozen=True)
class Cut:
    """The sound of a stretch: samples, shape (n,), their rate in Hz, gaps in seconds, and hashes of the recordings that it is of."""

    samples: Int16
    sample_rate: int
    gaps: tuple[tuple[float, float], ...]
    recordings: tuple[str, ...]


def stretches_of(rounds: Iterable[Settled]) -> list[Stretch]:
    """Stretches by time. For a tag that several rounds looked for in one of them, the last of these rounds has the say."""
    found: dict[tuple[str, datetime, datetime], Stretch] = {}
    for one in rounds:
        for session in one.sessions:
            place = (session.source, session.start, session.end)
            fresh = Stretch(*place, (one.name,), one.tags, session.people, _labels(session.boxes, session.start, session.end, one.tags))
            known = found.get(place)
            found[place] = fresh if known is None else _overruled(known, fresh)
    return sorted(found.values(), key=lambda stretch: (stretch.start, stretch.source, stretch.end))


class Sound:
    """The sound of stretches, which are asked for in order of their days."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._day: date | None = None

    def cut(self, stretch: Stretch) -> Cut:
        """Raises `NoAudio`, `NotInLake` where a segment's file is gone."""
        day = stretch.start.date()
        if day != self._day:
            self._open(day)
        rate, found = self._timeline.pieces(stretch.source, stretch.start, stretch.end)
        pieces = list(found)
        return Cut(np.concatenate([samples for samples, _ in pieces]), rate, _gaps(pieces, rate), self._recordings(stretch))

    def _open(self, day: date) -> None:
        """The segments of a day, and of the day before, which reaches into it."""
        table = self._lake.read_days(SEGMENTS, [day - timedelta(days=1), day]).sort_by("started_at")
        self._day, self._timeline = day, Timeline(self._lake, table)
        columns = zip(*(table[name].to_pylist() for name in ("source", "started_at", "seconds", "recording", "session")), strict=True)
        rows: dict[str, list[tuple[int, float, str]]] = {}
        for source, start, seconds, recording, run in columns:
            # a microphone's run may last for months, so a day of it counts as one recording
            of = recording if run is None else f"{source} on {start.date()}"
            rows.setdefault(source, []).append((to_ms(start), to_ms(start) + 1000 * seconds, digest([of])))
        self._places: dict[str, tuple[NDArray[np.float64], list[str]]] = {
            source: (np.array([(start, end) for start, end, _ in of], float), [name for *_, name in of]) for source, of in rows.items()
        }

    def _recordings(self, stretch: Stretch) -> tuple[str, ...]:
        times, names = self._places[stretch.source]
        inside = (times[:, 0] < to_ms(stretch.end) - _EDGE_MS) & (times[:, 1] > to_ms(stretch.start) + _EDGE_MS)
        return tuple(sorted({names[place] for place in np.flatnonzero(inside)}))


def _overruled(one: Stretch, later: Stretch) -> Stretch:
    kept = [label for label in one.labels if label.tag not in later.tags]
    return replace(
        one,
        rounds=tuple(sorted({*one.rounds, *later.rounds})),
        tags=tuple(sorted({*one.tags, *later.tags})),
        people=max(one.people, later.people),
        labels=tuple(sorted([*kept, *later.labels], key=_order)),
    )


def _labels(boxes: Sequence[Box], start: datetime, end: datetime, tags: Sequence[str]) -> tuple[Label, ...]:
    found = set()
    for box in boxes:
        first, last = seconds_between(start, max(box.start, start)), seconds_between(start, min(box.end, end))
        if box.state != "rejected" and box.tag in tags and last - first >= _SLIVER:
            found.add(Label(first, round(last - first, 3), box.tag, box.low_hz, box.high_hz, box.origin))
    return tuple(sorted(found, key=_order))


def _order(one: Label) -> tuple[float, float, str, float, float, str]:
    return one.start_s, one.duration_s, one.tag, one.low_hz or -1.0, one.high_hz or -1.0, one.origin


def _gaps(pieces: Sequence[tuple[Int16, bool]], rate: int) -> tuple[tuple[float, float], ...]:
    gaps, at = list[tuple[float, float]](), 0
    for samples, has_sound in pieces:
        first, at = at, at + len(samples)
        if not has_sound:
            begins = gaps.pop()[0] if gaps and gaps[-1][1] == round(first / rate, 6) else round(first / rate, 6)
            gaps.append((begins, round(at / rate, 6)))
    return tuple(gaps)
