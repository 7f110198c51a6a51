"""What happens now, for pages and programs: the journal's new rows, without their data, as they are committed.

Each row names what changed; who listens asks for it again. A page listens by a WebSocket, `/live`; a program by
server-sent events, `/events` (`curl -N`). A listener that names the last row that it knows gets all later ones."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import Annotated, TypeVar, cast

from fastapi import APIRouter, Query, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field, ValidationError

from bot.web.errors import NotLoggedIn
from bot.web.guard import By, Caller, Callers
from bot.web.server import mark_token_shown
from core.coordinator import Coordinator
from core.journal.model import Entry, Event, JournalRow
from core.kit.errors import OctetError, Unavailable
from core.limits import LIVE_LISTENERS, NAME
from core.remedies import refused
from core.security.model import Actor, Permission

BACKLOG = 1_000  # rows that Octet keeps for a listener, and reads again for one that comes back
NEWEST = 30  # so many of the newest rows a listener gets that knows none
MERGE_S = 0.1  # so often a listener gets what happened meanwhile, in one piece; after a rest at once
REST_S = 20.0  # after so long without news a listener gets an empty piece, which shows that the connection holds
HELLO_S = 10.0  # within this time a WebSocket logs in

_P = Permission
_SEES = {
    **dict.fromkeys(("task", "delivery"), _P.TASK_READ),
    **dict.fromkeys(("message", "trace"), _P.MESSAGE_READ),
    "agent": _P.AGENT_READ,
    **dict.fromkeys(("desk", "profile"), _P.DESK_READ),
    **dict.fromkeys(("hub", "board", "config"), _P.FLEET_READ),
    "key": _P.KEY_MANAGE,
    "person": _P.ROLE_MANAGE,
}
"""Who sees the rows about what, by the first word of their subject; others are for those who read the audit."""

router = APIRouter(prefix="/api/v2")
Who = Callable[[], Awaitable[Actor | None]]
"""Returns who is logged in, with what they may do now; None once they are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveChange:
    """One row of the journal, without its other data."""

    seq: int
    at_ms: int
    name: str
    subject: str
    by: str
    now: str = ""  # the state that it came to, where the row says one

    def is_for(self, actor: Actor) -> bool:
        return _SEES.get(self.subject.partition(":")[0], _P.AUDIT_READ) in actor.permissions


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveNews:
    """What a listener gets: the changes since the last piece, and the number of the newest row that they cover. With
    `is_reset` some are missing: ask for everything again."""

    seq: int
    is_reset: bool = False
    changes: tuple[LiveChange, ...] = ()


@dataclass(eq=False)
class _Listener:
    who: str
    waiting: deque[LiveChange] = field(default_factory=lambda: deque(maxlen=BACKLOG))
    came: asyncio.Event = field(default_factory=asyncio.Event)
    missed: bool = False


class Live:
    """Hands each new row to all listeners, from memory. None of them can hold the others up."""

    def __init__(self, octet: Coordinator) -> None:
        self._journal = octet.journal
        self._listeners: set[_Listener] = set()
        octet.journal.listen(Event, self._note)

    async def news(self, who: Who, since: int | None) -> AsyncGenerator[LiveNews]:
        """Yield the first piece at once, and later ones as things happen, each as `who` may see it then; end when they
        are not logged in any more. Raises too_many_listeners and Unavailable."""
        actor = await who()
        with self._listening(actor.id if actor else "") as listener:
            rows = await self._journal.newest(NEWEST if since is None else BACKLOG)
            last = rows[-1].seq if rows else 0
            known = since is not None and last - BACKLOG <= since <= last
            first = [_change(row) for row in rows if row.seq > (since or 0)] if known else map(_change, rows[-NEWEST:])
            news = LiveNews(seq=last, is_reset=not known, changes=tuple(first))
            loop = asyncio.get_running_loop()
            while actor is not None:
                next_s = loop.time() + MERGE_S
                yield LiveNews(
                    seq=news.seq,
                    is_reset=news.is_reset,
                    changes=tuple(one for one in news.changes if one.is_for(actor)),
                )
                last = news.seq
                with suppress(TimeoutError):
                    async with asyncio.timeout(REST_S):
                        await listener.came.wait()
                    await asyncio.sleep(next_s - loop.time())
                fresh = [one for one in listener.waiting if one.seq > last]
                missed, listener.missed = listener.missed, False
                listener.waiting.clear()
                listener.came.clear()
                news = LiveNews(seq=fresh[-1].seq if fresh else last, is_reset=missed, changes=tuple(fresh))
                actor = await who()

    @contextmanager
    def _listening(self, who: str):
        if sum(one.who == who for one in self._listeners) >= LIVE_LISTENERS.most:
            raise refused("too_many_listeners", most=LIVE_LISTENERS.most)
        listener = _Listener(who)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def _note(self, entry: Entry[Event]) -> None:
        if not self._listeners:
            return
        event = entry.event
        change = LiveChange(
            seq=entry.seq,
            at_ms=entry.at_ms,
            name=type(event).__name__,
            subject=event.subject,
            by=entry.by,
            now=getattr(event, "now", ""),
        )
        for one in self._listeners:
            one.missed = one.missed or len(one.waiting) == BACKLOG
            one.waiting.append(change)
            one.came.set()


