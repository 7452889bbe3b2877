"""Opening any audio file and reading it as blocks of float32 samples, in memory that does not grow with its length.

soundfile reads WAV, FLAC, AIFF and AU (for short WAVs PyAV costs twenty times more); PyAV reads everything else.
"""

import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

import numpy as np
import numpy.typing as npt
import soundfile as sf

from soundmill.audio.sniff import HEAD_BYTES, Format, sniff, tag_length, wav_data_chunk
from soundmill.errors import UndecodableAudio

log = logging.getLogger("soundmill.audio")

Source = str | Path | bytes | BinaryIO
Channels = Literal["mix", "first", "all"]
Float32 = npt.NDArray[np.float32]
Int16 = npt.NDArray[np.int16]

BLOCK = 131_072  # frames; smaller ones cost up to a quarter more in FLAC and WAV, larger ones gain nothing
_SOUNDFILE: frozenset[Format] = frozenset({"wav", "flac", "aiff", "au", "caf"})
_LIBAV_NAMES: dict[Format, str] = {"ogg": "ogg", "mov": "mov", "matroska": "matroska", "wav": "wav"}  # others: libav's own probe
_LIBAV_KNOWN = "aac,ac3,avi,flv,mpeg,aiff,amr,amrnb,amrwb,asf,au,caf,dts,eac3,flac,matroska,webm,mov,mp3,mpegts,ogg,truehd,tta,w64,wav,wv"
_LENGTH_IN_HEADER: frozenset[Format] = frozenset({"mov", "matroska"})
_EXACT_LENGTH = frozenset({"wav", "wavex", "rf64", "flac", "aiff", "au", "caf", "mov", "matroska"})  # as readers name them
_HEADER_COUNTED = 64  # bytes: some recorders count the header as sound, and nothing is missing
_ESTIMATED = 0.01  # of MP3 in WAV, whose frames are counted by its bit rate
_CANCELLED = 1e-3  # of the power of one channel, 30 dB down: two microphones of one sound are never so much apart by chance
_OPPOSITE = "the two channels are in opposite phase and would cancel each other: the first one is taken"
_MOST_BAD_PACKETS = 0.05
_UNKNOWN_FRAMES = 1 << 62  # what libsndfile says of a FLAC written to a pipe, which libav reads to its end
_LOWEST_RATE, _HIGHEST_RATE = 1_000, 768_000  # Hz; what lies outside is a broken header, and would be resampled to a monster


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


class AudioReader(Protocol):
    """An open file: its header, and its samples in blocks."""

    info: AudioInfo

    def blocks(self, channels: Channels = "mix") -> Iterator[Float32]:
        """Blocks of float32 in [-1, 1]: (n,) for "mix" and "first", (n, channels) for "all".

        A block is a view of a buffer that the next block overwrites. Raises `UndecodableAudio`.
        """
        ...

    def pcm(self) -> Iterator[Int16] | None:
        """Instead of `blocks`, the samples of a mono file of 16-bit integers as they are, shape (n,); None for any other file."""
        ...


@contextmanager
def open_audio(source: Source) -> Iterator[AudioReader]:
    """Opens a path, bytes, or a seekable binary file for reading.

    Raises `UndecodableAudio` with code empty, not_audio, bad_header, truncated, no_audio_stream or unreadable.
    """
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
        if tag := tag_length(head):
            file.seek(tag)
            if (inside := sniff(file.read(HEAD_BYTES))) in (
                "wav",
                "flac",
                "aiff",
            ):  # libav takes such a file for MP3, libsndfile loses its end
                kind, size, place = inside, size - tag, io.BufferedReader(_Behind(file, tag))
                file = place
        runs_on = kind == "wav" and head[:4] != b"riff" and _checked_wav(file, size)
        file.seek(0)
        if kind in _SOUNDFILE and not runs_on:
            try:
                handle = sf.SoundFile(place)
            except sf.LibsndfileError:
                pass  # a codec inside WAV or CAF that only libav knows
            else:
                with handle:
                    if 0 < handle.frames < _UNKNOWN_FRAMES or (handle.frames == 0 and kind != "wav"):
                        _refuse_odd_rate(handle.samplerate)
                        yield _SoundfileReader(handle)
                        return
            file.seek(0)
        with _LibavReader(place, kind, to_its_end=runs_on) as reader:
            _refuse_odd_rate(reader.info.sample_rate)
            yield reader


