"""What agents name to prove their answers."""

from alembic import op

revision = "0.4.0.evidence"
down_revision = "0.4.0.records"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; earlier answers have no evidence."""
    op.execute("ALTER TABLE messages ADD COLUMN evidence TEXT DEFAULT '[]' NOT NULL")
