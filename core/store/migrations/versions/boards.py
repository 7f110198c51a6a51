"""Live boards of several kinds, and whether Octet has pinned one's message."""

from alembic import op

revision = "0.4.0.boards"
down_revision = "0.4.0"
branch_labels = None
depends_on = None

CHANGES = (
    "ALTER TABLE boards ADD COLUMN kind TEXT DEFAULT 'fleet' NOT NULL",
    "ALTER TABLE boards ADD COLUMN is_pinned BOOLEAN DEFAULT '0' NOT NULL",
)


def upgrade() -> None:
    """Add the columns; every earlier board shows the fleet."""
    for statement in CHANGES:
        op.execute(statement)
