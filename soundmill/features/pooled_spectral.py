"""One vector per sound: what its spectrum is, and how it moves.

The groups follow what separates textures for listeners: marginal moments and modulation power of the bands' envelopes (McDermott and
Simoncelli, Neuron 71, 2011), and joint spectro-temporal modulation (Schädler, Meyer and Kollmeier, JASA 131,
2012), beside cepstra and how tonal each region is. Every statistic is pooled over the sound's frames; digital silence is left out.
"""

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numba as nb
import numpy as np
import numpy.typing as npt
import scipy.fft

from soundmill.features.extractor import Vectors
from soundmill.features.spectrogram import Complex64, Float32, LogMel, frame_count

BANDS = 64
FRAME_RATE = 44_100 / 512  # Hz, near enough at every sample rate
_SILENCE = 1e-10  # of an energy: the floor of the log
_AUDIBLE = float(np.log(7.4 * _SILENCE))
_CEPSTRA = 20
_REGIONS = 16
_HIGHEST_PITCH = 1000.0  # Hz
_WIDE_REGIONS = 8
_LATER = (9, 22)  # frames
_MODULATION_FRAMES = 256  # three seconds
_MODULATION_EDGES = (0.3, 0.7, 1.4, 2.5, 4.0, 7.0, 12.0, 22.0, 43.0)  # Hz
_GABOR_FRAMES = 512  # a longer sound is filtered in blocks of this many
_GABOR_RATES = (2.0, 4.0, 8.0, 15.0)  # Hz
_GABOR_SCALES = (0.0, 0.4, -0.4, 0.9, -0.9, 2.0, -2.0)  # cycles per eight bands; negative: falling
_GABOR_ZONES = 8
_GABOR_PAD = 32  # bands of nothing beside the spectrum, so that its ends do not meet
_LAGS = (1, 2, 4, 8, 12, 17, 22, 30, 43, 60, 86)  # frames
_QUANTILES = (10, 50, 90)
_FLOOR = np.float32(1e-3)

