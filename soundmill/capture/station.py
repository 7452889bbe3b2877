"""A station: one source heard for months. A thread hears, another cuts and stores; what goes wrong is counted, told, and recovered from."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from soundmill.audio import UndecodableAudio
from soundmill.capture.liveness import STALLED_AFTER, Liveness
from soundmill.capture.outbox import NoRoom, Store
from soundmill.capture.recorder import SEGMENT_SAMPLES, Closed, Recorder, Silence
from soundmill.capture.ring import Ring
from soundmill.capture.sources import Source, SourceAway
from soundmill.capture.status import ALARMING, Status, now_text, write_status
from soundmill.capture.switch import Switch

log = logging.getLogger("soundmill.capture")
_RING_SECONDS = 60
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
        began, heard_at, dead_since = time.monotonic(), time.monotonic(), None
        problem: str | None = None
        steps, lost, overruns = 0, 0, 0
        looked_at = began
        while (blocks := ring.take(_WAIT)) is not None:
            now = time.monotonic()
            look = now - looked_at > _WAIT
            looked_at = now if look else looked_at
            if look and not self._switch.is_on():  # what was heard up to here is dropped with the part of a segment that it made
                source.stop()
                for one in recorder.finish(keep_rest=False):
                    self._keep(one)
                thread.join(STALLED_AFTER)
                return _TURNED_OFF
            for block in blocks:
                for one in recorder.hear(block):
                    self._keep(one)
            heard_at = now if blocks else heard_at
            if len(recorder.steps) > steps:
                self._say(f"{self.status.name}: the clock was anchored anew by {recorder.steps[-1]:+.3f} s", good=False)
                steps = len(recorder.steps)
                self.status.clock_steps = [*self.status.clock_steps, *recorder.steps[-1:]][-20:]
            self.status.lost_seconds += (recorder.lost - lost) / source.sample_rate
            self.status.overruns += ring.overruns - overruns
            lost, overruns = recorder.lost, ring.overruns
            if source.live and now - heard_at > STALLED_AFTER:
                self._change(self._liveness.idle(now - heard_at), self._liveness.why)
                if source.endless:
                    problem = "stalled"
                    break
            if self.status.state == "dead" and source.endless:
                dead_since = dead_since or now
                if now - dead_since > reopen_dead:
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
        for one in recorder.finish():
            self._keep(one)
        if failures and isinstance(failures[0], SourceAway):
            self._change("stalled", str(failures[0]))
            return str(failures[0])
        if failures:
            raise failures[0]
        if problem is None and source.endless and not self._asked_to_end.is_set():
            problem = f"it ended after {time.monotonic() - began:.0f} s"
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
        try:
            self._store.put(one.name, one.file())
        except NoRoom as error:
            self.status.not_stored += 1
            if self._closed_hook and isinstance(one, Closed):
                self._closed_hook(one, False)
            if time.monotonic() - self._room_told_at > 600:
                self._room_told_at = time.monotonic()
                self._say(f"{self.status.name}: {error.strerror}; sound is heard but not stored", good=False)
        else:
            self.status.segments += isinstance(one, Closed)
            if self._closed_hook and isinstance(one, Closed):
                self._closed_hook(one, True)
            if self._room_told_at > 0:
                self._room_told_at = -1e9
                self._say(f"{self.status.name}: there is room again, sound is stored", good=True)
        self.status.backlog = self._store.backlog

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
    except (SourceAway, UndecodableAudio, OSError, ValueError) as error:
        failures.append(error)
    finally:
        ring.end()
