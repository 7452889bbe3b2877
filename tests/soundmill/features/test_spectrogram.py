"""Log-mel spectrograms are librosa's."""

import numpy as np

from soundmill.features.spectrogram import LogMel
from tests.conftest import RATE, tone
from tests.soundmill.features.sounds import noise


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
