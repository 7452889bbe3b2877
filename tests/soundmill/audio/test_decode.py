"""Every codec in, by content; broken files out, with a code each; memory that does not grow."""

import io
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from soundmill.audio import convert, probe, seconds_of, wav_bytes
from soundmill.errors import UndecodableAudio
from tests.conftest import ROOT, tone, wav
from tests.soundmill.audio.reading import heard


def encode(samples: np.ndarray, rate: int, container: str, codec: str) -> bytes:
    """Sound in a compressed form, by libav's own encoders."""
    out = io.BytesIO()
    if codec == "vorbis":
        sf.write(out, samples, rate, format="OGG", subtype="VORBIS")
        return out.getvalue()
    with av.open(out, "w", format=container) as file:
        layout = "mono" if samples.ndim == 1 else "stereo"
        stream = file.add_stream(codec, rate=rate, layout=layout)
        planes = np.atleast_2d(samples.T if samples.ndim == 2 else samples).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(planes), format="fltp", layout=layout)
        frame.sample_rate = rate
        resampler = av.AudioResampler(stream.codec_context.format, layout, rate, frame_size=stream.codec_context.frame_size or None)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return out.getvalue()


def pitch(samples: np.ndarray, rate: int) -> float:
    """The strongest frequency in Hz."""
    return float(np.abs(np.fft.rfft(samples * np.hanning(len(samples)))).argmax() * rate / len(samples))


COMPRESSED = [
    ("mp3", "libmp3lame", 44_100),
    ("mp4", "aac", 44_100),
    ("adts", "aac", 44_100),
    ("ogg", "vorbis", 44_100),
    ("ogg", "libopus", 48_000),
    ("webm", "libopus", 48_000),
    ("flac", "flac", 44_100),
]


