"""Spectrogram tiles and waveform peaks on absolute time, as bytes that a browser colours.

A column of level L lasts 4 ms times 2 to the L, and a tile has 512 of them, counted from 1970: the same for every client, whatever files
the sound lies in. While a column is no longer than half a window it is one frame of the transform; a longer one is the maximum over the
frames in it, so that a short soft call stays visible in an overview.
"""

from collections.abc import Callable
from functools import lru_cache

import numba as nb
import numpy as np
import numpy.typing as npt
import scipy.fft

Bytes = npt.NDArray[np.uint8]
Int16 = npt.NDArray[np.int16]
Float32 = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Read = Callable[[int, int], tuple[Int16, Bools]]  # samples from a first one on, so many of them, and where there is sound

COLUMN_MS = 4
TILE_COLUMNS = 512
ROWS = 256
LEVELS = range(24)  # up to tiles of 198 days
RECIPES = {"fft512": 512, "fft1024": 1024, "fft2048": 2048, "mel128": 1024}  # windows, in samples
FLOOR_DB = -120.0
_STEPS = 254  # of 0.47 dB from the floor to full scale, above 0 (no sound) and 1 (the floor)
_FRAMES = 256  # transformed together, so that they stay in the cache
_CHUNK_SECONDS = 20.0


def column_ms(level: int) -> int:
    """How long a column of a level lasts, in ms."""
    return COLUMN_MS << level


def tile_ms(level: int) -> int:
    """How long a tile of a level lasts, in ms."""
    return TILE_COLUMNS * column_ms(level)


def spectrum_columns(read: Read, sample_rate: int, recipe: str, level: int, first: int, count: int) -> Bytes:
    """Columns of a level, from number `first` on, shape (count, rows): 0 where there is no sound, 1 to 255 for -120 to 0 dB of full scale.

    `read(sample, number)` gives samples by their number since 1970 at `sample_rate` Hz. Rows go up in frequency to half the rate.
    """
    window = RECIPES[recipe]
    frame_level = _frame_level(window, sample_rate, level)
    a_column = 1 << (level - frame_level) if level > frame_level else 1
    hop_ms = COLUMN_MS * 2.0**frame_level if level > frame_level else float(column_ms(level))
    columns = np.zeros((count, _row_count(recipe)), np.uint8)
    at_once = max(1, int(_CHUNK_SECONDS * 1000 / column_ms(level)))
    for place in range(0, count, at_once):
        some = min(at_once, count - place)
        numbers = np.arange((first + place) * a_column, (first + place + some) * a_column)
        powers = _powers(read, sample_rate, recipe, ((numbers + 0.5) * hop_ms).astype(np.float64))
        if powers is not None:
            columns[place : place + some] = _as_bytes(powers.reshape(some, a_column, -1).max(axis=1))
    return columns


def peak_columns(read: Read, sample_rate: int, level: int, first: int, count: int) -> npt.NDArray[np.int8]:
    """Smallest and largest sample of each half column, shape (2 * count, 2), in 128ths of full scale; 0 and 0 where there is no sound."""
    half = column_ms(level) / 2
    peaks = np.zeros((2 * count, 2), np.int8)
    at_once = max(1, int(_CHUNK_SECONDS * 1000 / half))
    for place in range(0, 2 * count, at_once):
        some = min(at_once, 2 * count - place)
        edges = np.rint((2 * first + place + np.arange(some + 1)) * (half * sample_rate / 1000)).astype(np.int64)
        samples, covered = read(int(edges[0]), max(1, int(edges[-1] - edges[0])))
        if not covered.any():
            continue
        starts = np.minimum(edges[:-1] - edges[0], len(samples) - 1)
        low, high = np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)
        peaks[place : place + some, 0] = low >> 8
        peaks[place : place + some, 1] = np.minimum(127, (high.astype(np.int32) + 255) >> 8)
    return peaks


