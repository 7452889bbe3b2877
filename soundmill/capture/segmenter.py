"""Cutting landed files into segments: the silence gate, the ledger's rows, and the day's table.

Only what is missing, changed or due for another attempt is worked on. Files are taken one after another in order of path: of two that
claim the same moment, the one that is there keeps it, and of two that are new the first by path has it. Writing overlaps with decoding.
"""

import hashlib
import struct
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Literal

import numpy as np
import pyarrow as pa

from soundmill.audio import Channels, Levels, Resampler, Truncated, amplitude, levels, open_audio, to_pcm16, wav_bytes
from soundmill.audio.reader import Float32, Int16
from soundmill.capture.claims import gave_way_to, kept_already, left_over, released
from soundmill.capture.interrupted import CUTTING, is_mark, marked, marked_from, sweep
from soundmill.capture.landing import LANDING, LandedFile, landed_on, named_start, start_of
from soundmill.capture.naming import SILENCE, SegmentName
from soundmill.capture.recorder import Silence
from soundmill.capture.redaction import delete_withdrawn
from soundmill.catalog import CAPTURED, Item, ItemState, Ledger, lies_in
from soundmill.catalog.quarantine import write_quarantine
from soundmill.catalog.queue import backoff
from soundmill.errors import NotInLake, StartTimeUnknown, UndecodableAudio
from soundmill.fingerprint import digest
from soundmill.lake import LEFT_SECONDS, Lake, column, day_table
from soundmill.times import from_ms, to_ms

SEGMENTS = day_table(
    "captured_segments",
    pa.schema(
        [
            column("key", pa.string(), "the ledger's key: the landed path, with # and a number where the recording gave several segments"),
            column("source", pa.string(), "microphone or collection"),
            column("started_at", pa.timestamp("us", "UTC"), "UTC moment of the first sample, to the millisecond"),
            column("seconds", pa.float64(), "length"),
            column("samples", pa.int32(), "length in samples"),
            column("sample_rate", pa.int32(), "Hz"),
            column("max_amp", pa.int32(), "largest absolute sample, in int16 steps"),
            column("rms", pa.float32(), "root mean square, share of full scale"),
            column("dc", pa.float32(), "mean, share of full scale"),
            column("clipped", pa.int32(), "samples at full scale"),
            column("recording", pa.string(), "key of the landed file it was cut from"),
            column("offset", pa.int64(), "samples into that recording"),
            column("session", pa.int64(), "start of the capture's run, ms since 1970; null for files that nobody captured", nullable=True),
            column("position", pa.int64(), "samples since that start, lost ones included; consecutive segments follow", nullable=True),
            column("path", pa.string(), "its WAV in the lake"),
            column("content_hash", pa.string(), "sha256 of that WAV"),
        ]
    ),
    key=("source", "started_at"),
    version=2,
)
ASSET = SEGMENTS.name
SHORTEST_SECONDS = 0.1
VANISHED = "vanished"
_WRITERS = 4
_MARKED_AT_ONCE = 200
FOLDER = "audio/segments"


