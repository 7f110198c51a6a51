"""Output for users and other programs: UTF-8 everywhere, and commands as their shell reads them."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, TextIO, cast

from core.kit.redaction import redacted

_C0_C1, _DIRECTION = r"\x00-\x1f\x7f-\x9f", r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
CONTROLS = re.compile(rf"(?![\n\t])[{_C0_C1}{_DIRECTION}\u2028\u2029\ud800-\udfff]")


def escaped(text: str) -> str:
    """Return `text` with each control character written as its number."""
    return CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def without_secrets(text: str) -> str:
    """Return `text` as the log and error messages show it: without secrets, control characters as numbers."""
    return escaped(redacted(text))


class Filtered:
    """A text stream that writes each control character as its number, as JSON does."""

    def __init__(self, stream: TextIO, *, shown: Callable[[str], str] = escaped) -> None:
        """`shown` converts the text before it is written."""
        self.rich_proxied_file = stream  # Rich, which colours the help, finds the stream by this name
        self._shown = shown

    def write(self, text: str) -> int:
        return self.rich_proxied_file.write(self._shown(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rich_proxied_file, name)


def unfiltered(stream: TextIO | Filtered) -> TextIO:
    """Return the stream for Octet's own control characters: a line that is drawn again."""
    return stream.rich_proxied_file if isinstance(stream, Filtered) else stream


def speak_utf8() -> None:
    """Make standard output and error UTF-8 without control characters. On Windows a pipe or file has a code page, and
    the first character outside it would end the program."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
            shown = escaped if name == "stdout" else without_secrets
            setattr(sys, name, Filtered(cast("TextIO", stream), shown=shown))


def command_line(words: Sequence[str]) -> str:
    """Return a command as users type it on this platform: in cmd and PowerShell on Windows, else in a POSIX shell."""
    import shlex  # here: agents' verbs must start fast and do not need it
    import subprocess

    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)
