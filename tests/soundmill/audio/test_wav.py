"""PCM in WAV: bytes and samples, there and back."""

from pathlib import Path

import numpy as np
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from soundmill.audio import open_audio, read_pcm, to_pcm16, wav_bytes
from tests.soundmill.audio.reading import heard


@given(st.lists(st.integers(-32_768, 32_767), min_size=1, max_size=2000))
def test_int16_survives_wav_and_float_unchanged(values: list[int]) -> None:
    pcm = np.array(values, np.int16)
    stored = wav_bytes(pcm, 8000)
    np.testing.assert_array_equal(read_pcm(stored)[0], pcm)
    np.testing.assert_array_equal(to_pcm16(heard(stored)), pcm)


def test_sixteen_bits_of_a_mono_file_come_as_they_are_and_nothing_else_does(tmp_path: Path) -> None:
    pcm = np.random.default_rng(0).integers(-32_768, 32_767, 300_000).astype(np.int16)
    for name, samples, subtype, is_given in [
        ("mono.wav", pcm, "PCM_16", True),
        ("mono.flac", pcm, "PCM_16", False),
        ("stereo.wav", np.stack([pcm, pcm], 1), "PCM_16", False),
        ("float.wav", pcm / 32_768, "FLOAT", False),
    ]:
        sf.write(tmp_path / name, samples, 16_000, subtype=subtype)
        with open_audio(tmp_path / name) as reader:
            blocks = reader.pcm()
            assert (blocks is not None) == is_given
            if blocks is not None:
                assert np.array_equal(np.concatenate([block.copy() for block in blocks]), pcm)
