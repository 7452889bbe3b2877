"""`python -m bench.robustness esc10` (or `folder DIR`): recognisers that were trained on clips as they are hear others quieter, noisier,
through a codec, by other recorders and microphones; beside a plain logistic regression on mean log-mel.

Classes are known or not as in `bench.recognition`, and folds are whole; one draw is enough to see what breaks.
"""

import argparse
import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

from bench.recognition.collection import Clips, Float32, describe, esc10, folder
from bench.recognition.networks import networks
from bench.recognition.protocol import KNOWN_SHARE, figures
from soundmill.errors import ExtractorUnavailable
from soundmill.features.extractor import Extractor, vectors_of
from soundmill.features.registry import extractor
from soundmill.features.spectrogram import LogMel
from soundmill.osr.classifier import OpenSetClassifier
from soundmill.osr.sounds import Verdicts

Heard = tuple[Float32, int]  # samples and their rate
Change = Callable[[Float32, int, np.random.Generator], Heard]
_COLUMNS = ("closed", "auroc", "accw", "delivered_recall")
_BASELINE = "mean log-mel"
_SURE = 0.5  # probability from which the baseline gives a name


def _gain(db: float) -> Change:
    return lambda sound, rate, _: (np.clip(sound * np.float32(10 ** (db / 20)), -1, 1), rate)


def _noise(snr: float) -> Change:
    """Pink noise, so far below the clip's level where it sounds."""

    def change(sound: Float32, rate: int, rng: np.random.Generator) -> Heard:
        spectrum = np.fft.rfft(rng.standard_normal(len(sound)))
        noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(len(spectrum)))), len(sound))
        audible = sound[np.abs(sound) > 1e-4]
        level = np.sqrt(np.mean(np.square(audible if len(audible) else sound))) + 1e-9
        scaled = noise / np.sqrt(np.mean(noise**2)) * level * 10 ** (-snr / 20)
        return np.clip(sound + scaled, -1, 1).astype(np.float32), rate

    return change


