"""Reads config/agents.toml into agents. What it names on desks is checked against the names handed in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Annotated, cast

from pydantic import AfterValidator, Field

from core.agents.model import Agent, AgentName, Lane
from core.config.toml import TomlFile, read_toml
from core.config.validation import check
from core.kit.problems import Problem, known, show, suggest
from core.kit.schemas import DRAFT, Name, Schema

AGENTS_TOML = "config/agents.toml"
_BUILT = (Lane.WINDOW, Lane.TERMINAL, Lane.MODEL, Lane.DRYRUN)
_NEW_CHAT = "new_chat"
_WINDOWED = tuple(lane for lane in Lane if lane.abilities.has_window)
_CAPABILITY = re.compile(r"[a-z0-9][a-z0-9_.+-]{0,31}")


def _capability(text: str) -> str:
    if not _CAPABILITY.fullmatch(text):
        raise ValueError(f"{show(text)} is no capability: up to 32 small letters, digits, - _ + and .")
    return text


def _lane(text: str) -> str:
    if text in _BUILT:
        return text
    if text in {lane.value for lane in Lane}:
        raise ValueError(f'the lane "{text}" is not built yet; use "window", "terminal", "model" or "dryrun"')
    raise ValueError(f"there is no lane {show(text)}; {suggest(text, _BUILT)}")


class _AgentSchema(Schema):
    name: Name = Field(description='how people and prompts call it, for example "Agent-1"')
    role: Annotated[str, Field(min_length=1, max_length=100)] = Field(description="what it is for, in a few words")
    capabilities: Annotated[list[Annotated[str, AfterValidator(_capability)]], Field(max_length=50)] = Field(
        description='what it can do, for example ["code", "review"]'
    )
    lane: Annotated[str, AfterValidator(_lane)] = Field(
        description='how prompts reach it, "window", "terminal", "model" or "dryrun"'
    )
    desk: str | None = None
    window: str | None = None
    model: str | None = Field(default=None, description='with lane "model", the name of its [models.NAME]')
    allowed_actions: Annotated[list[str], Field(max_length=10)] = Field(
        default=[], description='what people may press in its window through Octet, for example ["approve", "deny"]'
    )

    def agent(self) -> Agent:
        return self.into(
            Agent,
            name=AgentName(self.name),
            capabilities=frozenset(self.capabilities),
            lane=Lane(self.lane),
            allowed_actions=frozenset(self.allowed_actions),
        )


class _AgentsSchema(Schema):
    agents: list[_AgentSchema] = Field(description="one table for each agent")


def json_schema() -> dict[str, object]:
    """What editors need to complete and check config/agents.toml."""
    return {"$schema": DRAFT, **_AgentsSchema.model_json_schema(), "title": "The agents of Octet"}


def read_agents(
    root: Path,
    desks: Mapping[str, AbstractSet[str]] | None,
    problems: list[Problem],
    *,
    acts: Iterable[str] = (),
    presses: Mapping[tuple[str, str], AbstractSet[str]] | None = None,
    terminals: AbstractSet[str] = frozenset(),
    models: AbstractSet[str] = frozenset(),
) -> tuple[Agent, ...]:
    """The agents of the home `root`; what is wrong is added to `problems`.

    `desks` has each desk's names of windows; None when desks cannot be read, then they are not looked up. `acts` are
    all that can be allowed, `presses` those that each desk's window can be pressed for. `terminals` are the desks whose
    windows are panes, `models` the names in config/models.toml.
    """
    file = read_toml(root / AGENTS_TOML, AGENTS_TOML)
    if isinstance(file, Problem):
        problems.append(file)
        return ()
    strange = [key for key in file.data if key != "agents"]
    problems.extend(file.problem((key,), f"there is no such key here; {known(['agents'])}") for key in strange)
    listed = file.data.get("agents")
    if not isinstance(listed, list) or not listed:
        problems.append(file.problem(("agents",), "there are no agents; write one [[agents]] table for each"))
        return ()
    agents: list[Agent] = []
    entries: dict[int, dict[str, object]] = {}
    for index, entry in enumerate(cast("list[object]", listed)):
        if not isinstance(entry, dict):
            text = f"must be a table, not {show(entry)}; write [[agents]] above its keys"
            problems.append(file.problem(("agents", index), text))
            continue
        entries[index] = cast("dict[str, object]", entry)
        parsed = check(_AgentSchema, entries[index], file, ("agents", index))
        if isinstance(parsed, list):
            problems.extend(parsed)
        else:
            agents.append(parsed.agent())
    _check_names(file, entries, problems)
    for index, entry in entries.items():
        _check_window(file, index, entry, desks, problems)
        _check_lane(file, index, entry, terminals, problems)
        _check_model(file, index, entry, models, problems)
        _check_presses(file, index, entry, tuple(acts), presses or {}, problems=problems)
    _check_owners(file, entries, problems)
    return tuple(agents)


def _check_names(file: TomlFile, entries: Mapping[int, Mapping[str, object]], problems: list[Problem]) -> None:
    names: dict[str, int] = {}
    for index, entry in entries.items():
        name = entry.get("name")
        if not isinstance(name, str):
            continue
        first = names.setdefault(name.casefold(), index)
        if first != index:
            text = f"{show(name)} is the name of agents[{first}] too; names must differ in more than case"
            problems.append(file.problem(("agents", index, "name"), text))


def _check_window(
    file: TomlFile,
    index: int,
    entry: Mapping[str, object],
    desks: Mapping[str, AbstractSet[str]] | None,
    problems: list[Problem],
) -> None:
    desk, window = entry.get("desk"), entry.get("window")
    if desk is None and window is None and entry.get("lane") in _WINDOWED:
        text = f'an agent with lane "{entry["lane"]}" needs a desk and a window; add both, or use lane = "dryrun"'
        problems.append(file.problem(("agents", index), text))
    elif (desk is None) != (window is None):
        has, lacks = ("window", "desk") if desk is None else ("desk", "window")
        text = f"this agent has a {has} but no {lacks}; give it both"
        problems.append(file.problem(("agents", index, has), text))
    if desks is None or not isinstance(desk, str):
        return
    if desk not in desks:
        text = f"there is no desk {show(desk)}; {known(desks)}"
        problems.append(file.problem(("agents", index, "desk"), text))
    elif isinstance(window, str) and window not in desks[desk]:
        text = f"desk {show(desk)} has no window {show(window)}; {known(desks[desk])}"
        problems.append(file.problem(("agents", index, "window"), text))


def _check_lane(
    file: TomlFile, index: int, entry: Mapping[str, object], terminals: AbstractSet[str], problems: list[Problem]
) -> None:
    """A pane is reached by the lane "terminal", a window on a display by "window"."""
    lane, desk = entry.get("lane"), entry.get("desk")
    if lane == Lane.WINDOW and isinstance(desk, str) and desk in terminals:
        text = f'desk {show(desk)} has panes of tmux; write lane = "terminal"'
        problems.append(file.problem(("agents", index, "lane"), text))
    elif lane == Lane.TERMINAL and isinstance(desk, str) and desk not in terminals:
        text = f'desk {show(desk)} has no [tmux]; write lane = "window", or name a desk with panes'
        problems.append(file.problem(("agents", index, "lane"), text))


def _check_model(
    file: TomlFile, index: int, entry: Mapping[str, object], models: AbstractSet[str], problems: list[Problem]
) -> None:
    """An agent with lane "model" has one of config/models.toml, and no window; no other agent has one."""
    lane, model = entry.get("lane"), entry.get("model")
    if lane != Lane.MODEL:
        if isinstance(model, str) and lane in _BUILT:
            text = 'only an agent with lane "model" has a model; leave it out, or write lane = "model"'
            problems.append(file.problem(("agents", index, "model"), text))
        return
    if model is None:
        problems.append(file.problem(("agents", index), 'an agent with lane "model" needs a model of models.toml'))
    elif isinstance(model, str) and model not in models:
        text = f"there is no model {show(model)} in config/models.toml; {known(models)}"
        problems.append(file.problem(("agents", index, "model"), text))
    if entry.get("desk") is not None:
        problems.append(
            file.problem(("agents", index, "desk"), 'an agent with lane "model" has no window; leave it out')
        )


def _check_presses(
    file: TomlFile,
    index: int,
    entry: Mapping[str, object],
    acts: Iterable[str],
    presses: Mapping[tuple[str, str], AbstractSet[str]],
    *,
    problems: list[Problem],
) -> None:
    """What may be pressed is something that can be, in this agent's window."""
    allowed = entry.get("allowed_actions")
    can = presses.get((str(entry.get("desk")), str(entry.get("window"))))
    for place, act in enumerate(cast("list[object]", allowed) if isinstance(allowed, list) else []):
        path = ("agents", index, "allowed_actions", place)
        if not isinstance(act, str):
            continue  # said already
        if act not in acts:
            problems.append(file.problem(path, f"{show(act)} is nothing that can be pressed; {suggest(act, acts)}"))
        elif entry.get("lane") not in _WINDOWED:
            text = (
                'only an agent with lane "window" or "terminal" has a window to press keys in; remove allowed_actions'
            )
            problems.append(file.problem(path, text))
        elif can is not None and act not in can:
            lacks = "chord in `new_chat`" if act == _NEW_CHAT else f"entry {show(act)} in [acts]"
            text = f"the profile of this agent's window has no {lacks}; add it there first"
            problems.append(file.problem(path, text))


def _check_owners(file: TomlFile, entries: Mapping[int, Mapping[str, object]], problems: list[Problem]) -> None:
    """A window has one agent, else two prompts would meet in it."""
    owners: dict[tuple[str, str], int] = {}
    for index, entry in entries.items():
        desk, window = entry.get("desk"), entry.get("window")
        if not isinstance(desk, str) or not isinstance(window, str):
            continue
        first = owners.setdefault((desk, window), index)
        if first != index:
            text = f"{show(window)} of desk {show(desk)} is the window of agents[{first}] too; give each agent its own"
            problems.append(file.problem(("agents", index, "window"), text))
