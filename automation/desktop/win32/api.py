"""The functions, structures and numbers of Windows that Octet uses, written once, as C writes it: ctypes makes the
calls from this text, and a test compiles it against mingw-w64's headers.

Types have fixed sizes, so that they are the same wherever they are checked."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Mapping
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

_procedure: Any = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)  # on 64 bits they are one convention
WNDPROC: Any = _procedure(ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_size_t, ctypes.c_ssize_t)
WNDENUMPROC: Any = _procedure(ctypes.c_int32, ctypes.c_void_p, ctypes.c_ssize_t)
MONITORENUMPROC: Any = _procedure(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t)
HOOKPROC: Any = _procedure(ctypes.c_ssize_t, ctypes.c_int, ctypes.c_size_t, ctypes.c_ssize_t)


_POINTERS = (
    *("HWND", "HANDLE", "HGLOBAL", "HINSTANCE", "HMODULE", "HMENU", "HHOOK", "HDESK", "HMONITOR", "HDC", "HICON"),
    *("LPVOID", "PVOID", "LPMSG", "LPPOINT", "LPRECT", "LPCRECT", "LPINPUT", "PLASTINPUTINFO", "PGUITHREADINFO"),
    *("LPMONITORINFO", "LPDWORD", "PDWORD", "PHANDLE", "PSID", "PUCHAR", "HCURSOR", "HBRUSH"),
    *("DPI_AWARENESS_CONTEXT", "const WNDCLASSEXW *", "const MSG *"),
)
TYPES: dict[str, Any] = {
    **dict.fromkeys(_POINTERS, ctypes.c_void_p),
    **dict.fromkeys(("LPCWSTR", "LPWSTR"), ctypes.c_wchar_p),
    **dict.fromkeys(("BOOL", "int", "LONG", "HRESULT", "TOKEN_INFORMATION_CLASS", "DPI_AWARENESS"), ctypes.c_int32),
    **dict.fromkeys(("DWORD", "UINT"), ctypes.c_uint32),
    **dict.fromkeys(("ATOM", "WORD"), ctypes.c_uint16),
    **dict.fromkeys(("SIZE_T", "WPARAM", "ULONG_PTR"), ctypes.c_size_t),
    **dict.fromkeys(("LPARAM", "LRESULT", "LONG_PTR"), ctypes.c_ssize_t),
    "SHORT": ctypes.c_int16,
    "WNDPROC": WNDPROC,
    "WNDENUMPROC": WNDENUMPROC,
    "MONITORENUMPROC": MONITORENUMPROC,
    "HOOKPROC": HOOKPROC,
}
"""Each type name of Windows' headers as a ctypes type."""


def _of(members: str) -> tuple[tuple[str, Any], ...]:
    pairs = (member.split() for member in members.split(","))
    return tuple((name, TYPES[kind]) for kind, name in pairs)


def _structure(name: str, members: str) -> Any:
    return type(name, (ctypes.Structure,), {"_fields_": _of(members)})


POINT = _structure("POINT", "LONG x, LONG y")
RECT = _structure("RECT", "LONG left, LONG top, LONG right, LONG bottom")
TYPES.update(POINT=POINT, RECT=RECT)
MSG = _structure("MSG", "HWND hwnd, UINT message, WPARAM wParam, LPARAM lParam, DWORD time, POINT pt")
WNDCLASSEXW = _structure(
    "WNDCLASSEXW",
    "UINT cbSize, UINT style, WNDPROC lpfnWndProc, int cbClsExtra, int cbWndExtra, HINSTANCE hInstance,"
    "HICON hIcon, HCURSOR hCursor, HBRUSH hbrBackground, LPCWSTR lpszMenuName, LPCWSTR lpszClassName, HICON hIconSm",
)
LASTINPUTINFO = _structure("LASTINPUTINFO", "UINT cbSize, DWORD dwTime")
KBDLLHOOKSTRUCT = _structure(
    "KBDLLHOOKSTRUCT", "DWORD vkCode, DWORD scanCode, DWORD flags, DWORD time, ULONG_PTR dwExtraInfo"
)
GUITHREADINFO = _structure(
    "GUITHREADINFO",
    "DWORD cbSize, DWORD flags, HWND hwndActive, HWND hwndFocus, HWND hwndCapture, HWND hwndMenuOwner,"
    "HWND hwndMoveSize, HWND hwndCaret, RECT rcCaret",
)
MOUSEINPUT = _structure(
    "MOUSEINPUT", "LONG dx, LONG dy, DWORD mouseData, DWORD dwFlags, DWORD time, ULONG_PTR dwExtraInfo"
)
KEYBDINPUT = _structure("KEYBDINPUT", "WORD wVk, WORD wScan, DWORD dwFlags, DWORD time, ULONG_PTR dwExtraInfo")


