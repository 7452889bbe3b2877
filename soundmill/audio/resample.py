"""Changing the sample rate of a stream, block by block, at soxr's very high quality."""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from soundmill.audio.decode import open_audio
from soundmill.audio.reader import Float32, Source


class Resampler:
    """A mono stream from one rate to another (Hz). Equal rates pass blocks through untouched."""

    def __init__(self, source_rate: int, target_rate: int) -> None:
        self._stream = None if source_rate == target_rate else soxr.ResampleStream(source_rate, target_rate, 1, "float32", "VHQ")

    def __call__(self, blocks: Iterable[Float32]) -> Iterator[Float32]:
        """Resampled blocks of shape (n,), float32; together round(frames * target / source) samples."""
        for block in blocks:
            resampled = self.push(block)
            if len(resampled):
                yield resampled
        tail = self.flush()
        if len(tail):
            yield tail

    def push(self, block: Float32) -> Float32:
        """What is ready once these samples are in; maybe nothing yet."""
        return block if self._stream is None else self._stream.resample_chunk(block)

    def flush(self) -> Float32:
        """What is left when the stream has ended."""
        nothing = np.empty(0, np.float32)
        return nothing if self._stream is None else self._stream.resample_chunk(nothing, last=True)


def read_samples(source: Source, sample_rate: int | None = None) -> tuple[Float32, int]:
    """A whole sound as one mono array, shape (n,), float32 in [-1, 1], and its rate in Hz: the one asked for, or its own.

    Raises `UndecodableAudio`.
    """
    with open_audio(source) as reader:
        rate = sample_rate or reader.info.sample_rate
        blocks = [block.copy() for block in Resampler(reader.info.sample_rate, rate)(reader.blocks())]
    return np.concatenate(blocks) if blocks else np.empty(0, np.float32), rate
