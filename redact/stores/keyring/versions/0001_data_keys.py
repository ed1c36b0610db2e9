"""The keys of recordings, each wrapped by a master key."""

import sqlalchemy as sa
from alembic import op

revision = "keyring_0001"  # told apart from the other history's
down_revision = None


def upgrade() -> None:
    """One row a recording; and which master key wraps new ones."""
    op.create_table(
        "data_keys",
        sa.Column("recording_id", sa.String(80), primary_key=True),
        sa.Column("key_id", sa.String(32), nullable=False, unique=True),
        sa.Column("master_id", sa.String(32), nullable=False, index=True),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "current_master",
        sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("master_id", sa.String(32), nullable=False),
    )


def downgrade() -> None:
    """Nothing goes back: keys would be lost."""
    raise NotImplementedError
