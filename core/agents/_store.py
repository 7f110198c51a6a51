"""The agents' table and statements: state only; config/agents.toml defines the agents."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text, bindparam, delete, select, update

from core.store.tables import add_missing, integers, metadata, texts, upsert

agents = Table(
    "agents",
    metadata,
    Column("name", Text, primary_key=True),
    *texts("state", "reason"),
    Column("note", Text, nullable=False, server_default=""),
    Column("task", Text),
    *integers("since_ms"),
    *integers("until_ms", nullable=True),
    *integers("forgiven_ms", server_default="0"),
)

account_limits = Table(
    "account_limits",
    metadata,
    Column("account", Text, primary_key=True),
    *integers("until_ms"),
)

LIMITS = select(account_limits).where(
    account_limits.c.account.in_(bindparam("accounts", expanding=True)),
    account_limits.c.until_ms.between(bindparam("now"), bindparam("latest")),
)
END_LIMIT = delete(account_limits).where(account_limits.c.account == bindparam("of_account"))
SET_LIMIT = upsert(account_limits)
ADD = add_missing(agents)
ALL = select(agents)
IN_DOUBT = (
    update(agents)
    .where(agents.c.name.in_(bindparam("agents", expanding=True)))
    .values(state="unknown", reason="", note="", until_ms=None, since_ms=0, forgiven_ms=0)
)
ONE = select(agents).where(agents.c.name == bindparam("agent"))
