"""Log-mel features against librosa and against the bare transform."""

from collections.abc import Callable, Iterator

import numpy as np
import scipy.fft

from bench.measure import Figure, medians
from soundmill.errors import ExtractorUnavailable
from soundmill.features.registry import EXTRACTORS, extractor
from soundmill.features.spectrogram import BLOCK, LogMel


def figures() -> Iterator[Figure]:
    """Sixty clips of three seconds at 16 kHz, 80 bands, 25 ms windows every 10 ms, 512 points."""
    import librosa

    rng = np.random.default_rng(0)
    clips = [rng.normal(0, 0.1, 48_000).astype(np.float32) for _ in range(60)]
    logmel = LogMel(16_000, 80, window=400, hop=160, n_fft=512, high=8000)
    frames = 1 + (48_000 - 400) // 160
    block = np.zeros((BLOCK, 512), np.float32)

    def ours() -> None:
        for clip in clips:
            logmel(clip)

    filters = librosa.filters.mel(sr=16_000, n_fft=512, n_mels=80)

    def with_librosa() -> None:
        for clip in clips:
            mel = librosa.feature.melspectrogram(y=clip, sr=16_000, n_fft=512, win_length=400, hop_length=160, n_mels=80, center=False)
            np.log(mel + 1e-10)

    def with_librosa_s_parts() -> None:  # its filters kept, which melspectrogram() makes anew at each call
        for clip in clips:
            spectrum = librosa.stft(clip, n_fft=512, win_length=400, hop_length=160, center=False)
            np.log(filters @ np.abs(spectrum) ** 2 + 1e-10)

    def bare() -> None:
        for _ in clips:
            for start in range(0, frames, BLOCK):
                scipy.fft.rfft(block[: min(BLOCK, frames - start)], axis=1)

    taken = medians({"ours": ours, "librosa": with_librosa, "parts": with_librosa_s_parts, "bare": bare}, 15)
    yield Figure("log-mel, 60 clips of 3 s", taken["ours"], "librosa melspectrogram", taken["librosa"], 4.0)
    yield Figure("log-mel, 60 clips of 3 s", taken["ours"], "librosa, filters kept", taken["parts"], None)
    yield Figure("log-mel, 60 clips of 3 s", taken["ours"], "the bare FFT", taken["bare"], 1 / 3)
    segment = rng.normal(0, 0.1, 132_352).astype(np.float32)

    def hundred(name: str) -> Callable[[], object]:
        tool = extractor(name)
        return lambda: [tool(segment, 44_100) for _ in range(100)]

    here = [name for name in EXTRACTORS if _is_here(name)]
    taken = medians({name: hundred(name) for name in here}, 5)
    for name in here:
        yield Figure(f"{name}, 100 segments of 3 s at 44.1 kHz", taken[name], "real time", 100 * 3001.2, None)


def _is_here(name: str) -> bool:
    try:
        extractor(name)
    except ExtractorUnavailable:
        return False
    return True
