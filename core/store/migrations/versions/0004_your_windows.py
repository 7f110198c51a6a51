"""What it takes to connect a person's own windows: texts that a window is tried out with.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add tables; every row that stands stays as it is."""
    _rehearsals()


def _rehearsals() -> None:
    """By what a text is recognised that was staged to try a window out, as long as it may stand there."""
    op.create_table(
        "rehearsals",
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("drafts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("desk", "window", name=op.f("pk_rehearsals")),
    )
