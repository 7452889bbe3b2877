"""Servers' answers as they are: h11 refuses an answer for one bad line in its head, where browsers and curl pass over the line."""

import re
from collections.abc import Iterable
from typing import Any

import httpcore

_STATUS = re.compile(rb"(?i)^(?:http/([0-9])(?:\.([0-9]))?|icy)[ \t]+([0-9]{3})(?:[ \t]+(.*))?$")
_FIELD = re.compile(rb"^[!#$%&'*+.^_`|~0-9A-Za-z-]+:")
_IDENTITY = re.compile(rb"(?i)^transfer-encoding[ \t]*:[ \t]*identity[ \t]*$")  # which says nothing, and is of old standards
_CONTENT_LENGTH = re.compile(rb"(?i)^(content-length[ \t]*:[ \t]*[0-9]+)[ \t].*$")  # with a line folded into it
_FOLDED = (b" ", b"\t")
_LONGEST_HEAD = 300 << 10  # bytes, as in curl
_LONG_HEAD = 64 << 10  # above it, lines that nobody reads here are left out: h11 takes 100 KB
_READ = (b"content-", b"transfer-", b"location:", b"connection:", b"etag:", b"last-modified:", b"date:", b"retry-after:", b"set-cookie:",
         b"digest:", b"repr-digest:", b"x-goog-")  # fmt: skip


class LenientStream(httpcore.AsyncNetworkStream):
    """A connection whose answers' heads are mended on their way to h11."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._in_head, self._head, self._ready = False, b"", b""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """As httpcore asks; the head of an answer comes in one piece, mended."""
        while not self._ready and self._in_head:
            if end := re.search(rb"\r?\n\r?\n", self._head):
                self._take_head(self._head[: end.start()], self._head[end.end() :])
                continue
            block = await self._inner.read(max_bytes, timeout)
            self._head += block
            if not block or len(self._head) > _LONGEST_HEAD or not _may_be_head(self._head):
                self._in_head, self._ready, self._head = False, self._head, b""
                if not self._ready:
                    return b""
        if self._ready:
            given, self._ready = self._ready[:max_bytes], self._ready[max_bytes:]
            return given
        return await self._inner.read(max_bytes, timeout)

    def _take_head(self, head: bytes, rest: bytes) -> None:
        self._in_head = _is_interim(head)  # then another one follows
        self._ready = mended_head(head) + (b"" if self._in_head else rest)
        self._head = rest if self._in_head else b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """As httpcore asks; an answer's head comes next."""
        self._in_head = True
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        """Closes the connection."""
        await self._inner.aclose()

    async def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> "LenientStream":
        """The same over TLS."""
        return LenientStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """As httpcore asks."""
        return self._inner.get_extra_info(info)


def mended_head(head: bytes) -> bytes:
    """A head as h11 takes it, to its blank line: lines that are no header fields are left out, a blank before the colon too."""
    status, *lines = re.split(rb"\r?\n|\r", head)
    if found := _STATUS.match(status):
        version = b"1.0" if found[1] is None or found[1] + (found[2] or b"1") == b"10" else b"1.1"
        status = b"HTTP/" + version + b" " + found[3] + b" " + (found[4] or b"")
    kept: list[bytes] = []
    for line in lines:
        if line.startswith(_FOLDED):
            if kept:
                kept[-1] += b" " + line.strip()
        elif _FIELD.match(line) and not _IDENTITY.match(line):
            kept.append(line)
    kept = [_CONTENT_LENGTH.sub(rb"\1", line) for line in kept]
    if sum(map(len, kept)) > _LONG_HEAD:
        kept = [line for line in kept if line.lower().startswith(_READ)]
    return b"\r\n".join([status, *(line.replace(b"\0", b"") for line in kept)]) + b"\r\n\r\n"


def _is_interim(head: bytes) -> bool:
    found = _STATUS.match(head.split(b"\n", 1)[0].rstrip(b"\r"))
    return bool(found and found[3].startswith(b"1") and found[3] != b"101")


def _may_be_head(start: bytes) -> bool:
    return any(start[:5].lower() == mark[: len(start[:5])] for mark in (b"http/", b"icy 2"))


def exact_encodings(values: Iterable[str]) -> list[str]:
    """The compressions among the values of Content-Encoding; what names none, such as aws-chunked or utf-8, is passed over."""
    names = [name.strip().lower() for value in values for name in value.split(",")]
    return [_ENCODINGS[name] for name in names if name in _ENCODINGS]


_ENCODINGS = {
    "gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate", "br": "br", "zstd": "zstd", "compress": "compress", "x-compress": "compress",
    "dcb": "dcb", "dcz": "dcz", "exi": "exi", "pack200-gzip": "pack200-gzip",
}  # fmt: skip