def _mp3(sound: Float32, rate: int, _: np.random.Generator) -> Heard:
    """There and back at 64 kbit/s."""
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp3") as file:
        stream = file.add_stream("libmp3lame", rate=rate)
        stream.bit_rate, stream.layout = 64_000, "mono"
        frame = av.AudioFrame.from_ndarray(np.rint(np.clip(sound, -1, 1) * 32_767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            file.mux(packet)
    buffer.seek(0)
    back, _ = sf.read(buffer, dtype="float32")
    return back, rate


def _clipped(sound: Float32, rate: int, _: np.random.Generator) -> Heard:
    """At a fifth of its own peak."""
    peak = 0.2 * float(np.abs(sound).max())
    return np.clip(sound, -peak, peak), rate


def _shelf(sound: Float32, rate: int, _: np.random.Generator) -> Heard:
    """A microphone that is 12 dB softer above 4 kHz, and 6 dB below 150 Hz."""
    spectrum = np.fft.rfft(sound)
    hertz = np.fft.rfftfreq(len(sound), 1 / rate)
    softer = -12 / (1 + (4000 / np.maximum(hertz, 1)) ** 4) - 6 / (1 + (np.maximum(hertz, 1) / 150) ** 4)
    return np.fft.irfft(spectrum * 10 ** (softer / 20), len(sound)).astype(np.float32), rate


CHANGES: dict[str, Change] = {
    "as it is": lambda sound, rate, _: (sound, rate),
    "gain -12 dB": _gain(-12),
    "gain +6 dB": _gain(6),
    "noise 20 dB": _noise(20),
    "noise 10 dB": _noise(10),
    "noise 5 dB": _noise(5),
    "mp3 64 kbit/s": _mp3,
    "recorder at 16 kHz": lambda sound, rate, _: (soxr.resample(sound, rate, 16_000), 16_000),
    "clipped": _clipped,
    "300 ms later": lambda sound, rate, _: (np.concatenate([np.zeros(round(0.3 * rate), np.float32), sound[: -round(0.3 * rate)]]), rate),
    "another microphone": _shelf,
}


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.robustness", description=__doc__)
    parser.add_argument("collection", choices=["esc10", "folder"])
    parser.add_argument("folder", type=Path, nargs="?", help="with `folder`: a folder of class folders")
    parser.add_argument("--groups", type=Path, help="CSV of file and group; clips of a group stay on one side")
    parser.add_argument("--draws", type=int, default=1, help="draws of the known classes (default 1)")
    parser.add_argument("--only", default="pooled_spectral,mn04,yamnet", help="extractors, comma separated")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    chosen = parser.parse_args()
    if chosen.collection == "folder" and (chosen.folder is None or not chosen.folder.is_dir()):
        parser.error(f"{chosen.folder} is no folder")
    clips = esc10() if chosen.collection == "esc10" else folder(chosen.folder, chosen.groups)
    print(*describe(clips), sep="\n")
    print(f"{'extractor':<18}{'heard':<22}" + "".join(f"{name.replace('_recall', ''):>12}" for name in _COLUMNS), flush=True)
    heard = {
        name: [change(sound, clips.sample_rate, np.random.default_rng([7, n])) for n, sound in enumerate(clips.samples)]
        for name, change in CHANGES.items()
    }
    results: dict[str, dict[str, dict[str, float]]] = {}
    for name, vectors in _vectors(chosen.only.split(","), heard):
        results[name] = _study(clips, vectors, chosen.draws, is_baseline=name == _BASELINE)
        for of, row in results[name].items():
            print(f"{name:<18}{of:<22}" + "".join(f"{row[column]:>12.3f}" for column in _COLUMNS), flush=True)
    if chosen.json:
        chosen.json.write_text(
            json.dumps({"collection": clips.name, "clips": len(clips.samples), "draws": chosen.draws, "extractors": results}, indent=1)
            + "\n"
        )


def _vectors(names: Sequence[str], heard: dict[str, list[Heard]]) -> Iterator[tuple[str, dict[str, npt.NDArray[np.float64]]]]:
    """For each extractor, and the baseline, the vectors of all clips, shape (n, d), by how they were heard."""
    for name in names:
        try:
            tool = extractor(name, networks())
            yield name, {of: _matrix(tool, sounds) for of, sounds in heard.items()}
        except ExtractorUnavailable as error:
            print(f"left out: {error}")
    yield (
        _BASELINE,
        {of: np.stack([LogMel(rate)(sound).mean(axis=0) for sound, rate in sounds]).astype(float) for of, sounds in heard.items()},
    )


def _matrix(tool: Extractor, sounds: Sequence[Heard]) -> npt.NDArray[np.float64]:
    return np.stack([rows.mean(axis=0) for rows in vectors_of(tool, sounds)]).astype(np.float64)


def _study(clips: Clips, vectors: dict[str, npt.NDArray[np.float64]], draws: int, *, is_baseline: bool) -> dict[str, dict[str, float]]:
    """Means over draws and folds, by how the test clips were heard."""
    rows: dict[str, list[dict[str, float]]] = {of: [] for of in vectors}
    names = np.unique(clips.classes)
    for draw in range(draws):
        known = np.random.default_rng([0, draw]).permutation(names)[: max(2, round(KNOWN_SHARE * len(names)))]
        for fold in np.unique(clips.folds):
            is_known = np.isin(clips.classes, known)
            train, test = np.flatnonzero(is_known & (clips.folds != fold)), np.flatnonzero(clips.folds == fold)
            if not is_known[test].any() or is_known[test].all():
                continue
            model: Any = _Baseline() if is_baseline else OpenSetClassifier()
            model.fit(vectors["as it is"][train], clips.classes[train], groups=clips.folds[train])
            for of, there in vectors.items():
                rows[of].append(figures(model.verdicts(there[test]), model.thresholds_, clips.classes[test], known))
    return {of: {column: float(np.mean([row[column] for row in some])) for column in _COLUMNS} for of, some in rows.items()}


class _Baseline:
    """A logistic regression that gives a name where it is surer than one half."""

    thresholds_ = _SURE

    def fit(self, X: npt.NDArray[np.float64], y: npt.NDArray[np.str_], groups: object = None) -> None:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        self._model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(X, y)

    def verdicts(self, X: npt.NDArray[np.float64]) -> Verdicts:
        likely = self._model.predict_proba(X)
        nearest = self._model.classes_[likely.argmax(axis=1)]
        names = [str(name) if sure >= _SURE else "other" for name, sure in zip(nearest, likely.max(axis=1), strict=True)]
        return Verdicts(names, likely - _SURE, list(nearest))


if __name__ == "__main__":
    main()
