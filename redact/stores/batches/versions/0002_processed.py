"""What was processed stays counted when it is erased; what a recording was before it was withheld; engines' models."""

import sqlalchemy as sa
from alembic import op

revision = "batches_0002"
down_revision = "batches_0001"

_LENGTHS = {
    "archive": 32, "finished_on": 10, "week_of": 10, "queue": 40, "state": 16, "reason": 40, "language": 16,
    "basis": 120, "engine": 64,
}  # fmt: skip


def upgrade() -> None:
    """Tables, and what the ledger still knows."""
    op.add_column("recordings", sa.Column("was", sa.String(60), nullable=False, server_default=""))
    processed = op.create_table(
        "processed",
        *(sa.Column(name, sa.String(length), nullable=False) for name, length in _LENGTHS.items()),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("duration_ms", sa.BigInteger, nullable=False),
        sa.Column("masked_ms", sa.BigInteger, nullable=False),
        sa.Column("work_ms", sa.BigInteger, nullable=False),
        sa.Column("replacements", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint(*_LENGTHS),
    )
    op.create_table(
        "engines",
        sa.Column("archive", sa.String(32), nullable=False),
        sa.Column("engine", sa.String(64), nullable=False),
        sa.Column("models", sa.Text, nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("archive", "engine"),
    )
    # Only what was redacted has redacted sound.
    op.execute("UPDATE recordings SET was = 'done' WHERE state = 'held' AND reason = 'restricted' AND suffix <> ''")
    _count_erased(processed)


def _count_erased(processed: sa.Table) -> None:
    """What was erased before tells no more than that it was, and of some the day on which they were finished."""
    day = sa.func.substr(sa.column("finished_at"), 1, 10)
    erased = sa.text("state = 'erased'")
    count = sa.select(sa.column("archive"), day, sa.func.count()).select_from(sa.table("recordings")).where(erased)
    for archive, finished_on, calls in op.get_bind().execute(count.group_by(sa.column("archive"), day)).all():
        empty = dict.fromkeys(_LENGTHS, "") | {"archive": archive, "finished_on": finished_on, "state": "erased"}
        figures = {"calls": calls, "duration_ms": 0, "masked_ms": 0, "work_ms": 0, "replacements": "{}"}
        op.get_bind().execute(sa.insert(processed).values({**empty, **figures}))


def downgrade() -> None:
    """Nothing goes back: what was done would be forgotten."""
    raise NotImplementedError
