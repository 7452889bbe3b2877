"""Labelling rounds: their sessions, and who holds which."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "rounds",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("model", sa.String(128)),
        sa.Column("population", sa.JSON),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True)),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "round_sessions",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("round", sa.String(64), sa.ForeignKey("rounds.name", ondelete="CASCADE"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("source", sa.String(512), nullable=False),
        sa.Column("start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rule", sa.String(16), nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("cluster", sa.Integer),
        sa.Column("stratum", sa.Integer),
        sa.Column("probability", sa.Float),
        sa.Column("wanted", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("predictions", sa.JSON, nullable=False),
        sa.UniqueConstraint("round", "number", name="session_number"),
    )
    op.create_table(
        "claims",
        sa.Column("session", _NUMBER, sa.ForeignKey("round_sessions.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("annotator", sa.String(64), primary_key=True),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64)),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("claims_by_annotator", "claims", ["annotator", "state"])
    op.create_index("submissions_by_session", "submissions", ["session"])


def downgrade() -> None:
    op.drop_index("submissions_by_session", "submissions")
    op.drop_table("claims")
    op.drop_table("round_sessions")
    op.drop_table("rounds")
