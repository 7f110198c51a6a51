"""Finds a window of the display in the accessibility tree, and in it the composer or any object by role and name."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import structlog

from automation.desktop.accessibility.bus import Bus, BusCall, NoBus, NoBusReply, Unreadable, Vanished
from automation.desktop.accessibility.passages import all_text
from automation.desktop.accessibility.tree import Node, NodeInfo, State, kinds_of, labels, look_at, places_of
from automation.desktop.window_info import WindowInfo
from core.kit.cpu_limit import CpuLimitReached, cpu_limit
from core.kit.errors import NotFound
from core.profiles.model import Accessible, Box, Composer
from core.profiles.value_types import ROLES

log = structlog.get_logger(__name__)

REGISTRY = "org.a11y.atspi.Registry"
ROOT = "/org/a11y/atspi/accessible/root"
SEARCH_S = 0.25  # at most so much processor time for one search in a text
AGAIN_S = 5.0  # rest before a bus that was not there is looked for again
FRESH_S = 0.05  # an answer about a composer is valid for so long
MOST_OBJECTS = 2_000  # at most so many objects of one window are searched for one by role and name
QUESTIONS = frozenset({ROLES["dialog"], ROLES["alert"]})  # whether the profile knows it or not
WIDEST_FRAME = 100  # a window with its frame and shadow may be larger than its own area by so many pixels
ALIKE = 0.7  # an object that shares so much of a place is the right one


class NotOnBus(Unreadable, NotFound):
    """The window is not on the accessibility bus: {why}."""


class ComposerElsewhere(NotOnBus):
    """Its program reports a composer at another place of the window: {why}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessiblePart:
    """One object of a window when it was looked at."""

    box: Box
    node: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessibleSigns:
    """What was looked for in a window, as far as it is there."""

    parts: Mapping[Accessible, AccessiblePart]
    strange: str = ""  # what a question is called that is there too, and that the caller did not look for; empty: none


@dataclass(frozen=True, slots=True)
class _Found:
    asked: tuple[Box, Composer, Box]  # the window's place, the profile's composer, and where that is on the screen
    frame: Node
    node: Node
    look: NodeInfo

    def is_still(self, seen: WindowInfo) -> bool:
        """Ask the program once whether the frame is still the window's and the composer what and where it was."""
        if not self.node.bus.is_connected:
            return False
        try:
            frame, now = look_at([self.frame, self.node])
        except (Vanished, NoBusReply):
            return False
        is_frame = frame.label == seen.title or seen.box.fits_into(frame.box)
        is_same = (now.role, now.label, now.box) == (self.look.role, self.look.label, self.look.box)
        return is_frame and is_same and now.has(State.EDITABLE, State.SHOWING)


class ProcessesPort(Protocol):
    """Answers which process owns a window, and where the accessibility bus of the display is."""

    def pid_of(self, window: int) -> int: ...  # Return the process whose window it is; 0 if unknown
    def accessibility_address(self) -> str: ...  # Return the address of the bus; empty if unknown


