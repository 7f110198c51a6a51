"""Files that go with tasks and messages: their place in the home, and when Octet deletes them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import shutil
import unicodedata
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeAlias

import structlog

from core import limits
from core.kit.clock import Clock
from core.kit.errors import OctetError
from core.kit.files import read_regular, write_private
from core.kit.ids import Ids
from core.messages.model import NewFile, StoredFile, files_of
from core.remedies import refused
from core.store.engine import Executable, Store
from core.store.errors import of_system

log = structlog.get_logger(__name__)

NamedFiles: TypeAlias = list[tuple[Any, tuple[StoredFile, ...]]]  # by the ids of their rows
_NAME_CHARS = 80
_NEW_MS = 3_600_000  # so long no row may name a file yet, because its transaction is on its way


class Attachments:
    """The folder of all files. In it each request has a separate folder; a row in the database names its files."""

    def __init__(self, folder: Path, *, clock: Clock, ids: Ids) -> None:
        self._folder, self._clock, self._ids = folder, clock, ids
        self._kept: int | None = None  # bytes of all files; None: not counted yet
        self._new: dict[str, int] = {}  # when this process wrote a folder, of the last hour

    @asynccontextmanager
    async def stored(
        self, files: Iterable[NewFile], *, known: Callable[[], Awaitable[object]]
    ) -> AsyncGenerator[tuple[StoredFile, ...]]:
        """Write these files before the transaction of the block, which names them; delete them if it refuses. Write
        none where `known` finds what they came with. Raises as it, TooManyItems, files_too_large or
        files_quota_exceeded; StoreFull or home_unusable where the disk fails."""
        files = limits.check("attachments", tuple(files), limits.FILES)
        files = () if files and await known() else files
        size = sum(len(one.content) for one in files)
        if size > limits.FILE_BYTES.most:
            raise refused("files_too_large", megabytes=limits.FILE_BYTES.most // 1_000_000)
        if not files:
            yield ()
            return
        kept = await asyncio.to_thread(size_of, self._folder) if self._kept is None else self._kept
        if kept + size > limits.HOME_FILE_BYTES.most:
            raise refused("files_quota_exceeded", whose="this home", megabytes=limits.HOME_FILE_BYTES.most // 1_000_000)
        self._kept = kept + size
        name = self._ids.ulid()
        self._new[name] = self._clock.now_ms()
        try:
            yield await asyncio.to_thread(self._write, self._folder / name, files)
        except OctetError:  # after any other end the row may be there, and `delete_others` finds out
            await asyncio.to_thread(shutil.rmtree, self._folder / name, ignore_errors=True)
            self._kept = None
            raise

    def _write(self, folder: Path, files: Sequence[NewFile]) -> tuple[StoredFile, ...]:
        found = list[StoredFile]()
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            folder.mkdir(mode=0o700)
            for number, one in enumerate(files, 1):
                path = folder / safe_name(one.name)
                path = path.with_name(f"{number}-{path.name}") if path.exists() else path
                write_private(path, one.content)
                sha256 = hashlib.sha256(one.content).hexdigest()
                found.append(StoredFile(path=str(path), size=len(one.content), sha256=sha256))
        except OSError as error:
            raise of_system(error, folder) from error
        return tuple(found)

    async def download(self, of: str, files: Sequence[StoredFile], number: int) -> tuple[str, bytes]:
        """Return the name and the content of a file; `number` counts from 0. Raises file_not_found."""
        content = await self.read(files[number]) if number < len(files) else None
        if content is None:
            raise refused("file_not_found", id=of, number=number)
        return files[number].name, content

    async def read(self, file: StoredFile) -> bytes | None:
        """Return the content of a file; None where it is gone or another program changed it."""
        try:
            content = await asyncio.to_thread(read_regular, Path(file.path), file.size + 1, follows_links=False)
        except OSError as error:
            log.warning("attachment_not_read", file=file.path, why=error.strerror)
            return None
        return content if hashlib.sha256(content).hexdigest() == file.sha256 else None

    async def follow_home(self, store: Store, key: Any, named: NamedFiles) -> None:
        """Correct the paths in rows, whose id is the column `key`, after a user moved the home."""
        for of, files in named:
            here = [replace(one, path=str(self._folder / Path(one.path).parent.name / one.name)) for one in files]
            if here != [*files]:
                now = json.dumps([asdict(one) for one in here], ensure_ascii=False)
                await store.write(lambda tx, of=of, now=now: tx.update_row(key, of, attachments=now) and None)

    async def delete_others(self, kept: NamedFiles) -> int:
        """Delete all files but these and the newest; return how many requests' files these were."""
        since_ms = self._clock.now_ms() - _NEW_MS
        named = {Path(one.path).parent.name for _, files in kept for one in files}
        self._new = {name: at_ms for name, at_ms in self._new.items() if at_ms > since_ms}
        self._kept = None
        return await asyncio.to_thread(self._delete, named | self._new.keys())

    def _delete(self, kept: Collection[str]) -> int:
        others = [one for one in self._folder.iterdir() if one.name not in kept] if self._folder.is_dir() else []
        for folder in others:
            try:
                shutil.rmtree(folder)
            except OSError as error:  # Octet tries again in an hour
                log.warning("attachment_not_deleted", folder=str(folder), why=error.strerror)
        return len(others)


async def named_files(store: Store, statement: Executable) -> NamedFiles:
    """Fetch the id of each row with files, and the files that it names."""
    rows = await store.fetch(statement)
    return store.aside.readable("files of", rows, lambda row: (row.of, files_of(row.attachments)), key="of")


def planned_files(files: Iterable[NewFile]) -> tuple[StoredFile, ...]:
    """Describe files that are not written, for the checks before that."""
    return tuple(StoredFile(path="", size=len(one.content), sha256="") for one in files)


def size_of(folder: Path) -> int:
    """Add up the files of all requests, in bytes."""
    total = 0
    for file in folder.glob("*/*"):
        with suppress(FileNotFoundError):  # Octet may delete it now
            total += file.lstat().st_size
    return total


def safe_name(name: str) -> str:
    """Return a name without separators, control characters, leading dots and what a shell or a window could take for
    more than a letter; the end stays, because programs go by it."""
    plain = re.sub(r"[^\w.-]", "_", unicodedata.normalize("NFC", name)).lstrip(".-")
    stem, dot, end = plain.rpartition(".")
    end = f"{dot}{end[:12]}" if stem else ""
    kept = (stem or plain).encode()[: _NAME_CHARS - len(end.encode())].decode(errors="ignore")
    return f"{kept}{end}" if kept.strip("_.") else f"file{end}"
