"""Linux: the login manager. It decides about lid and idle time, and gives out inhibitors: files that say "not now".

The second gateway to D-Bus, beside that of accessibility: this one is the system's bus, and passes open files."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import cast

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError, DBusError, InvalidAddressError

from automation.desktop.power.inhibitors import NotInhibited

NAME, PATH, INTERFACE = "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"
ANSWER_S = 25.0  # as long as D-Bus itself waits for an answer
_NO_WAY = (OSError, AuthError, DBusError, InvalidAddressError, EOFError, ValueError, TimeoutError)
_ABSENT = frozenset({"ServiceUnknown", "NameHasNoOwner", "Spawn.ServiceNotFound", "Spawn.ExecFailed"})
_DENIED = frozenset({"AccessDenied", "InteractiveAuthorizationRequired", "AuthFailed"})
_NO_LOGIND = "there is no login manager (systemd-logind, elogind) on the system's bus"
_HOW_TO_ALLOW = (
    "start Octet inside your own session (`octet autostart install`), or let a polkit rule allow "
    "org.freedesktop.login1.inhibit-block-sleep and -idle to your account"
)


class LogindInhibitor:
    """An inhibitor of sleep and idle actions. It is an open file: when this process ends, however, it is closed."""

    def __init__(self, address: str = "") -> None:
        self._address = address
        self._file: int | None = None

    async def take(self) -> None:
        if self._file is not None:
            return
        async with _system_bus(self._address) as bus:
            answer = await _ask(bus, "Inhibit", "ssss", ["sleep:idle", "Octet", "Tasks wait or are worked on", "block"])
            if not answer.unix_fds:
                raise NotInhibited(why="the login manager gave no inhibitor")
            self._file = answer.unix_fds[cast("int", answer.body[0])]
            os.set_inheritable(self._file, False)  # a child that outlives us must not keep the machine awake

    async def give(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                os.close(file)

    def is_held(self) -> bool:
        return self._file is not None


async def properties(address: str = "") -> Mapping[str, object]:
    """Return the login manager's settings for lid, keys and idle time. Raises NotInhibited."""
    async with _system_bus(address) as bus:
        answer = await _ask(bus, "GetAll", "s", [INTERFACE], interface="org.freedesktop.DBus.Properties")
        found = cast("Mapping[str, Variant]", answer.body[0])
        return {name: cast("object", value.value) for name, value in found.items()}


@asynccontextmanager
async def _system_bus(address: str) -> AsyncGenerator[MessageBus]:
    try:
        bus = MessageBus(address or None, bus_type=BusType.SYSTEM, negotiate_unix_fd=True)
        async with asyncio.timeout(ANSWER_S):
            await bus.connect()
    except _NO_WAY as trouble:
        raise NotInhibited(why=f"{_NO_LOGIND}: {str(trouble) or type(trouble).__name__}") from trouble
    try:
        yield bus
    finally:
        bus.disconnect()


async def _ask(
    bus: MessageBus, member: str, signature: str, body: list[object] | list[str], *, interface: str = INTERFACE
) -> Message:
    question = Message(NAME, PATH, interface, member, signature=signature, body=list(body))
    try:
        async with asyncio.timeout(ANSWER_S):
            answer = await bus.call(question)
    except _NO_WAY as trouble:
        raise NotInhibited(why=f"the login manager does not answer ({type(trouble).__name__})") from trouble
    if answer.message_type is MessageType.ERROR:
        kind = (answer.error_name or "").removeprefix("org.freedesktop.DBus.Error.")
        why = str(answer.body[0]) if answer.body else kind
        if kind in _ABSENT:
            raise NotInhibited(why=f"{_NO_LOGIND}: {why}")
        if kind in _DENIED:
            raise NotInhibited(why=f"the login manager refuses ({why}); {_HOW_TO_ALLOW}")
        raise NotInhibited(why=f"the login manager says: {why}")
    return answer
