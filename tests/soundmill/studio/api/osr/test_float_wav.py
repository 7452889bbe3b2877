"""WAVs of floats, read back by another reader."""

import io

import numpy as np
import soundfile as sf

from soundmill.studio.api.osr.float_wav import float_wav


def test_samples_come_back_as_they_were() -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, 5000).astype(np.float32)
    with sf.SoundFile(io.BytesIO(float_wav(samples, 44_100))) as file:
        assert (file.samplerate, file.channels, file.subtype) == (44_100, 1, "FLOAT")
        np.testing.assert_array_equal(file.read(dtype="float32"), samples)
