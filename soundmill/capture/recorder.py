"""From blocks to segments: cut on the sample clock, gated, numbered; where samples are missing a segment ends early."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from soundmill.audio import Levels, amplitude, levels, wav_bytes
from soundmill.audio.reader import Int16
from soundmill.capture.clock import SampleClock
from soundmill.capture.naming import SILENCE, SegmentName
from soundmill.capture.ring import Block
from soundmill.times import from_ms, to_ms

_LONGEST_STATEMENT = 1000  # bytes
_MOST = 10**9
_STEPS_KEPT = 50
_PAUSE = 5.0  # seconds that no missing samples explain, after which a session begins
SEGMENT_SAMPLES = 132_352  # 517 blocks of 256
LONGEST_SILENCE = 60  # seconds in one statement of silence: no more is taken for missing when a capture is killed


@dataclass(frozen=True)
class RecordedSegment:
    """A segment that has ended. `stored` says whether the gate let it pass."""

    name: SegmentName
    samples: Int16
    sample_rate: int
    levels: Levels
    stored: bool

    def file(self) -> bytes:
        """Its WAV."""
        return wav_bytes(self.samples, self.sample_rate)


@dataclass(frozen=True)
class Silence:
    """A silence that the gate held back: so many samples, in so many segments, none louder than `max_amp`."""

    name: SegmentName
    samples: int
    sample_rate: int
    segments: int
    max_amp: int
    clipped: int = 0

    def file(self) -> bytes:
        """What is stored of it."""
        values = {key: getattr(self, key) for key in ("samples", "sample_rate", "segments", "max_amp", "clipped")}
        return json.dumps(values).encode() + b"\n"

    @classmethod
    def parse(cls, name: SegmentName, data: bytes) -> "Silence":
        """What was stored of one. Raises `ValueError`."""
        if len(data) > _LONGEST_STATEMENT:
            raise ValueError(f"more than {_LONGEST_STATEMENT} bytes")
        try:
            stated = json.loads(data)
            values = [stated[key] for key in ("samples", "sample_rate", "segments", "max_amp", "clipped")]
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from None
        if any(type(value) is not int or not 0 <= value <= _MOST for value in values) or not all(values[:2]):
            raise ValueError("its values are no counts")
        return cls(name, *values)

    def joined(self, later: RecordedSegment) -> "Silence | None":
        """Both as one, if the later one goes on where this ends, on the same day, and it does not get too long."""
        goes_on = self.name.session == later.name.session and self.name.position + self.samples == later.name.position
        if not goes_on or later.name.day != self.name.day or self.samples >= LONGEST_SILENCE * self.sample_rate:
            return None
        return replace(
            self,
            samples=self.samples + len(later.samples),
            segments=self.segments + 1,
            max_amp=max(self.max_amp, later.levels.max_amp),
            clipped=self.clipped + later.levels.clipped,
        )


class Recorder:
    """Cuts one session of a source into segments of `samples`; a new session begins with each one made.

    A segment ends early where positions jump, so that every stored sample is where it says. Nothing here touches a disk.
    """

    def __init__(
        self, sample_rate: int, samples: int = SEGMENT_SAMPLES, gate_dbfs: float | None = -48.0, started_at: datetime | None = None
    ) -> None:
        self.sample_rate, self._gate = sample_rate, None if gate_dbfs is None else amplitude(gate_dbfs)
        self._buffer = np.empty(samples, np.int16)
        self._filled = 0
        self._started_at = started_at
        self._clock: SampleClock | None = None
        self._first = self._next = self._begin = self._sequence = self._session = 0
        self._heard_at, self._heard_to = 0.0, 0
        self._silence: Silence | None = None
        self.lost = 0  # samples that the source says are missing
        self.doubled = 0  # samples that it delivered twice
        self.steps: list[float] = []  # seconds by which the clock was anchored anew, the last ones
        self.stepped = 0  # how often that was

    def feed(self, block: Block) -> Iterator[RecordedSegment | Silence]:
        """Takes a block in; yields what it completes, in order."""
        end = block.position + len(block.samples)
        if block.wall is not None and self._clock is not None:
            slept = block.monotonic - self._heard_at - (end - self._heard_to) / self.sample_rate
            if slept > _PAUSE:  # the machine, or the source: what comes now is of another time
                yield from self.finish()
                self._clock = None
        self._heard_at, self._heard_to = block.monotonic, end
        clock = self._clock or self._begin_session(block)
        if block.wall is not None:
            step = clock.observe(block.position - self._first + len(block.samples), block.wall, block.monotonic)
            if step:
                yield from self._close()
                self.steps = [*self.steps[-_STEPS_KEPT:], step]
                self.stepped += 1
        place = block.position - self._first
        if place != self._next:
            self.lost += max(0, place - self._next)
            self.doubled += max(0, self._next - place)
            yield from self._close()
            self._next = place
        start = 0
        while start < len(block.samples):
            if not self._filled:
                self._begin = self._next
            take = min(len(block.samples) - start, len(self._buffer) - self._filled)
            self._buffer[self._filled : self._filled + take] = block.samples[start : start + take]
            self._filled += take
            self._next += take
            start += take
            if self._filled == len(self._buffer):
                yield from self._close()

    def finish(self, keep_rest: bool = True) -> Iterator[RecordedSegment | Silence]:
        """Ends the session: the rest that fills no segment is kept or dropped."""
        if keep_rest:
            yield from self._close()
        self._filled = 0
        if self._silence:
            yield self._silence
        self._silence = None

    def _begin_session(self, block: Block) -> SampleClock:
        self._first, self._next, self._sequence = block.position, 0, 0
        if self._started_at is not None:
            began = self._started_at
        elif block.wall is not None:
            began = from_ms(round(1000 * (block.wall - len(block.samples) / self.sample_rate)))
        else:
            raise ValueError("a source without a clock needs a start")
        self._session = to_ms(began)
        self._clock = SampleClock(self.sample_rate, 0, began)
        return self._clock

    def _close(self) -> Iterator[RecordedSegment | Silence]:
        if not self._filled:
            return
        assert self._clock is not None
        samples = self._buffer[: self._filled].copy()
        self._filled = 0
        measured = levels(samples)
        start = from_ms(to_ms(self._clock.moment(self._begin)))
        name = SegmentName(start, self._session, self._sequence, self._begin)
        self._sequence += 1
        closed = RecordedSegment(name, samples, self.sample_rate, measured, self._gate is None or measured.max_amp > self._gate)
        if not closed.stored:
            longer = self._silence.joined(closed) if self._silence else None
            if longer is None:
                if self._silence:
                    yield self._silence
                name = replace(name, suffix=SILENCE)
                longer = Silence(name, len(samples), self.sample_rate, 1, measured.max_amp, measured.clipped)
            self._silence = longer
        elif self._silence:
            yield self._silence
            self._silence = None
        yield closed
