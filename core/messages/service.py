"""Stores addressed texts and finds them again; `inboxes` knows which agent has which."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from core import limits
from core.journal.model import Event
from core.journal.service import Journal
from core.kit.clock import Clock
from core.kit.errors import NotFound
from core.kit.filters import Page, Query
from core.kit.from_attributes import attributes_of, from_attributes
from core.kit.ids import Ids, MessageId
from core.messages import _store
from core.messages.attachments import Attachments, NamedFiles, named_files
from core.messages.inboxes import Inboxes
from core.messages.model import Message, MessageKind, NewMessage, Source, StoredFile, files_of
from core.remedies import refused
from core.store.engine import Store, Tx

_MARKER_CHARS = 8
_AFTER_ALL = "~"  # sorts after every id
MINUTE_MS = 60_000


class MessageNotFound(NotFound):
    """There is no message {id}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStored(Event):
    """A message was stored. The journal does not have its text."""

    SUBJECT = "message:{0.message}"
    message: MessageId
    kind: str
    task: str
    sender: str
    recipient: str
    chars: int
    sha256: str
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SentTexts:
    """What agents have sent to one task: `texts` in time and their `size` in bytes, `recent` ones of the last minute
    and when the first of these came, and `late` ones with one code."""

    texts: int
    size: int
    recent: int
    first_ms: int | None
    late: int


