"""What the user has in the clipboard, with all its formats, kept until Octet restores it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ConfigDict, TypeAdapter, with_config

from core.kit.errors import Unavailable
from core.kit.files import write_private

T = TypeVar("T")


class NoClipboard(Unavailable):
    """Octet cannot use this platform's clipboard: {why}"""


MOST_BYTES = 32_000_000  # of all formats together; what goes beyond is not kept
NO_DATA = frozenset(
    {"TARGETS", "TIMESTAMP", "MULTIPLE", "SAVE_TARGETS", "DELETE", "INSERT_SELECTION", "INSERT_PROPERTY"}
)
INSIDE_ONLY = frozenset({"GTK_TEXT_BUFFER_CONTENTS", "GTK_TREE_MODEL_ROW"})
"""Targets that mean something inside the program that offers them only: addresses in its memory."""
TEXTS = ("UTF8_STRING", "text/plain;charset=utf-8", "STRING", "text/html")  # asked for first


@with_config(ConfigDict(ser_json_bytes="base64", val_json_bytes="base64"))
@dataclass(frozen=True, slots=True, kw_only=True)
class ClipboardFormat:
    """One form of it."""

    target: str
    kind: str
    bits: int  # of one item: 8, 16 or 32
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipboardContent:
    """All forms of what one program offered on one selection."""

    formats: tuple[ClipboardFormat, ...]
    left_out: int = 0  # formats that were too large, too slow, or refused
    is_late: bool = False  # some of these might have come a moment later
    is_secret: bool = False  # its owner asked to keep it nowhere


_FILE = TypeAdapter(ClipboardContent)


def in_order(targets: list[str]) -> list[str]:
    """Return the targets that are data, the texts first."""
    data = [name for name in dict.fromkeys(targets) if name not in NO_DATA | INSIDE_ONLY]
    return sorted(data, key=lambda name: TEXTS.index(name) if name in TEXTS else len(TEXTS))


class ClipboardBackup:
    """What the user had in the clipboard, in a file. `session` tells this run of the display from an earlier one."""

    def __init__(self, path: Path, session: str) -> None:
        self._path = path
        self._session = session.encode()

    def put(self, content: ClipboardContent) -> None:
        """Keep this, in place of what was kept, unless its owner asks to keep it nowhere."""
        if content.is_secret or not content.formats:
            self.clear()
            return
        with contextlib.suppress(OSError):  # no room: then a killed worker loses the clipboard, and nothing else
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self._path, self._session + b"\n" + _FILE.dump_json(content))

    def get(self) -> ClipboardContent | None:
        """Return what was kept; None where there is nothing, or it is of another run of the display."""
        try:
            session, _, packed = self._path.read_bytes().partition(b"\n")
            return _FILE.validate_json(packed) if session == self._session else None
        except (OSError, ValueError):
            return None

    def clear(self) -> None:
        with contextlib.suppress(OSError):
            self._path.unlink()


def as_job(work: Callable[[], T]) -> tuple[Callable[[], None], Future[T]]:
    """Wrap work for the clipboard's thread: return what that calls, and the future with its result or error."""
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except Exception as trouble:  # noqa: BLE001 handed to the caller
            done.set_exception(trouble)

    return run, done
