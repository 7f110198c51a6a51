"""Indexes and columns by which Octet stays fast as its history grows.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace and add indexes; every row stays as it is."""
    _indexes()
    _retention()


def _indexes() -> None:
    """Find what is open without a look at what has ended."""
    is_open = sa.text("state IN ('queued', 'leased', 'staging', 'staged', 'submitting', 'unknown')")
    op.drop_index("ix_deliveries_state", "deliveries")
    op.create_index("ix_deliveries_state", "deliveries", ["state", "id"])
    op.create_index("ix_deliveries_open", "deliveries", ["agent", "id"], sqlite_where=is_open)
    op.create_index("ix_standstills_told", "standstills", ["agent", "mark"])
    op.create_index("ix_notices_dropped", "notices", ["state", "created_ms"], sqlite_where=sa.text("state = 'dropped'"))
    op.create_index("ix_boards_channel", "boards", ["channel"])


def _retention() -> None:
    """When a text was cleared, and indexes by which old texts and notices are found."""
    op.add_column("tasks", sa.Column("text_expired_ms", sa.Integer(), nullable=True))
    op.add_column("messages", sa.Column("expired_ms", sa.Integer(), nullable=True))
    has_text = sa.text("expired_ms IS NULL AND kind != 'control'")
    op.create_index("ix_tasks_text", "tasks", ["created_ms"], sqlite_where=sa.text("text_expired_ms IS NULL"))
    op.create_index("ix_messages_text", "messages", ["created_ms"], sqlite_where=has_text)
    op.create_index("ix_notices_old", "notices", ["created_ms"], sqlite_where=sa.text("kind != 'card'"))
