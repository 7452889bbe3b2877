"""One vector per sound: how the log-mel bands are distributed over its frames."""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from soundmill.features.extractor import Vectors
from soundmill.features.spectrogram import LogMel


@dataclass(frozen=True)
class LogMelStats:
    """Mean, standard deviation, 10th, 50th and 90th percentile, and mean absolute change of each log-mel band: 6 x `bands` numbers."""

    name: ClassVar[str] = "logmel_stats"
    version: ClassVar[int] = 1

    bands: int = 64
    window: int = 1024
    hop: int = 512

    @property
    def size(self) -> int:
        """Six statistics of each band."""
        return 6 * self.bands

    def __call__(self, samples: npt.NDArray[np.float32], sample_rate: int) -> Vectors:
        """See `Extractor`."""
        if not len(samples):
            return np.empty((0, self.size), np.float32)
        bands = _logmel(sample_rate, self.bands, self.window, self.hop)(samples)
        change = np.abs(np.diff(bands, axis=0)).mean(axis=0) if len(bands) > 1 else np.zeros(self.bands, np.float32)
        low, middle, high = np.percentile(bands, (10, 50, 90), axis=0)
        return np.concatenate([bands.mean(axis=0), bands.std(axis=0), low, middle, high, change]).astype(np.float32)[None]


@lru_cache(maxsize=8)
def _logmel(sample_rate: int, bands: int, window: int, hop: int) -> LogMel:
    return LogMel(sample_rate, bands, window, hop)
