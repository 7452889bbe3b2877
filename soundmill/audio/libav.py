"""Reading with libav (PyAV): every container and codec that libsndfile does not know, and what it gives up on."""

import io
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import groupby
from typing import Any, BinaryIO

import numpy as np

from soundmill.audio.reader import AudioInfo, Channels, Float32, Int16, Mixer, Shortfall, block_length
from soundmill.audio.sniff import HEAD_BYTES, Format, tag_length
from soundmill.errors import UndecodableAudio

_NAMES: dict[Format, str] = {"ogg": "ogg", "mov": "mov", "matroska": "matroska", "wav": "wav"}  # others: libav's own probe
_KNOWN = "aac,ac3,avi,flv,mpeg,aiff,amr,amrnb,amrwb,asf,au,caf,dts,eac3,flac,matroska,webm,mov,mp3,mpegts,ogg,truehd,tta,w64,wav,wv"
_CLAIMS_LENGTH = frozenset({"mov", "matroska", "flv", "flac", "aiff", "au", "caf", "w64", "wv", "tta"})  # as libav names them
_MOST_BAD_PACKETS = 0.05
_INTEGER_SCALE = {"s16": (np.int16, 2.0**-15), "s32": (np.int32, 2.0**-31)}


class LibavReader:
    """The audio track marked as default, or the first. `to_its_end` passes over the length that a WAV's header claims."""

    def __init__(self, place: str | BinaryIO, kind: Format, to_its_end: bool = False, share: float = 1.0) -> None:
        import av

        self._av = av
        options = {"format_whitelist": _KNOWN, "protocol_whitelist": "file", **({"ignore_length": "1"} if to_its_end else {})}
        claims = kind != "mp3" or _counts_its_frames(place)
        place = f"file:{place}" if isinstance(place, str) else place  # a name with a colon is still a file's
        try:
            self._container: Any = av.open(place, mode="r", format=_NAMES.get(kind), options=options, metadata_errors="ignore")
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
        name = self._container.format.name.split(",")[0]
        self._claims_length = claims and (name in _CLAIMS_LENGTH or kind == "mp3") and not to_its_end
        frames = None if to_its_end else self._claimed_frames()
        self.info = AudioInfo(name, context.name, context.sample_rate, context.channels, frames)
        self.shortfall: Shortfall | None = None
        self.cancelled, self._share = False, share

    def __enter__(self) -> "LibavReader":
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
        """As `AudioReader` says. A later rate or number of channels becomes that of the beginning."""
        rate, count = self.info.sample_rate, self.info.channels
        block = block_length(count)
        out = np.empty((block, count) if channels == "all" else block, np.float32)
        mixer, done = Mixer(channels), 0
        for frame in self._blocks_of_frames(rate):
            done += frame.samples
            target = out[: frame.samples]
            planes = _planes(frame)
            if len(planes) != count:
                planes = [np.mean(planes, axis=0)] * count
            if channels == "all":
                for c, plane in enumerate(planes):
                    target[:, c] = plane
            else:
                mixer(planes, target)
            if not np.isfinite(target.sum()):
                raise UndecodableAudio("not_finite", "samples hold NaN or infinity")
            yield target
        self.cancelled = mixer.cancelled
        if not done:
            raise UndecodableAudio("undecodable", "no frame could be decoded")
        claimed = self.info.frames
        if self._claims_length and claimed is not None and done < 0.95 * claimed - rate / 2:
            self.shortfall = Shortfall(claimed / rate, done / rate)
        elif self._share < 1:
            self.shortfall = Shortfall(done / self._share / rate, done / rate)

    def pcm(self) -> Iterator[Int16] | None:
        """None: what libav gives is converted anyway."""
        return None

    def _blocks_of_frames(self, rate: int) -> Iterator[Any]:
        """Frames of a block each: codecs give small ones, and each costs more in Python than its samples do.

        Where the format changes midway, what comes is brought to `rate`; its channels are left as they are.
        """
        block = block_length(self.info.channels)
        for _, part in groupby(self._frames(), lambda frame: (frame.format.name, frame.layout.name, frame.sample_rate)):
            fifo = self._av.AudioFifo()
            for frame in self._at_rate(part, rate):
                frame.pts = None
                fifo.write(frame)
                while fifo.samples >= block:
                    yield fifo.read(block)
            if fifo.samples:
                yield fifo.read()

    def _at_rate(self, frames: Iterator[Any], rate: int) -> Iterator[Any]:
        """Frames of one format at a rate in Hz."""
        resampler: Any = None
        for frame in frames:
            if frame.sample_rate == rate:
                yield frame
                continue
            resampler = resampler or self._av.AudioResampler(frame.format.name, frame.layout.name, rate)
            yield from resampler.resample(frame)
        if resampler:
            yield from resampler.resample(None)

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
            if not (good and self._claims_length):  # else what was read is kept, and what is missing told
                raise UndecodableAudio("undecodable", f"decoding stopped after {good} frames: {error}") from None
        if bad > 2 and bad > _MOST_BAD_PACKETS * (good + bad):
            raise UndecodableAudio("undecodable", f"{bad} of {good + bad} packets are corrupt")