class _Inputs(ctypes.Union):
    _fields_ = (("mi", MOUSEINPUT), ("ki", KEYBDINPUT))


class INPUT(ctypes.Structure):
    _anonymous_ = ("u",)
    _fields_ = (("type", ctypes.c_uint32), ("u", _Inputs))


SID_AND_ATTRIBUTES = _structure("SID_AND_ATTRIBUTES", "PSID Sid, DWORD Attributes")


class TOKEN_MANDATORY_LABEL(ctypes.Structure):  # noqa: N801 Windows' own name
    _fields_ = (("Label", SID_AND_ATTRIBUTES),)


MONITORINFO = _structure("MONITORINFO", "DWORD cbSize, RECT rcMonitor, RECT rcWork, DWORD dwFlags")

STRUCTURES: tuple[type[ctypes.Structure], ...] = (
    *(POINT, RECT, MSG, WNDCLASSEXW, LASTINPUTINFO, KBDLLHOOKSTRUCT, GUITHREADINFO, MOUSEINPUT, KEYBDINPUT, INPUT),
    *(SID_AND_ATTRIBUTES, TOKEN_MANDATORY_LABEL, MONITORINFO),
)

FUNCTIONS: Mapping[str, str] = {
    "user32": """
        BOOL EnumWindows(WNDENUMPROC, LPARAM)
        int GetClassNameW(HWND, LPWSTR, int)
        int GetWindowTextW(HWND, LPWSTR, int)
        DWORD GetWindowThreadProcessId(HWND, LPDWORD)
        BOOL IsWindowVisible(HWND)
        BOOL IsIconic(HWND)
        BOOL IsZoomed(HWND)
        BOOL IsHungAppWindow(HWND)
        BOOL ShowWindowAsync(HWND, int)
        BOOL SetWindowPos(HWND, HWND, int, int, int, int, UINT)
        BOOL GetWindowRect(HWND, LPRECT)
        BOOL GetClientRect(HWND, LPRECT)
        BOOL ClientToScreen(HWND, LPPOINT)
        HWND GetWindow(HWND, UINT)
        HWND GetAncestor(HWND, UINT)
        HWND GetForegroundWindow(void)
        HWND GetDesktopWindow(void)
        BOOL SetForegroundWindow(HWND)
        HWND WindowFromPoint(POINT)
        BOOL GetGUIThreadInfo(DWORD, PGUITHREADINFO)
        LONG_PTR GetWindowLongPtrW(HWND, int)
        int GetSystemMetrics(int)
        BOOL EnumDisplayMonitors(HDC, LPCRECT, MONITORENUMPROC, LPARAM)
        BOOL GetMonitorInfoW(HMONITOR, LPMONITORINFO)
        BOOL SetPropW(HWND, LPCWSTR, HANDLE)
        HANDLE GetPropW(HWND, LPCWSTR)
        SHORT GetAsyncKeyState(int)
        BOOL GetLastInputInfo(PLASTINPUTINFO)
        BOOL GetCursorPos(LPPOINT)
        UINT SendInput(UINT, LPINPUT, int)
        UINT MapVirtualKeyW(UINT, UINT)
        HHOOK SetWindowsHookExW(int, HOOKPROC, HINSTANCE, DWORD)
        LRESULT CallNextHookEx(HHOOK, int, WPARAM, LPARAM)
        BOOL UnhookWindowsHookEx(HHOOK)
        int GetMessageW(LPMSG, HWND, UINT, UINT)
        LRESULT DispatchMessageW(const MSG *)
        BOOL PostMessageW(HWND, UINT, WPARAM, LPARAM)
        BOOL PostThreadMessageW(DWORD, UINT, WPARAM, LPARAM)
        ATOM RegisterClassExW(const WNDCLASSEXW *)
        HWND CreateWindowExW(DWORD, LPCWSTR, LPCWSTR, DWORD, int, int, int, int, HWND, HMENU, HINSTANCE, LPVOID)
        BOOL DestroyWindow(HWND)
        LRESULT DefWindowProcW(HWND, UINT, WPARAM, LPARAM)
        BOOL OpenClipboard(HWND)
        BOOL CloseClipboard(void)
        BOOL EmptyClipboard(void)
        HANDLE SetClipboardData(UINT, HANDLE)
        HANDLE GetClipboardData(UINT)
        UINT EnumClipboardFormats(UINT)
        UINT RegisterClipboardFormatW(LPCWSTR)
        HWND GetClipboardOwner(void)
        HWND GetOpenClipboardWindow(void)
        DWORD GetClipboardSequenceNumber(void)
        HDESK OpenInputDesktop(DWORD, BOOL, DWORD)
        BOOL CloseDesktop(HDESK)
        BOOL GetUserObjectInformationW(HANDLE, int, PVOID, DWORD, LPDWORD)
        BOOL SetProcessDpiAwarenessContext(DPI_AWARENESS_CONTEXT)
        DPI_AWARENESS_CONTEXT GetThreadDpiAwarenessContext(void)
        DPI_AWARENESS GetAwarenessFromDpiAwarenessContext(DPI_AWARENESS_CONTEXT)
    """,
    "kernel32": """
        HGLOBAL GlobalAlloc(UINT, SIZE_T)
        LPVOID GlobalLock(HGLOBAL)
        BOOL GlobalUnlock(HGLOBAL)
        SIZE_T GlobalSize(HGLOBAL)
        HGLOBAL GlobalFree(HGLOBAL)
        HMODULE GetModuleHandleW(LPCWSTR)
        DWORD GetCurrentThreadId(void)
        DWORD GetCurrentProcessId(void)
        DWORD GetTickCount(void)
        HANDLE OpenProcess(DWORD, BOOL, DWORD)
        BOOL CloseHandle(HANDLE)
        BOOL QueryFullProcessImageNameW(HANDLE, DWORD, LPWSTR, PDWORD)
    """,
    "advapi32": """
        BOOL OpenProcessToken(HANDLE, DWORD, PHANDLE)
        BOOL GetTokenInformation(HANDLE, TOKEN_INFORMATION_CLASS, LPVOID, DWORD, PDWORD)
        PUCHAR GetSidSubAuthorityCount(PSID)
        PDWORD GetSidSubAuthority(PSID, DWORD)
    """,
    "dwmapi": """
        HRESULT DwmGetWindowAttribute(HWND, DWORD, PVOID, DWORD)
    """,
}
"""By library, each function as its header declares it."""

