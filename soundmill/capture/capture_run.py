"""One capture run: a source from its opening until it ends, fails, or is turned off. A thread reads, another cuts and stores."""

import logging
import threading
from collections.abc import Iterable
from typing import Literal, NamedTuple

from soundmill.capture.liveness import STALLED_AFTER, Liveness
from soundmill.capture.recorder import RecordedSegment, Recorder, Silence
from soundmill.capture.reporting import STATUS_EVERY, Reporter
from soundmill.capture.ring import Ring
from soundmill.capture.sources import Source, now
from soundmill.capture.status import ALARMING
from soundmill.capture.storing import SegmentWriter
from soundmill.capture.switch import Switch
from soundmill.errors import SourceRefused, SourceUnavailable

log = logging.getLogger("soundmill.capture")
_RING_SECONDS = 60
_OPENING = 30.0  # seconds that a source may take for its first block
_WAIT = 0.25  # seconds for blocks, at most
_BATCH = 0.04  # seconds between two looks at a live source: fewer wake-ups, and still at once for people
_MOST_CLOCK_STEPS = 20  # kept in the status

How = Literal["over", "turned off", "stalled", "dead", "failed"]


class End(NamedTuple):
    """How a run ended: `over` where the source did or `end` was called; else why, in words."""

    how: How
    why: str = ""


class CaptureRun:
    """One opening of a source. `end` is set by whoever wants it to end; `reopen_dead` seconds of a dead source end it, too."""

    def __init__(
        self,
        source: Source,
        recorder: Recorder,
        liveness: Liveness,
        writer: SegmentWriter,
        reporter: Reporter,
        switch: Switch,
        end: threading.Event,
        reopen_dead: float,
    ) -> None:
        self._source, self._recorder, self._liveness, self._writer = source, recorder, liveness, writer
        self._reporter, self._switch, self._end, self._reopen_dead = reporter, switch, end, reopen_dead
        self._ring = Ring(_RING_SECONDS * source.sample_rate)
        self._failures: list[BaseException] = []
        self._thread = threading.Thread(target=self._read, name="reading", daemon=True)
        self._dead_since: float | None = None
        self._steps = self._lost = self._overruns = 0

    def run(self) -> End:
        """Records until the end. Raises `SourceRefused` and `UndecodableAudio` where nothing can be recorded."""
        status, began = self._reporter.status, now()
        fresh = {} if status.state in ALARMING else {"state": "starting", "why": ""}
        self._reporter.set(on=True, session=None, **fresh)
        self._thread.start()
        end = self._loop(began)
        self._source.stop()
        if end.how == "turned off":  # what was recorded up to here is dropped with the part of a segment that it made
            self._keep(self._recorder.finish(keep_rest=False))
            self._thread.join(STALLED_AFTER)
            return end
        self._thread.join(STALLED_AFTER)
        if end.how == "over":  # what the thread still put there is recorded, too
            for block in self._ring.take(0.0) or []:
                self._keep(self._recorder.feed(block))
        # a file that is left midway will be read again from its start: its last, short segment would stand in the way of the whole one
        left_midway = self._end.is_set() and self._source.started_at is not None
        self._keep(self._recorder.finish(keep_rest=not left_midway))
        return self._outcome(end, began)

    def _loop(self, began: float) -> End:
        """Takes blocks from the ring until there is a reason to end."""
        looked_at = block_at = began
        has_begun = False
        while (blocks := self._ring.take(_WAIT)) is not None:
            moment = now()
            if moment - looked_at > _WAIT:
                looked_at = moment
                if not self._switch.is_on():
                    return End("turned off")
            for block in blocks:
                self._keep(self._recorder.feed(block))
            block_at = moment if blocks else block_at
            has_begun = has_begun or bool(blocks)
            self._count()
            if self._is_stalled(moment - block_at, has_begun) and self._source.endless:
                return End("stalled", "it stalled")
            if self._is_dead(moment):
                return End("dead", "it is dead")
            if self._end.is_set():
                break
            self._reporter.write(every=STATUS_EVERY)
            if self._source.live:
                self._end.wait(_BATCH)
        return End("over")

    def _outcome(self, end: End, began: float) -> End:
        """What the end means, now that the thread is over. Raises what the source raised, where reopening it is no use."""
        failure = self._failures[0] if self._failures else None
        if isinstance(failure, SourceUnavailable):
            return self._failed(str(failure), str(failure))
        if failure and self._source.endless and not isinstance(failure, SourceRefused):
            log.error("%s failed", self._reporter.status.name, exc_info=failure)
            return self._failed(f"{type(failure).__name__}: {failure}", str(failure))
        if failure:
            self._reporter.set(state="ended", why=str(failure))
            raise failure
        if end.how == "over" and self._source.endless and not self._end.is_set():
            why = f"it ended after {now() - began:.0f} s"
            return self._failed(why, why)
        return end

    def _failed(self, status: str, why: str) -> End:
        self._reporter.change_state("stalled", status)
        return End("failed", why)

    def _keep(self, segments: Iterable[RecordedSegment | Silence]) -> None:
        """Counts what the recorder cut, and stores what passed the gate."""
        status = self._reporter.status
        for segment in segments:
            if isinstance(segment, RecordedSegment):
                self._reporter.change_state(self._liveness.observe(segment.samples, segment.stored), self._liveness.why)
                status.peak_dbfs = round(max(-120.0, segment.levels.peak_dbfs), 1)
                status.floor_dbfs = None if self._liveness.floor_dbfs is None else round(self._liveness.floor_dbfs, 1)
                status.session = segment.name.session
                status.last_segment_at = segment.name.started_at.isoformat(timespec="milliseconds")
                status.seconds += len(segment.samples) / segment.sample_rate
                if not segment.stored:
                    status.silent += 1
                    continue
            self._writer.write(segment)

    def _count(self) -> None:
        """Brings steps of the clock, lost samples and overruns into the status."""
        status, recorder = self._reporter.status, self._recorder
        if recorder.stepped > self._steps:
            self._reporter.announce(f"{status.name}: the clock was anchored anew by {recorder.steps[-1]:+.3f} s", good=False)
            self._steps = recorder.stepped
            status.clock_steps = [*status.clock_steps, *recorder.steps[-1:]][-_MOST_CLOCK_STEPS:]
        status.lost_seconds += (recorder.lost - self._lost) / self._source.sample_rate
        status.overruns += self._ring.overruns - self._overruns
        self._lost, self._overruns = recorder.lost, self._ring.overruns

    def _is_stalled(self, idle: float, has_begun: bool) -> bool:
        """Whether a live source has given no block for longer than its patience."""
        patience = self._source.patience if has_begun else max(_OPENING, self._source.patience)
        if not self._source.live or idle <= patience:
            return False
        self._reporter.change_state(self._liveness.idle(idle), self._liveness.why)
        return True

    def _is_dead(self, moment: float) -> bool:
        """Whether the source has been dead for so long that it is to be opened again."""
        if self._reporter.status.state != "dead" or not self._source.endless:
            self._dead_since = None
            return False
        self._dead_since = self._dead_since or moment
        return moment - self._dead_since > self._reopen_dead

    def _read(self) -> None:
        """The thread that reads: it hands blocks over, and waits for nothing but the source itself."""
        try:
            for block in self._source.blocks():
                if not self._ring.put(block, wait=self._source.can_wait):
                    break
        except (Exception, MemoryError) as error:  # noqa: BLE001  # `_outcome` decides what becomes of it
            self._failures.append(error)
        finally:
            self._ring.end()
