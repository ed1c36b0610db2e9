"""The ledger of batches: one row for each recording of an archive, and one for each run."""

import sqlalchemy as sa
from alembic import op

revision = "batches_0001"  # told apart from the other histories'
down_revision = None


def upgrade() -> None:
    """Tables."""
    op.create_table(
        "recordings",
        sa.Column("archive", sa.String(32), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("stamp", sa.String(120), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("run_id", sa.String(40), nullable=False),
        sa.Column("call", sa.String(32), nullable=False),
        sa.Column("agent", sa.String(32), nullable=False),
        sa.Column("queue", sa.String(40), nullable=False),
        sa.Column("recorded_at", sa.String(32), nullable=False),
        sa.Column("recording_id", sa.String(80), nullable=False, index=True),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("policy", sa.String(64), nullable=False),
        sa.Column("engine", sa.String(64), nullable=False),
        sa.Column("report", sa.String(64), nullable=False),
        sa.Column("suffix", sa.String(8), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("basis", sa.String(120), nullable=False),
        sa.Column("duration_ms", sa.BigInteger, nullable=False),
        sa.Column("masked_ms", sa.BigInteger, nullable=False),
        sa.Column("work_ms", sa.BigInteger, nullable=False),
        sa.Column("replacements", sa.Text, nullable=False),
        sa.Column("doubts", sa.Text, nullable=False),
        sa.Column("finished_at", sa.String(32), nullable=False),
        sa.Column("original", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("archive", "source"),
    )
    op.create_index("recordings_by_state", "recordings", ["archive", "state"])
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(40), primary_key=True),
        sa.Column("archive", sa.String(32), nullable=False, index=True),
        sa.Column("began_at", sa.String(32), nullable=False),
        sa.Column("ended_at", sa.String(32), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("policy_name", sa.String(80), nullable=False),
        sa.Column("policy", sa.String(64), nullable=False),
        sa.Column("engine", sa.String(64), nullable=False),
        sa.Column("workers", sa.Integer, nullable=False),
        sa.Column("listed", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Nothing goes back: what was done would be forgotten."""
    raise NotImplementedError
