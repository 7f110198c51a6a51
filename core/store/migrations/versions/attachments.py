"""The files that go with tasks and messages."""

from alembic import op

revision = "0.4.0.attachments"
down_revision = "0.4.0.evidence"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; earlier rows have no files."""
    for table, key in (("messages", "id"), ("tasks", "number")):
        op.execute(f"ALTER TABLE {table} ADD COLUMN attachments TEXT DEFAULT '[]' NOT NULL")
        op.execute(f"CREATE INDEX ix_{table}_attached ON {table} ({key}) WHERE attachments != '[]'")
