"""One file by HTTP: every way in which a server can fail or mean harm ends in its code, and nothing is asked for twice."""

import asyncio
import base64
import gzip
import hashlib
import socket
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path

import pytest

from soundmill.errors import FetchFailed
from soundmill.ingest.fetch import Fetcher
from tests.conftest import wav
from tests.soundmill.ingest.asking import OPTIONS, SOUND, fetch, left, refused
from tests.web import Asked, Web, reply, reset, serving


def test_a_file_comes_whole_with_its_hash(web: Web, tmp_path: Path) -> None:
    found = fetch(web.serve("/a.wav", SOUND), tmp_path)
    assert found.path.read_bytes() == SOUND
    assert (found.size, found.sha256) == (len(SOUND), hashlib.sha256(SOUND).hexdigest())
    assert "range" not in web.asked[0].headers


@pytest.mark.parametrize("kind", ["audio/mpeg; charset=binary", "application/octet-stream", "text/plain", None])
def test_the_content_type_does_not_matter(web: Web, tmp_path: Path, kind: str | None) -> None:
    headers = {"Content_Type": kind} if kind else {}
    assert fetch(web.serve("/a", SOUND, **headers), tmp_path).size == len(SOUND)


@pytest.mark.parametrize("status", [404, 403, 410, 401, 304, 204, 429, 500, 503, 408, 425, 202])
def test_a_status_is_a_code_and_passing_or_not(web: Web, tmp_path: Path, status: int) -> None:
    failure = refused(web.on("/a", lambda _, connection: reply(connection, f"{status} Whatever")), tmp_path)
    assert (failure.code, failure.transient) == (f"http_{status}", status in (429, 500, 503, 408, 425, 202))
    assert web.times("/a") == 1


def test_a_server_says_how_long_to_wait_in_seconds_or_by_date(web: Web, tmp_path: Path) -> None:
    url = web.on("/a", lambda _, connection: reply(connection, "429 Too Many Requests", Retry_After="120"))
    assert refused(url, tmp_path).retry_after == 120
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    url = web.on("/b", lambda _, connection: reply(connection, "503 Busy", Retry_After=later))
    assert refused(url, tmp_path).retry_after == pytest.approx(300, abs=5)
    url = web.on("/c", lambda _, connection: reply(connection, "429 Too Many", Retry_After="99999999"))
    assert refused(url, tmp_path).retry_after == 86_400


def breaks_off(body: bytes, at: int, **headers: str) -> object:
    def answer(asked: Asked, connection: socket.socket) -> None:
        if asked.offset:
            where = f"bytes {asked.offset}-{len(body) - 1}/{len(body)}"
            reply(connection, "206 Partial Content", body[asked.offset :], Content_Range=where, **headers)
        else:
            reply(connection, "200 OK", body[:at], length=len(body), **headers)

    return answer


def test_a_broken_file_is_gone_on_with(web: Web, tmp_path: Path) -> None:
    found = fetch(web.on("/a", breaks_off(SOUND, 50_000, ETag='"one"')), tmp_path)  # type: ignore[arg-type]
    assert (found.path.read_bytes(), found.resumed) == (SOUND, 1)
    assert [asked.offset for asked in web.asked] == [0, 50_000]
    assert web.asked[1].headers["if-range"] == '"one"'


def test_without_a_mark_of_the_version_a_broken_file_is_put_off_and_begun_anew(web: Web, tmp_path: Path) -> None:
    url = web.on("/a", breaks_off(SOUND, 50_000))  # type: ignore[arg-type]
    failure = refused(url, tmp_path)
    assert (failure.code, failure.transient) == ("truncated", True)
    assert web.times("/a") == 1
    web.serve("/a", SOUND)
    assert fetch(url, tmp_path).path.read_bytes() == SOUND


def test_a_reset_is_gone_on_with_by_a_later_process(web: Web, tmp_path: Path) -> None:
    def broken(asked: Asked, connection: socket.socket) -> None:
        if asked.offset:
            return reset(connection)
        head = f'HTTP/1.1 200 OK\r\nContent-Length: {len(SOUND)}\r\nETag: "one"\r\n\r\n'.encode()
        connection.sendall(head + SOUND[:60_000])
        time.sleep(0.2)  # so that the bytes are read before the reset
        return reset(connection)

    url = web.on("/a", broken)
    failure = refused(url, tmp_path, replace(OPTIONS, resumes=1))
    assert (failure.code, failure.transient) == ("connection_lost", True)
    assert left(tmp_path) == {"1.part", "1.json"}
    web.serve("/a", SOUND, ETag='"one"')
    assert fetch(url, tmp_path).path.read_bytes() == SOUND
    assert web.asked[-1].offset == 60_000


