"""A station: one source recorded for months, opened again whenever it goes away, turned on and off by its switch."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from soundmill.capture.capture_run import CaptureRun, End
from soundmill.capture.liveness import Liveness
from soundmill.capture.outbox import Store
from soundmill.capture.recorder import SEGMENT_SAMPLES, Recorder
from soundmill.capture.reporting import Notify, Reporter
from soundmill.capture.sources import Source
from soundmill.capture.status import Status, now_text
from soundmill.capture.storing import OnSegment, SegmentWriter
from soundmill.capture.switch import Switch

log = logging.getLogger("soundmill.capture")
_LOOK_EVERY = 0.25  # seconds between two looks at a switch that is off
_STORE_PATIENCE = 10.0  # seconds that a store may take to send what waits, at the end
_LONGEST_PAUSE = 60.0  # seconds between two attempts to open a source that is away
_REOPEN_DEAD = 60.0  # seconds until a dead source is opened again, twice as long each time
_LONGEST_DEAD = 3600.0


@dataclass(frozen=True)
class Cut:
    """How a station cuts: samples in a segment, and the gate in dBFS."""

    samples: int = SEGMENT_SAMPLES
    gate_dbfs: float | None = -48.0


class Station:
    """Records one source for as long as its switch is on, and hands what it cuts to a store.

    open_source  makes a source anew, given how often that has been tried in a row
    notify       gets a sentence, and whether it is good news, whenever the state changes
    on_segment   gets every segment that has ended and passed the gate, and whether it could be stored
    """

    def __init__(
        self,
        name: str,
        described: str,
        open_source: Callable[[int], Source],
        store: Store,
        switch: Switch,
        status_file: Path,
        cut: Cut | None = None,
        notify: Notify | None = None,
        on_segment: OnSegment | None = None,
    ) -> None:
        self._open_source, self._switch, self._cut = open_source, switch, cut or Cut()
        self.status = Status(name, described, began_at=now_text())
        self._reporter = Reporter(self.status, status_file, notify)
        self._writer = SegmentWriter(store, self._reporter, on_segment)
        self._liveness: Liveness | None = None
        self._end = threading.Event()
        self._attempt, self._reopen_dead = 0, _REOPEN_DEAD

    def run(self) -> Status:
        """Records until the source ends or `end` is called. Raises `SourceRefused` and `UndecodableAudio` where nothing can be recorded."""
        while not self._end.is_set():
            if not self._switch.is_on():
                self._reporter.set(on=False, state="off", why="")
                self._end.wait(_LOOK_EVERY)
                self._attempt = 0
                continue
            source = self._open_source(self._attempt)
            before = self.status.segments + self.status.silent
            end = self._record(source)
            if end.how == "turned off":
                continue
            if end.how == "over" and not source.endless:
                self._reporter.set(state="ended" if not self._end.is_set() else "off")
                break
            self._pause(end, has_recorded=self.status.segments + self.status.silent > before)
        self._writer.close(_STORE_PATIENCE)
        self._reporter.write()
        return self.status

    def end(self) -> None:
        """Has `run` end, what is in the buffer stored."""
        self._end.set()

    def _record(self, source: Source) -> End:
        """One capture run. What is known of the source's noise floor is kept from run to run."""
        if self._liveness is None:
            self._liveness = Liveness(source.sample_rate)
        recorder = Recorder(source.sample_rate, self._cut.samples, self._cut.gate_dbfs, source.started_at)
        run = CaptureRun(source, recorder, self._liveness, self._writer, self._reporter, self._switch, self._end, self._reopen_dead)
        return run.run()

    def _pause(self, end: End, *, has_recorded: bool) -> None:
        """Waits until the source is opened again: not at all after a run that recorded, else twice as long each time."""
        self._attempt = 0 if has_recorded else self._attempt + 1
        if end.how == "dead":
            self._reopen_dead = min(_LONGEST_DEAD, 2 * self._reopen_dead)
        elif has_recorded:
            self._reopen_dead = _REOPEN_DEAD
        if end.how == "over":
            return
        self.status.reopened += 1
        pause = 0.0 if has_recorded else min(_LONGEST_PAUSE, 2.0 ** min(self._attempt, 10))
        log.warning("%s: %s; it is opened again in %.0f s", self.status.name, end.why, pause)
        self._end.wait(pause)