_NUMBERS = """
    GW_OWNER=4 GA_ROOT=2 GWL_EXSTYLE=-20
    WS_EX_TOPMOST=8 WS_EX_TRANSPARENT=0x20 WS_EX_TOOLWINDOW=0x80 WS_EX_APPWINDOW=0x40000 WS_EX_NOACTIVATE=0x8000000
    WS_EX_LAYERED=0x80000
    SW_SHOWNOACTIVATE=4 SWP_NOSIZE=1 SWP_NOMOVE=2 SWP_NOZORDER=4 SWP_NOACTIVATE=0x10 SWP_ASYNCWINDOWPOS=0x4000
    DWMWA_EXTENDED_FRAME_BOUNDS=9 DWMWA_CLOAKED=14
    SM_XVIRTUALSCREEN=76 SM_YVIRTUALSCREEN=77 SM_CXVIRTUALSCREEN=78 SM_CYVIRTUALSCREEN=79
    GUI_INMENUMODE=4 GUI_SYSTEMMENUMODE=8 GUI_POPUPMENUMODE=16 GUI_INMOVESIZE=2
    CF_UNICODETEXT=13 CF_BITMAP=2 CF_METAFILEPICT=3 CF_PALETTE=9 CF_ENHMETAFILE=14 CF_OWNERDISPLAY=0x80
    CF_DSPTEXT=0x81 CF_DSPENHMETAFILE=0x8E CF_PRIVATEFIRST=0x200 CF_GDIOBJLAST=0x3FF
    GMEM_MOVEABLE=2 DESKTOP_READOBJECTS=1 UOI_NAME=2
    WM_APP=0x8000 WM_DESTROYCLIPBOARD=0x307 WM_RENDERFORMAT=0x305 WM_QUIT=0x12 WM_KEYDOWN=0x100 WM_SYSKEYDOWN=0x104
    WH_KEYBOARD_LL=13 LLKHF_INJECTED=0x10 INPUT_MOUSE=0 INPUT_KEYBOARD=1 KEYEVENTF_EXTENDEDKEY=1 KEYEVENTF_KEYUP=2
    MOUSEEVENTF_MOVE=1 MOUSEEVENTF_LEFTDOWN=2 MOUSEEVENTF_LEFTUP=4 MOUSEEVENTF_VIRTUALDESK=0x4000
    MOUSEEVENTF_ABSOLUTE=0x8000
    MAPVK_VK_TO_VSC=0 PROCESS_QUERY_LIMITED_INFORMATION=0x1000 TOKEN_QUERY=8
    VK_LBUTTON=1 VK_PRIOR=0x21 VK_DOWN=0x28 VK_INSERT=0x2D VK_DELETE=0x2E VK_LWIN=0x5B VK_RWIN=0x5C
"""
CONSTANTS: Mapping[str, int] = {name: int(number, 0) for name, number in re.findall(r"(\w+)=(\S+)", _NUMBERS)}
"""The numbers, by the names of Windows' headers."""

