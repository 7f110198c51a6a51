"""Asks Windows about its windows, its screen and its user, and to place windows."""

from __future__ import annotations

import ctypes
import re
import secrets
from collections.abc import Sequence
from pathlib import PureWindowsPath

from automation.desktop.win32 import api
from automation.desktop.win32.api import C
from automation.desktop.window_info import WindowInfo
from automation.protocol.ports import PermanentFailure
from core.deliveries.model import Reason
from core.profiles.model import LONGEST_TITLE, Box

NAME_TAG = "OctetWindow"  # the property that identifies a window; it goes with its window
UNKNOWN_RIGHTS = 0xFFFFFFFF  # of a process that may not even be asked: more than ours
_WORDS = 512


def be_aware_of_pixels() -> bool:
    """Use true pixels of each monitor for all places, whatever its scale; return whether that worked. Call it before
    anything asks for a place, also before PyAutoGUI's import: Windows obeys the first setting of a process."""
    calls = api.windows()
    calls.SetProcessDpiAwarenessContext(C.DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2)
    now = calls.GetAwarenessFromDpiAwarenessContext(calls.GetThreadDpiAwarenessContext())
    return bool(now == C.DPI_AWARENESS_PER_MONITOR_AWARE)


class Desktop:
    """The desktop of the logged-in user. Any thread may ask."""

    def __init__(self) -> None:
        self._api = api.windows()

    def top_windows(self) -> list[int]:
        found: list[int] = []

        def take(window: int, _: int) -> int:
            found.append(window)
            return 1

        self._api.EnumWindows(api.WNDENUMPROC(take), 0)
        return found

    def class_of(self, window: int) -> str:
        text = ctypes.create_unicode_buffer(_WORDS)
        return text.value if self._api.GetClassNameW(window, text, _WORDS) else ""

    def title_of(self, window: int) -> str:
        """Return its title as Windows keeps it: a program that hangs is not asked."""
        text = ctypes.create_unicode_buffer(_WORDS)
        return text.value if self._api.GetWindowTextW(window, text, _WORDS) else ""

    def process_of(self, window: int) -> int:
        """Return the process that made it; 0 when it is gone."""
        process = ctypes.c_uint32()
        self._api.GetWindowThreadProcessId(window, ctypes.addressof(process))
        return process.value

    def program_of(self, process: int) -> str:
        """Return the name of its program without `.exe`: `Cursor`, `chrome`. Empty where Windows refuses."""
        handle = self._api.OpenProcess(C.PROCESS_QUERY_LIMITED_INFORMATION, 0, process)
        if not handle:
            return ""
        try:
            path, length = ctypes.create_unicode_buffer(_WORDS * 2), ctypes.c_uint32(_WORDS * 2)
            if not self._api.QueryFullProcessImageNameW(handle, 0, path, ctypes.addressof(length)):
                return ""
            return PureWindowsPath(path.value).stem
        finally:
            self._api.CloseHandle(handle)

    def rights_of(self, process: int) -> int:
        """Return its integrity level; UNKNOWN_RIGHTS where Windows refuses."""
        handle = self._api.OpenProcess(C.PROCESS_QUERY_LIMITED_INFORMATION, 0, process)
        if not handle:
            return UNKNOWN_RIGHTS
        token = ctypes.c_void_p()
        try:
            if not self._api.OpenProcessToken(handle, C.TOKEN_QUERY, ctypes.addressof(token)):
                return UNKNOWN_RIGHTS
            return self._level(token.value or 0)
        finally:
            self._api.CloseHandle(handle)
            if token.value:
                self._api.CloseHandle(token.value)

    def _level(self, token: int) -> int:
        label, length = ctypes.create_string_buffer(256), ctypes.c_uint32()
        kind = C.TokenIntegrityLevel
        if not self._api.GetTokenInformation(token, kind, ctypes.addressof(label), 256, ctypes.addressof(length)):
            return UNKNOWN_RIGHTS
        sid = api.TOKEN_MANDATORY_LABEL.from_buffer(label).Label.Sid
        count = ctypes.c_ubyte.from_address(self._api.GetSidSubAuthorityCount(sid)).value
        return ctypes.c_uint32.from_address(self._api.GetSidSubAuthority(sid, count - 1)).value

    def own_process(self) -> int:
        return int(self._api.GetCurrentProcessId())

    def is_visible(self, window: int) -> bool:
        """Return whether it is shown: not hidden, minimised, or on another virtual desktop."""
        return bool(self._api.IsWindowVisible(window)) and not self.is_minimised(window) and not self.is_cloaked(window)

    def is_shown(self, window: int) -> bool:
        """Return whether its program shows it, minimised and cloaked ones included."""
        return bool(self._api.IsWindowVisible(window))

    def is_minimised(self, window: int) -> bool:
        return bool(self._api.IsIconic(window))

    def is_maximised(self, window: int) -> bool:
        return bool(self._api.IsZoomed(window))

    def is_topmost(self, window: int) -> bool:
        return bool(self._style(window) & C.WS_EX_TOPMOST)

    def is_tool(self, window: int) -> bool:
        """Return whether it is a palette, a notice or the taskbar: users do not switch to it."""
        style = self._style(window)
        return bool(style & (C.WS_EX_TOOLWINDOW | C.WS_EX_NOACTIVATE)) and not style & C.WS_EX_APPWINDOW

    def is_cloaked(self, window: int) -> bool:
        """Return whether Windows hides it although it counts as shown."""
        cloaked = ctypes.c_uint32()
        result = self._api.DwmGetWindowAttribute(window, C.DWMWA_CLOAKED, ctypes.addressof(cloaked), 4)
        return result == 0 and cloaked.value != 0

    def is_seen_through(self, window: int) -> bool:
        """Return whether clicks fall through it, as through overlays of graphics drivers."""
        both = C.WS_EX_TRANSPARENT | C.WS_EX_LAYERED
        return self._style(window) & both == both

    def is_hung(self, window: int) -> bool:
        """Return whether its program has ignored its input for seconds."""
        return bool(self._api.IsHungAppWindow(window))

    def content_of(self, window: int) -> Box | None:
        """Return its own area on the screen, without the frame; None when it is gone."""
        size, corner = api.RECT(), api.POINT()
        if not self._api.GetClientRect(window, ctypes.addressof(size)):
            return None
        if not self._api.ClientToScreen(window, ctypes.addressof(corner)):
            return None
        return Box(x=corner.x, y=corner.y, width=size.right, height=size.bottom)

    def frame_of(self, window: int) -> Box | None:
        """Return where it is drawn, with its frame and without the shadow; None when it is gone."""
        seen = api.RECT()
        where, size = ctypes.addressof(seen), ctypes.sizeof(seen)
        if self._api.DwmGetWindowAttribute(window, C.DWMWA_EXTENDED_FRAME_BOUNDS, where, size) != 0 and not (
            self._api.GetWindowRect(window, where)
        ):
            return None
        return Box(x=seen.left, y=seen.top, width=seen.right - seen.left, height=seen.bottom - seen.top)

    def owner_of(self, window: int) -> int:
        """Return the window that it is a dialog for; 0 for none."""
        return int(self._api.GetWindow(window, C.GW_OWNER) or 0)

    def at(self, x: int, y: int) -> int:
        """Return the top window that a click there would reach; 0 for none."""
        window = self._api.WindowFromPoint(api.POINT(x, y))
        return int((window and self._api.GetAncestor(window, C.GA_ROOT)) or 0)

    def foreground(self) -> int:
        """Return the top window that gets the keys; 0 while none does."""
        return int(self._api.GetForegroundWindow() or 0)

    def focus(self) -> tuple[int, bool]:
        """Return the top window with the keyboard's focus, and whether a menu is open or a window is being moved."""
        thread = api.GUITHREADINFO(cbSize=ctypes.sizeof(api.GUITHREADINFO))
        if not self._api.GetGUIThreadInfo(0, ctypes.addressof(thread)):
            return 0, False
        modes = C.GUI_INMENUMODE | C.GUI_SYSTEMMENUMODE | C.GUI_POPUPMENUMODE | C.GUI_INMOVESIZE
        part = thread.hwndFocus or thread.hwndActive
        top = self._api.GetAncestor(part, C.GA_ROOT) if part else 0
        return int(top or 0), bool(thread.flags & modes)

    def bring_forward(self, window: int) -> None:
        """Ask for the foreground for it. Windows grants that to the program of the last input, or blinks instead."""
        self._api.SetForegroundWindow(window)

    def show_again(self, window: int) -> None:
        """Ask that it is neither minimised nor maximised; the foreground stays as it is."""
        self._api.ShowWindowAsync(window, C.SW_SHOWNOACTIVATE)

    def put(self, window: int, box: Box) -> None:
        """Ask Windows to put its own area there, without waiting for the program."""
        content, frame = self.content_of(window), api.RECT()
        if content is None or not self._api.GetWindowRect(window, ctypes.addressof(frame)):
            return
        x, y = box.x - (content.x - frame.left), box.y - (content.y - frame.top)
        width = box.width + (frame.right - frame.left - content.width)
        height = box.height + (frame.bottom - frame.top - content.height)
        how = C.SWP_NOZORDER | C.SWP_NOACTIVATE | C.SWP_ASYNCWINDOWPOS
        self._api.SetWindowPos(window, None, x, y, width, height, how)

    def lift(self, window: int) -> None:
        """Ask that it lies above all windows that are not always on top; the foreground stays as it is."""
        how = C.SWP_NOMOVE | C.SWP_NOSIZE | C.SWP_NOACTIVATE | C.SWP_ASYNCWINDOWPOS
        # Windows puts only an always-on-top window above those of the program in the foreground, and
        # one that has just ceased to be is the first of the others.
        order = (C.HWND_TOP,) if self.is_topmost(window) else (C.HWND_TOPMOST, C.HWND_NOTOPMOST)
        for place in order:
            self._api.SetWindowPos(window, place, 0, 0, 0, 0, how)

    def screen(self) -> Box:
        """Return the rectangle around all monitors; its corner may be negative."""
        x, y, width, height = (
            int(self._api.GetSystemMetrics(number))
            for number in (C.SM_XVIRTUALSCREEN, C.SM_YVIRTUALSCREEN, C.SM_CXVIRTUALSCREEN, C.SM_CYVIRTUALSCREEN)
        )
        return Box(x=x, y=y, width=width, height=height)

    def monitors(self) -> list[Box]:
        found: list[Box] = []

        def take(monitor: int, _context: int, _place: int, _word: int) -> int:
            info = api.MONITORINFO(cbSize=ctypes.sizeof(api.MONITORINFO))
            if self._api.GetMonitorInfoW(monitor, ctypes.addressof(info)):
                place = info.rcMonitor
                found.append(
                    Box(x=place.left, y=place.top, width=place.right - place.left, height=place.bottom - place.top)
                )
            return 1

        self._api.EnumDisplayMonitors(None, None, api.MONITORENUMPROC(take), 0)
        return found

    def is_locked(self) -> bool:
        """Return whether the keys go to the lock screen, or to Windows' own question for an administrator."""
        desktop = self._api.OpenInputDesktop(0, 0, C.DESKTOP_READOBJECTS)
        if not desktop:
            return True
        try:
            name, length = ctypes.create_unicode_buffer(64), ctypes.c_uint32()
            ok = self._api.GetUserObjectInformationW(
                desktop, C.UOI_NAME, ctypes.addressof(name), 128, ctypes.addressof(length)
            )
            return bool(ok) and name.value != "Default"
        finally:
            self._api.CloseDesktop(desktop)

    def idle_s(self) -> float:
        """Return how long nothing was pressed or moved; input of programs and of Octet counts too."""
        info = api.LASTINPUTINFO(cbSize=ctypes.sizeof(api.LASTINPUTINFO))
        if not self._api.GetLastInputInfo(ctypes.addressof(info)):
            return 0.0
        return ((self._api.GetTickCount() - info.dwTime) & 0xFFFFFFFF) / 1000

    def pointer(self) -> tuple[int, int]:
        here = api.POINT()
        self._api.GetCursorPos(ctypes.addressof(here))
        return here.x, here.y

    def keys_down(self) -> list[int]:
        """Return which keys and buttons are held down, by a user or a program; lit lamps do not count."""
        return [key for key in range(C.VK_LBUTTON, 0xFF) if self._api.GetAsyncKeyState(key) & 0x8000]

    def name_tag(self, window: int) -> str:
        """Return a tag that Octet attaches to a window once; empty where it is gone, or refuses."""
        for _ in range(2):
            found = self._api.GetPropW(window, NAME_TAG)
            if found:
                return f"{found:x}"
            if not self._api.SetPropW(window, NAME_TAG, secrets.randbelow(0x7FFFFFFE) + 1):
                return ""
        return ""

    def session(self) -> str:
        """Return a tag of this log-in: it is attached to the desktop, and gone with it."""
        return self.name_tag(int(self._api.GetDesktopWindow() or 0))

    def _style(self, window: int) -> int:
        return int(self._api.GetWindowLongPtrW(window, C.GWL_EXSTYLE))


