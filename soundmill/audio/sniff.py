"""What a file holds, by its first bytes and never by its name."""

import struct
from dataclasses import dataclass, field
from typing import BinaryIO, Literal

HEAD_BYTES = 4096
Format = Literal["wav", "flac", "aiff", "au", "caf", "ogg", "mp3", "aac", "mov", "matroska", "unknown", "text", "html", "empty"]

_UNKNOWN_LENGTH = 0x7FFF_0000  # programs that write WAV to a pipe claim at least this much, or nothing


def sniff(head: bytes) -> Format:
    """The container that the first bytes (at least 64, at best 4,096) of a file announce."""
    if not head:
        return "empty"
    magic = head[:4]
    if magic in (b"RIFF", b"RF64", b"RIFX", b"riff") and (len(head) < 12 or head[8:12] == b"WAVE" or magic == b"riff"):
        return "wav"
    if magic == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    by_magic: dict[bytes, Format] = {b"fLaC": "flac", b"OggS": "ogg", b".snd": "au", b"caff": "caf", b"\x1a\x45\xdf\xa3": "matroska"}
    if magic in by_magic:
        return by_magic[magic]
    if head[4:8] == b"ftyp":
        return "mov"
    if tag_length(head):
        return "mp3"  # what else may lie behind a tag, `open_audio` sees
    if len(head) > 3 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "aac"
    if len(head) > 3 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 and head[2] & 0xF0 != 0xF0:
        return "mp3"
    return _text_kind(head)


def tag_length(head: bytes) -> int:
    """Bytes of an ID3v2 tag in front of the sound, as taggers put it also before WAV and FLAC; 0 where there is none."""
    if head[:3] != b"ID3" or len(head) < 10 or any(byte & 0x80 for byte in head[6:10]):
        return 0
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte
    return 10 + size + (10 if head[5] & 0x10 else 0)


def _text_kind(head: bytes) -> Format:
    if b"\0" in head:
        return "unknown"
    try:
        head[: len(head) - 3].decode("utf-8")
    except UnicodeDecodeError:
        return "unknown"
    start = head.lstrip()[:256].lower()
    return "html" if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) else "text"


_TEXT = 256  # bytes that are no sound where all of them are letters


@dataclass(frozen=True)
class DataChunk:
    """A file's sound: bytes its header claims (None where the writer did not know), bytes that are there, and whether it runs on behind
    what is claimed: the size is from an earlier flush, or wrapped at 4 GiB. The sound begins `start` bytes into the file."""

    claimed: int | None
    present: int
    runs_on: bool = False
    start: int = field(default=0, compare=False)


def data_chunk(file: BinaryIO, kind: Format, size: int) -> DataChunk | None:
    """Where the sound of a file of `size` bytes lies by its header; None where none is found, or the container is not known here.

    Leaves the position changed.
    """
    file.seek(0)
    header = file.read(16)
    if kind == "wav" and header[:4] == b"riff":
        return _w64_chunk(file, size)
    if kind == "wav":
        return _riff_chunk(file, size, ">" if header[:4] == b"RIFX" else "<", b"data")
    if kind == "aiff":
        return _riff_chunk(file, size, ">", b"SSND")
    if kind == "au" and len(header) >= 12:
        start, length = struct.unpack(">II", header[4:12])
        present = size - start
        return DataChunk(None if length >= _UNKNOWN_LENGTH else length, present, runs_on=0 < length < present, start=start)
    if kind == "caf":
        return _caf_chunk(file, size)
    return None


def _riff_chunk(file: BinaryIO, size: int, order: str, wanted: bytes) -> DataChunk | None:
    """Walks the chunks of a RIFF, RF64 or AIFF file."""
    long_data: int | None = None
    position = 12
    while position + 8 <= size:
        file.seek(position)
        name, length = struct.unpack(order + "4sI", file.read(8))
        if name == b"ds64" and len(sizes := file.read(16)) == 16:
            _, long_data = struct.unpack("<QQ", sizes)
        if name == wanted:
            present = size - position - 8
            if length == 0xFFFF_FFFF and long_data is not None:
                return DataChunk(long_data, present, start=position + 8)
            unknown = (length >= _UNKNOWN_LENGTH and length > present) or (length == 0 and present > 0)
            if unknown:
                return DataChunk(None, present)
            runs_on = wanted == b"data" and _runs_on(file, position + 8 + length + (length & 1), size, order)
            return DataChunk(length, present, runs_on, position + 8)
        position += 8 + length + (length & 1)
    return None


def _caf_chunk(file: BinaryIO, size: int) -> DataChunk | None:
    """Walks the chunks of a Core Audio file: names of 4 bytes, lengths of 8, -1 where the writer did not know; sound lies behind 4 more."""
    position = 8
    while position + 12 <= size:
        file.seek(position)
        name, length = struct.unpack(">4sq", file.read(12))
        if name == b"data":
            return DataChunk(None if length < 0 else length - 4, size - position - 16, start=position + 16)
        if length < 0:
            return None
        position += 12 + length
    return None


def _w64_chunk(file: BinaryIO, size: int) -> DataChunk | None:
    """Walks the chunks of a Wave64 file: names of 16 bytes, lengths of 8 that count both, at multiples of 8."""
    position = 40
    while position + 24 <= size:
        file.seek(position)
        name, length = struct.unpack("<16sQ", file.read(24))
        if name[:4] == b"data":
            return DataChunk(length - 24, size - position - 24, start=position + 24)
        position += max(24, length + 7 & ~7)
    return None


def _runs_on(file: BinaryIO, end: int, size: int, order: str) -> bool:
    """Whether what lies behind the data chunk is sound: no chunk, which is a name of four letters and a length that fits, and no text."""
    if end + 8 > size:
        return False
    file.seek(end)
    if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in file.read(_TEXT)):
        return False
    file.seek(end)
    while end + 8 <= size:
        name, length = struct.unpack(order + "4sI", file.read(8))
        if not all(32 <= byte < 127 for byte in name) or end + 8 + length > size:
            return any(name)  # zeros are padding
        end += 8 + length + (length & 1)
        file.seek(end)
    return False