ENUMERATED: Mapping[str, int] = {"TokenIntegrityLevel": 25, "DPI_AWARENESS_PER_MONITOR_AWARE": 2}
POINTERS: Mapping[str, int] = {
    "HWND_MESSAGE": -3,
    "HWND_TOP": 0,
    "HWND_TOPMOST": -1,
    "HWND_NOTOPMOST": -2,
    "DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2": -4,
}

_FUNCTION = re.compile(r"\s*(?P<result>[\w *]+?)\s*\b(?P<name>\w+)\((?P<arguments>.*)\)\s*\Z")


def parse(declaration: str) -> tuple[str, str, tuple[str, ...]]:
    """Parse a line of FUNCTIONS: what it returns, its name, what it takes; types by their C names."""
    found = _FUNCTION.match(declaration)
    assert found is not None, declaration
    arguments = [one.strip() for one in found["arguments"].split(",")]
    return found["result"], found["name"], () if arguments == ["void"] else tuple(arguments)


def declarations(library: str) -> list[str]:
    return [line.strip() for line in FUNCTIONS[library].splitlines() if line.strip()]


C = SimpleNamespace(**CONSTANTS, **ENUMERATED, **POINTERS)


@lru_cache(maxsize=1)
def windows() -> Any:
    """Return all the functions by name, each with its types. Only on Windows."""
    calls: dict[str, Any] = {}
    for library in FUNCTIONS:
        loaded: Any = vars(ctypes)["WinDLL"](library, use_last_error=True)
        for line in declarations(library):
            result, name, arguments = parse(line)
            call = getattr(loaded, name)
            call.restype, call.argtypes = TYPES[result], [TYPES[one] for one in arguments]
            calls[name] = call
    return SimpleNamespace(**calls)
