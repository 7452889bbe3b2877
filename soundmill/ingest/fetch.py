"""The fetcher: one file by HTTP to a file on disk, politely to its server and safely for this machine.

It streams, resumes what broke off, caps size and time and redirects, and says in one code why something did not come.
"""

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx

from soundmill.audio.sniff import HEAD_BYTES, sniff
from soundmill.errors import FetchFailed
from soundmill.ingest.addresses import AddressPolicy, Resolve, guarded_transport, resolve
from soundmill.ingest.lenient import exact_encodings
from soundmill.ingest.share_links import confirmed_link, direct_link, is_drive
from soundmill.ingest.spool import Part, open_part
from soundmill.ingest.statuses import is_transient
from soundmill.options import FetchOptions

_AGENT = "Soundmill (audio downloads)"
_LONGEST_PAGE = 1 << 20  # bytes of a web page that are looked at
_LONGEST_WAIT = 24 * 3600.0  # seconds: more than that no server is believed
_HASH_BLOCK = 1 << 20
_SLOW_WINDOW = 30.0
_TOLD_APART = 60  # seconds


@dataclass(frozen=True)
class Fetched:
    """A file that came whole: `path` on disk, `sha256` of its bytes, how many there are, and where they came from in the end.

    `whole`: the server said how many bytes there are, or their hash."""

    path: Path
    size: int
    sha256: str
    url: str
    resumed: int
    whole: bool = False


