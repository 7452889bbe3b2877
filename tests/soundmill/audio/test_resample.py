"""Conversion between sample rates keeps the pitch."""

import io
from pathlib import Path

import numpy as np
import soundfile as sf

from soundmill.audio import convert, read_pcm


def test_conversion_keeps_the_pitch_and_loses_less_than_60_db(tmp_path: Path) -> None:
    import soxr

    noise = np.random.default_rng(3).normal(0, 0.1, 44_100 * 5).astype(np.float32)
    out = io.BytesIO()
    sf.write(out, noise, 44_100, format="WAV", subtype="FLOAT")
    target = io.BytesIO()
    written = convert(out.getvalue(), target, 16_000)
    assert written == 80_000
    got = read_pcm(target.getvalue())[0] / 32_768
    want = soxr.resample(noise.astype(np.float64), 44_100, 16_000, quality="VHQ")
    bins = int(7000 / 16_000 * len(got))
    spectrum_got, spectrum_want = np.fft.rfft(got)[:bins], np.fft.rfft(want[: len(got)])[:bins]
    noise_power = np.sum(np.abs(spectrum_got - spectrum_want) ** 2)
    assert 10 * np.log10(np.sum(np.abs(spectrum_want) ** 2) / noise_power) > 60
