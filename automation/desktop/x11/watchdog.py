"""The watchdog of one desk, a process beside its worker. When the worker dies it restores the user's focus and pointer.
It also holds what the user had copied, even after Octet has ended. `watchdog_client` starts it. It imports only
`selection_server` of Octet, so that it stays small."""

from __future__ import annotations

import os
import select
import signal
import struct
import time
from collections.abc import Sequence

from Xlib import X, Xatom
from Xlib import ext as extensions
from Xlib.display import Display
from Xlib.error import ConnectionClosedError
from Xlib.protocol import event, rq

from automation.desktop.x11.selection_server import Form, SelectionServer

HEAD = struct.Struct("=cIII")  # of a frame from the worker: what to do, and three numbers
FORM = struct.Struct("=IIII")  # before the data of a form: its target, its type, the bits of an item, its length
KEEP, BEGIN, OFFER = b"K", b"B", b"O"
"""KEEP: keep this content of a selection, in so many forms. BEGIN: a delivery begins; the selections may become those
of worker and program (two X clients; 0 and 0 at its end). OFFER: own this selection with its content, and answer."""
READY = struct.Struct("=I")  # the answer, and the first message: the watchdog's window
NOTE = "OCTET_HOLD"
"""The property of the root window in which a worker writes what it takes, before it does: window of the agent, active
window, focus, where that reverts to, place of the pointer, where Octet puts the pointer."""
NOTE_LENGTH = 8
WATCHED_S = 0.3  # so long after a kill a window manager may still focus a window that the worker clicked
AGAIN_S = 0.005