class Fetcher:
    """Fetches files; use as an asynchronous context manager. One object keeps count of what it asks of each host."""

    def __init__(self, options: FetchOptions | None = None, resolver: Resolve = resolve) -> None:
        self.options = options or FetchOptions()
        self._policy = AddressPolicy(self.options.allow)
        self._hosts: dict[str, _Host] = {}
        self._client = httpx.AsyncClient(
            transport=guarded_transport(self._policy, resolver, self.options.ca_file),
            timeout=self.options.idle_seconds,
            headers={"User-Agent": _AGENT, "Accept": "audio/*, */*;q=0.5", "Accept-Encoding": "identity"},
            trust_env=False,
        )

    async def __aenter__(self) -> "Fetcher":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def fetch(self, url: str, part: Path) -> Fetched:
        """Fetches a URL into the file `part`, going on with what an earlier attempt left there. Raises `FetchFailed`, `OSError`.

        After a failure that may pass, `part` and a note beside it stay for the next attempt; after any other they are gone.
        """
        link = direct_link(str(self._policy.check_url(url)))
        with open_part(part, link) as spool:
            try:
                async with asyncio.timeout(self.options.seconds) as limit:
                    found = await self._with_resumes(link, spool, limit)
                claimed = _claimed_sums(found.headers)
                sums = await asyncio.to_thread(_digests, part, {"sha256", *claimed})
                if sums["sha256"] != spool.sha256:
                    raise FetchFailed("checksum_mismatch", "the file on this machine does not hold the bytes that came", transient=True)
                if wrong := [name for name, value in claimed.items() if sums[name] != value]:
                    message = f"the bytes are not those whose {wrong[0]} the server announces"
                    raise FetchFailed("checksum_mismatch", message, transient=True)
            except TimeoutError:
                raise FetchFailed("timed_out", f"the file did not come within {self.options.seconds:g} s", transient=True) from None
            except FetchFailed as failure:
                if not failure.transient or failure.code == "checksum_mismatch":
                    spool.clear()
                    part.unlink(missing_ok=True)
                raise
            finally:
                spool.keep()
            whole = spool.length is not None or bool(claimed)
            return Fetched(part, spool.size, sums["sha256"].hex(), found.url, found.resumed, whole)

    async def _with_resumes(self, url: str, spool: Part, limit: asyncio.Timeout) -> "_Found":
        resumed = 0
        while True:
            before = spool.size
            try:
                found = await self._follow(url, spool, limit)
                return _Found(found.url, found.headers, resumed)
            except FetchFailed as failure:
                goes_on = failure.code in ("connection_lost", "truncated") and spool.size > before and spool.validator
                if resumed >= self.options.resumes or not (goes_on or failure.code == "changed_midway"):
                    raise
                resumed += 1
                await asyncio.sleep(0.1 * 2**resumed)

    async def _follow(self, url: str, spool: Part, limit: asyncio.Timeout) -> "_Found":
        """The file behind a URL and its redirects; each address is checked anew."""
        seen: set[tuple[str, str]] = set()
        confirmed, cookies = False, httpx.Cookies()
        while True:
            checked = self._policy.check_url(url)
            step = url, _cookie_header(cookies, checked)  # with another cookie the same address may lead on
            if step in seen:
                raise FetchFailed("redirect_loop", f"the redirects lead in a circle, to {checked.host}")
            if len(seen) > self.options.redirects:
                raise FetchFailed("too_many_redirects", f"there are more than {self.options.redirects} redirects")
            seen.add(step)
            host = self._hosts.setdefault(checked.netloc.decode("ascii"), _Host(self.options))
            async with host.turn(limit), self._response(checked, spool, step[1]) as response:
                host.note_answer(response)
                cookies.extract_cookies(response)
                if response.has_redirect_location:
                    url = str(checked.join(response.headers["location"]))
                    continue
                if response.status_code == 416 and "range" in response.request.headers:
                    # what is there does not fit what the server has: from the start
                    spool.clear()
                    seen.discard(step)
                    continue
                _check_status(response)
                page = await self._receive(response, spool)
                if page is None:
                    return _Found(str(checked), response.headers)
            link = None if confirmed else confirmed_link(page, url)
            confirmed = True
            if link is None:
                raise _drive_refusal(page)
            url = link

    @asynccontextmanager
    async def _response(self, url: httpx.URL, spool: Part, cookie: str) -> AsyncIterator[httpx.Response]:
        self._client.cookies.clear()  # no fetch sees another's cookies
        try:
            headers = {**_range_headers(spool), **({"Cookie": cookie} if cookie else {})}
            response = await self._send(self._client.build_request("GET", url, headers=headers))
            try:
                yield response
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            raise _failure(error) from error
        except (httpx.InvalidURL, UnicodeError) as error:
            raise FetchFailed("bad_url", f"this is no URL: {error}") from None

    async def _send(self, request: httpx.Request) -> httpx.Response:
        """Sends a request; again, while it went over a connection kept from an earlier file: its end says nothing about this one."""
        while True:
            fresh: list[str] = []

            async def trace(event: str, _: Any, fresh: list[str] = fresh) -> None:
                if event.startswith("connection.connect"):
                    fresh.append(event)

            request.extensions["trace"] = trace
            try:
                return await self._client.send(request, stream=True)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                if fresh:
                    raise

    async def _receive(self, response: httpx.Response, spool: Part) -> str | None:
        """Streams the body to the file; returns the page where Google Drive shows one instead."""
        most = self.options.most_bytes
        encodings = exact_encodings(response.headers.get_list("content-encoding"))
        response.headers["content-encoding"] = ", ".join(encodings)  # by which httpx decodes
        if len(encodings) > 1 or set(encodings) - {"gzip", "deflate"}:
            raise FetchFailed("bad_encoding", f"the server sends the encoding {', '.join(encodings)}, which was not asked for")
        _begin(response, spool, resumable=not encodings)
        claimed = _number(response.headers.get("content-length", ""))
        if claimed is not None and spool.size + claimed > most:
            raise FetchFailed("too_large", f"the server announces {(spool.size + claimed) / 1e6:.0f} MB; {most / 1e6:.0f} are allowed")
        head, known, pace = b"", spool.size > 0, _Pace(self.options.least_rate)
        blocks = response.aiter_bytes()
        async for block in blocks:
            if not known:
                head += block
                if len(head) < HEAD_BYTES:
                    continue
                if (page := await _page(head, blocks, response)) is not None:
                    return page
                known, block = True, head  # what was held back goes first
            if spool.size + len(block) > most:
                raise FetchFailed("too_large", f"there are more than the {most / 1e6:.0f} MB that are allowed")
            spool.write(block)
            pace.count(len(block))
        if not known and head:
            if (page := await _page(head, blocks, response)) is not None:
                return page
            spool.write(head)
        if spool.length is not None and spool.size < spool.length:
            raise FetchFailed("truncated", f"{spool.size} of {spool.length} bytes came", transient=True)
        return None


