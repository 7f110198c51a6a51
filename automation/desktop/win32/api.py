"""What of Windows' own functions, structures and numbers is used, written once: as C writes it. The calls are made from
this text by ctypes, and a test compiles the same text against mingw-w64's headers.

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


class POINT(ctypes.Structure):
    _fields_ = (("x", ctypes.c_int32), ("y", ctypes.c_int32))


class RECT(ctypes.Structure):
    _fields_ = (
        ("left", ctypes.c_int32),
        ("top", ctypes.c_int32),
        ("right", ctypes.c_int32),
        ("bottom", ctypes.c_int32),
    )


class MSG(ctypes.Structure):
    _fields_ = (
        ("hwnd", ctypes.c_void_p),
        ("message", ctypes.c_uint32),
        ("wParam", ctypes.c_size_t),
        ("lParam", ctypes.c_ssize_t),
        ("time", ctypes.c_uint32),
        ("pt", POINT),
    )


class WNDCLASSEXW(ctypes.Structure):
    _fields_ = (
        ("cbSize", ctypes.c_uint32),
        ("style", ctypes.c_uint32),
        ("lpfnWndProc", WNDPROC),
        ("cbClsExtra", ctypes.c_int32),
        ("cbWndExtra", ctypes.c_int32),
        ("hInstance", ctypes.c_void_p),
        ("hIcon", ctypes.c_void_p),
        ("hCursor", ctypes.c_void_p),
        ("hbrBackground", ctypes.c_void_p),
        ("lpszMenuName", ctypes.c_wchar_p),
        ("lpszClassName", ctypes.c_wchar_p),
        ("hIconSm", ctypes.c_void_p),
    )


class LASTINPUTINFO(ctypes.Structure):
    _fields_ = (("cbSize", ctypes.c_uint32), ("dwTime", ctypes.c_uint32))


class KBDLLHOOKSTRUCT(ctypes.Structure):
    _fields_ = (
        ("vkCode", ctypes.c_uint32),
        ("scanCode", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("time", ctypes.c_uint32),
        ("dwExtraInfo", ctypes.c_size_t),
    )


class GUITHREADINFO(ctypes.Structure):
    _fields_ = (
        ("cbSize", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("hwndActive", ctypes.c_void_p),
        ("hwndFocus", ctypes.c_void_p),
        ("hwndCapture", ctypes.c_void_p),
        ("hwndMenuOwner", ctypes.c_void_p),
        ("hwndMoveSize", ctypes.c_void_p),
        ("hwndCaret", ctypes.c_void_p),
        ("rcCaret", RECT),
    )


class MOUSEINPUT(ctypes.Structure):
    _fields_ = (
        ("dx", ctypes.c_int32),
        ("dy", ctypes.c_int32),
        ("mouseData", ctypes.c_uint32),
        ("dwFlags", ctypes.c_uint32),
        ("time", ctypes.c_uint32),
        ("dwExtraInfo", ctypes.c_size_t),
    )


class KEYBDINPUT(ctypes.Structure):
    _fields_ = (
        ("wVk", ctypes.c_uint16),
        ("wScan", ctypes.c_uint16),
        ("dwFlags", ctypes.c_uint32),
        ("time", ctypes.c_uint32),
        ("dwExtraInfo", ctypes.c_size_t),
    )


class _Inputs(ctypes.Union):
    _fields_ = (("mi", MOUSEINPUT), ("ki", KEYBDINPUT))


class INPUT(ctypes.Structure):
    _anonymous_ = ("u",)
    _fields_ = (("type", ctypes.c_uint32), ("u", _Inputs))


class SID_AND_ATTRIBUTES(ctypes.Structure):  # noqa: N801 Windows' own name
    _fields_ = (("Sid", ctypes.c_void_p), ("Attributes", ctypes.c_uint32))


class TOKEN_MANDATORY_LABEL(ctypes.Structure):  # noqa: N801 as above
    _fields_ = (("Label", SID_AND_ATTRIBUTES),)


class MONITORINFO(ctypes.Structure):
    _fields_ = (("cbSize", ctypes.c_uint32), ("rcMonitor", RECT), ("rcWork", RECT), ("dwFlags", ctypes.c_uint32))


STRUCTURES: tuple[type[ctypes.Structure], ...] = (
    POINT,
    RECT,
    MSG,
    WNDCLASSEXW,
    LASTINPUTINFO,
    KBDLLHOOKSTRUCT,
    GUITHREADINFO,
    MOUSEINPUT,
    KEYBDINPUT,
    INPUT,
    SID_AND_ATTRIBUTES,
    TOKEN_MANDATORY_LABEL,
    MONITORINFO,
)

_POINTERS = (
    *("HWND", "HANDLE", "HGLOBAL", "HINSTANCE", "HMODULE", "HMENU", "HHOOK", "HDESK", "HKL", "HMONITOR", "HDC"),
    *("LPVOID", "PVOID", "LPMSG", "LPPOINT", "LPRECT", "LPCRECT", "LPINPUT", "PLASTINPUTINFO", "PGUITHREADINFO"),
    *("LPMONITORINFO", "LPDWORD", "PDWORD", "PHANDLE", "PSID", "PUCHAR", "LPCVOID"),
    *("DPI_AWARENESS_CONTEXT", "const WNDCLASSEXW *", "const MSG *"),
)
TYPES: Mapping[str, Any] = {
    **dict.fromkeys(_POINTERS, ctypes.c_void_p),
    "LPCWSTR": ctypes.c_wchar_p,
    "LPWSTR": ctypes.c_wchar_p,
    "WNDENUMPROC": WNDENUMPROC,
    "MONITORENUMPROC": MONITORENUMPROC,
    "HOOKPROC": HOOKPROC,
    "BOOL": ctypes.c_int32,
    "int": ctypes.c_int32,
    "LONG": ctypes.c_int32,
    "HRESULT": ctypes.c_int32,
    "DWORD": ctypes.c_uint32,
    "UINT": ctypes.c_uint32,
    "ATOM": ctypes.c_uint16,
    "SHORT": ctypes.c_int16,
    "SIZE_T": ctypes.c_size_t,
    "WPARAM": ctypes.c_size_t,
    "LPARAM": ctypes.c_ssize_t,
    "LRESULT": ctypes.c_ssize_t,
    "LONG_PTR": ctypes.c_ssize_t,
    "TOKEN_INFORMATION_CLASS": ctypes.c_int32,
    "DPI_AWARENESS": ctypes.c_int32,
    "POINT": POINT,
}
"""By the name that Windows' headers give a type, what it is for ctypes."""

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
        BOOL PeekMessageW(LPMSG, HWND, UINT, UINT, UINT)
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