@dataclass(frozen=True)
class Segmenter:
    """How audio becomes segments. `gate_dbfs` None keeps silence too; `samples` at `sample_rate` Hz make one segment.

    `truncated`: whether sound that ends before its header says is kept, or refused."""

    sample_rate: int = 44_100
    samples: int = 132_352
    gate_dbfs: float | None = -48.0
    channels: Channels = "mix"
    truncated: Truncated = field(default="keep", repr=False)

    @property
    def recipe(self) -> str:
        """A fingerprint of these values; segments are cut again where it differs."""
        return digest([repr(self), *(["refuse"] if self.truncated == "refuse" else [])])

    def pieces(self, blocks: Iterator[Float32]) -> Iterator[tuple[int, Int16]]:
        """(offset in samples, int16 samples) of each segment of a mono stream at `sample_rate`.

        All have `samples` samples but the last, which takes what is left: from half a segment to one and a half.
        """
        held = np.empty(2 * self.samples, np.float32)
        filled = offset = 0
        lookahead = self.samples + self.samples // 2
        for block in blocks:
            start = 0
            while start < len(block):
                take = min(len(block) - start, lookahead + 1 - filled)
                held[filled : filled + take] = block[start : start + take]
                filled += take
                start += take
                if filled > lookahead:
                    yield offset, to_pcm16(held[: self.samples])
                    filled -= self.samples
                    held[:filled] = held[self.samples : self.samples + filled]
                    offset += self.samples
        if filled:
            yield offset, to_pcm16(held[:filled])

    def is_silent(self, measured: Levels) -> bool:
        """Whether the gate holds a segment back: its largest sample is no larger than the gate."""
        return self.gate_dbfs is not None and measured.max_amp <= amplitude(self.gate_dbfs)


@dataclass(frozen=True)
class DayOfSegments:
    """What an update of a day did. `states` counts the day's segments, and items in quarantine, by state.

    `cut_short` names files that end before their headers say, each with what is missing."""

    files: int
    worked_on: int
    changed: bool
    states: dict[str, int]
    seconds: dict[str, float]
    reasons: dict[str, int]
    other_days: tuple[date, ...]
    cut_short: tuple[str, ...] = ()


def update_segments(
    lake: Lake,
    ledger: Ledger,
    day: date,
    segmenter: Segmenter,
    *,
    now: datetime,
    max_attempts: int = 5,
    progress: Callable[[int, int], None] | None = None,
) -> DayOfSegments:
    """Brings a day's segments up to what its landing folders hold, and writes the day's table.

    A file that cannot be used is quarantined with its reason and stops nothing. Raises only where storage fails.
    """
    previous = ledger.processed(ASSET).get(day)
    lake.sweep_partials(LEFT_SECONDS, now.timestamp(), f"{FOLDER}/*/{day.isoformat()}", f"{LANDING}/*/{day.isoformat()}")
    delete_withdrawn(lake, ledger, ledger.withdrawn_with_file("segment", day))  # what a kill left of a redaction
    files, fingerprint = landed_on(lake, day)
    known = ledger.landed(day)
    there = {file.key for file in files}
    # what was withdrawn and has landed once more goes, too
    delete_withdrawn(lake, ledger, [item for item in known.values() if item.state == "withdrawn" and item.key in there])
    cut_off = [item for item in known.values() if item.fingerprint == CUTTING and item.key not in there]
    unswept = {item.key for item in cut_off if not sweep(lake, ledger, ASSET, FOLDER, day, item)}
    vanished = [item for item in known.values() if item.key not in there and (item.state == "quarantined" or is_mark(item))]
    gone = [item for item in vanished if item.key not in unswept]
    ledger.forget([item.key for item in gone])
    freed = released(ledger, day)
    due = [file for file in files if _is_due(known.get(file.key), freed, _fingerprint(file, segmenter), now, max_attempts)]
    later = {file.key for file in due}
    other_days: set[date] = set()
    with ThreadPoolExecutor(_WRITERS) as pool:
        for done, file in enumerate(due):
            if done % _MARKED_AT_ONCE == 0:
                ledger.begin_cutting([marked(known.get(one.key), one) for one in due[done : done + _MARKED_AT_ONCE]])
            before = known.get(file.key)
            later.discard(file.key)
            item, segments = _Cutter(lake, ledger, segmenter, file, before, pool, frozenset(later)).cut()
            if item.reason == VANISHED and before is not None and before.state != "quarantined" and not is_mark(before):
                ledger.begin_cutting([before])  # as it was: what was cut of it before stays
                continue
            if item.state == "quarantined":
                item = _with_attempts(item, before, now)
            old = [*ledger.parts(file.key), *([before] if before else [])]
            # files go before the rows that name them do: killed in between, the item is still due
            for orphan in _orphans(old, [item, *segments]) - ledger.paths_in_use({part.path for part in old if part.path}, file.key):
                lake.delete(orphan)
            reached = {part.day for part in (*old, item, *segments) if part.day != day}
            was_cut_off = before is not None and before.fingerprint == CUTTING
            stored = replace(item, fingerprint=CUTTING) if was_cut_off else item  # the mark goes after what it stands for
            withdrawn = ledger.record(stored, segments, stale=(ASSET, reached))
            if was_cut_off and not sweep(lake, ledger, ASSET, FOLDER, day, item, before):
                unswept.add(item.key)
            elif was_cut_off:
                ledger.set_fingerprint([item.key], item.fingerprint)
            if withdrawn:
                delete_withdrawn(lake, ledger, withdrawn)
            other_days |= reached
            if progress:
                progress(done + 1, len(due))
    ready = ledger.segments(day, "ready")
    content = digest(f"{item.key} {item.content_hash} {item.started_at}" for item in ready)
    changed = lake.made_from(SEGMENTS, day) != content
    if changed:
        lake.write_day(SEGMENTS, day, SEGMENTS.from_rows(segment_row(item, segmenter.sample_rate) for item in ready), made_from=content)
    write_quarantine(lake, ASSET, day, ledger.quarantined(day))
    # noted last, and only where no other day's recording reached into this one meanwhile: a day killed before here is done again
    if not unswept:
        ledger.mark_processed(ASSET, day, fingerprint, previous)
    return _summary(ledger, day, len(files), len(due), changed, other_days)


