"""The home's `answers/` folder: it keeps each answer until Octet has it, even if the agent's command is killed.

Importing and writing need the standard library only, because the agents' verbs do both."""

from __future__ import annotations

import contextlib
import json
import re
import stat
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from core.kit.files import read_regular, write_private
from core.limits import SPOOLED_BYTES

if TYPE_CHECKING:
    from core.coordinator import Coordinator

FOLDER = "answers"
REFUSED = "refused"
MAX_FILE_BYTES = SPOOLED_BYTES.most  # the longest answer, and its files in base64
SETTLED_S = 2.0  # Octet leaves younger files to the command that wrote them: it is probably just sending the answer
LOOK_S = 60.0  # the longest time between two looks into the folder
_KEY_CHARS = frozenset("0123456789abcdef")
_AT_NS = re.compile(rb'\{"at_ns": (\d{1,20}),')  # the begin of each file, which is enough to sort a large folder


@dataclass(frozen=True, slots=True, kw_only=True)
class SpooledAnswer:
    """What an agent says to a task, or to a message (`M-…`). The same key is one answer, however often it is sent."""

    task: str
    code: str = field(repr=False)
    text: str = field(repr=False)
    final: bool
    key: str
    trouble: Literal["", "blocked", "failed"] = ""  # it reports an AgentTrouble (core.tasks.model)
    evidence: tuple[dict[str, str | bool | None], ...] = ()  # as core.messages.model.read_evidence takes it
    attachments: tuple[dict[str, str], ...] = field(default=(), repr=False)  # as its read_files takes them


def spool_answer(home: Path, answer: SpooledAnswer) -> Path:
    """Write `answer` into the folder of `home`. The same answer twice is one file."""
    if not answer.key or not _KEY_CHARS.issuperset(answer.key):
        raise ValueError("an answer's key is hexadecimal, because its file is named by it")
    folder = home / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{answer.key}.json"
    if not path.exists():  # the first one keeps its place in the order
        row = {"at_ns": time.time_ns(), **asdict(answer)}
        write_private(path, json.dumps(row, ensure_ascii=False))
    return path


async def watch_spool(coordinator: Coordinator, home: Path, *, settled_s: float = SETTLED_S) -> NoReturn:
    """Read the folder's answers until cancelled: now, after each sign of an agent, and once a minute."""
    import asyncio

    failed, activity = set[str](), coordinator.tasks.activity_seen
    await report_spooled(coordinator, home, failed=failed)
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await activity.wait()
        await asyncio.sleep(settled_s)
        activity.clear()
        await report_spooled(coordinator, home, settled_s=settled_s, failed=failed)


async def report_spooled(
    coordinator: Coordinator, home: Path, *, settled_s: float = 0.0, failed: set[str] | None = None
) -> int:
    """Report every answer that is at least `settled_s` old, oldest first; return how many Octet stored, also late.

    Octet removes a file once its text is in the database, moves an unusable one to `answers/refused/` with the reason,
    and leaves one that it cannot store now for the next time, with the later ones of a task that has sent enough for
    this minute or whose subtasks are open. The command that wrote a file may bring the same answer meanwhile and remove
    the file: Octet stores it once. Octet leaves files in `failed` until the next start, and adds those at which it
    meets an unexpected error."""
    import asyncio

    import structlog

    from core.kit import faults
    from core.kit.errors import Unavailable
    from core.tasks.model import AnswerRateExceeded, SubtasksOpen

    log = structlog.get_logger(__name__)
    stored, resting = 0, set[str]()
    failed = set[str]() if failed is None else failed
    try:
        found = await asyncio.to_thread(_settled, home / FOLDER, settled_s)
    except OSError as error:
        log.warning("spooled_answers_not_read", folder=str(home / FOLDER), why=error.strerror)
        return 0
    for path in found:
        if path.name in failed:
            continue
        try:
            answer = await asyncio.to_thread(_read, path)
            if isinstance(answer, SpooledAnswer) and answer.task in resting:
                continue
            why = answer if isinstance(answer, str) else await _report(coordinator, answer)
            if why:
                await asyncio.to_thread(_refuse, path, why)
                log.warning("spooled_answer_refused", file=path.name, why=why)
            else:
                faults.point("answers.reported")
                await asyncio.to_thread(path.unlink, missing_ok=True)
                stored += 1
        except FileNotFoundError:
            continue  # the command brought the answer itself
        except (AnswerRateExceeded, SubtasksOpen) as error:
            resting.add(str(error.details["id"]))  # its later ones wait too, so that they stay in order
            log.info("spooled_answers_rest", first=path.name, why=error.message)
        except Unavailable as error:
            log.warning("spooled_answers_wait", first=path.name, why=error.message)
            break  # the others would fail too
        except Exception:  # the outer edge of one file: it waits for the next start, and the others must be read
            log.exception("spooled_answer_failed", file=path.name)
            failed.add(path.name)
    return stored