@pytest.mark.parametrize("honest", [True, False])
def test_a_file_that_changed_midway_is_begun_anew(web: Web, tmp_path: Path, honest: bool) -> None:
    other = wav(2.5, 700)

    def changing(asked: Asked, connection: socket.socket) -> None:
        if not asked.headers.get("range") and web.times("/a") == 1:
            reply(connection, "200 OK", SOUND[:50_000], length=len(SOUND), ETag='"one"')
        elif asked.headers.get("range") and not honest:  # it answers with a range of another version
            where = f"bytes {asked.offset}-{len(other) - 1}/{len(other)}"
            reply(connection, "206 Partial Content", other[asked.offset :], Content_Range=where, ETag='"two"')
        else:
            reply(connection, "200 OK", other, ETag='"two"')

    assert fetch(web.on("/a", changing), tmp_path).path.read_bytes() == other


def test_a_range_that_the_server_no_longer_has_is_begun_anew(web: Web, tmp_path: Path) -> None:
    def answer(asked: Asked, connection: socket.socket) -> None:
        if asked.offset:
            reply(connection, "416 Range Not Satisfiable")
        elif web.times("/a") == 1:
            reply(connection, "200 OK", SOUND[:50_000], length=len(SOUND), ETag='"one"')
        else:
            reply(connection, "200 OK", SOUND, ETag='"one"')

    assert fetch(web.on("/a", answer), tmp_path).path.read_bytes() == SOUND


def test_a_kept_connection_that_ended_meanwhile_is_no_failure(web: Web, tmp_path: Path) -> None:
    def closes(_: Asked, connection: socket.socket) -> None:  # after an answer that promised to go on
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(SOUND)}\r\n\r\n".encode() + SOUND)
        connection.recv(65_536)

    async def run() -> None:
        async with Fetcher(OPTIONS) as fetcher:
            for n in range(5):
                assert (await fetcher.fetch(web.on("/a", closes), tmp_path / f"{n}.part")).size == len(SOUND)

    asyncio.run(run())


def test_redirects_are_followed_and_circles_left(web: Web, tmp_path: Path) -> None:
    web.serve("/a", SOUND)
    web.on("/b", lambda _, connection: reply(connection, "302 Found", Location="/a"))
    assert fetch(web.on("/c", lambda _, connection: reply(connection, "308 Permanent", Location="b")), tmp_path).size == len(SOUND)
    web.on("/x", lambda _, connection: reply(connection, "302 Found", Location="/y"))
    failure = refused(web.on("/y", lambda _, connection: reply(connection, "302 Found", Location="/x")), tmp_path)
    assert (failure.code, failure.transient) == ("redirect_loop", False)
    for n in range(20):
        web.on(f"/{n}", lambda _, connection, n=n: reply(connection, "302 Found", Location=f"/{n + 1}"))
    assert refused(web.url + "/0", tmp_path).code == "too_many_redirects"


@pytest.mark.parametrize(("url", "code"), [("ftp://a.test/x", "forbidden_scheme"), ("file:///etc/passwd", "forbidden_scheme")])
def test_only_http_is_spoken(tmp_path: Path, url: str, code: str) -> None:
    assert refused(url, tmp_path).code == code


@pytest.mark.parametrize("url", ["http://", "https:///x", "http://[::1", "http://a b/", "nonsense", "http://a.test:99999/"])
def test_what_is_no_url_is_said_to_be_none(tmp_path: Path, url: str) -> None:
    assert refused(url, tmp_path).code in ("bad_url", "forbidden_scheme", "unknown_host")


def test_a_redirect_to_another_scheme_is_refused(web: Web, tmp_path: Path) -> None:
    failure = refused(web.on("/a", lambda _, connection: reply(connection, "302 Found", Location="file:///etc/passwd")), tmp_path)
    assert failure.code == "forbidden_scheme"


def test_a_file_announced_too_large_is_not_begun(web: Web, tmp_path: Path) -> None:
    failure = refused(web.on("/a", lambda _, connection: reply(connection, "200 OK", SOUND, length=2 << 30)), tmp_path)
    assert (failure.code, failure.transient) == ("too_large", False)
    assert left(tmp_path) == set()


