"""Dispatch reads the rows of attempts: they know what users disowned, and the agents' counters go."""

from alembic import op

revision = "0.4.0.records"
down_revision = "0.4.0.boards"
branch_labels = None
depends_on = None

STATEMENTS = """
ALTER TABLE agents DROP COLUMN failures;
ALTER TABLE agents DROP COLUMN success;
ALTER TABLE agents DROP COLUMN failed_ms;
ALTER TABLE agents ADD COLUMN forgiven_ms INTEGER DEFAULT '0' NOT NULL;

ALTER TABLE attempts ADD COLUMN is_disowned INTEGER DEFAULT '0' NOT NULL;
UPDATE attempts SET is_disowned = 1 WHERE task IN (SELECT number FROM tasks WHERE wrong IS NOT NULL) OR EXISTS (
    SELECT 1 FROM tasks WHERE again_of = 'T-' || attempts.task AND created_ms < attempts.ended_ms + 604800000);
DROP INDEX ix_tasks_again;
DROP INDEX ix_attempts_agent;
CREATE INDEX ix_attempts_record ON attempts (agent, ended_ms, outcome, is_disowned)
    WHERE outcome IN ('done', 'failed', 'silent', 'blocked', 'retried')
"""


def upgrade() -> None:
    """Change the tables; attempts whose results users disowned are marked."""
    for statement in STATEMENTS.split(";\n"):
        op.execute(statement)
