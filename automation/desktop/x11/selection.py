"""X selections: offering a text to one program, and reading what another one offers; long texts travel in pieces."""

from __future__ import annotations

import itertools
import re
import threading
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.error import BadAtom
from Xlib.protocol import event
from Xlib.xobject.drawable import Window as XWindow

from automation.desktop.target.clipboard_backup import MOST_BYTES, ClipboardContent, ClipboardFormat, in_order
from automation.desktop.x11.selection_server import Form
from core.profiles.model import Selection


@dataclass(slots=True, kw_only=True, eq=False)
class SelectionOffer:
    """What Octet offers on one selection. The clipboard's thread writes the counters, others only read them."""

    selection: Selection
    client: int
    data: bytes
    for_everybody: bool = False  # others than the program may read it too; their readings do not count
    forms: Mapping[int, Form] = field(default_factory=dict[int, Form], init=False)  # by target
    time: int = field(default=0, init=False)  # the server's time at which we became the owner
    served: int = field(default=0, init=False)
    awaits_copy: bool = field(default=False, init=False)  # Octet presses the chord that copies in that program
    copies: int = field(default=0, init=False)  # each time the selection was taken back at once, and is offered again
    news: threading.Event = field(default_factory=threading.Event, init=False)  # taken, copied or lost
    is_lost: bool = field(default=False, init=False)

    def count(self) -> None:
        self.served += 1
        self.news.set()

    def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until `holds()`; return False when it did not within that time."""
        end = time.monotonic() + seconds
        while not holds():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self.news.wait(left)
            self.news.clear()
        return True


MOST_TEXT = 8_000_000  # bytes; a longer text is not read
_ITEMS = {16: "H", 32: "I"}
Pump = Callable[[Callable[[], bool], float], bool]  # handles events until the condition holds, or the time is over


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
        """Used in turn, so that the late answer of a frozen program does not count as the next one's."""
        self._place = 0
        self._answered: event.SelectionNotify | None = None
        self._arrived = 0

    def note_answer(self, happened: event.SelectionNotify) -> None:
        """Note an owner's answer: it has put the content in its place, or refuses."""
        if int(happened.property) in {self._place, X.NONE}:
            self._answered = happened

    def note_arrival(self, window: int, atom: int) -> None:
        if window == self._window.id and atom == self._place:
            self._arrived += 1

    def text(self, selection: int, timeout_s: float) -> bytes | None:
        """Return the text on the selection, whose owner may take so long for each piece; None without one."""
        self.ask_text(selection)
        return self.asked_text(timeout_s)

    def ask_text(self, selection: int) -> None:
        """Send the question for the text on the selection. Its present owner answers, even if it loses it."""
        self._send(selection, self._utf8)

    def asked_text(self, timeout_s: float) -> bytes | None:
        given = self._receive(self._utf8, lambda: timeout_s, MOST_TEXT)
        return None if given is None else join(given.parts)

    def everything(self, selection: int, within_s: float, *, answer_s: float) -> ClipboardContent | None:
        """Return all forms of the offered content; None when its owner does not answer within `answer_s`."""
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
    """Convert python-xlib's value: bytes, or a sequence of items that may be wider than in the protocol."""
    return value if isinstance(value, bytes) else array(_ITEMS[bits], [int(item) for item in value]).tobytes()


_HALF_READ = re.compile(
    rb"(?:\xc3\xb0\xc2[\x90-\xbf]|\xc3[\xb1-\xb3]\xc2[\x80-\xbf]|\xc3\xb4\xc2[\x80-\x8f])(?:\xc2[\x80-\xbf]){2}"
)
"""A character of four bytes, each taken for a separate character and encoded once more."""


def join(pieces: list[bytes]) -> bytes:
    """Join the pieces to a text. Tk 8.6 copies out in pieces of 4,000 bytes, and at a boundary encodes each byte of a
    four-byte character (an emoji) separately (measured). That is undone exactly at boundaries: the window itself holds
    the right character."""
    whole = b"".join(pieces)
    boundary = 0
    boundaries: list[int] = []
    for piece in pieces[:-1]:
        boundary += len(piece)
        boundaries.append(boundary)
    for place in reversed(boundaries):
        for damage in _HALF_READ.finditer(whole, max(0, place - 8), place + 8):
            if damage.start() < place < damage.end():
                mended = damage[0].decode().encode("latin-1")
                whole = whole[: damage.start()] + mended + whole[damage.end() :]
                break
    return whole
