"""A clock that counts samples: moments of samples in UTC, free of the jitter with which blocks arrive."""

from datetime import datetime, timedelta

from soundmill.times import from_ms

JUMP = 0.25  # seconds: what differs by more is no drift
_WINDOW = 10.0  # seconds over which the least delay is looked for
_SETTLING = 2.0  # seconds at the start in which the anchor may still move
_FASTEST = 300e-6  # of correction: no microphone's crystal is worse, and neighbours stay within a millisecond


class SampleClock:
    """Moments of a stream's samples, in UTC.

    The moment of a sample follows from its position and the rate. Blocks arrive late by what the machine does meanwhile, never early: so
    the least delay over ten seconds tells how far the source's crystal has drifted, and the clock is slewed after it, so gently that
    neighbouring segments still join. Where the machine's own clock is set, or the source stood still, it is anchored anew.
    """

    def __init__(self, sample_rate: int, position: int, moment: datetime) -> None:
        self._rate = sample_rate
        self._position, self._time = position, moment.timestamp()
        self._speed = 1.0  # seconds of UTC in a second of samples
        self._began: tuple[int, float] | None = None
        self._offset: float | None = None  # of the wall clock to the monotonic one
        self._window_start = position
        self._least: float | None = None

    def moment(self, position: int) -> datetime:
        """When the sample at this position was there, to the microsecond."""
        return from_ms(0) + timedelta(seconds=self._seconds(position))

    def observe(self, position: int, wall: float, monotonic: float) -> float:
        """A block that ended at `position` has come at `wall` (s since 1970), `monotonic` s. Returns by how many seconds the clock was
        anchored anew, 0.0 mostly."""
        stepped = 0.0
        offset = wall - monotonic
        if self._offset is not None and abs(offset - self._offset) > JUMP:
            stepped = self._step(position, offset - self._offset)
        self._offset = offset
        if self._began is None:
            self._began = (position, monotonic)
        error = wall - self._seconds(position)
        settling = position - self._began[0] < _SETTLING * self._rate
        if settling and error < 0:
            self._time += error
            error = 0.0
        self._least = error if self._least is None else min(self._least, error)
        if position - self._window_start >= _WINDOW * self._rate:
            stepped += self._correct(position)
        return stepped

    def _correct(self, position: int) -> float:
        least, self._least = self._least or 0.0, None
        if abs(least) > JUMP:
            return self._step(position, least)
        now = self._seconds(position)
        self._position, self._time = position, now
        self._speed = 1.0 + min(_FASTEST, max(-_FASTEST, least / _WINDOW))
        self._window_start = position
        return 0.0

    def _step(self, position: int, seconds: float) -> float:
        self._position, self._time = position, self._seconds(position) + seconds
        self._window_start, self._least = position, None
        return seconds

    def _seconds(self, position: int) -> float:
        return self._time + (position - self._position) / self._rate * self._speed
