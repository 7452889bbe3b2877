"""Prompt sets, the speakers who read them with their consents, and takes."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "prompt_sets",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
    )
    op.create_table(
        "prompts",
        sa.Column("set", sa.String(64), sa.ForeignKey("prompt_sets.name", ondelete="CASCADE"), primary_key=True),
        sa.Column("utterance", sa.String(200), primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("place", sa.BigInteger, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("entity", sa.String(200)),
        sa.Column("entity_text", sa.Text),
        sa.Column("takes", sa.Integer, nullable=False),
        sa.Column("held_by", sa.String(32)),
        sa.Column("held_until", _MOMENT),
    )
    op.create_index("prompts_by_need", "prompts", ["set", "takes", "place"])
    op.create_index("prompts_by_entity", "prompts", ["set", "entity"])
    op.create_table(
        "speakers",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("secret_sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("username", sa.String(150), unique=True),
        sa.Column("accent", sa.String(200), nullable=False),
        sa.Column("microphone", sa.String(200), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("withdrawn_at", _MOMENT),
    )
    op.create_table(
        "prompt_skips",
        sa.Column("set", sa.String(64), primary_key=True),
        sa.Column("utterance", sa.String(200), primary_key=True),
        sa.Column("speaker", sa.String(32), sa.ForeignKey("speakers.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
    )
    op.create_table(
        "consent_texts",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_table(
        "consents",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("speaker", sa.String(32), sa.ForeignKey("speakers.id"), nullable=False),
        sa.Column("set", sa.String(64), nullable=False),
        sa.Column("text_sha256", sa.String(64), sa.ForeignKey("consent_texts.sha256"), nullable=False),
        sa.Column("language", sa.String(35), nullable=False),
        sa.Column("licence", sa.String(200), nullable=False),
        sa.Column("purposes", sa.JSON, nullable=False),
        sa.Column("of_age", sa.Boolean, nullable=False),
        sa.Column("given", sa.String(16), nullable=False),
        sa.Column("given_at", _MOMENT, nullable=False),
        sa.Column("withdrawn_at", _MOMENT),
    )
    op.create_index("consents_by_speaker", "consents", ["speaker", "set"])
    op.create_table(
        "takes",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("set", sa.String(64), sa.ForeignKey("prompt_sets.name"), nullable=False),
        sa.Column("utterance", sa.String(200), nullable=False),
        sa.Column("entity", sa.String(200)),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("speaker", sa.String(32), sa.ForeignKey("speakers.id"), nullable=False),
        sa.Column("consent", _NUMBER, sa.ForeignKey("consents.id"), nullable=False),
        sa.Column("accent", sa.String(200), nullable=False),
        sa.Column("microphone", sa.String(200), nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("path", sa.String(1024), nullable=False, unique=True),
        sa.Column("derived_path", sa.String(1024), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("derived_sha256", sa.String(64), nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("sample_rate", sa.Integer, nullable=False),
        sa.Column("samples", sa.BigInteger, nullable=False),
        sa.Column("measures", sa.JSON, nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("reasons", sa.JSON, nullable=False),
        sa.Column("counts", sa.Boolean, nullable=False),
        sa.Column("review", sa.String(16)),
        sa.Column("reviewed_by", sa.String(150)),
        sa.Column("reviewed_at", _MOMENT),
        sa.Column("updated_at", _MOMENT, nullable=False),
    )
    op.create_index("takes_by_prompt", "takes", ["set", "utterance"])
    op.create_index("takes_by_speaker", "takes", ["speaker", "set"])
    op.create_index("takes_by_day", "takes", ["day"])
    op.create_index("takes_by_sound", "takes", ["sha256"])


def downgrade() -> None:
    for table in ("takes", "consents", "consent_texts", "prompt_skips", "speakers", "prompts", "prompt_sets"):
        op.drop_table(table)
