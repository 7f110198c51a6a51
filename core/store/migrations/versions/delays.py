"""Whether a user gave the time before which a task does not start as a duration."""

from alembic import op

revision = "0.4.0.delays"
down_revision = "0.4.0.leases"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; the times so far count as moments."""
    op.execute("ALTER TABLE tasks ADD COLUMN is_delay INTEGER DEFAULT '0' NOT NULL")
