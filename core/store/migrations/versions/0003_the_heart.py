"""What it takes to reach into windows further than by a prompt: acts of people, and windows that stand still.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns and tables; every row that stands stays as it is."""
    _acts()
    _standstills()


def _acts() -> None:
    op.add_column("deliveries", sa.Column("act", sa.Text(), nullable=True))
    op.add_column("deliveries", sa.Column("expects", sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_deliveries_acts", "deliveries", ["agent", "state"], sqlite_where=sa.text("act IS NOT NULL"))


def _standstills() -> None:
    op.create_table(
        "standstills",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("activity", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=True),
        sa.Column("task", sa.Text(), nullable=True),
        sa.Column("press", sa.Text(), nullable=True),
        sa.Column("ending", sa.Text(), nullable=False),
        sa.Column("since_ms", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standstills")),
    )
    op.create_index("ix_standstills_open", "standstills", ["agent"], sqlite_where=sa.text("ending = ''"))
