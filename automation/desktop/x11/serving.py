"""Answering programs that ask for what we offer on a selection: in one piece, in several, or several forms at once."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.protocol import event
from Xlib.xobject.drawable import Window as XWindow

from automation.desktop.x11 import pieces
from core.profiles.model import Selection

INCR_ABOVE = 200_000
"""Bytes above which it is served in pieces: python-xlib sends at most 262,140 bytes in one request."""


@dataclass(slots=True, kw_only=True, eq=False)
class SelectionOffer:
    """What we offer on one selection. The clipboard's thread writes the counters, others only read them."""

    selection: Selection
    client: int
    """The program it is for."""
    data: bytes
    """The text."""
    for_everybody: bool = False
    """Others than the program may read it too; their readings do not count."""
    forms: Mapping[int, bytes] = field(default_factory=dict[int, bytes])
    """By target, what is given of it."""
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
    """A text on its way in pieces (INCR)."""

    offer: SelectionOffer
    target: int
    client: int
    sent: int = 0


class SelectionOwner:
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

    def forms(self, offer: SelectionOffer) -> dict[int, bytes]:
        """By target, what is given of this offer."""
        found = dict.fromkeys((self._utf8, self._text), offer.data)
        latin = _latin1(offer.data)
        return found if latin is None else found | {Xatom.STRING: latin}

    def answer(self, asked: event.SelectionRequest, offer: SelectionOffer | None) -> None:
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
        data = under_way.offer.forms[under_way.target]
        if under_way.target == Xatom.STRING:
            piece = data[under_way.sent : under_way.sent + INCR_ABOVE]
        else:
            piece = pieces.cut(data, under_way.sent, INCR_ABOVE)
        under_way.sent += len(piece)
        requestor = self._display.create_resource_object("window", window)
        requestor.change_property(place, under_way.target, 8, piece)
        if not piece:
            del self._pieces[window, place]
            self._count(under_way.offer, under_way.client)
        self._display.flush()

    def _put(self, requestor: XWindow, offer: SelectionOffer, target: int, place: int) -> bool:
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
        data = offer.forms.get(target)
        if data is None:
            return False
        client = int(requestor.id) & self._client_bits
        if len(data) > INCR_ABOVE:
            requestor.change_attributes(event_mask=X.PropertyChangeMask)
            self._pieces[int(requestor.id), place] = _Pieces(offer=offer, target=target, client=client)
            requestor.change_property(place, self._incr, 32, [len(data)])
        else:
            requestor.change_property(place, target, 8, data)
            self._count(offer, client)
        return True

    def _put_several(self, requestor: XWindow, offer: SelectionOffer, place: int) -> bool:
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

    def _count(self, offer: SelectionOffer, client: int) -> None:
        if client == offer.client:
            offer.served += 1
            offer.news.set()


def _latin1(data: bytes) -> bytes | None:
    try:
        return data.decode().encode("latin-1")
    except UnicodeEncodeError:
        return None
