"""The schema of 0.2.0, the first release. It never changes again: a later change of a table is another migration."""

from alembic import op

revision = "0.2.0"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE standstills (id TEXT NOT NULL, agent TEXT NOT NULL, desk TEXT NOT NULL, window TEXT NOT NULL,
    activity TEXT NOT NULL, mark TEXT NOT NULL, answers TEXT NOT NULL, text TEXT NOT NULL, png BLOB, task TEXT,
    press TEXT, ending TEXT NOT NULL, since_ms INTEGER NOT NULL,
    CONSTRAINT pk_standstills PRIMARY KEY (id));
CREATE INDEX ix_standstills_open ON standstills (agent) WHERE ending = '';
CREATE INDEX ix_standstills_told ON standstills (agent, mark);

CREATE TABLE agents (name TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    note TEXT DEFAULT '' NOT NULL, task TEXT, since_ms INTEGER NOT NULL, until_ms INTEGER,
    CONSTRAINT pk_agents PRIMARY KEY (name));

CREATE TABLE rehearsals (desk TEXT NOT NULL, window TEXT NOT NULL, drafts TEXT NOT NULL,
    CONSTRAINT pk_rehearsals PRIMARY KEY (desk, window));

CREATE TABLE desks (name TEXT NOT NULL, wish TEXT NOT NULL, actor TEXT NOT NULL, since_ms INTEGER NOT NULL,
    CONSTRAINT pk_desks PRIMARY KEY (name));

CREATE TABLE boards (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, guild TEXT NOT NULL,
    posted_message TEXT NOT NULL, state TEXT NOT NULL, error TEXT NOT NULL, actor TEXT NOT NULL,
    since_ms INTEGER NOT NULL);
CREATE INDEX ix_boards_channel ON boards (channel);

CREATE TABLE journal (seq INTEGER NOT NULL, at_ms INTEGER NOT NULL, name TEXT NOT NULL, subject TEXT NOT NULL,
    actor TEXT NOT NULL, data TEXT NOT NULL, hash TEXT NOT NULL,
    CONSTRAINT pk_journal PRIMARY KEY (seq));

CREATE TABLE messages (id TEXT NOT NULL, kind TEXT NOT NULL, sender TEXT NOT NULL,
    sender_name TEXT DEFAULT '' NOT NULL, recipient TEXT NOT NULL, thread TEXT NOT NULL, task TEXT,
    supersedes TEXT, in_reply_to TEXT, idempotency_key TEXT, priority INTEGER NOT NULL, expires_at_ms INTEGER,
    source TEXT NOT NULL, marker TEXT NOT NULL, body TEXT NOT NULL, final BOOLEAN NOT NULL,
    late BOOLEAN NOT NULL, created_ms INTEGER NOT NULL, expired_ms INTEGER,
    CONSTRAINT pk_messages PRIMARY KEY (id),
    CONSTRAINT uq_messages_idempotency_key UNIQUE (idempotency_key));
CREATE INDEX ix_messages_task ON messages (task, id);
CREATE INDEX ix_messages_text ON messages (created_ms) WHERE expired_ms IS NULL AND kind != 'control';

CREATE TABLE notices (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, task TEXT NOT NULL,
    message TEXT NOT NULL, text TEXT NOT NULL, place_channel TEXT NOT NULL, place_guild TEXT NOT NULL,
    state TEXT NOT NULL, revision INTEGER NOT NULL, posted_channel TEXT NOT NULL, posted_message TEXT NOT NULL,
    thread TEXT NOT NULL, attempts INTEGER NOT NULL, not_before_ms INTEGER NOT NULL, error TEXT NOT NULL,
    created_ms INTEGER NOT NULL, about TEXT DEFAULT '' NOT NULL);
CREATE INDEX ix_notices_about ON notices (about) WHERE about != '';
CREATE INDEX ix_notices_dropped ON notices (state, created_ms) WHERE state = 'dropped';
CREATE INDEX ix_notices_due ON notices (state, not_before_ms);
CREATE INDEX ix_notices_message ON notices (message) WHERE message != '';
CREATE INDEX ix_notices_old ON notices (created_ms) WHERE kind != 'card';
CREATE INDEX ix_notices_state ON notices (state, id);
CREATE INDEX ix_notices_task ON notices (task);
CREATE INDEX ix_notices_thread ON notices (thread) WHERE thread != '';

CREATE TABLE mention_choices (person TEXT NOT NULL, mode TEXT NOT NULL, missed TEXT NOT NULL,
    place_channel TEXT NOT NULL, place_guild TEXT NOT NULL, since_ms INTEGER NOT NULL,
    CONSTRAINT pk_mention_choices PRIMARY KEY (person));

CREATE TABLE people (id TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, since_ms INTEGER NOT NULL,
    CONSTRAINT pk_people PRIMARY KEY (id));

CREATE TABLE facts (name TEXT NOT NULL, value TEXT NOT NULL,
    CONSTRAINT pk_facts PRIMARY KEY (name));

CREATE TABLE task_codes (hash TEXT NOT NULL, task TEXT NOT NULL, fence INTEGER NOT NULL,
    agent TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_task_codes PRIMARY KEY (hash));

CREATE TABLE message_codes (hash TEXT NOT NULL, message TEXT NOT NULL, agent TEXT NOT NULL,
    expires_ms INTEGER NOT NULL,
    CONSTRAINT pk_message_codes PRIMARY KEY (hash));
