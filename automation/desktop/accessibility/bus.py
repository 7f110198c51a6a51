"""The gateway to D-Bus: a thread with its own loop speaks to a bus; the caller waits no longer than a limit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import TimeoutError as TooLong
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar, cast

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError, DBusError, InvalidAddressError

from core.kit.errors import NotFound, OctetError, Unavailable

T = TypeVar("T")

CONNECT_S = 1.0
CALL_S = 0.25  # programs answer within milliseconds, unless stopped or frozen
_GONE = frozenset(
    {
        "org.freedesktop.DBus.Error.UnknownObject",
        "org.freedesktop.DBus.Error.ServiceUnknown",
        "org.freedesktop.DBus.Error.NameHasNoOwner",
        "org.freedesktop.DBus.Error.NoReply",
        "org.freedesktop.DBus.Error.Disconnected",
    }
)


class Unreadable(OctetError):
    """Octet cannot read a window over the accessibility bus: {why}."""

    @property
    def why(self) -> str:
        return str(self.details["why"])


class NoBus(Unreadable, Unavailable):
    """There is no accessibility bus: {why}."""


class NoBusReply(Unreadable, Unavailable):
    """A program did not answer over the accessibility bus: {why}."""


class Vanished(Unreadable, NotFound):
    """The object is no longer on the accessibility bus: {why}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusCall:
    """One question to one object of one program."""

    name: str
    path: str
    interface: str
    member: str
    signature: str = ""
    body: tuple[object, ...] = ()
    returns: str = ""  # the form that the answer must have, as a D-Bus signature; empty: any


class Bus:
    """A connection to one bus. Its verbs are called from any thread but its own, and never inside a server grab."""

    def __init__(self, address: str = "") -> None:
        """Connect to the bus at `address`, else to the session's. Raises NoBus."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="accessibility", daemon=True)
        self._thread.start()
        try:
            self._bus = self._wait(self._connect(address), CONNECT_S)
        except NoBusReply as trouble:
            self._end()
            raise NoBus(why="it does not answer") from trouble
        except (OSError, AuthError, DBusError, InvalidAddressError, EOFError, ValueError) as trouble:
            self._end()
            raise NoBus(why=str(trouble) or type(trouble).__name__) from trouble

    @property
    def is_connected(self) -> bool:
        return self._bus.connected

    def ask(self, call: BusCall) -> list[object]:
        """Ask one question and return the answer. Raises Vanished or NoBusReply."""
        return self.ask_all((call,))[0]

    def ask_all(self, calls: Sequence[BusCall]) -> list[list[object]]:
        """Ask several questions at once and return the answers. Raises Vanished or NoBusReply if one has none."""
        return self._wait(self._ask_all(calls), CALL_S)

    def close(self) -> None:
        with suppress(NoBusReply, OSError, EOFError, DBusError):
            self._wait(self._leave(), CONNECT_S)
        self._end()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(2)

    def _wait(self, work: Coroutine[object, object, T], seconds: float) -> T:
        done = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return done.result(seconds)
        except TooLong:
            done.cancel()
            raise NoBusReply(why=f"nothing came within {seconds:g} s") from None

    async def _connect(self, address: str) -> MessageBus:
        bus = MessageBus(address) if address else MessageBus(bus_type=BusType.SESSION)
        return await bus.connect()

    async def _leave(self) -> None:
        self._bus.disconnect()
        await self._bus.wait_for_disconnect()

    async def _ask_all(self, calls: Sequence[BusCall]) -> list[list[object]]:
        return list(await asyncio.gather(*map(self._ask, calls)))

    async def _ask(self, call: BusCall) -> list[object]:
        message = Message(
            destination=call.name,
            path=call.path,
            interface=call.interface,
            member=call.member,
            signature=call.signature,
            body=list(call.body),
        )
        try:
            answer = await self._bus.call(message)
        except (OSError, EOFError, DBusError) as trouble:
            raise NoBusReply(why=str(trouble) or type(trouble).__name__) from trouble
        if answer.message_type is MessageType.ERROR:
            why = f"{answer.error_name}: {answer.body[0] if answer.body else ''}"
            raise Vanished(why=why) if answer.error_name in _GONE else NoBusReply(why=why)
        if call.returns and answer.signature != call.returns:
            why = f"{call.member} was answered as “{answer.signature}” and not as “{call.returns}”"
            raise NoBusReply(why=why)
        return cast("list[object]", answer.body)
