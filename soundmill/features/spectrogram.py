"""Spectrograms: magnitudes, and log-mel energies fast enough for a day of microphones.

The transform works on blocks of frames that stay in the cache, between kernels compiled by Numba that window the samples and sum
the bands; each pass over memory saved is worth more than any cleverness inside it.
"""

from collections.abc import Iterator
from functools import lru_cache

import numba as nb
import numpy as np
import numpy.typing as npt
import scipy.fft

Float32 = npt.NDArray[np.float32]
Complex64 = npt.NDArray[np.complex64]
BLOCK = 96  # frames transformed together


def frame_count(length: int, window: int, hop: int) -> int:
    """Whole windows in `length` samples; one, padded with zeros, where the sound is shorter than a window."""
    return 1 + max(0, length - window) // hop


def magnitude_spectrogram(samples: Float32, window: int, hop: int) -> Float32:
    """|X| of Hann-windowed frames, shape (frames, window // 2 + 1), from samples of shape (length,). Nothing is centred or padded
    but a sound shorter than one window."""
    samples = _at_least(samples, window)
    frames = np.lib.stride_tricks.sliding_window_view(samples, window)[::hop]
    magnitudes: Float32 = np.abs(scipy.fft.rfft(frames * hann(window), axis=1))
    return magnitudes


@lru_cache
def hann(window: int) -> Float32:
    """The periodic Hann window."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)).astype(np.float32)


Bank = tuple[
    npt.NDArray[np.int64], npt.NDArray[np.int64], Float32
]  # first bin and number of bins of each band, and weights (bands, widest)


class LogMel:
    """Natural log of mel energies of power spectra: Hann window, Slaney's mel scale and area normalisation, as librosa has them.

    `window` and `hop` in samples, `low` and `high` in Hz, `floor` added to the energy before the log. `bank` and `taper` are another bank
    of filters, and another window of the same length.
    """

    def __init__(
        self,
        sample_rate: int,
        bands: int = 64,
        window: int = 1024,
        hop: int = 512,
        n_fft: int | None = None,
        low: float = 0.0,
        high: float | None = None,
        floor: float = 1e-10,
        bank: Bank | None = None,
        taper: Float32 | None = None,
    ) -> None:
        self.bands, self.window, self.hop = bands, window, hop
        self.n_fft = n_fft or window
        self._floor = np.float32(floor)
        self._first, self._count, self._weights = bank or mel_bank(sample_rate, self.n_fft, bands, low, high or sample_rate / 2)
        self._taper = hann(window) if taper is None else taper
        self._block = np.zeros((BLOCK, self.n_fft), np.float32)

    def __call__(self, samples: Float32) -> Float32:
        """Shape (frames, bands) from samples of shape (length,)."""
        out = np.empty((frame_count(len(samples), self.window, self.hop), self.bands), np.float32)
        for start, spectrum in self.spectra(samples):
            self.energies(spectrum, out[start : start + len(spectrum)])
        return np.log(out, out=out)

    def spectra(self, samples: Float32) -> Iterator[tuple[int, Complex64]]:
        """The transform, a block of frames at a time: number of its first frame, and bins of shape (frames, n_fft // 2 + 1)."""
        samples = _at_least(np.ascontiguousarray(samples, np.float32), self.window)
        frames = frame_count(len(samples), self.window, self.hop)
        window = self._taper
        for start in range(0, frames, BLOCK):
            block = self._block[: min(BLOCK, frames - start)]
            _window_frames(samples, window, start, self.hop, block)
            yield start, scipy.fft.rfft(block, axis=1)

    def energies(self, spectrum: Complex64, out: Float32) -> None:
        """Mel energies, before the log, of a block of frames into `out`, shape (frames, bands)."""
        _band_energies(spectrum, self._first, self._count, self._weights, self._floor, out)


def mel_bank(sample_rate: int, n_fft: int, bands: int, low: float, high: float) -> Bank:
    """Triangular mel filters, banded: first bin and number of bins of each band, and weights of shape (bands, widest).

    Slaney's scale (Auditory Toolbox, 1998): linear to 1 kHz, logarithmic above; each triangle has area 2 / (its width in Hz).
    """
    edges = _mel_to_hz(np.linspace(_hz_to_mel(low), _hz_to_mel(high), bands + 2))
    bins = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return banded(np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None])


def banded(dense: npt.NDArray[np.float64]) -> Bank:
    """A bank of filters, shape (bands, bins), of which only what is not zero is kept."""
    bands = len(dense)
    filled = dense > 0
    first = np.where(filled.any(axis=1), filled.argmax(axis=1), 0).astype(np.int64)
    count = filled.sum(axis=1).astype(np.int64)
    weights = np.zeros((bands, max(1, int(count.max()))), np.float32)
    for band in range(bands):
        weights[band, : count[band]] = dense[band, first[band] : first[band] + count[band]]
    return first, count, weights


def _hz_to_mel(hz: float) -> float:
    return hz * 3 / 200 if hz < 1000 else 15 + 27 * float(np.log(hz / 1000) / np.log(6.4))


def _mel_to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(np.log(6.4) * (mel - 15) / 27))


def _at_least(samples: Float32, length: int) -> Float32:
    return samples if len(samples) >= length else np.pad(samples, (0, length - len(samples)))


@nb.njit(cache=True, fastmath=True)
def _window_frames(samples: Float32, window: Float32, start: int, hop: int, out: Float32) -> None:
    length = len(window)
    for i in range(out.shape[0]):
        at = (start + i) * hop
        for j in range(length):
            out[i, j] = samples[at + j] * window[j]


@nb.njit(cache=True, fastmath=True)
def _band_energies(
    spectrum: Complex64,
    first: npt.NDArray[np.int64],
    count: npt.NDArray[np.int64],
    weights: Float32,
    floor: np.float32,
    out: Float32,
) -> None:
    bins = spectrum.shape[1]
    power = np.empty(bins, np.float32)
    for i in range(spectrum.shape[0]):
        for k in range(bins):
            power[k] = spectrum[i, k].real * spectrum[i, k].real + spectrum[i, k].imag * spectrum[i, k].imag
        for band in range(len(first)):
            energy = np.float32(0)
            at = first[band]
            for k in range(count[band]):
                energy += power[at + k] * weights[band, k]
            out[i, band] = energy + floor