@dataclass(frozen=True)
class _Found:
    url: str
    headers: httpx.Headers
    resumed: int = 0


class _Host:
    """How much is asked of one host at a time."""

    def __init__(self, options: FetchOptions) -> None:
        self._options = options
        self._slots = asyncio.Semaphore(options.per_host)
        self._starts = asyncio.Lock()
        self._free_at = 0.0
        self._refusals = 0

    @asynccontextmanager
    async def turn(self, limit: asyncio.Timeout) -> AsyncIterator[None]:
        """Waits for a slot, for the delay since the last start, and for a pause to end; the wait does not count toward `limit`."""
        loop, left = asyncio.get_running_loop(), (limit.when() or 0.0) - asyncio.get_running_loop().time()
        limit.reschedule(None)
        async with self._slots:
            async with self._starts:
                await asyncio.sleep(max(0.0, self._free_at - loop.time()))
                self._free_at = max(self._free_at, loop.time() + self._options.delay)
            limit.reschedule(loop.time() + left)
            yield

    def note_answer(self, response: httpx.Response) -> None:
        """Notes an answer: one refusal may be about one file, two in a row are about us, and everyone pauses."""
        if response.status_code not in (429, 503):
            self._refusals = 0
            return
        self._refusals += 1
        if self._refusals > 1:
            pause = min(_retry_after(response) or 1.0, self._options.pause)
            self._free_at = max(self._free_at, asyncio.get_running_loop().time() + pause)


class _Pace:
    """Refuses a body that drips: fewer than `least` bytes a second over half a minute."""

    def __init__(self, least: float) -> None:
        self._least, self._bytes = least, 0
        self._since = asyncio.get_running_loop().time()

    def count(self, size: int) -> None:
        self._bytes += size
        now = asyncio.get_running_loop().time()
        if now - self._since > _SLOW_WINDOW:
            if self._bytes < self._least * (now - self._since):
                raise FetchFailed("too_slow", f"fewer than {self._least:g} bytes a second came", transient=True)
            self._since, self._bytes = now, 0


def _cookie_header(cookies: httpx.Cookies, url: httpx.URL) -> str:
    """What of the cookies of this fetch goes to a URL: those of its host."""
    request = httpx.Request("GET", url)
    cookies.set_cookie_header(request)
    return str(request.headers.get("cookie", ""))


def _range_headers(part: Part) -> dict[str, str]:
    """What asks for the rest only, and for everything where it has changed."""
    return {"Range": f"bytes={part.size}-", "If-Range": part.validator} if part.size and part.validator else {}


def _begin(response: httpx.Response, part: Part, resumable: bool) -> None:
    """Goes on at the end where the answer is the rest of what is there, else starts over. Raises `FetchFailed`."""
    etag = _ascii(response.headers.get("etag", ""))
    if response.status_code == 206 and ("range" in response.request.headers or "content-range" in response.headers):
        match = re.match(r"bytes ([0-9]+)-[0-9]+/([0-9]+|\*)", response.headers.get("content-range", ""))
        total = _number(match[2]) if match else None
        fits = match and int(match[1]) == part.size and (total is None or part.length is None or total == part.length)
        if not fits or (etag and part.etag and etag != part.etag):
            part.clear()
            raise FetchFailed("changed_midway", "the file changed at its source while it came", transient=True)
        part.length = total if total is not None else part.length
    elif resumable:
        part.begin(_validator(response.headers), etag, _number(response.headers.get("content-length", "")))
    else:
        part.clear()


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if status in (200, 203, 206):  # 203: the whole file, by way of a proxy
        return
    transient = is_transient(status)
    after = _retry_after(response) if transient else None
    message = f"the server answered {status} {response.reason_phrase}".strip()
    raise FetchFailed(f"http_{status}", message, transient=transient, retry_after=after)


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that a server asks to wait, given as a number or a date; at most a day."""
    text = response.headers.get("retry-after", "").strip()
    if (seconds := _number(text)) is not None:
        return min(float(seconds), _LONGEST_WAIT)
    try:
        wait = (parsedate_to_datetime(text).astimezone(UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, 0.0), _LONGEST_WAIT)


def _number(text: str) -> int | None:
    """A number as HTTP writes it, in at most 18 digits; None for anything else."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def _ascii(text: str) -> str:
    """The text, if it can be sent back in a header."""
    return text if text.isascii() else ""


