"""Reading what somebody else offers on a selection: one text, or all there is; in pieces where it is long."""

from __future__ import annotations

import itertools
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.error import BadAtom
from Xlib.protocol import event
from Xlib.xobject.drawable import Window as XWindow

from automation.desktop.x11 import pieces
from automation.desktop.x11.belongings import MOST_BYTES, ClipboardContent, ClipboardFormat, in_order

MOST_TEXT = 8_000_000
"""Bytes above which a text is not read."""
_ITEMS = {16: "H", 32: "I"}
Pump = Callable[[Callable[[], bool], float], bool]
"""Handles events until something holds; False when it did not within so many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    kind: int
    bits: int
    parts: list[bytes]


class SelectionReader:
    """The reading side of the clipboard's connection; belongs to its thread."""

    def __init__(self, display: Display, window: XWindow, pump: Pump) -> None:
        self._display = display
        self._window = window
        self._pump = pump
        atom = display.intern_atom
        self._incr, self._targets, self._utf8 = atom("INCR"), atom("TARGETS"), atom("UTF8_STRING")
        self._places = itertools.cycle([atom(f"OCTET_TRANSFER_{number}") for number in range(8)])
        """One after the other, so that the late answer of a frozen program is not taken for the next one's."""
        self._place = 0
        self._answered: event.SelectionNotify | None = None
        self._arrived = 0

    def answered(self, happened: event.SelectionNotify) -> None:
        """An owner says that it has put what was asked for in its place, or refuses."""
        if int(happened.property) in {self._place, X.NONE}:
            self._answered = happened

    def arrived(self, window: int, atom: int) -> None:
        """Something was put into a property."""
        if window == self._window.id and atom == self._place:
            self._arrived += 1

    def text(self, selection: int, timeout_s: float) -> bytes | None:
        """The text on the selection, whose owner may take so long for each piece; None when there is none to be had."""
        self.ask_text(selection)
        return self.asked_text(timeout_s)

    def ask_text(self, selection: int) -> None:
        """Send the question for the text on the selection. Its present owner answers, even if it loses it."""
        self._send(selection, self._utf8)

    def asked_text(self, timeout_s: float) -> bytes | None:
        """Read the answer to `ask_text`, as `text` does."""
        given = self._receive(self._utf8, lambda: timeout_s, MOST_TEXT)
        return None if given is None else pieces.join(given.parts)

    def everything(self, selection: int, within_s: float, *, answer_s: float) -> ClipboardContent | None:
        """All forms of what is offered; None when its owner does not answer at all within `answer_s`."""
        end = time.monotonic() + within_s

        def left_s() -> float:
            return max(end - time.monotonic(), 0.0)

        offered = self._ask(selection, self._targets, lambda: min(left_s(), answer_s), MOST_TEXT)
        if offered is None:
            if time.monotonic() >= end - within_s + answer_s:
                return None
            names = ["UTF8_STRING", "STRING"]  # an old program, which cannot say what it offers
        else:
            atoms = array("I", b"".join(offered.parts)) if offered.bits == 32 else array("I")
            names = in_order([name for atom in atoms if (name := self._name(atom))])
        formats: list[ClipboardFormat] = []
        room, left_out = MOST_BYTES, 0
        for name in names:
            given = self._ask(selection, self._display.intern_atom(name), left_s, room) if left_s() else None
            if given is None:
                left_out += 1
                continue
            data = b"".join(given.parts)
            room -= len(data)
            formats.append(
                ClipboardFormat(target=name, kind=self._name(given.kind) or name, bits=given.bits, data=data)
            )
        return ClipboardContent(formats=tuple(formats), left_out=left_out, is_late=bool(left_out) and not left_s())

    def _ask(self, selection: int, target: int, left_s: Callable[[], float], most: int) -> _Given | None:
        self._send(selection, target)
        return self._receive(target, left_s, most)

    def _send(self, selection: int, target: int) -> None:
        place = self._place = next(self._places)
        self._answered = None
        self._window.delete_property(place)
        self._window.convert_selection(selection, target, place, X.CurrentTime)

    def _receive(self, target: int, left_s: Callable[[], float], most: int) -> _Given | None:
        place = self._place
        if not self._pump(lambda: self._answered is not None, left_s()):
            return None
        if self._answered is None or self._answered.property == X.NONE:
            return None
        found = self._window.get_full_property(place, X.AnyPropertyType)
        arrived = self._arrived
        self._window.delete_property(place)
        if found is None:
            return _Given(kind=target, bits=8, parts=[])
        if found.property_type != self._incr:
            data = _bytes(found.value, found.format)
            return None if len(data) > most else _Given(kind=found.property_type, bits=found.format, parts=[data])
        return self._in_pieces(place, arrived, left_s, most)

    def _in_pieces(self, place: int, arrived: int, left_s: Callable[[], float], most: int) -> _Given | None:
        read: list[bytes] = []
        kind, bits = Xatom.STRING, 8
        while sum(map(len, read)) <= most:
            if not self._pump(lambda seen=arrived: self._arrived > seen, left_s()):
                return None
            arrived = self._arrived
            piece = self._window.get_full_property(place, X.AnyPropertyType)
            self._window.delete_property(place)
            if piece is None or not len(piece.value):
                return _Given(kind=kind, bits=bits, parts=read)
            kind, bits = piece.property_type, piece.format
            read.append(_bytes(piece.value, piece.format))
        return None

    def _name(self, atom: int) -> str:
        try:
            return self._display.get_atom_name(atom) if atom else ""
        except BadAtom:
            return ""


def _bytes(value: bytes | Sequence[int], bits: int) -> bytes:
    """What python-xlib gives: bytes, or a sequence of items that may be wider in it than in the protocol."""
    return value if isinstance(value, bytes) else array(_ITEMS[bits], [int(item) for item in value]).tobytes()
