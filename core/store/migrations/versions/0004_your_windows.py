"""What it takes to connect a person's own windows: texts that a window is tried out with, screens that lock, prompts
that are brought in parts.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add tables and a column with a default; every row that stands stays as it is."""
    op.add_column("deliveries", sa.Column("deaths", sa.Integer(), nullable=False, server_default="0"))
    _rehearsals()
    _locks()
    _parts()


def _parts() -> None:
    """Which part of its message a delivery brings, and where that is cut."""
    op.add_column("deliveries", sa.Column("part", sa.Integer(), server_default="1", nullable=False))
    op.add_column("deliveries", sa.Column("cuts", sa.Text(), server_default="[]", nullable=False))


def _rehearsals() -> None:
    """By what a text is recognised that was staged to try a window out, as long as it may stand there."""
    op.create_table(
        "rehearsals",
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("drafts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("desk", "window", name=op.f("pk_rehearsals")),
    )


def _locks() -> None:
    """The screens that were locked while Octet looked, of which people are told once each."""
    op.create_table(
        "locks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("since_ms", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("over_ms", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_locks")),
    )
    op.create_index("ix_locks_open", "locks", ["desk"], unique=True, sqlite_where=sa.text("over_ms IS NULL"))