def _validator(headers: httpx.Headers) -> str | None:
    """What tells this body from a later one: a strong ETag, else the date of its last change where that is a minute old (RFC 9110,
    8.8.2.2): within the minute there may be another of the same date."""
    etag = _ascii(headers.get("etag", ""))
    if etag.startswith('"'):
        return etag
    try:
        age = parsedate_to_datetime(headers["date"]) - parsedate_to_datetime(headers["last-modified"])
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
    return _ascii(headers["last-modified"]) or None if age.total_seconds() >= _TOLD_APART else None


async def _page(head: bytes, rest: AsyncIterator[bytes], response: httpx.Response) -> str | None:
    """The web page where Google Drive sent one; None where it is no page. Raises `FetchFailed` for anybody else's page or text."""
    kind = sniff(head[:HEAD_BYTES])
    if kind not in ("html", "text"):
        return None
    if kind == "html" and is_drive(str(response.url)):
        page = bytearray(head)
        async for block in rest:
            page += block
            if len(page) > _LONGEST_PAGE:
                break
        return page.decode("utf-8", "replace")
    shown = "a web page" if kind == "html" else "text"
    raise FetchFailed("not_audio", f"the server sent {shown}, not audio")


def _drive_refusal(page: str) -> FetchFailed:
    if "quota" in page.lower():
        return FetchFailed("quota_exceeded", "Google Drive says that the file was downloaded too often of late", transient=True)
    return FetchFailed("not_shared", "Google Drive shows a page instead of the file: is it shared with everyone who has the link?")


def _failure(error: httpx.HTTPError) -> FetchFailed:
    """What an error of httpx means here."""
    text = str(error) or type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        return FetchFailed("timed_out", "the server did not answer in time", transient=True)
    if isinstance(error, httpx.ConnectError):
        hint = "; SOUNDMILL_CA_FILE names a company's own authority" if "CERTIFICATE_VERIFY_FAILED" in text else ""
        return FetchFailed("connection_failed", f"no connection: {text}{hint}", transient=True)
    if isinstance(error, httpx.DecodingError):
        return FetchFailed("bad_encoding", f"the body's compression is broken: {text}", transient=True)
    if isinstance(error, httpx.RemoteProtocolError) and "complete message body" in text:
        return FetchFailed("truncated", "the connection ended before the whole file had come", transient=True)
    if isinstance(error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError)):
        return FetchFailed("bad_url", text)
    if isinstance(error, httpx.RemoteProtocolError):
        return FetchFailed("bad_answer", f"the server does not speak HTTP properly: {text}", transient=True)
    return FetchFailed("connection_lost", f"the connection broke: {text}", transient=True)


def _digests(path: Path, names: set[str]) -> dict[str, bytes]:
    sums = {name: hashlib.new(name, usedforsecurity=False) for name in names}
    with open(path, "rb") as file:
        while block := file.read(_HASH_BLOCK):
            for digest in sums.values():
                digest.update(block)
    return {name: digest.digest() for name, digest in sums.items()}


def _claimed_sums(headers: httpx.Headers) -> dict[str, bytes]:
    """What the server says the whole file should be: Repr-Digest, Digest, Content-MD5, and the header of Google's storage.

    Nothing where the body came compressed, or in part: some of them then speak of other bytes.
    """
    if exact_encodings(headers.get_list("content-encoding")):
        return {}
    if headers.get("x-goog-stored-content-encoding", "identity").lower() != "identity":
        return {}  # Google's storage decompresses, and tells the hash of what it stores
    digests = f"{headers.get('repr-digest', '')} {headers.get('digest', '')}"
    md5s = "" if "content-range" in headers else headers.get("content-md5", "")
    found = {
        "sha256": re.search(r"sha-256=:?([A-Za-z0-9+/]{43}=)", digests, re.IGNORECASE),
        "md5": re.search(r"(?:^|md5=)([A-Za-z0-9+/]{22}==)", f"{md5s} {headers.get('x-goog-hash', '')}".strip()),
    }
    return {name: base64.b64decode(match[1]) for name, match in found.items() if match}