class Messages:
    """Every text between users, agents and Octet, with its sender, its recipient and its subject."""

    def __init__(self, *, store: Store, journal: Journal, clock: Clock, ids: Ids, attachments: Path) -> None:
        """`attachments` is the folder of the files that go with messages."""
        self.attachments = Attachments(attachments, clock=clock, ids=ids)
        self._store, self._journal, self._clock, self._ids = store, journal, clock, ids
        self.inboxes = Inboxes(store=store, journal=journal, clock=clock)

    async def list(self, query: Query) -> Page[Message]:
        """Fetch one page of messages, without control messages. Raises UnknownSort and InvalidCursor."""
        return await _store.LISTING.page(self._store, query, _store.message_of)

    def new_marker(self) -> str:
        """Return new markers for an answer without a shell."""
        return self._ids.marker(_MARKER_CHARS)

    def add_brief(
        self,
        tx: Tx,
        *,
        task: str,
        agent: str,
        body: str,
        priority: int,
        source: Source,
        by: str,
        given_by: str = "",
        cause: Message | None = None,
        attachments: tuple[StoredFile, ...] = (),
    ) -> Message:
        """Store the hub's message that gives `task` to `agent`; `source` says where the text came from. An agent that
        gives the task to another one is `given_by`, and works on `cause`."""
        new = NewMessage(
            kind=MessageKind.TASK,
            sender="hub",
            sender_name=given_by,
            recipient=f"agent:{agent}",
            task=task,
            priority=priority,
            source=source,
            marker=self.new_marker(),
            body=body,
            cause=cause.id if cause is not None else None,
            trace=cause.trace if cause is not None else "",
            attachments=attachments,
        )
        return self.add(tx, new, by=by)

    def find_by_key(self, tx: Tx, key: str) -> Message | None:
        rows = tx.execute(_store.BY_KEY, {"key": key})
        return _store.message_of(rows[0]) if rows else None

    def count_sent(self, tx: Tx, task: str, *, of_code: str) -> SentTexts:
        """Count what agents have sent to the task; the keys of what bore this code begin with `of_code`."""
        now_ms = self._clock.now_ms()
        asked = {"of_task": task, "of_code": of_code, "since": now_ms - MINUTE_MS, "now": now_ms}
        return from_attributes(SentTexts, tx.execute(_store.SENT, asked).one())

    def last_final_answer(self, tx: Tx, task: str) -> Message | None:
        """Return the newest answer that ended the task, if any did."""
        row = tx.execute(_store.LAST_END, {"of_task": task}).first()
        return None if row is None else _store.message_of(row)

    def list_exchange(self, tx: Tx, task: str, *, most: int) -> list[Message]:
        """List what users and agents said to each other about the task, in time, newest first."""
        rows = tx.execute(_store.EXCHANGE, {"of_task": task, "size": most})
        return self._store.aside.readable("message", rows, _store.message_of)

    def last_text(self, tx: Tx, task: str, *, of_code: str) -> str:
        """Return the last text that came with this code in time, as in `count_sent`; empty if none did."""
        row = tx.execute(_store.LAST_WORDS, {"of_task": task, "of_code": of_code}).first()
        return "" if row is None else str(row.body)

    def last_brief(self, tx: Tx, task: str, agent: str) -> Message | None:
        """Return the newest brief by which this agent got the task, if it got one."""
        row = tx.execute(_store.LAST_BRIEF, {"of_task": task, "of_agent": f"agent:{agent}"}).first()
        return None if row is None else _store.message_of(row)

    def size_of_trace(self, tx: Tx, trace: str) -> int:
        """Count the messages of agents in this trace."""
        return int(tx.execute(_store.SIZE_OF_TRACE, {"of_trace": trace}).scalar_one())

    def find_trace(self, tx: Tx, trace: str) -> tuple[Message, ...]:
        return tuple(_store.message_of(row) for row in tx.execute(_store.OF_TRACE, {"of_trace": trace}))

    def find_undelivered(self, tx: Tx) -> list[Message]:
        """Find the messages, not briefs, that have an open delivery."""
        return self._store.aside.readable("message", tx.execute(_store.UNDELIVERED), _store.message_of)

    def known(self, tx: Tx, message: str) -> Message | None:
        """Return the message; None where there is none that Octet can read."""
        rows = tx.execute(_store.ONE, {"message": message})
        return next(iter(self._store.aside.readable("message", rows, _store.message_of)), None)

    def is_answered(self, tx: Tx, message: Message, *, sender: str) -> bool:
        """Return whether this sender has replied to the message."""
        asked = {"of_trace": message.trace, "of_message": message.id, "of_sender": sender}
        return tx.execute(_store.REPLIED, asked).first() is not None

    async def list_trace(self, trace: str) -> tuple[Message, ...]:
        return tuple(_store.message_of(row) for row in await self._store.fetch(_store.OF_TRACE, {"of_trace": trace}))

    def expire_texts(self, tx: Tx, *, before_ms: int, now_ms: int, most: int) -> int:
        """Clear at most `most` texts from before `before_ms` that nothing needs any more; return how many. A text about
        a task expires after its brief; one that is on its way or in an unsent notice stays."""
        return tx.execute(_store.EXPIRE, {"before": before_ms, "at": now_ms, "size_of_batch": most}).rowcount

    def find(self, tx: Tx, message: str) -> Message:
        return _store.message_of(tx.execute(_store.ONE, {"message": message}).one())

    async def get(self, message: str) -> Message:
        """Fetch one message. Raises MessageNotFound."""
        rows = await self._store.fetch(_store.ONE, {"message": message})
        if not rows:
            raise MessageNotFound(id=message[:40])
        return _store.message_of(rows[0])

    async def list_for_task(self, task: str) -> tuple[Message, ...]:
        return tuple(_store.message_of(row) for row in await self._store.fetch(_store.OF_TASK, {"of_task": task}))

    async def list_conversation(self, *, task: str = "", agent: str = "", before: str = "", size: int) -> list[Message]:
        """List what was said about the task, or to and by the agent, newest first; `before` is the id of a message."""
        asked = {"before": before or _AFTER_ALL, "size": size}
        if task:
            rows = await self._store.fetch(_store.ABOUT_TASK, {**asked, "of_task": task})
        else:
            of_agent = {"of_agent": agent, "of_address": f"agent:{agent}"}
            rows = await self._store.fetch(_store.WITH_AGENT, asked | of_agent)
        return self._store.aside.readable("message", rows, _store.message_of)

    def size_of_files(self, tx: Tx, task: str) -> int:
        """Add up the files of all replies to the task, in bytes."""
        rows = tx.execute(_store.FILES_OF_REPLIES, {"of_task": task})
        return sum(file.size for row in rows for file in files_of(row.attachments))

    def check_files(self, tx: Tx, sender: str, files: Collection[StoredFile]) -> None:
        """Check that Octet may keep these files of an agent, too. Raises files_quota_exceeded."""
        kept = tx.execute(_store.SIZE_OF_FILES, {"of_sender": sender}).scalar_one() if files else 0
        most = limits.AGENT_FILE_BYTES.most
        if kept + sum(one.size for one in files) > most:
            raise refused("files_quota_exceeded", whose=sender.removeprefix("agent:"), megabytes=most // 1_000_000)

    async def load(self) -> None:
        await self.attachments.follow_home(self._store, _store.messages.c.id, await self.attached())

    async def attached(self) -> NamedFiles:
        """List the files of all messages whose texts have not expired."""
        return await named_files(self._store, _store.ATTACHED)

    def shift(self, tx: Tx, by_ms: int, names: Sequence[str], agents: Sequence[str]) -> None:
        """Move the expiry of these messages and of unread ones, and the times of held ones, with a clock set by
        `by_ms`."""
        tx.execute(_store.SHIFT, {"by": by_ms, "names": list(names)})
        self.inboxes.shift(tx, by_ms, agents)

    def hold(self, tx: Tx, message: MessageId, *, until_ms: int) -> None:
        """Have no delivery of this message begin earlier."""
        tx.execute(_store.HOLD, {"message": message, "until": until_ms})

    def add(self, tx: Tx, new: NewMessage, *, by: str) -> Message:
        name = MessageId(self._ids.ulid())
        led = new.in_reply_to or new.cause
        asked = self.find(tx, led) if led is not None and new.task is None else None
        thread = asked.thread if asked else new.task or name
        new = replace(new, trace=new.trace or name)
        found = {"id": name, "thread": thread, "created_ms": self._clock.now_ms(), "expired_ms": None}
        message = from_attributes(Message, new, **found)
        row = attributes_of(message)
        columns = {
            name: json.dumps(row[name], ensure_ascii=False, default=asdict) for name in ("evidence", "attachments")
        }
        tx.execute(_store.ADD, row | columns)
        event = MessageStored(
            message=message.id,
            kind=message.kind.value,
            task=message.task or "",
            sender=message.sender,
            recipient=message.recipient,
            chars=len(message.body),
            sha256=hashlib.sha256(message.body.encode()).hexdigest(),
            late=message.late,
        )
        self._journal.append(tx, event, by=by)
        return message
