"""The role that somebody had when they were trained, and the version of the module that they took."""

import sqlalchemy as sa
from alembic import op

revision = "governance_0002"
down_revision = "governance_0001"


def upgrade() -> None:
    """Two columns; of what was recorded before, nobody knows them, so they are empty there."""
    op.add_column("trainings", sa.Column("role", sa.String(16), nullable=False, server_default=""))
    op.add_column("trainings", sa.Column("version", sa.String(40), nullable=False, server_default=""))


def downgrade() -> None:
    """Nothing goes back: what was recorded would be lost."""
    raise NotImplementedError
