"""Scenes with known truth: days of a household, synthesised or built from clips, to show and to check the whole pipeline.

A day is a list of slots as long as a segment. Each holds one sound, background (rain, babble) or nothing but the hum of the room;
ten or so slots make a recording. Kinds that are never labelled sound on the last day only, so no model can have been trained on them.
"""

import hashlib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.signal

from soundmill.errors import SceneRefused
from soundmill.times import midnight
from soundmill.workflows.clips import by_source, class_folders, clip_files, tag_of, trimmed

Float32 = npt.NDArray[np.float32]
Rng = np.random.Generator

RATE = 44_100
SLOT = 132_352  # samples: one segment
BACKGROUND = "background"
NEVER_LABELLED_SHARE = 0.3
_SLOTS_A_RECORDING = 10
_PER_KIND = 10
_BACKGROUNDS = 14
_QUIET = 5
_LONGEST_CLIP = 2 * SLOT
_MOST_CLIPS = 40  # of a class
_MOST_READ = 120  # of a class, to choose from
_TEST_SHARE = 0.3


@dataclass(frozen=True)
class Event:
    """A sound in the scene, in UTC; `labelled` says whether annotators would mark it."""

    tag: str
    start: datetime
    end: datetime
    labelled: bool


@dataclass(frozen=True)
class Recording:
    """A span of sound, mono float32 at 44.1 kHz, and what is in it."""

    started_at: datetime
    samples: Float32
    events: tuple[Event, ...]


@dataclass(frozen=True)
class _Slot:
    kind: str
    make: Callable[[Rng], Float32]
    labelled: bool
    hour: float


