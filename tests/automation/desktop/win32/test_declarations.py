"""What we declare of Windows is what its headers declare: the very tables that the calls are made from are written out
as C and compiled against mingw-w64's headers, in which each claim is an assertion of the compiler's."""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from automation.desktop.win32 import api

pytestmark = pytest.mark.contract
COMPILER = "x86_64-w64-mingw32-gcc"
HEAD = """
#define WINVER 0x0A00
#define _WIN32_WINNT 0x0A00
#include <stddef.h>
#include <windows.h>
#include <dwmapi.h>
#define SAME(a, b) __builtin_types_compatible_p(__typeof__(a), __typeof__(b))
#define IS_POINTER(T) (__builtin_classify_type((T)0) == 5)
#define IS_SIGNED(T) (((T)-1) < ((T)0))
"""
_SIGNED = (ctypes.c_int16, ctypes.c_int32, ctypes.c_ssize_t)
_UNSIGNED = (ctypes.c_uint16, ctypes.c_uint32, ctypes.c_size_t)


ENUMERATIONS = {"TOKEN_INFORMATION_CLASS", "DPI_AWARENESS"}
"""Their sign is the compiler's own affair."""


def _types() -> list[str]:
    found: list[str] = []
    for name, kind in api.TYPES.items():
        found.append(f'_Static_assert(sizeof({name}) == {ctypes.sizeof(kind)}, "size of {name}");')
        if kind in _SIGNED or kind in _UNSIGNED:
            found.append(f'_Static_assert(!IS_POINTER({name}), "{name} is a number");')
            if name not in ENUMERATIONS:
                found.append(f'_Static_assert(IS_SIGNED({name}) == {int(kind in _SIGNED)}, "sign of {name}");')
        elif not issubclass(kind, ctypes.Structure):
            found.append(f'_Static_assert(IS_POINTER({name}), "{name} is a pointer");')
    return found


def _functions() -> list[str]:
    found: list[str] = []
    for library in api.FUNCTIONS:
        for line in api.declarations(library):
            result, name, arguments = api.parse(line)
            kind = f"{result} (WINAPI *)({', '.join(arguments) or 'void'})"
            found.append(f'_Static_assert(__builtin_types_compatible_p(__typeof__(&{name}), {kind}), "{name}");')
    return found


def _structures() -> list[str]:
    found: list[str] = []
    for structure in api.STRUCTURES:
        name = structure.__name__
        found.append(f'_Static_assert(sizeof({name}) == {ctypes.sizeof(structure)}, "size of {name}");')
        fields: list[Any] = list(structure._fields_)
        for field, *_ in fields:
            if field == "u":
                fields += [("mi", api.MOUSEINPUT), ("ki", api.KEYBDINPUT)]
                continue
            place: Any = getattr(structure, field)
            found.append(f'_Static_assert(offsetof({name}, {field}) == {place.offset}, "place of {name}.{field}");')
            found.append(f'_Static_assert(sizeof((({name} *)0)->{field}) == {place.size}, "size of {name}.{field}");')
    return found


def _numbers() -> list[str]:
    exact = {**api.CONSTANTS, **api.ENUMERATED}
    found = [f'_Static_assert((long long)({name}) == {value}, "{name}");' for name, value in exact.items()]
    # What is written as a pointer is no constant to C, but may be the start of one: the linker never sees it.
    return [
        *found,
        *(f"char {name}_is[(LONG_PTR)({name}) == {value} ? 1 : -1];" for name, value in api.POINTERS.items()),
    ]


def _callbacks() -> list[str]:
    """Check what Windows calls: how many words each takes, and how wide its result is."""
    kinds = {
        "WNDPROC": (api.WNDPROC, "LRESULT (CALLBACK *)(HWND, UINT, WPARAM, LPARAM)"),
        "WNDENUMPROC": (api.WNDENUMPROC, "BOOL (CALLBACK *)(HWND, LPARAM)"),
        "MONITORENUMPROC": (api.MONITORENUMPROC, "BOOL (CALLBACK *)(HMONITOR, HDC, LPRECT, LPARAM)"),
        "HOOKPROC": (api.HOOKPROC, "LRESULT (CALLBACK *)(int, WPARAM, LPARAM)"),
    }
    found: list[str] = []
    for name, (ours, kind) in kinds.items():
        found.append(f'_Static_assert(__builtin_types_compatible_p({name}, {kind}), "{name}");')
        arguments = kind[kind.index("(", kind.index("*")) + 1 : -1].split(", ")
        assert [ctypes.sizeof(api.TYPES[one]) for one in arguments] == [ctypes.sizeof(one) for one in ours._argtypes_]
        assert ctypes.sizeof(api.TYPES[kind.split(" ", 1)[0]]) == ctypes.sizeof(ours._restype_)
    return found


def _probe() -> list[str]:
    return [*_types(), *_functions(), *_structures(), *_numbers(), *_callbacks()]


def _compile(lines: list[str], tmp_path: Path) -> str:
    """Return what the compiler says against these lines; empty when they are all true."""
    source = tmp_path / "probe.c"
    source.write_text(HEAD + "\n".join(lines) + "\n")
    command = [COMPILER, "-std=gnu11", "-fsyntax-only", "-w", str(source)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def test_every_type_function_structure_and_number_is_as_windows_headers_say(tmp_path: Path) -> None:
    lines = _probe()
    assert len(lines) > 250
    assert _compile(lines, tmp_path) == ""


WRONG = [
    ("EnumWindows), BOOL (WINAPI *)(WNDENUMPROC, LPARAM)", "EnumWindows), BOOL (WINAPI *)(WNDENUMPROC, DWORD)"),
    ("SendInput), UINT (WINAPI *)(UINT, LPINPUT, int)", "SendInput), UINT (WINAPI *)(UINT, LPINPUT)"),
    ("offsetof(MSG, pt) == 36", "offsetof(MSG, pt) == 40"),
    ("sizeof(INPUT) == 40", "sizeof(INPUT) == 28"),
    ("(long long)(CF_UNICODETEXT) == 13", "(long long)(CF_UNICODETEXT) == 1"),
    ("HWND_MESSAGE) == -3", "HWND_MESSAGE) == -2"),
    ("IS_SIGNED(DWORD) == 0", "IS_SIGNED(DWORD) == 1"),
]
"""What is so, and what is not: one line each of what the compiler is given."""


def test_the_compiler_finds_all_that_is_declared_wrongly(tmp_path: Path) -> None:
    lines = _probe()
    wrong: set[int] = set()
    for true, false in WRONG:
        (number,) = [number for number, line in enumerate(lines) if true in line]
        assert number not in wrong
        wrong.add(number)
        lines[number] = lines[number].replace(true, false)
    first = HEAD.count("\n") + 1
    said = _compile(lines, tmp_path)
    assert {int(one) - first for one in re.findall(r"probe\.c:(\d+):\d+: error", said)} == wrong, said
