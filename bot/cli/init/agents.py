"""Asks how prompts reach the agents, while agents.toml is still the template; later only on request."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import tomlkit
import typer

from automation.terminal.programs import check_tmux
from bot.cli.calibrate.command import calibrate_windows, pane_session
from bot.cli.calibrate.console import Console
from bot.cli.errors import EXIT_NOT_AS_ASKED, run_async
from bot.cli.init.prompts import MARK, AgentPlace, InitOptions, Prompts
from bot.cli.init.templates import AGENTS, template_of
from bot.cli.operator import printable
from bot.cli.panes import wait_until_usable
from core.agents.model import Program
from core.calibration.model import CalibrationOptions
from core.calibration.writer import (
    PANES,
    PROMPT,
    DeskTemplate,
    agent_of_number,
    has_only_examples,
    new_pane_profile,
    write_displays,
    write_panes,
)
from core.config.agents import read_programs
from core.config.editor import Edit, change
from core.config.loader import load
from core.config.profiles import in_pane, read_profiles
from core.config.settings import environment
from core.home import Home
from core.kit.errors import OctetError, Unavailable
from core.profiles.model import Act

_TEXTS = {
    AgentPlace.WINDOWS: "in windows on this screen: show them to Octet now",
    AgentPlace.TERMINALS: "in terminals, without a screen: panes of tmux with Claude Code, Codex or similar",
    AgentPlace.ACP: "without any window, over ACP: Octet starts opencode, Gemini CLI or similar itself",
    AgentPlace.DISPLAYS: "in windows on virtual displays, one for each",
    AgentPlace.DRY_RUN: "not yet: Octet shows prompts and types nothing (dry run)",
}
_ANOTHER = "another"
_LANES = {"window": "in windows", "terminal": "in terminals", "acp": "over ACP", "dryrun": "on the dry run"}
_COMMANDS = {"claude_code": "claude", "codex": "codex", "gemini_cli": "gemini", "opencode": "opencode"}
"""The commands of the shipped profiles' programs."""
_EXAMPLES = "main"  # the desk of the shipped configuration, with the demo's windows
_BY_HAND_TERMINALS = "`octet desk up --tmux --agents N --profile NAME -- PROGRAM`"
_BY_HAND_DISPLAYS = "`octet desk up --agents N --profile NAME -- PROGRAM`"


def set_up_agents(home: Home, options: InitOptions, questions: Prompts) -> None:
    is_template = (home.config / AGENTS).read_bytes() == template_of(AGENTS).read_bytes()  # with the demo's windows
    if options.agents is None and not is_template:
        print(f"Agents: kept as config/agents.toml has them: {summary(home)}.")
        print(f"  To choose again: octet init --agents {'|'.join(AgentPlace)}")
        return
    place = options.agents or _asked(home, questions)
    match place:
        case AgentPlace.WINDOWS:
            console = Console(is_person=questions.is_terminal, mark=MARK)
            run_async(calibrate_windows(home, CalibrationOptions(), console))
        case AgentPlace.TERMINALS:
            _terminals(home, questions)
        case AgentPlace.ACP:
            _acp(home, questions)
        case AgentPlace.DISPLAYS:
            _displays(home, questions)
        case AgentPlace.DRY_RUN:
            change(home, lambda edit: set_dry_run(edit.document(AGENTS)))
    print(f"Agents: {summary(home)}.")


def summary(home: Home) -> str:
    lanes = Counter(str(agent.get("lane")) for agent in _listed(home))
    return ", ".join(f"{number} {_LANES.get(lane, lane)}" for lane, number in lanes.items()) or "none"


def set_dry_run(document: Any) -> None:
    for agent in document.get("agents", []):
        _disconnect(agent)


def _disconnect(agent: Any) -> None:
    agent["lane"] = "dryrun"
    for key in ("desk", "window", "allowed_actions", "program", "command", "folder"):
        agent.pop(key, None)


