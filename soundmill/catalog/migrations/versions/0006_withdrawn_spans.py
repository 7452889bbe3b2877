"""Withdrawn spans of a source's timeline, which hold for sound to come; those of segments that are withdrawn already."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    table = op.create_table(
        "withdrawn_spans",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("start", _MOMENT, nullable=False),
        sa.Column("end", _MOMENT, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("withdrawn_spans_by_source", "withdrawn_spans", ["source", "start"], unique=False)
    connection, now = op.get_bind(), datetime.now(UTC)
    items = sa.table(
        "items",
        *(sa.column(name) for name in ("source", "kind", "state", "seconds")),
        sa.column("started_at", _MOMENT),
    )
    withdrawn = sa.select(items.c.source, items.c.started_at, items.c.seconds).where(
        items.c.kind == "segment", items.c.state == "withdrawn", items.c.started_at.is_not(None)
    )
    rows = [
        {"source": source, "start": start, "end": start + timedelta(seconds=seconds), "created_at": now}
        for source, start, seconds in connection.execute(withdrawn)
    ]
    if rows:
        connection.execute(table.insert(), rows)


def downgrade() -> None:
    op.drop_table("withdrawn_spans")
