"""What is printed for a person or another program: in UTF-8 everywhere, and commands as their own shell reads them."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, TextIO, cast

from core.kit.redaction import redacted

_C0_C1, _DIRECTION = r"\x00-\x1f\x7f-\x9f", r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
CONTROLS = re.compile(rf"(?![\n\t])[{_C0_C1}{_DIRECTION}\u2028\u2029\ud800-\udfff]")
"""What makes a console do something, or turns the writing direction, in place of being shown. Line feeds and
tabs are fine."""


def escaped(text: str) -> str:
    """Return `text` with each control character written as its number."""
    return CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def without_secrets(text: str) -> str:
    """Return `text` as the log and error messages show it: without secrets, control characters as numbers."""
    return escaped(redacted(text))


class Filtered:
    """A text stream through which no control character passes: it is written as its number, as in JSON, which a person
    can read and which means the same to a program."""

    def __init__(self, stream: TextIO, *, shown: Callable[[str], str] = escaped) -> None:
        """`shown` turns what is written into what is shown."""
        self.rich_proxied_file = stream  # the name by which Rich, which colours our own help, finds the stream
        self._shown = shown

    def write(self, text: str) -> int:
        """Write `text`, its control characters as numbers."""
        return self.rich_proxied_file.write(self._shown(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rich_proxied_file, name)


def unfiltered(stream: TextIO | Filtered) -> TextIO:
    """Return the stream for Octet's own control characters: a line that is drawn again."""
    return stream.rich_proxied_file if isinstance(stream, Filtered) else stream


def speak_utf8() -> None:
    """From here on, standard output and standard error are UTF-8, and control characters do not reach them, whatever
    text they are in. Windows writes a code page into pipes and files that lacks half of our signs and ends the program
    at the first of them."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
            shown = escaped if name == "stdout" else without_secrets
            setattr(sys, name, Filtered(cast("TextIO", stream), shown=shown))


def command_line(words: Sequence[str], platform: str = sys.platform) -> str:
    """A command as somebody types it on this platform: in cmd and PowerShell on Windows, where words without spaces are
    written alike, in a POSIX shell elsewhere."""
    import shlex  # here: agents' verbs, which start in an eye's blink, print and need none of it
    import subprocess

    return subprocess.list2cmdline(words) if platform == "win32" else shlex.join(words)
