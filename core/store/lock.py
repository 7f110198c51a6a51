"""Locks between processes, held by the operating system, so that a crash leaves none behind."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from core.kit.errors import OctetError
from core.kit.files import try_lock
from core.remedies import refused
from core.store.errors import of_system


def home_lock(path: Path) -> AbstractContextManager[None]:
    """Hold the home's lock file within the block. Raises already_running, StoreFull or home_unusable."""
    return file_lock(path, lambda: refused("already_running", path=path.parent))


@contextmanager
def file_lock(path: Path, refusal: Callable[[], OctetError]) -> Generator[None]:
    """Hold the lock file at `path` within the block. Raises `refusal()` if another process has it."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise of_system(error, path) from error
    try:
        if not try_lock(handle):
            raise refusal()
        yield
    finally:
        os.close(handle)
