"""Which prompt names a status of an inbox."""

from alembic import op

revision = "0.4.0.carried"
down_revision = "0.4.0.attachments"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; no prompt has named a status so far."""
    op.execute("ALTER TABLE inbox ADD COLUMN carrier TEXT DEFAULT '' NOT NULL")
    op.execute("CREATE INDEX ix_inbox_carried ON inbox (carrier) WHERE carrier != ''")
