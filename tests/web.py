"""A web server on loopback that can do everything wrong, byte by byte."""

import re
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest


@dataclass(frozen=True)
class Asked:
    """A request that came in."""

    path: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def offset(self) -> int:
        """Where a range that was asked for begins."""
        match = re.match(r"bytes=(\d+)-", self.headers.get("range", ""))
        return int(match[1]) if match else 0


Answer = Callable[[Asked, socket.socket], None]


@dataclass
class Web:
    """`pages` answer by path; `asked` keeps what was asked for."""

    url: str = ""
    pages: dict[str, Answer] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def serve(self, path: str, body: bytes, **headers: str) -> str:
        """Answers with a body, in ranges too where an ETag is given; returns its URL."""
        self.pages[path] = body_of(body, **headers)
        return self.url + path

    def on(self, path: str, answer: Answer) -> str:
        """Answers with a function; returns the URL."""
        self.pages[path] = answer
        return self.url + path

    def times(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(asked.path == path for asked in self.asked)


def reply(connection: socket.socket, status: str, body: bytes = b"", length: int | None = None, **headers: str) -> None:
    """Sends a whole answer; `length` is what its header claims."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def body_of(body: bytes, **headers: str) -> Answer:
    """An answer with a body; what an honest server does with ranges."""

    def answer(asked: Asked, connection: socket.socket) -> None:
        etag = headers.get("ETag")
        if asked.offset and etag and asked.headers.get("if-range") == etag:
            where = f"bytes {asked.offset}-{len(body) - 1}/{len(body)}"
            reply(connection, "206 Partial Content", body[asked.offset :], Content_Range=where, **headers)
        else:
            reply(connection, "200 OK", body, **headers)

    return answer


def reset(connection: socket.socket) -> None:
    """Ends a connection with a reset, as a crashed server does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()


@contextmanager
def serving(host: str = "127.0.0.1") -> Iterator[Web]:
    """The server, running."""
    web = Web()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            head = b""
            try:
                while b"\r\n\r\n" not in head:
                    if not (data := self.request.recv(65_536)):
                        return
                    head += data
                head, body = head.split(b"\r\n\r\n", 1)
                lines = head.decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
                while len(body) < int(headers.get("content-length", 0)) and (data := self.request.recv(65_536)):
                    body += data
                asked = Asked(lines[0].split(" ")[1], headers, body)
                web.asked.append(asked)
                page = web.pages.get(asked.path) or web.pages.get(asked.path.split("?")[0])
                if page is None:
                    reply(self.request, "404 Not Found")
                else:
                    page(asked, self.request)
            except OSError:
                pass  # the client went away

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads, request_queue_size = True, True, 256

    with Server((host, 0), Handler) as server:
        web.url = f"http://{host}:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield web
        server.shutdown()


@pytest.fixture
def web() -> Iterator[Web]:
    """The server, with nothing on it yet."""
    with serving() as running:
        yield running