def test_a_file_that_grows_too_large_is_left(web: Web, tmp_path: Path) -> None:
    def endless(_: Asked, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + SOUND)
        while True:
            connection.sendall(b"x" * 65_536)

    assert refused(web.on("/a", endless), tmp_path, replace(OPTIONS, most_bytes=1_000_000)).code == "too_large"
    assert left(tmp_path) == set()


def test_a_gzip_bomb_is_left_when_it_is_too_large(web: Web, tmp_path: Path) -> None:
    bomb = gzip.compress(SOUND + bytes(50_000_000), 9)
    url = web.serve("/a", bomb, Content_Encoding="gzip")
    assert refused(url, tmp_path, replace(OPTIONS, most_bytes=10_000_000)).code == "too_large"
    twice = web.serve("/b", gzip.compress(bomb), Content_Encoding="gzip, gzip")
    assert refused(twice, tmp_path).code == "bad_encoding"
    assert left(tmp_path) == set()
    assert fetch(web.serve("/c", gzip.compress(SOUND), Content_Encoding="gzip"), tmp_path).path.read_bytes() == SOUND


def test_a_page_is_no_audio_whatever_its_type_says(web: Web, tmp_path: Path) -> None:
    page = b"<!DOCTYPE html><html><body>please log in" + b" " * 20_000
    failure = refused(web.serve("/a.wav", page, Content_Type="audio/wav"), tmp_path)
    assert (failure.code, failure.transient) == ("not_audio", False)


