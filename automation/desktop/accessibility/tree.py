"""One object of an accessibility tree: its kind, text, place and focus."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import cast

from dbus_fast import Variant

from automation.desktop.accessibility.bus import Bus, BusCall, NoBusReply, Vanished
from core.profiles.model import Box, Composer

_A = "org.a11y.atspi."
_ACCESSIBLE, _TEXT, _COMPONENT, _COLLECTION = _A + "Accessible", _A + "Text", _A + "Component", _A + "Collection"
_PROPERTIES = "org.freedesktop.DBus.Properties"
EMBEDDED = "\ufffc"  # replaces in a text an object that has a separate text
_INLINE = frozenset({"link", "static", "label", "text", "mark", "image"})  # in a line; all others are blocks
_ALL, _ANY = 1, 2
_CANONICAL = 1
_RETURNS = {
    "Get": "v",
    "GetChildren": "a(so)",
    "GetExtents": "(iiii)",
    "GetInterfaces": "as",
    "GetMatches": "a(so)",
    "GetRangeExtents": "iiii",
    "GetRole": "u",
    "GetRoleName": "s",
    "GetState": "au",
    "GetText": "s",
}
"""The form of each answer, by AT-SPI's published interfaces."""
_RULE = "(aiia{ss}iaiiasib)uib"
_SCREEN = 0
_ROLE_BITS, _ROLE_WORDS = 32, 4
AT_ONCE = 100  # so many objects are asked at once: all have to answer within the limit of one question
MOST_LOOKED_AT = 2_000  # objects of one window that are looked at one by one, where its program does not look itself
MOST_DEEP = 12  # a text with more blocks within blocks is not read: no composer is built like that


class State(IntEnum):
    """The states that matter here, by their number in the set that AT-SPI gives."""

    EDITABLE = 7
    FOCUSED = 12
    MULTI_LINE = 17
    SHOWING = 25
    VISIBLE = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeInfo:
    """What one object reported in one answer."""

    role: str
    label: str
    states: int
    box: Box

    def has(self, *states: State) -> bool:
        return all(self.states >> state & 1 for state in states)

    def fits(self, composer: Composer) -> bool:
        """Return whether it has the role and the label that the profile names, as far as it names any."""
        return composer.role in {"", self.role} and composer.label in {"", self.label}


