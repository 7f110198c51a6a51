"""The schema of 0.3.0. Until its release, a later change of a table changes this file: the id tells its states apart,
so that Octet refuses a database of another unreleased state. On the release, the id becomes plain."""

from hashlib import sha256

from alembic import op

STATEMENTS = """
CREATE TABLE bindings (holder TEXT NOT NULL, channel TEXT NOT NULL, is_grant BOOLEAN NOT NULL, name TEXT NOT NULL,
    role TEXT NOT NULL, bound_by TEXT NOT NULL, purpose TEXT NOT NULL, since_ms INTEGER NOT NULL, expires_ms INTEGER,
    CONSTRAINT pk_bindings PRIMARY KEY (holder, channel, is_grant));
CREATE INDEX ix_bindings_role ON bindings (role);
INSERT INTO bindings (holder, channel, is_grant, name, role, bound_by, purpose, since_ms)
    SELECT id, '', 0, name, role, id, '', since_ms FROM people;
DROP TABLE people;
CREATE TABLE api_keys (name TEXT NOT NULL, hash TEXT NOT NULL, scopes TEXT NOT NULL, made_by TEXT NOT NULL,
    since_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, used_ms INTEGER, revoked_ms INTEGER,
    CONSTRAINT pk_api_keys PRIMARY KEY (name));
CREATE TABLE log_ins (id TEXT NOT NULL, hash TEXT NOT NULL, who TEXT NOT NULL, browser TEXT NOT NULL,
    since_ms INTEGER NOT NULL, ends_ms INTEGER NOT NULL, push TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_log_ins PRIMARY KEY (id));

CREATE TABLE workspaces (id INTEGER NOT NULL, task TEXT NOT NULL, agent TEXT NOT NULL, project TEXT NOT NULL,
    mode TEXT NOT NULL, folder TEXT NOT NULL, branch TEXT NOT NULL, fence INTEGER NOT NULL,
    base TEXT DEFAULT '' NOT NULL, "before" TEXT DEFAULT '' NOT NULL, head TEXT DEFAULT '' NOT NULL,
    created_ms INTEGER NOT NULL, removed_ms INTEGER, CONSTRAINT pk_workspaces PRIMARY KEY (id),
    CONSTRAINT uq_workspaces_task UNIQUE (task, fence));
CREATE INDEX ix_workspaces_folder ON workspaces (folder, id);
CREATE INDEX ix_workspaces_kept ON workspaces (id) WHERE removed_ms IS NULL AND mode = 'worktree' AND head != '';
CREATE TABLE check_runs (id INTEGER NOT NULL, task TEXT NOT NULL, name TEXT NOT NULL, given TEXT NOT NULL,
    kind TEXT NOT NULL, state TEXT NOT NULL, fault TEXT DEFAULT '' NOT NULL, note TEXT DEFAULT '' NOT NULL,
    snapshot TEXT DEFAULT '' NOT NULL, base TEXT DEFAULT '' NOT NULL, definition TEXT DEFAULT '' NOT NULL,
    output TEXT DEFAULT '' NOT NULL, output_sha256 TEXT DEFAULT '' NOT NULL, control TEXT DEFAULT 'none' NOT NULL,
    environment TEXT DEFAULT '' NOT NULL, fence INTEGER NOT NULL, round INTEGER NOT NULL,
    output_size INTEGER DEFAULT '0' NOT NULL, exit_code INTEGER, began_ms INTEGER, ended_ms INTEGER,
    CONSTRAINT pk_check_runs PRIMARY KEY (id));
CREATE INDEX ix_check_runs_task ON check_runs (task, id);
CREATE INDEX ix_check_runs_open ON check_runs (id) WHERE state IN ('queued', 'running', 'asked');
CREATE INDEX ix_check_runs_control ON check_runs (definition, base) WHERE control != 'none';

CREATE TABLE account_limits (account TEXT NOT NULL, until_ms INTEGER NOT NULL,
    CONSTRAINT pk_account_limits PRIMARY KEY (account));
ALTER TABLE agents ADD COLUMN forgiven_ms INTEGER DEFAULT '0' NOT NULL;

ALTER TABLE desks RENAME COLUMN wish TO mode;

ALTER TABLE boards ADD COLUMN kind TEXT DEFAULT 'fleet' NOT NULL;
ALTER TABLE boards ADD COLUMN is_pinned BOOLEAN DEFAULT '0' NOT NULL;

ALTER TABLE tasks ADD COLUMN labels TEXT DEFAULT '[]' NOT NULL;
ALTER TABLE tasks ADD COLUMN due_ms INTEGER;
ALTER TABLE tasks ADD COLUMN not_before_ms INTEGER;
ALTER TABLE tasks ADD COLUMN is_delay INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE tasks ADD COLUMN parent INTEGER;
ALTER TABLE tasks ADD COLUMN parts TEXT DEFAULT '' NOT NULL;
ALTER TABLE tasks ADD COLUMN is_chosen INTEGER;
ALTER TABLE tasks ADD COLUMN wrong TEXT;
ALTER TABLE tasks ADD COLUMN follow_up TEXT;
ALTER TABLE tasks ADD COLUMN idle_ms INTEGER;
ALTER TABLE tasks ADD COLUMN idle_by TEXT;
ALTER TABLE tasks ADD COLUMN rank INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE tasks ADD COLUMN choice TEXT;
ALTER TABLE tasks ADD COLUMN attachments TEXT DEFAULT '[]' NOT NULL;
ALTER TABLE tasks ADD COLUMN project TEXT;
ALTER TABLE tasks ADD COLUMN checks TEXT DEFAULT '[]' NOT NULL;
ALTER TABLE tasks ADD COLUMN proof TEXT;
UPDATE tasks SET rank = created_ms + priority * 604800000;
DROP INDEX ix_tasks_demand;
DROP INDEX ix_tasks_queue;
CREATE INDEX ix_tasks_attached ON tasks (number) WHERE attachments != '[]';
CREATE INDEX ix_tasks_demand ON tasks (state, reason, wanted, needs, rank, number, requester);
CREATE INDEX ix_tasks_parent ON tasks (parent) WHERE parent IS NOT NULL;
CREATE INDEX ix_tasks_queue ON tasks (state, rank, number);
CREATE INDEX ix_tasks_start ON tasks (not_before_ms) WHERE state = 'waiting' AND reason = 'not_before';
CREATE INDEX ix_tasks_turn ON tasks (requester, priority, rank) WHERE state IN ('ready', 'waiting');

CREATE TABLE dependencies (task INTEGER NOT NULL, needs INTEGER NOT NULL, on_failure TEXT NOT NULL,
    CONSTRAINT pk_dependencies PRIMARY KEY (task, needs));
CREATE INDEX ix_dependencies_needs ON dependencies (needs);

CREATE TABLE attempts (id INTEGER NOT NULL, task INTEGER NOT NULL, fence INTEGER NOT NULL, agent TEXT NOT NULL,
    category TEXT NOT NULL, began_ms INTEGER NOT NULL, ended_ms INTEGER, outcome TEXT NOT NULL,
    known_by TEXT NOT NULL, tokens INTEGER, cost_micros INTEGER, is_disowned INTEGER DEFAULT '0' NOT NULL,
    CONSTRAINT pk_attempts PRIMARY KEY (id), CONSTRAINT uq_attempts_task UNIQUE (task, fence));
CREATE INDEX ix_attempts_record ON attempts (agent, ended_ms, outcome, is_disowned)
    WHERE outcome IN ('done', 'failed', 'silent', 'blocked', 'retried');
INSERT INTO attempts (task, fence, agent, category, began_ms, outcome, known_by)
    SELECT number, fence, agent, '', changed_ms, '', '' FROM tasks
    WHERE agent IS NOT NULL
    AND (state IN ('assigned', 'delivering', 'working', 'blocked', 'parked') OR reason = 'dry_run');

ALTER TABLE messages ADD COLUMN not_before_ms INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE messages ADD COLUMN requires TEXT DEFAULT 'reply' NOT NULL;
ALTER TABLE messages ADD COLUMN cause TEXT;
ALTER TABLE messages ADD COLUMN trace TEXT DEFAULT '' NOT NULL;
ALTER TABLE messages ADD COLUMN path TEXT DEFAULT '' NOT NULL;
ALTER TABLE messages ADD COLUMN hop INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE messages ADD COLUMN evidence TEXT DEFAULT '[]' NOT NULL;
ALTER TABLE messages ADD COLUMN attachments TEXT DEFAULT '[]' NOT NULL;
UPDATE messages SET trace = id;
CREATE INDEX ix_messages_attached ON messages (id) WHERE attachments != '[]';
CREATE INDEX ix_messages_trace ON messages (trace, id);
CREATE INDEX ix_messages_sender ON messages (sender, id);
CREATE INDEX ix_messages_recipient ON messages (recipient, id);

CREATE TABLE inbox (agent TEXT NOT NULL, message TEXT NOT NULL, seq INTEGER, sender TEXT NOT NULL,
    due_ms INTEGER NOT NULL, added_ms INTEGER NOT NULL, shown_ms INTEGER, read_ms INTEGER, acked_ms INTEGER,
    dropped TEXT DEFAULT '' NOT NULL, carrier TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_inbox PRIMARY KEY (agent, message));
CREATE INDEX ix_inbox_carried ON inbox (carrier) WHERE carrier != '';
CREATE INDEX ix_inbox_held ON inbox (agent, due_ms, message) WHERE seq IS NULL AND dropped = '';
CREATE INDEX ix_inbox_message ON inbox (message, agent);
CREATE INDEX ix_inbox_pair ON inbox (agent, sender, added_ms);
CREATE UNIQUE INDEX ix_inbox_seq ON inbox (agent, seq);
CREATE INDEX ix_inbox_shown ON inbox (agent, shown_ms) WHERE shown_ms IS NOT NULL;
CREATE INDEX ix_inbox_unread ON inbox (agent, seq) WHERE read_ms IS NULL AND dropped = '';

CREATE TABLE traces (trace TEXT NOT NULL, stopped_by TEXT NOT NULL, allowance INTEGER NOT NULL,
    since_ms INTEGER NOT NULL,
    CONSTRAINT pk_traces PRIMARY KEY (trace));
CREATE INDEX ix_traces_stopped ON traces (since_ms) WHERE stopped_by = 'hub';

CREATE TABLE questions (id TEXT NOT NULL, agent TEXT NOT NULL, task TEXT NOT NULL, fence INTEGER DEFAULT '0' NOT NULL,
    asked TEXT NOT NULL, choices TEXT NOT NULL, at_due TEXT NOT NULL, state TEXT NOT NULL, answer TEXT,
    due_ms INTEGER NOT NULL, since_ms INTEGER NOT NULL,
    CONSTRAINT pk_questions PRIMARY KEY (id));
CREATE INDEX ix_questions_agent ON questions (agent, since_ms);
CREATE INDEX ix_questions_lease ON questions (task, fence) WHERE state = 'open';
CREATE INDEX ix_questions_open ON questions (due_ms) WHERE state = 'open';

ALTER TABLE mention_choices ADD COLUMN zone TEXT DEFAULT '' NOT NULL;
ALTER TABLE mention_choices ADD COLUMN has_replied BOOLEAN DEFAULT '0' NOT NULL;
CREATE TABLE notice_posts (notice INTEGER NOT NULL, route TEXT NOT NULL, state TEXT NOT NULL,
    revision INTEGER NOT NULL, attempts INTEGER NOT NULL, not_before_ms INTEGER NOT NULL, since_ms INTEGER NOT NULL,
    posted_channel TEXT NOT NULL, posted_message TEXT NOT NULL, thread TEXT NOT NULL, error TEXT NOT NULL,
    CONSTRAINT pk_notice_posts PRIMARY KEY (notice, route),
    CONSTRAINT fk_notice_posts_notice FOREIGN KEY (notice) REFERENCES notices (id) ON DELETE CASCADE);
CREATE INDEX ix_notice_posts_due ON notice_posts (state, route, not_before_ms);
CREATE INDEX ix_notice_posts_dropped ON notice_posts (route, since_ms, notice) WHERE state = 'dropped';
CREATE INDEX ix_notice_posts_thread ON notice_posts (thread) WHERE thread != '';
INSERT INTO notice_posts SELECT id, 'discord', state, CASE posted_message WHEN '' THEN 0 ELSE revision END, attempts,
    not_before_ms, created_ms, posted_channel, posted_message, thread, error FROM notices;
DROP INDEX ix_notices_dropped;
DROP INDEX ix_notices_due;
DROP INDEX ix_notices_state;
DROP INDEX ix_notices_thread;
ALTER TABLE notices DROP COLUMN state;
ALTER TABLE notices DROP COLUMN posted_channel;
ALTER TABLE notices DROP COLUMN posted_message;
ALTER TABLE notices DROP COLUMN thread;
ALTER TABLE notices DROP COLUMN attempts;
ALTER TABLE notices DROP COLUMN not_before_ms;
ALTER TABLE notices DROP COLUMN error;
DROP INDEX ix_notices_message;
ALTER TABLE notices RENAME COLUMN message TO subject;
ALTER TABLE notices RENAME COLUMN text TO detail;
CREATE INDEX ix_notices_subject ON notices (subject) WHERE subject != '';
UPDATE notices SET detail = json_object('is', 'Resolution', 'how', 'over') WHERE kind = 'locked' AND detail != '';
UPDATE notices SET detail = json_object('is', 'Resolution', 'how', detail) WHERE kind = 'needs_answer' AND detail != '';
UPDATE notices SET detail = json_object('is', 'Resolution', 'how', substr(detail, 1, instr(detail, ' by ') - 1),
    'by', substr(detail, instr(detail, ' by ') + 4))
    WHERE kind IN ('held', 'undelivered', 'in_doubt') AND about != '' AND instr(detail, ' by ') > 0
    AND instr(detail, ': ') = 0;
UPDATE notices SET detail = json_object('is', 'UserAct', 'act', substr(detail, 1, instr(detail, ' by ') - 1),
    'by', substr(detail, instr(detail, ' by ') + 4)) WHERE kind = 'report';
UPDATE notices SET detail = json_object('is', 'Halt', 'state', substr(detail, 1, instr(detail, ': ') - 1),
    'reason', nullif(substr(detail, instr(detail, ': ') + 2), '')) WHERE kind = 'held' AND detail NOT LIKE '{%';
UPDATE notices SET detail = json_object('is', 'Undelivered', 'agent', substr(detail, 1, instr(detail, ': ') - 1),
    'state', substr(detail, instr(detail, ': ') + 2)) WHERE kind = 'undelivered' AND detail NOT LIKE '{%';
UPDATE notices SET detail = json_set(detail,
    '$.state', substr(json_extract(detail, '$.state'), 1, instr(json_extract(detail, '$.state'), ': ') - 1),
    '$.reason', nullif(substr(json_extract(detail, '$.state'), instr(json_extract(detail, '$.state'), ': ') + 2), ''))
    WHERE kind = 'undelivered' AND json_extract(detail, '$.is') = 'Undelivered';
UPDATE notices SET detail = json_object('is', 'EndCause', 'reason', 'dropped',
    'by', substr(detail, 1, instr(detail, ' dropped it:') - 1))
    WHERE kind = 'ended' AND instr(detail, ' dropped it:') > 0;
UPDATE notices SET detail = json_object('is', 'EndCause', 'reason', detail)
    WHERE kind = 'ended' AND detail != '' AND detail NOT LIKE '{%';
UPDATE notices SET detail = json_object('is', 'Digest', 'number', CAST(detail AS INTEGER),
    'newest', json('["' || replace(substr(detail, instr(detail, ' ') + 1), ' ', '","') || '"]'))
    WHERE kind IN ('summary', 'digest');
UPDATE notices SET detail = json_patch('{"is": "BlockedWindow"}', detail) WHERE kind = 'blocked';
WITH RECURSIVE lines (id, number, line, rest) AS (
    SELECT id, 0, '', detail || char(10) FROM notices WHERE kind = 'progress'
    UNION ALL SELECT id, number + 1, substr(rest, 1, instr(rest, char(10)) - 1), substr(rest, instr(rest, char(10)) + 1)
    FROM lines WHERE rest != '')
    UPDATE notices SET detail = json_object('is', 'AgentReports', 'agent', substr(subject, 1, instr(subject, ' ') - 1),
    'reports', (SELECT json_group_array(json_object('at_ms', CAST(line AS INTEGER) * 1000,
    'text', substr(line, instr(line, ' ') + 1))) FROM lines WHERE lines.id = notices.id AND number > 0))
    WHERE kind = 'progress';
"""

revision = f"0.3.0.{sha256(STATEMENTS.encode()).hexdigest()[:8]}"
down_revision = "0.2.0"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables: roles become bindings, each message begins a chain, a task that an agent has gets the row of
    its attempt, and what waits keeps the order of its priority and its age."""
    for statement in STATEMENTS.strip().rstrip(";").split(";\n"):
        op.execute(statement)
