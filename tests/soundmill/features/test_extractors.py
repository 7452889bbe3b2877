"""Feature extractors, against slow and plain versions of themselves and against librosa."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soundmill.errors import ExtractorUnavailable, UnknownExtractor
from soundmill.features.extractor import fingerprint
from soundmill.features.loudest_frames import LoudestFrames, count_peaks
from soundmill.features.pooled_spectral import GROUPS, PooledSpectral
from soundmill.features.registry import EXTRACTORS, extractor
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


def test_yamnet_hears_what_audio_set_calls_by_name(yamnet: Path, data: Path) -> None:
    from soundmill.audio import read_samples

    hens = sorted((data / "esc10" / "009 - Rooster").iterdir())[:3]
    names = [line.split(",")[1] for line in yamnet.with_name("yamnet_class_map.csv").read_text().splitlines()[1:]]
    for clip in hens:
        samples, rate = read_samples(clip)
        assert extractor("yamnet", yamnet)(samples, rate).shape == (1, 1024)
        scores = extractor("yamnet_scores", yamnet)(samples, rate)[0]
        assert len(names) == 521
        assert 67 <= int(scores.argmax()) <= 131  # animals, from "Animal" to the last of the birds, whatever the language of the map


def test_extractors_are_joined_by_a_plus(yamnet: Path) -> None:
    sound = noise(1.5)
    joined = extractor("pooled_spectral+yamnet", yamnet)
    assert joined.size == 1393 + 1024
    assert sum(size for _, size in joined.groups) == joined.size
    expected = np.concatenate([extractor("pooled_spectral")(sound, RATE), extractor("yamnet", yamnet)(sound, RATE)], axis=1)
    np.testing.assert_array_equal(joined(sound, RATE), expected)
    assert (
        len({fingerprint(joined), fingerprint(extractor("yamnet", yamnet)), fingerprint(extractor("yamnet+pooled_spectral", yamnet))}) == 3
    )
    for name, says in (("yamnet+loudest_frames", "many vectors"), ("yamnet+yamnet", "to itself"), ("yamnet+mfcc", "mfcc")):
        with pytest.raises(UnknownExtractor, match=says):
            extractor(name)


def test_a_missing_network_is_said_with_the_way_to_get_it(tmp_path: Path) -> None:
    missing = extractor("yamnet", tmp_path / "nowhere.tflite")
    assert missing.size == 1024
    with pytest.raises(ExtractorUnavailable, match="soundmill pretrained fetch yamnet"):
        missing(noise(1.0), RATE)
    with pytest.raises(ExtractorUnavailable, match="soundmill pretrained fetch yamnet"):
        fingerprint(missing)


@pytest.mark.parametrize("name", EXTRACTORS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(length=st.integers(0, 5000), seed=st.integers(0, 5))
def test_every_extractor_gives_finite_numbers_of_its_size_at_any_length(
    request: pytest.FixtureRequest, name: str, length: int, seed: int
) -> None:
    tool = extractor(name, request.getfixturevalue("yamnet") if name.startswith("yamnet") else None)
    for sound in (noise(1.0, seed)[:length], np.zeros(length, np.float32), np.ones(length, np.float32)):
        found = tool(sound, RATE)
        assert found.dtype == np.float32
        assert found.shape[1] == tool.size
        if name != "acoustic_fingerprint":  # which short sounds have none of
            assert (len(found) == 0) == (length == 0)
        assert np.isfinite(found).all()


def test_the_fingerprint_follows_the_parameters() -> None:
    assert fingerprint(LoudestFrames()) == fingerprint(LoudestFrames(frames=21))
    assert len({fingerprint(LoudestFrames()), fingerprint(LoudestFrames(frames=7)), fingerprint(PooledSpectral())}) == 3


def test_an_unknown_extractor_is_named_beside_those_there_are() -> None:
    with pytest.raises(UnknownExtractor, match="loudest_frames"):
        extractor("mfcc")
