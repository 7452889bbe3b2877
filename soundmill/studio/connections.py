"""The studio's connections: heads of bounded size, and none that never ends.

A connection that brings no whole request is closed after half a minute: one whose head does not come, and one whose body stands still or
drips. Where there are too many, those go first that have brought nothing.
"""

import asyncio
import resource
import sys
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

ENDLESS = frozenset({"/api/events"})  # answers that go on for as long as somebody reads them
LONGEST_HEAD = 64 << 10  # bytes: request line and headers
_PATIENCE = 30.0  # seconds
_LEAST_BYTES = 1024  # of a body, in that time
_LOOK_EVERY = 5.0
_SPARE = 0.25  # of the descriptors, for files and the catalog


class Connection(H11Protocol):
    """One connection, watched until it is closed."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins the watch; makes room where there are too many connections."""
        super().connection_made(transport)
        self._since, self._came, self._in_body = self.loop.time(), 0, False
        self._watch = self.loop.call_later(_LOOK_EVERY, self._look)
        if len(self.connections) > _most_connections():
            idle = [one for one in self.connections if isinstance(one, Connection) and one.waits_for_head and one is not self]
            for one in sorted(idle, key=lambda one: one._since)[: max(1, len(idle) // 10)]:
                one.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the watch."""
        self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes bytes of a request."""
        self._came += len(data)
        super().data_received(data)

    @property
    def waits_for_head(self) -> bool:
        """Whether no request is being answered, or received."""
        return self.cycle is None or self.cycle.response_complete

    def on_response_complete(self) -> None:
        """Begins the watch anew: who was answered has brought a whole request."""
        self._since, self._came = self.loop.time(), 0
        super().on_response_complete()

    def shutdown(self) -> None:
        """Ends with the server: an answer that has no end of its own is cut off, others are finished."""
        if not self.waits_for_head and self.scope["path"] in ENDLESS:
            self.transport.abort()
        super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Refuses what is no request; with 431 where its head is too long."""
        error = sys.exc_info()[1]
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        if status == 431:
            body = b"the request's headers are too long"
            self.transport.write(
                b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain\r\nconnection: close\r\n"
                b"content-length: %d\r\n\r\n%s" % (len(body), body)
            )
            self.transport.close()
        else:
            super().send_400_response(msg)

    def _look(self) -> None:
        """Closes the connection where it has brought too little for too long."""
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return
        now = self.loop.time()
        waits_for_body = not self.waits_for_head and self.cycle.more_body and not self.flow.read_paused
        if (
            not (self.waits_for_head or waits_for_body)
            or self._in_body != waits_for_body
            or (waits_for_body and self._came >= _LEAST_BYTES)
        ):
            self._since, self._came, self._in_body = now, 0, waits_for_body
        elif now - self._since > _PATIENCE:
            self.transport.abort()
            return
        self._watch = self.loop.call_later(min(_LOOK_EVERY, _PATIENCE / 2), self._look)


def _most_connections() -> int:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 1 << 20 if most == resource.RLIM_INFINITY else int(most * (1 - _SPARE))


def server_options() -> dict[str, Any]:
    """What uvicorn is to be started with; raises this process's limit of open files to what it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return {"http": Connection, "ws": "none", "h11_max_incomplete_event_size": LONGEST_HEAD}
