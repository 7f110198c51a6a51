"""Tables and statements of users' roles, API keys, the home's own facts, and agents' answer codes."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Table, Text, bindparam, delete, insert, select, update

from core.store.tables import add_missing, integers, metadata, texts, upsert

bindings = Table(
    "bindings",
    metadata,
    *texts("holder", "channel", primary_key=True),
    Column("is_grant", Boolean, primary_key=True),
    *texts("name", "role", "bound_by", "purpose"),
    *integers("since_ms"),
    *integers("expires_ms", nullable=True),
    Index("ix_bindings_role", "role"),
)
api_keys = Table(
    "api_keys",
    metadata,
    Column("name", Text, primary_key=True),
    *texts("hash", "scopes", "made_by"),
    *integers("since_ms", "expires_ms"),
    *integers("used_ms", "revoked_ms", nullable=True),
)
log_ins = Table(
    "log_ins",
    metadata,
    Column("id", Text, primary_key=True),
    *texts("hash", "who", "browser"),
    *integers("since_ms", "ends_ms"),
    *texts("push", server_default=""),
)
facts = Table("facts", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
task_codes = Table(
    "task_codes",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("task", Text, nullable=False),
    *integers("fence"),
    Column("agent", Text, nullable=False, server_default=""),
)
message_codes = Table(
    "message_codes",
    metadata,
    Column("hash", Text, primary_key=True),
    *texts("message", "agent"),
    *integers("expires_ms"),
    Index("ix_message_codes_agent", "agent", "expires_ms"),
    Index("ix_message_codes_valid", "expires_ms"),
)

BINDINGS = select(bindings).order_by(bindings.c.since_ms)
_here = (
    bindings.c.holder == bindparam("of_holder"),
    bindings.c.channel == bindparam("in_channel"),
    bindings.c.is_grant == bindparam("grants"),
)
BINDING = select(bindings).where(*_here)
OWNERS = BINDINGS.where(bindings.c.role == "owner", bindings.c.channel == "", bindings.c.is_grant.is_(False))
BIND = insert(bindings)
UNBIND = delete(bindings).where(*_here)
SHIFT_GRANTS = (
    update(bindings)
    .where(bindings.c.holder.in_(bindparam("holders", expanding=True)))
    .values(expires_ms=bindings.c.expires_ms + bindparam("by"))
)
KEY = select(api_keys).where(api_keys.c.name == bindparam("key"))
KEYS = select(api_keys).order_by(api_keys.c.since_ms)
ADD_KEY = upsert(api_keys)
REVOKE_KEY = update(api_keys).where(api_keys.c.name == bindparam("key")).values(revoked_ms=bindparam("now"))
SHIFT_KEYS = (
    update(api_keys)
    .where(api_keys.c.name.in_(bindparam("names", expanding=True)))
    .values(expires_ms=api_keys.c.expires_ms + bindparam("by"))
)
USE_KEY = update(api_keys).where(api_keys.c.name == bindparam("key")).values(used_ms=bindparam("now"))
LOG_INS = select(log_ins).order_by(log_ins.c.id)
ADD_LOG_IN = insert(log_ins)
USE_LOG_IN = update(log_ins).where(log_ins.c.id == bindparam("log_in")).values(ends_ms=bindparam("ends"))
SET_PUSH = update(log_ins).where(log_ins.c.id == bindparam("log_in")).values(push=bindparam("to"))
END_LOG_INS = delete(log_ins).where(log_ins.c.id.in_(bindparam("ids", expanding=True)))
SHIFT_LOG_INS = (
    update(log_ins)
    .where(log_ins.c.id.in_(bindparam("ids", expanding=True)))
    .values(since_ms=log_ins.c.since_ms + bindparam("by"), ends_ms=log_ins.c.ends_ms + bindparam("by"))
)
FACT = select(facts.c.value).where(facts.c.name == bindparam("name"))
ADD_FACT = insert(facts)
SET_FACT = upsert(facts)
ADD_CODE = add_missing(task_codes)
CODE = select(task_codes).where(task_codes.c.hash == bindparam("hash"))
ADD_MESSAGE_CODE = upsert(message_codes, "expires_ms")
MESSAGE_CODE = select(message_codes).where(message_codes.c.hash == bindparam("hash"))
SHIFT = (
    update(message_codes)
    .where(message_codes.c.expires_ms >= bindparam("since"))
    .values(expires_ms=message_codes.c.expires_ms + bindparam("by"))
)
VALID_FOR = (
    select(message_codes)
    .where(message_codes.c.agent == bindparam("of_agent"), message_codes.c.expires_ms >= bindparam("now"))
    .order_by(message_codes.c.message.desc())
)
