"""Keys that are to take others' place, while what those encrypt is encrypted anew."""

import sqlalchemy as sa
from alembic import op

revision = "keyring_0002"
down_revision = "keyring_0001"


def upgrade() -> None:
    """One row for each recording that waits for it; without a key until its turn comes."""
    op.create_table(
        "successors",
        sa.Column("recording_id", sa.String(80), primary_key=True),
        sa.Column("key_id", sa.String(32), nullable=True, unique=True),
        sa.Column("master_id", sa.String(32), nullable=True),
        sa.Column("wrapped", sa.LargeBinary, nullable=True),
        sa.Column("made_at", sa.String(32), nullable=True),
    )


def downgrade() -> None:
    """Nothing goes back: keys would be lost."""
    raise NotImplementedError
