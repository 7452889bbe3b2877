"""Changing the sample rate of a stream, block by block, at soxr's very high quality."""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from soundmill.audio.decode import Float32


class Resampler:
    """A mono stream from one rate to another (Hz). Equal rates pass blocks through untouched."""

    def __init__(self, source_rate: int, target_rate: int) -> None:
        self._stream = None if source_rate == target_rate else soxr.ResampleStream(source_rate, target_rate, 1, "float32", "VHQ")

    def __call__(self, blocks: Iterable[Float32]) -> Iterator[Float32]:
        """Resampled blocks of shape (n,), float32; together round(frames * target / source) samples."""
        if self._stream is None:
            yield from blocks
            return
        for block in blocks:
            resampled = self._stream.resample_chunk(block)
            if len(resampled):
                yield resampled
        tail = self._stream.resample_chunk(np.empty(0, np.float32), last=True)
        if len(tail):
            yield tail
