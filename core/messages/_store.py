"""The messages' and the inboxes' tables and statements."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    Table,
    Text,
    and_,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    text,
    union,
    update,
)

from core.kit.from_attributes import from_attributes
from core.messages.model import Message, files_of, read_evidence
from core.notices.service import waits_for_post
from core.store.engine import Row
from core.store.listings import Listing
from core.store.tables import integers, metadata, partial_index, texts, upsert

_HAS_TEXT = text("expired_ms IS NULL AND kind != 'control'")
"""The body of a control message names an act and is not a text."""

_HAS_FILES = text("attachments != '[]'")
_IS_HELD = text("seq IS NULL AND dropped = ''")
_IS_UNREAD = text("read_ms IS NULL AND dropped = ''")
_IS_CARRIED = text("carrier != ''")

messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    *texts("kind", "sender"),
    Column("sender_name", Text, nullable=False, server_default=""),
    *texts("recipient", "thread"),
    Column("task", Text),
    Column("supersedes", Text),
    Column("in_reply_to", Text),
    Column("idempotency_key", Text, unique=True),
    *integers("priority", "created_ms"),
    *integers("not_before_ms", "hop", server_default="0"),
    *integers("expires_at_ms", "expired_ms", nullable=True),
    Column("requires", Text, nullable=False, server_default="reply"),
    Column("cause", Text),
    *texts("trace", "path", server_default=""),
    *texts("source", "marker", "body"),
    Column("final", Boolean, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("evidence", Text, nullable=False, server_default="[]"),  # a list in JSON
    Column("attachments", Text, nullable=False, server_default="[]"),  # the same
    partial_index("ix_messages_attached", "id", where=_HAS_FILES),
    Index("ix_messages_task", "task", "id"),
    Index("ix_messages_trace", "trace", "id"),
    Index("ix_messages_sender", "sender", "id"),
    Index("ix_messages_recipient", "recipient", "id"),
    partial_index("ix_messages_text", "created_ms", where=_HAS_TEXT),
)
inbox = Table(
    "inbox",
    metadata,
    Column("agent", Text, primary_key=True),
    Column("message", Text, primary_key=True),
    Column("seq", Integer),  # the place in the inbox; none before the message is due
    Column("sender", Text, nullable=False),
    *integers("due_ms", "added_ms"),
    *integers("shown_ms", "read_ms", "acked_ms", nullable=True),
    Column("dropped", Text, nullable=False, server_default=""),
    Column("carrier", Text, nullable=False, server_default=""),  # the delivery whose prompt names this status
    partial_index("ix_inbox_carried", "carrier", where=_IS_CARRIED),
    Index("ix_inbox_seq", "agent", "seq", unique=True),
    partial_index("ix_inbox_held", "agent", "due_ms", "message", where=_IS_HELD),
    partial_index("ix_inbox_unread", "agent", "seq", where=_IS_UNREAD),
    partial_index("ix_inbox_shown", "agent", "shown_ms", where=text("shown_ms IS NOT NULL")),
    Index("ix_inbox_message", "message", "agent"),
    Index("ix_inbox_pair", "agent", "sender", "added_ms"),
)
_row = messages.c
_of_code = _row.idempotency_key.startswith(bindparam("of_code"))
_from, _to = (func.replace(one, "agent:", "") for one in (_row.sender, _row.recipient))
LISTING = Listing(
    table=messages,
    key=_row.id,
    id_of=str,
    key_of=str,
    where=_row.kind != "control",
    fields={
        "kind": (_row.kind,),
        "source": (_row.source,),
        "from": (_from, _row.sender_name),
        "to": (_to,),
        "agent": (_from, _to),
        "task": (_row.task,),
        "trace": (_row.trace,),
    },
    lists={},
    texts=(_row.body,),
    sorts={"created": _row.id},
)
"""It scans all messages, from the newest on."""

ADD = insert(messages)
ONE = select(messages).where(_row.id == bindparam("message"))
UNDELIVERED = select(messages).where(
    text(
        "id IN (SELECT message FROM deliveries WHERE act IS NULL AND +task IS NULL AND state IN "
        "('queued', 'leased', 'staging', 'staged', 'submitting', 'unknown'))"
    )
)
BY_KEY = select(messages).where(_row.idempotency_key == bindparam("key"))
LAST_END = (
    select(messages)
    .where(_row.task == bindparam("of_task"), _row.kind == "reply", _row.final.is_(True), _row.late.is_(False))
    .order_by(_row.id.desc())
    .limit(1)
)
LAST_WORDS = (
    select(_row.body)
    .where(_row.task == bindparam("of_task"), _row.late.is_(False), _of_code)
    .order_by(_row.id.desc())
    .limit(1)
)
SHIFT = (
    update(messages)
    .where(or_(_row.id.in_(bindparam("names", expanding=True)), _row.id.in_(select(inbox.c.message).where(_IS_UNREAD))))
    .values(
        expires_at_ms=_row.expires_at_ms + bindparam("by"),
        not_before_ms=case((_row.not_before_ms > 0, _row.not_before_ms + bindparam("by")), else_=0),
    )
)
HOLD = update(messages).where(_row.id == bindparam("message")).values(not_before_ms=bindparam("until"))
_in_time = _row.late.is_(False)
_recent = _row.created_ms.between(bindparam("since"), bindparam("now"))
SENT = select(
    func.count().filter(_in_time).label("texts"),
    func.coalesce(func.sum(text("length(CAST(body AS BLOB))")).filter(_in_time), 0).label("size"),
    func.count().filter(_recent).label("recent"),
    func.min(_row.created_ms).filter(_recent).label("first_ms"),
    func.count().filter(_row.late.is_(True), _of_code).label("late"),
).where(_row.task == bindparam("of_task"), _row.kind == "reply", _row.source == "agent")
LAST_BRIEF = (
    select(messages)
    .where(_row.task == bindparam("of_task"), _row.kind == "task", _row.recipient == bindparam("of_agent"))
    .order_by(_row.id.desc())
    .limit(1)
)
OF_TRACE = select(messages).where(_row.trace == bindparam("of_trace")).order_by(_row.id)
REPLIED = select(_row.id).where(
    _row.trace == bindparam("of_trace"),
    _row.in_reply_to == bindparam("of_message"),
    _row.sender == bindparam("of_sender"),
    _row.kind != "ack",
)
SIZE_OF_TRACE = select(func.count()).where(_row.trace == bindparam("of_trace"), _row.hop > 0)
OF_TASK = select(messages).where(_row.task == bindparam("of_task")).order_by(_row.id)
EXCHANGE = (
    select(messages)
    .where(
        _row.task == bindparam("of_task"),
        _row.kind.in_(["reply", "message", "follow_up"]),
        _row.late.is_(False),
        _row.sender.not_like("system:%"),
    )
    .order_by(_row.id.desc())
    .limit(bindparam("size"))
)
_before = and_(_row.id < bindparam("before"), _row.kind.not_in(["ack", "control"]))


def _newest(*holds: Any) -> Any:
    return select(messages).where(_before, *holds).order_by(_row.id.desc()).limit(bindparam("size"))


ABOUT_TASK = _newest(_row.task == bindparam("of_task"))
_with_agent = union(
    select(_newest(_row.sender == bindparam("of_address")).subquery().c.id),
    select(_newest(_row.recipient == bindparam("of_address")).subquery().c.id),
    select(_newest(_row.id.in_(select(inbox.c.message).where(inbox.c.agent == bindparam("of_agent")))).subquery().c.id),
)
WITH_AGENT = _newest(_row.id.in_(_with_agent))
_old = (
    select(_row.id)
    .where(
        _HAS_TEXT,
        _row.created_ms < bindparam("before"),
        text(
            "(task IS NULL OR EXISTS (SELECT 1 FROM tasks WHERE number = CAST(substr(messages.task, 3) AS INTEGER) "
            "AND text_expired_ms IS NOT NULL))"
        ),
        text(
            "NOT EXISTS (SELECT 1 FROM deliveries WHERE message = messages.id AND +state IN "
            "('queued', 'leased', 'staging', 'staged', 'submitting', 'unknown'))"
        ),
        ~waits_for_post(_row.id),
    )
    .order_by(_row.created_ms)
    .limit(bindparam("size_of_batch"))
)
EXPIRE = (
    update(messages)
    .where(_row.id.in_(_old))
    .values(body="", evidence="[]", attachments="[]", expired_ms=bindparam("at"))
)
FILES_OF_REPLIES = select(_row.attachments).where(_row.task == bindparam("of_task"), _row.kind == "reply", _HAS_FILES)
SIZE_OF_FILES = text(
    "SELECT coalesce(sum(json_extract(file.value, '$.size')), 0) FROM messages, json_each(attachments) AS file "
    "WHERE attachments != '[]' AND sender = :of_sender"
)
ATTACHED = select(_row.id.label("of"), _row.attachments).where(_HAS_FILES)
_entry = inbox.c
_this = and_(_entry.agent == bindparam("of_agent"), _entry.message == bindparam("of_message"))
_of_agent = _entry.agent == bindparam("of_agent")
_of_some_agent = _entry.agent.in_(bindparam("agents", expanding=True))
_joined = select(
    *(_entry[name] for name in ("agent", "seq", "due_ms", "shown_ms", "read_ms", "acked_ms", "dropped")), messages
).join_from(inbox, messages, _entry.message == _row.id)
_has_text = or_(bindparam("words") == "", func.instr(func.lower(_row.body), bindparam("words")) > 0)

NEXT_PLACE = select((func.coalesce(func.max(_entry.seq), 0) + 1).label("place")).where(_of_agent)
ADD_ENTRY = upsert(inbox, "dropped").values(
    agent=bindparam("of_agent"),
    message=bindparam("of_message"),
    sender=bindparam("of_sender"),
    added_ms=bindparam("now"),
    due_ms=bindparam("due"),
    seq=case((bindparam("due", type_=Integer) <= bindparam("now"), NEXT_PLACE.scalar_subquery())),
    dropped="",
)
"""A message that comes back to an agent keeps its place."""
DUE = (
    select(_entry.message)
    .where(_of_agent, _entry.due_ms <= bindparam("now"), _IS_HELD)
    .order_by(_entry.due_ms, _entry.message)
)
PLACE = update(inbox).where(_this).values(seq=bindparam("place"))
ENTRY = select(inbox).where(_this)
WHOLE_ENTRY = _joined.where(_this)
ENTRIES_OF = select(inbox).where(_entry.message == bindparam("of_message")).order_by(_entry.agent)
ENTRIES_IN = (
    select(inbox)
    .join_from(messages, inbox, _entry.message == _row.id)
    .where(_row.trace == bindparam("of_trace"))
    .order_by(_entry.message, _entry.agent)
)
SHOW = update(inbox).where(_this).values(shown_ms=bindparam("now"))
READ = update(inbox).where(_this).values(shown_ms=bindparam("now"), read_ms=bindparam("now"))
READ_UP_TO = (
    update(inbox)
    .where(_of_agent, _entry.seq <= bindparam("mark"), _IS_UNREAD, _entry.shown_ms.is_not(None))
    .values(read_ms=bindparam("now"))
    .returning(_entry.message)
)
ACK = update(inbox).where(_this).values(shown_ms=bindparam("now"), read_ms=bindparam("now"), acked_ms=bindparam("now"))
DROP = update(inbox).where(_this, _IS_UNREAD).values(dropped=bindparam("why"))
UNREAD = (
    _joined.where(
        _of_agent,
        _IS_UNREAD,
        _entry.seq.is_not(None),
        or_(_row.expires_at_ms.is_(None), _row.expires_at_ms > bindparam("now")),
        _has_text,
    )
    .order_by(_entry.seq)
    .limit(bindparam("size"))
)
WAITING_STATUSES = (
    select(_entry.agent, func.count().label("size"))
    .join_from(inbox, messages, _entry.message == _row.id)
    .where(_of_some_agent, _IS_UNREAD, _row.kind == "status", _row.expires_at_ms > bindparam("now"))
    .group_by(_entry.agent)
)
UNREAD_STATUSES = UNREAD.where(_row.kind == "status", _row.expired_ms.is_(None))
CARRIED = _joined.where(_IS_CARRIED, _entry.carrier == bindparam("of_delivery")).order_by(_entry.seq)
CARRY = update(inbox).where(_this).values(carrier=bindparam("by_delivery"))
HAVE_READ = update(inbox).where(_this, _IS_UNREAD).values(read_ms=bindparam("now"))
HELD = _joined.where(_of_agent, _IS_HELD, _has_text).order_by(_entry.due_ms, _entry.message).limit(bindparam("size"))
ENTRIES = (
    _joined.where(_of_agent, _entry.seq.is_not(None), _has_text).order_by(_entry.seq.desc()).limit(bindparam("size"))
)
LAST_SHOWN = (
    _joined.where(_of_agent, text("shown_ms IS NOT NULL")).order_by(_entry.shown_ms.desc(), _entry.seq.desc()).limit(1)
)
LATELY = select(func.count().label("sent")).where(
    _of_agent, _entry.sender == bindparam("of_sender"), _entry.added_ms > bindparam("since")
)
SHIFT_DUE = update(inbox).where(_IS_HELD).values(due_ms=_entry.due_ms + bindparam("by"))
SHIFT_ADDED = (
    update(inbox)
    .where(
        _of_some_agent,
        _entry.sender.in_(bindparam("senders", expanding=True)),
        _entry.added_ms > bindparam("since"),
    )
    .values(added_ms=_entry.added_ms + bindparam("by"))
)
SHOWN_BY_NOW = (
    update(inbox)
    .where(_of_some_agent, text("shown_ms IS NOT NULL"), _entry.shown_ms > bindparam("now"))
    .values(shown_ms=bindparam("now"))
)


def message_of(row: Row) -> Message:
    evidence = read_evidence(json.loads(row.evidence))
    return from_attributes(Message, row, evidence=evidence, attachments=files_of(row.attachments))
