"""Who asked to hear an original, and which second person let them."""

import sqlalchemy as sa
from alembic import op

revision = "qa_0003"
down_revision = "qa_0002"


def upgrade() -> None:
    """A table."""
    op.create_table(
        "approvals",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("archive", sa.String(32), nullable=False, index=True),
        sa.Column("recording_id", sa.String(80), nullable=False, index=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("asked_at", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("decided_by", sa.String(80), nullable=False),
        sa.Column("decided_at", sa.String(32), nullable=False),
        sa.Column("until", sa.String(32), nullable=False),
    )


def downgrade() -> None:
    """Nothing goes back: decisions would be lost."""
    raise NotImplementedError
