"""How prompts reach the agents: asked once, while agents.toml is still the template; changed later by asking for it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import typer

from automation.terminal.programs import check_tmux
from bot.cli.calibrate.command import calibrate_windows
from bot.cli.calibrate.console import Console
from bot.cli.errors import run_async
from bot.cli.init.prompts import MARK, AgentPlace, InitOptions, Prompts
from bot.cli.init.templates import template_of
from bot.cli.operator import printable
from core.calibration.model import CalibrationOptions
from core.calibration.writer import DeskTemplate, write_displays, write_panes
from core.config.editor import Edit, change
from core.config.profiles import in_pane, read_profiles
from core.config.settings import environment
from core.home import Home
from core.kit.errors import Unavailable

AGENTS = "agents.toml"
_TEXTS = {
    AgentPlace.WINDOWS: "in windows on this screen: show them to Octet now",
    AgentPlace.TERMINALS: "in terminals, without any screen: panes of tmux with Claude Code, Codex and the like",
    AgentPlace.DISPLAYS: "in windows that nobody sees: a virtual display for each",
    AgentPlace.DRY_RUN: "not yet: prompts are shown in Discord and typed nowhere (dry run)",
}
_LANES = {"window": "in windows", "terminal": "in terminals", "dryrun": "on the dry run"}
_COMMANDS = {"claude_code": "claude", "codex": "codex", "gemini_cli": "gemini", "opencode": "opencode"}
"""What the shipped profiles' programs are called on a command line."""
_EXAMPLES = "main"  # the desk of the shipped configuration, with the demo's windows
_BY_HAND_TERMINALS = "`octet desk up --tmux --agents N --profile NAME -- PROGRAM`"
_BY_HAND_DISPLAYS = "`octet desk up --agents N --profile NAME -- PROGRAM`"


def set_up_agents(home: Home, options: InitOptions, questions: Prompts) -> None:
    """See that the agents have a way, or keep the one they have."""
    if options.agents is None and not is_template(home):
        print(f"Agents: kept as config/agents.toml has them: {summary(home)}.")
        print(f"  To choose anew: octet init --agents {'|'.join(AgentPlace)}")
        return
    match options.agents or _asked(questions):
        case AgentPlace.WINDOWS:
            console = Console(is_person=questions.is_terminal, mark=MARK)
            run_async(calibrate_windows(home, CalibrationOptions(), console))
        case AgentPlace.TERMINALS:
            _terminals(home, questions)
        case AgentPlace.DISPLAYS:
            _displays(home, questions)
        case AgentPlace.DRY_RUN:
            change(home, lambda edit: set_dry_run(edit.document(AGENTS)))
    print(f"Agents: {summary(home)}.")


def is_template(home: Home) -> bool:
    """Whether agents.toml is as it was shipped: with the windows of the demo."""
    return (home.config / AGENTS).read_bytes() == template_of(AGENTS).read_bytes()


def summary(home: Home) -> str:
    """`3 in windows, 5 on the dry run`."""
    lanes = Counter(str(agent.get("lane")) for agent in _listed(home))
    return ", ".join(f"{number} {_LANES.get(lane, lane)}" for lane, number in lanes.items()) or "none"


def set_dry_run(document: Any) -> None:
    for agent in document.get("agents", []):
        _disconnect(agent)


def _disconnect(agent: Any) -> None:
    agent["lane"] = "dryrun"
    for key in ("desk", "window", "allowed_actions"):
        agent.pop(key, None)


def offered() -> dict[AgentPlace, str]:
    """The ways that this platform has, with their texts."""
    is_linux = sys.platform.startswith("linux")
    works_here = {
        AgentPlace.WINDOWS: not is_linux or bool(environment().get("DISPLAY")),
        AgentPlace.TERMINALS: sys.platform != "win32",
        AgentPlace.DISPLAYS: is_linux,
        AgentPlace.DRY_RUN: True,
    }
    return {kind: text for kind, text in _TEXTS.items() if works_here[kind]}


def _asked(questions: Prompts) -> AgentPlace:
    choices = {kind.value: text for kind, text in offered().items()}
    while True:
        kind = AgentPlace(questions.choose("Where your agents are", choices, option="--agents"))
        try:
            _check(kind)
        except Unavailable as missing:
            print(f"  {missing.message}")
            print("  Do that in another terminal and choose the same again, or choose otherwise:")
        else:
            return kind


