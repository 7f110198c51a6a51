"""The schema of 0.3.0: roles of users and of the server's roles, and API keys."""

from alembic import op

revision = "0.3.0"
down_revision = "0.2.0"
branch_labels = None
depends_on = None

STATEMENTS = (
    """CREATE TABLE bindings (holder TEXT NOT NULL, channel TEXT NOT NULL, is_grant BOOLEAN NOT NULL,
    name TEXT NOT NULL, role TEXT NOT NULL, bound_by TEXT NOT NULL, purpose TEXT NOT NULL, since_ms INTEGER NOT NULL,
    expires_ms INTEGER, CONSTRAINT pk_bindings PRIMARY KEY (holder, channel, is_grant))""",
    """INSERT INTO bindings (holder, channel, is_grant, name, role, bound_by, purpose, since_ms)
    SELECT id, '', 0, name, role, id, '', since_ms FROM people""",
    "DROP TABLE people",
    """CREATE TABLE api_keys (name TEXT NOT NULL, hash TEXT NOT NULL, scopes TEXT NOT NULL, made_by TEXT NOT NULL,
    since_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, used_ms INTEGER, revoked_ms INTEGER,
    CONSTRAINT pk_api_keys PRIMARY KEY (name))""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
