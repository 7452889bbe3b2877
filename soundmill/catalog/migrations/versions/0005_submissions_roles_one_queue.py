"""Submissions, boxes and reviewed spans, from which annotations are derived; roles and sessions of accounts; one queue; erasures.

Annotations that are there become submissions of their authors: what was added, and what was withdrawn since. Names inside JSON columns
follow the words of the design.
"""

import hashlib
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_CARD = {"promised_recall": "expected_recall", "rehearsed": "cross_validation"}
_HITS = {"heard": "matched"}
_MEASURES = {"lay_at": "original_path", "there": "file_exists"}


def upgrade() -> None:
    _submissions()
    _annotations()
    _accounts()
    _queue()
    _erasures()
    _rename_keys("model_versions", ["name", "version"], "card", _CARD)
    _rename_keys("items", ["key"], "measures", _MEASURES)
    _rename_keys("uploads", ["uuid"], "hits", _HITS)


def _submissions() -> None:
    op.create_table(
        "submissions",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("annotator", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("start", _MOMENT, nullable=False),
        sa.Column("end", _MOMENT, nullable=False),
        sa.Column("round", sa.String(length=64), nullable=True),
        sa.Column("session", sa.BigInteger(), nullable=True),
        sa.Column("content", sa.String(length=40), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("annotator", "source", "version", name="submission_version"),
    )
    op.create_table(
        "boxes",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("submission", _ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("start", _MOMENT, nullable=False),
        sa.Column("end", _MOMENT, nullable=False),
        sa.Column("low_hz", sa.Float(), nullable=True),
        sa.Column("high_hz", sa.Float(), nullable=True),
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=True),
        sa.Column("model_version", sa.Integer(), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["submission"], ["submissions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("boxes_by_submission", "boxes", ["submission"], unique=False)
    op.create_index("boxes_by_day", "boxes", ["day", "state"], unique=False)
    op.create_table(
        "reviewed_spans",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("submission", _ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("start", _MOMENT, nullable=False),
        sa.Column("end", _MOMENT, nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["submission"], ["submissions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("reviewed_spans_by_submission", "reviewed_spans", ["submission"], unique=False)
    op.create_index("reviewed_spans_by_day", "reviewed_spans", ["day"], unique=False)


def _annotations() -> None:
    """The table anew, since its rule of uniqueness changes; every row gets the box that it comes from."""
    connection = op.get_bind()
    old = sa.table(
        "annotations", *(sa.column(name) for name in ("id", "source", "day", "start", "end", "tag", "author", "revision")),
        sa.column("created_at", _MOMENT), sa.column("withdrawn_at", _MOMENT), sa.column("start", _MOMENT), sa.column("end", _MOMENT),
        sa.column("day", sa.Date()),
    )  # fmt: skip
    rows = [dict(row) for row in connection.execute(sa.select(old).order_by(old.c.id)).mappings()]
    op.drop_index("annotations_by_day", table_name="annotations")
    op.rename_table("annotations", "annotations_before")
    if connection.dialect.name == "postgresql":  # names of constraints and sequences stay with the table that is renamed
        op.execute("ALTER TABLE annotations_before RENAME CONSTRAINT annotations_pkey TO annotations_before_pkey")
        op.execute("ALTER SEQUENCE annotations_id_seq RENAME TO annotations_before_id_seq")
    op.create_table(
        "annotations",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("start", _MOMENT, nullable=False),
        sa.Column("end", _MOMENT, nullable=False),
        sa.Column("low_hz", sa.Float(), nullable=True),
        sa.Column("high_hz", sa.Float(), nullable=True),
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("identity", sa.String(length=40), nullable=False),
        sa.Column("box", _ID, nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("withdrawn_at", _MOMENT, nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["box"], ["boxes.id"], name="annotation_box"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("identity"),
    )
    op.create_index("annotations_by_day", "annotations", ["day"], unique=False)
    op.create_index("annotations_by_author", "annotations", ["author", "source", "start"], unique=False)
    meta = sa.MetaData()
    submissions, boxes, annotations = (sa.Table(name, meta, autoload_with=connection) for name in ("submissions", "boxes", "annotations"))
    of_author: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        of_author[row["author"], row["source"]].append(row)
    for (author, source), mine in of_author.items():
        added = _submit(connection, submissions, boxes, author, source, 1, "add", min(row["created_at"] for row in mine), mine)
        if taken_back := [row for row in mine if row["withdrawn_at"] is not None]:
            moment = max(row["withdrawn_at"] for row in taken_back)
            _submit(connection, submissions, boxes, author, source, 2, "withdraw", moment, taken_back)
        values = [
            {**row, "low_hz": None, "high_hz": None, "identity": _identity(row), "box": box} for row, box in zip(mine, added, strict=True)
        ]
        for row in values:
            del row["id"]
        connection.execute(annotations.insert(), values)
    op.drop_table("annotations_before")


def _submit(
    connection: sa.Connection, submissions: sa.Table, boxes: sa.Table, author: str, source: str, version: int, action: str, at: datetime,
    rows: list[dict[str, Any]],
) -> list[int]:  # fmt: skip
    content = _digest(_identity(row) for row in rows)
    submission = connection.execute(
        submissions.insert().values(
            annotator=author, source=source, version=version, action=action, start=min(row["start"] for row in rows),
            end=max(row["end"] for row in rows), content=content, note="", created_at=at,
        ).returning(submissions.c.id)
    ).scalar_one()  # fmt: skip
    made = []
    for row in rows:
        kept = {name: row[name] for name in ("day", "start", "end", "tag")}
        insert = boxes.insert().values(**kept, submission=submission, origin="imported", state="drawn", note="")
        made.append(connection.execute(insert.returning(boxes.c.id)).scalar_one())
    return made


def _identity(row: dict[str, Any]) -> str:
    start, end = (round(_utc(row[name]).timestamp() * 1000) for name in ("start", "end"))
    return _digest([f"{row['source']}/{start}-{end}/{row['tag']}", row["author"]])


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _digest(lines: Any) -> str:
    return hashlib.blake2b("\n".join(lines).encode("utf-8", "surrogateescape"), digest_size=10).hexdigest()


def _accounts() -> None:
    op.add_column("accounts", sa.Column("roles", sa.JSON(), nullable=True))
    accounts = sa.table("accounts", sa.column("is_admin", sa.Boolean()), sa.column("roles", sa.JSON()))
    op.execute(accounts.update().values(roles=["client"]))
    op.execute(accounts.update().where(accounts.c.is_admin).values(roles=["admin", "client"]))
    with op.batch_alter_table("accounts", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.alter_column("roles", existing_type=sa.JSON(), nullable=False)
        batch.drop_column("is_admin")
    op.create_table(
        "account_sessions",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("account", _ID, nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_index("ix_account_sessions_account", "account_sessions", ["account"], unique=False)


def _queue() -> None:
    op.add_column("uploads", sa.Column("next_attempt_at", _MOMENT, nullable=True))
    for table in ("uploads", "download_requests"):
        op.add_column(table, sa.Column("claims", sa.Integer(), nullable=False, server_default="0"))
    uploads = sa.table("uploads", sa.column("state", sa.String()), sa.column("claimed_by", sa.String()))
    op.execute(uploads.update().where(uploads.c.state == "running").values(state="queued", claimed_by=None))
    op.execute(uploads.update().where(uploads.c.state == "queued").values(claimed_by=None))


def _erasures() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject_sha256", sa.String(length=64), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("by", sa.String(length=150), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _rename_keys(table: str, keys: list[str], column: str, names: dict[str, str]) -> None:
    """Renames keys at the top of a JSON column, or of each object in its list."""
    connection = op.get_bind()
    rows = sa.table(table, *(sa.column(key) for key in keys), sa.column(column, sa.JSON()))
    hit = sa.or_(*(sa.cast(rows.c[column], sa.Text()).contains(f'"{name}"') for name in names))
    for row in connection.execute(sa.select(rows).where(hit)).mappings().all():
        value = _renamed(row[column], names)
        mine = sa.and_(*(rows.c[key] == row[key] for key in keys))
        connection.execute(rows.update().where(mine).values({column: value}))


def downgrade() -> None:
    _rename_keys("uploads", ["uuid"], "hits", {new: old for old, new in _HITS.items()})
    _rename_keys("items", ["key"], "measures", {new: old for old, new in _MEASURES.items()})
    _rename_keys("model_versions", ["name", "version"], "card", {new: old for old, new in _CARD.items()})
    op.drop_table("erasures")
    for table in ("uploads", "download_requests"):
        op.drop_column(table, "claims")
    op.drop_column("uploads", "next_attempt_at")
    op.drop_table("account_sessions")
    op.add_column("accounts", sa.Column("is_admin", sa.Boolean(), nullable=False, server_default=sa.false()))
    accounts = sa.table("accounts", sa.column("is_admin", sa.Boolean()), sa.column("roles", sa.JSON()))
    op.execute(accounts.update().where(sa.cast(accounts.c.roles, sa.Text()).contains('"admin"')).values(is_admin=True))
    op.drop_column("accounts", "roles")
    _annotations_before()
    for table in ("reviewed_spans", "boxes", "submissions"):
        op.drop_table(table)


def _annotations_before() -> None:
    """One row for each source, start, end and tag: of several authors' equal labels the first stays."""
    with op.batch_alter_table("annotations") as batch:
        batch.drop_constraint("annotation_box", type_="foreignkey")
    for name in ("annotations_by_day", "annotations_by_author"):
        op.drop_index(name, table_name="annotations")
    annotations = sa.table("annotations", *(sa.column(name) for name in ("id", "source", "start", "end", "tag")))
    first = sa.select(sa.func.min(annotations.c.id)).group_by(
        annotations.c.source, annotations.c.start, annotations.c.end, annotations.c.tag
    )
    op.execute(annotations.delete().where(annotations.c.id.not_in(first)))
    with op.batch_alter_table("annotations") as batch:
        for name in ("low_hz", "high_hz", "identity", "box"):
            batch.drop_column(name)
        batch.create_unique_constraint("annotation_once", ["source", "start", "end", "tag"])
    op.create_index("annotations_by_day", "annotations", ["day"], unique=False)


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_renamed(entry, names) for entry in value]
    return {names.get(name, name): inner for name, inner in (value or {}).items()}
