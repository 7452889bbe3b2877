"""By what the same recording is known again, at another level, through another codec, or a little faster."""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from soundmill.features.extractor import Vectors
from soundmill.features.spectrogram import LogMel

_BITS = 32
_LONGEST_SECONDS = 30  # are enough to know a recording by, and few enough to compare each with each
_FLOOR = 1e-9


@dataclass(frozen=True)
class AcousticFingerprint:
    """Vectors of 32 signs (+1, -1), one each 46 ms: whether the step from one band to the next grew or shrank since the frame before.

    After Haitsma and Kalker, "A highly robust audio fingerprinting system" (ISMIR 2002): 33 bands from 200 Hz to 8 kHz, windows of 0.37 s.
    Of a longer sound, of its first thirty seconds. Digital silence is left out; a sound shorter than two windows has none.
    """

    name: ClassVar[str] = "acoustic_fingerprint"
    version: ClassVar[int] = 1

    @property
    def size(self) -> int:
        """Signs in a frame."""
        return _BITS

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """One group."""
        return ((self.name, self.size),)

    def __call__(self, samples: npt.NDArray[np.float32], sample_rate: int) -> Vectors:
        """See `Extractor`."""
        logmel = _logmel(sample_rate)
        if len(samples) < 2 * logmel.window:
            return np.empty((0, _BITS), np.float32)
        bands = logmel(samples[: _LONGEST_SECONDS * sample_rate])
        bands = bands[bands.max(axis=1) > np.log(7.4 * _FLOOR)]  # all digital silence is alike
        step = bands[:, :-1] - bands[:, 1:]
        return np.where(np.diff(step, axis=0) > 0, np.float32(1), np.float32(-1))


@lru_cache(maxsize=8)
def _logmel(sample_rate: int) -> LogMel:
    window = round(0.37 * sample_rate)
    return LogMel(
        sample_rate,
        _BITS + 1,
        window,
        max(1, window // 8),
        n_fft=1 << (window - 1).bit_length(),
        low=200.0,
        high=min(8000.0, sample_rate / 2),
        floor=_FLOOR,
    )