def offered() -> dict[AgentPlace, str]:
    is_linux = sys.platform.startswith("linux")
    works_here = {
        AgentPlace.WINDOWS: not is_linux or bool(environment().get("DISPLAY")),
        AgentPlace.TERMINALS: sys.platform != "win32",
        AgentPlace.ACP: sys.platform != "win32",
        AgentPlace.DISPLAYS: is_linux,
        AgentPlace.DRY_RUN: True,
    }
    return {kind: text for kind, text in _TEXTS.items() if works_here[kind]}


def _asked(home: Home, questions: Prompts) -> AgentPlace:
    if found := list(_installed(home)):
        print("Programs of agents that are installed here:")
        print("\n".join(f"    {line}" for line in found))
    choices = {kind.value: text for kind, text in offered().items()}
    while True:
        kind = AgentPlace(questions.choose("Where are your agents?", choices, option="--agents"))
        try:
            _check(kind)
        except Unavailable as missing:
            print(f"  {missing.message}")
            print("  Do that in another terminal and choose the same again, or choose another answer:")
        else:
            return kind


def _installed(home: Home) -> Iterator[str]:
    """Yield each program that is installed, with the ways in which Octet reaches it, and why."""
    programs = read_programs(home.root, [])
    for profile, command in _COMMANDS.items():
        if shutil.which(command) is not None:
            ways = [f"in terminals: the profile {profile} describes its screen"]
            ways += (_over_acp(one) for one in programs.values() if command in {one.binary, one.command[0]})
            yield f"{command}: {'; '.join(ways)}"


def _over_acp(program: Program) -> str:
    """Say what is there, or missing, to reach this program over ACP."""
    if shutil.which(program.command[0]) is None:
        missing = program.command[0]
        return f"over ACP once `{missing}` is installed" + (", its adapter" if program.binary else "")
    return "over ACP" + (f" by its adapter `{program.command[0]}`" if program.binary else ": it speaks it")


def _acp(home: Home, questions: Prompts) -> None:
    """Give the agents the lane, and see that each program starts, is logged in and opens a conversation."""
    from bot.cli.doctor import programs as checks

    rows = read_programs(home.root, [])
    known = sorted(rows, key=lambda name: shutil.which(rows[name].command[0]) is None)
    about = {name: f"{name}: {_over_acp(rows[name])}" for name in known}
    names = [name for name, count in _fleet(home, questions, about, option="--agents acp") for _ in range(count)]
    folder = _folder(questions, DeskTemplate(program=[], profile=""), [f"Agent-{at + 1}" for at in range(len(names))])

    def work(edit: Edit) -> None:
        listed = cast("Any", edit.document(AGENTS)).setdefault("agents", tomlkit.aot())
        for number, program in enumerate(names, start=1):
            agent = agent_of_number(listed, number)
            _disconnect(agent)
            own = folder.replace("{agent}", str(agent["name"])).replace("{number}", str(number))
            agent.update({"lane": "acp", "program": program, "folder": own})

    change(home, work)
    drop_examples(home)
    print("  Octet starts each program once, for a conversation that nothing is sent to:", flush=True)
    for finding in checks.agents(load(home)):
        print(
            f"  {finding.level.value}: {printable(finding.what)}" + (f"\n    → {finding.cure}" if finding.cure else "")
        )


def _check(kind: AgentPlace) -> None:
    if kind is AgentPlace.TERMINALS:
        check_tmux()
    if kind is AgentPlace.DISPLAYS:
        from automation.desktop.displays.virtual_display import check_packages

        check_packages()


