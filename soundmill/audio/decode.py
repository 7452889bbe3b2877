"""Opening any audio file and reading it as blocks of float32 samples, in memory that does not grow with its length.

soundfile reads WAV, FLAC, AIFF and AU (for short WAVs PyAV costs twenty times more); PyAV reads everything else.
"""

import io
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile as sf

from soundmill.audio.libav import ChainedReader, LibavReader, ogg_links, sliced
from soundmill.audio.reader import AudioInfo, AudioReader, Channels, Float32, Int16, Mixer, Shortfall, Source, Truncated, block_length
from soundmill.audio.sniff import HEAD_BYTES, DataChunk, Format, data_chunk, sniff, tag_length
from soundmill.errors import UndecodableAudio

log = logging.getLogger("soundmill.audio")

_SOUNDFILE: frozenset[Format] = frozenset({"wav", "flac", "aiff", "au", "caf"})
_EXACT_LENGTH = frozenset({"wav", "wavex", "rf64", "aiff", "au", "w64"})  # whose lengths libsndfile holds to what is there
_HEADER_COUNTED = 64  # bytes: some recorders count the header as sound, and nothing is missing
_MOST_TAGS = 64 << 20  # bytes
_ESTIMATED = 0.01  # of MP3 in WAV, whose frames are counted by its bit rate
_OPPOSITE = "the two channels are in opposite phase and would cancel each other: the first one is taken"
_UNKNOWN_FRAMES = 1 << 62  # what libsndfile says of a FLAC written to a pipe, which libav reads to its end
_LOWEST_RATE, _HIGHEST_RATE = 1_000, 768_000  # Hz; what lies outside is a broken header, and would be resampled to a monster


@contextmanager
def open_audio(source: Source, truncated: Truncated = "keep") -> Iterator[AudioReader]:
    """Opens a path, bytes, or a seekable binary file for reading.

    Where a file ends before its header says, what is there is read, and `shortfall` of the reader says so; with `truncated` "refuse" it is
    an error. Raises `UndecodableAudio` with code empty, not_audio, bad_header, truncated, no_audio_stream or unreadable.
    """
    with _reader(source, truncated) as reader:
        yield reader
        name = f"{source}: " if isinstance(source, (str, Path)) else ""
        if reader.shortfall and truncated == "refuse":
            raise UndecodableAudio("truncated", str(reader.shortfall), transient=True)
        if reader.shortfall:
            log.warning("%s%s", name, reader.shortfall)
        if reader.cancelled:
            log.warning("%s%s", name, _OPPOSITE)


@contextmanager
def _reader(source: Source, truncated: Truncated) -> Iterator["_SoundfileReader | LibavReader | ChainedReader"]:
    with _binary(source) as (file, size):
        # by its path a file is read in C, without a call back to Python for every buffer
        place = _path_for_c(source) or file
        file.seek(0)
        head = file.read(HEAD_BYTES)
        kind = sniff(head)
        if kind == "empty":
            raise UndecodableAudio("empty", "the file has no bytes", transient=True)
        if kind in ("html", "text"):
            raise UndecodableAudio("not_audio", f"the file holds {kind}, not audio")
        if tag := _tags_length(file, head):
            file.seek(tag)
            inside = sniff(file.read(HEAD_BYTES))
            if inside in ("wav", "flac", "aiff", "au", "caf"):  # libav takes such a file for MP3, libsndfile loses its end
                kind, size, file = inside, size - tag, sliced(file, tag)
                place = file
        chunk = _data_chunk(file, kind, size, truncated)
        runs_on = chunk is not None and chunk.runs_on
        links = ogg_links(file, size) if kind == "ogg" else []
        file.seek(0)
        if len(links) > 1:
            yield ChainedReader(file, links)
            return
        if kind in _SOUNDFILE and not runs_on:
            try:
                handle = sf.SoundFile(place)
            except sf.LibsndfileError:
                pass  # a codec inside WAV or CAF that only libav knows
            else:
                with handle:
                    if 0 < handle.frames < _UNKNOWN_FRAMES or (handle.frames == 0 and kind != "wav"):
                        _refuse_odd_rate(handle.samplerate)
                        yield _SoundfileReader(handle, lambda: _from_start(place, kind), _share(chunk) if chunk else 1.0)
                        return
            file.seek(0)
        with LibavReader(place, kind, to_its_end=runs_on, share=_share(chunk) if chunk else 1.0) as reader:
            _refuse_odd_rate(reader.info.sample_rate)
            yield reader


def _tags_length(file: BinaryIO, head: bytes) -> int:
    """Bytes of the ID3 tags at a file's start: taggers put one before another."""
    whole = 0
    while (length := tag_length(head)) and whole < _MOST_TAGS:
        whole += length
        file.seek(whole)
        head = file.read(HEAD_BYTES)
    return whole


def _from_start(place: str | BinaryIO, kind: Format) -> LibavReader:
    if not isinstance(place, str):
        place.seek(0)
    return LibavReader(place, kind)


def probe(source: Source) -> AudioInfo:
    """What the header says, without decoding. Raises `UndecodableAudio`."""
    with open_audio(source) as reader:
        return reader.info


def seconds_of(source: Source) -> float:
    """Length in seconds; decoded where the header does not tell, or may be wrong. Raises `UndecodableAudio` where nothing is there."""
    with open_audio(source) as reader:
        if reader.info.frames is not None and reader.info.format in _EXACT_LENGTH:
            return reader.info.frames / reader.info.sample_rate
        frames = 0
        try:
            for block in reader.blocks("first"):
                frames += len(block)
        except UndecodableAudio:
            if not frames:
                raise
        return frames / reader.info.sample_rate


