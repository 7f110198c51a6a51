"""Our selection owner: a thread with an X connection that serves a text to one program and reads what it copies. It
reads the user's content before, and the watchdog holds it."""

from __future__ import annotations

import math
import queue
import select
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import structlog
from Xlib import X, Xatom
from Xlib.error import ConnectionClosedError
from Xlib.protocol import event, request, rq
from Xlib.xobject.drawable import Window as XWindow

from automation.desktop.target.clipboard_backup import as_job
from automation.desktop.x11.connection import DisplayThread
from automation.desktop.x11.selection import SelectionOffer, SelectionReader
from automation.desktop.x11.selection_server import Form, SelectionServer
from automation.desktop.x11.watchdog_client import WatchdogClient
from core.desks.model import ClipboardScope
from core.profiles.model import Selection

log = structlog.get_logger(__name__)
T = TypeVar("T")

KEEP_S = 1.0  # the owner of a selection may be frozen
FROZEN_S = 2.0  # so long Octet waits for a program that gives nothing, or not all it has
AGAIN_S = 0.05  # for one that did not answer before
POLL_S = 0.025  # the longest wait for a clipboard manager's next question
POLLED_NOW_S = 0.008  # a clipboard manager does not ask again so soon
UNPOLLED = 8  # after so many copies without a question Octet expects no such manager


