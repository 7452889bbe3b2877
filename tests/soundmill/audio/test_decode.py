"""Every codec in, by content; broken files out, with a code each; memory that does not grow."""

import io
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from soundmill.audio import convert, open_audio, probe, seconds_of, wav_bytes
from soundmill.errors import UndecodableAudio
from tests.conftest import ROOT, tone, wav
from tests.soundmill.audio.encoded import encode
from tests.soundmill.audio.reading import heard


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
    "zero channels": (GOOD[:22] + b"\0\0" + GOOD[24:], "bad_header"),
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


NOISE = np.random.default_rng(0).normal(0, 0.1, 6 * 44_100).astype(np.float32)


def stored(container: str, subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    sf.write(file, NOISE, 44_100, format=container, subtype=subtype)
    return file.getvalue()


CUT_SHORT = {
    **{kind: lambda kind=kind: stored(kind) for kind in ("WAV", "RF64", "AIFF", "AU", "W64", "FLAC")},
    "ADPCM": lambda: stored("WAV", "IMA_ADPCM"),
    **{
        f"{container} {codec}": lambda container=container, codec=codec: encode(NOISE, 44_100, container, codec)
        for container, codec in [("mp3", "libmp3lame"), ("matroska", "aac")]
    },
}


@pytest.mark.parametrize("name", CUT_SHORT)
def test_of_a_file_that_ends_early_what_is_there_is_kept_and_the_rest_told(name: str, caplog: pytest.LogCaptureFixture) -> None:
    content = CUT_SHORT[name]()
    half = content[: len(content) // 2]
    with open_audio(half) as reader:
        there = sum(len(block) for block in reader.blocks()) / 44_100
    assert there == pytest.approx(3.0, abs=0.25)
    assert reader.shortfall is not None
    assert (reader.shortfall.claimed, reader.shortfall.there) == (pytest.approx(6.0, abs=0.15), pytest.approx(there))
    assert "are there" in caplog.text
    with pytest.raises(UndecodableAudio) as caught, open_audio(half, "refuse") as reader:
        for _ in reader.blocks():
            pass
    assert (caught.value.code, caught.value.transient) == ("truncated", True)
    with open_audio(content, "refuse") as reader:
        assert sum(len(block) for block in reader.blocks()) / 44_100 == pytest.approx(6.0, abs=0.1)
    assert reader.shortfall is None


def test_a_flac_whose_header_claims_twice_its_length_is_as_long_as_it_is() -> None:
    whole = bytearray(stored("FLAC"))
    whole[22:26] = (2 * len(NOISE)).to_bytes(4, "big")
    np.testing.assert_array_equal(heard(bytes(whole)), heard(stored("FLAC")))
    assert seconds_of(bytes(whole)) == 6.0


def test_damage_in_the_middle_of_a_flac_costs_no_more_than_its_own_place() -> None:
    whole = stored("FLAC")
    middle = len(whole) // 2
    damaged = whole[:middle] + bytes(300) + whole[middle + 300 :]
    found = heard(damaged)
    assert len(found) > 0.9 * len(NOISE)
    np.testing.assert_array_equal(found[:44_100], heard(whole)[:44_100])
    np.testing.assert_array_equal(found[-44_100:], heard(whole)[-44_100:])


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


def _read(data: bytes) -> tuple[float, object]:
    with open_audio(data) as reader:
        frames = sum(len(block) for block in reader.blocks())
        return frames / reader.info.sample_rate, reader.shortfall


def test_a_size_that_counts_chunks_before_the_sound_is_no_loss() -> None:
    whole = wav(3)
    listed = whole[:36] + b"LIST" + struct.pack("<I", 80) + b"INFO" + b"x" * 76 + whole[36:]
    at = listed.index(b"data") + 4
    assert _read(listed[:at] + struct.pack("<I", len(listed)) + listed[at + 4 :]) == (pytest.approx(3.0), None)


def test_text_behind_the_sound_is_no_sound() -> None:
    assert _read(wav(3) + b"notes of the day " * 3000) == (pytest.approx(3.0), None)


@pytest.mark.parametrize("tags", [[30, 200], [60, 10, 4000]])
def test_several_tags_before_a_file_cost_nothing(tags: list[int]) -> None:
    before = b"".join(b"ID3\x04\0\0\0\0" + bytes([size >> 7, size & 127]) + b"\0" * size for size in tags)
    samples = np.random.default_rng(0).integers(-9000, 9000, 24_000).astype(np.int16)
    au = b".snd" + struct.pack(">IIIII", 24, 48_000, 3, 8000, 1) + samples.astype(">i2").tobytes()
    for file in (wav(3), au):
        assert _read(before + file) == (pytest.approx(3.0), None)
    half = au[:8] + struct.pack(">I", 24_000) + au[12:]
    assert _read(half) == (pytest.approx(3.0), None)  # a size from an earlier flush


def test_a_caf_that_ends_early_is_kept_and_the_rest_told() -> None:
    samples = np.random.default_rng(0).integers(-9000, 9000, 24_000).astype(np.int16)
    file = io.BytesIO()
    sf.write(file, samples, 8000, format="CAF", subtype="PCM_16")
    seconds, shortfall = _read(file.getvalue()[: len(file.getvalue()) // 2])
    assert seconds == pytest.approx(1.5, abs=0.3)
    assert "3.0 s" in str(shortfall)
