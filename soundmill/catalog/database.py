"""Opening the catalog: SQLite in WAL mode or PostgreSQL, brought to the newest schema on the way."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, inspect, make_url, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import Session

from soundmill.catalog.schema import Base
from soundmill.errors import CatalogUnavailable
from soundmill.settings import masked_url

HEAD = "0012"  # the newest migration in migrations/versions
_MIGRATION_LOCK = 0x50_0D_41_11  # any constant: PostgreSQL's advisory locks are named by numbers
_BUSY_SECONDS = 60
_T = TypeVar("_T")


class Catalog:
    """A database with transactions that read and transactions that write; the queries lie in the other files of this folder."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        # SQLite must take its write lock at the start of a transaction: taken midway, it fails at once where another writer was faster
        self._writing = engine.execution_options(soundmill_writes=True)
        # writers of one process take turns here: SQLite itself has them poll, and the unlucky ones wait for seconds
        self._turn: AbstractContextManager[Any] = threading.RLock() if engine.dialect.name == "sqlite" else nullcontext()

    def __repr__(self) -> str:
        return f"Catalog({_shown(self.engine)!r})"

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that only reads."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that is committed when the block ends well and rolled back when it does not."""
        with self._turn, Session(self._writing) as session, session.begin():
            yield session

    def alone(self, session: Session, name: str) -> None:
        """Within a writing transaction, waits until no other one is alone under this name, and keeps them waiting until this one ends."""
        if self.engine.dialect.name == "postgresql":  # SQLite has one writer at a time anyhow
            session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})

    def insert(self, table: type[Base]) -> Any:
        """An INSERT that knows ON CONFLICT, which SQLite and PostgreSQL spell alike. It is the table's own: the detour by mapped objects
        would double its time."""
        dialect = sqlite if self.engine.dialect.name == "sqlite" else postgresql
        return dialect.insert(cast(Table, table.__table__))

    def close(self) -> None:
        """Closes every connection."""
        self.engine.dispose()


def open_catalog(url: str) -> Catalog:
    """Opens `sqlite:///path` or `postgresql+psycopg://...`, creating or upgrading its tables. Raises `CatalogUnavailable`."""
    engine = _engine(url)
    try:
        if _schema_version(engine) != HEAD:
            _upgrade(engine)
    except OperationalError as error:
        raise CatalogUnavailable(f"cannot open {_shown(engine)}: {masked_url(str(error.orig))}") from error
    return Catalog(engine)


def is_empty_catalog(url: str) -> bool:
    """Whether there is no catalog yet, or one in which nothing was ever written. Raises `CatalogUnavailable`."""
    engine = _engine(url)
    try:
        if _schema_version(engine) is None:
            return True
        with engine.connect() as connection:
            return not any(connection.scalar(select(table.c[0]).limit(1)) for table in Base.metadata.sorted_tables)
    except OperationalError as error:
        raise CatalogUnavailable(f"cannot open {_shown(engine)}: {masked_url(str(error.orig))}") from error
    finally:
        engine.dispose()


def create_catalog(url: str, schema: str, fill: Callable[[Connection], _T]) -> _T:
    """Creates a catalog as of a migration, fills it, and brings it to the newest schema, all in one transaction.

    Raises `CatalogUnavailable`, also for a migration that this version does not know.
    """
    from alembic.util import CommandError

    engine, filled = _engine(url), list[_T]()
    try:
        _upgrade(engine, schema, lambda connection: filled.append(fill(connection)))
        return filled[0]
    except CommandError as error:
        raise CatalogUnavailable(f"this version of Soundmill does not know the catalog's schema {schema}: {error}") from None
    except OperationalError as error:
        raise CatalogUnavailable(f"cannot open {_shown(engine)}: {masked_url(str(error.orig))}") from error
    finally:
        engine.dispose()


def _shown(engine: Engine) -> str:
    return masked_url(engine.url.render_as_string(hide_password=True))


def _engine(url: str) -> Engine:
    try:
        # a path is a path to its end, whatever signs are in it
        parsed = URL.create("sqlite", database=url.removeprefix("sqlite:///") or None) if url.startswith("sqlite:///") else make_url(url)
    except ArgumentError:
        raise CatalogUnavailable(f"{masked_url(url)!r} is not a database URL; write it like postgresql+psycopg://user@host/name") from None
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    is_sqlite = parsed.get_backend_name() == "sqlite"
    if is_sqlite and parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise CatalogUnavailable(f"the catalog can be SQLite or PostgreSQL, not {parsed.get_backend_name()}")
    engine = create_engine(parsed, pool_pre_ping=not is_sqlite, connect_args={"timeout": _BUSY_SECONDS} if is_sqlite else {})
    if is_sqlite:
        _prepare_sqlite(engine)
    return engine


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where `on_begin` says, not where the driver guesses
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={_BUSY_SECONDS * 1000}", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("soundmill_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _schema_version(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(engine: Engine, first: str = "head", fill: Callable[[Connection], None] = lambda _: None) -> None:
    """Runs the migrations up to `first`, fills the tables, and runs the others; of two processes that try at once, the second waits
    and finds nothing to do."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.execution_options(soundmill_writes=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, first)
        fill(connection)
        command.upgrade(config, "head")
