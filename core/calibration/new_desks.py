"""Writes desks for agents that work unseen: a display of its own for each, or a pane of tmux, and sends them there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from core.config.editor import Edit, change
from core.config.profiles import read_profiles
from core.home import Home
from core.kit.errors import Invalid

WINDOW = "agent"  # the one window of a desk with a display of its own
PANES = "panes"  # the desk with panes of tmux


class TemplateMissing(Invalid):
    """There is no {file}, and nothing says what it shall hold. Name the agent's program and how its window is driven:
    octet desk up --agents {agents} --profile NAME -- PROGRAM ARGUMENTS… ({agent} and {number} are put in for each)."""


class ProgramMissing(Invalid):
    """Nothing says what runs in {count} new panes. Name the agent's program and how it is driven:
    octet desk up --tmux --agents {agents} --profile NAME -- PROGRAM ARGUMENTS…
    ({agent} and {number} are put in for each; the profile needs a [terminal] table: `octet profile list`)."""


class WorkingFolderMissing(Invalid):
    """There is no folder {folder} for {agent} to work in; nothing was written. Make it, or name another one by
    --directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskTemplate:
    """What new desks are made of; {agent} and {number} in program, title and directory are replaced for each."""

    program: Sequence[str]
    profile: str
    directory: str = ""
    title: str = "{agent}"
    size: str = "1920x1080"

    def fill(self, text: str, agent: str, number: int) -> str:
        """Replace {agent} and {number}."""
        return text.replace("{agent}", agent).replace("{number}", str(number))


def desk_name(number: int) -> str:
    """Name the desk of the agent with this number."""
    return f"desk-{number}"


def write_displays(home: Home, agents: int, template: DeskTemplate) -> list[str]:
    """Write a desk with a display of its own for each of the first so many agents that have none, and send them there;
    return lines about it.

    Where the profile leaves something to be measured, the desks have no window yet and the agents stay where they are.
    Raises TemplateMissing, and ConfigWrong where the configuration would be invalid; nothing is changed then."""
    files = {number: f"desks/{desk_name(number)}.toml" for number in range(1, agents + 1)}
    files = {number: file for number, file in files.items() if not (home.config / file).exists()}
    if not files:
        return []
    if not template.program or not template.profile:
        file = f"config/{next(iter(files.values()))}"
        raise TemplateMissing(file=file, agents=agents, agent="{agent}", number="{number}")
    kind = read_profiles(home.root, []).kinds.get(template.profile)
    is_measured = kind is None or not any(one.is_needed for one in kind.wanted())
    lines: list[str] = []

    def work(edit: Edit) -> None:
        listed: Any = edit.document("agents.toml").setdefault("agents", tomlkit.aot())
        for number, file in files.items():
            desk, agent = desk_name(number), _agent(listed, number) if is_measured else None
            name = str(agent["name"]) if agent else f"Agent-{number}"
            edit.write(file, _desk(template, name, number, has_window=is_measured))
            lines.append(f"wrote {home.config / file}; ")
            if agent:
                lines[-1] += _send(agent, "window", desk, WINDOW, f"{name} works there now")
            else:
                lines[-1] += f"once it is up, `octet calibrate {desk}` measures its window and sends an agent there"

    change(home, work)
    return lines


def write_panes(home: Home, agents: int, template: DeskTemplate, *, replaces: bool = False) -> list[str]:
    """Write a pane for each of the first so many agents that have none, and send them there; return lines about it.

    `replaces`: panes that are described otherwise are written anew. Raises ProgramMissing, WorkingFolderMissing, and
    ConfigWrong where the configuration would be invalid; nothing is changed then."""
    lines: list[str] = []

    def work(edit: Edit) -> None:
        listed: Any = edit.document("agents.toml").setdefault("agents", tomlkit.aot())
        is_new = not edit.has(f"desks/{PANES}.toml")
        desk: Any = edit.document(f"desks/{PANES}.toml")
        if is_new:
            desk.add(
                tomlkit.comment("Agents in panes of tmux: `octet desk up --tmux` starts them, and `octet run` keeps")
            )
            desk.add(tomlkit.comment("them running. docs/terminals.md tells how people look at them."))
        desk.setdefault("tmux", {"session": "octet"})
        windows: Any = desk.setdefault("windows", tomlkit.aot())
        places = {str(window.get("name")): place for place, window in enumerate(windows)}
        missing = sum(f"agent-{number}" not in places for number in range(1, agents + 1))
        if missing and (not template.program or not template.profile):
            raise ProgramMissing(count=missing, agents=agents)
        for number in range(1, agents + 1):
            name = f"agent-{number}"
            if name not in places:
                agent = _agent(listed, number)
                windows.append(_pane(template, str(agent["name"]), number, home.root))
                what = f"{agent['name']} works in the pane {name} of desk {PANES} now"
                lines.append(_send(agent, "terminal", PANES, name, what))
            elif replaces:
                at = (one["name"] for one in listed if one.get("window") == name and one.get("desk") == PANES)
                pane = _pane(template, str(next(at, f"Agent-{number}")), number, home.root)
                before = windows[places[name]].unwrap()
                if pane.unwrap() != {key: before.get(key) for key in pane}:
                    windows[places[name]] = pane
                    lines.append(f"wrote the pane {name} of desk {PANES} anew; `octet desk down` ends what runs there")

    change(home, work)
    return lines


def _agent(agents: Any, number: int) -> Any:
    """Find the agent with this number, or write new ones up to it."""
    while len(agents) < number:
        new: Any = tomlkit.table()
        new.update({"name": f"Agent-{len(agents) + 1}", "role": "builder", "capabilities": ["code"]})
        agents.append(new)
    return agents[number - 1]


def _send(agent: Any, lane: str, desk: str, window: str, what: str) -> str:
    came_from = agent.get("desk")
    agent["lane"], agent["desk"], agent["window"] = lane, desk, window
    return f"{what} (it was at {came_from})" if came_from else what


def _desk(template: DeskTemplate, agent: str, number: int, *, has_window: bool) -> str:
    desk = tomlkit.document()
    desk.add(tomlkit.comment(f"A display of its own for {agent}: `octet desk up` starts it, and so does `octet run`."))
    virtual = tomlkit.table()
    virtual.add("size", template.size)
    virtual.add(tomlkit.comment("The agent's program and its arguments, as they are: no shell reads them."))
    virtual.add("program", [template.fill(word, agent, number) for word in template.program])
    if template.directory:
        virtual.add("directory", template.fill(template.directory, agent, number))
    desk.add("virtual", virtual)
    if has_window:
        width, _, height = template.size.partition("x")
        box: Any = tomlkit.inline_table()
        box.update({"x": 0, "y": 0, "width": int(width), "height": int(height)})
        window: Any = tomlkit.table()
        title = template.fill(template.title, agent, number)
        window.update({"name": WINDOW, "profile": template.profile, "title": title, "box": box})
        windows: Any = tomlkit.aot()
        windows.append(window)
        desk.add("windows", windows)
    return tomlkit.dumps(desk)


def _pane(template: DeskTemplate, agent: str, number: int, root: Path) -> Any:
    """Describe a pane; folders are counted from `root`."""
    pane: Any = tomlkit.table()
    pane.update({"name": f"agent-{number}", "profile": template.profile})
    pane.add("program", [template.fill(word, agent, number) for word in template.program])
    if template.directory:
        folder = template.fill(template.directory, agent, number)
        if not (root / Path(folder).expanduser()).is_dir():
            raise WorkingFolderMissing(folder=folder, agent=agent)
        pane.add("directory", folder)
    return pane
