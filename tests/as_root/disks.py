"""File systems of a test's own: one that can be filled and grown, and one whose power can be cut."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_SHUT_DOWN = 0x8004587D
"""ext4's own ioctl for tests of crashes: from now on nothing reaches the device any more."""
_WITHOUT_FLUSHING = 2


def run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"


class Small:
    """A disk in memory that holds no more than it was made for."""

    def __init__(self, place: Path, megabytes: int) -> None:
        self.place = place
        place.mkdir(parents=True)
        run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place))

    def fill(self) -> None:
        """Leave no byte of it free."""
        with contextlib.suppress(OSError), (self.place / "filler").open("ab", buffering=0) as filler:
            for size in (65_536, 4_096):
                with contextlib.suppress(OSError):
                    while True:
                        filler.write(bytes(size))

    def grow(self, megabytes: int) -> None:
        run("mount", "-o", f"remount,size={megabytes}m", str(self.place))


@contextmanager
def small(place: Path, *, megabytes: int) -> Generator[Small]:
    disk = Small(place, megabytes)
    try:
        yield disk
    finally:
        run("umount", "-l", str(place))


class Cuttable:
    """An ext4 disk. After a cut it holds what was synced, and of the rest what had happened to be written already."""

    def __init__(self, image: Path, place: Path) -> None:
        self.image, self.place = image, place
        with image.open("wb") as file:
            file.truncate(256 * 1024 * 1024)
        run("mkfs.ext4", "-q", "-F", str(image))
        place.mkdir(parents=True)
        self.power_on()

    def power_on(self, options: str = "loop") -> None:
        run("mount", "-o", options, str(self.image), str(self.place))

    def cut(self) -> None:
        """From this moment on nothing is written any more."""
        handle = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, _SHUT_DOWN, struct.pack("I", _WITHOUT_FLUSHING))
        finally:
            os.close(handle)

    def power_off(self) -> None:
        run("umount", str(self.place))


@contextmanager
def cuttable(folder: Path, place: Path) -> Generator[Cuttable]:
    disk = Cuttable(folder / "disk.img", place)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)
