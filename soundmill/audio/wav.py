"""16-bit PCM WAV: the one form in which sound is stored, written with a plain 44-byte header so that bytes are reproducible."""

import struct
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np
import soundfile as sf

from soundmill.audio.decode import open_audio
from soundmill.audio.reader import Channels, Float32, Int16, Source
from soundmill.audio.resample import Resampler
from soundmill.errors import UndecodableAudio

HEADER_BYTES = 44
_MOST_DATA = 0xFFFF_FFFF - HEADER_BYTES


def to_pcm16(samples: Float32) -> Int16:
    """Float samples in [-1, 1) as int16, rounded to nearest and clipped. int16 read as float32 comes back unchanged."""
    scaled = samples * np.float32(32_768)
    np.rint(scaled, out=scaled)
    np.clip(scaled, -32_768, 32_767, out=scaled)
    return scaled.astype(np.int16)


def wav_bytes(pcm: Int16, sample_rate: int) -> bytes:
    """A whole mono WAV file."""
    return _header(pcm.nbytes, sample_rate) + np.ascontiguousarray(pcm, "<i2").tobytes()


def read_pcm(source: Source) -> tuple[Int16, int]:
    """All samples of a stored mono WAV, shape (n,), and its rate in Hz. For files this project wrote; others go through `open_audio`."""
    import io

    try:
        pcm, rate = sf.read(io.BytesIO(source) if isinstance(source, bytes) else source, dtype="int16")
    except sf.LibsndfileError as error:
        raise UndecodableAudio("undecodable", f"a stored WAV cannot be read: {error}") from None
    return pcm, rate


def convert(source: Source, target: BinaryIO, sample_rate: int = 16_000, channels: Channels = "mix") -> int:
    """Writes any audio file as mono 16-bit WAV at `sample_rate` to a seekable file; returns the samples written.

    Streams: memory does not grow with the length. Raises `UndecodableAudio`.
    """
    with open_audio(source) as reader:
        return write_blocks(Resampler(reader.info.sample_rate, sample_rate)(reader.blocks(channels)), target, sample_rate)


def write_blocks(blocks: Iterable[Float32], target: BinaryIO, sample_rate: int) -> int:
    """Writes float32 blocks of shape (n,) as a mono 16-bit WAV; returns the samples written."""
    writer = WavWriter(target, sample_rate)
    for block in blocks:
        writer.write(block)
    return writer.finish()


class WavWriter:
    """Writes a mono 16-bit WAV block by block to a seekable file; its header is right once `finish` has been called."""

    def __init__(self, target: BinaryIO, sample_rate: int) -> None:
        self._target, self._rate, self._samples = target, sample_rate, 0
        target.write(_header(0, sample_rate))

    def write(self, block: Float32) -> Int16:
        """Appends float32 samples of shape (n,); returns them as written. Raises `UndecodableAudio` where no header could count them."""
        pcm = to_pcm16(block)
        self._samples += len(pcm)
        if 2 * self._samples > _MOST_DATA:
            raise UndecodableAudio("too_long", f"more than {_MOST_DATA / 2 / self._rate / 3600:.0f} hours do not fit one WAV file")
        self._target.write(pcm.data)
        return pcm

    def finish(self) -> int:
        """Writes the final header; returns the samples written."""
        self._target.seek(0)
        self._target.write(_header(2 * self._samples, self._rate))
        return self._samples


def is_header_of(head: bytes, sample_rate: int, samples: int) -> bool:
    """Whether these first bytes are the header that this project writes for a mono WAV of that rate and length."""
    return head == _header(2 * samples, sample_rate)


def _header(data_bytes: int, sample_rate: int) -> bytes:
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", 36 + data_bytes, b"WAVE", b"fmt ", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16, b"data", data_bytes,
    )  # fmt: skip
