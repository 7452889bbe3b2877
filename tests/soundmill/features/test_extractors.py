"""Feature extractors, against slow and plain versions of themselves and against librosa."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundmill.features.extractor import fingerprint
from soundmill.features.logmel_stats import LogMelStats
from soundmill.features.loudest_frames import LoudestFrames, count_peaks
from soundmill.features.registry import EXTRACTORS, UnknownExtractor, extractor
from soundmill.features.spectrogram import LogMel
from tests.conftest import RATE, tone


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)


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


def test_log_mel_is_librosa_s() -> None:
    import librosa

    sound = noise(3.0)
    for rate, window, hop, bands in ((RATE, 1024, 512, 64), (16_000, 512, 160, 80), (8000, 400, 160, 23)):
        ours = LogMel(rate, bands, window, hop)(sound)
        mel = librosa.feature.melspectrogram(y=sound, sr=rate, n_fft=window, hop_length=hop, n_mels=bands, center=False)
        np.testing.assert_allclose(ours, np.log(mel.T + 1e-10), atol=1e-3)


def test_a_shorter_window_is_padded_to_the_transform() -> None:
    spectrum = LogMel(16_000, 80, window=400, hop=160, n_fft=512)(tone(1.0, 1000, 16_000))
    assert spectrum.shape == (98, 80)
    assert np.all(spectrum.argmax(axis=1) == spectrum.argmax(axis=1)[0])


def test_statistics_of_a_steady_tone_do_not_move() -> None:
    vector = LogMelStats()(tone(3.0, 1000), RATE)
    assert vector.shape == (1, 384)
    mean, deviation, low, middle, high, change = vector[0].reshape(6, 64)
    loudest = int(mean.argmax())
    assert deviation[loudest] < 0.01
    assert change[loudest] < 0.01
    assert low[loudest] == pytest.approx(high[loudest], abs=0.02)
    assert middle[loudest] == pytest.approx(mean[loudest], abs=0.01)


@pytest.mark.parametrize("name", EXTRACTORS)
@settings(max_examples=25, deadline=None)
@given(length=st.integers(0, 5000), seed=st.integers(0, 5))
def test_every_extractor_gives_finite_numbers_of_its_size_at_any_length(name: str, length: int, seed: int) -> None:
    tool = extractor(name)
    for sound in (noise(1.0, seed)[:length], np.zeros(length, np.float32), np.ones(length, np.float32)):
        found = tool(sound, RATE)
        assert found.dtype == np.float32
        assert found.shape[1] == tool.size
        assert (len(found) == 0) == (length == 0)
        assert np.isfinite(found).all()


def test_the_fingerprint_follows_the_parameters() -> None:
    assert fingerprint(LogMelStats()) == fingerprint(LogMelStats(bands=64))
    assert len({fingerprint(LogMelStats()), fingerprint(LogMelStats(bands=40)), fingerprint(LoudestFrames())}) == 3


def test_an_unknown_extractor_is_named_beside_those_there_are() -> None:
    with pytest.raises(UnknownExtractor, match="loudest_frames"):
        extractor("mfcc")
