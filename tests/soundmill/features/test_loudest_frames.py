"""The loudest frames: the original's 514 numbers."""

import numpy as np
import pytest

from soundmill.features.loudest_frames import LoudestFrames, count_peaks
from tests.conftest import RATE, tone
from tests.soundmill.features.sounds import noise


def plain_loudest_frames(samples: np.ndarray) -> np.ndarray:
    """The original's features, spelled out: int16 over 32,767, frame by frame."""
    wave = samples.astype(np.float64) * 32_768 / 32_767
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    frames = [np.abs(np.fft.rfft(wave[at : at + 1024] * window)) for at in range(0, len(wave) - 1023, 512)]
    sums = np.array([frame.sum() for frame in frames])
    smooth = np.array([sums[max(0, i - 3) : i + 4].sum() / 7 for i in range(len(sums))])
    peaks = sum(smooth[i] >= 4.0 and smooth[i] == smooth[max(0, i - 9) : i + 10].max() for i in range(len(smooth)))
    loudest = sorted(range(len(frames)), key=lambda i: -sums[i])[:21]
    return np.array([[*np.log(frames[i] + 1e-5), peaks / (len(samples) / RATE)] for i in loudest])


@pytest.mark.parametrize("seed", range(3))
def test_loudest_frames_are_the_original_s_514_numbers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sound = noise(3.0012, seed) * np.repeat(rng.uniform(0, 1, 31), round(3.0012 * RATE) // 31 + 1)[: round(3.0012 * RATE)].astype(
        np.float32
    )
    found = LoudestFrames()(sound, RATE)
    assert found.shape == (21, 514)
    np.testing.assert_allclose(found, plain_loudest_frames(sound), rtol=2e-3, atol=2e-3)


def test_peaks_are_counted_by_hand() -> None:
    curve = np.zeros(260, np.float32)
    for at in (20, 60, 100, 105, 200):
        curve[at] = 70.0  # 10 after smoothing over 7; 105 lies within the reach of 100 and is the same peak
    curve[230] = 20.0  # 2.9 after smoothing: too low
    assert count_peaks(curve, RATE / 512) == 4


def test_three_knocks_have_three_peaks() -> None:
    sound = np.zeros(3 * RATE, np.float32)
    for at in (0.5, 1.2, 2.1):
        start = round(at * RATE)
        sound[start : start + 4000] = tone(4000 / RATE, 300, amplitude=0.8) * np.exp(-np.arange(4000) / 800)
    assert LoudestFrames()(sound, RATE)[0, -1] == pytest.approx(1.0)
