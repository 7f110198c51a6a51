"""`octet desk up --tmux`, and what `desk down|list|picture` do with panes of tmux: agents without any screen."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomlkit

from core.kit.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from automation.terminal.panes import Panes
    from automation.terminal.programs import PanePrograms
    from core.config.editor import Edit
    from core.config.loader import Config
    from core.desks.model import Desk
    from core.home import Home

DESK = "panes"
"""What the desk is called that is written for new panes."""
UP_S, LOOK_S = 30.0, 0.2
LAST_WORDS_S = 2.0
"""How long the text of a pane whose program ended may take to stand still."""
SETTLED_S = 0.7
"""A program that cannot be started has ended after this, once tmux and `env` have begun it."""
BEGINNING = frozenset({"env", "tmux"})
"""What runs in a pane for the moment before its program does, or says that it cannot."""


class NoPanes(Invalid):
    """No desk in config/desks has a [tmux] table. This writes one with eight panes:
    octet desk up --tmux --agents 8 --profile NAME -- PROGRAM ARGUMENTS…"""


class ProgramMissing(Invalid):
    """Nothing says what runs in {count} new panes. Name the agent's program and how it is driven:
    octet desk up --tmux --agents {agents} --profile NAME -- PROGRAM ARGUMENTS…
    ({agent} and {number} are put in for each; the profile needs a [terminal] table: `octet profile list`)"""


class NoSuchFolder(Invalid):
    """There is no folder {folder} for {agent} to work in; nothing was written. Make it, or name another one by
    --directory."""


class PanesNotUp(Unavailable):
    """Not every program runs {seconds} seconds after it was started; above is what each pane shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What new panes are made of. In program and directory {agent} and {number} stand for each pane's own."""

    program: Sequence[str]
    profile: str
    directory: str = ""


def write(home: Home, agents: int, layout: Layout, *, is_anew: bool = False) -> list[str]:
    """Write the desk with a pane for each of the first so many agents, as far as they have none, and send them there;
    what was written, in lines for people. `is_anew`: those that have one get what `layout` says, too. Raises
    ConfigWrong when that made no right configuration: nothing is changed."""
    from automation.terminal.programs import check_tmux
    from core.config.editor import change

    check_tmux()
    lines: list[str] = []

    def work(edit: Edit) -> None:
        listed: Any = edit.document("agents.toml").setdefault("agents", tomlkit.aot())
        name = f"desks/{DESK}.toml"
        is_new = not edit.has(name)
        desk: Any = edit.document(name)
        if is_new:
            desk.add(
                tomlkit.comment("Agents in panes of tmux: `octet desk up --tmux` starts them, and `octet run` keeps")
            )
            desk.add(tomlkit.comment("them running. docs/terminals.md tells how people look at them."))
        if "tmux" not in desk:
            desk["tmux"] = {"session": "octet"}
        windows: Any = desk.setdefault("windows", tomlkit.aot())
        have = {str(window.get("name")) for window in windows}
        missing = [number for number in range(1, agents + 1) if f"agent-{number}" not in have]
        if missing and (not layout.program or not layout.profile):
            raise ProgramMissing(count=len(missing), agents=agents)
        if is_anew:
            lines.extend(_write_anew(windows, listed, layout, agents, home.root))
        for number in missing:
            while len(listed) < number:
                listed.append(_agent(len(listed) + 1))
            agent = listed[number - 1]
            windows.append(_window(layout, str(agent["name"]), number, home.root))
            came_from = agent.get("desk")
            agent["lane"], agent["desk"], agent["window"] = "terminal", DESK, f"agent-{number}"
            was = f" (it was at {came_from})" if came_from else ""
            lines.append(f"{agent['name']} works in the pane agent-{number} of desk {DESK} now{was}")

    change(home, work)
    return lines


