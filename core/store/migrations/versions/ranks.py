"""The tasks' place in the queue and why their agents got them; the limits of accounts, and the agents' records."""

from alembic import op

revision = "0.3.0.ranks"
down_revision = "0.3.0.2"
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE TABLE account_limits (account TEXT NOT NULL, until_ms INTEGER NOT NULL,
    CONSTRAINT pk_account_limits PRIMARY KEY (account));

ALTER TABLE agents ADD COLUMN failures INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE agents ADD COLUMN success INTEGER DEFAULT '1000' NOT NULL;
ALTER TABLE agents ADD COLUMN failed_ms INTEGER;

ALTER TABLE tasks ADD COLUMN rank INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE tasks ADD COLUMN choice TEXT;
DROP INDEX ix_tasks_demand;
DROP INDEX ix_tasks_queue;
CREATE INDEX ix_tasks_demand ON tasks (state, reason, wanted, needs, rank, number, requester);
CREATE INDEX ix_tasks_queue ON tasks (state, rank, number);
CREATE INDEX ix_tasks_turn ON tasks (requester, priority, rank) WHERE state IN ('ready', 'waiting');

UPDATE tasks SET rank = created_ms + priority * 604800000
"""


def upgrade() -> None:
    """Add the columns; what waits keeps the order of its priority and its age."""
    for statement in STATEMENTS.split(";\n"):
        op.execute(statement)