def _terminals(home: Home, questions: Prompts) -> None:
    """Write the desk, start its panes as `octet desk up --tmux` does, and wait until each can be used."""
    _check(AgentPlace.TERMINALS)
    kinds = read_profiles(home.root, []).kinds
    # Profiles that know a program's screen, those of installed programs first.
    known = [name for name, kind in sorted(kinds.items()) if not kind.disabled and not isinstance(in_pane(kind), tuple)]
    known.sort(key=lambda name: shutil.which(_COMMANDS.get(name, "")) is None)
    templates: list[DeskTemplate] = []
    about = {name: _described(name) for name in [*known, _ANOTHER]}
    for profile, count in _fleet(home, questions, about, option=_BY_HAND_TERMINALS):
        option, default = _BY_HAND_TERMINALS, _COMMANDS.get(profile, "")
        program = _program(questions, f"The command of {profile}", option=option, default=default)
        name = new_pane_profile(home, program[0]) if profile == _ANOTHER else profile
        templates += [DeskTemplate(program=program, profile=name)] * count
    names = [str(agent.get("name")) for agent in _listed(home)[: len(templates)]]
    names += [f"Agent-{at}" for at in range(len(names) + 1, len(templates) + 1)]
    folder = _folder(questions, templates[0], names)
    for line in write_panes(home, [replace(one, directory=folder) for one in templates], replaces=True):
        print(f"  {line}")
    drop_examples(home)
    _allow_buttons(home)
    # In a separate process: the one that lays out panes holds them until it ends, and Octet needs them soon.
    words = [sys.executable, "-m", "bot", "desk", "up", "--tmux", "--home", str(home.root)]
    where = f"--home {shlex.quote(str(home.root))}"
    if code := subprocess.run(words, check=False).returncode:
        print(f"Your answers are kept. To choose the agents again: octet init --agents terminals {where}")
        raise typer.Exit(code)  # it has said why
    kinds = read_profiles(home.root, []).kinds
    for number, template in enumerate(templates, start=1):
        if PROMPT in kinds[template.profile].calibrate and template not in templates[: number - 1]:
            _learn_prompt(home, questions, f"agent-{number}", where)
    wait_until_usable(load(home), PANES)


def _fleet(home: Home, questions: Prompts, about: Mapping[str, str], *, option: str) -> list[tuple[str, int]]:
    """Ask which of these programs run, and how many of each."""
    profiles, total = list(about), len(_listed(home)) or 8

    def parse(answer: str) -> list[tuple[str, int]]:
        parts = [part.split() for part in answer.split(",")]
        found: list[tuple[str, int]] = []
        for name, *count in (part for part in parts if part):
            same = [one for at, one in enumerate(profiles, 1) if name in {str(at), one, _COMMANDS.get(one)}]
            number = count[0] if count else str(total if len(parts) == 1 else 1)
            if not same or len(count) > 1 or not (number.isascii() and number.isdigit() and 1 <= int(number) <= 500):
                raise ValueError(f"Type names of the list, each with a number: {profiles[0]} 4, {profiles[1]} 2")
            found.append((same[0], int(number)))
        return found

    for number, text in enumerate(about.values(), start=1):
        print(f"    {number}  {printable(text)}")
    question = "The agents' programs, and how many of each"
    return questions.ask(question, parse, option=option, default=f"{profiles[0]} {total}")


def _allow_buttons(home: Home) -> None:
    """Allow the buttons that the profile of each new agent in a pane has a key for."""
    kinds, panes = read_profiles(home.root, []).kinds, dict[str, str]()

    def work(edit: Edit) -> None:
        for pane in cast("Any", edit.document(f"desks/{PANES}.toml"))["windows"]:
            panes[str(pane["name"])] = str(pane["profile"])
        for agent in cast("Any", edit.document(AGENTS)).get("agents", []):
            profile = in_pane(kinds[panes[agent["window"]]]) if agent.get("desk") == PANES else ()
            if not isinstance(profile, tuple) and "allowed_actions" not in agent:
                agent["allowed_actions"] = [act.value for act in Act if act in profile.acts]

    change(home, work)
    print("  Buttons in Discord may press their keys for Stop, Approve and Deny (allowed_actions in agents.toml).")