def _check(kind: AgentPlace) -> None:
    if kind is AgentPlace.TERMINALS:
        check_tmux()
    if kind is AgentPlace.DISPLAYS:
        from automation.desktop.displays.virtual_display import check_packages

        check_packages()


def _terminals(home: Home, questions: Prompts) -> None:
    """By `octet desk up --tmux`: the desk is written, and its panes run from now on."""
    _check(AgentPlace.TERMINALS)
    kinds = read_profiles(home.root, []).kinds
    # Which program for the command line: by the profiles that know one's screen.
    known = [name for name, kind in sorted(kinds.items()) if not kind.disabled and not isinstance(in_pane(kind), tuple)]
    choices = {name: _described(name) for name in known}
    profile = questions.choose("The agents' program", choices, option=_BY_HAND_TERMINALS)
    program = _program(questions, "Its command", option=_BY_HAND_TERMINALS, default=_COMMANDS.get(profile, ""))
    number = questions.number("How many of them", option=_BY_HAND_TERMINALS, default=len(_listed(home)) or 8)
    template = DeskTemplate(program=program, profile=profile, directory=_folder(questions, _BY_HAND_TERMINALS))
    for line in write_panes(home, number, template, replaces=True):
        print(f"  {line}")
    _without_examples(home)
    # By a process of its own: the process that lays panes out has them until it ends, and Octet is to have them soon.
    words = [sys.executable, "-m", "bot", "desk", "up", "--tmux", "--home", str(home.root)]
    if code := subprocess.run(words, check=False).returncode:
        print("What is answered is kept. To answer anew for the agents: octet init --agents terminals")
        raise typer.Exit(code)  # it has said why


def _program(questions: Prompts, question: str, *, option: str, default: str = "") -> list[str]:
    while True:
        words = questions.words(question, option=option, default=default)
        if "{" in words[0] or shutil.which(words[0]) is not None:
            return words
        print(f"  No program “{printable(words[0])}” is found here. Type its whole path.")


def _folder(questions: Prompts, option: str) -> str:
    """A folder that is there, whole; one with {agent} in it is looked at when it is used."""
    while True:
        folder = Path(questions.text("The folder they work in", option=option, default=str(Path.cwd()))).expanduser()
        if "{" in str(folder) or folder.is_dir():
            return str(folder.absolute())
        print(f"  There is no folder {printable(str(folder))}; make it in another terminal, or type another one.")


def _described(profile: str) -> str:
    command = _COMMANDS.get(profile, "")
    return f"{profile}{'' if not command or shutil.which(command) else f' (no `{command}` is installed here)'}"


def _displays(home: Home, questions: Prompts) -> None:
    """By `octet desk up`: the desks are written. It says what is left to measure on displays that no user sees."""
    _check(AgentPlace.DISPLAYS)
    kinds = read_profiles(home.root, []).kinds
    choices = {name: name for name, kind in sorted(kinds.items()) if not kind.disabled}
    profile = questions.choose("How the agents' windows are driven", choices, option=_BY_HAND_DISPLAYS)
    program = _program(questions, "The agents' program, with its arguments", option=_BY_HAND_DISPLAYS)
    number = questions.number("How many of them", option=_BY_HAND_DISPLAYS, default=len(_listed(home)) or 8)
    template = DeskTemplate(program=program, profile=profile, directory=str(Path.cwd()))
    for line in write_displays(home, number, template):
        print(f"  {line}")
    _without_examples(home)
    if all(agent.get("lane") == "dryrun" for agent in _listed(home)):
        print("  Until that is done, prompts are only shown. First: octet desk up --detach")


def _without_examples(home: Home) -> None:
    """Remove the examples, agents at the demo's windows, once the user has agents of their own. Where there are none
    yet they stay, and their prompts are only shown."""

    def work(edit: Edit) -> None:
        document: Any = edit.document(AGENTS)
        agents: Any = document.get("agents", [])
        examples = [at for at, one in enumerate(agents) if (one.get("lane"), one.get("desk")) == ("window", _EXAMPLES)]
        has_others = len(agents) > len(examples)
        for at in reversed(examples):
            if has_others:
                del agents[at]
            else:
                _disconnect(agents[at])

    change(home, work)


def _listed(home: Home) -> list[dict[str, object]]:
    return tomllib.loads((home.config / AGENTS).read_text(encoding="utf-8")).get("agents", [])
