"""The home's `answers/` folder: what agents said while no Octet listened, taken in when one starts.

Importing and writing need the standard library only, because the agents' verbs do both.
"""

from __future__ import annotations

import json
import stat
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from core.kit.files import write_private

if TYPE_CHECKING:
    from collections.abc import Awaitable

FOLDER = "answers"
REFUSED = "refused"
MAX_FILE_BYTES = 8_000_000
_KEY_CHARS = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an agent says to a task. The same key is one answer, however often it is sent."""

    task: str
    code: str = field(repr=False)
    text: str = field(repr=False)
    final: bool
    key: str


class _Tasks(Protocol):
    def report(self, task: str, code: str, text: str, *, final: bool, key: str) -> Awaitable[object]: ...


class _Coordinator(Protocol):
    @property
    def tasks(self) -> _Tasks: ...


def put(home: Path, answer: Answer) -> Path:
    """Keep `answer` in the folder of `home` until an Octet starts there. The same answer twice is one file."""
    if not answer.key or not _KEY_CHARS.issuperset(answer.key):
        raise ValueError("an answer's key is hexadecimal, because its file is named by it")
    folder = home / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{answer.key}.json"
    if not path.exists():  # the first one keeps its place in the order
        row = {**asdict(answer), "at_ms": time.time_ns() // 1_000_000}
        write_private(path, json.dumps(row, ensure_ascii=False))
    return path


async def take_in(coordinator: _Coordinator, home: Path) -> int:
    """Report every kept answer, oldest first, and return how many were stored (those marked late count).

    A file is removed once its text is in the database; one that cannot be used goes to `answers/refused/` with the
    reason beside it; when it cannot be taken now, it stays for the next time. No file keeps Octet from starting.
    """
    import asyncio

    import structlog

    from core.kit import faults
    from core.kit.errors import Unavailable

    log = structlog.get_logger(__name__)
    stored = 0
    try:
        found = await asyncio.to_thread(_read_all, home / FOLDER)
    except OSError as error:
        log.warning("kept_answers_not_read", folder=str(home / FOLDER), why=error.strerror)
        return 0
    for path, answer in found:
        try:
            why = answer if isinstance(answer, str) else await _report(coordinator, answer)
            if why:
                await asyncio.to_thread(_refuse, path, why)
                log.warning("kept_answer_refused", file=path.name, why=why)
            else:
                faults.point("answers.reported")
                await asyncio.to_thread(path.unlink, missing_ok=True)
                stored += 1
        except Unavailable as error:
            log.warning("kept_answers_stay", first=path.name, why=error.message)
            break  # the others would meet the same
        except Exception:
            log.exception("kept_answer_stays", file=path.name)
    return stored


async def _report(coordinator: _Coordinator, answer: Answer) -> str:
    """Why the answer cannot be used; empty when its text is stored. Raises Unavailable when it cannot be taken now."""
    from core.kit.errors import OctetError, Unavailable
    from core.tasks.model import NotWorking, TakenBack, TaskEnded, WrongTask

    try:
        await coordinator.tasks.report(answer.task, answer.code, answer.text, final=answer.final, key=answer.key)
    except (TaskEnded, TakenBack, WrongTask, NotWorking):
        return ""  # its text was stored all the same, marked late
    except Unavailable:
        raise
    except OctetError as error:
        return error.message
    return ""


def _read_all(folder: Path) -> list[tuple[Path, Answer | str]]:
    """Each file with its answer, or with what is wrong with it; oldest first."""
    if not folder.is_dir():
        return []
    found: list[tuple[int, str, Path, Answer | str]] = []
    for path in folder.glob("*.json"):
        if path.name.startswith("."):
            continue  # a draft that its writer has not finished
        try:
            at_ms, answer = _read(path)
        except OSError as error:
            at_ms, answer = 0, f"The file cannot be read: {error.strerror}."
        except ValueError as error:
            at_ms, answer = 0, str(error)
        found.append((at_ms, path.name, path, answer))
    return [(path, answer) for _, _, path, answer in sorted(found, key=lambda row: row[:2])]


def _read(path: Path) -> tuple[int, Answer]:
    about = path.lstat()
    if not stat.S_ISREG(about.st_mode):
        raise ValueError("It is not a plain file.")
    if about.st_size > MAX_FILE_BYTES:
        raise ValueError(f"It has {about.st_size} bytes; at most {MAX_FILE_BYTES} are read.")
    try:
        row: object = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError("It is not JSON in UTF-8.") from error
    if not isinstance(row, dict):
        raise ValueError("It is not a JSON object.")  # noqa: TRY004 - what is wrong is the file, not our call
    values = cast("dict[str, object]", row)
    match values:
        case {
            "task": str(task),
            "code": str(code),
            "text": str(text),
            "final": bool(final),
            "key": str(key),
            "at_ms": int(at_ms),
        }:
            for words in (task, code, text, key):
                words.encode()  # JSON can name half a character, which no database takes: a ValueError
            return at_ms, Answer(task=task, code=code, text=text, final=final, key=key)
        case _:
            raise ValueError("It lacks one of task, code, text, final, key, at_ms, or one is of the wrong kind.")


def _refuse(path: Path, why: str) -> None:
    refused = path.parent / REFUSED
    refused.mkdir(mode=0o700, exist_ok=True)
    path.replace(refused / path.name)
    write_private(refused / f"{path.stem}.reason.txt", why + "\n")
