"""How good a take is: measured on its samples, and judged by bounds that each prompt set may set otherwise.

`again` where it is of no use, `check` where a person ought to listen, else `good`; each reason says what to do about it. Bounds after
ITU-T P.56 (speech level), LibriTTS (SNR), mimic-recording-studio, piper and LinguaRecorder (silence around), NeMo's Speech Data Processor
(rate of characters, recognition) and NeMo Curator (bandwidth).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.signal import welch

from soundmill.audio import SpeechMeter, dbfs
from soundmill.audio.reader import Int16

Verdict = Literal["good", "check", "again"]
_FRAME = 0.02  # seconds
_CLIPPED = 0.99  # of full scale
_LAGS = (128, 256, 441, 480, 512, 882, 960, 1024, 1920, 2048, 4096)  # samples: blocks of audio systems
_LOUD_STEPS = 4  # of 16 bits: what moves by less may well repeat itself
_FEW = 10  # takes of a speaker, below which nothing is known of their pace
_WORST: dict[Verdict, int] = {"good": 0, "check": 1, "again": 2}

Bounds = tuple[float, float]


class Limits(BaseModel):
    """Where a take is to be read again, and where a person ought to check it; pairs are the lowest and the highest value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clipped_share_again: Annotated[float, Field(ge=0, le=1, description="share of samples in clipped runs")] = 0.001
    clipped_ms_again: Annotated[float, Field(ge=0, description="longest clipped run, ms")] = 1.0
    level_again: Annotated[Bounds, Field(description="RMS of the speech, dBFS")] = (-45.0, -9.0)
    level_check: Bounds = (-36.0, -14.0)
    snr_again: Annotated[float, Field(description="speech over the quietest tenth, dB")] = 15.0
    snr_check: float = 25.0
    silence_again: Annotated[Bounds, Field(description="before the first and after the last word, seconds")] = (0.05, 2.0)
    silence_check: Bounds = (0.1, 1.0)
    pause_check: Annotated[float, Field(gt=0, description="longest pause inside, seconds")] = 1.5
    seconds_again: Bounds = (0.3, 30.0)
    pace_check: Annotated[float, Field(gt=0, description="deviations from the speaker's own seconds a character")] = 3.0
    characters_again: Annotated[Bounds, Field(description="characters a second")] = (2.0, 30.0)
    characters_check: Bounds = (5.0, 21.0)
    bandwidth_again: Annotated[float, Field(ge=0, description="highest frequency within 50 dB of the loudest, Hz")] = 3400.0
    bandwidth_check: float = 7000.0
    dropout_ms_again: Annotated[float, Field(ge=0, description="longest stretch without a sample that changes, or repeated, ms")] = 5.0
    errors_again: Annotated[float, Field(ge=0, description="character error rate of the recogniser")] = 0.75
    errors_check: float = 0.30


