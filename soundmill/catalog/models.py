"""The model registry: models by name, their versions, and which one is the champion."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from soundmill.catalog.database import Catalog
from soundmill.catalog.schema import ModelRow, ModelVersionRow
from soundmill.errors import DefinitionChanged, SpecRefused, UnknownModel

_RACES = 20
_DELETED = "deleted"
_CHAMPION = "champion"  # who promotes or deletes is alone


@dataclass(frozen=True)
class ModelVersion:
    """One fit. `card` is None while the fit is still going on, or was cut off."""

    name: str
    version: int
    fingerprint: str
    champion: bool
    created_at: datetime
    card: dict[str, Any] | None = None
    promoted_because: str | None = None


class ModelRegistry:
    """Queries and writes of models."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def define(self, name: str, spec: dict[str, Any]) -> None:
        """Stores the specification of a model, new or changed."""
        now = datetime.now(UTC)
        row = self._catalog.insert(ModelRow).values(name=name, spec=spec, created_at=now, updated_at=now)
        row = row.on_conflict_do_update(index_elements=["name"], set_={"spec": spec, "updated_at": now})
        with self._catalog.writing() as session:
            session.execute(row)

    def define_new(self, name: str, spec: dict[str, Any]) -> None:
        """Stores the specification of a model that there is not yet. Raises `SpecRefused`."""
        now = datetime.now(UTC)
        row = self._catalog.insert(ModelRow).values(name=name, spec=spec, created_at=now, updated_at=now)
        with self._catalog.writing() as session:
            if session.scalar(row.on_conflict_do_nothing().returning(ModelRow.name)) is None:
                raise SpecRefused(f"another model is called {name!r}: give this one another name")

    def redefine(self, name: str, spec: dict[str, Any], defined_at: datetime) -> None:
        """Changes the specification that a model has had since `defined_at`. Raises `UnknownModel`, `DefinitionChanged`."""
        self.spec(name)
        is_same = (ModelRow.name == name, ModelRow.updated_at == defined_at)
        changed = update(ModelRow).where(*is_same).values(spec=spec, updated_at=datetime.now(UTC)).returning(ModelRow.name)
        with self._catalog.writing() as session:
            if session.scalar(changed) is None:
                raise DefinitionChanged(f"the definition of {name!r} was changed meanwhile: load it again, then change it")

    def defined(self) -> dict[str, tuple[dict[str, Any], datetime]]:
        """Specifications by name, and since when each has been as it is."""
        with self._catalog.reading() as session:
            return {row.name: (row.spec, row.updated_at) for row in session.scalars(select(ModelRow).order_by(ModelRow.name))}

    def created(self) -> dict[str, datetime]:
        """When each model was first defined, by name."""
        with self._catalog.reading() as session:
            return {row.name: row.created_at for row in session.scalars(select(ModelRow))}

    def specs(self) -> dict[str, dict[str, Any]]:
        """Specifications by name."""
        with self._catalog.reading() as session:
            return {row.name: row.spec for row in session.scalars(select(ModelRow).order_by(ModelRow.name))}

    def spec(self, name: str) -> dict[str, Any]:
        """The specification of a model. Raises `UnknownModel`."""
        with self._catalog.reading() as session:
            row = session.get(ModelRow, name)
            if row is None:
                raise UnknownModel(f"no model is called {name!r}; define it with: soundmill model define {name}")
            return row.spec

    def delete(self, name: str) -> list[ModelVersion]:
        """Removes a model with its versions from the registry; returns the versions, whose files can go. Raises `UnknownModel`."""
        self.spec(name)
        versions = self.versions(name)
        with self._catalog.writing() as session:
            self._catalog.alone(session, _CHAMPION)
            # the numbers stay taken: detections and reports name them
            rows = session.scalars(select(ModelVersionRow).where(ModelVersionRow.name == name)).all()
            for row in rows:
                row.champion, row.card, row.fingerprint = False, None, f"{_DELETED} {row.version} {secrets.token_hex(8)}"
            session.execute(delete(ModelRow).where(ModelRow.name == name))
        return versions

    def versions(self, name: str | None = None) -> list[ModelVersion]:
        """Versions, of one model or of all, by name and number."""
        query = select(ModelVersionRow).where(ModelVersionRow.fingerprint.not_like(f"{_DELETED}%"))
        query = query.order_by(ModelVersionRow.name, ModelVersionRow.version)
        if name is not None:
            query = query.where(ModelVersionRow.name == name)
        with self._catalog.reading() as session:
            return [_version(row) for row in session.scalars(query)]

    def current(self, name: str) -> ModelVersion:
        """The version that the model's newest fit gave, be it new or one that was there. Raises `UnknownModel`."""
        self.spec(name)
        with self._catalog.reading() as session:
            number = session.scalar(select(ModelRow.current).where(ModelRow.name == name))
            row = session.get(ModelVersionRow, (name, number)) if number is not None else None
            if row is None or row.card is None:
                raise UnknownModel(f"the model {name!r} has not been fitted; materialise osr_model for it")
            return _version(row)

    def set_current(self, name: str, version: int) -> None:
        """Notes which version the newest fit gave."""
        with self._catalog.writing() as session:
            session.execute(update(ModelRow).where(ModelRow.name == name).values(current=version))

    def begin(self, name: str, fingerprint: str) -> ModelVersion:
        """The version for a fit: the one with this fingerprint where there is one, else a new number."""
        for _ in range(_RACES):
            with self._catalog.reading() as session:
                query = select(ModelVersionRow).where(ModelVersionRow.name == name, ModelVersionRow.fingerprint == fingerprint)
                if row := session.scalar(query):
                    return _version(row)
                newest = session.scalar(select(func.max(ModelVersionRow.version)).where(ModelVersionRow.name == name)) or 0
            row = ModelVersionRow(name=name, version=newest + 1, fingerprint=fingerprint, champion=False, created_at=datetime.now(UTC))
            try:
                with self._catalog.writing() as session:
                    session.add(row)
            except IntegrityError:
                continue  # another fit took the number, or is this very fit
        raise RuntimeError(f"could not reserve a version of {name!r} among {_RACES} concurrent fits")

    def finish(self, name: str, version: int, card: dict[str, Any]) -> bool:
        """Stores a fit's card; the first fit of all becomes the champion. Says whether it is the champion. Raises `UnknownModel` where the
        model was deleted meanwhile."""
        with self._catalog.writing() as session:
            self._catalog.alone(session, _CHAMPION)
            row = session.get(ModelVersionRow, (name, version))
            if row is None or row.fingerprint.startswith(_DELETED):
                raise UnknownModel(f"the model {name!r} was deleted while it was fitted")
            session.execute(update(ModelVersionRow).where(*_is(name, version)).values(card=card))
            champion = session.scalar(select(ModelVersionRow).where(ModelVersionRow.champion))
            if champion is None:
                champion = _finished(session, name, version)
                champion.champion, champion.promoted_because = True, "the first model"
            return (champion.name, champion.version) == (name, version)

    def promote(self, name: str, version: int, because: str) -> ModelVersion:
        """Makes a finished version the champion, in place of the one before. Raises `UnknownModel`."""
        with self._catalog.writing() as session:
            self._catalog.alone(session, _CHAMPION)
            row = _finished(session, name, version)
            session.execute(update(ModelVersionRow).where(ModelVersionRow.champion).values(champion=False))
            row.champion, row.promoted_because = True, because
            session.flush()
            return _version(row)

    def champion(self) -> ModelVersion | None:
        """The version whose verdicts become detections."""
        with self._catalog.reading() as session:
            row = session.scalar(select(ModelVersionRow).where(ModelVersionRow.champion))
            return None if row is None else _version(row)


def _finished(session: Session, name: str, version: int) -> ModelVersionRow:
    row = session.get(ModelVersionRow, (name, version))
    if row is None or row.card is None or row.fingerprint.startswith(_DELETED):
        raise UnknownModel(f"{name!r} has no finished version {version}; see: soundmill model list")
    return row


def _is(name: str, version: int) -> tuple[Any, Any]:
    return ModelVersionRow.name == name, ModelVersionRow.version == version


def _version(row: ModelVersionRow) -> ModelVersion:
    return ModelVersion(row.name, row.version, row.fingerprint, row.champion, row.created_at, row.card, row.promoted_because)
