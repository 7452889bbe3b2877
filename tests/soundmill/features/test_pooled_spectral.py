"""Statistics over the whole of a sound."""

import numpy as np
import pytest

from soundmill.features.pooled_spectral import GROUPS, PooledSpectral
from tests.conftest import RATE, tone
from tests.soundmill.features.sounds import noise


def group(vector: np.ndarray, name: str) -> np.ndarray:
    """One group of numbers out of a pooled vector."""
    sizes = dict(GROUPS)
    start = sum(size for other, size in GROUPS[: list(sizes).index(name)])
    return vector[0, start : start + sizes[name]]


def test_statistics_of_a_steady_tone_do_not_move() -> None:
    vector = PooledSpectral()(tone(3.0, 1000), RATE)
    assert vector.shape == (1, sum(size for _, size in GROUPS)) == (1, PooledSpectral().size)
    mean, deviation, _, low, middle, high, change, _ = group(vector, "bands").reshape(8, 64)
    loudest = int(mean.argmax())
    assert deviation[loudest] < 0.01
    assert change[loudest] < 0.01
    assert low[loudest] == pytest.approx(high[loudest], abs=0.02)
    assert middle[loudest] == pytest.approx(mean[loudest], abs=0.01)
    assert group(vector, "loud").argmax() == loudest


def test_pooled_statistics_are_numpy_s_of_librosa_s_bands() -> None:
    import librosa
    import scipy.stats

    sound = noise(3.0) * np.linspace(0.1, 1, 3 * RATE).astype(np.float32)
    vector = PooledSpectral()(sound, RATE)
    mel = librosa.feature.melspectrogram(y=sound, sr=RATE, n_fft=2 * 512, hop_length=512, n_mels=64, center=False)
    bands = np.log(mel.T + 1e-10)
    expected = [
        bands.mean(axis=0),
        bands.std(axis=0),
        scipy.stats.skew(bands, axis=0),
        *np.percentile(bands, (10, 50, 90), axis=0),
        np.abs(np.diff(bands, axis=0)).mean(axis=0),
        np.diff(bands, axis=0).std(axis=0),
    ]
    np.testing.assert_allclose(group(vector, "bands"), np.concatenate(expected), atol=2e-3)


@pytest.mark.parametrize(("rate", "at"), [(2.0, 0), (4.0, 1), (8.0, 2), (15.0, 3)])
def test_a_sound_that_beats_answers_in_the_filter_of_its_rate(rate: float, at: int) -> None:
    beat = 0.5 + 0.5 * np.sin(2 * np.pi * rate * np.arange(3 * RATE) / RATE)
    vector = PooledSpectral()(noise(3.0) * beat.astype(np.float32), RATE)
    means = group(vector, "spectrotemporal")[: 7 * 4 * 8].reshape(7, 4, 8)  # scales, rates, zones
    flat = means[0].mean(axis=1)  # the scale that spans the whole spectrum
    assert flat.argmax() == at
    slow = group(vector, "modulation").reshape(8, 16).mean(axis=1)
    edges = (0.3, 0.7, 1.4, 2.5, 4.0, 7.0, 12.0, 22.0, 43.0)
    assert edges[int(slow.argmax())] <= rate * 1.2
    assert edges[int(slow.argmax()) + 1] >= rate * 0.8


def test_a_sweep_tells_its_direction() -> None:
    t = np.arange(3 * RATE) / RATE
    up = np.sin(2 * np.pi * np.cumsum(500 * 2 ** (4 * (t % 0.5))) / RATE).astype(np.float32)
    rising, falling = (group(PooledSpectral()(sound, RATE), "spectrotemporal")[:224].reshape(7, 4, 8) for sound in (up, up[::-1]))
    assert (rising - falling)[1::2].mean() * (rising - falling)[2::2].mean() < 0


def test_digital_silence_around_a_sound_changes_little() -> None:
    sound = noise(1.0)
    padded = np.concatenate([np.zeros(RATE, np.float32), sound, np.zeros(2 * RATE, np.float32)])
    alone, within = PooledSpectral()(sound, RATE), PooledSpectral()(padded, RATE)
    away = np.abs(group(alone, "bands") - group(within, "bands")).reshape(8, 64)
    assert away[0].max() < 0.5  # mean of each band, in natural log of power: two frames at the seams are only partly filled
    assert np.abs(PooledSpectral()(np.zeros(RATE, np.float32), RATE)).max() < 1e4


def test_vectors_mean_the_same_at_every_sample_rate() -> None:
    import soxr

    sound = noise(3.0) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * np.arange(3 * RATE) / RATE)).astype(np.float32)
    full = group(PooledSpectral()(sound, RATE), "modulation").reshape(8, 16).mean(axis=1)
    for rate in (8000, 16_000, 48_000):
        other = group(PooledSpectral()(soxr.resample(sound, RATE, rate), rate), "modulation").reshape(8, 16).mean(axis=1)
        assert other.argmax() == full.argmax()
