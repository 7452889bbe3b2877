"""The queue of downloads; turns of speech and a way to find the same sound in the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "download_requests",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("conversation", sa.String(length=128), nullable=False),
        sa.Column("speaker", sa.String(length=128), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("claimed_by", sa.String(length=256), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("conversation", "speaker", name="one_request"),
    )
    op.create_index("downloads_due", "download_requests", ["state", "next_attempt_at"], unique=False)
    op.create_index("downloads_by_day", "download_requests", ["day", "state"], unique=False)
    op.add_column("items", sa.Column("turns", sa.JSON(none_as_null=True), nullable=True))
    op.create_index("items_by_content", "items", ["content_hash"], unique=False)


def downgrade() -> None:
    op.drop_index("items_by_content", table_name="items")
    op.drop_column("items", "turns")
    op.drop_table("download_requests")