def coarser(columns: Bytes, times: int) -> Bytes:
    """Columns of a higher level from those of a lower one: the maximum of each `times` neighbours."""
    found: Bytes = columns.reshape(len(columns) // times, times, -1).max(axis=1)
    return found


def coarser_peaks(peaks: npt.NDArray[np.int8], times: int) -> npt.NDArray[np.int8]:
    """Peaks of a higher level from those of a lower one."""
    parts = peaks.reshape(len(peaks) // times, times, 2)
    return np.stack([parts[:, :, 0].min(axis=1), parts[:, :, 1].max(axis=1)], axis=1)


def _powers(read: Read, sample_rate: int, recipe: str, middles_ms: npt.NDArray[np.float64]) -> Float32 | None:
    """Largest powers by row of the frames around n moments, shape (n, rows); -1 for frames without sound, None where all are."""
    window = RECIPES[recipe]
    starts = np.rint(middles_ms * (sample_rate / 1000)).astype(np.int64) - window // 2
    samples, covered = read(int(starts[0]), int(starts[-1] - starts[0]) + window)
    if not covered.any():
        return None
    starts -= starts[0]
    if covered.all():
        there = np.arange(len(starts))
    else:
        counted = np.concatenate([[0], np.cumsum(covered)])
        there = np.flatnonzero(counted[starts + window] > counted[starts])
    found = np.full((len(starts), _row_count(recipe)), -1, np.float32)
    taper, edges = _taper(window), _row_edges(recipe, sample_rate)
    frames = np.empty((_FRAMES, window), np.float32)
    for place in range(0, len(there), _FRAMES):
        some = there[place : place + _FRAMES]
        _cut(samples, starts[some], taper, frames)
        found[some] = _in_rows(scipy.fft.rfft(frames[: len(some)], axis=1), edges)
    return found


@nb.njit(cache=True, nogil=True)
def _cut(samples: Int16, starts: npt.NDArray[np.int64], taper: Float32, out: Float32) -> None:
    """Windowed frames from these samples on."""
    for frame in range(len(starts)):
        first = starts[frame]
        for at in range(len(taper)):
            out[frame, at] = samples[first + at] * taper[at]


@nb.njit(cache=True, nogil=True)
def _in_rows(spectra: npt.NDArray[np.complex64], edges: npt.NDArray[np.int64]) -> Float32:
    """The largest power among each row's bins."""
    out = np.empty((len(spectra), len(edges) - 1), np.float32)
    for frame in range(len(spectra)):
        for row in range(len(edges) - 1):
            most = np.float32(0)
            for at in range(edges[row], edges[row + 1]):
                value = spectra[frame, at]
                most = max(most, value.real * value.real + value.imag * value.imag)
            out[frame, row] = most
    return out


def _as_bytes(powers: Float32) -> Bytes:
    decibels = 10 * np.log10(np.maximum(powers, 1e-18))
    steps = np.clip(np.rint((decibels - FLOOR_DB) * (_STEPS / -FLOOR_DB)) + 1, 1, 255)
    return np.where(powers < 0, 0, steps).astype(np.uint8)


def _frame_level(window: int, sample_rate: int, level: int) -> int:
    """The level whose columns are at most half a window, and no longer than those of `level`; negative for high rates."""
    half_ms = 500 * window / sample_rate
    found = level
    while COLUMN_MS * 2.0**found > half_ms:
        found -= 1
    return found


def _row_count(recipe: str) -> int:
    return 128 if recipe == "mel128" else ROWS


@lru_cache
def _taper(window: int) -> Float32:
    """A Hann window that gives a sine of full scale (int16) the magnitude 1."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    taper: Float32 = (hann * 2 / hann.sum() / 32_768).astype(np.float32)
    return taper


@lru_cache
def _row_edges(recipe: str, sample_rate: int) -> npt.NDArray[np.int64]:
    """First bins of the rows, and the end of the last; the bin of 0 Hz is in none. For mel128 rows that are evenly spaced on the mel scale
    (O'Shaughnessy's formula), each at least one bin above the one before."""
    bins = RECIPES[recipe] // 2
    if recipe != "mel128":
        return np.arange(ROWS + 1, dtype=np.int64) * (bins // ROWS) + 1
    top = 2595 * np.log10(1 + sample_rate / 2 / 700)
    hertz = 700 * (10 ** (np.arange(129) / 128 * top / 2595) - 1)
    edges: npt.NDArray[np.int64] = np.floor(hertz / (sample_rate / 2) * bins).astype(np.int64)
    for row in range(1, 128):
        edges[row] = max(edges[row], edges[row - 1] + 1)
    edges[128] = bins
    return edges + 1