@dataclass(frozen=True, slots=True)
class Node:
    """One object. Every verb asks its program, and raises Vanished or NoBusReply without an answer."""

    bus: Bus
    name: str
    path: str

    def role(self) -> str:
        """Return its role as the program calls it: `entry`, `push button`, `document web`."""
        return str(self._ask(_ACCESSIBLE, "GetRoleName")[0])

    def kind(self) -> int:
        """Return its role as AT-SPI numbers it (`core.profiles.value_types`)."""
        return kinds_of([self])[0]

    def label(self) -> str:
        return labels([self])[0]

    def has(self, state: State) -> bool:
        return bool(_set_of(self._ask(_ACCESSIBLE, "GetState")) >> state & 1)

    def children(self) -> list[Node]:
        return self._nodes(self._ask(_ACCESSIBLE, "GetChildren")[0])

    def extents(self) -> Box:
        """Return its place on the screen."""
        return places_of([self])[0]

    def find(self, *states: State, kinds: Collection[int] = (), interface: str = "", most: int = 0) -> list[Node]:
        """Find the objects in it that have all of these states, and one of these kinds if any is given; at most `most`,
        0: all. The program itself searches, in one question, if it can. Raises NoBusReply where too many objects would
        have to be asked one by one for their `interface`."""
        roles = [0] * _ROLE_WORDS
        for kind in kinds:
            roles[kind // _ROLE_BITS] |= 1 << kind % _ROLE_BITS
        signed = [word - (1 << 32) if word >> 31 else word for word in roles]
        how, needs = _ANY if kinds else _ALL, [interface] if interface else []
        rule: list[object] = [[sum(1 << state for state in states), 0], _ALL, {}, _ALL, signed, how, needs, _ALL, False]
        try:
            return self._nodes(self._ask(_COLLECTION, "GetMatches", _RULE, rule, _CANONICAL, most, True)[0])
        except (NoBusReply, Vanished) as why:
            if interface and isinstance(why, NoBusReply):
                raise  # its program has no time
            # Qt cannot, and says that the object is not there. If it really is gone, the look at it says so again.
            found = self._look_for(states, must_end=bool(interface))
            if interface:
                interfaces = _all(found, [node.call(_ACCESSIBLE, "GetInterfaces") for node in found])
                found = [node for node, (has,) in zip(found, interfaces, strict=True) if _A + interface in str(has)]
        if kinds:
            found = [node for node, kind in zip(found, kinds_of(found), strict=True) if kind in kinds]
        return found[:most] if most else found

    def _look_for(self, states: Sequence[State], *, must_end: bool) -> list[Node]:
        """Search as `find`, level by level; skip hidden objects when only shown ones are wanted."""
        found: list[Node] = []
        floor, looked_at = [self], 0
        wanted = sum(1 << state for state in states)
        while floor and looked_at < MOST_LOOKED_AT:
            looked_at += len(floor)
            have = [_set_of(answer) for answer in _all(floor, [node.call(_ACCESSIBLE, "GetState") for node in floor])]
            found += [node for node, bits in zip(floor, have, strict=True) if node != self and bits & wanted == wanted]
            if State.SHOWING in states:
                floor = [node for node, bits in zip(floor, have, strict=True) if bits >> State.SHOWING & 1]
            below = _all(floor, [node.call(_ACCESSIBLE, "GetChildren") for node in floor])
            floor = [child for answer in below for child in self._nodes(answer[0])]
        if floor and must_end:
            raise NoBusReply(why="its window has too many objects")
        return found

    def places_of_lines(self, text: str, *, since: int = 0) -> list[Box]:
        """Return the place on the screen of each line of the text just read, from the line `since` on."""
        places: list[Box] = []
        lines = text.split("\n")
        start = sum(len(line) + 1 for line in lines[:since])
        for line in lines[since:]:
            extents = self._ask(_TEXT, "GetRangeExtents", "iiu", start, start + max(1, len(line)), _SCREEN)
            x, y, width, height = cast("list[int]", extents)
            places.append(Box(x=x, y=y, width=width, height=height))
            start += len(line) + 1
        return places

    def text(self) -> str:
        """Return its whole text. Blocks in it (the paragraphs of a rich editor) become separate lines."""
        return "\n".join(self.lines(MOST_DEEP))

    def own_text(self) -> str:
        """Return its text alone, with a mark for each object in it; empty where it has none: GTK would complain."""
        interfaces = cast("list[str]", self._ask(_ACCESSIBLE, "GetInterfaces")[0])
        return str(self._ask(_TEXT, "GetText", "ii", 0, -1)[0]) if _TEXT in interfaces else ""

    def lines(self, deep: int) -> list[str]:
        """Return the lines of its text, with at most `deep` blocks inside each other."""
        own = str(self._ask(_TEXT, "GetText", "ii", 0, -1)[0])
        if EMBEDDED not in own:
            return own.split("\n")
        if deep == 0:
            raise NoBusReply(why="its text is nested too deep")
        lines: list[str] = []
        is_open = False  # inline text continues the last line
        children = iter(self.children())
        for index, piece in enumerate(own.split(EMBEDDED)):
            child = next(children, None) if index else None
            if child is not None:
                inner = child.lines(deep - 1)
                is_inline = child.role() in _INLINE
                if is_inline and is_open:
                    inner[0] = lines.pop() + inner[0]
                lines += inner
                is_open = is_inline
            if piece:
                first, *more = piece.split("\n")
                if is_open:
                    first = lines.pop() + first
                lines += [first, *more]
                is_open = True
        return lines

    def _ask(self, interface: str, member: str, signature: str = "", *body: object) -> list[object]:
        return self.bus.ask(self.call(interface, member, signature, *body))

    def call(self, interface: str, member: str, signature: str = "", *body: object) -> BusCall:
        """Make a question to it, to be asked together with others."""
        return BusCall(
            name=self.name,
            path=self.path,
            interface=interface,
            member=member,
            signature=signature,
            body=body,
            returns=_RETURNS[member],
        )

    def _nodes(self, listed: object) -> list[Node]:
        return [Node(self.bus, name, path) for name, path in cast("list[tuple[str, str]]", listed)]


def _set_of(answer: list[object]) -> int:
    return sum(word << 32 * place for place, word in enumerate(cast("list[int]", answer[0])))


# Each of these asks about all `nodes`, which are of one bus, at once.


def labels(nodes: Sequence[Node]) -> list[str]:
    calls = [node.call(_PROPERTIES, "Get", "ss", _ACCESSIBLE, "Name") for node in nodes]
    return [_value(answer) for answer in _all(nodes, calls)]


def texts_of(nodes: Sequence[Node]) -> list[str]:
    return [str(answer[0]) for answer in _all(nodes, [node.call(_TEXT, "GetText", "ii", 0, -1) for node in nodes])]


def kinds_of(nodes: Sequence[Node]) -> list[int]:
    return [int(str(answer[0])) for answer in _all(nodes, [node.call(_ACCESSIBLE, "GetRole") for node in nodes])]


def places_of(nodes: Sequence[Node]) -> list[Box]:
    calls = [node.call(_COMPONENT, "GetExtents", "u", _SCREEN) for node in nodes]
    return [_box_of(answer) for answer in _all(nodes, calls)]


def look_at(nodes: Sequence[Node]) -> list[NodeInfo]:
    calls = [
        call
        for node in nodes
        for call in (
            node.call(_ACCESSIBLE, "GetRoleName"),
            node.call(_PROPERTIES, "Get", "ss", _ACCESSIBLE, "Name"),
            node.call(_ACCESSIBLE, "GetState"),
            node.call(_COMPONENT, "GetExtents", "u", _SCREEN),
        )
    ]
    answers = iter(_all(nodes, calls))
    return [
        NodeInfo(role=str(role[0]), label=_value(label), states=_set_of(states), box=_box_of(place))
        for role, label, states, place in zip(answers, answers, answers, answers, strict=True)
    ]


def _value(answer: list[object]) -> str:
    return str(cast("Variant", answer[0]).value)


def _box_of(answer: list[object]) -> Box:
    x, y, width, height = cast("list[int]", answer[0])
    return Box(x=x, y=y, width=width, height=height)


def _all(nodes: Sequence[Node], calls: Sequence[BusCall]) -> list[list[object]]:
    return [
        answer
        for first in range(0, len(calls), AT_ONCE)
        for answer in nodes[0].bus.ask_all(calls[first : first + AT_ONCE])
    ]
