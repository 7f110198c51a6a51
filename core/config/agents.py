"""Reads config/agents.toml, models.toml and programs.toml, and checks what agents name there and on desks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, cast

from pydantic import Field, SecretStr

from core.agents.model import Agent, Lane, Program
from core.config.desks import DeskFiles
from core.config.toml import TomlTable, read_toml
from core.config.validation import editor_schema, refuse_keys, validate
from core.desks.model import DeskKind
from core.kit.field_types import config_table
from core.kit.problems import Problem, known, show, suggest
from core.profiles.model import Act
from core.settings.model import Model, Schema

AGENTS_TOML = "config/agents.toml"
MODELS_TOML = "config/models.toml"
PROGRAMS_TOML = "config/programs.toml"
_OF_ACP = frozenset({"command", "program", "mode", "options", "conversation", "end_of_turn", "max_cost"})
_WINDOWED = tuple(lane for lane in Lane if lane.abilities.has_window)


@config_table
class _AgentsFile:
    """All of the file."""

    agents: list[Agent]
    """One table for each agent."""


def agents_schema() -> dict[str, Any]:
    """Return what editors need to complete and check config/agents.toml."""
    return editor_schema(_AgentsFile, "The agents of Octet")


def read_agents(
    root: Path,
    found: DeskFiles,
    models: AbstractSet[str],
    problems: list[Problem],
    *,
    programs: AbstractSet[str] = frozenset(),
) -> tuple[Agent, ...]:
    """Return the agents of the home `root`, checked against its desks, models and programs; add each problem to
    `problems`."""
    file = read_toml(root, AGENTS_TOML, problems)
    if file is None:
        return ()
    refuse_keys(file, file.data.keys() - {"agents"}, ["agents"])
    listed = file.data.get("agents")
    if not isinstance(listed, list) or not listed:
        file.report(("agents",), "no_agents", "there are no agents; add one [[agents]] table for each")
        return ()
    entries = {place: _with_about(entry) for place, entry in file.tables("agents").items()}
    for place, entry in enumerate(cast("list[object]", listed)):
        if place not in entries:
            text = f"must be a table, not {show(entry)}; write [[agents]] above its keys"
            file.report(("agents", place), "dict_type", text)
    agents = [validate(Agent, entry) for entry in entries.values()]
    names: dict[str, int] = {}
    owners: dict[tuple[str, str], int] = {}
    for place, entry in entries.items():
        _check_window(entry, found.windows)
        _check_lane(entry, found.desk_kinds)
        _check_model(entry, models)
        _check_program(entry, programs)
        _check_actions(entry, found)
        name, desk, window = (entry.data.get(key) for key in ("name", "desk", "window"))
        if isinstance(name, str) and (first := names.setdefault(name.casefold(), place)) != place:
            text = f"{show(name)} is also the name of agents[{first}]; names must differ in more than case"
            entry.report(("name",), "same_name", text)
        # A window has one agent: two prompts would meet in it.
        if not isinstance(desk, str) or not isinstance(window, str):
            continue
        if (first := owners.setdefault((desk, window), place)) != place:
            text = f"{show(window)} of desk {show(desk)} is also the window of agents[{first}]; choose another one"
            entry.report(("window",), "same_window", text)
    return tuple(agent for agent in agents if agent is not None)


def _with_about(entry: TomlTable) -> TomlTable:
    """Take `role`, as Octet 0.2 called it, for `about`."""
    if "role" not in entry.data:
        return entry
    if "about" in entry.data:
        entry.report(("role",), "renamed_key", "is the old name of `about`, which is here, too; delete this line")
    return entry.with_data({"about": entry.data["role"], **entry.without("role").data})


def _check_window(entry: TomlTable, desks: Mapping[str, AbstractSet[str]] | None) -> None:
    desk, window, lane = (entry.data.get(key) for key in ("desk", "window", "lane"))
    if desk is None and window is None and lane in _WINDOWED:
        text = f'an agent with lane "{lane}" needs a desk and a window; add both, or use lane = "dryrun"'
        entry.report((), "no_window", text)
    elif (desk is None) != (window is None):
        has, lacks = ("window", "desk") if desk is None else ("desk", "window")
        entry.report((has,), "no_window", f"this agent has a {has} but no {lacks}; add it")
    if desks is None or not isinstance(desk, str):
        return
    if desk not in desks:
        entry.report(("desk",), "unknown_desk", f"there is no desk {show(desk)}; {known(desks)}")
    elif isinstance(window, str) and window not in desks[desk]:
        text = f"desk {show(desk)} has no window {show(window)}; {known(desks[desk])}"
        entry.report(("window",), "unknown_window", text)


def _check_lane(entry: TomlTable, kinds: Mapping[str, DeskKind]) -> None:
    """Check that an agent with a window has the lane of its desk."""
    lane, desk = entry.data.get("lane"), entry.data.get("desk")
    if lane in _WINDOWED and isinstance(desk, str) and desk in kinds and lane != kinds[desk].lane:
        text = f'desk {show(desk)} {kinds[desk].has}; write lane = "{kinds[desk].lane}", or name another desk'
        entry.report(("lane",), "wrong_lane", text)


def _check_model(entry: TomlTable, models: AbstractSet[str]) -> None:
    """Check that an agent with lane "model" has a model and no window, and no other agent has a model."""
    lane, model = entry.data.get("lane"), entry.data.get("model")
    if lane != Lane.MODEL:
        if isinstance(model, str) and lane in [*Lane]:
            text = 'only an agent with lane "model" has a model; leave it out, or write lane = "model"'
            entry.report(("model",), "wrong_lane", text)
        return
    if model is None:
        entry.report((), "no_model", 'an agent with lane "model" needs a model of models.toml')
    elif isinstance(model, str) and model not in models:
        text = f"there is no model {show(model)} in config/models.toml; {known(models)}"
        entry.report(("model",), "unknown_model", text)
    if entry.data.get("desk") is not None:
        entry.report(("desk",), "no_window", 'an agent with lane "model" has no window; leave it out')


def tables(root: Path, name: str, key: str, problems: list[Problem]) -> dict[str, TomlTable]:
    """Return the tables [key.NAME] of a file that a home may lack; report a value that should be a table."""
    if not (root / name).exists() or (file := read_toml(root, name, problems)) is None:
        return {}
    refuse_keys(file, file.data.keys() - {key}, [key])
    places = {(key,): file.data.get(key, {})}
    places |= {(key, one): entry for one, entry in file.table(key).data.items()}
    for place, entry in places.items():
        if not isinstance(entry, dict):
            text = f"must be a table, not {show(entry)}; write [{'.'.join((*place, 'NAME')[:2])}]"
            file.report(place, "dict_type", text)
    return {one: file.table(key, one) for one, entry in file.table(key).data.items() if isinstance(entry, dict)}


class _ProgramsFile(Schema):
    programs: dict[str, Program] = Field(description="one table [programs.NAME] for each program")


def programs_schema() -> dict[str, Any]:
    """Return what editors need to complete and check config/programs.toml."""
    return editor_schema(_ProgramsFile, "The programs of Octet that speak ACP")


def read_programs(root: Path, problems: list[Problem]) -> dict[str, Program]:
    """Return the programs of the home `root`; add each problem to `problems`."""
    found = {
        name: validate(Program, table) for name, table in tables(root, PROGRAMS_TOML, "programs", problems).items()
    }
    return {name: program for name, program in found.items() if program is not None}


def _check_program(entry: TomlTable, programs: AbstractSet[str]) -> None:
    """Check that an agent with lane "acp" has a program or a command, and no other agent has one, or a conversation."""
    given, lane = entry.data.keys() & _OF_ACP, entry.data.get("lane")
    if lane != Lane.ACP:
        if "folder" in entry.data and "projects" not in entry.data:
            given |= {"folder"}
        for key in sorted(given) if lane in [*Lane] else ():
            entry.report((key,), "wrong_lane", f'only an agent with lane "acp" has `{key}`; leave it out')
        return
    if len(given & {"command", "program"}) != 1:
        entry.report((), "no_program", 'an agent with lane "acp" needs either `program` or `command`')
    if isinstance(name := entry.data.get("program"), str) and name not in programs:
        text = f"there is no program {show(name)} in config/programs.toml; {known(programs)}"
        entry.report(("program",), "unknown_program", text)
    if entry.data.get("desk") is not None:
        entry.report(("desk",), "no_window", 'an agent with lane "acp" has no window; leave it out')


def _check_actions(entry: TomlTable, found: DeskFiles) -> None:
    """Check that each allowed action can be pressed in this agent's window."""
    allowed = entry.data.get("allowed_actions")
    can, acts = found.acts_at(entry.data.get("desk"), entry.data.get("window")), [act.value for act in Act]
    for place, act in enumerate(cast("list[object]", allowed) if isinstance(allowed, list) else []):
        path = ("allowed_actions", place)
        if not isinstance(act, str):
            continue  # reported already
        if act not in acts:
            text = f"{show(act)} is not an action; {suggest(act, acts)}"
            entry.report(path, "unknown_action", text)
        elif entry.data.get("lane") not in _WINDOWED:
            lanes = '"window" or "terminal"'
            text = f"only an agent with lane {lanes} has a window to press keys in; remove allowed_actions"
            entry.report(path, "no_window", text)
        elif can is not None and act not in can:
            lacks = "chord in `new_chat`" if act == Act.NEW_CHAT else f"entry {show(act)} in [acts]"
            text = f"the profile of this agent's window has no {lacks}; add it there first"
            entry.report(path, "action_without_key", text)