class X11Clipboard(DisplayThread):
    """Owns and reads CLIPBOARD and PRIMARY. One thread makes all X calls; any other may call the verbs."""

    def __init__(
        self, display: str, *, serve: ClipboardScope = ClipboardScope.TARGET, keeper: WatchdogClient | None = None
    ) -> None:
        """Without a `keeper` no user works at this display: nothing is kept."""
        super().__init__(display)
        self._serve = serve
        self._client_bits = ~self._display.display.info.resource_id_mask & 0xFFFFFFFF
        self._window = self._root.create_window(0, 0, 1, 1, 0, X.CopyFromParent, event_mask=X.PropertyChangeMask)
        atom = self._display.intern_atom
        self._selections = {Selection.CLIPBOARD: atom("CLIPBOARD"), Selection.PRIMARY: Xatom.PRIMARY}
        self._clock_mark = atom("OCTET_TIME")
        self._server = SelectionServer(self._display)
        self._texts = (atom("UTF8_STRING"), atom("text/plain;charset=utf-8"))
        self._polled_s = -math.inf  # when a clipboard manager asked last
        self._unpolled = 0  # copies since then that waited in vain
        self._asking = SelectionReader(self._display, self._window, self._until)
        self._keeper = keeper
        self._offers: dict[int, SelectionOffer] = {}
        self._kept: dict[Selection, bytes | None] = {}  # before this delivery, if not the keeper's
        self._held: set[int] = set()  # of these the keeper has what the user had copied
        self._owned_by: dict[int, int] = {}  # whose window owned each selection then
        self._taken: set[int] = set()  # selections that have held a text of ours since
        self._frozen: dict[int, float] = {}
        self._stamp: int | None = None
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._start("clipboard")

    def offer(self, selection: Selection, text: str, client: int) -> SelectionOffer | None:
        """Own `selection` for the program `client`; None when another program keeps it, or took it since `keep`."""
        for_everybody = self._serve is ClipboardScope.EVERYBODY
        offer = SelectionOffer(selection=selection, client=client, data=text.encode(), for_everybody=for_everybody)
        return self._call(lambda: self._own(offer))

    def drop(self, selection: Selection) -> None:
        self._call(lambda: self._disown(self._selections[selection]))

    def read(self, selection: Selection, timeout_s: float = 1.0) -> str | None:
        """Return the text that another program offers on the selection; None without one in that time."""
        data = self._call(lambda: self._asking.text(self._selections[selection], timeout_s))
        return None if data is None else data.decode("utf-8", "replace")

    def answer_waiting(self) -> None:
        self._call(self._answer_waiting)

    def wait_out_poller(self, offer: SelectionOffer) -> None:
        """Wait shortly until a polling clipboard manager has asked: it then misses the copy that the program of this
        offer makes next. Octet does not wait after several copies without a question."""
        if self._unpolled < UNPOLLED and not offer.until(
            lambda: time.monotonic() - self._polled_s < POLLED_NOW_S, POLL_S
        ):
            self._unpolled += 1

    def copied(self, timeout_s: float = 1.0) -> str | None:
        """Return the last copy of the program of an offer that awaits one; None when it does not give it."""
        data = self._call(lambda: self._asking.asked_text(timeout_s))
        return None if data is None else data.decode("utf-8", "replace")

    def keep(self, client: int = 0) -> bool:
        """Have the watchdog keep the user's selections before a delivery into the program `client`. False when the
        owner of one gives nothing now, and is worth waiting for."""
        return self._keeper is None or self._call(lambda: self._keep(client))

    def restore_clipboard(self, client: int) -> None:
        """Restore the selections as they were at `keep`, after a delivery into the program `client`, unless another
        program has taken them meanwhile. Without `keep` drop our own text, and no more."""
        self._call(lambda: self._restore(client))

    # What follows runs in the clipboard's own thread.

    def _call(self, work: Callable[[], T]) -> T:
        run, done = as_job(work)
        if not self._thread.is_alive():
            raise ConnectionClosedError("the clipboard's connection")
        self._work.put(run)
        self._wake()
        return done.result(30)

    def _woken(self) -> None:
        while not self._work.empty():
            self._work.get()()

    def _until(self, holds: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while True:
            self._handle_pending()
            if holds():
                return True
            left = end - time.monotonic()
            if left <= 0:
                return False
            select.select([self._display.fileno()], [], [], left)

    def _answer_waiting(self) -> None:
        self._display.sync()
        self._handle_pending()

    def _own(self, offer: SelectionOffer) -> SelectionOffer | None:
        selection = self._selections[offer.selection]
        owner = self._owner(selection)
        known = {X.NONE, self._window.id}
        if selection not in self._taken or selection not in self._owned_by:
            # Once it was ours, its owner has copied something since, also who had it at `keep`, and also a new program
            # to which the server gave the number of one that has ended.
            known.add(self._owned_by.get(selection, owner))
        if owner not in known and (owner & self._client_bits) != offer.client:
            return None  # the user copied something since: it is not kept yet
        self._disown(selection)
        offer.forms = self._forms_of(offer.data)
        offer.time = self._server_time()
        self._offers[selection] = offer
        self._window.set_selection_owner(selection, offer.time)
        if self._owner(selection) != self._window.id:
            del self._offers[selection]
            return None
        self._taken.add(selection)
        return offer

    def _take_back(self, selection: int, offer: SelectionOffer) -> bool:
        """If the program has copied as Octet told it: ask for its copy and own the selection again, with nothing in
        between. Others can ask the program for the prompt only until Octet hears of its copy, for less than a
        millisecond."""
        if not offer.awaits_copy:
            return False
        self._display.grab_server()
        try:
            is_copy = (self._owner(selection) & self._client_bits) == offer.client
            if is_copy:
                self._asking.ask_text(selection)
                self._window.set_selection_owner(selection, X.CurrentTime)
        finally:
            self._display.ungrab_server()
            self._display.flush()
        if is_copy:
            self._offers[selection] = offer
            offer.copies += 1
            offer.news.set()
        return is_copy

    def _disown(self, selection: int) -> None:
        if self._offers.pop(selection, None) is not None and self._owner(selection) == self._window.id:
            self._leave(selection)

    def _leave(self, selection: int) -> None:
        request.SetSelectionOwner(display=self._display.display, window=X.NONE, selection=selection, time=X.CurrentTime)
        self._display.sync()

    def _owner(self, selection: int) -> int:
        owner: object = self._display.get_selection_owner(selection)  # the stubs say int; it is a window, or NONE
        return owner.id if isinstance(owner, XWindow) else X.NONE

    def _server_time(self) -> int:
        """Return the server's own time, from the event of an empty append to a property of ours."""
        self._stamp = None
        self._window.change_property(self._clock_mark, Xatom.STRING, 8, b"", X.PropModeAppend)
        self._until(lambda: self._stamp is not None, 1.0)
        return self._stamp or X.CurrentTime

    def _keep(self, client: int) -> bool:
        keeper = self._keeper
        if keeper is None:
            return True
        keeper.start()
        self._kept, self._owned_by, self._taken, self._held = {}, {}, set(), set()
        kept: dict[Selection, bytes | None] = {}
        for name, selection in self._selections.items():
            owner = self._owned_by[selection] = self._owner(selection)
            if owner == keeper.window:
                self._held.add(selection)
                kept[name] = None
                continue
            belongings = None
            if owner not in {X.NONE, self._window.id}:
                program = owner & self._client_bits
                answer_s = AGAIN_S if program in self._frozen else KEEP_S
                belongings = self._asking.everything(selection, KEEP_S, answer_s=answer_s)
                if belongings is not None and not belongings.is_late:
                    self._frozen.pop(program, None)
                elif time.monotonic() - self._frozen.setdefault(program, time.monotonic()) < FROZEN_S:
                    return False
                if belongings is None or belongings.left_out:
                    log.warning("clipboard_not_kept_whole", selection=name, is_lost=belongings is None)
            keeper.keep(selection, belongings, self._display.intern_atom)
            formats = belongings.formats if belongings is not None else ()
            if formats:
                self._held.add(selection)
            kept[name] = next((one.data for one in formats if one.target == "UTF8_STRING"), None)
        keeper.begin(self._window.id & self._client_bits, client)
        self._kept = kept
        return True

    def _restore(self, client: int) -> None:
        for name, selection in self._selections.items():
            owner = self._owner(selection)
            is_ours = owner in {X.NONE, self._window.id} or (owner & self._client_bits) == client
            if name not in self._kept or self._keeper is None:
                self._disown(selection)
            elif is_ours and not (owner == self._owned_by[selection] and self._is_as_kept(name, owner, client)):
                self._offers.pop(selection, None)
                if selection in self._held:
                    self._keeper.offer(selection)
                elif owner != X.NONE:
                    self._leave(selection)
        if self._keeper is not None:
            self._keeper.begin(0, 0)
        self._kept, self._owned_by = {}, {}

    def _is_as_kept(self, name: Selection, owner: int, client: int) -> bool:
        """Return whether a selection with the same owner as at `keep` was not touched since by us, or by our keys: a
        program in which the user had copied owns it by the same window after our copy."""
        if owner == self._window.id:
            return False
        if (owner & self._client_bits) != client or not self._taken:
            return True
        kept = self._kept[name]
        return kept is not None and kept == self._asking.text(self._selections[name], KEEP_S)

    def _handle(self, happened: rq.Event) -> None:
        match happened:
            case event.SelectionRequest():
                self._answer(happened)
            case event.SelectionClear():
                # Python-xlib calls the field `atom` here, `selection` in the other selection events.
                offer = self._offers.pop(int(happened.atom), None)
                if offer is not None and not self._take_back(int(happened.atom), offer):
                    offer.is_lost = True
                    offer.news.set()
            case event.SelectionNotify():
                self._asking.note_answer(happened)
            case event.PropertyNotify():
                self._property(happened)
            case _:
                pass

    def _answer(self, asked: event.SelectionRequest) -> None:
        offer = self._offers.get(int(asked.selection))
        if offer is None:
            self._server.answer(asked, None)
        elif int(asked.requestor.id) & self._client_bits == offer.client:
            self._server.answer(asked, offer.forms, since=offer.time, given=offer.count)
        else:
            self._polled_s, self._unpolled = time.monotonic(), 0
            offer.news.set()
            self._server.answer(asked, offer.forms if offer.for_everybody else None, since=offer.time)

    def _forms_of(self, data: bytes) -> dict[int, Form]:
        forms = {text: (text, 8, data) for text in self._texts}
        with suppress(UnicodeEncodeError):
            forms[Xatom.STRING] = (Xatom.STRING, 8, data.decode().encode("latin-1"))
        return forms

    def _property(self, happened: event.PropertyNotify) -> None:
        window, atom = int(happened.window.id), int(happened.atom)
        if happened.state == X.PropertyDelete:
            self._server.send_piece(happened.window, atom)
        elif window == self._window.id and atom == self._clock_mark:
            self._stamp = int(happened.time)
        else:
            self._asking.note_arrival(window, atom)
