"""Messages between agents: their envelope, the agents' inboxes, stopped chains of messages and questions."""

from alembic import op

revision = "0.4.0"
down_revision = "0.3.0.ranks"
branch_labels = None
depends_on = None

CHANGES = """
ALTER TABLE messages ADD COLUMN not_before_ms INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE messages ADD COLUMN requires TEXT DEFAULT 'reply' NOT NULL;
ALTER TABLE messages ADD COLUMN cause TEXT;
ALTER TABLE messages ADD COLUMN trace TEXT DEFAULT '' NOT NULL;
ALTER TABLE messages ADD COLUMN path TEXT DEFAULT '' NOT NULL;
ALTER TABLE messages ADD COLUMN hop INTEGER DEFAULT '0' NOT NULL;
UPDATE messages SET trace = id;
CREATE INDEX ix_messages_trace ON messages (trace, id);

CREATE TABLE inbox (agent TEXT NOT NULL, message TEXT NOT NULL, seq INTEGER, sender TEXT NOT NULL, due_ms INTEGER
    NOT NULL, added_ms INTEGER NOT NULL, shown_ms INTEGER, read_ms INTEGER, acked_ms INTEGER, dropped TEXT DEFAULT
    '' NOT NULL, CONSTRAINT pk_inbox PRIMARY KEY (agent, message));
CREATE INDEX ix_inbox_held ON inbox (agent, due_ms, message) WHERE seq IS NULL AND dropped = '';
CREATE INDEX ix_inbox_message ON inbox (message, agent);
CREATE INDEX ix_inbox_pair ON inbox (agent, sender, added_ms);
CREATE UNIQUE INDEX ix_inbox_seq ON inbox (agent, seq);
CREATE INDEX ix_inbox_shown ON inbox (agent, shown_ms) WHERE shown_ms IS NOT NULL;
CREATE INDEX ix_inbox_unread ON inbox (agent, seq) WHERE read_ms IS NULL AND dropped = '';

CREATE TABLE traces (trace TEXT NOT NULL, stopped_by TEXT NOT NULL, allowance INTEGER NOT NULL, since_ms INTEGER
    NOT NULL, CONSTRAINT pk_traces PRIMARY KEY (trace));
CREATE INDEX ix_traces_stopped ON traces (since_ms) WHERE stopped_by = 'hub';

CREATE TABLE questions (id TEXT NOT NULL, agent TEXT NOT NULL, task TEXT NOT NULL, asked TEXT NOT NULL, choices
    TEXT NOT NULL, at_due TEXT NOT NULL, state TEXT NOT NULL, answer TEXT, due_ms INTEGER NOT NULL, since_ms
    INTEGER NOT NULL, CONSTRAINT pk_questions PRIMARY KEY (id));
CREATE INDEX ix_questions_open ON questions (due_ms) WHERE state = 'open';
"""


def upgrade() -> None:
    """Add the columns and tables; every earlier message begins a new chain."""
    for statement in CHANGES.strip().rstrip(";").split(";\n"):
        op.execute(statement)
