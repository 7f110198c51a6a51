"""What the user has in the clipboard, with all its formats, kept until Octet has given it back."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ConfigDict, TypeAdapter, with_config

from core.kit.errors import Unavailable
from core.kit.files import write_bytes_private
from core.profiles.model import Selection

T = TypeVar("T")


class NoClipboard(Unavailable):
    """This platform's clipboard cannot be used: {why}"""


MOST_BYTES = 32_000_000  # of all formats together; what goes beyond is not kept
NO_DATA = frozenset(
    {"TARGETS", "TIMESTAMP", "MULTIPLE", "SAVE_TARGETS", "DELETE", "INSERT_SELECTION", "INSERT_PROPERTY"}
)
INSIDE_ONLY = frozenset({"GTK_TEXT_BUFFER_CONTENTS", "GTK_TREE_MODEL_ROW"})
"""Targets that mean something inside the program that offers them only: addresses in its memory."""
TEXTS = ("UTF8_STRING", "text/plain;charset=utf-8", "STRING", "text/html")  # asked for first
SECRETS = frozenset(
    {"x-kde-passwordManagerHint", "ExcludeClipboardContentFromMonitorProcessing", "Clipboard Viewer Ignore"}
)
"""By these targets password managers say that what they offer is to be kept nowhere; the last two on Windows."""


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
    left_out: int = 0  # how many were too large, too slow, or refused
    is_late: bool = False  # whether some of these might have come a moment later

    @property
    def is_secret(self) -> bool:
        """Whether its owner asked that it be kept nowhere."""
        return any(one.target in SECRETS for one in self.formats)


_FILE = TypeAdapter(ClipboardContent)


def in_order(targets: list[str]) -> list[str]:
    """Those that are data, the texts first."""
    data = [name for name in dict.fromkeys(targets) if name not in NO_DATA | INSIDE_ONLY]
    return sorted(data, key=lambda name: TEXTS.index(name) if name in TEXTS else len(TEXTS))


class ClipboardBackup:
    """One file per display and selection. `session` tells this run of the display from one with the same name."""

    def __init__(self, folder: Path, display: str, session: str) -> None:
        self._folder = folder
        self._display = re.sub(r"[^A-Za-z0-9]", "_", re.sub(r"\.\d+\Z", "", display))
        self._session = session.encode()

    def put(self, selection: Selection, belongings: ClipboardContent) -> None:
        """Keep this, in place of what was kept; what asks to be kept nowhere is not."""
        if belongings.is_secret or not belongings.formats:
            self.clear(selection)
            return
        with contextlib.suppress(OSError):  # no room: then a killed worker loses the clipboard, and nothing else
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_bytes_private(self._path(selection), self._session + b"\n" + _FILE.dump_json(belongings))

    def get(self, selection: Selection) -> ClipboardContent | None:
        """What was kept; None when there is nothing, or it is of another run of the display."""
        try:
            session, _, packed = self._path(selection).read_bytes().partition(b"\n")
            return _FILE.validate_json(packed) if session == self._session else None
        except (OSError, ValueError):
            return None

    def clear(self, selection: Selection) -> None:
        """Keep nothing any more."""
        with contextlib.suppress(OSError):
            self._path(selection).unlink()

    def _path(self, selection: Selection) -> Path:
        return self._folder / f"{selection.value}-{self._display}"


def as_job(work: Callable[[], T]) -> tuple[Callable[[], None], Future[T]]:
    """What does this work in the clipboard's own thread, and what its caller waits for, in whose thread errors rise."""
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except Exception as trouble:  # noqa: BLE001 handed to the caller
            done.set_exception(trouble)

    return run, done
