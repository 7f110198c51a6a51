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
    """Add columns and tables; every row that stands stays as it is, or moves whole."""
    _acts()
    _standstills()
    _receipts()


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
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=True),
        sa.Column("task", sa.Text(), nullable=True),
        sa.Column("press", sa.Text(), nullable=True),
        sa.Column("ending", sa.Text(), nullable=False),
        sa.Column("since_ms", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standstills")),
    )
    op.create_index("ix_standstills_open", "standstills", ["agent"], sqlite_where=sa.text("ending = ''"))


def _receipts() -> None:
    """Receipts, and their pictures. Those of a delivery that nobody saw arrive are pictures of its receipt."""
    op.create_table(
        "receipts",
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("assurance", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("timings", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False, server_default=""),
        sa.Column("settled", sa.Text(), nullable=False, server_default=""),
        sa.Column("settled_ms", sa.Integer(), nullable=True),
        sa.Column("at_ms", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["delivery"], ["deliveries.id"], name=op.f("fk_receipts_delivery")),
        sa.PrimaryKeyConstraint("delivery", "fence", name=op.f("pk_receipts")),
    )
    op.create_index("ix_receipts_at", "receipts", ["at_ms"])
    op.create_table(
        "receipt_pictures",
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("moment", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.Integer(), nullable=False),
        sa.Column("deleted_ms", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery", "fence"],
            ["receipts.delivery", "receipts.fence"],
            name=op.f("fk_receipt_pictures_delivery"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("delivery", "fence", "moment", "part", name=op.f("pk_receipt_pictures")),
    )
    op.create_index("ix_receipt_pictures_kept", "receipt_pictures", ["at_ms"], sqlite_where=sa.text("png IS NOT NULL"))
    op.execute(
        "INSERT INTO receipts (delivery, fence, state, assurance, reason, note, sha256, timings, at_ms) "
        "SELECT id, fence, state, assurance, reason, note, sha256, timings, changed_ms FROM deliveries "
        "WHERE state = 'unknown'"
    )
    op.execute(
        "INSERT INTO receipt_pictures (delivery, fence, moment, part, png, sha256, size, place, at_ms) "
        "SELECT p.delivery, r.fence, p.moment, 'window', p.png, '', length(p.png), p.at_ms - r.at_ms, p.at_ms "
        "FROM pictures p JOIN receipts r ON r.delivery = p.delivery"
    )
    op.drop_table("pictures")
