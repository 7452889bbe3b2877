"""Tracks, containers of cameras, streams whose format changes, and chained Ogg."""

import io

import av
import numpy as np
import pytest

from soundmill.audio import open_audio
from soundmill.audio.libav import ogg_links, sliced
from tests.conftest import tone
from tests.soundmill.audio.encoded import encode
from tests.soundmill.audio.reading import heard


def of_several_tracks(*tracks: np.ndarray, default: int) -> bytes:
    """An MP4 of audio tracks, of which one is marked as the default."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        streams = [container.add_stream("aac", rate=44_100, layout="mono") for _ in tracks]
        for number, stream in enumerate(streams):
            stream.disposition = av.stream.Disposition.default if number == default else av.stream.Disposition(0)
        for samples, stream in zip(tracks, streams, strict=True):
            for start in range(0, len(samples), 1024):
                frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="fltp", layout="mono")
                frame.sample_rate, frame.pts = 44_100, start
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return target.getvalue()


def test_the_track_that_is_marked_as_the_default_is_read() -> None:
    sound, silence = tone(1.0), np.zeros(44_100, np.float32)
    assert np.abs(heard(of_several_tracks(silence, sound, default=1))).max() > 0.1
    assert np.abs(heard(of_several_tracks(silence, sound, default=0))).max() < 0.01


@pytest.mark.parametrize(("container", "codec"), [("avi", "pcm_s16le"), ("avi", "adpcm_ima_wav"), ("mpeg", "mp2"), ("flv", "aac")])
def test_sound_of_camera_files_is_read(container: str, codec: str) -> None:
    found = heard(encode(tone(2.0), 44_100, container, codec))
    assert len(found) / 44_100 == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize(("container", "codec"), [("mp3", "libmp3lame"), ("adts", "aac")])
@pytest.mark.parametrize("stereo_first", [True, False])
def test_a_stream_whose_channels_change_midway_is_read_on_as_it_began(container: str, codec: str, stereo_first: bool) -> None:
    mono = tone(1.0)
    parts = [encode(np.stack([mono, mono], axis=1), 44_100, container, codec), encode(mono, 44_100, container, codec)]
    content = b"".join(parts if stereo_first else parts[::-1])
    with open_audio(content) as reader:
        shapes = {block.shape[1] for block in reader.blocks("all")}
        assert shapes == {reader.info.channels}
    assert len(heard(content)) / 44_100 == pytest.approx(2.0, abs=0.15)
    assert np.sqrt(np.mean(heard(content)[-20_000:-10_000] ** 2)) == pytest.approx(np.sqrt(np.mean(mono**2)), rel=0.2)


def ogg(seconds: float, rate: int, codec: str, channels: int = 1) -> bytes:
    sound = tone(seconds, rate=rate)
    return encode(sound if channels == 1 else np.stack([sound] * channels, axis=1), rate, "ogg", codec)


@pytest.mark.parametrize("channels", ["mix", "all"])
def test_ogg_files_one_behind_another_are_read_to_the_last_at_the_rate_of_the_first(channels: str) -> None:
    chain = ogg(2.0, 48_000, "vorbis") + ogg(1.0, 44_100, "vorbis") + ogg(1.0, 48_000, "libopus") + ogg(2.0, 32_000, "vorbis", 2)
    found = heard(chain, channels=channels)
    assert found.ndim == (1 if channels == "mix" else 2)
    assert len(found) / 48_000 == pytest.approx(6.0, abs=0.1)
    for second in (0.5, 2.5, 3.5, 5.0):  # each is heard at its pitch
        part = found.reshape(len(found), -1)[round(second * 48_000) :][:9_600, 0]
        assert np.argmax(np.abs(np.fft.rfft(part))) * 5 == pytest.approx(440, abs=10)


def test_where_ogg_files_end_is_seen_by_the_pages_that_begin() -> None:
    first, second = ogg(1.0, 48_000, "vorbis"), ogg(1.0, 24_000, "libopus")
    assert ogg_links(io.BytesIO(first), len(first)) == [(0, len(first))]
    chain = first + second
    assert ogg_links(io.BytesIO(chain), len(chain)) == [(0, len(first)), (len(first), len(chain))]
    damaged = first[:500] + b"no page" + first[500:]
    assert ogg_links(io.BytesIO(damaged), len(damaged)) == [(0, len(damaged))]


def test_a_slice_of_a_file_is_a_file() -> None:
    part = sliced(io.BytesIO(b"0123456789"), 2, 6)
    assert (part.read(2), part.read(), part.read()) == (b"23", b"45", b"")
    assert (part.seek(1), part.read(1), part.seek(-1, io.SEEK_END), part.read()) == (1, b"3", 3, b"5")