def _write_anew(windows: Any, agents: Any, layout: Layout, number: int, root: Path) -> Iterator[str]:
    """What the layout says, into the windows that stand for the first so many agents already."""
    names = {f"agent-{one}": one for one in range(1, number + 1)}
    for place, window in enumerate(windows):
        one = names.get(str(window.get("name")))
        if one is None:
            continue
        agent = next(
            (str(a["name"]) for a in agents if a.get("window") == f"agent-{one}" and a.get("desk") == DESK), ""
        )
        fresh = _window(layout, agent or f"Agent-{one}", one, root)
        if fresh.unwrap() != {key: window.unwrap().get(key) for key in fresh}:
            windows[place] = fresh
            yield f"the pane agent-{one} of desk {DESK} is written anew; what runs there is ended by `octet desk down`"


def up(home: Home, config: Config, desks: Sequence[Desk]) -> None:
    """Start the panes' programs and say how people look at them. Raises PanesNotUp, TmuxMissing, TmuxOld."""
    from automation.desktop.worker.process import DisplayLock
    from automation.terminal.programs import check_folders, check_tmux
    from automation.terminal.tmux import attach
    from bot.runfile import pointer_folders
    from core.config.settings import environment

    check_tmux()
    for desk in desks:
        check_folders(desk)
    locks, is_kept = pointer_folders(environment())[-1] / "displays", True
    for desk in desks:
        panes, programs = _of(home, config, desk)
        programs.want(up=True)
        is_kept = not DisplayLock(locks, desk.display).take()  # ours until this command ends: nobody starts them twice
        if not is_kept:
            programs.tend(panes.look_at_all())
            _await_begun(panes)
            time.sleep(SETTLED_S)
        is_up = _wait(panes, UP_S if is_kept else LOOK_S)
        print("\n".join(_lines(home, config, desk)))
        if not is_up:
            raise PanesNotUp(seconds=f"{UP_S if is_kept else SETTLED_S:g}")
        assert desk.tmux is not None
        print(f"Look at them:  {attach(desk.tmux)}      (the next one: Ctrl-b n; leave them running: Ctrl-b d)")
    if not is_kept:
        print("They run on by themselves. Started again when they end they are only while `octet run` runs.")


def down(home: Home, config: Config, desks: Sequence[Desk]) -> None:
    """End the programs of these desks' own panes, until `octet desk up`."""
    for desk in desks:
        panes, programs = _of(home, config, desk)
        programs.want(up=False)
        ended = programs.end_all()
        if desk.tmux is not None and not _lives(panes):
            from automation.terminal.tmux import sweep  # Unix alone; where there is no tmux, that was said before

            sweep(desk.tmux)
        print(f"{desk.name}: {ended} panes ended" if ended else f"{desk.name} is down")


def _lives(panes: Panes) -> bool:
    """Whether the server has panes of somebody else, for which it stays."""
    from automation.terminal.tmux import TmuxSilent

    try:
        return bool(panes.all())
    except TmuxSilent:
        return False  # it is just ending


def lines(home: Home, config: Config) -> list[str]:
    """How each desk with panes stands, and each of its panes."""
    return [line for desk in config.desks if desk.tmux for line in _lines(home, config, desk)]


def told(home: Home, config: Config) -> list[dict[str, object]]:
    """The same for programs."""
    from automation.terminal.tmux import attach

    return [
        {
            "desk": desk.name,
            "attach": attach(desk.tmux),
            "is_wanted": _of(home, config, desk)[1].is_wanted,
            "panes": [{"name": name, "why": why} for name, _, why in _states(_of(home, config, desk)[0])],
        }
        for desk in config.desks
        if desk.tmux is not None
    ]


def text(home: Home, config: Config, desk: Desk) -> str:
    """What every pane of the desk shows, as text; what its profile masks is covered."""
    return "\n".join(_of(home, config, desk)[0].shown())


def png(home: Home, config: Config, desk: Desk) -> bytes:
    """The same as a picture."""
    from automation.terminal import pane_picture

    return pane_picture.png(pane_picture.drawn(text(home, config, desk).split("\n")))


def of_terminals(config: Config, names: Sequence[str] | None) -> list[Desk]:
    """The desks with panes among these names, or all of them. Raises NoPanes where there is none at all."""
    own = [desk for desk in config.desks if desk.tmux is not None]
    if not own:
        raise NoPanes
    return [desk for desk in own if not names or desk.name in names]


