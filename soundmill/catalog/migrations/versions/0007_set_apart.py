"""What is in the lake and does not belong to the collection: clips that models were trained on, and the demo."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_OF_AUTHOR = {"folder": "training clips", "demo": "demo"}  # who labelled sound that only these commands land


def upgrade() -> None:
    table = op.create_table(
        "set_apart",
        sa.Column("prefix", sa.String(length=256), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("prefix"),
    )
    connection = op.get_bind()
    labels = sa.table("annotations", sa.column("source"), sa.column("author"))
    query = sa.select(labels.c.source, labels.c.author).where(labels.c.author.in_(_OF_AUTHOR)).distinct()
    purposes = {f"landing/{source}/": _OF_AUTHOR[author] for source, author in connection.execute(query)}
    if "demo" in purposes.values():
        purposes["downloads/demo-call-"] = "demo"
    if purposes:
        connection.execute(table.insert(), [{"prefix": prefix, "purpose": purpose} for prefix, purpose in purposes.items()])


def downgrade() -> None:
    op.drop_table("set_apart")
