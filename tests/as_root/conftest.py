"""Tests that must mount file systems: `make test-root`. They fail, and never skip, where that cannot be done."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

NEEDED = ("mount", "umount", "mkfs.ext4", "losetup", "chattr")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Say at once, and all of it, what is missing."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if sys.platform != "linux" or os.geteuid() != 0 or missing:
        why = f"; missing here: {', '.join(missing)}" if missing else ""
        pytest.exit(
            "make test-root needs Linux, root, loop devices and the programs of mount and e2fsprogs "
            f"({', '.join(NEEDED)}){why}",
            returncode=1,
        )
