"""Windows as the display server reports them, and what Octet asks the window manager to do with them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.ext import res
from Xlib.protocol import event
from Xlib.xobject.drawable import Window as XWindow

from automation.desktop.window_info import WindowInfo
from automation.desktop.x11.connection import GONE
from automation.desktop.x11.window_events import AsyncQueries, ChangeCounter, Property
from core.profiles.model import LONGEST_TITLE, Box

EVERY_DESKTOP = 0xFFFFFFFF
FROM_A_TOOL = 2  # the source of a request, for the window manager: not the window's own program
STATIC = 10  # the gravity by which a place is that of the window's own area, without decoration
X_Y_WIDTH_HEIGHT = 0b1111 << 8
REMOVE = 0
ABOVE = 0
FULL = ("_NET_WM_STATE_MAXIMIZED_VERT", "_NET_WM_STATE_MAXIMIZED_HORZ", "_NET_WM_STATE_FULLSCREEN")
SHADED = "_NET_WM_STATE_SHADED"
FURNITURE = ("DESKTOP", "DOCK", "SPLASH", "NOTIFICATION", "TOOLTIP", "MENU", "POPUP_MENU", "DROPDOWN_MENU")


class X11Windows:
    """Asks about windows over one connection, which belongs to one thread."""

    def __init__(self, display: Display, changes: ChangeCounter | None = None) -> None:
        """With `changes` of the same connection Octet skips questions whose answers cannot have changed."""
        self.changes = changes
        self._display = display
        self._root: XWindow = display.screen().root
        self._questions = AsyncQueries(display)
        self._client_bits = ~display.display.info.resource_id_mask & 0xFFFFFFFF
        # No program can grab for a window that is not shown. The server says so, but first if another one grabs:
        # a question without any effect.
        self._unseen: XWindow = self._root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)

    def screen(self) -> Box:
        size = self._root.get_geometry()
        return Box(x=0, y=0, width=int(size.width), height=int(size.height))

    def client_of(self, window: int) -> int:
        return window & self._client_bits

    def has_manager(self) -> bool:
        return bool(self.numbers(self._root.id, "_NET_SUPPORTING_WM_CHECK"))

    def all(self) -> list[WindowInfo]:
        return self._see_each(self.managed())

    def managed(self) -> list[int]:
        return self.numbers(self._root.id, "_NET_CLIENT_LIST")

    def see(self, window: int) -> WindowInfo | None:
        return next(iter(self._see_each([window])), None)

    def find(self, kind: str, title: str, *, client: int | None = None) -> list[WindowInfo]:
        asked = [window for window in self.managed() if client is None or self.client_of(window) == client]
        found = self._see_each(asked)
        return [seen for seen in found if re.fullmatch(kind, seen.kind) and re.search(title, seen.title)]

    def is_on_this_workspace(self, window: int) -> bool:
        """Return whether the window belongs to the workspace that is shown now; windows on all of them do."""
        asked = self._questions.property(window, "_NET_WM_DESKTOP")
        shown = self.numbers(self._root.id, "_NET_CURRENT_DESKTOP")
        mine = _numbers(asked())
        return not mine or not shown or mine[0] in {EVERY_DESKTOP, shown[0]}

    def chain_of(self, window: int) -> list[int]:
        """Return the window and those that hold it, up to the child of the root, which usually is its frame."""
        return list(self.ancestors(window))

    def ancestors(self, window: int) -> Iterator[int]:
        """Yield `chain_of`, each asked for only when it is wanted."""
        yield window
        here = self._window(window)
        while True:
            try:
                parent = here.query_tree().parent
            except GONE:
                return
            if not parent or isinstance(parent, int) or parent.id == self._root.id:
                return
            yield parent.id
            here = parent

    def find_cover(self, target: WindowInfo, *, chain: Sequence[int] = ()) -> WindowInfo | None:
        """Find a window over any part of `target`; None when there is none. `chain` is the target's, if known."""
        own = (chain or self.chain_of(target.id))[-1]
        stack = [child.id for child in self._root.query_tree().children]
        above = stack[stack.index(own) + 1 :] if own in stack else []
        for other in self._see_each(self._questions.shown(above)):
            if other.is_viewable and other.box.overlaps(target.box):
                # Users know the managed window that a frame holds by its name.
                return next((seen for seen in self.all() if self.chain_of(seen.id)[-1] == other.id), other)
        return None

    def chain_at(self, x: int, y: int) -> list[int]:
        """Return the windows under a point of the screen, from the outermost to the innermost."""
        chain: list[int] = []
        here = self._root
        while True:
            try:
                child = here.translate_coords(self._root.id, x, y).child
            except GONE:
                return chain
            if not child or isinstance(child, int):
                return chain
            chain.append(child.id)
            here = child

    def active(self) -> int:
        found = self.numbers(self._root.id, "_NET_ACTIVE_WINDOW")
        return found[0] if found else 0

    def transient_for(self, window: int) -> int:
        """Return the window that this one says it is a dialog for; 0 when it names none, or the whole screen."""
        owner = self.numbers(window, "WM_TRANSIENT_FOR")
        return owner[0] if owner and owner[0] != self._root.id else 0

    def name_tag(self, window: int) -> str:
        """Return the tag that Octet attaches to a window, gone with it; empty for a window that is gone."""
        resource, atom = self._window(window), self._questions.atom("OCTET_WINDOW")
        try:
            found = resource.get_full_property(atom, Xatom.STRING)
            if found is None:
                resource.change_property(atom, Xatom.STRING, 8, secrets.token_hex(8).encode())
                found = resource.get_full_property(atom, Xatom.STRING)
        except GONE:
            return ""
        return "" if found is None else bytes(found.value).decode("ascii", "replace")

    def focused_client(self) -> int:
        """Return the X client that gets the keys now; 0 when none does."""
        focus = self._display.get_input_focus().focus
        return 0 if isinstance(focus, int) else self.client_of(focus.id)

    def pid_of(self, window: int) -> int:
        if self._display.has_extension(res.extname):
            asked: Any = [{"client": window, "mask": res.LocalClientPIDMask}]
            answer: Any = res.query_client_ids(self._display, asked)
            for found in answer.ids:
                if found.spec.mask & res.LocalClientPIDMask and found.value:
                    return int(found.value[0])
        ids = self.numbers(window, "_NET_WM_PID")
        return ids[0] if ids else 0

    def program_of(self, window: int) -> str:
        """Return the name of its process's executable; empty where unknown: another machine's, another user's."""
        pid = self.pid_of(window)
        try:
            return Path(f"/proc/{pid}/exe").readlink().name.removesuffix(" (deleted)") if pid else ""
        except OSError:
            return ""

    def is_furniture(self, window: int) -> bool:
        kinds = set(self.numbers(window, "_NET_WM_WINDOW_TYPE"))
        return bool(kinds & {self._questions.atom(f"_NET_WM_WINDOW_TYPE_{name}") for name in FURNITURE})

    def pointer(self) -> tuple[int, int]:
        pointer = self._root.query_pointer()
        return int(pointer.root_x), int(pointer.root_y)

    def accessibility_address(self) -> str:
        found = self._root.get_full_property(self._questions.atom("AT_SPI_BUS"), Xatom.STRING)
        return "" if found is None else bytes(found.value).decode("ascii", "replace")

    def activate(self, window: int) -> None:
        self.ask_manager(window, "_NET_ACTIVE_WINDOW", FROM_A_TOOL, X.CurrentTime, 0, 0, 0)

    def ask_manager(self, window: int, what: str, *data: int) -> None:
        message = event.ClientMessage(
            window=self._window(window), client_type=self._questions.atom(what), data=(32, list(data))
        )
        self._root.send_event(message, event_mask=X.SubstructureRedirectMask | X.SubstructureNotifyMask)
        self._display.sync()

    def is_keyboard_taken(self) -> bool:
        return self.ask_keyboard()()

    def ask_keyboard(self) -> Callable[[], bool]:
        """Send the same question; return what to call for the answer."""
        answer = self._questions.keyboard(self._unseen.id)
        return lambda: answer() in {X.AlreadyGrabbed, X.GrabFrozen}

    def is_pointer_taken(self) -> bool:
        status = self._unseen.grab_pointer(False, 0, X.GrabModeAsync, X.GrabModeAsync, X.NONE, X.NONE, X.CurrentTime)
        return status in {X.AlreadyGrabbed, X.GrabFrozen}

    # Placement: Octet asks the window manager, or the server.

    def check_reachable(self, window: int) -> None:
        """Do nothing: any window may be asked for."""

    def fill_states(self, window: int) -> tuple[str, ...]:
        states = self.numbers(window, "_NET_WM_STATE")
        return tuple(name for name in (*FULL, SHADED) if self._questions.atom(name) in states)

    def hides_window(self, fills: Sequence[str]) -> bool:
        return SHADED in fills

    def unfill(self, window: int, fills: Sequence[str]) -> None:
        for name in fills:
            self.ask_manager(window, "_NET_WM_STATE", REMOVE, self._questions.atom(name), 0, FROM_A_TOOL, 0)

    def show(self, window: int) -> None:
        self._window(window).map()
        self._display.sync()

    def bring_here(self, window: int) -> None:
        here = self.numbers(self._root.id, "_NET_CURRENT_DESKTOP")
        if here:
            self.ask_manager(window, "_NET_WM_DESKTOP", here[0], FROM_A_TOOL, 0, 0, 0)

    def move(self, window: int, box: Box) -> None:
        if self._supports("_NET_MOVERESIZE_WINDOW"):
            flags = STATIC | X_Y_WIDTH_HEIGHT | FROM_A_TOOL << 12
            # As the protocol carries them: places to the left of the first monitor are negative.
            corner = (box.x & 0xFFFFFFFF, box.y & 0xFFFFFFFF)
            self.ask_manager(window, "_NET_MOVERESIZE_WINDOW", flags, *corner, box.width, box.height)
            return
        self._window(window).configure(x=box.x, y=box.y, width=box.width, height=box.height)
        self._display.sync()

    def raise_above(self, window: int) -> None:
        if self._supports("_NET_RESTACK_WINDOW"):
            self.ask_manager(window, "_NET_RESTACK_WINDOW", FROM_A_TOOL, X.NONE, ABOVE, 0, 0)
            return
        self._window(window).configure(stack_mode=X.Above)
        self._display.sync()

    def _supports(self, name: str) -> bool:
        return self._questions.atom(name) in self.numbers(self._root.id, "_NET_SUPPORTED")

    def _see_each(self, windows: Sequence[int]) -> list[WindowInfo]:
        ask, names = self._questions, ("WM_CLASS", "_NET_WM_NAME", "WM_NAME")
        asked = [
            (window, [ask.property(window, name) for name in names], ask.place(window, self._root.id))
            for window in windows
        ]
        found: list[WindowInfo] = []
        for window, properties, place in asked:
            kind, net_name, name = (read() for read in properties)
            try:
                box, is_viewable = place()
            except GONE:
                continue
            title = _text(name if net_name is None else net_name)
            found.append(WindowInfo(id=window, kind=_class_part(kind), title=title, box=box, is_viewable=is_viewable))
        return found

    def numbers(self, window: int, name: str) -> list[int]:
        """Return the numbers of a window's property; none where it is text, or not there."""
        return _numbers(self._questions.property(window, name)())

    def _window(self, window: int) -> XWindow:
        return self._display.create_resource_object("window", window)


def _numbers(answer: Property | None) -> list[int]:
    return [] if answer is None or isinstance(answer, bytes) else list(answer)


def _text(answer: Property | None) -> str:
    return answer.decode("utf-8", "replace")[:LONGEST_TITLE] if isinstance(answer, bytes) else ""


def _class_part(answer: Property | None) -> str:
    """Return the class of WM_CLASS, which is two words with a NUL behind each: the instance and the class."""
    names = answer.decode("latin-1").split("\0") if isinstance(answer, bytes) else []
    return names[1] if len(names) >= 2 else ""
