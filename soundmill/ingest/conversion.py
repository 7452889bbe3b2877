"""From a fetched file to the form downloads are kept in: mono WAV at 16 kHz, measured while it is written."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from soundmill.audio import LevelMeter, Levels, Resampler, Shortfall, SpeechMeter, Truncated, Turn, WavWriter, open_audio, speech_seconds
from soundmill.audio.reader import AudioInfo, AudioReader, Float32, Source
from soundmill.errors import UndecodableAudio

SAMPLE_RATE = 16_000  # Hz
_HASH_BLOCK = 1 << 20


@dataclass(frozen=True)
class Sound:
    """One written WAV: `size` in bytes, `content_hash` its sha256, `turns` of speech in seconds."""

    samples: int
    size: int
    content_hash: str
    levels: Levels
    turns: list[Turn]

    @property
    def seconds(self) -> float:
        """Length."""
        return self.samples / SAMPLE_RATE

    @property
    def speech_ratio(self) -> float:
        """Share of the time in which somebody speaks."""
        return speech_seconds(self.turns) / self.seconds if self.samples else 0.0


def convert_download(
    source: Source,
    targets: Sequence[BinaryIO],
    most_seconds: float,
    keep_seconds: float | None = None,
    truncated: Truncated = "keep",
) -> tuple[AudioInfo, list[Sound], Shortfall | None]:
    """Writes a file in any codec to one seekable file for each speaker; memory does not grow with its length.

    With it comes what is missing of a file that ends early, if that is kept.
    One target gets the mean of all channels; several get a channel each, and the file must have as many. With `keep_seconds` only the
    beginning is looked at.
    Raises `UndecodableAudio`: beside the decoder's codes too_long, no_samples, channel_count.
    """
    with open_audio(source, truncated) as reader:
        info = reader.info
        if len(targets) > 1 and info.channels != len(targets):
            wanted = f"{len(targets)} speakers were named for the channels of a file that has {info.channels}"
            raise UndecodableAudio("channel_count", wanted)
        sides = [_Side(target) for target in targets]
        resamplers = [Resampler(info.sample_rate, SAMPLE_RATE) for _ in sides]
        for blocks in _streams(reader, resamplers):
            room = None if keep_seconds is None else round(keep_seconds * SAMPLE_RATE) - sides[0].samples
            for side, block in zip(sides, blocks, strict=True):
                side.write(block[:room])
            if room is not None and sides[0].samples >= round((keep_seconds or 0) * SAMPLE_RATE):
                break
            if sides[0].samples > most_seconds * SAMPLE_RATE:
                raise UndecodableAudio("too_long", f"there are more than {most_seconds / 3600:g} hours in it")
    return info, [side.finish() for side in sides], reader.shortfall


def _streams(reader: AudioReader, resamplers: list[Resampler]) -> Iterator[list[Float32]]:
    """Blocks of each side at the kept rate, side by side."""
    if len(resamplers) == 1:
        for block in resamplers[0](reader.blocks("mix")):
            yield [block]
        return
    for block in reader.blocks("all"):
        yield [resampler.push(np.ascontiguousarray(block[:, channel])) for channel, resampler in enumerate(resamplers)]
    yield [resampler.flush() for resampler in resamplers]


class _Side:
    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._writer, self._levels, self._speech = WavWriter(target, SAMPLE_RATE), LevelMeter(), SpeechMeter(SAMPLE_RATE)
        self.samples = 0

    def write(self, block: Float32) -> None:
        pcm = self._writer.write(block)
        self.samples += len(pcm)
        self._levels.add(pcm)
        self._speech.add(pcm)

    def finish(self) -> Sound:
        self._writer.finish()
        if not self.samples:
            raise UndecodableAudio("no_samples", "the file holds no sound")
        self._target.seek(0)
        digest = hashlib.sha256()
        while block := self._target.read(_HASH_BLOCK):
            digest.update(block)
        return Sound(self.samples, self._target.tell(), digest.hexdigest(), self._levels.levels(), self._speech.turns())