@pytest.mark.parametrize(("container", "codec", "rate"), COMPRESSED)
@pytest.mark.parametrize("stereo", [False, True])
def test_compressed_audio_comes_out_at_its_pitch_and_length(container: str, codec: str, rate: int, stereo: bool, tmp_path: Path) -> None:
    sound = tone(2, 1000, rate)
    file = tmp_path / "named.wav"  # the wrong extension must not matter
    file.write_bytes(encode(np.stack([sound, sound], axis=1) if stereo else sound, rate, container, codec))
    got = heard(file)
    assert probe(file).sample_rate == rate
    assert probe(file).channels == (2 if stereo else 1)
    assert len(got) == pytest.approx(2 * rate, abs=0.1 * rate)
    assert pitch(got, rate) == pytest.approx(1000, abs=2)
    assert np.abs(got[rate // 2 : rate]).max() == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"])
@pytest.mark.parametrize("channels", [1, 2, 5, 8])
def test_wav_of_any_depth_and_channel_count_is_mixed_to_their_mean(subtype: str, channels: int) -> None:
    sound = tone(0.5, 500, 16_000)
    many = np.stack([sound * (c + 1) / channels for c in range(channels)], axis=1)
    out = io.BytesIO()
    sf.write(out, many, 16_000, format="WAV", subtype=subtype)
    got = heard(out.getvalue())
    np.testing.assert_allclose(got, many.mean(axis=1), atol=0.02 if subtype in ("PCM_U8", "ULAW", "ALAW") else 1e-4)
    np.testing.assert_allclose(heard(out.getvalue(), channels="first"), many[:, 0], atol=0.02)
    assert heard(out.getvalue(), channels="all").shape == many.shape


def test_the_same_recording_in_three_codecs_sounds_the_same(data: Path) -> None:
    folder = data / "speech"
    wav_samples = heard(folder / "stereo.wav")
    assert len(heard(folder / "stereo.mp3")) == pytest.approx(len(wav_samples), abs=2400)
    opus = io.BytesIO()
    assert convert(folder / "stereo.opus", opus, 8000) == pytest.approx(len(wav_samples), abs=200)


def test_real_files_have_the_lengths_their_readme_names(data: Path) -> None:
    assert probe(data / "calls" / "call_40_agent.wav").seconds == pytest.approx(245.4, abs=0.05)
    assert probe(data / "calls" / "call_49_stereo_agent_left.flac").seconds == pytest.approx(237.6, abs=0.05)
    assert probe(data / "calls" / "mono_8bit_pcm.wav").seconds == pytest.approx(277.7, abs=0.05)


GOOD = wav(1.0)
BROKEN = {
    "empty": (b"", "empty"),
    "text": (b"not a sound at all, only words\n" * 50, "not_audio"),
    "html": (b"<!DOCTYPE html><html><body>404</body></html>", "not_audio"),
    "noise bytes": (bytes(np.random.default_rng(0).integers(0, 256, 9000, np.uint8)), "not_audio"),
    "truncated header": (GOOD[:30], "truncated"),
    "header only": (GOOD[:40], "truncated"),
    "truncated data": (GOOD[: len(GOOD) // 2], "truncated"),
    "zero channels": (GOOD[:22] + b"\0\0" + GOOD[24:], "bad_header"),
    "truncated flac": (
        encode(np.random.default_rng(0).normal(0, 0.1, 44_100).astype(np.float32), 44_100, "flac", "flac")[:30_000],
        "undecodable",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_with_its_code(name: str) -> None:
    content, code = BROKEN[name]
    with pytest.raises(UndecodableAudio) as caught:
        heard(content)
    assert caught.value.code == code
    assert str(caught.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused(bad: float) -> None:
    sound = tone(0.2)
    sound[500] = bad
    out = io.BytesIO()
    sf.write(out, sound, 44_100, format="WAV", subtype="FLOAT")
    with pytest.raises(UndecodableAudio, match="NaN") as caught:
        heard(out.getvalue())
    assert caught.value.code == "not_finite"


def test_a_folder_and_a_missing_file_are_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(UndecodableAudio) as caught:
        probe(tmp_path)
    assert caught.value.code == "not_a_file"
    with pytest.raises(UndecodableAudio) as caught:
        probe(tmp_path / "gone.wav")
    assert caught.value.code == "unreadable"


@pytest.mark.parametrize("claimed", [0, 0xFFFF_FFFF, 0x7FFF_FFFF])
def test_a_wav_written_to_a_pipe_is_read_to_its_end(claimed: int) -> None:
    piped = GOOD[:40] + claimed.to_bytes(4, "little") + GOOD[44:]
    assert len(heard(piped)) == 44_100


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=600),
    st.sampled_from([b"", b"RIFF", b"RIFF\x24\0\0\0WAVEfmt ", b"fLaC", b"OggS", b"ID3\x04", b"\0\0\0\x18ftypM4A ", b"\x1aE\xdf\xa3"]),
)
def test_any_bytes_give_audio_or_a_coded_refusal(rest: bytes, magic: bytes) -> None:
    try:
        assert np.isfinite(heard(magic + rest)).all()
    except UndecodableAudio as error:
        refusal = error.code
        assert refusal


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=1, max_size=40), st.integers(0, 3000))
def test_a_wav_with_bytes_changed_gives_audio_or_a_coded_refusal(patch: bytes, at: int) -> None:
    small = wav(0.05)
    changed = small[: at % len(small)] + patch + small[at % len(small) + len(patch) :]
    try:
        heard(changed)
    except UndecodableAudio as error:
        refusal = error.code
        assert refusal


def test_ten_hours_are_decoded_in_flat_memory(tmp_path: Path) -> None:
    script = """
import resource, sys, io
from soundmill.audio import convert, open_audio
class Nowhere(io.RawIOBase):
    def seek(self, *a): return 0
    def write(self, data): return len(data)
convert(sys.argv[1], Nowhere(), 8000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
samples = convert(sys.argv[2], Nowhere(), 8000)
print(samples, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    samples = 10 * 3600 * 8000
    for name, count in (("short.wav", 80_000), ("long.wav", samples)):
        header = bytearray(wav_bytes(np.zeros(0, np.int16), 8000))
        header[40:44] = (2 * count).to_bytes(4, "little")
        with open(tmp_path / name, "wb") as file:
            file.write(header)
            file.truncate(44 + 2 * count)  # sparse: ten hours of silence that take no room
    ran = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "short.wav", tmp_path / "long.wav"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    written, grown_kilobytes = map(int, ran.stdout.split())
    assert written == samples
    assert grown_kilobytes < 20_000


@pytest.mark.parametrize(("container", "codec"), [("mp3", "libmp3lame"), ("adts", "aac")])
@pytest.mark.parametrize("stereo_first", [True, False])
def test_a_stream_whose_channels_change_midway_is_refused(container: str, codec: str, stereo_first: bool) -> None:
    mono = tone(1.0)
    parts = [encode(np.stack([mono, mono], axis=1), 44_100, container, codec), encode(mono, 44_100, container, codec)]
    with pytest.raises(UndecodableAudio) as caught:
        heard(b"".join(parts if stereo_first else parts[::-1]))
    assert caught.value.code in ("channels_change", "undecodable")


def test_a_flac_written_to_a_pipe_has_no_length_and_is_read_to_its_end() -> None:
    flac = bytearray(encode(tone(1.0), 44_100, "flac", "flac"))
    flac[21] &= 0xF0  # the total of samples: 36 bits that end 26 bytes into the file
    flac[22:26] = bytes(4)
    assert probe(bytes(flac)).frames is None
    assert len(heard(bytes(flac))) == 44_100


def id3(size: int) -> bytes:
    return b"ID3\x03\0\0" + bytes([size >> shift & 0x7F for shift in (21, 14, 7, 0)]) + bytes(size)


def resized(content: bytes, size: int) -> bytes:
    return content[:40] + (size % 2**32).to_bytes(4, "little") + content[44:]


@pytest.mark.parametrize("tag", [0, 10, 20_000])
@pytest.mark.parametrize("extra", [0, 36, 44])
def test_a_header_that_is_a_little_wrong_costs_no_sample(tag: int, extra: int) -> None:
    whole = wav(1.0)
    odd = resized(whole, len(whole) - 44 + extra)
    if tag:
        odd = id3(tag) + odd  # as taggers write it
    np.testing.assert_array_equal(heard(odd), heard(whole))
    assert seconds_of(odd) == 1.0


@pytest.mark.parametrize("behind", [b"", b"LIST\x04\0\0\0abcd", b"\0" * 100, b"id3 \x02\0\0\0xy"])
def test_a_size_from_an_earlier_flush_is_no_end(behind: bytes) -> None:
    whole = wav(2.0)
    early = resized(whole, 44_100)  # half a second
    np.testing.assert_array_equal(heard(early), heard(whole))
    assert seconds_of(early) == pytest.approx(2.0)
    np.testing.assert_array_equal(heard(whole + behind), heard(whole))  # and what is a chunk, or padding, is no sound


def test_mp3_in_wav_is_counted_by_its_bit_rate() -> None:
    packed = encode(tone(6.0, rate=48_000), 48_000, "wav", "libmp3lame")
    assert len(heard(packed)) / 48_000 == pytest.approx(6.0, abs=0.1)


def test_a_flac_with_a_tag_before_it_is_whole() -> None:
    whole = encode(tone(2.0), 44_100, "flac", "flac")
    np.testing.assert_array_equal(heard(id3(5000) + whole), heard(whole))


def stereo_wav(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    sf.write(file, samples, 44_100, format="WAV", subtype="PCM_16")
    return file.getvalue()


@pytest.mark.parametrize("packed", [False, True])
def test_channels_in_opposite_phase_are_not_told_as_silence(packed: bool, caplog: pytest.LogCaptureFixture) -> None:
    sound = tone(1.0)
    stereo = np.stack([sound, -sound], axis=1)
    content = encode(stereo, 44_100, "mp4", "aac") if packed else stereo_wav(np.rint(stereo * 32_767).astype(np.int16))
    assert np.sqrt(np.mean(heard(content) ** 2)) == pytest.approx(np.sqrt(np.mean(sound**2)), rel=0.05)
    assert "opposite phase" in caplog.text


def test_other_stereo_stays_the_mean_of_its_channels(caplog: pytest.LogCaptureFixture) -> None:
    rng = np.random.default_rng(0)
    left, noise = rng.normal(0, 0.1, (2, 44_100)).astype(np.float32)
    for right in (np.zeros_like(left), -0.8 * left, -left + 0.1 * noise, noise):
        stereo = np.rint(np.stack([left, right], axis=1) * 32_767).astype(np.int16)
        np.testing.assert_allclose(heard(stereo_wav(stereo)), (left + right) / 2, atol=1e-4)
    assert heard(stereo_wav(np.zeros((4410, 2), np.int16))).max() == 0
    assert caplog.text == ""


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