FURNITURE = frozenset({"Progman", "WorkerW", "Shell_TrayWnd", "Shell_SecondaryTrayWnd", "Windows.UI.Core.CoreWindow"})
"""Classes of the shell's own windows: wallpaper, taskbars, the start menu and its like."""
MAXIMISED = "maximised"
ELSEWHERE = "it is on another virtual desktop, from which only you can bring it: press Win+Tab and drag it to this one"


class Win32Windows:
    """Answers to `ports.WindowsPort`. Belongs to one thread."""

    changes = None  # Windows reports no changes: everything is asked each time

    def __init__(self, desktop: Desktop) -> None:
        self._desktop = desktop
        self._programs: dict[int, str] = {}  # by process
        self._own_rights = desktop.rights_of(desktop.own_process())
        self.screen, self.pointer, self.active = desktop.screen, desktop.pointer, desktop.foreground
        self.client_of = self.pid_of = desktop.process_of
        self.activate = desktop.bring_forward  # Windows decides; Octet looks afterwards
        self.transient_for, self.name_tag = desktop.owner_of, desktop.name_tag
        self.show, self.move, self.raise_above = desktop.show_again, desktop.put, desktop.lift

    def has_manager(self) -> bool:
        return True

    def managed(self) -> list[int]:
        """List top windows that are shown, minimised, or on another virtual desktop."""
        return [window for window in self._desktop.top_windows() if self._desktop.is_shown(window)]

    def all(self) -> list[WindowInfo]:
        return [seen for window in self.managed() if (seen := self.see(window)) is not None]

    def see(self, window: int) -> WindowInfo | None:
        """Look at one window; its kind is the name of its program, or its class where Windows refuses."""
        box = self._desktop.content_of(window)
        process = self._desktop.process_of(window)
        if box is None or not process:
            return None
        return WindowInfo(
            id=window,
            kind=self._program(process) or self._desktop.class_of(window),
            title=self._desktop.title_of(window)[:LONGEST_TITLE],
            box=box,
            is_viewable=self._desktop.is_visible(window),
        )

    def find(self, kind: str, title: str, *, client: int | None = None) -> list[WindowInfo]:
        asked = [one for one in self.managed() if client is None or self.client_of(one) == client]
        found = [seen for window in asked if (seen := self.see(window)) is not None]
        return [seen for seen in found if re.fullmatch(kind, seen.kind) and re.search(title, seen.title)]

    def program_of(self, window: int) -> str:
        return self._program(self._desktop.process_of(window))

    def is_on_this_workspace(self, window: int) -> bool:
        """Return whether the window is on this virtual desktop: Windows cloaks those of others."""
        return not self._desktop.is_cloaked(window)

    def chain_of(self, window: int) -> list[int]:
        return [window]

    def find_cover(self, target: WindowInfo, *, chain: Sequence[int] = ()) -> WindowInfo | None:
        """Find the topmost window over any part of the target; windows that clicks fall through do not count."""
        for window in self._desktop.top_windows():
            if window == target.id:
                return None
            if not self._desktop.is_visible(window) or self._desktop.is_seen_through(window):
                continue
            frame = self._desktop.frame_of(window)
            if frame is not None and frame.overlaps(target.box):
                return self.see(window)
        return None

    def is_keyboard_taken(self) -> bool:
        """Return whether a lock screen, Windows' question for an administrator, or an open menu takes the keys."""
        return self._desktop.is_locked() or self._desktop.focus()[1]

    def is_pointer_taken(self) -> bool:
        """Return whether an open menu, or a window that is being moved, takes the next click."""
        return self._desktop.focus()[1]

    def is_furniture(self, window: int) -> bool:
        return self._desktop.is_tool(window) or self._desktop.class_of(window) in FURNITURE

    def is_on_monitors(self, box: Box) -> bool:
        """Return whether every corner of it is on a monitor: between monitors of unequal height there is nothing."""
        monitors = self._desktop.monitors()
        right, bottom = box.x + box.width - 1, box.y + box.height - 1
        corners = ((box.x, box.y), (right, box.y), (box.x, bottom), (right, bottom))
        return all(any(monitor.holds(*corner) for monitor in monitors) for corner in corners)

    def check_reachable(self, window: int) -> None:
        """Raise PermanentFailure where our keys do not reach it, whatever has the focus."""
        if self._desktop.rights_of(self._desktop.process_of(window)) > self._own_rights:
            raise PermanentFailure(Reason.OUT_OF_REACH, "its program runs as administrator; start it without")
        if self._desktop.is_hung(window):
            raise PermanentFailure(Reason.OUT_OF_REACH, "its program does not answer")

    def fill_states(self, window: int) -> tuple[str, ...]:
        return (MAXIMISED,) if self._desktop.is_maximised(window) else ()

    def hides_window(self, fills: Sequence[str]) -> bool:
        """Return False: a maximised window is visible."""
        return False

    def unfill(self, window: int, fills: Sequence[str]) -> None:
        self.show(window)

    def bring_here(self, window: int) -> None:
        raise PermanentFailure(Reason.HIDDEN, ELSEWHERE)

    def _program(self, process: int) -> str:
        if process not in self._programs:
            self._programs[process] = self._desktop.program_of(process)
        return self._programs[process]
