"""The original recogniser's features: its loudest spectra, whatever their order, and how many peaks a second the sound has."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from soundmill.features.extractor import Vectors
from soundmill.features.spectrogram import magnitude_spectrogram

_BLOCK = 1024  # frames transformed together: twelve seconds at 44.1 kHz
FULL_SCALE_RATIO = 32_768 / 32_767  # the original divides int16 by 32,767


@dataclass(frozen=True)
class LoudestFrames:
    """Up to `frames` vectors of 514 numbers per sound: log(|X| + 1e-5) of 513 bins, and the sound's peaks per second.

    |X| is the magnitude of a Hann-windowed transform of 1,024 samples every 512. The frames with the largest sum of magnitudes are
    taken, loudest first. Twenty-one frames are 0.25 s at 44.1 kHz. A sound shorter than one window is padded with zeros.
    """

    name: ClassVar[str] = "loudest_frames"
    version: ClassVar[int] = 1

    frames: int = 21
    window: int = 1024
    hop: int = 512

    @property
    def size(self) -> int:
        """513 bins and the peak density."""
        return self.window // 2 + 2

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """All bins and the peak density count alike."""
        return ((self.name, self.size),)

    def __call__(self, samples: npt.NDArray[np.float32], sample_rate: int) -> Vectors:
        """See `Extractor`."""
        if not len(samples):
            return np.empty((0, self.size), np.float32)
        loudness, loudest, magnitudes = self._loudest(samples)
        out = np.empty((len(loudest), self.size), np.float32)
        np.log(magnitudes + np.float32(1e-5), out=out[:, :-1])
        out[:, -1] = count_peaks(loudness, sample_rate / self.hop) / (len(samples) / sample_rate)
        return out

    def _loudest(self, samples: Vectors) -> tuple[Vectors, npt.NDArray[np.intp], Vectors]:
        """Loudness of every frame; the loudest frames, by loudness; their magnitudes. Hours of sound take no more memory than minutes."""
        step = _BLOCK * self.hop
        sums, kept = [], np.empty(0, np.intp)
        loudness, magnitudes = np.empty(0, np.float32), np.empty((0, self.size - 1), np.float32)
        for at in range(0, max(1, len(samples) - self.window + 1), step):
            block = samples[at : at + step + self.window - self.hop] * np.float32(FULL_SCALE_RATIO)
            found = magnitude_spectrogram(block, self.window, self.hop)
            sums.append(found.sum(axis=1))
            kept = np.concatenate([kept, np.arange(len(found)) + at // self.hop])
            magnitudes = np.concatenate([magnitudes, found])
            loudness = np.concatenate([loudness, sums[-1]])
            best = np.argsort(-loudness, kind="stable")[: self.frames]
            loudness, kept, magnitudes = loudness[best], kept[best], magnitudes[best]
        return np.concatenate(sums), kept, magnitudes


def count_peaks(loudness: npt.NDArray[np.float32], frames_per_second: float, least: float = 4.0, reach: float = 0.1) -> int:
    """Peaks of a loudness curve, shape (frames,): after smoothing over 7 frames, those points that are at least `least` and no
    smaller than any other within `reach` seconds on either side (9 frames at 86 a second)."""
    smooth = np.convolve(loudness, np.full(7, 1 / 7, np.float32), mode="same")
    around = max(1, round(reach * frames_per_second))
    padded = np.pad(smooth, around, constant_values=-np.inf)
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * around + 1).max(axis=1)
    is_peak = (smooth >= least) & (smooth == highest)
    # a plateau of equal values is one peak
    return int(np.count_nonzero(is_peak & ~np.concatenate([[False], is_peak[:-1]])))
