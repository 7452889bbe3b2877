"""Transcription against Vosk called directly in a loop, with the same model on the same sound; and how well word times fit."""

import json
import os
import statistics
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import soundfile as sf

from bench.measure import DATA, Figure, medians, wall_ms
from soundmill.audio import read_samples, to_pcm16, wav_bytes
from soundmill.speech import transcriber

MODEL = Path(os.environ.get("SOUNDMILL_VOSK_MODEL", DATA.parent / "models" / "vosk-tiny-digits"))
ONE_CORE, TWO_CORES = 0.95, 1.8
_MINUTES, _FILES = 10, 4
_NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def figures() -> Iterator[Figure]:
    """CPU time for ten minutes of digit strings, by this model whose own cost is next to nothing: with a larger one less is on top."""
    with TemporaryDirectory(prefix="soundmill-bench-") as folder:
        path = _ten_minutes(Path(folder))
        writer, model = transcriber(MODEL), _model()
        taken = medians({"ours": partial(writer.transcribe, path), "vosk": partial(_direct, model, path)}, 15)
        yield Figure(f"{_MINUTES} min of speech, on one core", taken["ours"], "Vosk in a loop", taken["vosk"], ONE_CORE)


def lines() -> Iterator[str]:
    """Eight files on all cores, and the times of words in strings whose truth is known."""
    cores = os.cpu_count() or 1
    os.sched_setaffinity(0, range(cores))
    with TemporaryDirectory(prefix="soundmill-bench-") as folder:
        path = _ten_minutes(Path(folder))
        writer, model = transcriber(MODEL), _model()

        def ours() -> None:
            with ThreadPoolExecutor(cores) as pool:
                list(pool.map(writer.transcribe, [path] * _FILES))

        def vosk() -> None:
            with ThreadPoolExecutor(cores) as pool:
                list(pool.map(partial(_direct, model), [path] * _FILES))

        def loop() -> None:
            for _ in range(_FILES):
                _direct(model, path)

        # in turn, because what else runs on the machine changes from minute to minute
        rounds = [{run.__name__: wall_ms(run, 1) for run in (loop, vosk, ours)} for _ in range(5)]
    taken = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    what = f"{_FILES} files of {_MINUTES} min, {cores} cores, wall time"
    for peer, name, target in (("Vosk in a loop", "loop", TWO_CORES), ("Vosk in as many threads", "vosk", ONE_CORE)):
        ratio = taken[name] / taken["ours"]
        verdict = f"target {target:5.2f}  {'ok' if ratio >= target else 'SHORT'}"
        yield f"{what:<42} {taken['ours']:10.1f} ms {peer:>26} {taken[name]:10.1f} ms {ratio:8.2f} x  {verdict}"
    yield from _times(model)


def _times(model: Any) -> Iterator[str]:
    rng, writer = np.random.default_rng(1), transcriber(MODEL)
    errors: dict[str, list[float]] = {"Vosk": [], "ours": []}
    for _ in range(100):
        pcm, truth = _string(rng)
        recognised = {
            "Vosk": [(word["word"], word["start"]) for word in _words(model, pcm)],
            "ours": [(word.word, word.start) for word in writer.transcribe(wav_bytes(pcm, 16_000)).words],
        }
        for name, words in recognised.items():
            if [word for word, _ in words] == [word for word, _ in truth]:
                errors[name] += [abs(start - true) for (_, start), (_, true) in zip(words, truth, strict=True)]
    for name, found in errors.items():
        beyond = np.mean(np.array(found) > 0.15)
        yield f"starts of words in built strings, {name:<8} median error {1000 * np.median(found):5.0f} ms, {beyond:6.1%} beyond 150 ms"


def _ten_minutes(folder: Path) -> Path:
    """Digit strings one after another, as 16 kHz mono WAV."""
    parts = [sf.read(DATA / "digit-strings" / f"{name}.wav", dtype="int16")[0] for name in ("all_ten", "two_pauses", "noisy_strings")]
    whole = np.concatenate(parts)
    path = folder / "strings.wav"
    sf.write(path, np.tile(whole, _MINUTES * 60 * 16_000 // len(whole) + 1), 16_000)
    return path


def _string(rng: np.random.Generator) -> tuple[np.ndarray, list[tuple[str, float]]]:
    """Digits of one speaker with pauses of soft noise between them, and where each begins."""
    speaker = rng.choice(["george", "jackson", "lucas", "nicolas", "theo", "yweweler"])
    parts, truth, at = [np.zeros(8000, np.float32)], [], 8000
    for digit in rng.integers(0, 10, rng.integers(3, 8)):
        take = read_samples(DATA / "digits" / f"{digit}_{speaker}_{rng.integers(5)}.wav", 16_000)[0]
        pause = np.zeros(rng.integers(3000, 16_000), np.float32)
        truth.append((_NAMES[digit], at / 16_000))
        parts += [take, pause]
        at += len(take) + len(pause)
    samples = np.concatenate(parts)
    return to_pcm16((samples + rng.normal(0, 1.8e-4, len(samples))).astype(np.float32)), truth


def _model() -> Any:
    import vosk

    vosk.SetLogLevel(-1)
    return vosk.Model(str(MODEL))


def _direct(model: Any, path: Path) -> list[dict[str, Any]]:
    """What Vosk's own example does."""
    with wave.open(str(path), "rb") as file:
        return _words(model, iter(partial(file.readframes, 4000), b""))


def _words(model: Any, sound: Any) -> list[dict[str, Any]]:
    import vosk

    chunks = (sound[at : at + 4000].tobytes() for at in range(0, len(sound), 4000)) if isinstance(sound, np.ndarray) else sound
    recogniser = vosk.KaldiRecognizer(model, 16_000)
    recogniser.SetWords(True)
    results = [recogniser.Result() for chunk in chunks if recogniser.AcceptWaveform(chunk)]
    return [word for text in (*results, recogniser.FinalResult()) for word in json.loads(text).get("result", ())]
