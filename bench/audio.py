"""Decoding and resampling against ffmpeg with its soxr resampler and against librosa."""

import io
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile as sf

from bench.measure import Figure, medians
from soundmill.audio import convert, read_pcm
from soundmill.scene import household
from soundmill.settings import Settings

FFMPEG = "ffmpeg -v error -y -threads 1 -i {source} -ac 1 -ar 16000 -af aresample=resampler=soxr:precision=28 -c:a pcm_s16le {target}"
TARGETS = {"mp3": 1.05, "ogg": 1.05, "flac": 1.05, "wav": 2.5}
LIBROSA_TARGET = 1.6
SHORT_TARGET = 15.0


def figures() -> Iterator[Figure]:
    """Ten minutes of stereo in four codecs; twenty files of three seconds; yields as it goes."""
    if shutil.which("ffmpeg") is None:
        raise SystemExit("bench audio compares with ffmpeg, which is not installed (Debian: apt-get install ffmpeg)")
    with TemporaryDirectory(prefix="soundmill-bench-") as name:
        folder = Path(name)
        stereo = _ten_minutes()
        sf.write(folder / "long.wav", stereo, 44_100, subtype="PCM_16")
        for kind, options in {"mp3": "-b:a 160k", "ogg": "-c:a libvorbis -q:a 5", "flac": ""}.items():
            subprocess.run(f"ffmpeg -v error -y -i {folder}/long.wav {options} {folder}/long.{kind}", shell=True, check=True)
        for kind, target in TARGETS.items():
            source = folder / f"long.{kind}"
            taken = medians(
                {"ours": lambda s=source: _ours(s), "ffmpeg": lambda s=source: _ffmpeg(s), "librosa": lambda s=source: _librosa(s)}, 5
            )
            yield Figure(f"10 min {kind} to 16 kHz mono", taken["ours"], "ffmpeg (soxr)", taken["ffmpeg"], target)
            yield Figure(f"10 min {kind} to 16 kHz mono", taken["ours"], "librosa", taken["librosa"], LIBROSA_TARGET)
        shorts = []
        for number in range(20):
            shorts.append(folder / f"short{number}.wav")
            sf.write(shorts[-1], stereo[number * 132_300 : (number + 1) * 132_300], 44_100, subtype="PCM_16")
        taken = medians({"ours": lambda: [_ours(file) for file in shorts], "ffmpeg": lambda: [_ffmpeg(file) for file in shorts]}, 5)
        yield Figure("20 WAVs of 3 s to 16 kHz mono", taken["ours"], "ffmpeg, one process each", taken["ffmpeg"], SHORT_TARGET)


def snr_line() -> str:
    """Signal to noise below 7 kHz against soxr's very high quality in double precision."""
    import soxr

    noise = np.random.default_rng(3).normal(0, 0.1, 44_100 * 20)
    file, out = io.BytesIO(), io.BytesIO()
    sf.write(file, noise, 44_100, format="WAV", subtype="FLOAT")
    convert(file.getvalue(), out, 16_000)
    got = read_pcm(out.getvalue())[0] / 32_768
    want = soxr.resample(noise, 44_100, 16_000, quality="VHQ")[: len(got)]
    below = int(7000 / 16_000 * len(got))
    ours, reference = np.fft.rfft(got)[:below], np.fft.rfft(want)[:below]
    snr = 10 * np.log10(np.sum(np.abs(reference) ** 2) / np.sum(np.abs(ours - reference) ** 2))
    return f"{'SNR below 7 kHz against soxr VHQ':<42} {snr:10.1f} dB   target 60 dB  {'ok' if snr >= 60 else 'SHORT'}"


def _ten_minutes() -> np.ndarray:
    scene = household(Settings().start_date)
    mono = np.concatenate([recording.samples for recording in scene.recordings()])[: 600 * 44_100]
    return np.stack([mono, np.roll(mono, 331) * 0.8], axis=1)


def _ours(source: Path) -> None:
    with open(source.with_suffix(".ours.wav"), "wb") as target:
        convert(source, target, 16_000)


def _ffmpeg(source: Path) -> None:
    subprocess.run(FFMPEG.format(source=source, target=source.with_suffix(".ffmpeg.wav")).split(), check=True)


def _librosa(source: Path) -> None:
    import librosa

    samples, rate = librosa.load(source, sr=16_000, mono=True)
    sf.write(source.with_suffix(".librosa.wav"), samples, int(rate), subtype="PCM_16")