def test_a_silent_server_and_a_slow_drip_time_out(web: Web, tmp_path: Path) -> None:
    stop: list[bool] = []

    def drip(_: Asked, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nRIFF")
        while not stop:
            connection.sendall(b"x")
            time.sleep(0.05)

    def silent(_: Asked, connection: socket.socket) -> None:
        while not stop:
            time.sleep(0.05)

    failure = refused(web.on("/a", drip), tmp_path, replace(OPTIONS, seconds=0.5))
    assert (failure.code, failure.transient) == ("timed_out", True)
    failure = refused(web.on("/b", silent), tmp_path, replace(OPTIONS, idle_seconds=0.3))
    assert (failure.code, failure.transient) == ("timed_out", True)
    stop.append(True)


def test_nobody_there_and_a_name_that_is_none(tmp_path: Path) -> None:
    with serving() as gone:
        url = gone.url
    assert (refused(url + "/a", tmp_path).code, refused("http://no-such-host.invalid/a", tmp_path).code) == (
        "connection_failed",
        "unknown_host",
    )


def test_sums_that_the_server_announces_are_compared(web: Web, tmp_path: Path) -> None:
    right, wrong = (base64.b64encode(hashlib.sha256(data).digest()).decode() for data in (SOUND, b"other"))
    assert fetch(web.serve("/a", SOUND, Repr_Digest=f"sha-256=:{right}:"), tmp_path).size == len(SOUND)
    failure = refused(web.serve("/b", SOUND, Repr_Digest=f"sha-256=:{wrong}:"), tmp_path)
    assert (failure.code, failure.transient) == ("checksum_mismatch", True)
    md5 = base64.b64encode(hashlib.md5(SOUND).digest()).decode()
    assert fetch(web.serve("/c", SOUND, x_goog_hash=f"crc32c=AAAAAA==,md5={md5}"), tmp_path).size == len(SOUND)
    assert refused(web.serve("/d", SOUND[:-1], Content_MD5=md5), tmp_path).code == "checksum_mismatch"


def test_two_workers_do_not_write_one_file(web: Web, tmp_path: Path) -> None:
    async def run() -> list[object]:
        async with Fetcher(OPTIONS) as fetcher:
            url = web.on("/a", lambda _, connection: (time.sleep(0.3), reply(connection, "200 OK", SOUND))[1])
            return await asyncio.gather(*(fetcher.fetch(url, tmp_path / "1.part") for _ in range(2)), return_exceptions=True)

    outcomes = asyncio.run(run())
    codes = [outcome.code for outcome in outcomes if isinstance(outcome, FetchFailed)]
    assert codes == ["busy"]
    assert (tmp_path / "1.part").read_bytes() == SOUND


def test_a_host_is_asked_for_few_files_at_a_time(web: Web, tmp_path: Path) -> None:
    at_once, most = [0], [0]

    def answer(_: Asked, connection: socket.socket) -> None:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        time.sleep(0.05)
        at_once[0] -= 1
        reply(connection, "200 OK", SOUND)

    async def run() -> None:
        async with Fetcher(replace(OPTIONS, per_host=2)) as fetcher:
            await asyncio.gather(*(fetcher.fetch(web.on(f"/{n}", answer), tmp_path / f"{n}.part") for n in range(8)))

    asyncio.run(run())
    assert most[0] <= 2


def test_two_refusals_in_a_row_make_everyone_pause(web: Web, tmp_path: Path) -> None:
    arrived: list[float] = []

    def answer(_: Asked, connection: socket.socket) -> None:
        arrived.append(time.monotonic())
        reply(connection, "429 Too Many Requests", Retry_After="3600")

    async def run() -> None:
        async with Fetcher(replace(OPTIONS, per_host=1, pause=0.4)) as fetcher:
            url = web.on("/a", answer)
            await asyncio.gather(*(fetcher.fetch(url, tmp_path / f"{n}") for n in range(4)), return_exceptions=True)

    asyncio.run(run())
    gaps = [later - earlier for earlier, later in pairwise(arrived)]
    assert gaps[0] < min(gaps[1:])
    assert min(gaps[1:]) >= 0.35


def test_a_server_that_gives_less_than_was_asked_for_is_asked_again(web: Web, tmp_path: Path) -> None:
    def stingy(asked: Asked, connection: socket.socket) -> None:
        end = min(len(SOUND), asked.offset + 60_000)
        if asked.offset:
            where = f"bytes {asked.offset}-{end - 1}/{len(SOUND)}"
            reply(connection, "206 Partial Content", SOUND[asked.offset : end], Content_Range=where, ETag='"1"')
        else:
            reply(connection, "200 OK", SOUND[:end], length=len(SOUND), ETag='"1"')

    assert fetch(web.on("/a", stingy), tmp_path).path.read_bytes() == SOUND


def test_a_416_that_nobody_asked_for_is_a_refusal(web: Web, tmp_path: Path) -> None:
    failure = refused(web.on("/a", lambda _, connection: reply(connection, "416 Range Not Satisfiable")), tmp_path)
    assert (failure.code, web.times("/a")) == ("http_416", 1)


@pytest.mark.parametrize("tag", ['W/"one"', '"\xb2"'])
def test_without_a_tag_that_can_be_trusted_nothing_is_gone_on_with(web: Web, tmp_path: Path, tag: str) -> None:
    dates = {"Date": "Mon, 05 Jan 2026 10:00:30 GMT", "Last_Modified": "Mon, 05 Jan 2026 10:00:00 GMT"}
    url = web.on("/a", breaks_off(SOUND, 50_000, ETag=tag, **dates))  # type: ignore[arg-type]
    assert refused(url, tmp_path).code == "truncated"
    assert web.times("/a") == 1
    old = {**dates, "Last_Modified": "Mon, 05 Jan 2026 09:00:00 GMT"}
    url = web.on("/b", breaks_off(SOUND, 50_000, ETag=tag, **old))  # type: ignore[arg-type]
    assert fetch(url, tmp_path).path.read_bytes() == SOUND  # its date is old enough to be believed


def test_another_weak_tag_on_the_rest_means_another_version(web: Web, tmp_path: Path) -> None:
    other = wav(2.0, 700)

    def changing(asked: Asked, connection: socket.socket) -> None:
        dates = {"Date": "Mon, 05 Jan 2026 10:00:00 GMT", "Last_Modified": "Mon, 05 Jan 2026 09:00:00 GMT"}
        if web.times("/a") == 1:
            reply(connection, "200 OK", SOUND[:50_000], length=len(SOUND), ETag='W/"1"', **dates)
        elif asked.offset:
            where = f"bytes {asked.offset}-{len(other) - 1}/{len(other)}"
            reply(connection, "206 Partial Content", other[asked.offset :], Content_Range=where, ETag='W/"2"', **dates)
        else:
            reply(connection, "200 OK", other, ETag='W/"2"', **dates)

    assert fetch(web.on("/a", changing), tmp_path).path.read_bytes() == other


def test_odd_headers_are_no_reason_to_stumble(web: Web, tmp_path: Path) -> None:
    url = web.on("/a", lambda _, c: c.sendall("HTTP/1.1 503 Busy\r\nRetry-After: \xb2\r\nContent-Length: 0\r\n\r\n".encode("latin-1")))
    assert (refused(url, tmp_path).code, refused(url, tmp_path).retry_after) == ("http_503", None)
    assert refused("http://xn--/x.wav", tmp_path).code == "bad_url"


@pytest.mark.parametrize("encoding", ["aws-chunked", "UTF-8", "binary", "none", "", "identity"])
def test_an_encoding_that_is_none_is_passed_over(web: Web, tmp_path: Path, encoding: str) -> None:
    assert fetch(web.serve("/a", SOUND, Content_Encoding=encoding), tmp_path).path.read_bytes() == SOUND


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "gzip, aws-chunked"])
def test_what_comes_compressed_is_decompressed(web: Web, tmp_path: Path, encoding: str) -> None:
    assert fetch(web.serve("/a", gzip.compress(SOUND), Content_Encoding=encoding), tmp_path).path.read_bytes() == SOUND


