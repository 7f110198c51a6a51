"""Finds a window of the display in the accessibility tree, and in it the composer or any object by role and name."""

from __future__ import annotations

import time
from dataclasses import dataclass

import structlog

from automation.desktop.accessibility.bus import Bus, Call, NoAnswer, NoBus, Vanished
from automation.desktop.accessibility.tree import Node, State, labels
from automation.desktop.x11.windows import Seen, Windows
from core.kit.errors import NotFound
from core.profiles.model import Box, Composer

log = structlog.get_logger(__name__)

REGISTRY = "org.a11y.atspi.Registry"
ROOT = "/org/a11y/atspi/accessible/root"
AGAIN_S = 5.0
"""Rest before a bus that was not there is looked for again."""
MOST_OBJECTS = 2_000
"""So many objects of one window are looked at for one by role and name."""


class NotOnBus(NotFound):
    """The window is not on the accessibility bus: {why}."""

    def __init__(self, *, why: str) -> None:
        """`why` also stands alone."""
        super().__init__(why=why)
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One object of a window, as it was when it was looked at."""

    role: str
    name: str
    box: Box
    node: Node

    def text(self) -> str:
        """Its whole text now. Raises Vanished or NoAnswer."""
        return self.node.text()


class Reader:
    """The accessibility side of one display. Belongs to one thread; never used while the server is grabbed."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._bus: Bus | None = None
        self._tried_s = -AGAIN_S
        self._frames: dict[int, Node] = {}
        """By X window, its frame in the tree. An id is given to another window only after this one has vanished."""

    def connect(self) -> None:
        """Be on the bus, if it was not tried in vain a moment ago. Raises NoBus."""
        self._open()

    def close(self) -> None:
        """Leave the bus."""
        if self._bus is not None:
            self._bus.close()
            self._bus = None

    def frame(self, seen: Seen) -> Node:
        """The window itself. Raises NotOnBus, Vanished, NoAnswer or NoBus."""
        known = self._frames.get(seen.id)
        if known is not None and known.bus.is_connected:
            try:
                if known.label() == seen.title or seen.box.fits_into(known.extents()):
                    return known
            except (Vanished, NoAnswer):
                pass  # looked for anew
        self._frames.pop(seen.id, None)
        frame = self._frames[seen.id] = self._find_frame(seen)
        return frame

    def composer(self, seen: Seen, composer: Composer, box: Box) -> Node:
        """Where prompts are written: what can be written into at `box` on the screen. Raises as `frame`."""
        frame = self.frame(seen)
        found = [node for node in frame.find(State.EDITABLE, State.SHOWING) if _is(node, composer.role, composer.label)]
        several = [node for node in found if node.has(State.MULTI_LINE)] or found
        places = [(_shared(node.extents(), box), node) for node in several]
        best = max(places, key=lambda place: place[0], default=None)
        if best is None or not best[0]:
            raise NotOnBus(why="nothing that can be written into stands where the composer is")
        return best[1]

    def parts(self, seen: Seen, *, role: str = "", name: str = "") -> list[Part]:
        """The shown objects of the window with this role and this name, the outer ones first; "" is any.

        Raises as `frame`.
        """
        frame = self.frame(seen)
        parts: list[Part] = []
        for node in frame.find(State.SHOWING)[:MOST_OBJECTS]:
            try:
                if _is(node, role, name):
                    parts.append(Part(role=node.role(), name=node.label(), box=node.extents(), node=node))
            except Vanished:
                continue  # it went while we looked
        return parts

    def text_of(self, seen: Seen, *, role: str = "", name: str = "") -> str | None:
        """The text of the first such object that has one; None when there is none, or the window cannot be read."""
        try:
            for part in self.parts(seen, role=role, name=name):
                text = part.text()
                if text:
                    return text
        except (NoBus, NoAnswer, Vanished, NotOnBus):
            return None
        return None

    def _find_frame(self, seen: Seen) -> Node:
        bus = self._open()
        pid = self._windows.pid_of(seen.id)
        apps = Node(bus, REGISTRY, ROOT).children()
        mine = [app for app in apps if pid and _pid_of(app) == pid]
        frames = [frame for app in mine for frame in app.children()]
        if not frames:
            raise NotOnBus(why="its program is not there" if not mine else "its program shows no window there")
        named = [frame for frame, label in zip(frames, labels(frames), strict=True) if label == seen.title]
        if len(named) > 1:
            named = [frame for frame in named if seen.box.fits_into(frame.extents())]
        if len(named) != 1:
            raise NotOnBus(why=f"its program shows {'several windows' if named else 'no window'} of this title there")
        return named[0]

    def _open(self) -> Bus:
        """The connection, made anew if the bus went away; a bus that is not there is not asked for all the time."""
        if self._bus is not None and self._bus.is_connected:
            return self._bus
        self.close()
        if time.monotonic() - self._tried_s < AGAIN_S:
            raise NoBus(why="it was not there a moment ago")
        self._tried_s = time.monotonic()
        self._bus = open_bus(self._windows.accessibility_address())
        return self._bus


def open_bus(address: str) -> Bus:
    """The accessibility bus: at `address`, which the display names, else where the session's bus says. Raises NoBus."""
    if address:
        return Bus(address)
    session = Bus()
    try:
        asked = Call(name="org.a11y.Bus", path="/org/a11y/bus", interface="org.a11y.Bus", member="GetAddress")
        address = str(session.ask(asked)[0])
    except (NoAnswer, Vanished) as trouble:
        raise NoBus(why="the session's bus knows of none; is at-spi2-core installed?") from trouble
    finally:
        session.close()
    return Bus(address)


def _pid_of(app: Node) -> int:
    asked = Call(
        name="org.freedesktop.DBus",
        path="/org/freedesktop/DBus",
        interface="org.freedesktop.DBus",
        member="GetConnectionUnixProcessID",
        signature="s",
        body=(app.name,),
    )
    try:
        return int(str(app.bus.ask(asked)[0]))
    except (Vanished, NoAnswer):
        return 0


def _is(node: Node, role: str, name: str) -> bool:
    return (not role or node.role() == role) and (not name or node.label() == name)


def _shared(one: Box, other: Box) -> int:
    """How many pixels two boxes share."""
    if not one.overlaps(other):
        return 0
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return width * height
