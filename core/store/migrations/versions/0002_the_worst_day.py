"""What it takes to come through kills: drafts that may stand in a window, and pictures of what nobody saw arrive.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns and tables; every row that stands stays as it is."""
    _deliveries()
    _pictures()
    _leases()
    _questions()
    _tasks()
    _notices()
    _boards()
    _words()


def _deliveries() -> None:
    op.add_column("deliveries", sa.Column("drafts", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("deliveries", sa.Column("may_have_arrived", sa.Boolean(), nullable=False, server_default="0"))
    op.create_index("ix_deliveries_drafts", "deliveries", ["desk", "window"], sqlite_where=sa.text("drafts != '[]'"))


def _pictures() -> None:
    op.create_table(
        "pictures",
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("moment", sa.Text(), nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.Column("at_ms", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["delivery"], ["deliveries.id"], name=op.f("fk_pictures_delivery")),
        sa.PrimaryKeyConstraint("delivery", "moment", name=op.f("pk_pictures")),
    )


def _leases() -> None:
    """The lease of a task to its agent. A code that was given out stays right: what was its attempt is its fence."""
    op.add_column("tasks", sa.Column("fence", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("tasks", sa.Column("heard_ms", sa.Integer(), nullable=True))
    op.add_column("tasks", sa.Column("sign", sa.Text(), nullable=False, server_default=""))
    op.add_column("tasks", sa.Column("quiet_at_ms", sa.Integer(), nullable=True))
    op.add_column("tasks", sa.Column("nudge", sa.Text(), nullable=True))
    op.add_column("tasks", sa.Column("avoids", sa.Text(), nullable=True))
    op.create_index("ix_tasks_quiet", "tasks", ["quiet_at_ms"], sqlite_where=sa.text("quiet_at_ms IS NOT NULL"))
    op.execute("UPDATE tasks SET fence = attempt")
    op.execute("ALTER TABLE task_codes RENAME COLUMN attempt TO fence")
    op.add_column("task_codes", sa.Column("agent", sa.Text(), nullable=False, server_default=""))


def _questions() -> None:
    op.add_column("notices", sa.Column("about", sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_notices_about", "notices", ["about"], sqlite_where=sa.text("about != ''"))


def _tasks() -> None:
    held = sa.text("state IN ('waiting', 'parked', 'blocked')")
    columns = ["state", "reason", "note", "changed_ms", "number"]
    op.create_index("ix_tasks_held", "tasks", columns, sqlite_where=held)
    op.create_index("ix_tasks_queue", "tasks", ["state", "priority", "number"])


def _notices() -> None:
    op.create_index("ix_notices_due", "notices", ["state", "not_before_ms"])


def _boards() -> None:
    op.create_table(
        "boards",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("guild", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("since_ms", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_boards")),
        sqlite_autoincrement=True,
    )


def _words() -> None:
    op.add_column("messages", sa.Column("sender_name", sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_deliveries_message", "deliveries", ["message", "id"])
    op.create_index("ix_notices_message", "notices", ["message"], sqlite_where=sa.text("message != ''"))
    op.create_index("ix_notices_thread", "notices", ["thread"], sqlite_where=sa.text("thread != ''"))