# name and size of each group of numbers, in the order in which they stand in a vector
GROUPS = (
    ("bands", 8 * BANDS),
    ("cepstra", 6 * _CEPSTRA),
    ("modulation", _REGIONS * (len(_MODULATION_EDGES) - 1)),
    ("spectrotemporal", len(_GABOR_RATES) * len(_GABOR_SCALES) * (_GABOR_ZONES + _GABOR_ZONES // 2)),
    ("succession", len(_LATER) * _WIDE_REGIONS**2),
    ("envelope", 11 + len(_LAGS)),
    ("loud", BANDS),
    ("tonality", 5 * _REGIONS + 3),
)


@dataclass(frozen=True)
class PooledSpectral:
    """1,393 numbers from 64 log-mel bands at 86 frames a second and the bins beneath them; one vector per sound.

    bands            mean, deviation, skewness, 10th, 50th, 90th percentile, mean size and deviation of the change of each band
    cepstra          the like of 20 cepstral coefficients
    modulation       log power of 16 regions' envelopes at eight rates from 0.3 to 43 Hz
    spectrotemporal  log mean and spread of what 28 two-dimensional Gabor filters answer, in zones of the spectrum
    succession       which of eight regions follows which after 0.1 and 0.25 s, as correlations
    envelope         shape and autocorrelation of the loudness curve
    loud             mean spectrum of the loudest tenth of the frames
    tonality         flatness and crest of 16 regions, and the height of the autocorrelation's peak
    """

    name: ClassVar[str] = "pooled_spectral"
    version: ClassVar[int] = 1

    @property
    def size(self) -> int:
        """Numbers of all groups."""
        return sum(count for _, count in GROUPS)

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """Groups of numbers that belong together, in order: name and size."""
        return GROUPS

    def __call__(self, samples: npt.NDArray[np.float32], sample_rate: int) -> Vectors:
        """See `Extractor`."""
        if not len(samples):
            return np.empty((0, self.size), np.float32)
        bands = _log_mel_bands(samples, sample_rate)
        parts = (
            _band_statistics(bands),
            _cepstral_statistics(bands),
            _modulation(bands),
            _spectrotemporal(bands),
            _succession(bands),
            _envelope(bands),
            bands[np.argsort(-bands.sum(axis=1), kind="stable")[: max(1, len(bands) // 10)]].mean(axis=0),
            _tonality(samples, sample_rate),
        )
        return np.concatenate(parts, dtype=np.float32)[None]


def _log_mel_bands(samples: Float32, sample_rate: int) -> Float32:
    """Log-mel bands of the frames that are not digital silence, shape (frames, 64); of the first frame where all are."""
    bands = _logmel(sample_rate)(samples)
    audible = bands.max(axis=1) > _AUDIBLE
    return bands[audible] if audible.any() else bands[:1]


def _tonality(samples: Float32, sample_rate: int) -> Float32:
    """How the bins of windows twice as long stand out in their regions, pooled over the windows that are not digital silence."""
    logmel = _logmel(sample_rate, 2)
    edges = _region_edges(logmel.n_fft // 2 + 1)
    frames = np.empty((frame_count(len(samples), logmel.window, logmel.hop), 2 * _REGIONS + 1), np.float32)
    audible = np.empty(len(frames), bool)
    shortest = max(1, round(sample_rate / _HIGHEST_PITCH))
    for start, spectrum in logmel.spectra(samples):
        part = slice(start, start + len(spectrum))
        power = np.empty(spectrum.shape, np.float32)
        _stand_out(spectrum, edges, power, frames[part])
        alike = scipy.fft.irfft(power, axis=1)
        frames[part, -1] = alike[:, shortest : logmel.n_fft // 2].max(axis=1) / alike[:, 0]
        audible[part] = power.max(axis=1) > 7.4 * _SILENCE
    chosen = frames[audible] if audible.any() else frames[:1]
    flat, crest, peak = chosen[:, :_REGIONS], chosen[:, _REGIONS:-1], chosen[:, -1]
    of_peak = np.array([peak.mean(), peak.std(), _quantiles(peak[:, None], (90,))[0, 0]], np.float32)
    return np.concatenate([flat.mean(axis=0), flat.std(axis=0), crest.mean(axis=0), crest.std(axis=0), _quantiles(flat, (10,))[0], of_peak])


@lru_cache(maxsize=8)
def _logmel(sample_rate: int, times: int = 1) -> LogMel:
    hop = times * max(4, round(sample_rate / FRAME_RATE))
    return LogMel(sample_rate, BANDS, 2 * hop, hop, n_fft=1 << (2 * hop - 1).bit_length(), floor=_SILENCE)


@lru_cache(maxsize=8)
def _region_edges(bins: int) -> npt.NDArray[np.int64]:
    """First bins of 16 regions, evenly apart on a logarithmic scale but each of one bin at least, and the end of the last."""
    edges = np.round(np.geomspace(2, bins - 1, _REGIONS + 1)).astype(np.int64)
    for place in range(1, len(edges)):
        edges[place] = max(edges[place], edges[place - 1] + 1)
    return np.minimum(edges, bins)


@nb.njit(cache=True, fastmath=True)
def _stand_out(spectrum: Complex64, edges: npt.NDArray[np.int64], power: Float32, out: Float32) -> None:
    """Power of every bin into `power`; log flatness and log crest of every region into `out`; both for each frame."""
    regions = len(edges) - 1
    for i in range(spectrum.shape[0]):
        for k in range(spectrum.shape[1]):
            power[i, k] = spectrum[i, k].real * spectrum[i, k].real + spectrum[i, k].imag * spectrum[i, k].imag + np.float32(_SILENCE)
        for region in range(regions):
            total, top = np.float32(0), np.float32(0)
            logs, product, factors = 0.0, 1.0, 0
            for k in range(edges[region], edges[region + 1]):
                total += power[i, k]
                top = max(top, power[i, k])
                product *= power[i, k]  # one logarithm for many bins
                factors += 1
                if factors == 16:
                    logs += np.log(product)
                    product, factors = 1.0, 0
            logs += np.log(product)
            count = edges[region + 1] - edges[region]
            if count > 0:
                mean = np.log(total / count)
                out[i, region] = logs / count - mean
                out[i, regions + region] = np.log(top) - mean
            else:
                out[i, region] = out[i, regions + region] = 0


def _band_statistics(bands: Float32) -> Float32:
    mean, deviation, skewness = _moments(bands)
    change = _change(bands)
    return np.concatenate([mean, deviation, skewness, *_quantiles(bands, _QUANTILES), np.abs(change).mean(axis=0), change.std(axis=0)])


def _cepstral_statistics(bands: Float32) -> Float32:
    cepstra = bands @ _dct()
    mean, deviation, skewness = _moments(cepstra)
    change = _change(cepstra)
    return np.concatenate(
        [mean, deviation, skewness, change.std(axis=0), np.abs(change).mean(axis=0), _change(change).std(axis=0)], dtype=np.float32
    )


@lru_cache(maxsize=1)
def _dct() -> Float32:
    matrix: Float32 = scipy.fft.dct(np.eye(BANDS), axis=1, norm="ortho")[:, :_CEPSTRA].astype(np.float32)
    return matrix


def _moments(values: Float32) -> tuple[Float32, Float32, Float32]:
    mean = values.mean(axis=0)
    centred = values - mean
    deviation = np.sqrt((centred * centred).mean(axis=0))
    scaled = centred / (deviation + np.float32(1e-6))
    return mean, deviation, (scaled * scaled * scaled).mean(axis=0)


def _change(values: Float32) -> Float32:
    return np.diff(values, axis=0) if len(values) > 1 else np.zeros((1, values.shape[1]), np.float32)


def _quantiles(values: Float32, percents: tuple[int, ...]) -> Float32:
    """Percentiles of every column, interpolated linearly, shape (len(percents), columns)."""
    ordered = np.sort(np.ascontiguousarray(values.T), axis=1)
    at = np.array(percents) / 100 * (len(values) - 1)
    below = at.astype(np.int64)
    share = (at - below).astype(np.float32)
    above = np.minimum(below + 1, len(values) - 1)
    quantiles: Float32 = (ordered[:, below] * (1 - share) + ordered[:, above] * share).T
    return quantiles


def _regions(bands: Float32, count: int) -> Float32:
    """Envelopes of regions about their mean, shape (frames, count)."""
    envelopes: Float32 = bands.reshape(len(bands), count, -1).mean(axis=2)
    envelopes -= envelopes.mean(axis=0)
    return envelopes


def _modulation(bands: Float32) -> Float32:
    """Welch's estimate of each envelope's spectrum, in bands of rates, shape (8 * 16,)."""
    envelopes, window, select = _regions(bands, _REGIONS), *_modulation_bank()
    if len(envelopes) < _MODULATION_FRAMES:
        envelopes = np.pad(envelopes, ((0, _MODULATION_FRAMES - len(envelopes)), (0, 0)))
    starts = range(0, len(envelopes) - _MODULATION_FRAMES + 1, _MODULATION_FRAMES // 2)
    power = np.zeros((_MODULATION_FRAMES // 2 + 1, _REGIONS), np.float32)
    for start in starts:
        spectrum = scipy.fft.rfft(envelopes[start : start + _MODULATION_FRAMES] * window, axis=0)
        power += spectrum.real**2 + spectrum.imag**2
    rates: Float32 = np.log(select @ (power / len(starts)) + _FLOOR).reshape(-1)
    return rates


@lru_cache(maxsize=1)
def _modulation_bank() -> tuple[Float32, Float32]:
    rates = np.fft.rfftfreq(_MODULATION_FRAMES, 1 / FRAME_RATE)
    chosen = [(rates >= low) & (rates < high) for low, high in itertools.pairwise(_MODULATION_EDGES)]
    select = np.array([of_band / of_band.sum() for of_band in chosen], np.float32)
    return np.hanning(_MODULATION_FRAMES).astype(np.float32)[:, None], select


def _spectrotemporal(bands: Float32) -> Float32:
    """Log of mean and spread over time of the Gabor filters' magnitudes in each zone.

    A filter passes a narrow range of rates, so its answer is taken at as many moments as that range asks for, and no more.
    """
    half = len(bands) // 2 * 2
    slow = (bands[:half:2] + bands[1:half:2]) / 2 if half else bands
    slow = slow - slow.mean(axis=0)
    blocks = range(0, max(1, len(slow) - _GABOR_FRAMES // 4), _GABOR_FRAMES)
    filters = len(_GABOR_RATES) * len(_GABOR_SCALES)
    total, square, weight = np.zeros((filters, _GABOR_ZONES)), np.zeros((filters, _GABOR_ZONES)), 0
    for start in blocks:
        last = start == blocks[-1]
        block = slow[start:] if last else slow[start : start + _GABOR_FRAMES]
        mean, of_squares = _gabor_answers(block)
        total += len(block) * mean
        square += len(block) * of_squares
        weight += len(block)
    mean = total / weight
    spread = np.sqrt(np.maximum(0, square / weight - mean**2))
    return np.log(np.concatenate([mean.reshape(-1), spread[:, ::2].reshape(-1)]) + _FLOOR).astype(np.float32)


def _gabor_answers(block: Float32) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean over time, and mean of squares, of each filter's magnitude in each zone, shape (filters, zones)."""
    frames = scipy.fft.next_fast_len(len(block) + 24)
    across, along = _gabor_bank(frames)
    spectrum = scipy.fft.rfft(block, frames, axis=0)  # positive rates alone: the filters are one-sided
    spectrum = scipy.fft.fft(spectrum, BANDS + _GABOR_PAD, axis=1)
    means, squares = [], []
    for of_scale in across:
        filtered = scipy.fft.ifft(spectrum * of_scale, axis=1, overwrite_x=True)[:, :BANDS]
        for first, gains, moments in along:
            part = filtered[first : first + len(gains)] * gains[:, None]
            answer = scipy.fft.ifft(part, moments, axis=0, overwrite_x=True) * np.float32(moments / frames)
            audible = max(1, round(moments * len(block) / frames))
            mean, of_squares = _zone_magnitudes(answer, audible)
            means.append(mean)
            squares.append(of_squares)
    return np.array(means), np.array(squares)


@nb.njit(cache=True, fastmath=True)
def _zone_magnitudes(answer: Complex64, moments: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean over the first `moments` rows, and mean of squares, of the zones' mean magnitudes, shape (zones,) each."""
    width = answer.shape[1] // _GABOR_ZONES
    mean, of_squares = np.zeros(_GABOR_ZONES), np.zeros(_GABOR_ZONES)
    for i in range(moments):
        for zone in range(_GABOR_ZONES):
            total = np.float32(0)
            for k in range(zone * width, (zone + 1) * width):
                total += np.sqrt(answer[i, k].real * answer[i, k].real + answer[i, k].imag * answer[i, k].imag)
            total /= np.float32(width)
            mean[zone] += total
            of_squares[zone] += total * total
    return mean / moments, of_squares / moments


@lru_cache(maxsize=64)
def _gabor_bank(frames: int) -> tuple[list[Float32], list[tuple[int, Float32, int]]]:
    """Gains over the spectral axis for each scale; for each rate its first bin, gains over its bins, and how many moments it needs."""
    scales = np.fft.fftfreq(BANDS + _GABOR_PAD) * 8
    across = [np.exp(-0.5 * ((scales - scale) / (0.45 * max(abs(scale), 0.4))) ** 2).astype(np.float32) for scale in _GABOR_SCALES]
    rates = np.arange(frames // 2 + 1) * FRAME_RATE / 2 / frames
    along = []
    for rate in _GABOR_RATES:
        gains = np.exp(-0.5 * ((rates - rate) / (0.45 * rate)) ** 2).astype(np.float32)
        inside = np.flatnonzero(gains > 0.02)
        if not len(inside):
            inside = np.array([int(np.argmax(gains))])
        first, last = int(inside[0]), int(inside[-1]) + 1
        along.append((first, gains[first:last], scipy.fft.next_fast_len(last - first)))
    return across, along


def _succession(bands: Float32) -> Float32:
    """How the envelope of each of eight regions goes with that of each other one a tenth and a quarter of a second later."""
    envelopes = _regions(bands, _WIDE_REGIONS)
    scaled = envelopes / (envelopes.std(axis=0) + np.float32(0.05))
    pairs = np.zeros((len(_LATER), _WIDE_REGIONS, _WIDE_REGIONS), np.float32)
    for place, lag in enumerate(_LATER):
        if lag < len(scaled):
            pairs[place] = scaled[:-lag].T @ scaled[lag:] / len(scaled)
    return pairs.reshape(-1)


def _envelope(bands: Float32) -> Float32:
    loudness = np.log(np.exp(bands).sum(axis=1) + np.float32(1e-8))
    deviation = float(loudness.std())
    away = loudness - loudness.mean()
    rise = np.maximum(np.diff(loudness, prepend=loudness[:1]), 0)
    levels = np.percentile(loudness - loudness.max(), (5, 25, 50, 75, 95))
    power = float((away * away).mean()) + 1e-6
    alike = [float((away[:-lag] * away[lag:]).mean()) / power if lag < len(away) else 0.0 for lag in _LAGS]
    shape = [deviation, float((away**3).mean()) / (deviation + 0.1) ** 3, float((away**4).mean()) / (deviation + 0.1) ** 4]
    return np.array([*shape, rise.mean(), rise.std(), rise.max(), *levels, *alike], np.float32)
