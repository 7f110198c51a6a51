"""In which lease of its task an agent asked a question."""

from alembic import op

revision = "0.4.0.leases"
down_revision = "0.4.0.carried"
branch_labels = None
depends_on = None

LEASE = "SELECT fence FROM tasks WHERE 'T-' || number = questions.task"


def upgrade() -> None:
    """Add the column; an open question belongs to the present lease of its task."""
    op.execute("ALTER TABLE questions ADD COLUMN fence INTEGER DEFAULT '0' NOT NULL")
    op.execute("CREATE INDEX ix_questions_lease ON questions (task, fence) WHERE state = 'open'")
    op.execute(f"UPDATE questions SET fence = coalesce(({LEASE}), 0) WHERE state = 'open'")  # noqa: S608  it is ours
