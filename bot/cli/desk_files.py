"""Writes the files that give each agent a display of its own: config/desks/desk-N.toml, its place in agents.toml."""

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

WINDOW = "agent"
"""What the one window of such a desk is called."""


class TemplateMissing(Invalid):
    """There is no {file}, and nothing says what it shall hold. Name the agent's program and how its window is driven:
    octet desk up --agents {agents} --profile NAME -- PROGRAM ARGUMENTS… ({agent} and {number} are put in for each)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What the desks are made of. In program, title and directory {agent} and {number} stand for each desk's own."""

    program: Sequence[str]
    profile: str
    title: str
    size: str
    directory: str


def desk_name(number: int) -> str:
    """The desk of the agent with this number."""
    return f"desk-{number}"


def missing(home: Home, agents: int) -> list[int]:
    """The numbers of those desks that have no file yet."""
    return [number for number in range(1, agents + 1) if not _file(home, number).exists()]


def write(home: Home, numbers: Sequence[int], template: Template) -> list[str]:
    """Write these desks' files and send their agents there; what was written, in lines for people.

    Where the profile leaves something to be measured at each window, the desks have none yet and the agents stay where
    they are: the display must be up before anything can be measured on it. Raises ConfigWrong when that made no right
    configuration: everything is then as it was.
    """
    width, _, height = template.size.partition("x")
    is_measured = _is_measured(home, template.profile)
    lines: list[str] = []

    def work(edit: Edit) -> None:
        listed: Any = edit.document("agents.toml").setdefault("agents", tomlkit.aot())
        for number in numbers:
            if not is_measured:
                name = f"desks/{desk_name(number)}.toml"
                edit.write(name, _desk(template, f"Agent-{number}", number, None))
                calibrate = f"`octet calibrate {desk_name(number)}` measures its window and sends an agent there"
                lines.append(f"wrote {home.config / name}; once it is up, {calibrate}")
                continue
            while len(listed) < number:
                listed.append(_new_agent(len(listed) + 1))
            agent = listed[number - 1]
            came_from = agent.get("desk")
            name = f"desks/{desk_name(number)}.toml"
            edit.write(name, _desk(template, agent["name"], number, (int(width), int(height))))
            agent["lane"], agent["desk"], agent["window"] = "window", desk_name(number), WINDOW
            was = f" (it was at {came_from})" if came_from else ""
            lines.append(f"wrote {home.config / name}; {agent['name']} works there now{was}")

    change(home, work)
    return lines


def _is_measured(home: Home, profile: str) -> bool:
    """Whether the profile drives a window that nobody has measured. One that is not there is said by the check."""
    kind = read_profiles(home.root, []).kinds.get(profile)
    return kind is None or not any(one.is_needed for one in kind.wanted())


def _file(home: Home, number: int) -> Path:
    return home.config / "desks" / f"{desk_name(number)}.toml"


def _new_agent(number: int) -> Any:
    agent: Any = tomlkit.table()
    agent.update({"name": f"Agent-{number}", "role": "builder", "capabilities": ["code"]})
    return agent


def _desk(template: Template, agent: str, number: int, size: tuple[int, int] | None) -> str:
    """`size` is that of its one window; None where that is still to be measured."""

    def put_in(text: str) -> str:
        return text.replace("{agent}", agent).replace("{number}", str(number))

    desk = tomlkit.document()
    desk.add(tomlkit.comment(f"A display of its own for {agent}: `octet desk up` starts it, and so does `octet run`."))
    virtual = tomlkit.table()
    virtual.add("size", template.size)
    virtual.add(tomlkit.comment("The agent's program and its arguments, as they are: no shell reads them."))
    virtual.add("program", [put_in(word) for word in template.program])
    if template.directory:
        virtual.add("directory", put_in(template.directory))
    desk.add("virtual", virtual)
    if size is None:
        return tomlkit.dumps(desk)
    box: Any = tomlkit.inline_table()
    box.update({"x": 0, "y": 0, "width": size[0], "height": size[1]})
    window: Any = tomlkit.table()
    window.update({"name": WINDOW, "profile": template.profile, "title": put_in(template.title), "box": box})
    windows: Any = tomlkit.aot()
    windows.append(window)
    desk.add("windows", windows)
    return tomlkit.dumps(desk)