def _is_due(known: Item | None, freed: Collection[str], fingerprint: str, now: datetime, max_attempts: int) -> bool:
    if known is None:
        return True
    if known.state == "withdrawn":
        return known.fingerprint == CUTTING
    if known.fingerprint != fingerprint or known.key in freed:
        return True
    waits = known.next_attempt_at is not None and known.next_attempt_at > now
    return known.state == "quarantined" and known.transient and known.attempts < max_attempts and not waits


def _fingerprint(file: LandedFile, segmenter: Segmenter) -> str:
    return f"{file.size} {file.stamp} {segmenter.recipe}"


def _with_attempts(item: Item, before: Item | None, now: datetime) -> Item:
    again = before is not None and before.state == "quarantined" and before.fingerprint == item.fingerprint
    attempts = before.attempts + 1 if again and before is not None else 1
    return replace(item, attempts=attempts, next_attempt_at=now + backoff(attempts) if item.transient else None)


def _orphans(old: list[Item], new: list[Item]) -> set[str]:
    return {item.path for item in old if item.path} - {item.path for item in new if item.path}


class _Cutter:
    """One landed file on its way to segments. Files `later` in the same update do not yet count: the first by path has its moment."""

    def __init__(
        self,
        lake: Lake,
        ledger: Ledger,
        segmenter: Segmenter,
        file: LandedFile,
        before: Item | None,
        pool: ThreadPoolExecutor,
        later: frozenset[str],
    ) -> None:
        self._before = before
        self._later = later
        self._lake, self._ledger, self._segmenter, self._file, self._pool = lake, ledger, segmenter, file, pool
        self._withdrawn = ledger.withdrawn_spans(file.source)
        self._written: list[str] = []
        self._name: SegmentName | None = None

    def cut(self) -> tuple[Item, list[Item]]:
        """The file's own row, and the rows of the segments of a longer recording. Segments' WAVs are stored on return."""
        file = self._file
        self._name = SegmentName.parse(file.name)
        if self._name and self._name.suffix == SILENCE:
            return self._stated_silence(self._name), []
        if file.is_dir:
            return self._refused("not_a_file", "this is a folder"), []
        try:
            with self._lake.local_file(file.path) as local:
                return self._cut(str(local))
        except UndecodableAudio as error:
            return self._failed(error.code, str(error), transient=error.transient), []
        except (ArithmeticError, struct.error, MemoryError) as error:  # headers that claim what no recording has
            return self._failed("undecodable", f"{type(error).__name__}: {error}"), []
        except NotInLake:
            return self._refused(VANISHED, "the file went away between listing and reading", transient=True), []
        except StartTimeUnknown as error:
            return self._refused("no_start_time", str(error)), []

    def _cut(self, local: str) -> tuple[Item, list[Item]]:
        with open_audio(local, self._segmenter.truncated) as reader:
            measure = Resampler(reader.info.sample_rate, self._segmenter.sample_rate)
            claimed = reader.info.seconds or 0.0
            began = start_of(self._lake, self._file, claimed)
            if named_start(self._file.name) != began:
                self._ledger.begin_cutting([marked_from(self._before, self._file, began)])
            pieces = self._segmenter.pieces(measure(reader.blocks(self._segmenter.channels)))
            segments = list(self._stored(began, pieces))
        samples = sum(int(segment.measures["samples"]) for segment in segments)
        seconds = samples / self._segmenter.sample_rate
        if seconds < SHORTEST_SECONDS and not self._name:
            return self._refused("too_short", f"{seconds:.4f} s of sound is less than {SHORTEST_SECONDS} s"), []
        if len(segments) == 1:
            only = replace(segments[0], key=self._file.key, parent=None, landed=self._file.day)
            return only.noting(reader.shortfall), []
        recording = replace(self._row("recording", "cut"), day=began.date(), started_at=began, seconds=seconds)
        return recording.noting(reader.shortfall), segments

    def _stored(self, began: datetime, pieces: Iterator[tuple[int, Int16]]) -> Iterator[Item]:
        """Rows of segments whose WAVs are being written by the pool, a few at a time."""
        writing: deque[Future[list[Item]]] = deque()
        try:
            for number, (offset, pcm) in enumerate(pieces):
                start = from_ms(to_ms(began + timedelta(seconds=offset / self._segmenter.sample_rate)))
                row = replace(self._row("segment", "ready"), key=f"{self._file.key}#{number:05d}", parent=self._file.key, landed=None)
                writing.append(self._pool.submit(self._store, row, start, offset, pcm))
                if len(writing) > 2 * _WRITERS:
                    yield from writing.popleft().result()
            while writing:
                yield from writing.popleft().result()
        finally:
            wait(writing)

    def _store(self, row: Item, start: datetime, offset: int, pcm: Int16) -> list[Item]:
        """A piece's row; where parts of it are kept already, the rows of the others."""
        measured = levels(pcm)
        row = replace(
            row,
            day=start.date(),
            started_at=start,
            seconds=len(pcm) / self._segmenter.sample_rate,
            measures={
                **row.measures,
                "samples": len(pcm),
                "offset": offset,
                "max_amp": measured.max_amp,
                "rms": round(measured.rms, 7),
                "dc": round(measured.dc, 7),
                "clipped": measured.clipped,
            },
        )
        if self._name:
            place = {"session": self._name.session, "position": self._name.position + offset}
            row = replace(row, measures={**row.measures, **place})
        elif row.seconds < SHORTEST_SECONDS:
            return [replace(row, state="silent")]
        if lies_in(row.started_at, row.seconds, self._withdrawn):
            return [replace(row, state="withdrawn")]
        if self._segmenter.is_silent(measured):
            return [replace(row, state="silent")]
        rate = self._segmenter.sample_rate
        data = wav_bytes(pcm, rate)
        row = replace(row, content_hash=(content_hash := hashlib.sha256(data).hexdigest()))
        others = self._ledger.ready_over(row.source, start, row.seconds, but_by=self._file.key)
        others = [other for other in others if (other.parent or other.key) not in self._later and not self._is_same_run(other, start)]
        kept = kept_already(self._lake, others, start, pcm, rate, content_hash)
        if kept:
            row = gave_way_to(row, kept)
            rests = left_over(kept, len(pcm), round(SHORTEST_SECONDS * rate))
            if not rests:
                return [replace(row, state="duplicate", reason="same_audio", message=f"the same as {row.blocked_by}")]
            found = []
            for number, (first, last) in enumerate(rests):
                rest = replace(row, key=f"{row.key}.{number}" if number else row.key, content_hash=None)
                found += self._store(rest, from_ms(to_ms(start + timedelta(seconds=first / rate))), offset + first, pcm[first:last])
            return found
        for other in others:
            if other.started_at == start:
                message = f"{other.key} holds other sound from the same moment"
                return [replace(row, state="quarantined", reason="conflicting_start", message=message, blocked_by=other.key)]
        path = f"{FOLDER}/{row.source}/{row.day.isoformat()}/{to_ms(start)}.wav"
        self._lake.write_if_changed(path, data)
        self._written.append(path)
        return [replace(row, path=path)]

    def _is_same_run(self, other: Item, start: datetime) -> bool:
        """Whether another segment is of the same capture run: what that recorded twice is told by its positions, and kept."""
        return bool(self._name and other.measures.get("session") == self._name.session and other.started_at != start)

    def _stated_silence(self, name: SegmentName) -> Item:
        """The row of a silence that the gate of a capture held back."""
        try:
            stated = Silence.parse(name, self._lake.read_bytes(self._file.path))
        except NotInLake:
            return self._refused(VANISHED, "the file went away between listing and reading", transient=True)
        except ValueError as error:
            return self._refused("undecodable", f"this states no silence: {error}")
        place = {"session": name.session, "position": name.position}
        return replace(
            self._row("segment", "silent"),
            day=name.day,
            started_at=name.started_at,
            seconds=stated.samples / stated.sample_rate,
            measures={"samples": stated.samples, "max_amp": stated.max_amp, "clipped": stated.clipped, **place},
        )

    def _row(self, kind: Literal["recording", "segment"], state: ItemState) -> Item:
        file = self._file
        return Item(
            key=file.key,
            kind=kind,
            source=file.source,
            day=file.day,
            state=state,
            fingerprint=_fingerprint(file, self._segmenter),
            landed=file.day,
        )

    def _failed(self, reason: str, message: str, *, transient: bool = False) -> Item:
        """Refused midway: what was written of it goes, but for what another item owns by now."""
        for path in set(self._written) - self._ledger.paths_in_use(set(self._written), ""):
            self._lake.delete(path)
        return self._refused(reason, message, transient=transient)

    def _refused(self, reason: str, message: str, *, transient: bool = False) -> Item:
        return replace(self._row("recording", "quarantined"), reason=reason, message=message, transient=transient)


def segment_row(item: Item, sample_rate: int) -> dict[str, object]:
    """A segment's row of the day's table; `sample_rate` where its own length does not tell."""
    return {
        "key": item.key,
        "source": item.source,
        "started_at": item.started_at,
        "seconds": item.seconds,
        "sample_rate": round(item.measures["samples"] / item.seconds) if item.seconds else sample_rate,
        "recording": item.parent or item.key,
        "path": item.path,
        "content_hash": item.content_hash,
        **item.measures,
    }


def _summary(ledger: Ledger, day: date, files: int, worked_on: int, changed: bool, other_days: set[date]) -> DayOfSegments:
    states: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for count in ledger.counts(day, CAPTURED):
        states[count.state] += count.items
        seconds[count.state] += count.seconds  # type: ignore[assignment]  # Counter adds floats as well
    reasons = Counter(item.reason or "" for item in ledger.quarantined(day))
    short = tuple(f"{item.key.rpartition('/')[2]}: {item.message}" for item in ledger.cut_short(day))
    return DayOfSegments(files, worked_on, changed, dict(states), dict(seconds), dict(reasons), tuple(sorted(other_days)), short)
