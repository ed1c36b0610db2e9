"""Requests and breaches, what keeps a recording from being erased or used, what was erased, and the keyed index."""

import sqlalchemy as sa
from alembic import op

revision = "governance_0001"  # told apart from the other histories'
down_revision = None


def upgrade() -> None:
    """Tables."""
    op.create_table(
        "cases",
        sa.Column("case_id", sa.String(40), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False, index=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("opened_at", sa.String(32), nullable=False),
        sa.Column("due_at", sa.String(32), nullable=False),
        sa.Column("fields", sa.Text, nullable=False),
    )
    op.create_table(
        "case_events",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("case_id", sa.String(40), nullable=False, index=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.Column("what", sa.String(40), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_table(
        "marks",
        sa.Column("recording_id", sa.String(80), primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("case_id", sa.String(40), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
    )
    op.create_table(
        "certificates",
        sa.Column("certificate_id", sa.String(40), primary_key=True),
        sa.Column("recording_id", sa.String(80), nullable=False, index=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("case_id", sa.String(40), nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("signature", sa.String(128), nullable=False),
        sa.Column("scope", sa.String(16), nullable=False),
    )
    op.create_table(
        "index_terms",
        sa.Column("term", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("recording_id", sa.String(80), primary_key=True, index=True),
    )
    op.create_table(
        "trainings",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("person", sa.String(80), nullable=False, index=True),
        sa.Column("module", sa.String(40), nullable=False),
        sa.Column("taken_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("passed", sa.Boolean, nullable=False),
        sa.Column("trainer", sa.String(80), nullable=False),
    )
    op.create_table(
        "signatures",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("document", sa.String(80), nullable=False, index=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("comment_id", sa.String(80), nullable=False),
        sa.Column("signature", sa.String(128), nullable=False),
    )
    op.create_table(
        "notices",
        sa.Column("notice_id", sa.String(80), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("language", sa.String(8), primary_key=True),
        sa.Column("form", sa.String(16), primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False, index=True),
        sa.Column("valid_from", sa.String(32), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Nothing goes back: what was promised to people would be lost."""
    raise NotImplementedError
