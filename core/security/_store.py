"""Tables and statements of users' roles, API keys, the home's own facts, and agents' answer codes."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, bindparam, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from core.store.tables import integers, metadata, texts

bindings = Table(
    "bindings",
    metadata,
    *texts("holder", "channel", primary_key=True),
    Column("is_grant", Boolean, primary_key=True),
    *texts("name", "role", "bound_by", "purpose"),
    Column("since_ms", Integer, nullable=False),
    Column("expires_ms", Integer),
)
api_keys = Table(
    "api_keys",
    metadata,
    Column("name", Text, primary_key=True),
    *texts("hash", "scopes", "made_by"),
    *integers("since_ms", "expires_ms"),
    Column("used_ms", Integer),
    Column("revoked_ms", Integer),
)
facts = Table("facts", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
task_codes = Table(
    "task_codes",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("task", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("agent", Text, nullable=False, server_default=""),
)
message_codes = Table(
    "message_codes",
    metadata,
    Column("hash", Text, primary_key=True),
    *texts("message", "agent"),
    Column("expires_ms", Integer, nullable=False),
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
ADD_KEY = insert(api_keys).prefix_with("OR REPLACE")
REVOKE_KEY = update(api_keys).where(api_keys.c.name == bindparam("key")).values(revoked_ms=bindparam("now"))
SHIFT_KEYS = (
    update(api_keys)
    .where(api_keys.c.name.in_(bindparam("names", expanding=True)))
    .values(expires_ms=api_keys.c.expires_ms + bindparam("by"))
)
USE_KEY = update(api_keys).where(api_keys.c.name == bindparam("key")).values(used_ms=bindparam("now"))
FACT = select(facts.c.value).where(facts.c.name == bindparam("name"))
ADD_FACT = insert(facts)
ADD_CODE = upsert(task_codes).on_conflict_do_nothing()
CODE = select(task_codes).where(task_codes.c.hash == bindparam("hash"))
_granted = upsert(message_codes)
ADD_MESSAGE_CODE = _granted.on_conflict_do_update(
    index_elements=["hash"], set_={"expires_ms": _granted.excluded.expires_ms}
)
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