def _learn_prompt(home: Home, questions: Prompts, pane: str, where: str) -> None:
    """Learn in this pane, as `octet calibrate` does, how the program looks; else name the commands that do it."""
    print(f"Octet has to learn how this program's input line looks. Look at the pane {pane}.")
    print("When its input line is empty, answer:")
    console = Console(is_person=questions.is_terminal, mark=MARK)
    session = pane_session(home, PANES, pane)
    try:
        run_async(calibrate_windows(home, CalibrationOptions(), console, session=session))
    except OctetError as trouble:
        print(f"  {trouble.message}")
        print("Your answers are kept, and the panes run. Once the program shows an empty input line:")
        print(f"  octet calibrate {PANES} {pane} {where}")
        print(f"  octet init {where}")
        raise typer.Exit(EXIT_NOT_AS_ASKED) from trouble


def _program(questions: Prompts, question: str, *, option: str, default: str = "") -> list[str]:
    """Ask for a command and its arguments, with the quotes that a shell takes; no shell ever reads them."""

    def parse(answer: str) -> list[str]:
        try:
            words = shlex.split(answer)
        except ValueError as wrong:
            raise ValueError(f"{str(wrong)[:1].upper()}{str(wrong)[1:]}; type it again.") from wrong
        if "{" in words[0] or shutil.which(words[0]) is not None:
            return words
        raise ValueError(f"No program “{printable(words[0])}” found. Type its full path.")

    return questions.ask(question, parse, option=option, default=default)


def _folder(questions: Prompts, template: DeskTemplate, agents: Sequence[str]) -> str:
    """Ask for the agents' folder, which may have {agent} or {number} in it; create what is missing after a yes."""

    def parse(answer: str) -> str:
        place = str(Path(answer).expanduser().absolute())
        folders = {Path(template.fill(place, agent, number)) for number, agent in enumerate(agents, start=1)}
        missing = sorted(folder for folder in folders if not folder.is_dir())
        if not missing:
            return place
        which = printable(", ".join(map(str, missing[:3]))) + (", …" if missing[3:] else "")
        if not questions.confirm(f"There is no folder {which}. Create it?", option=_BY_HAND_TERMINALS):
            raise ValueError("Type another folder.")
        for folder in missing:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                why = (error.strerror or str(error)).lower()
                where = printable(str(folder))
                raise ValueError(f"Octet cannot create {where}: {why}. Type another folder.") from error
        return place

    return questions.ask("Their working folder", parse, option=_BY_HAND_TERMINALS, default=str(Path.cwd()))


def _described(profile: str) -> str:
    if profile == _ANOTHER:
        return f"{_ANOTHER}: Octet learns how your program looks"
    command = _COMMANDS.get(profile, "")
    if not command:
        return profile
    return f"{profile}: " + (
        f"`{command}` is installed" if shutil.which(command) else f"no `{command}` is installed here"
    )


def _displays(home: Home, questions: Prompts) -> None:
    """Write the desks, as `octet desk up` does, and print what is left to measure on displays that no user sees."""
    _check(AgentPlace.DISPLAYS)
    kinds = read_profiles(home.root, []).kinds
    choices = {name: name for name, kind in sorted(kinds.items()) if not kind.disabled}
    profile = questions.choose("The agents' profile", choices, option=_BY_HAND_DISPLAYS)
    program = _program(questions, "The agents' program, with its arguments", option=_BY_HAND_DISPLAYS)
    number = questions.number("How many?", option=_BY_HAND_DISPLAYS, default=len(_listed(home)) or 8)
    template = DeskTemplate(program=program, profile=profile, directory=str(Path.cwd()))
    for line in write_displays(home, number, template):
        print(f"  {line}")
    drop_examples(home)
    if all(agent.get("lane") == "dryrun" for agent in _listed(home)):
        print("  Until then Octet only shows prompts. First: octet desk up --detach")


def drop_examples(home: Home) -> None:
    """Remove the desk of the demo's windows, and the example agents there once there are others; until then they get
    the dry run."""

    def work(edit: Edit) -> None:
        if not has_only_examples(edit, _EXAMPLES):
            return
        edit.remove(f"desks/{_EXAMPLES}.toml")
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
