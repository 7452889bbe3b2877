"""Following the landing area: every segment is detected as soon as it is there, the oldest first when there are many."""

import logging
import os
import queue
import re
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy.exc import SQLAlchemyError

from soundmill.audio import levels
from soundmill.audio.reader import Int16
from soundmill.capture.landing import LANDING, landing_path
from soundmill.capture.naming import SILENCE, SegmentName
from soundmill.capture.recorder import RecordedSegment
from soundmill.capture.status import now_text, write_status
from soundmill.catalog import LiveDetection, LiveRecord
from soundmill.errors import UndecodableAudio
from soundmill.lake import Lake
from soundmill.times import instant_in_name
from soundmill.workflows.live.detector import Detector, WindowVerdict, window_across_boundary
from soundmill.workflows.live.events import GAP, EventTracker, LiveEvent

log = logging.getLogger("soundmill.workflows.live")
_LOOK_EVERY = 0.02  # seconds between two looks at a folder on this machine
_LOOK_EVERY_REMOTE = 10.0  # seconds between two listings of a bucket
_MOST_AT_ONCE = 50  # segments detected between two writes
_MARK_SETTLES = 0.05  # seconds: file systems stamp a folder once in a few milliseconds
_KEPT = timedelta(days=14)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_HUB_S = re.compile(r"\d{13}\.wav")
_STATUS_EVERY = 1.0
_FORGET_EVERY = 3600.0
_AFTER_A_FAILURE = 10.0
_MOST_UNWRITTEN = 2000
_DAYS_WATCHED = 2  # the newest of a source, once all have been looked at


@dataclass
class Following:
    """How a follower is, as its status file holds it. `latency_ms` is from a file's appearance to its row, the last hundred's median."""

    model: str = ""
    version: int = 0
    detected: int = 0
    backlog: int = 0
    latency_ms: float | None = None
    updated_at: str = ""
    latencies: list[float] = field(default_factory=list)


