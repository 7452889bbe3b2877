"""What a file holds is told by its first bytes."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundmill.audio.sniff import DataChunk, data_chunk, sniff, tag_length
from tests.conftest import wav


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"", "empty"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "wav"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "wav"),
        (b"RIFF\x24\0\0\0AVI LIST", "unknown"),
        (b"FORM\0\0\0\x10AIFCFVER", "aiff"),
        (b"fLaC\0\0\0\x22", "flac"),
        (b"OggS\0\x02", "ogg"),
        (b"\0\0\0\x20ftypM4A ", "mov"),
        (b"\x1a\x45\xdf\xa3\x01", "matroska"),
        (b"ID3\x04\0\0\0\0\0\0", "mp3"),
        (b"\xff\xfb\x90\x64", "mp3"),
        (b"\xff\xf1\x50\x80", "aac"),
        (b"  <!DOCTYPE html><title>Sign in</title>", "html"),
        ("Größe und Länge, in Worten".encode(), "text"),
        (b"\x01\x02\x03\0", "unknown"),
    ],
)
def test_a_container_is_known_by_its_first_bytes(head: bytes, found: str) -> None:
    assert sniff(head) == found


@given(st.binary(max_size=4096))
def test_any_bytes_are_something(head: bytes) -> None:
    assert (sniff(head) == "empty") == (head == b"")


def test_a_data_chunk_says_what_is_claimed_and_what_is_there() -> None:
    whole = wav(0.1)
    claimed = len(whole) - 44
    assert data_chunk(io.BytesIO(whole), "wav", len(whole)) == DataChunk(claimed, claimed)
    assert data_chunk(io.BytesIO(whole[:200]), "wav", 200) == DataChunk(claimed, 156)
    for unknown in (0xFFFF_FFFF, 0):  # what programs write that do not know the length yet
        open_ended = whole[:40] + struct.pack("<I", unknown) + whole[44:]
        assert data_chunk(io.BytesIO(open_ended), "wav", len(open_ended)) == DataChunk(None, claimed)


def test_a_data_chunk_lies_behind_others_of_odd_length_and_may_be_missing() -> None:
    odd = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    body = b"RIFF\0\0\0\0WAVE" + odd + b"data" + struct.pack("<I", 4) + b"1234"
    assert data_chunk(io.BytesIO(body), "wav", len(body)) == DataChunk(4, 4)
    assert data_chunk(io.BytesIO(body[:-12]), "wav", len(body) - 12) is None


def test_sizes_beyond_four_gigabytes_are_those_of_the_ds64_chunk() -> None:
    long = 5 << 30
    ds64 = b"ds64" + struct.pack("<IQQI", 20, long + 60, long, 0)
    body = b"RF64\xff\xff\xff\xffWAVE" + ds64 + b"data\xff\xff\xff\xff"
    assert data_chunk(io.BytesIO(body + b"\0" * 8), "wav", len(body) + 8) == DataChunk(long, 8)


def test_a_tag_s_length_is_in_seven_bits_a_byte() -> None:
    assert tag_length(b"ID3\x04\0\0\0\0\x01\x02") == 10 + 130
    assert tag_length(b"ID3\x04\0\x10\0\0\0\x02") == 10 + 2 + 10  # with a footer
    assert tag_length(b"ID3\x04\0\0\0\0\xff\x02") == tag_length(b"RIFF") == tag_length(b"ID3") == 0
