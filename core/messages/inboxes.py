"""The agents' inboxes: each message once for each of its recipients, in the order in which Octet accepted them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from core.journal.model import Event
from core.journal.service import Journal
from core.kit.clock import Clock
from core.kit.ids import MessageId
from core.messages import _store
from core.messages.model import EntryState, InboxEntry, InboxPage, Message, MessageKind
from core.reasons import Reason
from core.remedies import refused
from core.store.engine import Row, Store, Tx

PAGE = 50
_MOST_STATUSES = 3  # in one prompt
_MINUTE_MS = 60_000
_STATUSES = "unread statuses"  # in a transaction: how many each agent has


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEvent(Event):
    """Something happened to a message in the inbox of an agent."""

    SUBJECT = "message:{0.message}"
    message: MessageId
    agent: str


class MessageRead(InboxEvent):
    """A message reached its agent: Octet typed it, or the agent confirmed that it has read it."""


class MessageAcknowledged(InboxEvent):
    """An agent acknowledged or answered a message, or a user did so for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDropped(InboxEvent):
    """An agent no longer gets a message."""

    reason: Reason


class Inboxes:
    """Every message to an agent, and whether it has it. An entry never disappears: Octet says why it dropped one."""

    def __init__(self, *, store: Store, journal: Journal, clock: Clock) -> None:
        self._store, self._journal, self._clock = store, journal, clock

    def add(self, tx: Tx, message: Message, agent: str) -> None:
        """Put the message into the agent's inbox, once; at its end when its time has come."""
        self._place_due(tx, agent)
        row = {**self._named(agent, message.id), "of_sender": message.sender, "due": message.not_before_ms}
        tx.execute(_store.ADD_ENTRY, row)
        if message.kind is MessageKind.STATUS and agent in (known := self.count_statuses(tx, ())):
            known[agent] += 1

    def read(self, tx: Tx, agent: str, *, after: int = 0, text: str = "", size: int = PAGE) -> InboxPage:
        """Return the unread messages of the agent. It confirms those that an earlier call showed, up to `after`."""
        self._place_due(tx, agent)
        confirmed = {"of_agent": agent, "mark": after, "now": self._clock.now_ms()}
        for row in tx.execute(_store.READ_UP_TO, confirmed) if after else ():
            self._journal.append(tx, MessageRead(message=MessageId(row.message), agent=agent), by=f"agent:{agent}")
        rows = tx.execute(_store.UNREAD, self._asked(agent, text, size + 1))
        found = [self._entry(row) for row in rows[:size]]
        for one in found:
            tx.execute(_store.SHOW, self._named(agent, one.message.id))
        high_water = self._next_place(tx, agent) - 1
        if len(rows) > size and found:
            high_water = found[-1].seq or 0
        return InboxPage(entries=tuple(found), high_water=high_water, more=len(rows) > size)

    async def list(self, agent: str, *, text: str = "", size: int = PAGE) -> tuple[InboxEntry, ...]:
        """List an agent's inbox for users: what is held, then the newest first."""
        asked = self._asked(agent, text, size)
        rows = [*await self._store.fetch(_store.HELD, asked), *await self._store.fetch(_store.ENTRIES, asked)]
        return tuple(self._entry(row) for row in rows[:size])

    async def get(self, agent: str, message: MessageId) -> InboxEntry:
        """Fetch one entry. Raises not_in_inbox."""
        rows = await self._store.fetch(_store.WHOLE_ENTRY, {"of_agent": agent, "of_message": message})
        if not rows:
            raise refused("not_in_inbox", id=f"M-{message}", agent=agent)
        return self._entry(rows[0])

    async def states(self, trace: str) -> Mapping[str, list[tuple[str, EntryState, Reason | None]]]:
        """Return how far each message of a chain has come in each inbox; of its expiry only what is recorded."""
        found = defaultdict[str, list[tuple[str, EntryState, Reason | None]]](list)
        for row in await self._store.fetch(_store.ENTRIES_IN, {"of_trace": trace}):
            found[row.message].append((row.agent, *_state(row, is_late=False)))
        return found

    def count_statuses(self, tx: Tx, agents: Sequence[str]) -> dict[str, int]:
        """Count the statuses that these agents have not read and that have not expired, once for writes together."""
        known = cast("dict[str, int]", tx.scratch.setdefault(_STATUSES, {}))
        if new := [one for one in agents if one not in known]:
            rows = tx.execute(_store.WAITING_STATUSES, {"agents": new, "now": self._clock.now_ms()})
            known |= dict.fromkeys(new, 0) | {row.agent: int(row.size) for row in rows}
        return known

    def holders(self, tx: Tx, message: MessageId) -> list[str]:
        """List the agents in whose inboxes the message is."""
        return [row.agent for row in tx.execute(_store.ENTRIES_OF, {"of_message": message})]

    def has(self, tx: Tx, agent: str, message: MessageId) -> bool:
        return self._row(tx, agent, message) is not None

    def has_arrived(self, tx: Tx, agent: str, message: MessageId) -> None:
        """Note that Octet brought the message to the agent."""
        if tx.execute(_store.READ, self._named(agent, message)).rowcount:
            self._journal.append(tx, MessageRead(message=message, agent=agent), by="hub")

    def unread_statuses(self, tx: Tx, agent: str) -> tuple[Message, ...]:
        """Return the first statuses that the agent has not read: no prompt brings these."""
        self._place_due(tx, agent)
        rows = tx.execute(_store.UNREAD_STATUSES, self._asked(agent, size=_MOST_STATUSES))
        return tuple(_store.message_of(row) for row in rows)

    def carry(self, tx: Tx, agent: str, delivery: str, messages: Iterable[MessageId]) -> None:
        """Note that the prompt of this delivery names these statuses, and no others: made again, it names the same."""
        for one in self.carried(tx, delivery):
            tx.execute(_store.CARRY, {**self._named(agent, one.id), "by_delivery": ""})
        for message in messages:
            tx.execute(_store.CARRY, {**self._named(agent, message), "by_delivery": delivery})

    def carried(self, tx: Tx, delivery: str) -> tuple[Message, ...]:
        """Return the statuses that the prompt of this delivery names."""
        rows = tx.execute(_store.CARRIED, {"of_delivery": delivery})
        return tuple(_store.message_of(row) for row in rows)

    def have_arrived_with(self, tx: Tx, agent: str, delivery: str) -> None:
        """Note that the agent has the statuses of this prompt. It works on what the prompt asks, not on them."""
        for one in self.carried(tx, delivery):
            if tx.execute(_store.HAVE_READ, self._named(agent, one.id)).rowcount:
                self._journal.append(tx, MessageRead(message=one.id, agent=agent), by="hub")

    def ack(self, tx: Tx, agent: str, message: MessageId, *, by: str) -> bool:
        """Note that the agent needs the message no more; return whether that is news. Raises not_in_inbox."""
        row = self._row(tx, agent, message)
        if row is None:
            raise refused("not_in_inbox", id=f"M-{message}", agent=agent)
        if row.acked_ms is not None:
            return False
        tx.execute(_store.ACK, self._named(agent, message))
        self._journal.append(tx, MessageAcknowledged(message=message, agent=agent), by=by)
        return True

    def drop(self, tx: Tx, agent: str, message: MessageId, reason: Reason) -> None:
        """Note why the agent no longer gets the message, unless it has it."""
        asked = {"of_agent": agent, "of_message": message, "why": reason.value}
        if tx.execute(_store.DROP, asked).rowcount:
            row = self._row(tx, agent, message)
            if row is not None and row.seq is None:  # the list of what is held no longer has it
                self._place(tx, agent, message)
            self._journal.append(tx, MessageDropped(message=message, agent=agent, reason=reason), by="hub")

    def last_shown(self, tx: Tx, agent: str) -> Message | None:
        """Return the message that the agent got last."""
        rows = tx.execute(_store.LAST_SHOWN, {"of_agent": agent})
        return _store.message_of(rows[0]) if rows else None

    def count_lately(self, tx: Tx, agent: str, *, sender: str) -> int:
        """Count the messages of this sender to the agent within the last minute."""
        since_ms = self._clock.now_ms() - _MINUTE_MS
        asked = {"of_agent": agent, "of_sender": sender, "since": since_ms}
        return int(tx.execute(_store.LATELY, asked)[0].sent)

    def shift(self, tx: Tx, by_ms: int, agents: Sequence[str]) -> None:
        """Move the times of held messages, and of those that the limit between agents counts, with a clock that was set
        by `by_ms`; what agents got remains before what they get now."""
        now_ms = self._clock.now_ms()
        tx.execute(_store.SHIFT_DUE, {"by": by_ms})
        among = {"agents": list(agents), "senders": [f"agent:{one}" for one in agents]}
        tx.execute(_store.SHIFT_ADDED, {"by": by_ms, "since": now_ms - max(by_ms, 0) - _MINUTE_MS, **among})
        tx.execute(_store.SHOWN_BY_NOW, {"now": now_ms, "agents": list(agents)})

    def _row(self, tx: Tx, agent: str, message: MessageId) -> Row | None:
        return tx.execute(_store.ENTRY, {"of_agent": agent, "of_message": message}).first()

    def _place_due(self, tx: Tx, agent: str) -> None:
        """Give the held messages whose time has come the next places."""
        for row in tx.execute(_store.DUE, {"of_agent": agent, "now": self._clock.now_ms()}):
            self._place(tx, agent, row.message)

    def _place(self, tx: Tx, agent: str, message: str) -> None:
        place = self._next_place(tx, agent)
        tx.execute(_store.PLACE, {"of_agent": agent, "of_message": message, "place": place})

    def _next_place(self, tx: Tx, agent: str) -> int:
        (row,) = tx.execute(_store.NEXT_PLACE, {"of_agent": agent})
        return int(row.place)

    def _asked(self, agent: str, text: str = "", size: int = PAGE) -> dict[str, object]:
        return {"of_agent": agent, "words": text.casefold(), "size": size, "now": self._clock.now_ms()}

    def _named(self, agent: str, message: MessageId) -> dict[str, object]:
        return {"of_agent": agent, "of_message": MessageId(message), "now": self._clock.now_ms()}

    def _entry(self, row: Row) -> InboxEntry:
        message = _store.message_of(row)
        is_late = message.expires_at_ms is not None and message.expires_at_ms <= self._clock.now_ms()
        state, reason = _state(row, is_late=is_late)
        return InboxEntry(agent=row.agent, seq=row.seq, state=state, reason=reason, message=message)


def _state(row: Row, *, is_late: bool) -> tuple[EntryState, Reason | None]:
    if row.acked_ms is not None:
        return EntryState.ACKED, None
    if row.dropped:
        return EntryState.DROPPED, Reason(row.dropped)
    if row.read_ms is not None:
        return EntryState.READ, None
    if is_late:
        return EntryState.DROPPED, Reason.EXPIRED
    return (EntryState.HELD if row.seq is None else EntryState.UNREAD), None