@contextmanager
def _binary(source: Source) -> Iterator[tuple[BinaryIO, int]]:
    if isinstance(source, bytes):
        yield io.BytesIO(source), len(source)
    elif isinstance(source, (str, Path)):
        try:
            file = open(source, "rb")  # noqa: SIM115  # the block below closes it
        except IsADirectoryError:
            raise UndecodableAudio("not_a_file", "this is a directory") from None
        except OSError as error:
            raise UndecodableAudio("unreadable", error.strerror or str(error), transient=True) from None
        with file:
            yield file, os.fstat(file.fileno()).st_size
    else:
        yield source, source.seek(0, io.SEEK_END)


def _data_chunk(file: BinaryIO, kind: Format, size: int, truncated: Truncated) -> DataChunk | None:
    """What the header of a file of plain samples claims. Raises `UndecodableAudio` where nothing is there, or less and that is refused."""
    chunk = data_chunk(file, kind, size)
    if kind == "wav" and (chunk is None or (chunk.present <= 0 and chunk.claimed)):
        raise UndecodableAudio("truncated", "the file ends before its audio begins", transient=True)
    if truncated == "refuse" and chunk and (share := _share(chunk)) < 1:
        raise UndecodableAudio("truncated", f"{share:.0%} of the sound that the header claims is there", transient=True)
    return chunk


def _share(chunk: DataChunk) -> float:
    """How much of what a header claims is there; some recorders count the header as sound, and nothing is missing."""
    claimed = chunk.claimed or 0
    return 1.0 if chunk.present >= claimed - max(_HEADER_COUNTED, chunk.start) else chunk.present / claimed


def _path_for_c(source: Source) -> str | None:
    """The path as C libraries take it; None where the source is none, or its name is no text."""
    if not isinstance(source, (str, Path)):
        return None
    path = str(Path(source).absolute())
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return None
    return path


def _refuse_odd_rate(sample_rate: int) -> None:
    if not _LOWEST_RATE <= sample_rate <= _HIGHEST_RATE:
        raise UndecodableAudio("bad_header", f"the header claims a sample rate of {sample_rate} Hz")


class _SoundfileReader:
    def __init__(self, handle: sf.SoundFile, rest: Callable[[], LibavReader], share: float) -> None:
        self._handle, self._rest, self._share = handle, rest, share
        # sixteen bits and fewer are read as they are and scaled here: libsndfile's own conversion takes three times as long
        self._as_integers = handle.subtype in ("PCM_16", "PCM_S8", "PCM_U8")
        # libsndfile takes NaN and infinity over from float files only
        self._may_hold_nan = handle.subtype in ("FLOAT", "DOUBLE")
        self.info = AudioInfo(handle.format.lower(), handle.subtype.lower(), handle.samplerate, handle.channels, handle.frames)
        self.shortfall: Shortfall | None = None
        self.cancelled = False

    def blocks(self, channels: Channels = "mix") -> Iterator[Float32]:
        count = self._handle.channels
        dtype = "int16" if self._as_integers else "float32"
        read = np.empty((block_length(count), count), dtype)
        interleaved = np.empty(read.shape, np.float32) if self._as_integers else read
        mono = np.empty(len(read), np.float32)
        scale = 2.0**-15 if self._as_integers else 1.0
        mixer, done, broken = Mixer(channels, scale), 0, False
        while not broken:
            length = self._read(read, dtype)
            broken = length is None
            if not length:
                break
            done += length
            block = interleaved[:length]
            if self._as_integers:
                np.copyto(block, read[:length])
            if self._may_hold_nan and not np.isfinite(block).all():
                raise UndecodableAudio("not_finite", "samples hold NaN or infinity")
            if channels == "all":
                block *= np.float32(scale)
                yield block
            else:
                yield mixer([block[:, c] for c in range(count)], mono[:length])
        if broken and self._is_flac:
            for rest in self._behind(done, channels):
                done += len(rest)
                yield rest
        self.cancelled |= mixer.cancelled
        self._finish(done)

    @property
    def _is_flac(self) -> bool:
        return self.info.format == "flac"

    def _behind(self, done: int, channels: Channels) -> Iterator[Float32]:
        """What libav reads of a FLAC behind the frames that libsndfile gave before it met damage."""
        with self._rest() as reader:
            position = 0
            for block in reader.blocks(channels):
                if position + len(block) > done:
                    yield block[max(0, done - position) :]
                position += len(block)
            self.cancelled |= reader.cancelled

    def pcm(self) -> Iterator[Int16] | None:
        plain = self.info.channels == 1 and self._handle.subtype == "PCM_16" and not self._is_flac
        return self._pcm() if plain else None

    def _pcm(self) -> Iterator[Int16]:
        read, done = np.empty((block_length(1), 1), np.int16), 0
        while length := self._read(read, "int16"):
            done += length
            yield read[:length, 0]
        self._finish(done)

    def _read(self, into: npt.NDArray[Any], dtype: str) -> int | None:
        """How many frames came; None where libsndfile gives up."""
        try:
            return len(self._handle.read(len(into), dtype=dtype, out=into, always_2d=True))
        except sf.LibsndfileError:
            return None

    def _finish(self, done: int) -> None:
        rate, claimed = self.info.sample_rate, round((self.info.frames or 0) / self._share)
        if not done and claimed:
            raise UndecodableAudio("undecodable", "no frame could be decoded", transient=True)
        estimated = self._handle.subtype.startswith("MPEG")
        if done < claimed - (_ESTIMATED * claimed if estimated else 0):
            self.shortfall = Shortfall(claimed / rate, done / rate)
