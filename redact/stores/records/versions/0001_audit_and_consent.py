"""The log, which only grows, and lawful bases."""

import sqlalchemy as sa
from alembic import op

revision = "records_0001"  # told apart from the other history's
down_revision = None


def upgrade() -> None:
    """Tables, and what keeps the log's rows from being changed by mistake."""
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("object_id", sa.String(80), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("mac", sa.String(64), nullable=False),
    )
    op.create_table(
        "lawful_bases",
        sa.Column("call_id", sa.String(80), nullable=False),
        sa.Column("person", sa.String(64), nullable=False, index=True),
        sa.Column("basis", sa.String(32), nullable=False),
        sa.Column("purposes", sa.Text, nullable=False),
        sa.Column("notice_id", sa.String(80), nullable=False),
        sa.Column("notice_sha256", sa.String(64), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("given_at", sa.String(32), nullable=False),
        sa.Column("recorded_at", sa.String(32), nullable=False),
        sa.Column("evidence_ref", sa.String(80), nullable=False),
        sa.Column("withdrawn_at", sa.String(32), nullable=True),
        sa.Column("objection_at", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("call_id", "person"),
    )
    for change in ("UPDATE", "DELETE", "TRUNCATE"):
        for statement in _refusal(change, op.get_bind().dialect.name):
            op.execute(statement)


def _refusal(change: str, dialect: str) -> list[str]:
    name = f"audit_no_{change.lower()}"
    if dialect == "sqlite":
        if change == "TRUNCATE":  # it has none
            return []
        refused = "SELECT RAISE(ABORT, 'the log only grows')"
        return [f"CREATE TRIGGER {name} BEFORE {change} ON audit BEGIN {refused}; END"]
    each = "STATEMENT" if change == "TRUNCATE" else "ROW"
    function = f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
    return [
        f"{function} $$ BEGIN RAISE EXCEPTION 'the log only grows'; END $$",
        f"CREATE TRIGGER {name} BEFORE {change} ON audit FOR EACH {each} EXECUTE FUNCTION {name}()",
    ]


def downgrade() -> None:
    """Nothing goes back: records would be lost."""
    raise NotImplementedError
