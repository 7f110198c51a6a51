"""The clipboard on Windows: Octet promises its text and notes each reader; it restores the user's content."""

from __future__ import annotations

import ctypes
import queue
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from automation.desktop.target.clipboard_backup import (
    MOST_BYTES,
    ClipboardBackup,
    ClipboardContent,
    ClipboardFormat,
    NoClipboard,
    as_job,
)
from automation.desktop.win32 import api
from automation.desktop.win32.api import C
from automation.protocol.ports import TransientFailure
from core.deliveries.model import Reason

log = structlog.get_logger(__name__)
OPEN_S = 1.0  # a program that has the clipboard open mostly closes it at once
AGAIN_S = 0.005
CLASS = "OctetClipboard"
NOT_BYTES = frozenset({C.CF_BITMAP, C.CF_METAFILEPICT, C.CF_PALETTE, C.CF_ENHMETAFILE, C.CF_OWNERDISPLAY})
"""Formats that are handles of drawings and no memory; Windows makes bitmaps again from the bytes beside them."""


class ClipboardWindow:
    """A hidden window that can own the clipboard."""

    def __init__(
        self, *, render: Callable[[int], bytes | None], work: Callable[[], None], lost: Callable[[], None]
    ) -> None:
        """`render` returns what was promised in a format; `work` is called after `wake`, `lost` when another program
        empties the clipboard, all three in this thread."""
        self._api = api.windows()
        self._render, self._work, self._lost = render, work, lost
        self._procedure = api.WNDPROC(self._heard)  # kept: Windows calls it as long as the window is there
        module = self._api.GetModuleHandleW(None)
        kind = api.WNDCLASSEXW(
            cbSize=ctypes.sizeof(api.WNDCLASSEXW),
            lpfnWndProc=self._procedure,
            hInstance=module,
            lpszClassName=f"{CLASS}{id(self)}",
        )
        self._api.RegisterClassExW(ctypes.addressof(kind))
        self.window = int(
            self._api.CreateWindowExW(0, kind.lpszClassName, "", 0, 0, 0, 0, 0, C.HWND_MESSAGE, None, module, None) or 0
        )

    def run(self) -> None:
        message = api.MSG()
        where = ctypes.addressof(message)
        while self._api.GetMessageW(where, None, 0, 0) > 0:
            self._api.DispatchMessageW(where)

    def wake(self) -> None:
        """Have `work` called soon. From any thread."""
        self._api.PostMessageW(self.window, C.WM_APP, 0, 0)

    def end(self) -> None:
        """End `run`. Promised content is gone with the window."""
        self._api.DestroyWindow(self.window)
        self._api.PostThreadMessageW(self._api.GetCurrentThreadId(), C.WM_QUIT, 0, 0)

    @contextmanager
    def opened(self) -> Generator[None]:
        """Open the clipboard for the length of the block. Raises TransientFailure if another program keeps it open."""
        until = time.monotonic() + OPEN_S
        while not self._api.OpenClipboard(self.window):
            if time.monotonic() >= until:
                raise TransientFailure(Reason.CLIPBOARD_FROZEN, "another program keeps the clipboard open")
            time.sleep(AGAIN_S)  # noqa: TID251 this thread has nothing else to do, and Windows tells of no change
        try:
            yield
        finally:
            self._api.CloseClipboard()

    def empty(self) -> None:
        self._api.EmptyClipboard()

    def put(self, kind: int, data: bytes) -> bool:
        """Put this in this format; return whether Windows took it. Inside `opened`, or while rendering."""
        memory = self._memory(data)
        if memory and self._api.SetClipboardData(kind, memory):
            return True
        if memory:
            self._api.GlobalFree(memory)  # what Windows did not take is ours still
        return False

    def promise(self, kind: int) -> None:
        """Promise this format: `render` is asked for it when a program first reads it. Inside `opened`."""
        self._api.SetClipboardData(kind, None)

    def formats(self) -> list[int]:
        """Return its formats in the owner's order, then those that Windows derives. Inside `opened`."""
        found: list[int] = []
        while kind := int(self._api.EnumClipboardFormats(found[-1] if found else 0)):
            found.append(kind)
        return found

    def get(self, kind: int) -> bytes | None:
        """Return its content in this format; None where that is not memory, or nothing comes. Inside `opened`."""
        if (
            kind in NOT_BYTES
            or C.CF_DSPTEXT <= kind <= C.CF_DSPENHMETAFILE
            or C.CF_PRIVATEFIRST <= kind <= C.CF_GDIOBJLAST
        ):
            return None
        memory = self._api.GetClipboardData(kind)
        if not memory:
            return None
        size, place = self._api.GlobalSize(memory), self._api.GlobalLock(memory)
        if not place:
            return None
        try:
            return ctypes.string_at(place, size)
        finally:
            self._api.GlobalUnlock(memory)

    def number_of(self, name: str) -> int:
        return int(self._api.RegisterClipboardFormatW(name))

    def owner(self) -> int:
        """Return the window that owns it; 0 where none does, also where a program put something there without one."""
        return int(self._api.GetClipboardOwner() or 0)

    def opener(self) -> int:
        """Return the window for which it is open now; 0 for none that says so."""
        return int(self._api.GetOpenClipboardWindow() or 0)

    def sequence(self) -> int:
        """Return a number that differs after each change."""
        return int(self._api.GetClipboardSequenceNumber())

    def _memory(self, data: bytes) -> int:
        memory = self._api.GlobalAlloc(C.GMEM_MOVEABLE, max(len(data), 1))
        place = self._api.GlobalLock(memory) if memory else None
        if not place:
            return 0
        ctypes.memmove(place, data, len(data))
        self._api.GlobalUnlock(memory)
        return int(memory)

    def _heard(self, window: int, message: int, word: int, long: int) -> int:
        try:
            if message == C.WM_RENDERFORMAT:
                data = self._render(word)
                if data is not None:
                    self.put(word, data)
            elif message == C.WM_DESTROYCLIPBOARD:
                self._lost()
            elif message == C.WM_APP:
                self._work()
            else:
                return int(self._api.DefWindowProcW(window, message, word, long))
        except Exception:  # nothing may be raised into Windows; a caller that waits sees that no answer comes
            log.exception("clipboard_message_failed", message=message)
        return 0


