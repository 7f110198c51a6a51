"""Answering programs that ask for what we offer on a selection: in one piece, in several, or several forms at once."""

from __future__ import annotations

import math
import threading
import time
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.protocol import event
from Xlib.xobject.drawable import Window as XWindow

from automation.desktop.x11 import pieces
from automation.desktop.x11.belongings import Belongings
from core.profiles.model import Selection

INCR_ABOVE = 200_000
"""Bytes above which it is served in pieces: python-xlib sends at most 262,140 bytes in one request."""
_ITEMS = {16: "H", 32: "I"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What is given for one target."""

    kind: int
    bits: int
    data: bytes
    is_text: bool = False
    """A piece of it may not end within a character."""


@dataclass(slots=True, kw_only=True, eq=False)
class Offer:
    """What we offer on one selection. The clipboard's thread writes the counters, others only read them."""

    selection: Selection
    client: int
    """The program it is for; 0 for a person's belongings, which are for everybody."""
    data: bytes = b""
    """The text."""
    belongings: Belongings | None = None
    for_everybody: bool = False
    """Others than the program may read it too; their readings do not count."""
    forms: Mapping[int, Form] = field(default_factory=dict[int, Form])
    time: int = 0
    """The server's time at which we became the owner."""
    served: int = 0
    """How often the program took the whole text."""
    awaits_copy: bool = False
    """The program is going to copy what is in its composer, as we press the chord for it."""
    copies: int = 0
    """How often it did. Each time the selection was taken back at once, and this is offered again."""
    news: threading.Event = field(default_factory=threading.Event)
    """Set when the text was taken, the program copied, or the selection was lost."""
    is_lost: bool = False

    def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until `holds()`; False when it did not within that time."""
        end = time.monotonic() + seconds
        while not holds():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self.news.wait(left)
            self.news.clear()
        return True


@dataclass(slots=True, kw_only=True, eq=False)
class _Pieces:
    """One form on its way in pieces (INCR)."""

    offer: Offer
    form: Form
    client: int
    sent: int = 0


class Serving:
    """The giving side of the clipboard's connection; belongs to its thread."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._client_bits = ~display.display.info.resource_id_mask & 0xFFFFFFFF
        atom = display.intern_atom
        self._targets, self._timestamp, self._incr = atom("TARGETS"), atom("TIMESTAMP"), atom("INCR")
        self._multiple, self._pair, self._utf8 = atom("MULTIPLE"), atom("ATOM_PAIR"), atom("UTF8_STRING")
        self._text = atom("text/plain;charset=utf-8")
        self._pieces: dict[tuple[int, int], _Pieces] = {}
        self.polled_s = -math.inf
        """When another program than the one an offer is for asked for it last: a clipboard manager."""
        self.unpolled = 0
        """Before how many copies such a question was waited for in vain since."""

    def forms(self, offer: Offer) -> dict[int, Form]:
        """By target, what is given of this offer."""
        if offer.belongings is not None:
            atom = self._display.intern_atom
            return {
                atom(one.target): Form(kind=atom(one.kind), bits=one.bits, data=one.data)
                for one in offer.belongings.formats
            }
        found = {
            target: Form(kind=target, bits=8, data=offer.data, is_text=True) for target in (self._utf8, self._text)
        }
        latin = _latin1(offer.data)
        if latin is not None:
            found[Xatom.STRING] = Form(kind=Xatom.STRING, bits=8, data=latin)
        return found

    def answer(self, asked: event.SelectionRequest, offer: Offer | None) -> None:
        """Give what was asked for, or refuse."""
        requestor = asked.requestor
        client = int(requestor.id) & self._client_bits
        place = int(asked.property) or int(asked.target)
        if offer is not None and client != offer.client:
            self.polled_s = time.monotonic()
            self.unpolled = 0
            offer.news.set()
        may = offer is not None and (offer.for_everybody or client == offer.client)
        is_given = offer is not None and may and self._put(requestor, offer, int(asked.target), place)
        requestor.send_event(
            event.SelectionNotify(
                time=asked.time,
                requestor=requestor,
                selection=asked.selection,
                target=asked.target,
                property=place if is_given else X.NONE,
            )
        )
        self._display.flush()

    def taken_away(self, window: int, place: int) -> None:
        """The program took a piece away: put the next one there, at last an empty one."""
        under_way = self._pieces.get((window, place))
        if under_way is None:
            return
        form = under_way.form
        if form.is_text:
            piece = pieces.cut(form.data, under_way.sent, INCR_ABOVE)
        else:
            piece = form.data[under_way.sent : under_way.sent + INCR_ABOVE]
        under_way.sent += len(piece)
        requestor = self._display.create_resource_object("window", window)
        requestor.change_property(place, form.kind, form.bits, _items(piece, form.bits))
        if not piece:
            del self._pieces[window, place]
            self._count(under_way.offer, under_way.client)
        self._display.flush()

    def _put(self, requestor: XWindow, offer: Offer, target: int, place: int) -> bool:
        """Put what was asked for where it was asked to be put; False when there is no such thing."""
        if target == self._targets:
            given = [self._targets, self._timestamp, self._multiple, *offer.forms]
            requestor.change_property(place, Xatom.ATOM, 32, given)
            return True
        if target == self._timestamp:
            requestor.change_property(place, Xatom.INTEGER, 32, [offer.time])
            return True
        if target == self._multiple:
            return self._put_several(requestor, offer, place)
        form = offer.forms.get(target)
        if form is None:
            return False
        client = int(requestor.id) & self._client_bits
        if len(form.data) > INCR_ABOVE:
            requestor.change_attributes(event_mask=X.PropertyChangeMask)
            self._pieces[int(requestor.id), place] = _Pieces(offer=offer, form=form, client=client)
            requestor.change_property(place, self._incr, 32, [len(form.data)])
        else:
            requestor.change_property(place, form.kind, form.bits, _items(form.data, form.bits))
            self._count(offer, client)
        return True

    def _put_several(self, requestor: XWindow, offer: Offer, place: int) -> bool:
        """The property holds pairs of targets and places; a place that gets nothing is crossed out."""
        found = requestor.get_full_property(place, X.AnyPropertyType)
        if found is None or found.format != 32:
            return False
        pairs = [int(number) for number in found.value]
        for at in range(0, len(pairs) - 1, 2):
            if not pairs[at + 1] or not self._put(requestor, offer, pairs[at], pairs[at + 1]):
                pairs[at + 1] = X.NONE
        requestor.change_property(place, self._pair, 32, pairs)
        return True

    def _count(self, offer: Offer, client: int) -> None:
        if client == offer.client:
            offer.served += 1
            offer.news.set()


def _items(data: bytes, bits: int) -> bytes | list[int]:
    return data if bits == 8 else array(_ITEMS[bits], data).tolist()


def _latin1(data: bytes) -> bytes | None:
    try:
        return data.decode().encode("latin-1")
    except UnicodeEncodeError:
        return None
