"""How loud sound is: peak, RMS, clipping, offset, digital silence."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FULL_SCALE = 32_767  # int16


@dataclass(frozen=True)
class Levels:
    """Measures of int16 samples. `max_amp` in int16 steps; `rms` and `dc` as shares of full scale; `clipped` in samples."""

    max_amp: int
    rms: float
    dc: float
    clipped: int

    @property
    def digital_silence(self) -> bool:
        """Whether every sample is zero: a muted or dead input, not a quiet room."""
        return self.max_amp == 0

    @property
    def peak_dbfs(self) -> float:
        """Peak in dB relative to full scale; -inf for digital silence."""
        return dbfs(self.max_amp / FULL_SCALE)


class LevelMeter:
    """Measures a stream of int16 samples, block by block."""

    def __init__(self) -> None:
        self._count = self._low = self._high = self._clipped = 0
        self._sum = self._squares = 0.0

    def add(self, pcm: npt.NDArray[np.int16]) -> None:
        """Takes samples of shape (n,)."""
        if not len(pcm):
            return
        low, high = int(pcm.min()), int(pcm.max())
        samples = pcm.astype(np.float32)
        self._low, self._high, self._count = min(self._low, low), max(self._high, high), self._count + len(pcm)
        if max(high, -low) >= FULL_SCALE:
            self._clipped += int(np.count_nonzero(pcm >= FULL_SCALE) + np.count_nonzero(pcm <= -FULL_SCALE))
        self._squares += float(np.dot(samples, samples))
        self._sum += float(samples.sum(dtype=np.float64))

    def levels(self) -> Levels:
        """What was measured so far. A sample is clipped at the largest or smallest value int16 can hold."""
        if not self._count:
            return Levels(0, 0.0, 0.0, 0)
        return Levels(
            max_amp=max(self._high, -self._low),
            rms=math.sqrt(self._squares / self._count) / FULL_SCALE,
            dc=self._sum / self._count / FULL_SCALE,
            clipped=self._clipped,
        )


def levels(pcm: npt.NDArray[np.int16]) -> Levels:
    """Measures int16 samples of shape (n,)."""
    meter = LevelMeter()
    meter.add(pcm)
    return meter.levels()


def dbfs(share: float) -> float:
    """20 log10 of a share of full scale; -inf at zero."""
    return 20 * math.log10(share) if share > 0 else -math.inf


def amplitude(level_dbfs: float) -> int:
    """The int16 amplitude of a level in dBFS, rounded down: -48 dBFS is 130."""
    return int(10 ** (level_dbfs / 20) * FULL_SCALE)


class LevelTrack:
    """The level of each short frame of a stream: takes int16 samples of shape (n,) at `sample_rate` Hz block by block."""

    def __init__(self, sample_rate: int, frame_seconds: float) -> None:
        self._frame = round(frame_seconds * sample_rate)
        self._rest = np.empty(0, np.int16)
        self._powers: list[npt.NDArray[np.float32]] = []

    def add(self, pcm: npt.NDArray[np.int16]) -> None:
        """Takes the next samples."""
        samples = np.concatenate([self._rest, pcm]) if len(self._rest) else pcm
        whole = len(samples) // self._frame
        if whole:
            frames = samples[: whole * self._frame].reshape(whole, self._frame).astype(np.float32)
            self._powers.append(np.einsum("ij,ij->i", frames, frames) / np.float32(self._frame * 32_768.0**2))
        self._rest = samples[whole * self._frame :].copy()

    def dbfs(self) -> npt.NDArray[np.float32]:
        """The levels so far, shape (frames,), dB relative to full scale; -120 for digital silence."""
        powers = np.concatenate(self._powers) if self._powers else np.empty(0, np.float32)
        return np.asarray(10 * np.log10(powers + 1e-12), np.float32)
