"""Leases: one worker at a time on one thing, across processes and machines, and freed when the worker dies."""

import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from soundmill.catalog.database import Catalog
from soundmill.catalog.schema import LeaseRow
from soundmill.errors import LeaseLost

_POLL_SECONDS = 0.2


class Lease:
    """A lease held; `check` raises `LeaseLost` when another worker has taken it, say because this machine slept."""

    def __init__(self, catalog: Catalog, name: str, owner: str, seconds: float) -> None:
        self._catalog, self.name, self.owner, self._seconds = catalog, name, owner, seconds
        self._lost = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"lease {name}", daemon=True)

    def check(self) -> None:
        """Raises `LeaseLost` where the lease is no longer ours."""
        if self._lost:
            raise LeaseLost(f"another worker took over {self.name}")

    def _beat(self) -> None:
        while not self._stop.wait(self._seconds / 3):
            try:
                renewed = _renew(self._catalog, self.name, self.owner, self._seconds)
            except SQLAlchemyError:  # the database may be away for a moment; the lease runs on until it expires
                continue
            if not renewed:
                self._lost = True
                return

    def _end(self) -> None:
        self._stop.set()
        self._thread.join()
        with self._catalog.writing() as session:
            session.execute(delete(LeaseRow).where(LeaseRow.name == self.name, LeaseRow.owner == self.owner))


@contextmanager
def lease(catalog: Catalog, name: str, *, seconds: float = 60, wait: float = 600) -> Iterator[Lease]:
    """Holds `name` while the block runs, renewing it; waits up to `wait` seconds for another holder to end or to expire.

    A holder on this machine whose process is gone is replaced at once. Raises `LeaseLost`.
    """
    owner = f"{process_mark()} {secrets.token_hex(4)}"
    deadline = time.monotonic() + wait
    while not _claim(catalog, name, owner, seconds):
        if time.monotonic() > deadline:
            raise LeaseLost(f"{name} is still being worked on by {_holder(catalog, name)} after {wait:.0f} s")
        time.sleep(_POLL_SECONDS)
    held = Lease(catalog, name, owner, seconds)
    held._thread.start()
    try:
        yield held
    finally:
        held._end()


def held(catalog: Catalog, prefix: str) -> set[str]:
    """Names, without the prefix, of what somebody holds right now."""
    query = select(LeaseRow.name).where(LeaseRow.name.startswith(prefix, autoescape=True), LeaseRow.expires_at > datetime.now(UTC))
    with catalog.reading() as session:
        return {name.removeprefix(prefix) for name in session.scalars(query)}


def living(catalog: Catalog, prefix: str) -> set[str]:
    """Owners of leases whose names begin so and that run, but for processes of this machine that are known to be gone."""
    query = select(LeaseRow.owner).where(LeaseRow.name.startswith(prefix, autoescape=True), LeaseRow.expires_at > datetime.now(UTC))
    with catalog.reading() as session:
        return {owner for owner in session.scalars(query) if not is_dead(owner)}


def _claim(catalog: Catalog, name: str, owner: str, seconds: float) -> bool:
    now = datetime.now(UTC)
    holder = _holder(catalog, name)
    dead = holder if holder is not None and is_dead(holder) else ""
    claim = catalog.insert(LeaseRow).values(name=name, owner=owner, expires_at=now + timedelta(seconds=seconds))
    claim = claim.on_conflict_do_update(
        index_elements=["name"],
        set_={"owner": claim.excluded.owner, "expires_at": claim.excluded.expires_at},
        where=or_(LeaseRow.expires_at < now, LeaseRow.owner == dead),
    )
    with catalog.writing() as session:
        return session.execute(claim.returning(LeaseRow.name)).scalar() is not None


def _renew(catalog: Catalog, name: str, owner: str, seconds: float) -> bool:
    renewal = (
        update(LeaseRow)
        .where(LeaseRow.name == name, LeaseRow.owner == owner)
        .values(expires_at=datetime.now(UTC) + timedelta(seconds=seconds))
    )
    with catalog.writing() as session:
        return session.execute(renewal.returning(LeaseRow.name)).scalar() is not None


def _holder(catalog: Catalog, name: str) -> str | None:
    with catalog.reading() as session:
        return session.scalar(select(LeaseRow.owner).where(LeaseRow.name == name))


def process_mark() -> str:
    """This process among all there are, in at most 63 characters: machine (with its process namespace, for containers), number, start."""
    return f"{_machine()} {os.getpid()} {_started(os.getpid())}"


def is_dead(mark: str) -> bool:
    """Whether the process of a mark is known to be gone: it ran on this machine, and does so no more."""
    machine, pid, started = mark.split(" ")[:3]
    return machine == _machine() and _started(int(pid)) != started


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
        return f"{socket.gethostname()[:20]}:{boot}:{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:  # not Linux
        return socket.gethostname()[:40]


def _started(pid: int) -> str:
    """When a process began, in the kernel's own ticks, which no change of the clock moves; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        pass
    try:
        return "" if Path("/proc/self/stat").exists() else str(int(psutil.Process(pid).create_time()))
    except psutil.Error:
        return ""
