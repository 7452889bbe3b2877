"""What can transcribe speech, and Vosk behind it: one model per process, files of any codec and length in memory that does not grow."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from soundmill.audio import AudioReader, LevelTrack, Resampler, open_audio, to_pcm16
from soundmill.audio.reader import Int16, Source
from soundmill.errors import NoSpeechModel, TranscriptionFailed
from soundmill.speech.boundaries import FRAME_SECONDS, fit_to_sound
from soundmill.speech.transcript import Transcript, Word, in_order

Progress = Callable[[float], None]  # seconds transcribed so far
_CHUNK = 4000  # samples: Vosk looks for pauses once a chunk
_GRAPHS = (("graph/HCLG.fst",), ("graph/HCLr.fst", "graph/Gr.fst"))
_QUIET, _SOFT, _LOUD = 0.01, 0.1, 0.25  # peaks, as shares of full scale: see `transcribe`
_RIM_SECONDS, _RIM_LEVEL = 0.3, 6.0  # the level in int16 steps: -75 dBFS
_UNKNOWN = {"[unk]", "<unk>"}
_LOADING = threading.Lock()


class Transcriber(Protocol):
    """A speech recogniser. `model` names the model and its content: another model, another name."""

    @property
    def model(self) -> str: ...

    def transcribe(self, source: Source, progress: Progress | None = None) -> Transcript:
        """The transcript of a file. Raises `UndecodableAudio`, `TranscriptionFailed`."""
        ...


@lru_cache(maxsize=8)
def transcriber(folder: Path) -> Transcriber:
    """The transcriber with the Vosk model in a folder, once per process; the model itself is loaded when it is first used.

    Raises `NoSpeechModel`.
    """
    return VoskTranscriber(folder)


class VoskTranscriber:
    """Vosk (https://alphacephei.com/vosk) with the model in `folder`. Threads may share it. Raises `NoSpeechModel`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        # Kaldi ends the whole process over files that are missing, so they are looked for first
        if not (self._folder / "am/final.mdl").is_file() or not any(
            all((self._folder / name).is_file() for name in names) for names in _GRAPHS
        ):
            what = f"{self._folder} holds no Vosk model" if self._folder.exists() else f"no speech model at {self._folder}"
            raise NoSpeechModel(f"{what}: run `soundmill pretrained fetch vosk-small-en`, or name another with SOUNDMILL_VOSK_MODEL")
        self.sample_rate = _sample_rate(self._folder / "conf/mfcc.conf")
        self._model: Any = None

    @cached_property
    def model(self) -> str:
        """The folder's name and a hash of all that is in it, but for a README and hidden files."""
        files = sorted(path for path in self._folder.rglob("*") if path.is_file() and path.name != "README" and path.name[0] != ".")
        whole = hashlib.sha256()
        for path in files:
            with path.open("rb") as file:
                whole.update(f"{path.relative_to(self._folder)} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
        return f"{self._folder.name}-{whole.hexdigest()[:12]}"

    def transcribe(self, source: Source, progress: Progress | None = None) -> Transcript:
        """The transcript of a file of any codec and length, its channels mixed. Raises `UndecodableAudio`, `TranscriptionFailed`.

        A file that is quiet from end to end is transcribed again, louder: soft words get lost, or are taken for others.
        """
        decoded = self._decode(source, 1.0, progress)
        if 0 < decoded.peak < _QUIET or (decoded.utterances and decoded.peak < _SOFT):
            decoded = self._decode(source, _LOUD / decoded.peak, progress)
        utterances = decoded.utterances
        fitted = iter(fit_to_sound([word for utterance in utterances for word in utterance], decoded.levels.dbfs()))
        placed = in_order([[next(fitted) for _ in utterance] for utterance in utterances], decoded.seconds, self.sample_rate)
        return Transcript(decoded.seconds, self.model, placed)

    def _decode(self, source: Source, gain: float, progress: Progress | None) -> "_Decoded":
        """Vosk parts utterances at pauses; each is collected as it ends, for its final result holds the last one only."""
        recogniser, rate = self._recogniser(), self.sample_rate
        levels, results, fed, peak, rest = LevelTrack(rate, FRAME_SECONDS), list[str](), 0, 0, self._rim
        with open_audio(source) as reader:
            as_it_is = reader.pcm() if reader.info.sample_rate == rate and gain == 1 else None
            for pcm in as_it_is or _converted(reader, rate, gain):
                peak = max(peak, int(pcm.max()), -int(pcm.min()))
                levels.add(pcm)
                fed += len(pcm)
                data = rest + pcm.tobytes()
                whole = len(data) - len(data) % (2 * _CHUNK)
                for place in range(0, whole, 2 * _CHUNK):
                    if _accepts(recogniser, data[place : place + 2 * _CHUNK]):
                        results.append(recogniser.Result())
                rest = data[whole:]
                if progress:
                    progress(fed / rate)
        if _accepts(recogniser, rest + self._rim):
            results.append(recogniser.Result())
        results.append(recogniser.FinalResult())
        utterances = [found for text in results if (found := _words(text))]
        return _Decoded(utterances, levels, fed / rate, peak / 32_768)

    @cached_property
    def _rim(self) -> bytes:
        """What lies before a file and after it: a moment of very soft noise, so that words at its ends have something around them."""
        noise = np.random.default_rng(7).normal(0, _RIM_LEVEL, round(_RIM_SECONDS * self.sample_rate))
        return np.rint(noise).astype(np.int16).tobytes()

    def _recogniser(self) -> Any:
        import vosk

        with _LOADING:
            if self._model is None:
                vosk.SetLogLevel(-1)
                try:
                    self._model = vosk.Model(str(self._folder))
                except Exception as error:  # noqa: BLE001  # Vosk raises nothing narrower
                    raise NoSpeechModel(f"the speech model at {self._folder} cannot be loaded: {error}") from None
            recogniser = vosk.KaldiRecognizer(self._model, self.sample_rate)  # two made at once from one model can abort the process
        recogniser.SetWords(True)
        return recogniser


def _converted(reader: AudioReader, rate: int, gain: float) -> Iterator[Int16]:
    for block in Resampler(reader.info.sample_rate, rate)(reader.blocks()):
        yield to_pcm16(block if gain == 1 else block * np.float32(gain))


@dataclass(frozen=True)
class _Decoded:
    utterances: list[list[Word]]
    levels: LevelTrack
    seconds: float
    peak: float  # share of full scale


def _accepts(recogniser: Any, pcm: bytes) -> bool:
    """Whether an utterance has ended with these samples."""
    try:
        return bool(recogniser.AcceptWaveform(pcm))
    except Exception as error:  # noqa: BLE001  # as above
        raise TranscriptionFailed(f"Vosk gave up: {error}") from None


def _words(result: str) -> list[Word]:
    """The words of one of Vosk's results, in seconds of the file; one without words has no such list."""
    return [
        Word(found["word"], found["start"] - _RIM_SECONDS, found["end"] - _RIM_SECONDS, found["conf"])
        for found in json.loads(result).get("result", ())
        if found["word"] not in _UNKNOWN
    ]


def _sample_rate(path: Path) -> int:
    """What the model was trained at, Hz, by its configuration."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 16_000
    rates = [line.partition("=")[2] for line in lines if line.strip().startswith("--sample-frequency")]
    return int(float(rates[-1])) if rates else 16_000