CONSTANTS: Mapping[str, int] = {
    "GW_OWNER": 4,
    "GA_ROOT": 2,
    "GWL_EXSTYLE": -20,
    "WS_EX_TOPMOST": 8,
    "WS_EX_TRANSPARENT": 0x20,
    "WS_EX_TOOLWINDOW": 0x80,
    "WS_EX_APPWINDOW": 0x40000,
    "WS_EX_NOACTIVATE": 0x8000000,
    "WS_EX_LAYERED": 0x80000,
    "SW_SHOWNOACTIVATE": 4,
    "SWP_NOSIZE": 1,
    "SWP_NOMOVE": 2,
    "SWP_NOZORDER": 4,
    "SWP_NOACTIVATE": 0x10,
    "SWP_ASYNCWINDOWPOS": 0x4000,
    "DWMWA_EXTENDED_FRAME_BOUNDS": 9,
    "DWMWA_CLOAKED": 14,
    "SM_XVIRTUALSCREEN": 76,
    "SM_YVIRTUALSCREEN": 77,
    "SM_CXVIRTUALSCREEN": 78,
    "SM_CYVIRTUALSCREEN": 79,
    "GUI_INMENUMODE": 4,
    "GUI_SYSTEMMENUMODE": 8,
    "GUI_POPUPMENUMODE": 16,
    "GUI_INMOVESIZE": 2,
    "CF_UNICODETEXT": 13,
    "CF_BITMAP": 2,
    "CF_METAFILEPICT": 3,
    "CF_PALETTE": 9,
    "CF_ENHMETAFILE": 14,
    "CF_OWNERDISPLAY": 0x80,
    "CF_DSPTEXT": 0x81,
    "CF_DSPENHMETAFILE": 0x8E,
    "CF_PRIVATEFIRST": 0x200,
    "CF_GDIOBJLAST": 0x3FF,
    "GMEM_MOVEABLE": 2,
    "DESKTOP_READOBJECTS": 1,
    "UOI_NAME": 2,
    "WM_APP": 0x8000,
    "WM_DESTROYCLIPBOARD": 0x307,
    "WM_RENDERFORMAT": 0x305,
    "WM_RENDERALLFORMATS": 0x306,
    "WM_QUIT": 0x12,
    "WM_TIMER": 0x113,
    "WM_KEYDOWN": 0x100,
    "WM_KEYUP": 0x101,
    "WM_SYSKEYDOWN": 0x104,
    "WM_SYSKEYUP": 0x105,
    "WH_KEYBOARD_LL": 13,
    "LLKHF_INJECTED": 0x10,
    "PM_REMOVE": 1,
    "INPUT_MOUSE": 0,
    "INPUT_KEYBOARD": 1,
    "KEYEVENTF_EXTENDEDKEY": 1,
    "KEYEVENTF_KEYUP": 2,
    "MOUSEEVENTF_MOVE": 1,
    "MOUSEEVENTF_LEFTDOWN": 2,
    "MOUSEEVENTF_LEFTUP": 4,
    "MOUSEEVENTF_VIRTUALDESK": 0x4000,
    "MOUSEEVENTF_ABSOLUTE": 0x8000,
    "MAPVK_VK_TO_VSC": 0,
    "PROCESS_QUERY_LIMITED_INFORMATION": 0x1000,
    "TOKEN_QUERY": 8,
    "VK_LBUTTON": 1,
    "VK_XBUTTON2": 6,
    "VK_SHIFT": 0x10,
    "VK_CONTROL": 0x11,
    "VK_MENU": 0x12,
    "VK_PAUSE": 0x13,
    "VK_PRIOR": 0x21,
    "VK_DOWN": 0x28,
    "VK_INSERT": 0x2D,
    "VK_DELETE": 0x2E,
    "VK_LWIN": 0x5B,
    "VK_RWIN": 0x5C,
    "VK_CAPITAL": 0x14,
    "VK_NUMLOCK": 0x90,
    "VK_SCROLL": 0x91,
    "VK_LSHIFT": 0xA0,
    "VK_LCONTROL": 0xA2,
    "VK_RCONTROL": 0xA3,
    "VK_RMENU": 0xA5,
}
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
    """A line of FUNCTIONS: what it returns, its name, what it takes; types by their C names."""
    found = _FUNCTION.match(declaration)
    assert found is not None, declaration
    arguments = [one.strip() for one in found["arguments"].split(",")]
    return found["result"], found["name"], () if arguments == ["void"] else tuple(arguments)


def declarations(library: str) -> list[str]:
    """What of one library is used, a line each."""
    return [line.strip() for line in FUNCTIONS[library].splitlines() if line.strip()]


C = SimpleNamespace(**CONSTANTS, **ENUMERATED, **POINTERS)


@lru_cache(maxsize=1)
def windows() -> Any:
    """All the functions, by their names, each with its types. Only on Windows."""
    calls: dict[str, Any] = {}
    for library in FUNCTIONS:
        loaded: Any = vars(ctypes)["WinDLL"](library, use_last_error=True)
        for line in declarations(library):
            result, name, arguments = parse(line)
            call = getattr(loaded, name)
            call.restype, call.argtypes = TYPES[result], [TYPES[one] for one in arguments]
            calls[name] = call
    return SimpleNamespace(**calls)
