"""Where sound comes from: a microphone, a file at any pace, a stream by URL, raw samples on standard input."""

import queue
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np

from soundmill.audio import Channels, Resampler, open_audio, to_pcm16
from soundmill.audio.reader import Int16
from soundmill.capture.ring import Block
from soundmill.errors import SourceRefused, SourceUnavailable

BLOCK = 256  # samples
_TIMEOUT = 10.0  # seconds that a network stream may say nothing
_PIPE_BLOCKS = 1000  # that wait where the pipe may
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_LARGEST = 8192  # samples in a block of a file that is read faster than real time


def now() -> float:
    """Seconds by a clock that nobody sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(_CLOCK)


class Source(Protocol):
    """What a capture records.

    live        it comes at its own pace
    can_wait    it goes on where it was left; what is not taken of any other in time is lost
    endless     it never ends by itself: when it does, it has to be opened again
    patience    seconds without a block after which it has stalled
    started_at  moment of the first sample of a source that is its own clock; None where the machine's clock counts
    """

    sample_rate: int
    live: bool
    can_wait: bool
    endless: bool
    patience: float
    started_at: datetime | None

    def blocks(self) -> Iterator[Block]:
        """Blocks in order, until the source ends or `stop` is called."""
        ...

    def stop(self) -> None:
        """Has `blocks` end soon; may be called from another thread, more than once."""
        ...


class FileSource:
    """A file of any length and codec as if it were recorded from `started_at` on, `speed` times as fast; 0 is as fast as it goes."""

    endless, can_wait, patience = False, True, 5.0

    def __init__(self, path: Path, sample_rate: int, started_at: datetime, speed: float = 1.0, channels: Channels = "first") -> None:
        self.path, self.sample_rate, self.started_at = path, sample_rate, started_at
        self.live = speed > 0
        self._speed, self._channels = speed, channels
        self._stopped = threading.Event()

    def blocks(self) -> Iterator[Block]:
        """Raises `UndecodableAudio`."""
        size = _LARGEST if not self._speed else int(min(_LARGEST, 4 * BLOCK * max(1.0, self._speed)))
        began, position = time.monotonic(), 0
        with open_audio(self.path) as reader:
            resampled = Resampler(reader.info.sample_rate, self.sample_rate)(reader.blocks(self._channels))
            for samples in map(to_pcm16, resampled):
                for start in range(0, len(samples), size):
                    part = samples[start : start + size]
                    if self._speed:
                        due = began + (position + len(part)) / self.sample_rate / self._speed
                        if (wait := due - time.monotonic()) > 0 and self._stopped.wait(wait):
                            return
                    if self._stopped.is_set():
                        return
                    yield Block(part, position)
                    position += len(part)

    def stop(self) -> None:
        self._stopped.set()


class PcmSource:
    """Raw 16-bit little-endian samples from a pipe, at the machine's clock; or, with `started_at`, at a clock of its own.

    One thread reads the pipe for as long as it lives, so that frames stay whole when a station is turned off and on; what comes while
    nobody reads is dropped.
    """

    endless, patience = False, 5.0

    def __init__(self, pipe: BinaryIO, sample_rate: int, channels: int = 1, started_at: datetime | None = None) -> None:
        self.sample_rate, self.started_at, self.live = sample_rate, started_at, started_at is None
        self.can_wait = not self.live
        self._pipe, self._channels = pipe, channels
        self._queue: queue.Queue[Block | None] = queue.Queue(0 if self.live else _PIPE_BLOCKS)
        self._is_read, self._ended = threading.Event(), threading.Event()
        self._reader: threading.Thread | None = None

    def blocks(self) -> Iterator[Block]:
        while not self._queue.empty():  # of the time when nobody read
            self._queue.get_nowait()
        self._is_read.set()
        if self._reader is None:
            self._reader = threading.Thread(target=self._read, name="pipe", daemon=True)
            self._reader.start()
        first: int | None = None
        while self._is_read.is_set():
            try:
                block = self._queue.get(timeout=0.2)
            except queue.Empty:
                if self._ended.is_set():
                    return
                continue
            if block is None:
                return
            first = block.position if first is None else first
            yield block._replace(position=block.position - first)

    def stop(self) -> None:
        self._is_read.clear()

    def _read(self) -> None:
        frame, position, rest = 2 * self._channels, 0, b""
        while data := self._pipe.read1(BLOCK * frame):  # type: ignore[attr-defined]
            data = rest + data
            whole = len(data) - len(data) % frame
            data, rest = data[:whole], data[whole:]
            samples = np.frombuffer(data, "<i2").reshape(-1, self._channels)[:, 0].astype(np.int16)
            if len(samples) and self._is_read.is_set():
                self._queue.put(Block(samples, position, None if self.started_at else time.time(), now()))
            position += len(samples)
        self._ended.set()
        self._queue.put(None)


class StreamSource:
    """A network stream (HTTP, RTSP, whatever FFmpeg opens), its first channel."""

    live, can_wait, endless, patience, started_at = True, False, True, 30.0, None  # playlists come in bursts of ten seconds

    def __init__(self, url: str, sample_rate: int) -> None:
        self.url, self.sample_rate = url, sample_rate
        self._stopped = False

    def blocks(self) -> Iterator[Block]:
        """Raises `SourceUnavailable`."""
        import av

        position = 0
        resampler = av.AudioResampler("s16p", None, self.sample_rate)
        try:
            with av.open(self.url, timeout=(_TIMEOUT, _TIMEOUT), metadata_errors="ignore") as container:
                if not container.streams.audio:
                    raise SourceUnavailable(f"{self.url} holds no sound")
                for frame in container.decode(container.streams.audio[0]):
                    for part in resampler.resample(frame):
                        if self._stopped:
                            return
                        samples = part.to_ndarray()[0].astype(np.int16)
                        yield Block(samples, position, time.time(), now())
                        position += len(samples)
        except (av.FFmpegError, OSError) as error:
            raise SourceUnavailable(f"{self.url} cannot be recorded: {error}") from None

    def stop(self) -> None:
        self._stopped = True


class MicSource:
    """A microphone by PortAudio, its first channel. What PortAudio says it lost is a gap of as many blocks as its clock tells.

    `fresh` starts PortAudio anew: a device that came back under another number is seen in no other way.
    """

    live, can_wait, endless, patience, started_at = True, False, True, 5.0, None

    def __init__(self, device: str | int | None, sample_rate: int, channels: int = 1, fresh: bool = False) -> None:
        self.sample_rate = sample_rate
        self._device, self._channels, self._fresh = device, channels, fresh
        self._queue: queue.SimpleQueue[_Samples | None] = queue.SimpleQueue()

    def blocks(self) -> Iterator[Block]:
        """Raises `SourceRefused` where there is no PortAudio, `SourceUnavailable` where the device cannot be opened."""
        sounddevice = _sounddevice()
        if self._fresh:
            sounddevice._terminate()
            sounddevice._initialize()
        position, due = 0, None  # due: when the next block begins, by PortAudio's clock
        try:
            with sounddevice.RawInputStream(
                samplerate=self.sample_rate,
                blocksize=BLOCK,
                device=self._device,
                channels=self._channels,
                dtype="int16",
                callback=self._receive,
            ):
                while one := self._queue.get():
                    if one.lost_some and due is not None:  # measured from the block before: crystals drift apart in a month
                        position += max(0, round((one.by_its_clock - due) * self.sample_rate / BLOCK)) * BLOCK
                    yield Block(one.samples, position, one.wall, one.monotonic)
                    position += len(one.samples)
                    due = one.by_its_clock + len(one.samples) / self.sample_rate
        except (sounddevice.PortAudioError, ValueError) as error:  # a ValueError where no device has that name: it may be unplugged
            raise SourceUnavailable(f"the microphone cannot be recorded: {error}") from None

    def stop(self) -> None:
        self._queue.put(None)

    def _receive(self, data: Any, frames: int, moment: Any, status: Any) -> None:
        """Called by PortAudio's own thread for each block."""
        samples = np.frombuffer(data, np.int16).reshape(-1, self._channels)[:, 0].copy()
        self._queue.put(_Samples(samples, moment.inputBufferAdcTime, time.time(), now(), bool(status.input_overflow)))


class _Samples(NamedTuple):
    samples: Int16
    by_its_clock: float
    wall: float
    monotonic: float
    lost_some: bool


def microphones() -> list[str]:
    """Input devices, each as its number and name. Raises `SourceRefused`."""
    sounddevice = _sounddevice()
    return [f"{number}: {one['name']}" for number, one in enumerate(sounddevice.query_devices()) if one["max_input_channels"] > 0]


def _sounddevice() -> Any:
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise SourceRefused(
            f"no microphone can be recorded here ({error}): pip install sounddevice, and on Debian apt-get install libportaudio2"
        ) from None
    return sounddevice
