"""Our own selection owner: a thread with an X connection that serves a text to one program and reads what it copies."""

from __future__ import annotations

import os
import queue
import select
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.error import ConnectionClosedError
from Xlib.protocol import event, request, rq
from Xlib.xobject.drawable import Window as XWindow

from automation.desktop.x11 import pieces
from automation.desktop.x11.connection import open_display
from core.desks.model import Selection

T = TypeVar("T")

INCR_ABOVE = 200_000
"""Bytes above which a text is served in pieces: python-xlib sends at most 262,140 bytes in one request."""
MOST_READ = 8_000_000
"""Bytes above which a selection is not read."""


@dataclass(slots=True, kw_only=True, eq=False)
class Offer:
    """One text on one selection, for one program. The clipboard's thread writes the counters, others only read them."""

    selection: Selection
    client: int
    data: bytes
    time: int = 0
    """The server's time at which we became the owner."""
    served: int = 0
    """How often the program took the whole text."""
    news: threading.Event = field(default_factory=threading.Event)
    """Set when the text was taken or the selection lost."""
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

    offer: Offer
    target: int
    sent: int = 0


class Clipboard:
    """Owns and reads CLIPBOARD and PRIMARY. All X calls are made by one thread; verbs may be called from any other."""

    def __init__(self, display: str) -> None:
        self._display: Display = open_display(display)
        self._client_bits = ~self._display.display.info.resource_id_mask & 0xFFFFFFFF
        root = self._display.screen().root
        self._window = root.create_window(0, 0, 1, 1, 0, X.CopyFromParent, event_mask=X.PropertyChangeMask)
        atom = self._display.intern_atom
        self._selections = {Selection.CLIPBOARD: atom("CLIPBOARD"), Selection.PRIMARY: Xatom.PRIMARY}
        self._targets, self._timestamp, self._incr = atom("TARGETS"), atom("TIMESTAMP"), atom("INCR")
        self._utf8 = atom("UTF8_STRING")
        self._texts = (self._utf8, atom("text/plain;charset=utf-8"))
        self._transfer, self._clock_mark = atom("OCTET_TRANSFER"), atom("OCTET_TIME")
        self._offers: dict[int, Offer] = {}
        self._pieces: dict[tuple[int, int], _Pieces] = {}
        self._answered: event.SelectionNotify | None = None
        self._stamp: int | None = None
        self._arrived = 0
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wake_out, self._wake_in = os.pipe()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="clipboard", daemon=True)
        self._thread.start()

    def offer(self, selection: Selection, text: str, client: int) -> Offer | None:
        """Own `selection` with `text` for the program `client`; None when somebody else keeps it."""
        offer = Offer(selection=selection, client=client, data=text.encode())
        return self._call(lambda: self._own(offer))

    def drop(self, selection: Selection) -> None:
        """Give the selection up, if it is ours."""
        self._call(lambda: self._disown(self._selections[selection]))

    def owner_client(self, selection: Selection) -> int:
        """The X client that owns the selection now; 0 when none does."""
        return self._call(lambda: self._owner(self._selections[selection]) & self._client_bits)

    def read(self, selection: Selection, timeout_s: float = 1.0) -> str | None:
        """The text somebody else offers on the selection; None when there is none to be had in that time."""
        data = self._call(lambda: self._fetch(self._selections[selection], timeout_s))
        return None if data is None else data.decode("utf-8", "replace")

    def close(self) -> None:
        """End the thread; the server then knows that we own nothing."""
        self._closing = True
        os.write(self._wake_in, b".")
        self._thread.join(2)

    # What follows runs in the clipboard's own thread.

    def _call(self, work: Callable[[], T]) -> T:
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(work())
            except Exception as trouble:  # noqa: BLE001 handed to the caller, in whose thread it is raised
                done.set_exception(trouble)

        if not self._thread.is_alive():
            raise ConnectionClosedError("the clipboard's connection")
        self._work.put(run)
        os.write(self._wake_in, b".")
        return done.result(10)

    def _run(self) -> None:
        try:
            while not self._closing:
                self._handle_pending()
                ready, _, _ = select.select([self._display.fileno(), self._wake_out], [], [])
                if self._wake_out in ready:
                    os.read(self._wake_out, 4096)
                    while not self._work.empty():
                        self._work.get()()
            self._display.close()
        except ConnectionClosedError:
            pass  # the display went away; whoever calls next is told

    def _handle_pending(self) -> None:
        while self._display.pending_events():
            self._handle(self._display.next_event())

    def _until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Handle events until `holds()`; False when it did not within that time."""
        end = time.monotonic() + seconds
        while True:
            self._handle_pending()
            if holds():
                return True
            left = end - time.monotonic()
            if left <= 0:
                return False
            select.select([self._display.fileno()], [], [], left)

    def _own(self, offer: Offer) -> Offer | None:
        selection = self._selections[offer.selection]
        self._disown(selection)
        offer.time = self._server_time()
        self._offers[selection] = offer
        self._window.set_selection_owner(selection, offer.time)
        if self._owner(selection) != self._window.id:
            del self._offers[selection]
            return None
        return offer

    def _disown(self, selection: int) -> None:
        if self._offers.pop(selection, None) is not None and self._owner(selection) == self._window.id:
            request.SetSelectionOwner(
                display=self._display.display, window=X.NONE, selection=selection, time=X.CurrentTime
            )
            self._display.sync()

    def _owner(self, selection: int) -> int:
        owner: object = self._display.get_selection_owner(selection)  # the stubs say int; it is a window, or NONE
        return owner.id if isinstance(owner, XWindow) else X.NONE

    def _server_time(self) -> int:
        """The server's own time: that of the event which appending nothing to a property of ours brings."""
        self._stamp = None
        self._window.change_property(self._clock_mark, Xatom.STRING, 8, b"", X.PropModeAppend)
        self._until(lambda: self._stamp is not None, 1.0)
        return self._stamp or X.CurrentTime

    def _fetch(self, selection: int, timeout_s: float) -> bytes | None:
        self._answered = None
        self._window.delete_property(self._transfer)
        self._window.convert_selection(selection, self._utf8, self._transfer, X.CurrentTime)
        if not self._until(lambda: self._answered is not None, timeout_s):
            return None
        if self._answered is None or self._answered.property == X.NONE:
            return None
        found = self._window.get_full_property(self._transfer, X.AnyPropertyType)
        arrived = self._arrived
        self._window.delete_property(self._transfer)
        if found is None:
            return b""
        if found.property_type != self._incr:
            return bytes(found.value) if len(found.value) <= MOST_READ else None
        return self._fetch_pieces(arrived, timeout_s)

    def _fetch_pieces(self, arrived: int, timeout_s: float) -> bytes | None:
        read: list[bytes] = []
        while sum(map(len, read)) <= MOST_READ:
            if not self._until(lambda seen=arrived: self._arrived > seen, timeout_s):
                return None
            arrived = self._arrived
            piece = self._window.get_full_property(self._transfer, X.AnyPropertyType)
            self._window.delete_property(self._transfer)
            if piece is None or not len(piece.value):
                return pieces.join(read)
            read.append(bytes(piece.value))
        return None

    def _handle(self, happened: rq.Event) -> None:
        match happened:
            case event.SelectionRequest():
                self._serve(happened)
            case event.SelectionClear():
                # python-xlib calls the field `atom` here, `selection` in the other selection events.
                offer = self._offers.pop(int(happened.atom), None)
                if offer is not None:
                    offer.is_lost = True
                    offer.news.set()
            case event.SelectionNotify():
                self._answered = happened
            case event.PropertyNotify():
                self._property(happened)
            case _:
                pass

    def _property(self, happened: event.PropertyNotify) -> None:
        window, atom = int(happened.window.id), int(happened.atom)
        if happened.state == X.PropertyDelete:
            if (window, atom) in self._pieces:
                self._send_piece(window, atom)
        elif window == self._window.id and atom == self._clock_mark:
            self._stamp = int(happened.time)
        elif window == self._window.id and atom == self._transfer:
            self._arrived += 1

    def _serve(self, asked: event.SelectionRequest) -> None:
        requestor = asked.requestor
        answer = event.SelectionNotify(
            time=asked.time,
            requestor=requestor,
            selection=asked.selection,
            target=asked.target,
            property=self._put(asked, int(requestor.id)),
        )
        requestor.send_event(answer)
        self._display.flush()

    def _put(self, asked: event.SelectionRequest, window: int) -> int:
        """Put what was asked for where it was asked to be put; that place, or NONE when it is refused."""
        offer = self._offers.get(int(asked.selection))
        if offer is None or (window & self._client_bits) != offer.client:
            return X.NONE
        requestor, target = asked.requestor, int(asked.target)
        place = int(asked.property) or target
        data = offer.data
        if target == self._targets:
            given = [self._targets, self._timestamp, *self._texts]
            if _latin1(data) is not None:
                given.append(Xatom.STRING)
            requestor.change_property(place, Xatom.ATOM, 32, given)
            return place
        if target == self._timestamp:
            requestor.change_property(place, Xatom.INTEGER, 32, [offer.time])
            return place
        if target == Xatom.STRING:
            latin = _latin1(data)
            if latin is None:
                return X.NONE
            data = latin
        elif target not in self._texts:
            return X.NONE
        if len(data) > INCR_ABOVE:
            requestor.change_attributes(event_mask=X.PropertyChangeMask)
            self._pieces[window, place] = _Pieces(offer=offer, target=target)
            requestor.change_property(place, self._incr, 32, [len(data)])
        else:
            requestor.change_property(place, target, 8, data)
            self._count(offer)
        return place

    def _send_piece(self, window: int, place: int) -> None:
        """The program took a piece away: put the next one there, at last an empty one."""
        under_way = self._pieces[window, place]
        piece = pieces.cut(under_way.offer.data, under_way.sent, INCR_ABOVE)
        under_way.sent += len(piece)
        self._display.create_resource_object("window", window).change_property(place, under_way.target, 8, piece)
        if not piece:
            del self._pieces[window, place]
            self._count(under_way.offer)
        self._display.flush()

    def _count(self, offer: Offer) -> None:
        offer.served += 1
        offer.news.set()


def _latin1(data: bytes) -> bytes | None:
    try:
        return data.decode().encode("latin-1")
    except UnicodeEncodeError:
        return None