class PageHello(BaseModel, frozen=True, extra="forbid"):
    """The first message of a WebSocket."""

    secret: Annotated[str, Field(max_length=NAME.most)]  # the log-in's second one; the cookie came with the request


class LiveHello(PageHello, frozen=True, extra="forbid"):
    """What a page that listens says first."""

    since: Annotated[int, Field(ge=0, le=2**62)] | None = None  # the newest row that the page knows


SomeHello = TypeVar("SomeHello", bound=PageHello)


async def serve(
    socket: WebSocket, hello_type: type[SomeHello], work: Callable[[SomeHello, Who], Awaitable[None]]
) -> None:
    """Log a page in by its first message, then do its work until the page goes; say why where Octet refuses it."""
    callers = cast("Callers", socket.app.state.callers)
    await socket.accept()
    try:
        async with asyncio.timeout(HELLO_S):
            hello = hello_type.model_validate_json(await next_text(socket))
        cookie = callers.public.cookie_in(socket.headers)

        async def who() -> Actor | None:
            return await callers.logged_in(cookie, hello.secret)

        if (actor := await who()) is None:
            raise NotLoggedIn
        mark_token_shown(socket.scope, Caller(actor=actor).connects_as)
        await work(hello, who)
    except (ValidationError, TimeoutError):
        await close(socket, NotLoggedIn())
    except OctetError as error:
        await close(socket, error)
    except WebSocketDisconnect:
        return


async def next_text(socket: WebSocket) -> str:
    """Return the page's next text, empty for other messages. Raises WebSocketDisconnect."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006))
    return message.get("text") or ""


@router.websocket("/live")
async def live(socket: WebSocket) -> None:
    """Send a page LiveNews as JSON."""
    hub = cast("Live", socket.app.state.live)
    await serve(socket, LiveHello, lambda hello, who: _send(socket, hub.news(who, hello.since)))


async def _send(socket: WebSocket, pieces: AsyncGenerator[LiveNews]) -> None:
    """Send until the client goes, which sends nothing more itself, or is not logged in. Raises as `Live.news`."""
    first = await anext(pieces)

    async def pass_on() -> None:
        with suppress(WebSocketDisconnect):
            await socket.send_text(_json(first))
            async for news in pieces:
                await socket.send_text(_json(news))
            await close(socket, NotLoggedIn())

    async with asyncio.TaskGroup() as group:
        sending = group.create_task(pass_on())
        with suppress(WebSocketDisconnect):
            while (await socket.receive())["type"] != "websocket.disconnect":
                pass
        sending.cancel()


async def close(socket: WebSocket, why: OctetError) -> None:
    await socket.close(1013 if isinstance(why, Unavailable) else 1008, why.message[:120])


class EventsResponse(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


@router.get("/events", response_class=EventsResponse, response_model=None)
async def events(request: Request, _: By, since: Annotated[int | None, Query(ge=0, le=2**62)] = None) -> EventsResponse:
    """Stream what happens as server-sent events, until the client goes; `since` is the last row that it knows."""
    callers, hub = cast("Callers", request.app.state.callers), cast("Live", request.app.state.live)
    pieces = hub.news(lambda: _again(callers, request), since)
    first = await anext(pieces)  # a refusal is an ordinary answer

    async def lines() -> AsyncGenerator[str]:
        yield f"id: {first.seq}\ndata: {_json(first)}\n\n"
        async for news in pieces:
            yield f"id: {news.seq}\ndata: {_json(news)}\n\n"

    return EventsResponse(lines())


async def _again(callers: Callers, request: Request) -> Actor | None:
    """Return who asked, with what they may do now; None once Octet refuses their secret."""
    try:
        caller = await callers.find(request.headers)
    except OctetError:
        return None
    return caller.actor if caller else None


def _change(row: JournalRow) -> LiveChange:
    now = str(row.data.get("now", ""))
    return LiveChange(seq=row.seq, at_ms=row.at_ms, name=row.name, subject=row.subject, by=row.actor, now=now)


def _json(news: LiveNews) -> str:
    return json.dumps(asdict(news))
