"""Where a station's segments go: to its store, in order; the newest wait in memory while the disk is full."""

import time
from collections import deque
from collections.abc import Callable

from soundmill.capture.outbox import Store
from soundmill.capture.recorder import RecordedSegment, Silence
from soundmill.capture.reporting import Reporter

_MOST_PENDING = 40  # segments that wait in memory for room on the disk
_REPORT_EVERY = 600.0  # seconds until the same trouble is reported again
_NEVER = -1e9

OnSegment = Callable[[RecordedSegment, bool], None]


class SegmentWriter:
    """Hands segments to the store, and counts them in the status.

    `on_segment` gets each that passed the gate, and whether it was stored.
    """

    def __init__(self, store: Store, reporter: Reporter, on_segment: OnSegment | None = None) -> None:
        self._store, self._reporter, self._on_segment = store, reporter, on_segment
        self._pending: deque[RecordedSegment | Silence] = deque(maxlen=_MOST_PENDING)
        self._full_reported_at = _NEVER

    def write(self, segment: RecordedSegment | Silence) -> None:
        """Stores a segment, and those that wait before it."""
        status = self._reporter.status
        self._pending.append(segment)
        while self._pending:
            first = self._pending[0]
            try:
                self._store.put(first.name, first.file())
            except OSError as error:
                self._cannot_store(segment, error)
                break
            self._pending.popleft()
            if isinstance(first, RecordedSegment):
                status.segments += 1
                status.not_stored -= first is not segment
                if first is segment and self._on_segment:
                    self._on_segment(segment, True)
            if self._full_reported_at > 0:
                self._full_reported_at = _NEVER
                self._reporter.announce(f"{status.name}: there is room again, sound is stored", good=True)
        status.backlog = self._store.backlog

    def close(self, patience: float) -> None:
        """Closes the store, which may take `patience` seconds to send what waits."""
        self._store.close(patience)
        self._reporter.status.backlog = self._store.backlog

    def _cannot_store(self, segment: RecordedSegment | Silence, error: OSError) -> None:
        """The newest minutes wait in memory for room; what is older is lost."""
        status = self._reporter.status
        if isinstance(segment, RecordedSegment):
            status.not_stored += 1
            if self._on_segment:
                self._on_segment(segment, False)
        if time.monotonic() - self._full_reported_at > _REPORT_EVERY:
            self._full_reported_at = time.monotonic()
            self._reporter.announce(f"{status.name}: {error.strerror or error}; sound is recorded but not stored", good=False)
