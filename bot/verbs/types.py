"""The types of parameters: how each completes, how Octet parses it, and its help text."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from bot.verbs.declare import ParameterKind, Picks
from core import limits
from core.messages.model import NewFile, read_file, read_files
from core.remedies import refused
from core.security.model import ROLE_ALLOWS, HolderId, Permission, Role
from core.tasks.model import TaskId, parse_task_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.coordinator import Coordinator
    from core.security.model import Actor


def _agents(octet: Coordinator, typed: str, by: Actor) -> list[tuple[str, str]]:
    return [(name, name) for name in octet.agents.suggest(typed, by=by)]


def _desks(octet: Coordinator, typed: str, by: Actor) -> list[tuple[str, str]]:
    return [(name, name) for name in octet.desks.suggest(typed, by=by)]


def _tasks(octet: Coordinator, typed: str, by: Actor, *, open_only: bool = False) -> list[tuple[str, str]]:
    return [(task, f"{task} · {title}") for task, title in octet.tasks.suggest(typed, by=by, open_only=open_only)]


def _split(text: str | Iterable[str]) -> frozenset[str]:
    texts = [text] if isinstance(text, str) else text
    return frozenset(part.strip() for one in texts for part in one.split(",") if part.strip())


def _split_checks(text: str | Iterable[str]) -> frozenset[str]:
    texts = [text] if isinstance(text, str) else text
    found = (part.strip() for one in texts for part in re.findall(r"[^,()]+(?:\([^()]*\))?", one))
    return frozenset(filter(None, found))


def _holder(text: str) -> HolderId:
    if not re.fullmatch(r"discord(-role)?:[0-9]{1,20}", text):
        raise refused("invalid_holder", value=text)
    return HolderId(text)


def _channel(text: str) -> str:
    if not re.fullmatch("[0-9]{1,20}", text):
        raise refused("invalid_channel", value=text)
    return text


def _scopes(text: str | Iterable[str]) -> frozenset[Permission]:
    """Read permissions; a role's name means all that this role allows."""
    found, known = set[Permission](), {one.value: one for one in Permission}
    for name in _split(text):
        if name in [*Role]:
            found |= ROLE_ALLOWS[Role(name)]
        elif name in known:
            found.add(known[name])
        else:
            raise refused("invalid_scope", value=name)
    return frozenset(found)


def _task_ids(text: str | Iterable[str]) -> frozenset[TaskId]:
    return frozenset(map(parse_task_id, _split(text)))


AgentName = Annotated[str, ParameterKind(help="The agent's name", suggest=_agents)]


def _recipients(octet: Coordinator, typed: str, by: Actor) -> list[tuple[str, str]]:
    several = [(one, one) for one in octet.agent_messages.suggest(by=by) if typed.casefold() in one]
    return [*_agents(octet, typed, by), *several][:25]


Recipient = Annotated[str, ParameterKind(help="An agent, or several", suggest=_recipients)]
DeskName = Annotated[str, ParameterKind(help="Which desk", suggest=_desks)]
_TASK = ParameterKind(help="The task, for example T-142", suggest=_tasks, parse=parse_task_id)
AnyTask = Annotated[TaskId, _TASK]
OpenTask = Annotated[TaskId, replace(_TASK, suggest=partial(_tasks, open_only=True))]  # A task that has not ended
Text = Annotated[str, ParameterKind(help="The text", is_text=True), limits.BRIEF]
AnswerText = Annotated[Text, limits.ANSWER]


class FileGiven(BaseModel):
    """A file as a request brings it."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)
    name: Annotated[str, Field(max_length=limits.FILE_NAME.most)]
    content: Annotated[str, Field(description="In base64", max_length=limits.FILE_BYTES.most * 4 // 3 + 4)]


File = Annotated[
    NewFile,
    ParameterKind(help="A file for the agent, at most 8 MB", is_file=True, takes=FileGiven, parse=read_file),
]
Files = Annotated[
    tuple[NewFile, ...],
    ParameterKind(
        help="Files for the user, at most 5 with 8 MB in all",
        takes=list[FileGiven],
        parse=read_files,
        option="attach",
    ),
    limits.FILES,
]
Needs = Annotated[
    frozenset[str], ParameterKind(help="What the agent must be able to do, separated by commas", parse=_split)
]
Labels = Annotated[frozenset[str], ParameterKind(help="Labels, separated by commas", parse=_split), limits.LABELS]
Checks = Annotated[
    frozenset[str], ParameterKind(help="Checks, separated by commas", parse=_split_checks), limits.CHECKS
]
TaskIds = Annotated[frozenset[TaskId], ParameterKind(help="Tasks, separated by commas", parse=_task_ids)]
Capabilities = Annotated[
    frozenset[str], ParameterKind(help="What it can do, separated by commas, such as code,python:3", parse=_split)
]
PRIORITIES = ("most urgent", "urgent", "normal", "low", "lowest")
Priority = Annotated[
    int,
    ParameterKind(
        help="The priority", choices={number: f"P{number}, {name}" for number, name in enumerate(PRIORITIES)}
    ),
    limits.PRIORITY,
]
User = Annotated[HolderId, ParameterKind(help="The user; for programs discord:ID", parse=_holder, picks=Picks.USER)]
UserOrRole = Annotated[
    HolderId,
    ParameterKind(
        help="A user or a role of the server; for programs discord:ID or discord-role:ID",
        parse=_holder,
        picks=Picks.USER_OR_ROLE,
    ),
]
Channel = Annotated[
    str, ParameterKind(help="Only in this channel and its threads", parse=_channel, picks=Picks.CHANNEL)
]
Scopes = Annotated[
    frozenset[Permission],
    ParameterKind(help="What it may do: a role such as viewer, or permissions, separated by commas", parse=_scopes),
]
