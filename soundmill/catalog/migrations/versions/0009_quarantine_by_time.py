"""What is in quarantine is found without a look at every item."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_QUARANTINED = sa.text("state = 'quarantined'")


def upgrade() -> None:
    op.create_index("items_in_quarantine", "items", ["updated_at"], sqlite_where=_QUARANTINED, postgresql_where=_QUARANTINED)


def downgrade() -> None:
    op.drop_index("items_in_quarantine", "items")
