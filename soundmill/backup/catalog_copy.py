"""The catalog as chunks of JSON lines: the same from SQLite and PostgreSQL, and back into either.

The ledger, the queue and uploads go by day, so that a new day does not send all the old ones again; other tables go whole. All is read
in one snapshot.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Table, func, select

from soundmill.catalog import Catalog
from soundmill.catalog.schema import Base, DownloadRow, ItemRow, UploadRow

_BY_DAY = {table.__tablename__: table for table in (ItemRow, DownloadRow, UploadRow)}
_LEFT_OUT = {"leases", "failed_logins", "account_sessions"}  # what is true right now only is not worth keeping
_BATCH = 1000
_SETTLED = timedelta(minutes=10)


def tables() -> list[Table]:
    """The tables that are kept."""
    return [table for table in Base.metadata.sorted_tables if table.name not in _LEFT_OUT]


def marks(connection: Connection, now: datetime) -> dict[str, str]:
    """For each day of ledger, queue and uploads a mark that changes when its rows do, from counts and times, without reading the rows.

    Empty where a row is younger than ten minutes: one with an earlier time may still be on its way, written before and committed after.
    """
    found = {}
    for name, table in _BY_DAY.items():
        query = select(table.day, func.count(), func.max(table.updated_at)).group_by(table.day)
        for day, count, newest in connection.execute(query):
            found[f"{name}/{day}"] = f"{count} {newest.isoformat()}" if newest < now - _SETTLED else ""
    return found


def chunk_names(connection: Connection, now: datetime) -> dict[str, str]:
    """Every chunk there is now, with its mark; an empty mark where only the content can tell."""
    return {**{table.name: "" for table in tables() if table.name not in _BY_DAY}, **marks(connection, now)}


def row_counts(connection: Connection) -> dict[str, int]:
    """Rows in each table."""
    return {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables()}


def read_chunk(connection: Connection, name: str) -> tuple[bytes, int]:
    """A chunk's rows as compressed JSON lines in order of primary key, and how many there are."""
    table_name, _, day = name.partition("/")
    table = Base.metadata.tables[table_name]
    query = select(table).order_by(*table.primary_key.columns)
    if day:
        query = query.where(table.c.day == date.fromisoformat(day))
    lines = [json.dumps(dict(row._mapping), default=lambda value: value.isoformat(), sort_keys=True) for row in connection.execute(query)]
    return gzip.compress("".join(line + "\n" for line in lines).encode(), 6, mtime=0), len(lines)


def write_rows(connection: Connection, chunks: Iterable[tuple[str, bytes]]) -> int:
    """Inserts chunks into an empty catalog whose tables are there, within the caller's transaction; returns the rows written."""
    there = sa.MetaData()
    there.reflect(connection)
    written = 0
    order = {table.name: number for number, table in enumerate(there.sorted_tables)}  # what others refer to comes first
    for name, data in sorted(chunks, key=lambda chunk: order[chunk[0].partition("/")[0]]):
        table = there.tables[name.partition("/")[0]]
        for batch in _batches(data):
            connection.execute(table.insert(), [_typed(row, table, connection.dialect.name) for row in batch])
            written += len(batch)
    if connection.dialect.name == "postgresql":
        _advance_sequences(connection, there)
    return written


def snapshot(catalog: Catalog) -> Connection:
    """A connection whose reads all see one moment."""
    connection = catalog.engine.connect()
    if connection.dialect.name == "postgresql":
        connection = connection.execution_options(isolation_level="REPEATABLE READ")
    return connection


def _batches(data: bytes) -> Iterator[list[dict[str, Any]]]:
    lines = gzip.decompress(data).decode().splitlines()
    for start in range(0, len(lines), _BATCH):
        yield [json.loads(line) for line in lines[start : start + _BATCH]]


def _typed(row: Mapping[str, Any], table: Table, dialect: str) -> dict[str, Any]:
    values = {}
    for name, value in row.items():
        kind = table.c[name].type
        if value is not None and isinstance(kind, sa.DateTime):
            moment = datetime.fromisoformat(value)
            value = moment.replace(tzinfo=None) if dialect == "sqlite" else moment
        elif value is not None and isinstance(kind, sa.Date):
            value = date.fromisoformat(value)
        elif value is None and isinstance(kind, sa.JSON) and _is_null_when_empty(table.name, name):
            value = sa.null()  # else it would be written as JSON's null
        values[name] = value
    return values


def _is_null_when_empty(table: str, column: str) -> bool:
    known = Base.metadata.tables.get(table)
    kind = known.c[column].type if known is not None and column in known.c else None
    return isinstance(kind, sa.JSON) and kind.none_as_null


def _advance_sequences(connection: Connection, there: sa.MetaData) -> None:
    """Numbers given from now on follow those that came with the rows."""
    for table in there.tables.values():
        if "id" in table.c:
            sequence = connection.scalar(select(func.pg_get_serial_sequence(table.name, "id")))
            largest = connection.scalar(select(func.max(table.c.id)))
            if sequence and largest:
                connection.execute(select(func.setval(sequence, largest)))
