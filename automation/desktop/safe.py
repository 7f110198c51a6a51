"""A person's clipboard, kept in a file as long as ours is offered in its place: the next worker gives it back if this
one is killed. Only this account can read it; its content is never logged."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from automation.desktop.x11.belongings import ClipboardContent
from core.profiles.model import Selection


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
        path = self._path(selection)
        new = path.with_suffix(".new")
        with contextlib.suppress(OSError):  # no room: then a killed worker loses the clipboard, and nothing else
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(self._session + b"\n" + belongings.pack())
            new.replace(path)

    def get(self, selection: Selection) -> ClipboardContent | None:
        """What was kept; None when there is nothing, or it is of another run of the display."""
        try:
            session, _, packed = self._path(selection).read_bytes().partition(b"\n")
            return ClipboardContent.unpack(packed) if session == self._session else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def clear(self, selection: Selection) -> None:
        """Keep nothing any more."""
        with contextlib.suppress(OSError):
            self._path(selection).unlink()

    def _path(self, selection: Selection) -> Path:
        return self._folder / f"{selection.value}-{self._display}"