class Watchdog:
    """Belongs to one worker. Ends after it, when nothing of the user's is left to hold."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._root = display.screen().root
        self._bits = ~display.display.info.resource_id_mask & 0xFFFFFFFF
        self._window = self._root.create_window(0, 0, 1, 1, 0, X.CopyFromParent, event_mask=X.PropertyChangeMask)
        atom = display.intern_atom
        self._note, self._clock, self._manager = atom(NOTE), atom("OCTET_TIME"), atom("CLIPBOARD_MANAGER")
        self._clipboard, self._save = atom("CLIPBOARD"), atom("SAVE_TARGETS")
        self._contents: dict[int, dict[int, Form]] = {}  # the user's, by selection and target
        self._owned: dict[int, int] = {}  # by selection: since when it is offered
        self._server = SelectionServer(display)
        self._clients = (0, 0)
        self._has_worker = True

    def run(self) -> None:
        """Work until the worker is gone, and then as long as the user's content is wanted."""
        self.restore()  # a worker died together with its watchdog
        os.write(1, READY.pack(self._window.id))
        while self._has_worker or self._owned:
            inlets = [self._display.fileno()] + [0] * self._has_worker
            if 0 in select.select(inlets, [], [])[0]:
                try:
                    self._obey()
                except (EOFError, OSError):
                    self._outlive()
            self._answer_pending()  # last: it may be what ends this

    def restore(self) -> list[int]:
        """Restore focus and pointer as the note says, and return the note; empty when a worker holds nothing."""
        self._display.grab_server()
        found = self._root.get_full_property(self._note, Xatom.CARDINAL)
        numbers = [int(number) for number in found.value] if found is not None else []
        if len(numbers) == NOTE_LENGTH:
            self._restore_focus(numbers)
        self._root.delete_property(self._note)
        self._display.ungrab_server()
        self._display.sync()
        return numbers if len(numbers) == NOTE_LENGTH else []

    def _restore_focus(self, numbers: Sequence[int]) -> None:
        target, active, focus, revert = numbers[:4]
        x, y, *placed = (number - (number >> 31 << 32) for number in numbers[4:])
        where = self._root.query_pointer()
        if [where.root_x, where.root_y] == placed:
            self._root.warp_pointer(x, y)
        now = self._display.get_input_focus().focus
        was_theirs = self._is_same(focus, target) and active in {0, target}
        if not isinstance(now, int) and self._is_same(now.id, target) and now.id != focus and not was_theirs:
            self._display.set_input_focus(focus, revert, X.CurrentTime)
            if active not in {0, target}:
                message = event.ClientMessage(
                    window=self._display.create_resource_object("window", active),
                    client_type=self._display.intern_atom("_NET_ACTIVE_WINDOW"),
                    data=(32, [2, X.CurrentTime, 0, 0, 0]),
                )
                self._root.send_event(message, event_mask=X.SubstructureRedirectMask | X.SubstructureNotifyMask)

    def _is_same(self, window: int, other: int) -> bool:
        return window & self._bits == other & self._bits

    def _obey(self) -> None:
        kind, selection, other, count = HEAD.unpack(_read(HEAD.size))
        if kind == BEGIN:
            self._clients = (selection, other)
        elif kind == KEEP:
            forms: dict[int, Form] = {}
            for _ in range(count):
                target, type_, bits, length = FORM.unpack(_read(FORM.size))
                forms[target] = (type_, bits, _read(length))
            self._contents[selection] = forms
        else:
            self._own(selection)
            os.write(1, READY.pack(self._window.id))

    def _outlive(self) -> None:
        """Restore the focus after the worker is gone, then the clipboard, which a clipboard manager may take over."""
        self._has_worker = False
        numbers, end = self.restore(), time.monotonic() + WATCHED_S
        for selection in self._contents if any(self._clients) else ():
            owner = _id(self._display.get_selection_owner(selection))
            if owner & self._bits in {0, *self._clients}:  # else the user has copied something since
                self._own(selection)
        if self._clipboard in self._owned and _id(self._display.get_selection_owner(self._manager)):
            self._window.change_property(self._save, Xatom.ATOM, 32, list(self._contents[self._clipboard]))
            self._window.convert_selection(self._manager, self._save, self._save, self._owned[self._clipboard])
        while numbers and time.monotonic() < end:
            self._answer_pending()
            select.select([self._display.fileno()], [], [], AGAIN_S)
            self._restore_focus(numbers)  # a window manager may see the worker's click only now
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _own(self, selection: int) -> None:
        if not self._contents.get(selection):
            return
        self._window.change_property(self._clock, Xatom.STRING, 8, b"", X.PropModeAppend)
        while not (isinstance(now := self._display.next_event(), event.PropertyNotify) and now.atom == self._clock):
            self._answer(now)
        self._window.set_selection_owner(selection, now.time)
        self._owned[selection] = int(now.time)
        if _id(self._display.get_selection_owner(selection)) != self._window.id:
            del self._owned[selection]

    def _answer_pending(self) -> None:
        while self._display.pending_events():
            self._answer(self._display.next_event())
            self._display.flush()  # within: for what comes meanwhile the socket is not ready any more

    def _answer(self, happened: rq.Event) -> None:
        match happened:
            case event.SelectionRequest():
                selection = int(happened.selection)
                self._server.answer(happened, self._contents.get(selection), since=self._owned.get(selection, 0))
            case event.SelectionClear():  # Python-xlib calls the field `atom` here
                self._owned.pop(int(happened.atom), None)
            case event.SelectionNotify():
                if int(happened.property) != X.NONE:  # the clipboard manager has it all
                    self._owned.pop(self._clipboard, None)
            case event.PropertyNotify():
                if happened.state == X.PropertyDelete:
                    self._server.send_piece(happened.window, int(happened.atom))
            case _:
                pass


def _id(window: object) -> int:
    return window if isinstance(window, int) else int(getattr(window, "id", 0))


def _read(length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        piece = os.read(0, min(length - len(data), 1 << 20))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


def main(name: str) -> None:
    """Watch the worker at the other end of standard input."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # whatever ends the worker may be meant for both
    setattr(extensions, "__extensions__", ())  # noqa: B010 the stubs do not know it; python-xlib would import them all
    display = Display(name)
    display.set_error_handler(_ignore)
    try:
        Watchdog(display).run()
    except ConnectionClosedError:
        pass  # the display is gone, and everything on it


def _ignore(*_: object) -> None:
    """Ignore an error: a window is gone meanwhile."""
