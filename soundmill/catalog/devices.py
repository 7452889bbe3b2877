"""Edges that may send sound: each has a token of its own, of which only the hash is kept."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select, update

from soundmill.catalog.database import Catalog
from soundmill.catalog.schema import DeviceRow

_NONE = ""  # no token's hash


@dataclass(frozen=True)
class Device:
    """An edge, by the name of its source."""

    name: str
    created_at: datetime
    last_seen_at: datetime | None


class Devices:
    """The edges that a hub knows."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def add(self, name: str) -> str:
        """A new token for an edge; one that it had before is worth nothing any more."""
        token = secrets.token_urlsafe(32)
        with self._catalog.writing() as session:
            session.merge(DeviceRow(name=name, token_sha256=_hash(token), created_at=datetime.now(UTC), last_seen_at=None))
        return token

    def remove(self, name: str) -> bool:
        """Takes an edge's token back; says whether it had one. That tokens are asked for stays so, also after the last."""
        with self._catalog.writing() as session:
            known = update(DeviceRow).where(DeviceRow.name == name, DeviceRow.token_sha256 != _NONE)
            gone = session.execute(known.values(token_sha256=_NONE).returning(DeviceRow.name))
            return gone.scalar() is not None

    def all(self) -> list[Device]:
        """Every edge, by name."""
        with self._catalog.reading() as session:
            rows = session.scalars(select(DeviceRow).where(DeviceRow.token_sha256 != _NONE).order_by(DeviceRow.name))
            return [Device(row.name, row.created_at, row.last_seen_at) for row in rows]

    def any(self) -> bool:
        """Whether any edge has, or had, a token: then all need one."""
        with self._catalog.reading() as session:
            return bool(session.scalar(select(func.count()).select_from(DeviceRow)))

    def holds(self, name: str, token: str) -> bool:
        """Whether this is the edge's token."""
        with self._catalog.reading() as session:
            kept = session.scalar(select(DeviceRow.token_sha256).where(DeviceRow.name == name))
        return kept is not None and secrets.compare_digest(kept, _hash(token))

    def seen(self, name: str, now: datetime) -> None:
        """Notes that the edge has reported."""
        with self._catalog.writing() as session:
            session.execute(update(DeviceRow).where(DeviceRow.name == name).values(last_seen_at=now))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
