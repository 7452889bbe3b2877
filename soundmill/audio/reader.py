"""What all readers of audio share: the header they tell, what was missing at the end, and how channels become one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

import numpy as np
import numpy.typing as npt

Source = str | Path | bytes | BinaryIO
Channels = Literal["mix", "first", "all"]
Truncated = Literal["keep", "refuse"]
Float32 = npt.NDArray[np.float32]
Int16 = npt.NDArray[np.int16]

BLOCK = 131_072  # frames; smaller ones cost up to a quarter more in FLAC and WAV, larger ones gain nothing
_CANCELLED = 1e-3  # of the power of one channel, 30 dB down: two microphones of one sound are never so much apart by chance


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header says. `frames` is None where only decoding can tell."""

    format: str
    codec: str
    sample_rate: int
    channels: int
    frames: int | None

    @property
    def seconds(self) -> float | None:
        """Length by the header, if it tells."""
        return None if self.frames is None else self.frames / self.sample_rate


@dataclass(frozen=True)
class Shortfall:
    """A file that ends before its header says: seconds that it claims, and that are there."""

    claimed: float
    there: float

    def __str__(self) -> str:
        return f"the header claims {self.claimed:.1f} s of sound, and {self.there:.1f} s ({self.there / self.claimed:.0%}) are there"


class AudioReader(Protocol):
    """An open file: its header, and its samples in blocks."""

    info: AudioInfo
    shortfall: Shortfall | None
    """What was missing, known once the file was read to its end; None where nothing was, or the header claims no length."""

    def blocks(self, channels: Channels = "mix") -> Iterator[Float32]:
        """Blocks of float32 in [-1, 1]: (n,) for "mix" and "first", (n, channels) for "all".

        A block is a view of a buffer that the next block overwrites. Raises `UndecodableAudio`.
        """
        ...

    def pcm(self) -> Iterator[Int16] | None:
        """Instead of `blocks`, the samples of a mono file of 16-bit integers as they are, shape (n,); None for any other file."""
        ...


class Mixer:
    """Channels into one: the first, or the mean of all; and one of them, the loudest of more than two, where they cancel each other.

    `cancelled` tells whether that was so anywhere. Samples are multiplied with `scale`.
    """

    def __init__(self, channels: Channels, scale: float = 1.0) -> None:
        self._first_only, self._scale, self.cancelled = channels == "first", np.float32(scale), False

    def __call__(self, planes: Sequence[Float32], out: Float32) -> Float32:
        """Writes one channel, shape (n,), to `out`. Adding plane by plane is several times faster than `mean(axis=1)`."""
        first = planes[0]
        if self._first_only or len(planes) == 1:
            np.multiply(first, self._scale, out=out)
            return out
        np.add(first, planes[1], out=out)
        for plane in planes[2:]:
            out += plane
        out *= self._scale / np.float32(len(planes))
        limit = _CANCELLED * float(self._scale) ** 2
        if len(planes) == 2:
            if _power(out) < limit * _power(first):
                np.multiply(first, self._scale, out=out)
                self.cancelled = True
            return out
        powers = [_power(plane) for plane in planes]
        if _power(out) < limit * max(powers):
            np.multiply(planes[int(np.argmax(powers))], self._scale, out=out)
            self.cancelled = True
        return out


def _power(samples: Float32) -> float:
    """Of the sound alone: a constant is none."""
    return float(np.dot(samples, samples)) - float(samples.sum(dtype=np.float64)) ** 2 / max(1, len(samples))


def block_length(channels: int) -> int:
    """Frames in a block of a file with so many channels."""
    return max(1024, 2 * BLOCK // max(2, channels))
