"""Accepts what agents answer to messages about no task, and brings it back to the place where the user asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from core import limits
from core.agent_messages.model import parse_message_name
from core.deliveries.model import Assurance, Delivery, DeliveryState
from core.kit.clock import DAY_MS
from core.messages.answer_markers import MarkedAnswer
from core.messages.attachments import planned_files
from core.messages.model import (
    UNVERIFIED_SOURCES,
    EvidenceItem,
    Message,
    MessageKind,
    NewFile,
    NewMessage,
    Source,
    StoredFile,
    reply_hints,
)
from core.reasons import Reason
from core.remedies import refused
from core.security.codes import MessageCode
from core.security.model import EVERY_AGENT
from core.store.engine import Tx
from core.tasks.services import TaskServices

_MAY_BE_THERE = frozenset({DeliveryState.SUBMITTING, DeliveryState.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingMessageAnswer:
    """A message that an agent may answer in its window, between these markers."""

    holder: MessageCode
    marker: str


class MessageAnswers:
    """One answer to each message from each agent that got it. Its code is valid until then, a day at most."""

    def __init__(self, services: TaskServices, store_answer: Callable[[Tx, Message, NewMessage], Message]) -> None:
        """`store_answer` stores the answer to a message, and brings it to the message's sender."""
        self._store_answer = store_answer
        self._store, self._services, self._codes = services.store, services, services.codes
        self._clock = services.clock

    def grant(self, tx: Tx, message: Message, agent: str) -> str:
        """Return the code with which the agent may answer for a day from now."""
        self._codes.grant_message(tx, message.id, agent=agent, expires_ms=self._clock.now_ms() + DAY_MS)
        return self._codes.message_code(message.id, agent)

    async def accept(
        self,
        named: str,
        code: str,
        text: str,
        *,
        agent: str = EVERY_AGENT,
        evidence: tuple[EvidenceItem, ...] = (),
        files: Sequence[NewFile] = (),
    ) -> Message:
        """Accept the answer to the message `M-…`; the same text again counts once. `agent` is the one of the reply key.
        Raises InvalidMessageName, WrongCode, WrongAgent, wrong_message, message_answered, message_code_expired,
        EmptyText or TextTooLong and keeps nothing."""
        message = parse_message_name(named)
        text = limits.check("text", text, limits.ANSWER)

        def judge(tx: Tx) -> tuple[MessageCode, Message | None]:
            holder = self._codes.message_holder(tx, code, agent=agent)
            if holder.message != message:
                raise refused("wrong_message", right=f"M-{holder.message}", id=f"M-{message}")
            same, _ = self._judge(tx, holder, text)
            if same is None:
                self._services.messages.check_files(tx, f"agent:{holder.agent}", planned_files(files))
            return holder, same

        known = partial(self._store.write, lambda tx: judge(tx)[1])
        async with self._services.messages.attachments.stored(files, known=known) as stored:
            more: Any = {"source": Source.AGENT, "evidence": evidence, "attachments": stored}
            return await self._store.write(lambda tx: self._keep(tx, judge(tx)[0], text, **more))

    async def hints(self, answer: Message) -> tuple[Reason, ...]:
        """Return what this answer lacks of what its message requires, as codes."""
        return reply_hints(await self._services.messages.get(answer.in_reply_to or ""), answer)

    async def find_pending(self, agent: str) -> tuple[PendingMessageAnswer, ...]:
        """List the messages that this agent may answer in its window, newest first."""

        def find(tx: Tx) -> tuple[PendingMessageAnswer, ...]:
            held = self._codes.valid_for(tx, agent, now_ms=self._clock.now_ms())
            open_ones = [one for one in held if self._services.messages.find_by_key(tx, _key(one)) is None]
            markers = ((one, self._services.messages.find(tx, one.message).marker) for one in open_ones)
            return tuple(PendingMessageAnswer(holder=one, marker=marker) for one, marker in markers if marker)

        return await self._store.write(find)

    async def accept_scraped(self, awaited: PendingMessageAnswer, found: MarkedAnswer) -> bool:
        """Accept a whole answer that was read in the window; return whether it was new."""
        text = limits.storable(found.text)
        if not found.is_whole or len(text) > limits.ANSWER.most:
            return False

        def accept(tx: Tx) -> bool:
            if self._services.messages.find_by_key(tx, _key(awaited.holder)) is not None:
                return False
            self._keep(tx, awaited.holder, text, source=Source.WINDOW)
            return True

        return await self._store.write(accept)

    def accept_turn(self, tx: Tx, delivery: Delivery, text: str) -> None:
        """Accept the last message of the agent's turn as its answer to this message, if it gave none."""
        text, held = limits.storable(text), self._codes.valid_for(tx, delivery.agent, now_ms=self._clock.now_ms())
        holder = next((one for one in held if one.message == delivery.message), None)
        if holder is None or not text.strip() or len(text) > limits.ANSWER.most:
            return
        if self._services.messages.find_by_key(tx, _key(holder)) is None:
            self._keep(tx, holder, text, source=Source.ACP)

    def _judge(self, tx: Tx, holder: MessageCode, text: str) -> tuple[Message | None, Message | None]:
        """Return the stored answer that is this very text, and the one that this text replaces. Raises message_answered
        or message_code_expired."""
        key = _key(holder)
        known = self._services.messages.find_by_key(tx, key)
        sent = self._services.messages.find_by_key(tx, f"{key}:sent") if known is not None else None
        for one in (known, sent):
            if one is not None and one.body == text:
                return one, known
        if sent is not None or (known is not None and known.source not in UNVERIFIED_SOURCES):
            raise refused("message_answered", id=f"M-{holder.message}")
        if holder.expires_ms < self._clock.now_ms():
            raise refused("message_code_expired", id=f"M-{holder.message}")
        return None, known

    def _keep(
        self,
        tx: Tx,
        holder: MessageCode,
        text: str,
        *,
        source: Source,
        evidence: tuple[EvidenceItem, ...] = (),
        attachments: tuple[StoredFile, ...] = (),
    ) -> Message:
        """Store the answer and post it where the user asked. One that the agent sends replaces one that was read."""
        key = _key(holder)
        same, known = self._judge(tx, holder, text)
        if same is not None:
            return same
        self._services.agents.has_spoken(tx, holder.agent)
        self._prove_delivery(tx, holder)
        new = NewMessage(
            kind=MessageKind.REPLY,
            sender=f"agent:{holder.agent}",
            recipient="hub",
            task=None,
            in_reply_to=holder.message,
            supersedes=known.id if known is not None else None,
            idempotency_key=key if known is None else f"{key}:sent",
            source=source,
            body=text,
            evidence=evidence,
            attachments=attachments,
        )
        return self._store_answer(tx, self._services.messages.find(tx, holder.message), new)

    def _prove_delivery(self, tx: Tx, holder: MessageCode) -> None:
        """Count the message as delivered: the answer has its code."""
        for delivery in self._services.deliveries.find_for_message(tx, holder.message):
            if delivery.agent == holder.agent and delivery.state in _MAY_BE_THERE:
                self._services.deliveries.step(tx, delivery, DeliveryState.DELIVERED, assurance=Assurance.ANSWERED)


def _key(holder: MessageCode) -> str:
    return f"answer:{holder.message}:{holder.agent}"
