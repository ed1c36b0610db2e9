"""What reviewers propose for the lists of terms, sealed, and what became of it."""

import sqlalchemy as sa
from alembic import op

revision = "qa_0002"
down_revision = "qa_0001"


def upgrade() -> None:
    """A table."""
    op.create_table(
        "proposals",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("archive", sa.String(32), nullable=False, index=True),
        sa.Column("recording_id", sa.String(80), nullable=False, index=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("entity_type", sa.String(40), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("term", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("decided_by", sa.String(80), nullable=False),
        sa.Column("decided_at", sa.String(32), nullable=False),
    )


def downgrade() -> None:
    """Nothing goes back: decisions would be lost."""
    raise NotImplementedError
