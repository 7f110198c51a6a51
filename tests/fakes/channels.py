"""Discord's channels in memory, with the failures a test asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.discord.channel_client import ChannelClient, PostedMessage
from bot.discord.errors import ChannelForbidden, ChannelGone, MessageGone, ThreadClosed
from bot.discord.parts import Parts, marker_in
from bot.discord.send_limits import SendLimits
from core.kit.clock import Clock, SystemClock


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


def _no_fault(_verb: str) -> None:
    pass


def _no_spoiling(_parts: Parts) -> Exception | None:
    return None


@dataclass(slots=True)
class Sent:
    """A message as people see it now."""

    id: str
    channel: int
    parts: Parts
    marker: str
    nonce: str
    edits: int = 0
    is_pinned: bool = False


@dataclass
class FakeChannels(ChannelClient):
    """Messages, threads and nonces. `faults` is asked before and after each call and may raise."""

    messages: list[Sent] = field(default_factory=list[Sent])
    threads: dict[str, str] = field(default_factory=dict[str, str])
    nonces: dict[str, str] = field(default_factory=dict[str, str])
    before: Callable[[str], None] = _no_fault
    after: Callable[[str], None] = _no_fault
    spoils: Callable[[Parts], Exception | None] = _no_spoiling
    """The error that each post of this message meets."""
    is_blind: bool = False
    """`find` finds nothing: the broken variant."""
    searched_from_ms: list[int] = field(default_factory=list[int])
    may_pin: bool = True
    gone: set[int] = field(default_factory=set[int])
    forbidden: set[int] = field(default_factory=set[int])
    locked: set[int] = field(default_factory=set[int])
    """Threads that only moderators may write in."""
    calls: list[str] = field(default_factory=list[str])
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    up: asyncio.Event = field(default_factory=_set)
    """Clear it while Discord is away."""
    clock: Clock = field(default_factory=SystemClock)
    limits: SendLimits = field(init=False)
    _next: int = 5_000

    def __post_init__(self) -> None:
        self.limits = SendLimits(self.clock)

    @property
    def guild(self) -> str:
        return "3001"

    async def wait_until_ready(self) -> None:
        await self.up.wait()

    async def post_message(self, channel: int, parts: Parts, *, nonce: str) -> PostedMessage:
        self._begin("post", channel)
        assert len(nonce) <= 25
        if (error := self.spoils(parts)) is not None:
            raise error
        if nonce not in self.nonces:
            self._next += 1
            self.nonces[nonce] = str(self._next)
            self.messages.append(
                Sent(id=str(self._next), channel=channel, parts=parts, marker=marker_of(parts), nonce=nonce)
            )
        self._end("post")
        shown = next((sent.parts for sent in self.messages if sent.id == self.nonces[nonce]), parts)
        return PostedMessage(id=self.nonces[nonce], is_as_requested=said(shown) == said(parts))

    async def edit_message(self, channel: int, message: str, parts: Parts) -> None:
        self._begin("edit", channel)
        sent = self._one(message)
        sent.parts = parts
        sent.edits += 1
        self._end("edit")

    async def delete_message(self, channel: int, message: str) -> None:
        self._begin("delete", channel)
        self.messages.remove(self._one(message))
        self._end("delete")

    async def pin_message(self, channel: int, message: str) -> None:
        self._begin("pin", channel)
        sent = self._one(message)
        if not self.may_pin:
            raise ChannelForbidden(why="403 50013")
        sent.is_pinned = True
        self._end("pin")

    async def open_thread(self, channel: int, message: str, name: str) -> str:
        self._begin("thread", channel)
        self._one(message)
        self.threads[message] = name
        self._end("thread")
        return message

    async def find_message(self, channel: int, marker: str, *, after_ms: int) -> str | None:
        self._begin("find", channel)
        self.searched_from_ms.append(after_ms)
        if self.is_blind:
            return None
        return next((sent.id for sent in self.messages if sent.channel == channel and sent.marker == marker), None)

    def lose(self, message: str) -> None:
        """Delete a message as a person does."""
        self.messages = [sent for sent in self.messages if sent.id != message]

    def _one(self, message: str) -> Sent:
        for sent in self.messages:
            if sent.id == message:
                return sent
        raise MessageGone(why="404 10008")

    def _begin(self, verb: str, channel: int) -> None:
        self.calls.append(verb)
        self.before(verb)
        if channel in self.gone:
            raise ChannelGone(why="404 10003")
        if channel in self.forbidden:
            raise ChannelForbidden(why="403 50013")
        if channel in self.locked and verb in {"post", "edit"}:
            raise ThreadClosed(why="400 50083")

    def _end(self, verb: str) -> None:
        self.after(verb)
        self.changed.set()


def said(parts: Parts) -> str:
    """All text of a message."""
    if parts.view is None:
        return parts.content
    return "\n".join(str(getattr(item, "content", "")) for item in parts.view.walk_children())


def marker_of(parts: Parts) -> str:
    items = [] if parts.view is None else list(parts.view.walk_children())
    texts = [parts.content, *(str(getattr(item, "content", "")) for item in items)]
    return marker_in(texts, [str(getattr(item, "custom_id", "") or "") for item in items])