class _ModelsFile(Schema):
    models: dict[str, Model] = Field(description="one table [models.NAME] for each model")


def models_schema() -> dict[str, Any]:
    """Return what editors need to complete and check config/models.toml."""
    return editor_schema(_ModelsFile, "The models of Octet")


def read_models(root: Path, secret: Callable[[str], SecretStr | None], problems: list[Problem]) -> dict[str, Model]:
    """Return the models of the home `root`, with their keys from `secret`; add each problem to `problems`."""
    found = dict[str, Model]()
    for name, table in tables(root, MODELS_TOML, "models", problems).items():
        for key in sorted({"key", "api_key"} & table.data.keys()):
            text = "this file may not contain a secret; put it into .env and name its variable as api_key_env"
            table.report((key,), "secret", text)
        model = validate(Model, table.without("key", "api_key"))
        if model is None:
            continue
        key = secret(model.api_key_env) if model.api_key_env else None
        if model.api_key_env and key is None:
            text = f"{model.api_key_env} is set neither in .env nor in the environment; set it there"
            table.report(("api_key_env",), "not_set", text)
        elif key is not None and not model.is_local and not model.base_url.startswith("https://"):
            table.report(("base_url",), "not_https", "must begin with https://, because the key is sent there")
        found[name] = model.model_copy(update={"key": key})
    return found