async def _report(coordinator: Coordinator, answer: SpooledAnswer) -> str:
    """Return why the answer cannot be used; empty when its text is stored. Raises Unavailable for another try later."""
    from core.agent_messages.model import is_message_name
    from core.kit.errors import OctetError, Unavailable
    from core.messages.model import read_evidence, read_files
    from core.tasks.model import AgentTrouble, LeaseRevoked, SubtasksOpen, TaskEnded, TaskNotStarted, WrongTask

    try:
        proof: Any = {"evidence": read_evidence(answer.evidence), "files": read_files(answer.attachments)}
        if is_message_name(answer.task):
            answers = coordinator.agent_messages.answers
            await answers.accept(answer.task, answer.code, answer.text, **proof)
            return ""
        await coordinator.tasks.accept_answer(
            answer.task,
            answer.code,
            answer.text,
            final=answer.final,
            key=answer.key,
            trouble=AgentTrouble(answer.trouble) if answer.trouble else None,
            **proof,
        )
    except (TaskEnded, LeaseRevoked, WrongTask, TaskNotStarted):
        return ""  # its text is stored, marked late
    except (Unavailable, SubtasksOpen):
        raise
    except OctetError as error:
        return error.message
    return ""


def _settled(folder: Path, settled_s: float) -> list[Path]:
    """Return the files that are at least so old, oldest first. After a clock step every file counts as old."""
    if not folder.is_dir():
        return []
    found: list[tuple[int, str, Path]] = []
    for path in folder.glob("*.json"):
        with contextlib.suppress(FileNotFoundError):
            about = path.lstat()
            if not path.name.startswith(".") and abs(time.time() - about.st_mtime) >= settled_s:
                found.append((_written_ns(path) if stat.S_ISREG(about.st_mode) else 0, path.name, path))
    return [path for _, _, path in sorted(found)]


def _written_ns(path: Path) -> int:
    """Return when its command wrote it; 0 for an invalid file, of which `_read` says more."""
    try:
        start = _AT_NS.match(read_regular(path, 32, follows_links=False))
    except FileNotFoundError:
        raise
    except OSError:
        return 0
    return int(start[1]) if start else 0


def _read(path: Path) -> SpooledAnswer | str:
    """Return the answer, or why its file is invalid."""
    from pydantic import TypeAdapter, ValidationError

    try:
        about = path.lstat()
        if not stat.S_ISREG(about.st_mode):
            return "It is not a plain file."
        if about.st_size > MAX_FILE_BYTES:
            return f"It has {about.st_size} bytes; at most {MAX_FILE_BYTES} are read."
        content = read_regular(path, MAX_FILE_BYTES, follows_links=False)
        return TypeAdapter(SpooledAnswer).validate_json(content, strict=True)
    except FileNotFoundError:
        raise
    except OSError as error:
        return f"The file cannot be read: {error.strerror}."
    except ValidationError as error:
        wrong = "; ".join(".".join(map(str, ("it", *one["loc"]))) + f": {one['msg']}" for one in error.errors())
        return f"It is not an answer in JSON and UTF-8: {wrong}."


def _refuse(path: Path, why: str) -> None:
    refused = path.parent / REFUSED
    refused.mkdir(mode=0o700, exist_ok=True)
    path.replace(refused / path.name)
    write_private(refused / f"{path.stem}.reason.txt", why + "\n")
