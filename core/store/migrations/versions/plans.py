"""Tasks that depend on tasks, parents and their parts, labels and times, and a row for each attempt."""

from alembic import op

revision = "0.3.0.2"
down_revision = "0.3.0"
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE TABLE dependencies (task INTEGER NOT NULL, needs INTEGER NOT NULL, on_failure TEXT NOT NULL,
    CONSTRAINT pk_dependencies PRIMARY KEY (task, needs));
CREATE INDEX ix_dependencies_needs ON dependencies (needs);

CREATE TABLE attempts (id INTEGER NOT NULL, task INTEGER NOT NULL, fence INTEGER NOT NULL, agent TEXT NOT NULL,
    category TEXT NOT NULL, began_ms INTEGER NOT NULL, ended_ms INTEGER, outcome TEXT NOT NULL,
    known_by TEXT NOT NULL, tokens INTEGER, cost_micros INTEGER,
    CONSTRAINT pk_attempts PRIMARY KEY (id), CONSTRAINT uq_attempts_task UNIQUE (task, fence));
CREATE INDEX ix_attempts_agent ON attempts (agent, category, ended_ms);

ALTER TABLE tasks ADD COLUMN labels TEXT DEFAULT '[]' NOT NULL;
ALTER TABLE tasks ADD COLUMN due_ms INTEGER;
ALTER TABLE tasks ADD COLUMN not_before_ms INTEGER;
ALTER TABLE tasks ADD COLUMN parent INTEGER;
ALTER TABLE tasks ADD COLUMN parts TEXT DEFAULT '' NOT NULL;
ALTER TABLE tasks ADD COLUMN is_chosen INTEGER;
ALTER TABLE tasks ADD COLUMN wrong TEXT;
CREATE INDEX ix_tasks_again ON tasks (again_of) WHERE again_of IS NOT NULL;
CREATE INDEX ix_tasks_parent ON tasks (parent) WHERE parent IS NOT NULL;
CREATE INDEX ix_tasks_start ON tasks (not_before_ms) WHERE state = 'waiting' AND reason = 'not_before';

INSERT INTO attempts (task, fence, agent, category, began_ms, outcome, known_by)
    SELECT number, fence, agent, '', changed_ms, '', '' FROM tasks
    WHERE agent IS NOT NULL
    AND (state IN ('assigned', 'delivering', 'working', 'blocked', 'parked') OR reason = 'dry_run')
"""


def upgrade() -> None:
    """Add the tables and columns; each task that an agent has gets the row of its attempt."""
    for statement in STATEMENTS.split(";\n"):
        op.execute(statement)
