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


def levels(pcm: npt.NDArray[np.int16]) -> Levels:
    """Measures int16 samples of shape (n,). A sample is clipped at the largest or smallest value int16 can hold."""
    if not len(pcm):
        return Levels(0, 0.0, 0.0, 0)
    low, high = int(pcm.min()), int(pcm.max())
    samples = pcm.astype(np.float32)
    clipped = int(np.count_nonzero(pcm >= FULL_SCALE) + np.count_nonzero(pcm <= -FULL_SCALE)) if max(high, -low) >= FULL_SCALE else 0
    return Levels(
        max_amp=max(high, -low),
        rms=math.sqrt(float(np.dot(samples, samples)) / len(pcm)) / FULL_SCALE,
        dc=float(samples.mean(dtype=np.float64)) / FULL_SCALE,
        clipped=clipped,
    )


def dbfs(share: float) -> float:
    """20 log10 of a share of full scale; -inf at zero."""
    return 20 * math.log10(share) if share > 0 else -math.inf


def amplitude(level_dbfs: float) -> int:
    """The int16 amplitude of a level in dBFS, rounded down: -48 dBFS is 130."""
    return int(10 ** (level_dbfs / 20) * FULL_SCALE)