class Follower:
    """Runs the champion on what lands for some sources (all when none is named) and writes verdicts and events to the catalog.

    What this version of the champion has detected already is passed over, so that a restart neither repeats nor forgets. Followed are
    segments from captures and hubs; recordings that are still to be cut wait for the pipeline.
    """

    def __init__(
        self, lake: Lake, record: LiveRecord, detector: Detector, sources: tuple[str, ...] = (), since: datetime | None = None,
        status_file: Path | None = None, on_detection: Callable[[LiveDetection, list[LiveEvent]], None] | None = None,
    ) -> None:  # fmt: skip
        self._lake, self._record, self._detector, self._sources, self._on_detection = lake, record, detector, sources, on_detection
        self._since = since or datetime.now(UTC)
        self._status_file = status_file
        self._written_at = 0.0
        self._marks: dict[str, int] = {}
        self._known: dict[str, set[str]] = {}
        self._looked_at: set[str] = set()
        self._days: dict[str, tuple[int, list[str]]] = {}
        self._waiting: list[tuple[datetime, str, str]] = []  # start, path, source
        self._of: tuple[str, int] | None = None
        self._trackers: dict[str, EventTracker] = {}
        self._before: dict[str, tuple[SegmentName, Int16]] = {}
        self._given: queue.SimpleQueue[tuple[str, RecordedSegment]] = queue.SimpleQueue()
        self._unwritten: tuple[list[LiveDetection], list[dict[str, Any]]] = ([], [])
        self.ended = threading.Event()
        self.status = Following()

    def end(self) -> None:
        """Has `run` end, once it has detected what is there."""
        self.ended.set()

    def run(self) -> None:
        """Follows until `end` is called, and then until all that is there is detected. What fails is logged and retried; only that there is
        no model at the start is not waited for: raises `NoChampion`."""
        self._detector.champion()
        forgotten_at = -1e9
        while True:
            try:
                if time.monotonic() - forgotten_at > _FORGET_EVERY:
                    forgotten_at = time.monotonic()
                    self._record.forget(datetime.now(UTC) - _KEPT)
                if self.step() or self._waiting:
                    continue
                pause = _LOOK_EVERY if self._lake.is_local else _LOOK_EVERY_REMOTE
            except Exception:  # a catalog that is locked, a model that is gone: years are long
                log.exception("detection failed; it goes on in %.0f s, with what has come meanwhile", _AFTER_A_FAILURE)
                pause = _AFTER_A_FAILURE
            if self.ended.wait(pause):
                break
        self._note(at_once=True)

    def step(self) -> int:
        """Runs the champion on what has come, at most fifty segments; returns how many there were. Raises `NoChampion`."""
        champion = self._detector.champion()
        if self._of != (champion.name, champion.version):
            self._of = (champion.name, champion.version)
            self._trackers.clear()  # what has been detected stays so: past days are made anew by the pipeline
            self.status.model, self.status.version = self._of
            log.info("detecting with %s version %d", *self._of)
        self._look()
        detected = 0
        while not self._given.empty():
            source, closed = self._given.get()
            detected += self._detect(source, closed.name, landing_path(source, closed.name), closed.name.started_at, closed.samples)
        for _ in range(min(len(self._waiting), _MOST_AT_ONCE)):
            detected += self._detect_file(*self._waiting[0])
            del self._waiting[0]
        self.status.backlog = len(self._waiting)
        self._note()
        return detected

    def _look(self) -> None:
        """Finds what has come since the last look."""
        there = set(self._lake.folders(LANDING))
        for source in [source for source in self._sources if source in there] if self._sources else sorted(there):
            days = self._days_of(source)
            for text in days[-_DAYS_WATCHED:] if source in self._looked_at else days:
                self._look_into(source, text)
            for text in days[:-_DAYS_WATCHED]:
                self._known.pop(f"{LANDING}/{source}/{text}", None)
            self._looked_at.add(source)

    def _days_of(self, source: str) -> list[str]:
        """Days on which the source landed anything, from the first that counts on; listed anew only when there is another one."""
        folder = f"{LANDING}/{source}"
        mark = os.stat(self._lake.full_path(folder)).st_mtime_ns if self._lake.is_local else -1
        known = self._days.get(source)
        if known is None or mark != known[0] or time.time() - mark / 1e9 < _MARK_SETTLES or mark < 0:
            first = self._since.date().isoformat()
            known = mark, [text for text in self._lake.folders(folder) if _DAY.fullmatch(text) and text >= first]
            self._days[source] = known
        return known[1]

    def _look_into(self, source: str, day: str) -> None:
        folder = f"{LANDING}/{source}/{day}"
        if self._lake.is_local:
            place = self._lake.full_path(folder)
            mark = os.stat(place).st_mtime_ns
            if self._marks.get(folder) == mark:
                return
            if time.time() - mark / 1e9 > _MARK_SETTLES:  # until then another file may come under the same mark
                self._marks[folder] = mark
            names = os.listdir(place)
        else:
            names = [entry.path.rpartition("/")[2] for entry in self._lake.files(folder)]
        assert self._of is not None
        if folder not in self._known:
            start = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) - timedelta(days=1)
            detected = self._record.detected_keys(*self._of, source, start)
            self._known[folder] = {key.partition("#")[0].rpartition("/")[2] for key in detected}
        fresh = set(names) - self._known[folder]
        self._known[folder] |= fresh
        for name in fresh:
            if (began := _start_of(name)) is not None:
                self._waiting.append((began, f"{folder}/{name}", source))
        self._waiting.sort()

    def submit(self, source: str, closed: RecordedSegment) -> None:
        """Takes a segment that could not be stored; called from another thread."""
        self._given.put((source, closed))

    def _detect_file(self, began: datetime, path: str, source: str) -> int:
        """Runs the champion on a file's segments."""
        name = SegmentName.parse(path.rpartition("/")[2])
        try:
            with self._lake.local_file(path) as local:
                appeared = os.stat(local).st_mtime
                pieces = list(self._detector.segments(local, began))
        except (UndecodableAudio, OSError) as error:
            log.warning("%s is passed over: %s", path, error)  # the pipeline puts it in quarantine with its reason
            return 0
        keys = [path] if len(pieces) == 1 else [f"{path}#{number:05d}" for number in range(len(pieces))]
        detected = sum(self._detect(source, name, key, start, samples) for key, (start, samples) in zip(keys, pieces, strict=True))
        if detected:
            self.status.latencies = [*self.status.latencies, 1000 * (time.time() - appeared)][-100:]
        if name and len(pieces) == 1:
            self._before[source] = (name, pieces[0][1])
        return detected

    def _detect(self, source: str, name: SegmentName | None, key: str, start: datetime, samples: Int16) -> int:
        """Runs the champion on a segment, and writes and reports the verdict; 0 where it is silent or too early."""
        segmenter = self._detector.segmenter
        if start < self._since or segmenter.is_silent(levels(samples)):
            return 0
        assert self._of is not None
        model, version = self._of
        verdict = self._detector.detect(samples, segmenter.sample_rate, start)
        changed: list[LiveEvent] = []
        for window in [*self._between(source, name, samples, start), verdict]:
            changed += self._tracker(source, window).add(window)
        found = LiveDetection(
            model, version, key, source, start, verdict.seconds, verdict.tag, verdict.score, verdict.probability, datetime.now(UTC)
        )
        self._write(found, [{"model": model, "version": version, **asdict(event)} for event in _last_of_each(changed)])
        self.status.detected += 1
        if self._on_detection:
            self._on_detection(found, changed)
        return 1

    def _write(self, found: LiveDetection, events: list[dict[str, Any]]) -> None:
        """Writes it, with what could not be written before; a catalog that is away, or a disk that is full, stops no detection."""
        detections, waiting_events = [*self._unwritten[0], found], [*self._unwritten[1], *events]
        try:
            self._record.add(detections, waiting_events)
        except SQLAlchemyError as error:
            log.error("verdicts cannot be written now: %s", type(error).__name__)
            self._unwritten = (detections[-_MOST_UNWRITTEN:], waiting_events[-_MOST_UNWRITTEN:])
        else:
            self._unwritten = ([], [])

    def _between(self, source: str, name: SegmentName | None, samples: Int16, start: datetime) -> list[WindowVerdict]:
        """The verdict on the window over the seam with the segment before, where they are neighbours. It counts for events only."""
        before = self._before.get(source)
        if before is None or name is None or before[0].session != name.session:
            return []
        earlier, rate = before[1], self._detector.segmenter.sample_rate
        if before[0].position + len(earlier) != name.position or len(earlier) < len(samples):
            return []
        seam = window_across_boundary(earlier, samples, start, rate)
        return [self._detector.detect(seam[1], rate, seam[0])] if seam else []

    def _tracker(self, source: str, window: WindowVerdict) -> EventTracker:
        if source not in self._trackers:
            assert self._of is not None
            recent = self._record.events(window.started_at - timedelta(seconds=GAP + window.seconds), source)
            mine = [one for one in recent if (one["model"], one["version"]) == self._of]
            names = ("source", "tag", "onset", "offset", "segments", "score")
            self._trackers[source] = EventTracker(source, [LiveEvent(**{name: one[name] for name in names}) for one in mine])
        return self._trackers[source]

    def _note(self, at_once: bool = False) -> None:
        now = time.monotonic()
        if self._status_file is None or (not at_once and now - self._written_at < _STATUS_EVERY):
            return
        self._written_at = now
        self.status.updated_at = now_text()
        self.status.latency_ms = round(float(np.median(self.status.latencies)), 1) if self.status.latencies else None
        values = asdict(self.status)
        del values["latencies"]
        write_status(self._status_file, values)


def _start_of(name: str) -> datetime | None:
    """The start of a segment that a capture or a hub named; None for other files, which are not detected before they are cut."""
    if (parsed := SegmentName.parse(name)) is not None:
        return None if parsed.suffix == SILENCE else parsed.started_at
    return instant_in_name(name) if _HUB_S.fullmatch(name) else None


def _last_of_each(changed: list[LiveEvent]) -> list[LiveEvent]:
    """Of each event the state that it has now."""
    return list({(event.tag, event.onset): event for event in changed}.values())
