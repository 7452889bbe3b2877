"""Connections that never end, and heads that never stop: they end, and nobody else waits."""

import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from soundmill.studio import connections
from tests.soundmill.studio.running import studio

HALF_HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-a: "
HALF_BODY = (
    b"POST /downloader/download/single HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 1000\r\n\r\na"
)


@pytest.fixture
def hasty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """A studio that waits for half a second."""
    monkeypatch.setattr(connections, "_PATIENCE", 0.5)
    monkeypatch.setattr(connections, "_LOOK_EVERY", 0.1)
    with studio(tmp_path) as client:
        yield client


def opened(client: httpx.Client, sent: bytes) -> socket.socket:
    made = socket.create_connection((client.base_url.host, client.base_url.port or 80), 10)
    made.sendall(sent)
    return made


def answer(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    found = b""
    try:
        while block := connection.recv(65_536):
            found += block
    except ConnectionError:
        pass
    return found


@pytest.mark.parametrize("sent", [b"", HALF_HEAD, HALF_BODY])
def test_a_connection_without_a_whole_request_is_closed(hasty: httpx.Client, sent: bytes) -> None:
    with opened(hasty, sent) as connection:
        assert answer(connection) == b""
    assert hasty.get("/downloader/").status_code == 200


def test_a_connection_that_goes_on_asking_is_kept(hasty: httpx.Client) -> None:
    with socket.create_connection((hasty.base_url.host, hasty.base_url.port or 80), 10) as connection:
        for _ in range(15):  # three times as long as a connection may bring nothing
            connection.sendall(b"GET /favicon.ico HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 307")
            time.sleep(0.1)


def test_a_body_that_comes_slowly_is_taken(hasty: httpx.Client) -> None:
    body = b"conversation_id=" + b"x" * 6000
    head = HALF_BODY[: HALF_BODY.index(b"Content-Length")] + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    with opened(hasty, head) as connection:
        for start in range(0, len(body), 1200):
            connection.sendall(body[start : start + 1200])
            time.sleep(0.25)  # more than the patience, in all
        assert b" 400 " in answer(connection)[:20]  # no such audio: it was read to its end


def test_a_head_without_end_is_refused_after_64_kilobytes(hasty: httpx.Client) -> None:
    with opened(hasty, HALF_HEAD) as connection:
        sent = 0
        try:
            while sent < 8 << 20:
                connection.sendall(b"x" * 16_384)
                sent += 16_384
        except ConnectionError:
            pass
        else:
            assert b" 431 " in answer(connection)
    assert hasty.get("/downloader/").status_code == 200


def test_where_there_are_too_many_the_idle_ones_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_most_connections", lambda: 20)
    with studio(tmp_path) as client:
        idle = [opened(client, HALF_HEAD) for _ in range(40)]
        assert client.get("/downloader/").status_code == 200
        for connection in idle:
            connection.close()


def test_the_limit_of_open_files_is_raised_to_what_is_allowed() -> None:
    connections.server_options()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft == hard