class AccessibilityReader:
    """The accessibility side of one display. Belongs to one thread; never used while the server is grabbed."""

    def __init__(self, windows: ProcessesPort) -> None:
        self._windows = windows
        self._bus: Bus | None = None
        self._tried_s = -AGAIN_S
        self._frames: dict[int, Node] = {}  # by X window
        self._composers: dict[int, tuple[_Found, float]] = {}  # by X window: and when its program was asked last
        self._signs: dict[tuple[int, Accessible], Node] = {}  # what each was seen to be last

    def close(self) -> None:
        if self._bus is not None:
            self._bus.close()
            self._bus = None

    def frame(self, seen: WindowInfo) -> Node:
        """Return the window itself. Raises NotOnBus, Vanished, NoBusReply or NoBus."""
        known = self._frames.get(seen.id)
        if known is not None and known.bus.is_connected:
            try:
                if known.label() == seen.title or seen.box.fits_into(known.extents()):
                    return known
            except (Vanished, NoBusReply):
                pass  # searched again
        self._frames.pop(seen.id, None)
        frame = self._frames[seen.id] = self._find_frame(seen)
        return frame

    def composer(self, seen: WindowInfo, composer: Composer, box: Box) -> Node:
        """Return the object at `box` on the screen in which prompts are written. Raises as `frame`. Octet asks the
        program once whether the last object is still the right one, unless it asked just now; if not, it searches
        again."""
        asked, now_s = (seen.box, composer, box), time.monotonic()
        known, asked_s = self._composers.pop(seen.id, (None, 0.0))
        if known is not None and now_s - asked_s < FRESH_S:
            now_s = asked_s
        elif known is not None and not known.is_still(seen):
            known = None
        if known is None or known.asked != asked:
            frame = self.frame(seen)
            nodes = frame.find(State.EDITABLE, State.SHOWING)
            looks = zip(nodes, look_at(nodes), strict=True)
            found = [_Found(asked, frame, node, look) for node, look in looks if look.fits(composer)]
            several = [one for one in found if len(found) > 1 and one.look.has(State.MULTI_LINE)] or found
            known = max(several, key=lambda one: _shared(one.look.box, box), default=None)
            if known is None or _shared(known.look.box, box) * 2 < box.width * box.height:
                # One line without a name may be an address bar, of a page that reports nothing.
                is_one = known is not None and (known.look.has(State.MULTI_LINE) or composer.label)
                kind = ComposerElsewhere if is_one else NotOnBus
                raise kind(why="it reports no text field at the composer's place")
        self._composers[seen.id] = (known, now_s)
        return known.node

    def forget_composer(self, window: int) -> None:
        """Search for this X window's composer again the next time."""
        self._composers.pop(window, None)

    def signs(self, seen: WindowInfo, wanted: Collection[Accessible]) -> AccessibleSigns:
        """Return the wanted objects that the window shows now, and whether it asks another question. Raises as `frame`.
        Octet asks a known object whether it is still the same, and for all others it searches in one question."""
        frame = self.frame(seen)
        found: dict[Accessible, AccessiblePart] = {}
        for sign in wanted:
            known = self._signs.pop((seen.id, sign), None)
            if known is not None and _is_still(known, sign) and (part := _as_sign(known, sign, seen.box)) is not None:
                found[sign] = part
        missing = [sign for sign in wanted if sign not in found]
        nodes = frame.find(State.SHOWING, kinds={ROLES[sign.role] for sign in missing} | QUESTIONS)
        strange = ""
        for node, kind, label in zip(nodes, kinds_of(nodes), labels(nodes), strict=True):
            for sign in missing:
                is_it = ROLES[sign.role] == kind and sign not in found and re.search(sign.name, label) is not None
                if is_it and (part := _as_sign(node, sign, seen.box)) is not None:
                    found[sign] = part
            if kind in QUESTIONS and all(part.node != node for part in found.values()) and _is_there(node, seen.box):
                strange = label or "without a name"
        self._signs |= {(seen.id, sign): part.node for sign, part in found.items()}
        return AccessibleSigns(parts=found, strange=strange)

    def at(self, seen: WindowInfo, place: Box) -> Node:
        """Return the object at this place of the screen, or a little larger or smaller; else the terminal that contains
        it. What lies under it does not count. Raises as `frame`."""
        frame = self.frame(seen)
        nodes = frame.find(State.SHOWING, most=MOST_OBJECTS)
        alike = [(_likeness(box, place), number) for number, box in enumerate(places_of(nodes))]
        best = max(alike, default=(0.0, 0))
        if best[0] >= ALIKE:
            return nodes[best[1]]
        terminals = frame.find(State.SHOWING, kinds={ROLES["terminal"]})
        around = [node for node, box in zip(terminals, places_of(terminals), strict=True) if place.fits_into(box)]
        if len(around) != 1:
            raise NotOnBus(why="it reports nothing there")
        return around[0]

    def top(self, seen: WindowInfo) -> Node:
        """Return a window over another one; its label need not be its title. Raises as `frame`."""
        frames = self._frames_of(seen)
        named = [frame for frame, label in zip(frames, labels(frames), strict=True) if label == seen.title]
        # Some report their place with a frame and a shadow around it.
        found = named if len(named) == 1 else [one for one in frames if _is_around(one.extents(), seen.box)]
        if len(found) != 1:
            raise NotOnBus(why="its program does not report this window there")
        return found[0]

    def text_of(self, seen: WindowInfo, *, role: str) -> str | None:
        """Return the first text of a shown object with this role, outer objects first; None if there is none."""
        try:
            for node in self.frame(seen).find(State.SHOWING)[:MOST_OBJECTS]:
                with suppress(Vanished):  # it went while we looked
                    if node.role() == role and (text := node.text()):
                        return text
        except Unreadable:
            return None
        return None

    def _frames_of(self, seen: WindowInfo) -> list[Node]:
        bus = self.connect()
        pid = self._windows.pid_of(seen.id)
        apps = Node(bus, REGISTRY, ROOT).children()
        mine = [app for app in apps if pid and _pid_of(app) == pid]
        frames = [frame for app in mine for frame in app.children()]
        if not frames:
            raise NotOnBus(why="its program is not there" if not mine else "its program shows no window there")
        return frames

    def _find_frame(self, seen: WindowInfo) -> Node:
        frames = self._frames_of(seen)
        named = [frame for frame, label in zip(frames, labels(frames), strict=True) if label == seen.title]
        if len(named) > 1:
            named = [frame for frame in named if seen.box.fits_into(frame.extents())]
        if len(named) != 1:
            raise NotOnBus(why=f"its program shows {'several windows' if named else 'no window'} of this title there")
        return named[0]

    def connect(self) -> Bus:
        """Return the connection, a new one if the bus went away. Raises NoBus, without asking again within AGAIN_S."""
        if self._bus is not None and self._bus.is_connected:
            return self._bus
        self.close()
        if time.monotonic() - self._tried_s < AGAIN_S:
            raise NoBus(why="it was not there a moment ago")
        self._tried_s = time.monotonic()
        self._bus = open_bus(self._windows.accessibility_address())
        return self._bus


