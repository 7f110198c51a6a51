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
SEARCH_S = 0.25  # so much processor time the search for one sign in a text may take
AGAIN_S = 5.0  # rest before a bus that was not there is looked for again
FRESH_S = 0.05  # so long an answer about a composer is of the same delivery
MOST_OBJECTS = 2_000  # so many objects of one window are looked at for one by role and name


QUESTIONS = frozenset({ROLES["dialog"], ROLES["alert"]})  # whether the profile knows it or not


WIDEST_FRAME = 100  # pixels by which a window with its frame and shadow is larger than its own area


ALIKE = 0.7  # what shares so much of a place with it is the object meant


class NotOnBus(Unreadable, NotFound):
    """The window is not on the accessibility bus: {why}."""


class ComposerElsewhere(NotOnBus):
    """Its program tells of a composer at another place of the window: {why}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessiblePart:
    """One object of a window, as it was when it was looked at."""

    box: Box
    node: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessibleSigns:
    """What was looked for in a window, as far as it is there."""

    parts: Mapping[Accessible, AccessiblePart]
    strange: str = ""  # what a question is called that is there too, and that the caller did not look for; empty: none


@dataclass(frozen=True, slots=True)
class _Found:
    """A composer as it was when Octet looked it up: for which question, and in which frame."""

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
    def accessibility_address(self) -> str: ...  # Return the address of the bus; empty when the display does not tell


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
        """The window itself. Raises NotOnBus, Vanished, NoAnswer or NoBus."""
        known = self._frames.get(seen.id)
        if known is not None and known.bus.is_connected:
            try:
                if known.label() == seen.title or seen.box.fits_into(known.extents()):
                    return known
            except (Vanished, NoBusReply):
                pass  # looked for anew
        self._frames.pop(seen.id, None)
        frame = self._frames[seen.id] = self._find_frame(seen)
        return frame

    def composer(self, seen: WindowInfo, composer: Composer, box: Box) -> Node:
        """Where prompts are written: what can be written into at `box` on the screen. Raises as `frame`. The program is
        asked once whether the object of the last time is still the one, but for one that it was asked about just now;
        if not, Octet looks it up anew."""
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
                # One line without a name may be an address bar, of a page that tells nothing.
                is_one = known is not None and (known.look.has(State.MULTI_LINE) or composer.label)
                kind = ComposerElsewhere if is_one else NotOnBus
                raise kind(why="nothing that can be written into stands where the composer is")
        self._composers[seen.id] = (known, now_s)
        return known.node

    def forget_composer(self, window: int) -> None:
        """Look the composer of this X window up anew the next time."""
        self._composers.pop(window, None)

    def signs(self, seen: WindowInfo, wanted: Collection[Accessible]) -> AccessibleSigns:
        """Those of the wanted objects that the window shows now, and whether it asks something else. Raises as `frame`.
        One that was there the last time is asked whether it still is what it was; for the others the program is asked
        for all of their roles, in one question."""
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
        """The object that stands at this place of the screen, with at most a little more or less; else the terminal in
        which it lies. What lies under it is not meant. Raises as `frame`."""
        frame = self.frame(seen)
        nodes = frame.find(State.SHOWING, most=MOST_OBJECTS)
        alike = [(_likeness(box, place), number) for number, box in enumerate(places_of(nodes))]
        best = max(alike, default=(0.0, 0))
        if best[0] >= ALIKE:
            return nodes[best[1]]
        terminals = frame.find(State.SHOWING, kinds={ROLES["terminal"]})
        around = [node for node, box in zip(terminals, places_of(terminals), strict=True) if place.fits_into(box)]
        if len(around) != 1:
            raise NotOnBus(why="nothing that it tells of stands there")
        return around[0]

    def top(self, seen: WindowInfo) -> Node:
        """A window over another one; its label need not be its title. Raises as `frame`."""
        frames = self._frames_of(seen)
        named = [frame for frame, label in zip(frames, labels(frames), strict=True) if label == seen.title]
        # Some tell their place with a frame and a shadow around it.
        found = named if len(named) == 1 else [one for one in frames if _is_around(one.extents(), seen.box)]
        if len(found) != 1:
            raise NotOnBus(why="its program does not tell of this window there")
        return found[0]

    def text_of(self, seen: WindowInfo, *, role: str) -> str | None:
        """The text of the first shown object with this role that has one, the outer ones first; None when there is
        none, or the window cannot be read."""
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
        """The connection, made anew if the bus went away. Raises NoBus, unasked if there was none a moment ago."""
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