def probe(source: Source) -> AudioInfo:
    """What the header says, without decoding. Raises `UndecodableAudio`."""
    with open_audio(source) as reader:
        return reader.info


def seconds_of(source: Source) -> float:
    """Length in seconds; decoded where the header does not tell, or only estimates it. Raises `UndecodableAudio` where nothing is there."""
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


class _Behind(io.RawIOBase):
    """A file from `start` on."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        self._file, self._start = file, start
        file.seek(start)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset + self._start if whence == io.SEEK_SET else offset, whence) - self._start


def _checked_wav(file: BinaryIO, size: int) -> bool:
    """Whether the sound of a WAV runs on behind what its header claims. Raises `UndecodableAudio` where it ends before."""
    chunk = wav_data_chunk(file, size)
    if chunk is None:
        raise UndecodableAudio("truncated", "the file ends before its audio begins", transient=True)
    if chunk.claimed is not None and chunk.present < chunk.claimed - _HEADER_COUNTED:
        share = chunk.present / chunk.claimed
        raise UndecodableAudio(
            "truncated",
            f"the header claims {chunk.claimed} bytes of audio and {chunk.present} ({share:.0%}) are there",
            transient=True,
        )
    return chunk.runs_on


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


def _block_length(channels: int) -> int:
    return max(1024, 2 * BLOCK // max(2, channels))


class _SoundfileReader:
    def __init__(self, handle: sf.SoundFile) -> None:
        self._handle = handle
        # sixteen bits and fewer are read as they are and scaled here: libsndfile's own conversion takes three times as long
        self._as_integers = handle.subtype in ("PCM_16", "PCM_S8", "PCM_U8")
        # libsndfile takes NaN and infinity over from float files only
        self._may_hold_nan = handle.subtype in ("FLOAT", "DOUBLE")
        self.info = AudioInfo(handle.format.lower(), handle.subtype.lower(), handle.samplerate, handle.channels, handle.frames)

    def blocks(self, channels: Channels = "mix") -> Iterator[Float32]:
        count = self._handle.channels
        dtype = "int16" if self._as_integers else "float32"
        read = np.empty((_block_length(count), count), dtype)
        interleaved = np.empty(read.shape, np.float32) if self._as_integers else read
        mono = np.empty(len(read), np.float32)
        scale = np.float32(2.0**-15) if self._as_integers else np.float32(1)
        done, cancelled = 0, False
        while length := self._read(read, dtype, done):
            done += length
            block = interleaved[:length]
            if self._as_integers:
                np.copyto(block, read[:length])
            if self._may_hold_nan and not np.isfinite(block).all():
                raise UndecodableAudio("not_finite", "samples hold NaN or infinity")
            if channels == "all":
                block *= scale
                yield block
            else:
                used = 1 if channels == "first" else count
                mixed = _mix([block[:, c] for c in range(used)], mono[:length], scale)
                cancelled |= _take_first_if_cancelled(block[:, 0], mixed, scale, used)
                yield mixed
        if cancelled:
            log.warning(_OPPOSITE)
        self._check_length(done)

    def pcm(self) -> Iterator[Int16] | None:
        return self._pcm() if self.info.channels == 1 and self._handle.subtype == "PCM_16" else None

    def _pcm(self) -> Iterator[Int16]:
        read, done = np.empty((_block_length(1), 1), np.int16), 0
        while length := self._read(read, "int16", done):
            done += length
            yield read[:length, 0]
        self._check_length(done)

    def _check_length(self, done: int) -> None:
        claimed = self.info.frames
        if claimed is not None and done < claimed - (_ESTIMATED * claimed if self._handle.subtype.startswith("MPEG") else 0):
            raise _truncated(done, claimed)

    def _read(self, into: npt.NDArray[Any], dtype: str, done: int) -> int:
        try:
            return len(self._handle.read(len(into), dtype=dtype, out=into, always_2d=True))
        except sf.LibsndfileError as error:
            if done:
                raise _truncated(done, self.info.frames) from None
            raise UndecodableAudio("undecodable", str(error), transient=True) from None


class _LibavReader:
    def __init__(self, place: str | BinaryIO, kind: Format, to_its_end: bool = False) -> None:
        import av

        self._av = av
        self._kind = kind
        options = {"format_whitelist": _LIBAV_KNOWN, "protocol_whitelist": "file", **({"ignore_length": "1"} if to_its_end else {})}
        place = f"file:{place}" if isinstance(place, str) else place  # a name with a colon is still a file's
        try:
            self._container: Any = av.open(place, mode="r", format=_LIBAV_NAMES.get(kind), options=options, metadata_errors="ignore")
        except (av.error.FFmpegError, ValueError) as error:
            code = "not_audio" if kind == "unknown" else "bad_header"
            raise UndecodableAudio(code, f"not a readable {kind} file: {error}") from None
        if not self._container.streams.audio:
            self._container.close()
            raise UndecodableAudio("no_audio_stream", f"the {kind} file holds no audio stream")
        tracks = self._container.streams.audio
        marked = av.stream.Disposition.default
        self._stream: Any = next((track for track in tracks if track.disposition & marked), tracks[0])
        context = self._stream.codec_context
        if context is None:
            self._container.close()
            raise UndecodableAudio("unknown_codec", f"the {kind} file is in a codec that is not known here")
        if not context.sample_rate or not context.channels:
            self._container.close()
            raise UndecodableAudio("bad_header", "the header names no sample rate or no channel")
        self.info = AudioInfo(
            self._container.format.name.split(",")[0],
            context.name,
            context.sample_rate,
            context.channels,
            None if to_its_end else self._claimed_frames(),
        )

    def __enter__(self) -> "_LibavReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def _claimed_frames(self) -> int | None:
        rate = self._stream.codec_context.sample_rate
        stream, container = self._stream, self._container
        if stream.duration is not None and stream.time_base is not None:
            return int(stream.duration * stream.time_base * rate)
        return None if container.duration is None else round(container.duration * rate / 1_000_000)

    def blocks(self, channels: Channels = "mix") -> Iterator[Float32]:
        rate, count = self.info.sample_rate, self.info.channels
        block = _block_length(count)
        out = np.empty((block, count) if channels == "all" else block, np.float32)
        done, cancelled = 0, False
        for frame in self._blocks_of_frames(rate):
            done += frame.samples
            target = out[: frame.samples]
            planes = _planes(frame)
            if channels == "all":
                for c, plane in enumerate(planes):
                    target[:, c] = plane
            else:
                _mix(planes[:1] if channels == "first" else planes, target)
                cancelled |= channels == "mix" and _take_first_if_cancelled(planes[0], target, np.float32(1), len(planes))
            if not np.isfinite(target.sum()):
                raise UndecodableAudio("not_finite", "samples hold NaN or infinity")
            yield target
        if cancelled:
            log.warning(_OPPOSITE)
        if not done:
            raise UndecodableAudio("undecodable", "no frame could be decoded")
        claimed = self.info.frames
        if self._kind in _LENGTH_IN_HEADER and claimed is not None and done < 0.95 * claimed - rate / 2:
            raise _truncated(done, claimed)

    def pcm(self) -> Iterator[Int16] | None:
        return None

    def _blocks_of_frames(self, rate: int) -> Iterator[Any]:
        """Frames of BLOCK samples: codecs give small ones, and each costs more in Python than its samples do."""
        fifo = self._av.AudioFifo()
        block = _block_length(self.info.channels)
        for frame in self._frames():
            if frame.sample_rate != rate:
                raise UndecodableAudio("rate_changes", f"the sample rate changes from {rate} to {frame.sample_rate} Hz midway")
            if frame.layout.nb_channels != self.info.channels:  # the queue below would take it, and read memory that is not there
                raise UndecodableAudio("channels_change", f"the number of channels changes from {self.info.channels} midway")
            frame.pts = None
            fifo.write(frame)
            while fifo.samples >= block:
                yield fifo.read(block)
        if fifo.samples:
            yield fifo.read()

    def _frames(self) -> Iterator[Any]:
        """Decoded frames; a rare corrupt packet is passed over, as players do, and many of them are an error."""
        good = bad = 0
        try:
            for packet in self._container.demux(self._stream):
                try:
                    for frame in packet.decode():
                        good += 1
                        yield frame
                except self._av.error.InvalidDataError:
                    bad += 1
        except self._av.error.FFmpegError as error:
            raise UndecodableAudio("undecodable", f"decoding stopped after {good} frames: {error}") from None
        if bad > 2 and bad > _MOST_BAD_PACKETS * (good + bad):
            raise UndecodableAudio("undecodable", f"{bad} of {good + bad} packets are corrupt")


def _truncated(done: int, claimed: int | None) -> UndecodableAudio:
    return UndecodableAudio("truncated", f"the header claims {claimed} frames and {done} could be read", transient=True)


_INTEGER_SCALE = {"s16": (np.int16, 2.0**-15), "s32": (np.int32, 2.0**-31)}


def _planes(frame: Any) -> list[Float32]:
    """The channels of a decoded frame as float32 views where the codec gives float32, as converted copies elsewhere."""
    name = frame.format.name
    kind, planar = (name[:-1], True) if name.endswith("p") else (name, False)
    if kind == "flt":
        arrays: list[Any] = [np.frombuffer(plane, np.float32) for plane in frame.planes]
    elif kind == "dbl":
        arrays = [np.frombuffer(plane, np.float64).astype(np.float32) for plane in frame.planes]
    elif kind in _INTEGER_SCALE:
        dtype, scale = _INTEGER_SCALE[kind]
        arrays = [np.multiply(np.frombuffer(plane, dtype), scale, dtype=np.float32) for plane in frame.planes]
    elif kind == "u8":
        arrays = [(np.frombuffer(plane, np.uint8).astype(np.float32) - 128) / 128 for plane in frame.planes]
    else:
        raise UndecodableAudio("undecodable", f"samples of type {name} are not supported")
    if planar:
        return [array[: frame.samples] for array in arrays]
    count = frame.layout.nb_channels
    interleaved = arrays[0][: frame.samples * count]
    return [interleaved[c::count] for c in range(count)]


def _take_first_if_cancelled(first: Float32, mixed: Float32, scale: np.float32, channels: int) -> bool:
    """Puts the first of two channels in the place of their mean where they cancel each other, as with a wire that is reversed."""
    if channels != 2 or float(np.dot(mixed, mixed)) >= _CANCELLED * float(np.dot(first, first)) * float(scale) ** 2:
        return False
    np.multiply(first, scale, out=mixed)
    return True


def _mix(parts: list[Float32], out: Float32, scale: np.float32 = np.float32(1)) -> Float32:  # noqa: B008  # a scalar, never changed
    """The mean of the channels times `scale`, written to `out`: several times faster than `mean(axis=1)`, which walks frame by frame."""
    if len(parts) == 1:
        np.multiply(parts[0], scale, out=out)
        return out
    np.add(parts[0], parts[1], out=out)
    for part in parts[2:]:
        out += part
    out *= scale / np.float32(len(parts))
    return out
