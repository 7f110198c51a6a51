"""What agents do with messages themselves: send them, read their inbox, acknowledge, and see who else is there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core import limits
from core.agent_messages.model import (
    AgentDraft,
    AgentMessageView,
    LeftOut,
    Proof,
    ReceivedMessage,
    ReceivedMessages,
    RosterEntry,
    is_message_name,
    parse_message_name,
)
from core.agent_messages.recipients import resolve
from core.agent_messages.service import AgentMessages
from core.agent_messages.traces import Chain, Traces, refusal_of
from core.agents.model import Agent
from core.kit.errors import OctetError
from core.kit.from_attributes import from_attributes
from core.limits import clean_text, visible
from core.messages.model import Message, MessageKind, NewMessage, Requires, Source
from core.reasons import Reason
from core.remedies import refused, sentence
from core.security.codes import CodeHolder
from core.security.model import HUB, Actor
from core.security.service import People
from core.settings.model import TalkLimits
from core.store.engine import Tx
from core.tasks.model import ENDED, ProgressTooLate, Task
from core.tasks.repository import TaskRepository
from core.tasks.services import TaskServices


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """The agent that makes a request, its task, and the message it works on."""

    agent: Agent
    task: Task | None
    context: Message | None

    @property
    def address(self) -> str:
        return f"agent:{self.agent.name}"

    @property
    def actor(self) -> Actor:
        return People.agent(self.agent.name)


class AgentTalk:
    """The agents' side of messages. Octet knows the sender by its key or code, and derives the chain itself."""

    def __init__(
        self,
        services: TaskServices,
        agent_messages: AgentMessages,
        traces: Traces,
        *,
        tasks: TaskRepository,
        limits: TalkLimits,
    ) -> None:
        self._services, self._agent_messages, self._traces, self._tasks = services, agent_messages, traces, tasks
        self._codes, self._limits, self._clock = services.codes, limits, services.clock

    async def send(self, draft: AgentDraft, proof: Proof) -> AgentMessageView:
        """Send a message to other agents; the same key counts once. Raises as `identify` and `resolve`, EmptyText,
        TextTooLong, ControlCharacters, agent_may_not_talk or chain_stopped."""
        body = clean_text(draft.text, limits.BRIEF)

        def send(tx: Tx) -> AgentMessageView | OctetError:
            return self.send_as(tx, self.identify(tx, proof, about=draft.in_reply_to), draft, body)

        sent = await self._services.store.write(send)
        if isinstance(sent, OctetError):
            raise sent
        return sent

    def send_as(self, tx: Tx, speaker: Speaker, draft: AgentDraft, body: str) -> AgentMessageView | OctetError:
        """Send it, or return why the chain is stopped: the transaction that stops it must commit."""
        key = f"talk:{speaker.agent.name}:{draft.key}"
        if (known := self._services.messages.find_by_key(tx, key)) is not None:
            return self._agent_messages.view(tx, known)
        cause, messages = speaker.context, self._services.messages
        is_answered = cause is not None and messages.is_answered(tx, cause, sender=speaker.address)
        chain = Chain(cause=cause, is_answered=is_answered)
        to, agents, out = resolve(self._services.agents, draft.to, but=speaker.agent.name)
        if self._traces.is_stopped_trace(tx, chain.trace):
            return refused("chain_stopped")
        allowed, full = list[Agent](), self._agent_messages.full(tx, agents, draft.options.kind)
        for agent in agents:
            reason = self._refusal(tx, speaker, chain, agent, draft.options.kind)
            reason = reason or (Reason.LINE_FULL if agent.name in full else None)
            allowed += [] if reason else [agent]
            out += (LeftOut(agent=agent.name, reason=reason),) if reason else ()
        if not allowed:
            why = out[-1].reason
            raise refused(
                "agent_may_not_talk", recipients=", ".join(one.agent for one in out), why=sentence(why), reason=why
            )
        if self._traces.is_used_up(tx, chain.trace):
            self._traces.stop_in(tx, chain.trace, by=HUB)
            return refused("chain_stopped")
        is_reply = any(chain.is_reply(agent.name) for agent in allowed)
        new = NewMessage(
            **self._agent_messages.chosen(draft.options, None),
            sender=speaker.address,
            sender_name=speaker.agent.name,
            recipient=to,
            task=None,
            in_reply_to=cause.id if cause is not None and is_reply else None,
            marker=messages.new_marker(),
            cause=cause.id if cause is not None else None,
            trace=chain.trace,
            path="\n".join(chain.agents(speaker.agent.name)),
            hop=chain.hop,
            source=Source.AGENT,
            body=body,
            idempotency_key=key,
        )
        return self._agent_messages.post(tx, new, allowed, by=speaker.actor, left_out=out)

    def _refusal(self, tx: Tx, speaker: Speaker, chain: Chain, agent: Agent, kind: MessageKind) -> Reason | None:
        lately = self._services.messages.inboxes.count_lately(tx, agent.name, sender=speaker.address)
        sender = speaker.agent.name
        found = refusal_of(chain, sender=sender, recipient=agent.name, lately=lately, limits=self._limits)
        # A status wakes no agent, so it closes no circle.
        return None if kind is MessageKind.STATUS and found is not Reason.PAIR_TOO_OFTEN else found

    async def read(self, proof: Proof, *, after: int = 0, text: str = "") -> ReceivedMessages:
        """Return the messages that the agent has not read; it confirms those up to the place `after`."""

        def read(tx: Tx) -> ReceivedMessages:
            agent = self.identify(tx, proof).agent.name
            page = self._services.messages.inboxes.read(tx, agent, after=after, text=text)
            found = tuple(self._received(tx, one.message, agent, one.seq or 0) for one in page.entries)
            return ReceivedMessages(messages=found, high_water=page.high_water, more=page.more)

        return await self._services.store.write(read)

    async def ack(self, proof: Proof, names: tuple[str, ...]) -> tuple[str, ...]:
        """Note that the agent has these messages; it wakes no agent. Raises not_in_inbox or InvalidMessageName."""
        messages = [parse_message_name(name) for name in names]

        def ack(tx: Tx) -> tuple[str, ...]:
            speaker = self.identify(tx, proof)
            for message in messages:
                self._agent_messages.acknowledge(tx, speaker.agent.name, message, by=speaker.actor)
            return tuple(f"M-{message}" for message in messages)

        return await self._services.store.write(ack)

    async def roster(self, proof: Proof) -> tuple[RosterEntry, ...]:
        """List the agents, for an agent."""

        def find(tx: Tx) -> tuple[RosterEntry, ...]:
            self.identify(tx, proof)
            statuses = [self._services.agents.status(tx, name) for name in self._services.agents.states(tx)]
            return tuple(
                from_attributes(RosterEntry, one.agent, agent=one.agent.name, state=one.state, task=one.task or "")
                for one in statuses
            )

        return await self._services.store.write(find)

    def identify(self, tx: Tx, proof: Proof, *, about: str = "") -> Speaker:
        """Find out who speaks, and what it works on: the message `about` in its inbox, the message of its code, or the
        newest of its brief and what it got since. Raises no_agent_known, WrongCode, WrongAgent, wrong_message,
        message_code_expired, ProgressTooLate, not_in_inbox or agent_not_found."""
        context, task = None, None
        if proof.code and is_message_name(proof.about):
            holder = self._codes.message_holder(tx, proof.code, agent=proof.agent)
            named, name = parse_message_name(proof.about), holder.agent
            if holder.message != named:
                raise refused("wrong_message", right=f"M-{holder.message}", id=f"M-{named}")
            if holder.expires_ms < self._clock.now_ms():
                raise refused("message_code_expired", id=f"M-{named}")
            context = self._services.messages.find(tx, named)
        elif proof.code:
            lease = self._codes.holder(tx, proof.code, agent=proof.agent)
            task, name = self._tasks.find(tx, lease.task), lease.agent
            if task.state in ENDED or lease.fence != task.fence:
                raise ProgressTooLate(id=task.id, why="the task has ended, or was taken back from you")
        else:
            name = proof.agent
        agent = self._services.agents.named(name)
        if agent is None:
            raise refused("no_agent_known")
        if task is None and (held := self._services.agents.status(tx, agent.name).task):
            task = self._tasks.find(tx, held)
        if about:
            context = self._in_inbox(tx, agent.name, about)
        self._services.agents.has_spoken(tx, agent.name)
        return Speaker(agent=agent, task=task, context=context or self._newest(tx, agent.name, task))

    def lease_of(self, tx: Tx, proof: Proof) -> CodeHolder | None:
        """Return the lease of the proof's code; None where it has none of a task. Raises WrongCode or WrongAgent."""
        has_one = proof.code and not is_message_name(proof.about)
        return self._codes.holder(tx, proof.code, agent=proof.agent) if has_one else None

    def _in_inbox(self, tx: Tx, agent: str, name: str) -> Message:
        message = self._services.messages.known(tx, parse_message_name(name))
        if message is None or not self._services.messages.inboxes.has(tx, agent, message.id):
            raise refused("not_in_inbox", id=name[:40], agent=agent)
        return message

    def _newest(self, tx: Tx, agent: str, task: Task | None) -> Message | None:
        """Return what the agent got last: its task's brief, or a message in its inbox since."""
        brief = self._services.messages.last_brief(tx, task.id, agent) if task is not None else None
        shown = self._services.messages.inboxes.last_shown(tx, agent)
        return max((one for one in (brief, shown) if one is not None), key=lambda one: one.id, default=None)

    def _received(self, tx: Tx, message: Message, agent: str, seq: int) -> ReceivedMessage:
        is_answered = message.requires is not Requires.NONE and message.task is None
        return ReceivedMessage(
            seq=seq,
            name=f"M-{message.id}",
            sender=visible(message.sender_name) or message.sender,
            source=message.source,
            kind=message.kind,
            requires=message.requires,
            task=message.task or "",
            code=self._agent_messages.answers.grant(tx, message, agent) if is_answered else "",
            text=visible(message.body),
            evidence=tuple(replace(one, text=visible(one.text)) for one in message.evidence),
            sent_ms=message.created_ms,
        )
