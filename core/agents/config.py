"""Parses config/agents.toml into agents. What it names on desks is checked against the names handed in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Annotated, cast

from pydantic import Field

from core.agents.model import Agent, AgentName, Lane
from core.kit.problems import KeyPath, Problem, show, suggest
from core.kit.schemas import Schema, check
from core.kit.toml import TomlFile, read_toml

AGENTS_TOML = "config/agents.toml"
_BUILT = (Lane.WINDOW, Lane.DRYRUN)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_CAPABILITY = re.compile(r"[a-z0-9][a-z0-9_.+-]{0,31}")


class _AgentSchema(Schema):
    name: str = Field(description='how people and prompts call it, for example "Agent-1"')
    role: Annotated[str, Field(min_length=1, max_length=100)] = Field(description="what it is for, in a few words")
    capabilities: Annotated[list[str], Field(max_length=50)] = Field(description='what it can do: ["python", "review"]')
    lane: str = Field(description='how prompts reach it: "window" or "dryrun"')
    desk: str | None = None
    window: str | None = None


def read_agents(root: Path, desks: Mapping[str, AbstractSet[str]] | None, problems: list[Problem]) -> tuple[Agent, ...]:
    """The agents of the home `root`; what is wrong is added to `problems`.

    `desks` has each desk's names of windows; None when the desks themselves are broken, then they are not looked up.
    """
    file = read_toml(root / AGENTS_TOML, AGENTS_TOML)
    if isinstance(file, Problem):
        problems.append(file)
        return ()
    unknown = [key for key in file.data if key != "agents"]
    problems.extend(file.problem((key,), f"this is not known here; {suggest(key, ['agents'])}") for key in unknown)
    listed = file.data.get("agents")
    if not isinstance(listed, list) or not listed:
        text = "there are no agents; write one [[agents]] table for each"
        problems.append(file.problem(("agents",), text))
        return ()
    agents: list[Agent] = []
    places: list[int] = []
    for index, entry in enumerate(cast("list[object]", listed)):
        agent = _read_agent(file, index, entry, problems)
        if agent:
            agents.append(agent)
            places.append(index)
    _check_together(file, agents, places, desks, problems)
    return tuple(agents)


def _read_agent(file: TomlFile, index: int, entry: object, problems: list[Problem]) -> Agent | None:
    at: KeyPath = ("agents", index)
    if not isinstance(entry, dict):
        problems.append(file.problem(at, f"must be a table, not {show(entry)}; write [[agents]] above its keys"))
        return None
    parsed = check(_AgentSchema, cast("dict[str, object]", entry), file, at)
    if isinstance(parsed, list):
        problems.extend(parsed)
        return None
    found: list[Problem] = []
    if not _NAME.fullmatch(parsed.name):
        text = f"{show(parsed.name)} is no name: up to 32 letters, digits, - _ and ., without blanks"
        found.append(file.problem((*at, "name"), text))
    for place, capability in enumerate(parsed.capabilities):
        if not _CAPABILITY.fullmatch(capability):
            text = f"{show(capability)} is no capability: small letters, digits, - _ + and ."
            found.append(file.problem((*at, "capabilities", place), text))
    lane = _read_lane(file, at, parsed.lane, found)
    if lane is Lane.WINDOW and not parsed.desk and not parsed.window:
        text = 'an agent with lane "window" needs a desk and a window; add both, or use lane = "dryrun"'
        found.append(file.problem(at, text))
    elif bool(parsed.desk) != bool(parsed.window):
        has, lacks = ("desk", "window") if parsed.desk else ("window", "desk")
        found.append(file.problem((*at, has), f"this agent has a {has} but no {lacks}; give it both"))
    problems.extend(found)
    if lane is None or found:
        return None
    return Agent(
        name=AgentName(parsed.name),
        role=parsed.role,
        capabilities=frozenset(parsed.capabilities),
        lane=lane,
        desk=parsed.desk,
        window=parsed.window,
    )


def _read_lane(file: TomlFile, at: KeyPath, word: str, problems: list[Problem]) -> Lane | None:
    try:
        lane = Lane(word)
    except ValueError:
        text = f"there is no lane {show(word)}; {suggest(word, _BUILT)}"
    else:
        if lane in _BUILT:
            return lane
        text = f'the lane "{word}" is not built yet; use "window" or "dryrun"'
    problems.append(file.problem((*at, "lane"), text))
    return None


def _check_together(
    file: TomlFile,
    agents: list[Agent],
    places: list[int],
    desks: Mapping[str, AbstractSet[str]] | None,
    problems: list[Problem],
) -> None:
    """Names that stand twice, windows that two agents claim, desks and windows that are not there."""
    names: dict[str, int] = {}
    windows: dict[tuple[str, str], str] = {}
    for agent, index in zip(agents, places, strict=True):
        at: KeyPath = ("agents", index)
        first = names.setdefault(agent.name.casefold(), index)
        if first != index:
            text = f"{show(agent.name)} is the name of agents[{first}] too; names must differ in more than case"
            problems.append(file.problem((*at, "name"), text))
        if agent.desk is None or agent.window is None:
            continue
        owner = windows.setdefault((agent.desk, agent.window), agent.name)
        if owner != agent.name:
            text = f'"{agent.window}" of desk "{agent.desk}" is the window of {owner} already; give each agent its own'
            problems.append(file.problem((*at, "window"), text))
        if desks is None:
            continue
        if agent.desk not in desks:
            text = f"there is no desk {show(agent.desk)}; {suggest(agent.desk, desks)}"
            problems.append(file.problem((*at, "desk"), text))
        elif agent.window not in desks[agent.desk]:
            known = suggest(agent.window, desks[agent.desk])
            text = f"desk {show(agent.desk)} has no window {show(agent.window)}; {known}"
            problems.append(file.problem((*at, "window"), text))
