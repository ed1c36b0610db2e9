"""Where the log begins, once rows were cut off its beginning for their age: only what a cut covers can be deleted."""

import sqlalchemy as sa
from alembic import op

revision = "records_0002"
down_revision = "records_0001"


def upgrade() -> None:
    """A table of signed cuts, which only grows; and the log's rows may go where a cut covers them, and nowhere else."""
    op.create_table(
        "audit_cuts",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("mac", sa.String(64), nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("signature", sa.String(128), nullable=False),
    )
    for statement in _statements(op.get_bind().dialect.name):
        op.execute(statement)


def _statements(dialect: str) -> list[str]:
    covered = "OLD.seq <= COALESCE((SELECT MAX(seq) FROM audit_cuts), 0)"
    if dialect == "sqlite":
        refused = "SELECT RAISE(ABORT, 'the log only grows')"
        return [
            "DROP TRIGGER audit_no_delete",
            f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit WHEN NOT ({covered}) BEGIN {refused}; END",
            f"CREATE TRIGGER audit_cuts_no_update BEFORE UPDATE ON audit_cuts BEGIN {refused}; END",
            f"CREATE TRIGGER audit_cuts_no_delete BEFORE DELETE ON audit_cuts BEGIN {refused}; END",
        ]
    raised = "RAISE EXCEPTION 'the log only grows'"
    return [
        "CREATE OR REPLACE FUNCTION audit_no_delete() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF {covered} THEN RETURN OLD; END IF; {raised}; END $$",
        f"CREATE FUNCTION audit_cuts_stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {raised}; END $$",
        *(
            f"CREATE TRIGGER audit_cuts_no_{change.lower()} BEFORE {change} ON audit_cuts "
            f"FOR EACH {each} EXECUTE FUNCTION audit_cuts_stay()"
            for change, each in (("UPDATE", "ROW"), ("DELETE", "ROW"), ("TRUNCATE", "STATEMENT"))
        ),
    ]


def downgrade() -> None:
    """Nothing goes back: the log would have no beginning."""
    raise NotImplementedError
