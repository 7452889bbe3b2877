"""Where closed segments go: into the landing area, or over the network through a folder in which they wait while it is away."""

import errno
import hashlib
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import httpx

from soundmill.capture.landing import landing_path
from soundmill.capture.naming import SegmentName
from soundmill.disk import need_room
from soundmill.errors import DiskFull, HubRefused, HubUnavailable
from soundmill.lake import Lake
from soundmill.tls import tls_context

log = logging.getLogger("soundmill.capture")
_LONGEST_WAIT = 60.0  # seconds between two attempts at a hub that is away
_TIMEOUT = 30.0
_FULL = {errno.ENOSPC, errno.EDQUOT}


class Store(Protocol):
    """Takes closed segments. What has been put survives a crash."""

    backlog: int

    def put(self, name: SegmentName, data: bytes) -> None:
        """Keeps a file. Raises `DiskFull`."""
        ...

    def close(self, wait: float) -> None:
        """Gives what still waits so many seconds to go out."""
        ...


class Landing:
    """The landing area of a lake in a folder: files appear there whole, by a rename."""

    backlog = 0

    def __init__(self, lake: Lake, source: str, least_free: int) -> None:
        self._lake, self._source, self._least_free = lake, source, least_free
        self._root = Path(lake.full_path("landing"))

    def put(self, name: SegmentName, data: bytes) -> None:
        need_room(self._root, self._least_free)
        try:
            self._lake.write_bytes(landing_path(self._source, name), data)
        except OSError as error:
            raise _no_room(error) from error

    def close(self, wait: float) -> None:
        """Nothing waits here."""


class Outbox:
    """A folder in which files wait until `deliver` has taken them, the oldest first; each is deleted only then."""

    def __init__(self, folder: Path, deliver: Callable[[SegmentName, bytes], None], least_free: int) -> None:
        self.folder, self._deliver, self._least_free = folder, deliver, least_free
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*.partial"):
            left.unlink(missing_ok=True)
        self.backlog = len(self._waiting())
        self._wake, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._send, name="outbox", daemon=True)
        self._thread.start()

    def put(self, name: SegmentName, data: bytes) -> None:
        need_room(self.folder, self._least_free)
        aside = self.folder / f"{name}.partial"
        try:
            with open(aside, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self.folder / str(name))
        except OSError as error:
            aside.unlink(missing_ok=True)
            raise _no_room(error) from error
        self.backlog += 1
        self._wake.set()

    def close(self, wait: float) -> None:
        self._closing.set()
        self._wake.set()
        self._thread.join(wait)

    def _waiting(self) -> list[tuple[Path, SegmentName]]:
        named = ((path, SegmentName.parse(path.name)) for path in self.folder.iterdir())
        return sorted(((path, name) for path, name in named if name), key=lambda one: (one[1].session, one[1].sequence))

    def _send(self) -> None:
        attempt = 0
        while True:
            self._wake.clear()
            try:
                self._send_what_waits()
            except Exception as error:  # noqa: BLE001  # whatever it is, the files stay and are tried again
                attempt += 1
                pause = min(_LONGEST_WAIT, 2.0 ** min(attempt, 10) / 2)
                log.warning("%d files wait: %s; next attempt in %.0f s", self.backlog, error, pause)
                if self._closing.wait(pause):
                    return
            else:
                attempt = 0
                if self._closing.is_set():
                    return
                self._wake.wait(1.0)

    def _send_what_waits(self) -> None:
        waiting = self._waiting()
        self.backlog = len(waiting)
        for path, name in waiting:
            try:
                self._deliver(name, path.read_bytes())
            except HubRefused as error:
                (self.folder / "refused").mkdir(exist_ok=True)
                path.replace(self.folder / "refused" / path.name)
                log.error("%s is kept in refused/: %s", path.name, error)
            else:
                path.unlink(missing_ok=True)
            self.backlog = max(0, self.backlog - 1)


def to_lake(lake: Lake, source: str) -> Callable[[SegmentName, bytes], None]:
    """Delivery into the landing area of a lake that is not on this machine."""
    return lambda name, data: lake.write_bytes(landing_path(source, name), data)


def to_hub(url: str, source: str, token: str | None, ca_file: str = "") -> Callable[[SegmentName, bytes], None]:
    """Delivery to a hub's `/capture/data`; the hub keeps what comes twice once. `ca_file`: see `tls_context`."""
    client = httpx.Client(timeout=_TIMEOUT, headers={"Authorization": f"Bearer {token}"} if token else {}, verify=tls_context(ca_file))

    def deliver(name: SegmentName, data: bytes) -> None:
        kind = {".wav": "audio/wav", ".flac": "audio/flac"}.get(name.suffix, "application/x-silence")
        answer = client.post(
            f"{url}/data",
            content=data,
            params={"source": source, "name": str(name)},
            headers={"Content-Type": kind, "X-Content-SHA256": hashlib.sha256(data).hexdigest()},
        )
        if answer.status_code in {400, 409, 413}:
            raise HubRefused(f"{url} answered {answer.status_code}: {answer.text[:200]}")
        answer.raise_for_status()
        if answer.json().get("status") not in {"stored", "known"}:  # a portal that answers for everybody
            raise HubUnavailable(f"{url} is no hub: it answered {answer.text[:100]!r}")

    return deliver


def _no_room(error: OSError) -> OSError:
    return DiskFull(error.errno, f"nothing more can be stored: {error.strerror}") if error.errno in _FULL else error