def open_bus(address: str) -> Bus:
    """Connect to the accessibility bus: at `address`, else where the session's bus says. Raises NoBus."""
    if address:
        return Bus(address)
    session = Bus()
    try:
        asked = BusCall(name="org.a11y.Bus", path="/org/a11y/bus", interface="org.a11y.Bus", member="GetAddress")
        address = str(session.ask(asked)[0])
    except (NoBusReply, Vanished) as trouble:
        raise NoBus(why="the session's bus knows of none; is at-spi2-core installed?") from trouble
    finally:
        session.close()
    return Bus(address)


def _pid_of(app: Node) -> int:
    asked = BusCall(
        name="org.freedesktop.DBus",
        path="/org/freedesktop/DBus",
        interface="org.freedesktop.DBus",
        member="GetConnectionUnixProcessID",
        signature="s",
        body=(app.name,),
    )
    try:
        return int(str(app.bus.ask(asked)[0]))
    except (Vanished, NoBusReply):
        return 0


def _is_around(outer: Box, inner: Box) -> bool:
    more = max(outer.width - inner.width, outer.height - inner.height)
    return inner.fits_into(outer) and more <= WIDEST_FRAME


def _is_still(node: Node, sign: Accessible) -> bool:
    try:
        is_shown = node.kind() == ROLES[sign.role] and node.has(State.SHOWING)
        return is_shown and re.search(sign.name, node.label()) is not None
    except Vanished:
        return False


def _is_there(node: Node, window: Box) -> bool:
    try:
        box = node.extents()
    except Vanished:
        return False
    return box.overlaps(window)


def _as_sign(node: Node, sign: Accessible, window: Box) -> AccessiblePart | None:
    try:
        if not _is_there(node, window) or (sign.text and not _has(sign.text, all_text(node))):
            return None
        return AccessiblePart(box=node.extents(), node=node)
    except Vanished:
        return None  # it went while we looked


def _has(pattern: str, text: str) -> bool:
    try:
        with cpu_limit(SEARCH_S):
            return re.search(pattern, text, re.DOTALL) is not None
    except CpuLimitReached as slow:
        raise NoBusReply(why="searching its text takes too long; `octet check` names a slow pattern") from slow


def _likeness(one: Box, other: Box) -> float:
    shared = _shared(one, other)
    return shared / (one.width * one.height + other.width * other.height - shared) if shared else 0.0


def _shared(one: Box, other: Box) -> int:
    both = one.shared(other)
    return both.width * both.height
