"""The schema until the first release: all that the packages declare. The first release writes its tables out here."""

from alembic import op

from core.store import schema

revision = schema.initial()
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every declared table with its indexes."""
    schema.declared().create_all(op.get_bind(), checkfirst=False)
