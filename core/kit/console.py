"""What is printed for a person or another program: in UTF-8 everywhere, and commands as their own shell reads them."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence


def speak_utf8() -> None:
    """From here on, standard output and standard error are UTF-8. Windows writes a code page into pipes and files that
    lacks half of our signs and ends the program at the first of them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def command_line(words: Sequence[str], platform: str = sys.platform) -> str:
    """A command as somebody types it on this platform: in cmd and PowerShell on Windows, where words without spaces are
    written alike, in a POSIX shell elsewhere."""
    import shlex  # here: agents' verbs, which start in an eye's blink, print and need none of it
    import subprocess

    return subprocess.list2cmdline(words) if platform == "win32" else shlex.join(words)
