"""What users type for several tasks: the grammar `TASK: / DESC: / PRIORITY:`, and JSON Lines for programs. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from core import limits
from core.kit.errors import Invalid
from core.limits import IMPORTED, IMPORTED_LINKS, check
from core.messages.model import Message, Source
from core.messages.prompts import OF_AGENTS
from core.remedies import refused
from core.tasks.model import (
    ON_FAILURE_OF_PARTS,
    Dependency,
    NewTask,
    OnFailure,
    PartsKind,
    Task,
    TaskAttempt,
    TaskState,
    refuse_circle,
)

_LINE = re.compile(r"\s*(TASK|DESC|PRIORITY)\s*:\s*(.*)", re.IGNORECASE)
_PRIORITIES = {"most urgent": 0, "critical": 0, "urgent": 1, "high": 1, "normal": 2, "medium": 2, "low": 3, "lowest": 4}


@with_config(ConfigDict(extra="ignore"))
@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLine:
    """One task in an export. An import reads `id` only as the name that other lines use, and ignores what ended."""

    brief: str
    id: str = ""
    agent: str | None = None
    needs: frozenset[str] = field(default=frozenset())
    priority: int = 2
    labels: frozenset[str] = field(default=frozenset())
    after: Mapping[str, OnFailure] = field(default_factory=dict[str, OnFailure])
    part_of: str = ""
    parts: PartsKind | None = None
    due_ms: int | None = None
    not_before_ms: int | None = None
    project: str | None = None
    checks: tuple[str, ...] = ()
    state: TaskState = TaskState.READY
    source: Source | None = None  # where its text came from: an agent's text stays one
    attempts: tuple[object, ...] = ()  # for readers of an export, as is the agents' evidence, which Octet did not check
    evidence: tuple[object, ...] = ()


_ONE = TypeAdapter(TaskLine)
_LIMITS = {
    "brief": limits.BRIEF,
    **dict.fromkeys(("id", "agent", "part_of"), limits.NAME),
    "needs": limits.NAMES,
    "priority": limits.PRIORITY,
    "labels": limits.LABELS,
    "after": limits.LINKS,
    **dict.fromkeys(("due_ms", "not_before_ms"), limits.TIME_MS),
}


def export_line(
    task: Task, after: Iterable[Dependency], attempts: Iterable[TaskAttempt], answers: Iterable[Message] = ()
) -> str:
    """Write one task as a line of JSON."""
    line = TaskLine(
        **{name: getattr(task, name) for name in _SAME},
        agent=task.wanted,
        after={one.needs: one.on_failure for one in after},
        part_of=task.parent or "",
        attempts=tuple(attempts),
        evidence=tuple(item for one in answers for item in one.evidence),
    )
    return json.dumps(_ONE.dump_python(line, mode="json"), ensure_ascii=False)


_SAME = {one.name for one in fields(TaskLine)} & {one.name for one in fields(Task)} - {"agent"}


def read_tasks(text: str) -> list[TaskLine]:
    """Read tasks as JSON Lines or in the grammar. Raises unreadable_tasks."""
    rows = [(number, row) for number, row in enumerate(text.split("\n"), 1) if row.strip()]
    if not rows or not rows[0][1].lstrip().startswith("{"):
        return read_grammar(text)
    found = [_read_line(number, row) for number, row in rows]
    known, named = {""}, {"", *(one.id for one in found)}
    for (number, _), line in zip(rows, found, strict=True):
        if unknown := sorted({*line.after, line.part_of} - named):
            raise refused("unreadable_tasks", line=number, why=f"it names {unknown[0]}, which is not in this file")
        if line.id and line.id in known:
            raise refused("unreadable_tasks", line=number, why=f"the file has {line.id} twice")
        known.add(line.id)
    if len(found) > IMPORTED.most:
        raise refused("unreadable_tasks", line=IMPORTED.most + 1, why=f"at most {IMPORTED.most} tasks come at once")
    return found


def links_of(lines: Sequence[TaskLine]) -> list[dict[int, OnFailure]]:
    """Return for each line of an import the places of those it waits for: what it names, and its parts. Raises
    unreadable_tasks or dependency_cycle."""
    place = {line.id: number for number, line in enumerate(lines) if line.id}
    links = [{place[needs]: how for needs, how in line.after.items() if needs in place} for line in lines]
    for number, line in enumerate(lines):
        above = place.get(line.part_of)
        if above is not None and lines[above].parts is not PartsKind.DELEGATED:
            links[above].setdefault(number, ON_FAILURE_OF_PARTS[lines[above].parts or PartsKind.SPLIT])
    if sum(map(len, links)) > IMPORTED_LINKS.most:
        raise refused("unreadable_tasks", line=len(lines), why=f"at most {IMPORTED_LINKS.most} links come at once")
    refuse_circle(dict(enumerate(links)), lambda number: lines[number].id or f"line {number + 1}")
    return links


def _read_line(number: int, row: str) -> TaskLine:
    try:
        found = _ONE.validate_json(row)
        for name, limit in _LIMITS.items():
            check(name, getattr(found, name), limit)
        return found
    except Invalid as error:
        raise refused("unreadable_tasks", line=number, why=error.message.rstrip(".")) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the line"
        raise refused("unreadable_tasks", line=number, why=f"{where}: {first['msg']}") from None


def read_grammar(text: str) -> list[TaskLine]:
    """Read blocks of `TASK:`, `DESC:` and `PRIORITY:`; the lines after `DESC:` belong to it. Raises
    unreadable_tasks."""
    found: list[TaskLine] = []
    for number, row in enumerate(text.split("\n"), 1):
        match = _LINE.fullmatch(row)
        key, value = (match[1].upper(), match[2].strip()) if match else ("", row)
        if key == "TASK":
            found.append(TaskLine(brief=value))
        elif not found:
            if row.strip():
                raise refused("unreadable_tasks", line=number, why="it comes before the first `TASK:`")
        elif key == "PRIORITY":
            found[-1] = replace(found[-1], priority=_read_priority(number, value))
        else:
            found[-1] = replace(found[-1], brief=f"{found[-1].brief}\n{value}")
    if not found:
        raise refused("unreadable_tasks", line=1, why="there is no task")
    return [replace(line, brief=line.brief.strip()) for line in found]


def is_grammar(text: str) -> bool:
    return bool(re.match(r"\s*TASK\s*:", text))


def _read_priority(number: int, text: str) -> int:
    word = text.casefold()
    if re.fullmatch("p?[0-4]", word):
        return int(word[-1])
    if word not in _PRIORITIES:
        raise refused("unreadable_tasks", line=number, why="a priority is 0 to 4, or urgent, high, normal, low, lowest")
    return _PRIORITIES[word]


def draft_of(line: TaskLine, like: NewTask) -> NewTask:
    """Make the new task of a line, asked for at the same place as `like`; its links follow separately."""
    same = {"brief", "agent", "needs", "priority", "labels", "due_ms", "not_before_ms", "project", "checks"}
    source = line.source if line.source in OF_AGENTS else None
    return replace(like, source=source, **{name: getattr(line, name) for name in same})
