"""Releases, and the clips in them."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "releases",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True)),
        sa.Column("content", sa.String(64)),
        sa.Column("facts", sa.JSON),
    )
    op.create_table(
        "release_clips",
        sa.Column("release", sa.String(64), sa.ForeignKey("releases.name", ondelete="CASCADE"), primary_key=True),
        sa.Column("source", sa.String(512), primary_key=True),
        sa.Column("start", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("end", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True)),
    )
    op.create_index("release_clips_by_sound", "release_clips", ["sha256"])
    op.create_index("release_clips_by_source", "release_clips", ["source", "start"])


def downgrade() -> None:
    op.drop_table("release_clips")
    op.drop_table("releases")
