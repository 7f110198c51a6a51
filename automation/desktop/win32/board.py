"""The clipboard of Windows as it is: one at a time may open it, whoever put something there owns it, and what is only
promised is asked for when somebody reads it. All of it belongs to the thread that made it."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import structlog

from automation.desktop.win32 import api
from automation.desktop.win32.api import C
from automation.protocol.ports import TransientFailure
from core.deliveries.model import Reason

log = structlog.get_logger(__name__)
OPEN_S = 1.0
"""So long it is tried to open the clipboard: whoever has it open usually closes it within milliseconds."""
AGAIN_S = 0.005
CLASS = "OctetClipboard"
NOT_BYTES = frozenset({C.CF_BITMAP, C.CF_METAFILEPICT, C.CF_PALETTE, C.CF_ENHMETAFILE, C.CF_OWNERDISPLAY})
"""Formats that are handles of drawings and no memory; Windows makes bitmaps anew from the bytes that stand beside."""


class ClipboardWindow:
    """A window that nobody sees, which the clipboard can belong to."""

    def __init__(
        self, *, render: Callable[[int], bytes | None], work: Callable[[], None], lost: Callable[[], None]
    ) -> None:
        """`render` gives what was promised in a format; `work` is called after `wake`, `lost` when somebody else
        empties the clipboard. All three in this thread."""
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
        """Serve those who read the clipboard, until `end`."""
        message = api.MSG()
        where = ctypes.addressof(message)
        while self._api.GetMessageW(where, None, 0, 0) > 0:
            self._api.DispatchMessageW(where)

    def wake(self) -> None:
        """Have `work` called soon. From any thread."""
        self._api.PostMessageW(self.window, C.WM_APP, 0, 0)

    def end(self) -> None:
        """End `run`. What is only promised is gone with the window."""
        self._api.DestroyWindow(self.window)
        self._api.PostThreadMessageW(self._api.GetCurrentThreadId(), C.WM_QUIT, 0, 0)

    @contextmanager
    def opened(self) -> Generator[None]:
        """The clipboard is ours alone inside the block. Raises TransientFailure with whoever does not let go of it."""
        until = time.monotonic() + OPEN_S
        while not self._api.OpenClipboard(self.window):
            if time.monotonic() >= until:
                raise TransientFailure(
                    Reason.CLIPBOARD_FROZEN, "another program has the clipboard open and does not close it"
                )
            time.sleep(AGAIN_S)  # noqa: TID251 this thread has nothing else to do, and Windows tells nobody
        try:
            yield
        finally:
            self._api.CloseClipboard()

    def empty(self) -> None:
        """Inside `opened`: it holds nothing, and is ours."""
        self._api.EmptyClipboard()

    def put(self, kind: int, data: bytes) -> bool:
        """Inside `opened`, or while rendering: it holds this in this format; whether Windows took it."""
        memory = self._memory(data)
        if memory and self._api.SetClipboardData(kind, memory):
            return True
        if memory:
            self._api.GlobalFree(memory)  # what Windows did not take is ours still
        return False

    def promise(self, kind: int) -> None:
        """Inside `opened`: it has this format; `render` is asked for it by whoever reads it first."""
        self._api.SetClipboardData(kind, None)

    def formats(self) -> list[int]:
        """Inside `opened`: what it holds, in the order of whoever put it there; what Windows makes from it at last."""
        found: list[int] = []
        while kind := int(self._api.EnumClipboardFormats(found[-1] if found else 0)):
            found.append(kind)
        return found

    def get(self, kind: int) -> bytes | None:
        """Inside `opened`: what it holds in this format; None where that is no memory, or its owner gives nothing."""
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
        """The number of a format that has a name."""
        return int(self._api.RegisterClipboardFormatW(name))

    def owner(self) -> int:
        """The window that it belongs to; 0 when to none, also where a program put something there without one."""
        return int(self._api.GetClipboardOwner() or 0)

    def opener(self) -> int:
        """The window for which it is open just now; 0 when for none that says so."""
        return int(self._api.GetOpenClipboardWindow() or 0)

    def sequence(self) -> int:
        """Another number after each change."""
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
        """What Windows tells the window. Nothing may be raised into Windows."""
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
                return self._default(window, message, word, long)
        except Exception:
            # Nothing may be raised into Windows. Whoever waits for what was asked here sees that it does not come.
            log.exception("clipboard_message_failed", message=message)
        return 0

    def _default(self, window: int, message: int, word: int, long: int) -> int:
        answer: Any = self._api.DefWindowProcW(window, message, word, long)
        return int(answer)
