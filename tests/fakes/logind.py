"""A login manager on a bus of its own, with the published interface of systemd-logind and nothing behind it.

Run as a program: logind.py ADDRESS [deny]. It writes each thing that happens into its standard output: `ready`,
`inhibited WHAT MODE`, `closed WHAT`.
"""

# dbus-fast reads the signatures of D-Bus out of the annotations, so they must not be postponed.

import asyncio
import os
import sys
from typing import Annotated

from dbus_fast import DBusError, PropertyAccess
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusSignature
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

Text = Annotated[str, DBusSignature("s")]
File = Annotated[int, DBusSignature("h")]
Inhibitors = Annotated[list[list[str | int]], DBusSignature("a(ssssuu)")]
Microseconds = Annotated[int, DBusSignature("t")]


class Manager(ServiceInterface):
    """The part of the interface that Octet speaks to."""

    def __init__(self, *, denies: bool = False) -> None:
        super().__init__("org.freedesktop.login1.Manager")
        self._denies = denies
        self._held: dict[int, list[str | int]] = {}

    @dbus_method()
    def Inhibit(self, what: Text, who: Text, why: Text, mode: Text) -> File:  # noqa: N802 - as it is published
        """Give out one end of a pipe; what it holds off is over when that is closed everywhere."""
        if self._denies:
            raise DBusError("org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", "Permission denied")
        ours, theirs = os.pipe()
        self._held[ours] = [what, who, why, mode, os.getuid(), 1]
        say(f"inhibited {what} {mode}")
        loop = asyncio.get_running_loop()
        loop.add_reader(ours, self._closed, ours)
        loop.call_later(0.5, os.close, theirs)  # by then the bus has passed it on
        return theirs

    @dbus_method()
    def ListInhibitors(self) -> Inhibitors:  # noqa: N802 - as it is published
        """All that are held."""
        return list(self._held.values())

    @dbus_property(access=PropertyAccess.READ)
    def IdleAction(self) -> Text:  # noqa: N802 - as it is published
        """Name what happens after a while without a user."""
        return "suspend"

    @dbus_property(access=PropertyAccess.READ)
    def IdleActionUSec(self) -> Microseconds:  # noqa: N802 - as it is published
        """For how long."""
        return 30 * 60 * 1_000_000

    @dbus_property(access=PropertyAccess.READ)
    def HandleLidSwitch(self) -> Text:  # noqa: N802 - as it is published
        """Name what happens when the lid is closed."""
        return "suspend"

    @dbus_property(access=PropertyAccess.READ)
    def HandleLidSwitchDocked(self) -> Text:  # noqa: N802 - as it is published
        """Name the same on a dock."""
        return "ignore"

    def _closed(self, ours: int) -> None:
        asyncio.get_running_loop().remove_reader(ours)
        os.close(ours)
        say(f"closed {self._held.pop(ours)[0]}")


def say(what: str) -> None:
    sys.stdout.write(what + "\n")
    sys.stdout.flush()


async def main(address: str, *words: str) -> None:
    bus = await MessageBus(address, negotiate_unix_fd=True).connect()
    bus.export("/org/freedesktop/login1", Manager(denies="deny" in words))
    await bus.request_name("org.freedesktop.login1")
    say("ready")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
