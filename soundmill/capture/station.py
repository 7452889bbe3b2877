"""A station: one source heard for months. A thread hears, another cuts and stores; what goes wrong is counted, told, and recovered from."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from soundmill.capture.liveness import STALLED_AFTER, Liveness
from soundmill.capture.outbox import Store
from soundmill.capture.recorder import SEGMENT_SAMPLES, Closed, Recorder, Silence
from soundmill.capture.ring import Ring
from soundmill.capture.sources import Source, now
from soundmill.capture.status import ALARMING, Status, now_text, write_status
from soundmill.capture.switch import Switch
from soundmill.errors import SourceRefused, SourceUnavailable

log = logging.getLogger("soundmill.capture")
_RING_SECONDS = 60
_OPENING = 30.0  # seconds that a source may take for its first block
_MOST_PENDING = 40  # segments that wait in memory for room on the disk
_TOLD_AGAIN = 600.0  # seconds until the same trouble is told again
_TURNED_OFF = "turned off"
_STATUS_EVERY = 1.0  # seconds
_WAIT = 0.25  # seconds for blocks, at most
_BATCH = 0.04  # seconds between two looks at a live source: fewer wake-ups, and still at once for people
_LONGEST_PAUSE = 60.0  # seconds between two attempts to open a source that is away
_REOPEN_DEAD = 60.0  # seconds until a dead source is opened again, twice as long each time
_LONGEST_DEAD = 3600.0


@dataclass(frozen=True)
class Cut:
    """How a station cuts: samples in a segment, and the gate in dBFS."""

    samples: int = SEGMENT_SAMPLES
    gate_dbfs: float | None = -48.0


class Station:
    """Hears one source, for as long as its switch is on, and hands what it cuts to a store.

    `open_source` makes a source anew, given how often that has been tried in a row. `told` gets a sentence, and whether it is good news,
    whenever the state changes. `closed` gets every segment that has ended and passed the gate, and
    whether it could be stored.
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
        told: Callable[[str, bool], None] | None = None,
        closed: Callable[[Closed, bool], None] | None = None,
    ) -> None:
        self._open_source, self._store, self._switch, self._file = open_source, store, switch, status_file
        self._cut, self._told, self._closed_hook = cut or Cut(), told, closed
        self.status = Status(name, described, began_at=now_text())
        self._asked_to_end = threading.Event()
        self._written_at = 0.0
        self._room_told_at = -1e9
        self._liveness: Liveness | None = None
        self._pending: deque[Closed | Silence] = deque(maxlen=_MOST_PENDING)

    def run(self) -> Status:
        """Hears until the source ends or `end` is called. Raises `SourceRefused` and `UndecodableAudio` where nothing can be heard."""
        attempt, reopen_dead = 0, _REOPEN_DEAD
        while not self._asked_to_end.is_set():
            if not self._switch.is_on():
                self._note(on=False, state="off", why="")
                self._asked_to_end.wait(_WAIT)
                attempt = 0
                continue
            source = self._open_source(attempt)
            before = self.status.segments + self.status.silent
            problem = self._session(source, reopen_dead)
            if problem == _TURNED_OFF:
                continue
            heard = self.status.segments + self.status.silent > before
            if not source.endless and not problem:
                self._note(state="ended" if not self._asked_to_end.is_set() else "off")
                break
            attempt = 0 if heard else attempt + 1
            if problem == "dead":
                reopen_dead = min(_LONGEST_DEAD, 2 * reopen_dead)
            elif heard:
                reopen_dead = _REOPEN_DEAD
            if problem is None:
                continue
            self.status.reopened += 1
            pause = 0.0 if heard else min(_LONGEST_PAUSE, 2.0 ** min(attempt, 10))
            log.warning("%s: %s; it is opened again in %.0f s", self.status.name, problem, pause)
            self._asked_to_end.wait(pause)
        self._store.close(10.0)
        self.status.backlog = self._store.backlog
        self._write_status()
        return self.status

    def end(self) -> None:
        """Has `run` end, what is in the buffer stored."""
        self._asked_to_end.set()

    def _session(self, source: Source, reopen_dead: float) -> str | None:
        """One opening of the source. Returns what went wrong, or that it was turned off; None where it ended, or was asked to end."""
        recorder = Recorder(source.sample_rate, self._cut.samples, self._cut.gate_dbfs, source.started_at)
        if self._liveness is None:
            self._liveness = Liveness(source.sample_rate)
        ring = Ring(_RING_SECONDS * source.sample_rate)
        failures: list[BaseException] = []
        thread = threading.Thread(target=_hear, args=(source, ring, failures), name="hearing", daemon=True)
        fresh = {} if self.status.state in ALARMING else {"state": "starting", "why": ""}
        self._note(on=True, session=None, **fresh)
        thread.start()
        began = heard_at = now()
        dead_since: float | None = None
        first_block = False
        problem: str | None = None
        steps, lost, overruns = 0, 0, 0
        looked_at = began
        while (blocks := ring.take(_WAIT)) is not None:
            moment = now()
            look = moment - looked_at > _WAIT
            looked_at = moment if look else looked_at
            if look and not self._switch.is_on():  # what was heard up to here is dropped with the part of a segment that it made
                source.stop()
                for one in recorder.finish(keep_rest=False):
                    self._keep(one)
                thread.join(STALLED_AFTER)
                return _TURNED_OFF
            for block in blocks:
                for one in recorder.hear(block):
                    self._keep(one)
            heard_at = moment if blocks else heard_at
            first_block = first_block or bool(blocks)
            if recorder.stepped > steps:
                self._say(f"{self.status.name}: the clock was anchored anew by {recorder.steps[-1]:+.3f} s", good=False)
                steps = recorder.stepped
                self.status.clock_steps = [*self.status.clock_steps, *recorder.steps[-1:]][-20:]
            self.status.lost_seconds += (recorder.lost - lost) / source.sample_rate
            self.status.overruns += ring.overruns - overruns
            lost, overruns = recorder.lost, ring.overruns
            if source.live and moment - heard_at > (source.patience if first_block else max(_OPENING, source.patience)):
                self._change(self._liveness.idle(moment - heard_at), self._liveness.why)
                if source.endless:
                    problem = "stalled"
                    break
            if self.status.state == "dead" and source.endless:
                dead_since = dead_since or moment
                if moment - dead_since > reopen_dead:
                    problem = "dead"
                    break
            else:
                dead_since = None
            if self._asked_to_end.is_set():
                break
            self._write_status(every=_STATUS_EVERY)
            if source.live:
                self._asked_to_end.wait(_BATCH)
        source.stop()
        thread.join(STALLED_AFTER)
        if not problem:  # what the thread still put there is heard, too
            for block in ring.take(0.0) or []:
                for one in recorder.hear(block):
                    self._keep(one)
        # a file that is left midway will be heard again from its start: its last, short segment would stand in the way of the whole one
        for one in recorder.finish(keep_rest=not (self._asked_to_end.is_set() and source.started_at is not None)):
            self._keep(one)
        if failures and isinstance(failures[0], SourceUnavailable):
            self._change("stalled", str(failures[0]))
            return str(failures[0])
        if failures and source.endless and not isinstance(failures[0], SourceRefused):
            log.error("%s failed", self.status.name, exc_info=failures[0])
            self._change("stalled", f"{type(failures[0]).__name__}: {failures[0]}")
            return f"{failures[0]}"
        if failures:
            self._note(state="ended", why=str(failures[0]))
            raise failures[0]
        if problem is None and source.endless and not self._asked_to_end.is_set():
            problem = f"it ended after {now() - began:.0f} s"
            self._change("stalled", problem)
        return problem

    def _keep(self, one: Closed | Silence) -> None:
        if isinstance(one, Closed):
            assert self._liveness is not None
            self._change(self._liveness.hear(one.samples, one.stored), self._liveness.why)
            self.status.peak_dbfs = round(max(-120.0, one.levels.peak_dbfs), 1)
            self.status.floor_dbfs = None if self._liveness.floor_dbfs is None else round(self._liveness.floor_dbfs, 1)
            self.status.session = one.name.session
            self.status.last_segment_at = one.name.started_at.isoformat(timespec="milliseconds")
            self.status.seconds += len(one.samples) / one.sample_rate
            if not one.stored:
                self.status.silent += 1
                return
        self._pending.append(one)
        while self._pending:
            first = self._pending[0]
            try:
                self._store.put(first.name, first.file())
            except OSError as error:
                self._cannot_store(one, error)
                break
            self._pending.popleft()
            if isinstance(first, Closed):
                self.status.segments += 1
                self.status.not_stored -= first is not one
                if first is one and self._closed_hook:
                    self._closed_hook(one, True)
            if self._room_told_at > 0:
                self._room_told_at = -1e9
                self._say(f"{self.status.name}: there is room again, sound is stored", good=True)
        self.status.backlog = self._store.backlog

    def _cannot_store(self, one: Closed | Silence, error: OSError) -> None:
        """The newest minutes wait in memory for room; what is older is lost."""
        if isinstance(one, Closed):
            self.status.not_stored += 1
            if self._closed_hook:
                self._closed_hook(one, False)
        if time.monotonic() - self._room_told_at > _TOLD_AGAIN:
            self._room_told_at = time.monotonic()
            self._say(f"{self.status.name}: {error.strerror or error}; sound is heard but not stored", good=False)

    def _change(self, state: str, why: str) -> None:
        before = self.status.state
        self.status.state, self.status.why = state, why
        if state != before and (state in ALARMING or before in ALARMING):
            self._say(f"{self.status.name} is {state}{': ' + why if why else ''} (was {before})", good=state not in ALARMING)
        if state != before:
            self._write_status()

    def _say(self, text: str, *, good: bool) -> None:
        if self._told:
            self._told(text, good)
        else:
            (log.info if good else log.warning)(text)

    def _note(self, **values: Any) -> None:
        changed = any(getattr(self.status, key) != value for key, value in values.items())
        for key, value in values.items():
            setattr(self.status, key, value)
        self._write_status(every=0.0 if changed else _STATUS_EVERY)

    def _write_status(self, every: float = 0.0) -> None:
        now = time.monotonic()
        if now - self._written_at < every:
            return
        self._written_at = now
        self.status.updated_at = now_text()
        try:
            write_status(self._file, asdict(self.status))
        except OSError as error:  # a full disk stops no capture
            log.warning("the status cannot be written: %s", error)


def _hear(source: Source, ring: Ring, failures: list[BaseException]) -> None:
    """The thread that hears: it hands blocks over, and waits for nothing but the source itself."""
    try:
        for block in source.blocks():
            if not ring.put(block, wait=not source.live):
                break
    except (Exception, MemoryError) as error:  # noqa: BLE001  # the station decides what becomes of it
        failures.append(error)
    finally:
        ring.end()