def test_an_encoding_that_is_not_known_is_said_so(web: Web, tmp_path: Path) -> None:
    assert refused(web.serve("/a", SOUND, Content_Encoding="br"), tmp_path).code == "bad_encoding"


def test_a_head_with_a_bad_line_is_read(web: Web, tmp_path: Path) -> None:
    def bad(_: Asked, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-XSS-Protection : 1\r\nContent-Length: %d\r\nno colon\r\n\r\n" % len(SOUND) + SOUND)

    assert fetch(web.on("/a", bad), tmp_path).path.read_bytes() == SOUND


@pytest.mark.parametrize("gate", ["/a", "/gate"])
def test_a_cookie_goes_back_to_its_host_within_one_fetch(web: Web, tmp_path: Path, gate: str) -> None:
    def page(asked: Asked, connection: socket.socket) -> None:
        if asked.path == gate and "cookie" not in asked.headers:
            reply(connection, "302 Found", Location="/a", Set_Cookie="c=1; Path=/")
        elif asked.headers.get("cookie") != "c=1":
            reply(connection, "302 Found", Location=gate)
        else:
            reply(connection, "200 OK", SOUND)

    web.on("/gate", page)
    url = web.on("/a", page)
    assert fetch(url, tmp_path).path.read_bytes() == SOUND
    other = tmp_path / "other"
    other.mkdir()
    fetch(url, other)
    assert "cookie" not in next(asked for asked in web.asked[2 if gate == "/a" else 3 :]).headers  # a fetch of its own


def test_a_203_and_a_206_that_nobody_asked_for_are_the_file(web: Web, tmp_path: Path) -> None:
    for number, (status, headers) in enumerate(
        [("203 Non-Authoritative", {}), ("206 Partial", {}), ("206 Partial", {"Content_Range": f"bytes 0-{len(SOUND) - 1}/{len(SOUND)}"})]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        url = web.on(f"/{number}", lambda _, connection, s=status, h=headers: reply(connection, s, SOUND, **h))
        assert fetch(url, folder).path.read_bytes() == SOUND


def test_google_s_hash_of_what_it_stores_compressed_is_not_held_against_the_file(web: Web, tmp_path: Path) -> None:
    stored = base64.b64encode(hashlib.md5(gzip.compress(SOUND)).digest()).decode()
    url = web.serve("/a", SOUND, X_Goog_Hash=f"md5={stored}", X_Goog_Stored_Content_Encoding="gzip")
    assert fetch(url, tmp_path).path.read_bytes() == SOUND
    assert refused(web.serve("/b", SOUND, X_Goog_Hash=f"md5={stored}"), tmp_path).code == "checksum_mismatch"


def test_sums_of_other_bytes_than_the_file_are_not_compared(web: Web, tmp_path: Path) -> None:
    packed = gzip.compress(SOUND)
    sum_of_packed = base64.b64encode(hashlib.sha256(packed).digest()).decode()
    url = web.serve("/a", packed, Content_Encoding="gzip", Repr_Digest=f"sha-256=:{sum_of_packed}:")
    assert fetch(url, tmp_path).path.read_bytes() == SOUND


def test_waiting_for_a_turn_does_not_count_as_downloading(web: Web, tmp_path: Path) -> None:
    def slow(_: Asked, connection: socket.socket) -> None:
        time.sleep(0.4)
        reply(connection, "200 OK", SOUND)

    async def run() -> None:
        async with Fetcher(replace(OPTIONS, per_host=1, seconds=1.0)) as fetcher:
            url = web.on("/a", slow)
            await asyncio.gather(*(fetcher.fetch(url, tmp_path / f"{n}") for n in range(5)))

    asyncio.run(run())