@dataclass(frozen=True)
class Measures:
    """What was measured on a take. Levels in dBFS, times in seconds, None where nobody speaks.

    clipped_share, clipped_ms   samples at 0.99 of full scale or more, in runs of three or more, and the longest run
    level, snr      RMS of what is spoken, and how far it is above the quietest tenth
    before, after, pause   silence around, and the longest inside
    characters      a second of speech
    bandwidth       Hz
    dropout_ms      the longest run of equal samples, or of samples that repeat a block before them
    """

    seconds: float
    clipped_share: float
    clipped_ms: float
    level: float | None
    snr: float | None
    before: float | None
    after: float | None
    pause: float | None
    characters: float | None
    bandwidth: float
    dropout_ms: float

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {name: round(value, 5) if isinstance(value, float) else value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Reason:
    """What is wrong with a take: the rule, how bad it is, and a sentence for whoever reads it again."""

    rule: str
    verdict: Verdict
    text: str


def measure(pcm: Int16, sample_rate: int, text: str) -> Measures:
    """Measures a take: int16 samples of shape (n,) or (n, channels) at `sample_rate` Hz, of a sentence."""
    every = pcm.reshape(len(pcm), -1)
    mono = np.rint(every.astype(np.float32).mean(axis=1)).astype(np.int16) if every.shape[1] > 1 else every[:, 0]
    clipped = [_runs(np.abs(channel.astype(np.int32)) >= _CLIPPED * 32_768, 3) for channel in every.T]
    longest = max((int(runs.max(initial=0)) for runs in clipped), default=0)
    turns = _turns(mono, sample_rate)
    powers = _powers(mono, sample_rate)
    level = snr = before = after = pause = characters = None
    seconds = len(mono) / sample_rate
    if turns:
        spoken = np.concatenate([powers[round(start / _FRAME) : round(end / _FRAME)] for start, end in turns])
        quiet = np.sort(powers)[: max(1, len(powers) // 10)]
        level = dbfs(float(spoken.mean()) ** 0.5)
        snr = level - dbfs(max(float(quiet.mean()), 1e-12) ** 0.5)
        before, after = turns[0][0], max(0.0, seconds - turns[-1][1])
        pause = max((second[0] - first[1] for first, second in pairwise(turns)), default=0.0)
        characters = _letters(text) / (turns[-1][1] - turns[0][0])
    return Measures(
        seconds=seconds,
        clipped_share=max((float(runs.sum()) / max(1, len(mono)) for runs in clipped), default=0.0),
        clipped_ms=1000 * longest / sample_rate,
        level=level,
        snr=snr,
        before=before,
        after=after,
        pause=pause,
        characters=characters,
        bandwidth=_bandwidth(mono, sample_rate),
        dropout_ms=1000 * max((_dropout(channel) for channel in every.T), default=0) / sample_rate,
    )


def judge(
    found: Measures,
    limits: Limits,
    pace: Sequence[float] = (),
    *,
    gap: bool = False,
    same_as: str | None = None,
    errors: float | None = None,
) -> tuple[Verdict, tuple[Reason, ...]]:
    """The verdict on a take with its reasons, the worst first.

    `pace`: characters a second of the speaker's other takes; `gap`: the browser lost samples; `same_as`: another take has this very sound;
    `errors`: the character error rate of what a recogniser heard.
    """
    reasons = list[Reason]()

    def outside(rule: str, value: float, again: Bounds, check: Bounds, low: str, high: str) -> None:
        for verdict, (least, most) in (("again", again), ("check", check)):
            if not least <= value <= most:
                reasons.append(Reason(rule, verdict, low if value < least else high))  # type: ignore[arg-type]
                return

    def above(rule: str, value: float, again: float, check: float, text: str) -> None:
        if value > min(again, check):
            reasons.append(Reason(rule, "again" if value > again else "check", text))

    never = float("inf")
    if same_as:
        reasons.append(Reason("same sound", "again", "this very recording is there already"))
    if gap:
        reasons.append(Reason("gap", "again", "the browser lost a part of the sound: close other programs, and read it again"))
    if found.dropout_ms > limits.dropout_ms_again:
        reasons.append(Reason("dropout", "again", f"{found.dropout_ms:.0f} ms of the sound are missing or repeated: read it again"))
    outside("length", found.seconds, limits.seconds_again, limits.seconds_again, "it is too short", "it is too long")
    if found.clipped_share > limits.clipped_share_again or found.clipped_ms > limits.clipped_ms_again:
        reasons.append(Reason("clipping", "again", "it is too loud, and distorted: move away from the microphone, or turn it down"))
    elif found.clipped_ms:
        reasons.append(Reason("clipping", "check", "its loudest moments may be distorted"))
    if found.level is None or found.snr is None:
        reasons.append(Reason("no speech", "again", "nothing can be heard: is the right microphone chosen, and not muted?"))
        return _settled(reasons)
    soft, loud = "it is too soft: come closer to the microphone, or turn it up", "it is too loud: move away from the microphone"
    outside("level", found.level, limits.level_again, limits.level_check, soft, loud)
    above("noise", -found.snr, -limits.snr_again, -limits.snr_check, "there is too much noise behind the voice: find a quieter place")
    for rule, value, cut, idle in (
        ("start", found.before or 0.0, "its beginning is cut off: wait a moment before you speak", "there is a long silence before it"),
        ("end", found.after or 0.0, "its end is cut off: wait a moment before you stop", "there is a long silence after it"),
    ):
        outside(rule, value, limits.silence_again, limits.silence_check, cut, idle)
    above("pause", found.pause or 0.0, never, limits.pause_check, "there is a long pause in it")
    if found.characters is not None:
        slow, fast = "it takes long for this sentence: was more said?", "it is short for this sentence: was all of it said?"
        outside("pace", found.characters, limits.characters_again, limits.characters_check, slow, fast)
        if not any(one.rule == "pace" for one in reasons) and _is_unlike(found.characters, pace, limits.pace_check):
            reasons.append(Reason("pace", "check", "it is read at another pace than this speaker's other sentences"))
    dull = "its treble is missing: a telephone line, or a headset by Bluetooth, is not good enough"
    above("bandwidth", -found.bandwidth, -limits.bandwidth_again, -limits.bandwidth_check, dull)
    if errors is not None:
        above("words", errors, limits.errors_again, limits.errors_check, f"{errors:.0%} of it was recognised as something else")
    return _settled(reasons)


def measures_from(values: Mapping[str, Any]) -> Measures:
    """What `as_json` gave."""
    return Measures(**values)


def _settled(reasons: Sequence[Reason]) -> tuple[Verdict, tuple[Reason, ...]]:
    ordered = tuple(sorted(reasons, key=lambda one: -_WORST[one.verdict]))
    return (ordered[0].verdict if ordered else "good"), ordered


def _letters(text: str) -> int:
    return sum(letter.isalnum() for letter in text)


def _is_unlike(characters: float, others: Sequence[float], deviations: float) -> bool:
    """Whether somebody takes otherwise long for a character than in their other takes."""
    if len(others) < _FEW or characters <= 0:
        return False
    known = 1 / np.array([one for one in others if one > 0])
    return bool(abs(1 / characters - known.mean()) > deviations * max(float(known.std(ddof=1)), 1e-3))


def _turns(mono: Int16, sample_rate: int) -> list[tuple[float, float]]:
    meter = SpeechMeter(sample_rate)
    meter.add(mono)
    return meter.turns()


def _powers(mono: Int16, sample_rate: int) -> NDArray[np.float64]:
    """Mean square of each frame, as a share of full scale."""
    frame = round(_FRAME * sample_rate)
    whole = len(mono) // frame
    return np.asarray(((mono[: whole * frame].reshape(whole, frame) / 32_768.0) ** 2).mean(axis=1))


def _bandwidth(mono: Int16, sample_rate: int) -> float:
    """The highest frequency whose mean power is within 50 dB of the loudest, in Hz."""
    if len(mono) < 64:
        return 0.0
    frequencies, power = welch(mono.astype(np.float64), sample_rate, nperseg=min(1024, len(mono)))
    if not power.max():
        return 0.0
    return float(frequencies[np.flatnonzero(power >= power.max() * 1e-5)[-1]])


def _dropout(channel: Int16) -> int:
    """Samples in the longest run that stands still, or that repeats the block before it."""
    longest = int(_runs(channel[1:] == channel[:-1], 1).max(initial=-1)) + 1
    for lag in _LAGS:
        if len(channel) <= 2 * lag:
            continue
        same = channel[lag:] == channel[:-lag]
        edges = np.flatnonzero(np.diff(np.r_[False, same, False]))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            if end - start > longest and np.ptp(channel[start:end]) >= _LOUD_STEPS:
                longest = int(end - start)
    return longest


def _runs(flags: NDArray[np.bool_], least: int) -> NDArray[np.intp]:
    """Lengths of runs of at least so many."""
    edges = np.flatnonzero(np.diff(np.r_[False, flags, False]))
    lengths = edges[1::2] - edges[::2]
    return lengths[lengths >= least]
