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
from soundmill.audio.wav import Int16
from soundmill.capture.ring import Block

BLOCK = 256  # samples
_TIMEOUT = 10.0  # seconds that a network stream may say nothing
_LARGEST = 8192  # samples in a block of a file that is read faster than real time


class SourceRefused(ValueError):
    """A source that cannot be heard here, with what to do about it."""


class SourceAway(RuntimeError):
    """A source that cannot be heard now, and may be later."""


class Source(Protocol):
    """What a capture hears.

    live        it cannot wait: what is not taken in time is lost
    endless     it never ends by itself: when it does, it has to be opened again
    started_at  moment of the first sample of a source that is its own clock; None where the machine's clock counts
    """

    sample_rate: int
    live: bool
    endless: bool
    started_at: datetime | None

    def blocks(self) -> Iterator[Block]:
        """Blocks in order, until the source ends or `stop` is called."""
        ...

    def stop(self) -> None:
        """Has `blocks` end soon; may be called from another thread, more than once."""
        ...


class FileSource:
    """A file of any length and codec as if it were heard from `started_at` on, `speed` times as fast; 0 is as fast as it goes."""

    endless = False

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
    """Raw 16-bit little-endian samples from a pipe, at the machine's clock; or, with `started_at`, at a clock of its own."""

    endless = False

    def __init__(self, pipe: BinaryIO, sample_rate: int, channels: int = 1, started_at: datetime | None = None) -> None:
        self.sample_rate, self.started_at, self.live = sample_rate, started_at, started_at is None
        self._pipe, self._channels, self._stopped = pipe, channels, False

    def blocks(self) -> Iterator[Block]:
        frame, position, rest = 2 * self._channels, 0, b""
        while not self._stopped and (data := self._pipe.read1(BLOCK * frame)):  # type: ignore[attr-defined]
            data = rest + data
            whole = len(data) - len(data) % frame
            data, rest = data[:whole], data[whole:]
            samples = np.frombuffer(data, "<i2").reshape(-1, self._channels)[:, 0].astype(np.int16)
            if len(samples):
                wall = None if self.started_at else time.time()
                yield Block(samples, position, wall, time.monotonic())
                position += len(samples)

    def stop(self) -> None:
        self._stopped = True


class StreamSource:
    """A network stream (HTTP, RTSP, whatever FFmpeg opens), its first channel."""

    live, endless, started_at = True, True, None

    def __init__(self, url: str, sample_rate: int) -> None:
        self.url, self.sample_rate = url, sample_rate
        self._stopped = False

    def blocks(self) -> Iterator[Block]:
        """Raises `SourceAway`."""
        import av

        position = 0
        resampler = av.AudioResampler("s16p", None, self.sample_rate)
        try:
            with av.open(self.url, timeout=(_TIMEOUT, _TIMEOUT)) as container:
                if not container.streams.audio:
                    raise SourceAway(f"{self.url} holds no sound")
                for frame in container.decode(container.streams.audio[0]):
                    for part in resampler.resample(frame):
                        if self._stopped:
                            return
                        samples = part.to_ndarray()[0].astype(np.int16)
                        yield Block(samples, position, time.time(), time.monotonic())
                        position += len(samples)
        except (av.FFmpegError, OSError) as error:
            raise SourceAway(f"{self.url} cannot be heard: {error}") from None

    def stop(self) -> None:
        self._stopped = True


class MicSource:
    """A microphone by PortAudio, its first channel. What PortAudio says it lost is a gap of as many blocks as its clock tells.

    `fresh` starts PortAudio anew: a device that came back under another number is seen in no other way.
    """

    live, endless, started_at = True, True, None

    def __init__(self, device: str | int | None, sample_rate: int, channels: int = 1, fresh: bool = False) -> None:
        self.sample_rate = sample_rate
        self._device, self._channels, self._fresh = device, channels, fresh
        self._queue: queue.SimpleQueue[_Heard | None] = queue.SimpleQueue()

    def blocks(self) -> Iterator[Block]:
        """Raises `SourceRefused` where there is no PortAudio, `SourceAway` where the device cannot be opened."""
        sounddevice = _sounddevice()
        if self._fresh:
            sounddevice._terminate()
            sounddevice._initialize()
        position, first = 0, None
        try:
            with sounddevice.RawInputStream(
                samplerate=self.sample_rate,
                blocksize=BLOCK,
                device=self._device,
                channels=self._channels,
                dtype="int16",
                callback=self._heard,
            ):
                while one := self._queue.get():
                    first = one.by_its_clock if first is None else first
                    if one.lost_some:
                        there = (one.by_its_clock - first) * self.sample_rate
                        position += max(0, round((there - position) / BLOCK)) * BLOCK
                    yield Block(one.samples, position, one.wall, one.monotonic)
                    position += len(one.samples)
        except sounddevice.PortAudioError as error:
            raise SourceAway(f"the microphone cannot be heard: {error}") from None

    def stop(self) -> None:
        self._queue.put(None)

    def _heard(self, data: Any, frames: int, moment: Any, status: Any) -> None:
        """Called by PortAudio's own thread for each block."""
        samples = np.frombuffer(data, np.int16).reshape(-1, self._channels)[:, 0].copy()
        self._queue.put(_Heard(samples, moment.inputBufferAdcTime, time.time(), time.monotonic(), bool(status.input_overflow)))


class _Heard(NamedTuple):
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
            f"no microphone can be heard here ({error}): pip install 'soundmill[mic]', and on Debian apt-get install libportaudio2"
        ) from None
    return sounddevice