@dataclass(frozen=True)
class Scene:
    """A plan of days; `recordings` renders it, one recording at a time, the same for the same scene."""

    name: str
    days: tuple[date, ...]
    known_tags: tuple[str, ...]
    never_labelled: tuple[str, ...]
    _slots: tuple[tuple[_Slot, ...], ...] = field(repr=False)

    @property
    def train_days(self) -> tuple[date, ...]:
        """All days but the last."""
        return self.days[:-1]

    @property
    def test_day(self) -> date:
        """The last day."""
        return self.days[-1]

    def recordings(self) -> Iterator[Recording]:
        """Every recording of every day, in order of time."""
        for number, (day, slots) in enumerate(zip(self.days, self._slots, strict=True)):
            rng = np.random.default_rng([number, len(slots)])
            earliest = midnight(day)
            for start in range(0, len(slots), _SLOTS_A_RECORDING):
                part = slots[start : start + _SLOTS_A_RECORDING]
                began = max(earliest, midnight(day) + timedelta(hours=round(part[len(part) // 2].hour * 60) / 60))
                recording = _render(part, began, rng)
                earliest = began + timedelta(seconds=len(recording.samples) / RATE + 60)
                yield recording

    @property
    def recording_count(self) -> int:
        """How many recordings `recordings` gives."""
        return sum(-(-len(slots) // _SLOTS_A_RECORDING) for slots in self._slots)


def truth_of(starts: Sequence[datetime], seconds: Sequence[float], events: Sequence[Event]) -> list[str]:
    """The tag of each segment: of the sound that fills most of it, given half a second of it, or half of a shorter sound; else
    "background"."""
    ordered = sorted(events, key=lambda event: event.start)
    named = []
    for start, length in zip(starts, seconds, strict=True):
        end = start + timedelta(seconds=length)
        best, most = BACKGROUND, 0.0
        for event in ordered:
            overlap = (min(end, event.end) - max(start, event.start)).total_seconds()
            enough = min(0.5, (event.end - event.start).total_seconds() / 2)
            if overlap >= enough and overlap > most:
                best, most = event.tag, overlap
        named.append(best)
    return named


def household(first: date, day_count: int = 3, seed: int = 7) -> Scene:
    """Days of synthesised household sounds: six kinds that are labelled, two that never are, rain, babble, and quiet."""
    days = tuple(first + timedelta(days=n) for n in range(day_count))
    plan = []
    for number, day in enumerate(days):
        rng = np.random.default_rng([seed, number])
        slots = [_slot(kind, make, True, rng) for kind, make in LABELLED.items() for _ in range(_PER_KIND)]
        if day == days[-1]:
            slots += [_slot(kind, make, False, rng) for kind, make in UNLABELLED.items() for _ in range(_PER_KIND)]
        plan.append(_with_background(slots, rng))
    return Scene("demo", days, tuple(sorted(LABELLED)), tuple(sorted(UNLABELLED)), tuple(plan))


def from_clips(folder: Path, first: date, day_count: int = 3, seed: int = 7) -> Scene:
    """The same kind of scene from real clips, one folder a class.

    The last ceil(30 %) of the class folders, in order of name, are never labelled. Of the others, clips that share a source (by names
    such as `fold-SOURCE-take`; any other name is a source of its own) are all on the training days or all on the last day.
    At most 40 clips of a class, 6 s of a clip. Raises `SceneRefused`.
    """
    classes = [path for path in class_folders(folder) if any(clip_files(path))]
    unlabelled_count = math.ceil(NEVER_LABELLED_SHARE * len(classes))
    if len(classes) - unlabelled_count < 2:
        raise SceneRefused(f"{folder} needs at least three folders of audio files, one for each class; it has {len(classes)}")
    days = tuple(first + timedelta(days=n) for n in range(day_count))
    rng = np.random.default_rng(seed)
    slots: list[list[_Slot]] = [[] for _ in days]
    content = hashlib.blake2b(f"{day_count} {seed}".encode(), digest_size=4)
    tags = [tag_of(path.name) for path in classes]
    for place, (path, tag) in enumerate(zip(classes, tags, strict=True)):
        labelled = place < len(classes) - unlabelled_count
        files = list(clip_files(path))
        grouped = by_source(files[:_MOST_READ])
        # a class from one source alone cannot be on two sides: its clips are then taken for sources of their own
        ordered = grouped if len(grouped) > 1 else [[file] for file in files]
        groups = [ordered[i] for i in rng.permutation(len(ordered))]
        test_clips = max(1, round(_TEST_SHARE * min(_MOST_CLIPS, len(files))))
        chosen = test_used = 0
        for group in groups:
            for file in group[: max(0, _MOST_CLIPS - chosen)]:
                content.update(f"{path.name}/{file.name} {file.stat().st_size}".encode())
                # the first sources fill the last day's share; all others are for the days before
                on_last_day = not labelled or test_used < test_clips
                day = len(days) - 1 if on_last_day else chosen % (len(days) - 1)
                slots[day].append(_slot(tag, _clip(file), labelled, rng))
                chosen += 1
            test_used += len(group)
    plan = tuple(_with_background(day, rng) for day in slots)
    slug = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:30] or "clips"
    known = len(classes) - unlabelled_count
    return Scene(f"demo-{slug}-{content.hexdigest()}", days, tuple(tags[:known]), tuple(tags[known:]), plan)


def _with_background(slots: list[_Slot], rng: Rng) -> tuple[_Slot, ...]:
    every = max(1, len(slots) // 60)
    extra = [_slot("", make, False, rng) for make in (rain, babble) for _ in range(_BACKGROUNDS * every)]
    extra += [_slot("", lambda _: np.zeros(SLOT, np.float32), False, rng) for _ in range(_QUIET)]
    return tuple(sorted([*slots, *extra], key=lambda slot: slot.hour))


def _slot(kind: str, make: Callable[[Rng], Float32], labelled: bool, rng: Rng) -> _Slot:
    usual = HOURS.get(kind)
    hour = float(rng.uniform(0.1, 23.5)) if usual is None else float(np.clip(rng.normal(usual, 1.5), 0.1, 23.5))
    return _Slot(kind, make, labelled, hour)


def _render(slots: Sequence[_Slot], began: datetime, rng: Rng) -> Recording:
    parts: list[Float32] = []
    events = []
    at = 0
    for slot in slots:
        sound = slot.make(rng)
        room = -(-len(sound) // SLOT) * SLOT
        offset = int(rng.integers(0, room - len(sound) + 1))
        passage = np.zeros(room, np.float32)
        passage[offset : offset + len(sound)] = sound
        if slot.kind:
            start = began + timedelta(seconds=(at + offset) / RATE)
            events.append(Event(slot.kind, start, start + timedelta(seconds=len(sound) / RATE), slot.labelled))
        parts.append(passage)
        at += room
    samples = np.concatenate(parts)
    samples += _pink(len(samples), rng) * np.float32(10 ** (-66 / 20))  # the room
    return Recording(began, np.clip(samples, -1, 1), tuple(events))


def _level(sound: npt.NDArray[np.floating], rng: Rng, low: float = -20, high: float = -4) -> Float32:
    """The sound with its peak somewhere between two levels in dBFS."""
    peak = float(np.abs(sound).max()) or 1.0
    return (sound * (10 ** (rng.uniform(low, high) / 20) / peak)).astype(np.float32)


def _seconds(length: float) -> npt.NDArray[np.float64]:
    return np.arange(round(length * RATE)) / RATE


def _pink(length: int, rng: Rng) -> Float32:
    spectrum = scipy.fft.rfft(rng.standard_normal(scipy.fft.next_fast_len(length, real=True)))
    spectrum /= np.sqrt(np.maximum(1, np.arange(len(spectrum))))
    return _level(scipy.fft.irfft(spectrum)[:length], rng, 0, 0)


def _band(length: int, low: float, high: float, rng: Rng) -> npt.NDArray[np.float64]:
    sos = scipy.signal.butter(4, (low, high), "bandpass", fs=RATE, output="sos")
    noise: npt.NDArray[np.float64] = scipy.signal.sosfilt(sos, rng.standard_normal(length))
    return noise


def doorbell(rng: Rng) -> Float32:
    """Two struck tones, the second lower."""
    high = rng.uniform(620, 700)
    sound = np.zeros(round(rng.uniform(1.5, 2.4) * RATE))
    for at, pitch in ((0.0, high), (rng.uniform(0.45, 0.65), high * 0.8)):
        t = _seconds(len(sound) / RATE - at)
        tone = sum(np.sin(2 * np.pi * pitch * ratio * t) * weight for ratio, weight in ((1, 1), (2.76, 0.35), (5.4, 0.12)))
        sound[len(sound) - len(t) :] += tone * np.exp(-t * rng.uniform(2.2, 3.2))
    return _level(sound, rng)


def kettle(rng: Rng) -> Float32:
    """A whistle that climbs out of hissing steam."""
    t = _seconds(rng.uniform(1.8, 2.8))
    top = rng.uniform(2300, 3000)
    pitch = top * (1 - 0.3 * np.exp(-t * rng.uniform(1.5, 3)))
    whistle = np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * (1 - np.exp(-3 * t)) * (1 + 0.15 * np.sin(2 * np.pi * 11 * t))
    return _level(whistle + 0.12 * _band(len(t), 3000, 9000, rng), rng)


def microwave(rng: Rng) -> Float32:
    """Three to five equal beeps."""
    pitch, length, gap = rng.uniform(1950, 2150), rng.uniform(0.22, 0.3), rng.uniform(0.2, 0.3)
    t = _seconds(length)
    beep = np.sign(np.sin(2 * np.pi * pitch * t)) * np.minimum(1, np.minimum(t, t[::-1]) * 300)
    pause = np.zeros(round(gap * RATE))
    return _level(np.concatenate([np.concatenate([beep, pause]) for _ in range(int(rng.integers(3, 6)))]), rng)


def knocking(rng: Rng) -> Float32:
    """Three to six thuds on wood."""
    body = rng.uniform(130, 230)
    thuds = []
    for _ in range(int(rng.integers(3, 7))):
        t = _seconds(rng.uniform(0.2, 0.34))
        thud = np.sin(2 * np.pi * body * t) * np.exp(-t * 38) + 0.5 * _band(len(t), 300, 1200, rng) * np.exp(-t * 70)
        thuds.append(thud * rng.uniform(0.7, 1))
    return _level(np.concatenate(thuds), rng)


def glass(rng: Rng) -> Float32:
    """Clinks of glasses: high, inharmonic, short."""
    sound = np.zeros(round(rng.uniform(0.9, 1.8) * RATE))
    for _ in range(int(rng.integers(2, 6))):
        at = int(rng.integers(0, len(sound) // 2))
        t = _seconds((len(sound) - at) / RATE)
        pitch = rng.uniform(2600, 5200)
        for ratio in (1, 1.51, 2.32, 3.17):
            sound[at:] += np.sin(2 * np.pi * pitch * ratio * t + rng.uniform(0, 6)) * np.exp(-t * rng.uniform(9, 16)) / ratio
    return _level(sound, rng)


def telephone(rng: Rng) -> Float32:
    """An old telephone: two bells struck twenty times a second."""
    t = _seconds(rng.uniform(1.2, 2.2))
    pitch, rate = rng.uniform(1100, 1350), rng.uniform(18, 23)
    strike = np.exp(-((t * rate) % 1) * 3)
    bells = np.sin(2 * np.pi * pitch * t) + np.sin(2 * np.pi * pitch * 1.26 * t) + 0.4 * np.sin(2 * np.pi * pitch * 2.5 * t)
    return _level(bells * strike, rng)


def siren(rng: Rng) -> Float32:
    """A siren that sweeps up and down."""
    t = _seconds(rng.uniform(2.0, 2.8))
    pitch = rng.uniform(750, 950) + 300 * np.sin(2 * np.pi * rng.uniform(0.6, 1.2) * t)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    return _level(np.sin(phase) + 0.4 * np.sin(2 * phase) + 0.2 * np.sin(3 * phase), rng)


def dog(rng: Rng) -> Float32:
    """Two to four barks: a falling, noisy voice."""
    barks = []
    for _ in range(int(rng.integers(2, 5))):
        t = _seconds(rng.uniform(0.18, 0.3))
        pitch = rng.uniform(320, 520) * (1.25 - 1.6 * t)
        voice = scipy.signal.sawtooth(2 * np.pi * np.cumsum(pitch) / RATE) + 0.8 * rng.standard_normal(len(t))
        sos = scipy.signal.butter(2, (500, 1900), "bandpass", fs=RATE, output="sos")
        barks += [
            scipy.signal.sosfilt(sos, voice) * np.sqrt(np.abs(np.sin(np.pi * t / t[-1]))),
            np.zeros(round(rng.uniform(0.1, 0.3) * RATE)),
        ]
    return _level(np.concatenate(barks), rng)


def rain(rng: Rng) -> Float32:
    """Steady hiss with drops in it, a slot long."""
    sound = _band(SLOT, 700, 11_000, rng) * 0.4
    for at in rng.integers(0, SLOT - 2000, int(rng.integers(40, 120))):
        t = _seconds(0.02)
        sound[at : at + len(t)] += np.sin(2 * np.pi * rng.uniform(2000, 6000) * t) * np.exp(-t * 300) * rng.uniform(0.5, 2)
    return _level(sound, rng, -30, -14)


def babble(rng: Rng, voices: int = 2) -> Float32:
    """Voices without words: pulses through moving formants, in syllables; a slot long."""
    sound = np.zeros(SLOT)
    for _ in range(voices):
        t = _seconds(SLOT / RATE)[:SLOT]
        pitch = rng.uniform(95, 220) * (1 + 0.12 * np.sin(2 * np.pi * rng.uniform(0.3, 0.7) * t + rng.uniform(0, 6)))
        source = scipy.signal.sawtooth(2 * np.pi * np.cumsum(pitch) / RATE)
        syllables = np.clip(np.sin(2 * np.pi * rng.uniform(2.5, 4.5) * t + rng.uniform(0, 6)) + 0.3, 0, None)
        for formant in (rng.uniform(350, 800), rng.uniform(1000, 2000), rng.uniform(2300, 2900)):
            peak = scipy.signal.iirpeak(formant, 6, fs=RATE)
            sound += scipy.signal.lfilter(*peak, source) * syllables
    return _level(sound, rng, -28, -14)


def telephone_call(rng: Rng, turns: int = 8) -> npt.NDArray[np.float32]:
    """Two people who take turns of a slot each, on a line that hisses: shape (samples, 2), the agent left, the customer right."""
    sides = [_level(_pink(turns * SLOT, rng), rng, -62, -58) for _ in range(2)]
    for turn in range(turns):
        sides[turn % 2][turn * SLOT : (turn + 1) * SLOT] += babble(rng, voices=1)
    return np.stack(sides, axis=1)


LABELLED: dict[str, Callable[[Rng], Float32]] = {
    "doorbell": doorbell,
    "glass": glass,
    "kettle": kettle,
    "knocking": knocking,
    "microwave": microwave,
    "telephone": telephone,
}
UNLABELLED: dict[str, Callable[[Rng], Float32]] = {"dog": dog, "siren": siren}
HOURS = {"kettle": 7.5, "microwave": 12.5, "doorbell": 16.0, "telephone": 18.5, "glass": 20.5, "knocking": 10.0}


def _clip(file: Path) -> Callable[[Rng], Float32]:
    return lambda rng: _level(trimmed(file, RATE)[:_LONGEST_CLIP], rng)