def _of(home: Home, config: Config, desk: Desk) -> tuple[Panes, PanePrograms]:
    from automation.terminal.panes import Panes
    from automation.terminal.programs import PanePrograms
    from automation.terminal.tmux import TmuxServer
    from core.config.settings import environment

    assert desk.tmux is not None
    environ = {name: value for name, value in environment().items() if not name.startswith("OCTET_")}
    panes = Panes(desk, config.panes, TmuxServer(desk.tmux, environ))
    return panes, PanePrograms(panes, home.displays / desk.name)


def _await_begun(panes: Panes) -> None:
    """Wait until no pane is still beginning its program: on a busy machine that lasts."""
    from automation.protocol.ports import PermanentFailure

    end = time.monotonic() + UP_S
    while any(
        not isinstance(look, PermanentFailure) and not look.stand.is_dead and look.stand.command in BEGINNING
        for look in panes.look_at_all().values()
    ):
        if time.monotonic() > end:
            return
        time.sleep(LOOK_S / 4)


def _wait(panes: Panes, limit_s: float) -> bool:
    end = time.monotonic() + limit_s
    while not all(runs for _, runs, _ in _states(panes)):
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_S)
    return True


def _states(panes: Panes) -> Iterator[tuple[str, bool, str]]:
    """Each pane, whether its program runs, and what is wrong with it."""
    from automation.protocol.ports import PermanentFailure

    for name, look in panes.look_at_all().items():
        if isinstance(look, PermanentFailure):
            yield name, False, look.note or look.reason.value
        elif look.stand.is_dead:
            words = _last_words(panes, name)
            code = (
                f" with exit code {look.stand.status}" if look.stand.status else ""
            )  # tmux hears of it a little later
            yield name, False, f"its program ended{code}{f': {words}' if words else ''}"
        else:
            yield name, True, f"not readable: {why}" if (why := look.view.why_unread) else ""


def _last_words(panes: Panes, name: str) -> str:
    """The last line that a program said before it ended; tmux may hear of the end before all of what was said."""
    lines = panes.look(name, history=50).view.lines  # they stand above the screen by now
    end = time.monotonic() + LAST_WORDS_S
    while time.monotonic() < end:
        time.sleep(LOOK_S / 4)
        before, lines = lines, panes.look(name, history=50).view.lines
        if lines == before:
            break
    return next((line for line in reversed(lines) if line and "Pane is dead" not in line), "")


def _lines(home: Home, config: Config, desk: Desk) -> list[str]:
    from automation.terminal.tmux import where

    assert desk.tmux is not None
    panes, programs = _of(home, config, desk)
    states = list(_states(panes))
    run = sum(runs for _, runs, _ in states)
    head = f"{desk.name} (tmux {where(desk.tmux)})"
    if not programs.is_wanted and not run:
        return [f"{head} is down: it was put down; `octet desk up --tmux` brings it back"]
    return [f"{head}: {run} of {len(states)} panes run", *(f"  {name}: {why}" for name, _, why in states if why)]


def _agent(number: int) -> Any:
    agent: Any = tomlkit.table()
    agent.update({"name": f"Agent-{number}", "role": "builder", "capabilities": ["code"]})
    return agent


def _window(layout: Layout, agent: str, number: int, root: Path) -> Any:
    """`root` is the home, from which folders are counted."""

    def put_in(text: str) -> str:
        return text.replace("{agent}", agent).replace("{number}", str(number))

    window: Any = tomlkit.table()
    window.update({"name": f"agent-{number}", "profile": layout.profile})
    window.add("program", [put_in(word) for word in layout.program])
    if layout.directory:
        folder = put_in(layout.directory)
        if not (root / Path(folder).expanduser()).is_dir():
            raise NoSuchFolder(folder=folder, agent=agent)
        window.add("directory", folder)
    return window


def picture_to(home: Home, config: Config, desk: Desk, file: Path) -> None:
    """Write the picture where the person wants it: `-` is the terminal, a name that ends in .txt a text."""
    from bot.cli.pictures import write_picture

    if str(file) == "-":
        print(text(home, config, desk), end="")
    elif file.suffix == ".txt":
        write_picture(file, text(home, config, desk).encode())
    else:
        write_picture(file, png(home, config, desk))