class ChainedReader:
    """Ogg files one behind another, as a dump of a radio has them: libav gives up where the format changes, so each is opened by itself."""

    def __init__(self, file: BinaryIO, links: list[tuple[int, int]]) -> None:
        self._file, self._links = file, links
        with LibavReader(sliced(file, *links[0]), "ogg") as first:
            self.info = AudioInfo("ogg", first.info.codec, first.info.sample_rate, first.info.channels, None)
        self.shortfall: Shortfall | None = None
        self.cancelled = False

    def blocks(self, channels: Channels = "mix") -> Iterator[Float32]:
        """As `AudioReader` says, at the rate and with the channels of the first file."""
        for start, end in self._links:
            with LibavReader(sliced(self._file, start, end), "ogg") as link:
                if link.info.sample_rate == self.info.sample_rate and link.info.channels == self.info.channels:
                    yield from link.blocks(channels)
                else:
                    yield from self._fitted(link, channels)
                self.cancelled |= link.cancelled

    def pcm(self) -> Iterator[Int16] | None:
        """None: what libav gives is converted anyway."""
        return None

    def _fitted(self, link: LibavReader, channels: Channels) -> Iterator[Float32]:
        """A link's sound at the first one's rate; where all channels are asked for, each of them has the mean of the link's."""
        import soxr

        many = channels == "all" and link.info.channels != self.info.channels
        wide = channels == "all" and not many
        stream = soxr.ResampleStream(link.info.sample_rate, self.info.sample_rate, link.info.channels if wide else 1, "float32", "VHQ")
        for block in link.blocks("all" if wide else "mix" if many else channels):
            yield self._widened(stream.resample_chunk(block), many)
        last = np.empty((0, link.info.channels) if wide else 0, np.float32)
        yield self._widened(stream.resample_chunk(last, last=True), many)

    def _widened(self, block: Float32, many: bool) -> Float32:
        return np.repeat(block[:, None], self.info.channels, axis=1) if many else block


def ogg_links(file: BinaryIO, size: int) -> list[tuple[int, int]]:
    """Where each of the Ogg files in a file begins and ends: at a page that begins a stream behind one that does not."""
    starts, position, in_head = [0], 0, True
    while position + 27 <= size:
        file.seek(position)
        page = file.read(27)
        if page[:4] != b"OggS":
            break  # damage: libav finds the next page by itself
        begins = bool(page[5] & 2)
        if begins and not in_head:
            starts.append(position)
        in_head = begins
        position += 27 + page[26] + sum(file.read(page[26]))
    return list(zip(starts, [*starts[1:], size], strict=True))


def sliced(file: BinaryIO, start: int, end: int | None = None) -> BinaryIO:
    """A file from `start` to `end`, bytes; to its end where that is None."""
    return io.BufferedReader(_Slice(file, start, end))


class _Slice(io.RawIOBase):
    def __init__(self, file: BinaryIO, start: int, end: int | None = None) -> None:
        self._file, self._start = file, start
        self._end = file.seek(0, io.SEEK_END) if end is None else end
        file.seek(start)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(max(0, min(len(buffer), self._end - self._file.tell())))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: self._start, io.SEEK_CUR: self._file.tell(), io.SEEK_END: self._end}[whence]
        return self._file.seek(base + offset) - self._start


def _counts_its_frames(place: str | BinaryIO) -> bool:
    """Whether an MP3 says in its first frame how many there are; else its length is guessed from its bit rate."""
    file = open(place, "rb") if isinstance(place, str) else place  # noqa: SIM115  # closed below
    with ExitStack() as stack:
        if isinstance(place, str):
            stack.enter_context(file)
        file.seek(0)
        file.seek(tag_length(file.read(HEAD_BYTES)))
        head = file.read(HEAD_BYTES)
        file.seek(0)
    if b"VBRI" in head:
        return True
    mark = max(head.find(b"Xing"), head.find(b"Info"))
    return 0 <= mark <= len(head) - 8 and bool(struct.unpack(">I", head[mark + 4 : mark + 8])[0] & 1)


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
