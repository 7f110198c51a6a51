"""The agents' table and statements: state only; config/agents.toml defines the agents."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text, bindparam, delete, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from core.store.tables import metadata, texts

agents = Table(
    "agents",
    metadata,
    Column("name", Text, primary_key=True),
    *texts("state", "reason"),
    Column("note", Text, nullable=False, server_default=""),
    Column("task", Text),
    Column("since_ms", Integer, nullable=False),
    Column("until_ms", Integer),
    Column("forgiven_ms", Integer, nullable=False, server_default="0"),
)

account_limits = Table(
    "account_limits",
    metadata,
    Column("account", Text, primary_key=True),
    Column("until_ms", Integer, nullable=False),
)

LIMITS = select(account_limits).where(account_limits.c.account.in_(bindparam("accounts", expanding=True)))
END_LIMIT = delete(account_limits).where(account_limits.c.account == bindparam("of_account"))
_limit = upsert(account_limits)
SET_LIMIT = _limit.on_conflict_do_update(
    index_elements=[account_limits.c.account], set_={"until_ms": _limit.excluded.until_ms}
)
ADD = upsert(agents).on_conflict_do_nothing()
ALL = select(agents)
IN_DOUBT = (
    update(agents)
    .where(agents.c.name.in_(bindparam("agents", expanding=True)))
    .values(state="unknown", reason="", note="", until_ms=None, since_ms=0, forgiven_ms=0)
)
ONE = select(agents).where(agents.c.name == bindparam("agent"))
