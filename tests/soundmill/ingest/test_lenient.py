"""Heads of answers that h11 would refuse, and that everybody else reads."""

import asyncio
from typing import Any

import httpcore
import pytest

from soundmill.ingest.lenient import LenientStream, exact_encodings, mended_head

BODY = b"HTTP/ is no head here\r\n\r\n"


class Canned(httpcore.AsyncNetworkStream):
    def __init__(self, blocks: list[bytes]) -> None:
        self._blocks = blocks

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._blocks.pop(0) if self._blocks else b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        pass

    async def aclose(self) -> None:
        pass

    def get_extra_info(self, info: str) -> Any:
        return None


def through(blocks: list[bytes], answers: int = 1) -> bytes:
    async def read() -> bytes:
        stream, got = LenientStream(Canned(blocks)), b""
        for _ in range(answers):
            await stream.write(b"GET / HTTP/1.1\r\n\r\n")
            while block := await stream.read(7):
                got += block
                if got.endswith(BODY):
                    break
        return got

    return asyncio.run(read())


@pytest.mark.parametrize(
    ("line", "mended"),
    [
        (b"X-XSS-Protection : 1", b""),
        (b"Content Security Policy: x", b""),
        (b"no colon here", b""),
        (b"A: 1\r\n  and 2", b"A: 1 and 2\r\n"),
        (b"B: gr\xf6\xdfe", b"B: gr\xf6\xdfe\r\n"),
        (b"C: a\0b", b"C: ab\r\n"),
    ],
)
def test_lines_that_are_no_fields_are_left_out(line: bytes, mended: bytes) -> None:
    assert mended_head(b"HTTP/1.1 200 OK\r\n" + line + b"\r\nEtag: x") == b"HTTP/1.1 200 OK\r\n" + mended + b"Etag: x\r\n\r\n"


@pytest.mark.parametrize(
    ("status", "mended"),
    [
        (b"ICY 200 OK", b"HTTP/1.0 200 OK"),
        (b"http/1.1 200 OK", b"HTTP/1.1 200 OK"),
        (b"HTTP/2 200", b"HTTP/1.1 200 "),
        (b"nonsense", b"nonsense"),
    ],
)
def test_a_status_line_is_read_in_any_spelling(status: bytes, mended: bytes) -> None:
    assert mended_head(status) == mended + b"\r\n\r\n"


def test_of_a_very_long_head_what_matters_is_kept() -> None:
    long = b"\r\n".join(b"X-Pad-%d: " % n + b"x" * 4000 for n in range(40))
    assert mended_head(b"HTTP/1.1 200 OK\r\n" + long + b"\r\nContent-Length: 5") == b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


def test_bodies_pass_as_they_are_in_blocks_of_any_size() -> None:
    answer = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nbad line\r\nA: 1\r\n\r\n" + BODY
    wanted = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: 1\r\n\r\n" + BODY
    assert through([answer]) == wanted
    assert through([answer[n : n + 1] for n in range(len(answer))]) == wanted
    assert through([answer, answer], answers=2) == wanted * 2  # one connection, two answers


def test_what_is_no_head_passes_as_it_is() -> None:
    assert through([b"RIFF", b"WAVE"]) == b"RIFFWAVE"
    assert through([b"HTTP/1.1 200 OK\r\nA: "]) == b"HTTP/1.1 200 OK\r\nA: "  # the connection ended
    assert through([]) == b""


def test_only_compressions_count_as_encodings() -> None:
    assert exact_encodings(["aws-chunked, UTF-8", "binary", "none", "", "identity"]) == []
    assert exact_encodings(["x-gzip, aws-chunked", "GZIP"]) == ["gzip", "gzip"]
    assert exact_encodings(["br"]) == ["br"]


def test_folded_lengths_lone_returns_and_identity_are_taken_as_curl_takes_them() -> None:
    assert mended_head(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n X-A: 1") == b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n"
    assert mended_head(b"HTTP/1.1 200 OK\r\nX-A: 1\rX-B: 2") == b"HTTP/1.1 200 OK\r\nX-A: 1\r\nX-B: 2\r\n\r\n"
    identity = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 5"
    assert mended_head(identity) == b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