CREATE INDEX ix_message_codes_agent ON message_codes (agent, expires_ms);
CREATE INDEX ix_message_codes_valid ON message_codes (expires_ms);

CREATE TABLE locks (id TEXT NOT NULL, desk TEXT NOT NULL, since_ms INTEGER NOT NULL, waiting INTEGER NOT NULL,
    over_ms INTEGER,
    CONSTRAINT pk_locks PRIMARY KEY (id));
CREATE UNIQUE INDEX ix_locks_open ON locks (desk) WHERE over_ms IS NULL;

CREATE TABLE tasks (number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, brief TEXT NOT NULL,
    source TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, note TEXT NOT NULL, cause TEXT NOT NULL,
    priority INTEGER NOT NULL, needs TEXT NOT NULL, wanted TEXT, agent TEXT, attempt INTEGER NOT NULL,
    fence INTEGER DEFAULT '0' NOT NULL, last_seen_ms INTEGER, activity TEXT, progress TEXT DEFAULT '' NOT NULL,
    deadline_ms INTEGER, nudge TEXT, avoids TEXT, requester TEXT NOT NULL, requester_name TEXT NOT NULL,
    place_channel TEXT NOT NULL, place_guild TEXT NOT NULL, idempotency_key TEXT, created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL, text_expired_ms INTEGER, again_of TEXT,
    CONSTRAINT uq_tasks_idempotency_key UNIQUE (idempotency_key));
CREATE INDEX ix_tasks_deadline ON tasks (deadline_ms) WHERE deadline_ms IS NOT NULL;
CREATE INDEX ix_tasks_demand ON tasks (state, reason, wanted, needs, priority, number);
CREATE INDEX ix_tasks_held ON tasks (state, reason, note, cause, changed_ms, number)
    WHERE state IN ('waiting', 'parked', 'blocked');
CREATE INDEX ix_tasks_queue ON tasks (state, priority, number);
CREATE INDEX ix_tasks_state ON tasks (state, number);
CREATE INDEX ix_tasks_text ON tasks (created_ms) WHERE text_expired_ms IS NULL;

CREATE TABLE deliveries (id TEXT NOT NULL, message TEXT NOT NULL, task TEXT, agent TEXT NOT NULL, desk TEXT,
    window TEXT, state TEXT NOT NULL, reason TEXT NOT NULL, note TEXT NOT NULL, assurance TEXT,
    fence INTEGER NOT NULL, bounces INTEGER NOT NULL, bounced_since_ms INTEGER,
    deaths INTEGER DEFAULT '0' NOT NULL, not_before_ms INTEGER NOT NULL, priority INTEGER NOT NULL,
    sha256 TEXT NOT NULL, timings TEXT NOT NULL, drafts TEXT DEFAULT '[]' NOT NULL,
    may_have_arrived BOOLEAN DEFAULT '0' NOT NULL, act TEXT, expects TEXT DEFAULT '' NOT NULL,
    part INTEGER DEFAULT '1' NOT NULL, cuts TEXT DEFAULT '[]' NOT NULL, created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    CONSTRAINT pk_deliveries PRIMARY KEY (id),
    CONSTRAINT fk_deliveries_message FOREIGN KEY(message) REFERENCES messages (id));
CREATE INDEX ix_deliveries_acts ON deliveries (agent, state) WHERE act IS NOT NULL;
CREATE INDEX ix_deliveries_drafts ON deliveries (desk, window) WHERE drafts != '[]';
CREATE INDEX ix_deliveries_message ON deliveries (message, id);
CREATE INDEX ix_deliveries_open ON deliveries (agent, id)
    WHERE state IN ('queued', 'leased', 'staging', 'staged', 'submitting', 'unknown');
CREATE INDEX ix_deliveries_state ON deliveries (state, id);
CREATE INDEX ix_deliveries_task ON deliveries (task, id);

CREATE TABLE receipts (delivery TEXT NOT NULL, fence INTEGER NOT NULL, state TEXT NOT NULL, assurance TEXT,
    reason TEXT NOT NULL, note TEXT NOT NULL, sha256 TEXT NOT NULL, timings TEXT NOT NULL,
    evidence TEXT DEFAULT '' NOT NULL, settled TEXT DEFAULT '' NOT NULL, settled_ms INTEGER,
    at_ms INTEGER NOT NULL,
    CONSTRAINT pk_receipts PRIMARY KEY (delivery, fence),
    CONSTRAINT fk_receipts_delivery FOREIGN KEY(delivery) REFERENCES deliveries (id));
CREATE INDEX ix_receipts_at ON receipts (at_ms);

CREATE TABLE receipt_pictures (delivery TEXT NOT NULL, fence INTEGER NOT NULL, moment TEXT NOT NULL,
    part TEXT NOT NULL, png BLOB, sha256 TEXT NOT NULL, size INTEGER NOT NULL, place INTEGER NOT NULL,
    at_ms INTEGER NOT NULL, deleted_ms INTEGER,
    CONSTRAINT pk_receipt_pictures PRIMARY KEY (delivery, fence, moment, part),
    CONSTRAINT fk_receipt_pictures_delivery FOREIGN KEY(delivery, fence)
    REFERENCES receipts (delivery, fence) ON DELETE CASCADE);
CREATE INDEX ix_receipt_pictures_kept ON receipt_pictures (at_ms) WHERE png IS NOT NULL;
"""


def upgrade() -> None:
    """Create every table with its indexes."""
    for statement in TABLES.strip().rstrip(";").split(";\n"):
        op.execute(statement)
