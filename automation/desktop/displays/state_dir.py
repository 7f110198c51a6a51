"""The folder of one virtual display, in the home: its cookie, and the status that its keeper writes."""

from __future__ import annotations

import fcntl
import os
import shlex
import socket
import struct
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import TypeAdapter

from automation.desktop.displays.display_status import NOT_KEPT, DisplayStatus
from core.home import environ_file
from core.kit.errors import Conflict
from core.kit.files import try_lock, write_private

_FAMILY_LOCAL, _FAMILY_WILD = 256, 0xFFFF
_KIND = b"MIT-MAGIC-COOKIE-1"

_STATUS = TypeAdapter(DisplayStatus)


def write_cookie(path: Path, cookie: bytes, number: str = "") -> None:
    """Write an authority file with this cookie for the display `number` of this machine; empty: for any."""
    entries = b"".join(
        struct.pack(">H", family) + b"".join(map(_counted, (address, number.encode(), _KIND, cookie)))
        # One entry for libraries that compare the host's name, one for those that take any.
        for family, address in ((_FAMILY_LOCAL, socket.gethostname().encode()), (_FAMILY_WILD, b""))
    )
    write_private(path, entries)


def _counted(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


class KeptByAnother(Conflict):
    """Another process of this home already runs the display of desk {id}."""


class DisplayStateDir:
    """The folder of one desk's display: its lock, its status, whether it is wanted, and its programs' output."""

    def __init__(self, displays: Path, desk: str) -> None:
        self.desk = desk
        self.path = displays / desk

    def make(self) -> None:
        """Make it for the owner of this account only: it holds the cookie."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.mkdir(mode=0o700, exist_ok=True)

    @property
    def xauthority(self) -> Path:
        return self.path / "Xauthority"

    def program_environ(self) -> Mapping[str, str]:
        """Return the variables for the display's program alone (core.config.program_environ)."""
        file = environ_file(self.path, "")
        lines = file.read_text("utf-8").splitlines() if file.exists() else ()
        pairs = (word.partition("=") for line in lines for word in shlex.split(line)[1:])
        return {name: value for name, _, value in pairs}

    @contextmanager
    def kept(self) -> Generator[None]:
        """Be the display's one keeper for the length of the block. Raises KeptByAnother."""
        self.make()
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not try_lock(handle):
                raise KeptByAnother(id=self.desk)
            yield
        finally:
            os.close(handle)

    def tell(self, status: DisplayStatus) -> None:
        write_private(self.path / "standing.json", _STATUS.dump_json(status))

    def read(self) -> DisplayStatus:
        """Return the keeper's last report, or NOT_KEPT."""
        if not self._is_kept():
            return NOT_KEPT
        try:
            return _STATUS.validate_json((self.path / "standing.json").read_bytes())
        except (OSError, ValueError):
            return DisplayStatus()

    @property
    def is_wanted(self) -> bool:
        return not (self.path / "down").exists()

    def want(self, *, up: bool) -> None:
        """Have it up, or down until a user wants it up again; its keeper obeys, now or later."""
        self.make()
        if up:
            (self.path / "down").unlink(missing_ok=True)
        else:
            (self.path / "down").touch(mode=0o600)

    def _is_kept(self) -> bool:
        try:
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            return False
        finally:
            os.close(handle)