T = TypeVar("T")
ANSWER_S = 3.0  # a program that has to give what it promised may be frozen
SECRETS = ("ExcludeClipboardContentFromMonitorProcessing", "Clipboard Viewer Ignore")
"""By these formats password managers ask to keep what they copied nowhere."""
RESTORED = "OctetRestored"  # beside those formats: Octet added them, to content that is not secret
MARK = "OctetPrompt"  # shows the next worker that a killed one put there what the clipboard holds
UNSEEN = {
    "ExcludeClipboardContentFromMonitorProcessing": b"\0\0\0\0",
    "CanIncludeInClipboardHistory": b"\0\0\0\0",
    "CanUploadToCloudClipboard": b"\0\0\0\0",
    "Clipboard Viewer Ignore": b"\0\0\0\0",
}
"""These formats ask Windows' history (Win+V), its cloud and clipboard programs to keep nothing of it."""


@dataclass(slots=True)
class ClipboardOffer:
    """One text on the clipboard, for as long as it is ours."""

    text: str
    readers: list[int] = field(default_factory=list[int])  # by process; 0: unknown
    read_s: float = 0.0
    is_lost: bool = False


class WindowsClipboard:
    """The worker's thread calls the verbs, one at a time; a separate thread makes all calls to Windows."""

    def __init__(
        self,
        *,
        process_of: Callable[[int], int],
        safe: ClipboardBackup | None = None,
        board: type[ClipboardWindow] = ClipboardWindow,
    ) -> None:
        """`process_of` returns the process of a window. Raise NoClipboard."""
        self._process_of = process_of
        self._safe = safe
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._offer: ClipboardOffer | None = None
        self._users: ClipboardContent | None = None
        self._is_owed = False
        self._copied_by: int | None = None
        self._copies_of: int | None = None  # in whose window Octet presses the chord that copies
        started: queue.SimpleQueue[ClipboardWindow | Exception] = queue.SimpleQueue()
        threading.Thread(target=self._run, args=(board, started), name="clipboard", daemon=True).start()
        started_with = started.get(timeout=ANSWER_S)
        if isinstance(started_with, Exception) or not started_with.window:
            why = str(started_with) if isinstance(started_with, Exception) else "no window could be made"
            raise NoClipboard(why=f"{why}. Is this a session in which a user is logged in?")
        self._board = started_with
        if safe is not None:
            self._do(self._make_up)

    def keep(self) -> None:
        """Read what the user has there, to restore it later. Raises TransientFailure."""
        if self._users is None or (self._is_owed and not self.is_ours()):
            self._users = self._do(self._take)
            self._is_owed = False
            if self._safe is not None:
                self._safe.put(self._users)

    def offer(self, text: str) -> ClipboardOffer:
        """Offer this text from now on to every program, and note its readers. Raises TransientFailure."""
        self.keep()
        return self._do(lambda: self._put(text))

    def drop(self) -> None:
        """Empty it until the user's content is restored: no paste of ours can land. Raises TransientFailure."""
        if self._users is not None and self.is_ours():
            self._do(self._empty)

    def expect_copy(self, process: int) -> int:
        """Return the clipboard's number; what a window of this process copies from now on, Octet caused."""
        self._copies_of = process
        return self._board.sequence()

    def copied(self, since: int, seconds: float) -> tuple[str, int] | None:
        """Return the text that another program put there since number `since`, and its process (0 where no window owns
        it); None if nothing came within that time. Raises TransientFailure."""
        until = time.monotonic() + seconds
        while self._board.sequence() == since or self._board.owner() == self._board.window:
            if time.monotonic() >= until:
                return None
            time.sleep(0.002)  # noqa: TID251 the worker's own thread, between two questions to Windows
        text, owner = self._do(self._text)
        self._copied_by = owner
        process = self._process_of(owner) if owner else 0
        return None if text is None else (text, process)

    def is_ours(self) -> bool:
        """Return whether Octet caused what is there: it put it there, or pressed the chord that copied it."""
        owner = self._board.owner()
        if owner in {self._board.window, self._copied_by}:
            return True
        return owner != 0 and self._process_of(owner) == self._copies_of

    def restore_clipboard(self) -> None:
        """Restore what the user had, unless it changed since. After a TransientFailure the next call does so."""
        users = self._users
        if users is None:
            return
        self._is_owed = True
        if self.is_ours():
            self._do(lambda: self._restore(users))
        self._is_owed, self._users = False, None
        self._offer = self._copied_by = self._copies_of = None
        if self._safe is not None:
            self._safe.clear()

    def close(self) -> None:
        try:
            self.restore_clipboard()
        except TransientFailure:
            pass  # the program that has it open keeps it
        self._jobs.put(self._board.end)
        self._board.wake()

    def _run(self, board: type[ClipboardWindow], started: queue.SimpleQueue[ClipboardWindow | Exception]) -> None:
        try:
            made = board(render=self._render, work=self._work, lost=self._lose)
        except Exception as trouble:  # noqa: BLE001 raised in the thread of the caller
            started.put(trouble)
            return
        started.put(made)
        made.run()

    def _work(self) -> None:
        while not self._jobs.empty():
            self._jobs.get()()

    def _do(self, work: Callable[[], T]) -> T:
        job, done = as_job(work)
        self._jobs.put(job)
        self._board.wake()
        try:
            return done.result(ANSWER_S)
        except TimeoutError:
            raise TransientFailure(Reason.CLIPBOARD_FROZEN, "the clipboard does not answer") from None

    # In the clipboard's own thread

    def _put(self, text: str) -> ClipboardOffer:
        board = self._board
        self._copied_by = None
        with board.opened():
            board.empty()
            offer = self._offer = ClipboardOffer(text=text)
            self._mark(())
            board.put(board.number_of(MARK), b"\0")
            board.promise(C.CF_UNICODETEXT)
        return offer

    def _empty(self) -> None:
        self._offer = None
        with self._board.opened():
            self._board.empty()
            self._board.put(self._board.number_of(MARK), b"\0")

    def _render(self, kind: int) -> bytes | None:
        offer = self._offer
        if offer is None or kind != C.CF_UNICODETEXT:
            return None
        reader = self._board.opener()
        offer.readers.append(self._process_of(reader) if reader else 0)
        offer.read_s = time.monotonic()
        return (offer.text.replace("\r\n", "\n").replace("\n", "\r\n") + "\0").encode("utf-16-le", "surrogatepass")

    def _lose(self) -> None:
        offer = self._offer
        if offer is not None and self._board.owner() != self._board.window:
            offer.is_lost = True

    def _text(self) -> tuple[str | None, int]:
        board = self._board
        owner = board.owner()
        with board.opened():
            data = board.get(C.CF_UNICODETEXT)
        return (None if data is None else _decoded(data)), owner

    def _take(self) -> ClipboardContent:
        board, formats, left_out, size = self._board, list[ClipboardFormat](), 0, 0
        with board.opened():
            kinds = board.formats()
            for kind in kinds:
                data = board.get(kind)
                if data is None or size + len(data) > MOST_BYTES:
                    left_out += 1
                    continue
                size += len(data)
                formats.append(ClipboardFormat(target=str(kind), kind="", bits=8, data=data))
        is_secret = any(board.number_of(name) in kinds for name in SECRETS) and board.number_of(RESTORED) not in kinds
        return ClipboardContent(formats=tuple(formats), left_out=left_out, is_secret=is_secret)

    def _restore(self, users: ClipboardContent) -> None:
        board = self._board
        with board.opened():
            board.empty()
            kinds = [int(one.target) for one in users.formats]
            for one in users.formats:
                board.put(int(one.target), one.data)
            if kinds:
                self._mark(kinds)  # histories have it already
                if not users.is_secret:
                    board.put(board.number_of(RESTORED), b"\0")

    def _mark(self, has: list[int] | tuple[int, ...]) -> None:
        for name, data in UNSEEN.items():
            kind = self._board.number_of(name)
            if kind not in has:
                self._board.put(kind, data)

    def _make_up(self) -> None:
        board = self._board
        kept = self._safe.get() if self._safe is not None else None
        with board.opened():
            is_left = board.number_of(MARK) in board.formats()
        if kept is not None and is_left and board.owner() in {0, board.window}:
            self._restore(kept)
        if self._safe is not None:
            self._safe.clear()


def _decoded(data: bytes) -> str:
    """Decode text as Windows keeps it: UTF-16 up to the first NUL, lines ended by two characters."""
    text = data[: len(data) // 2 * 2].decode("utf-16-le", "surrogatepass")
    return text.partition("\0")[0].replace("\r\n", "\n")
