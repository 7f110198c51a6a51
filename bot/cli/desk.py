"""`octet desk`: the desks and the worker that types; starts and ends virtual displays and panes
of tmux."""

from __future__ import annotations

import asyncio
import json as json_text
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import pictures
from bot.cli.calibrate.console import Console
from bot.cli.children import LOOK_S, wait_until
from bot.cli.errors import run_async, writing
from bot.cli.home import HomeOption, JsonOption, home_of, with_json
from bot.runfile import octet_command, running
from bot.verbs.desks import ABOUT
from core.desks.model import Desk, DeskUnavailable
from core.home import Home
from core.kit.supervise import supervise
from core.profiles.model import Box
from core.reasons import Reason
from core.remedies import explain, refused

if TYPE_CHECKING:
    from automation.desktop.displays.display_status import DisplayStatus
    from automation.desktop.displays.state_dir import DisplayStateDir
    from automation.desktop.displays.virtual_display import VirtualDisplay
    from bot.cli.panes import DeskPanes
    from core.config.loader import Config

UP_S = 60.0
DOWN_S = 60.0
app = typer.Typer(help=f"{ABOUT}.", no_args_is_help=True)


@app.command()
@with_json
def up(
    program: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- PROGRAM…", help="With --agents: the new displays' program.", show_default=False),
    ] = None,
    *,
    desk: Annotated[list[str] | None, typer.Option("--desk", help="Only this desk; repeatable.")] = None,
    agents: Annotated[
        int | None, typer.Option("--agents", min=1, max=500, help="This many agents; creates missing desks.")
    ] = None,
    profile: Annotated[str, typer.Option("--profile", help="With --agents: the windows' profile.")] = "",
    title: Annotated[str, typer.Option("--title", help="With --agents: their titles.")] = "{agent}",
    size: Annotated[str, typer.Option("--size", help="With --agents: the displays' size.")] = "1920x1080",
    directory: Annotated[str, typer.Option("--directory", help="With --agents: the programs' working folder.")] = "",
    detach: Annotated[bool, typer.Option("--detach", help="Run them in the background.")] = False,
    tmux: Annotated[bool, typer.Option("--tmux", help="Use panes of tmux instead of displays.")] = False,
    home: HomeOption = None,
) -> None:
    """Start the desks' virtual displays and keep them until Ctrl-C, or `octet desk down`.

    `octet run` starts them too, unless `start = false` under `displays` in config/octet.toml; those started here
    survive its restarts. With --tmux: panes of tmux, which keep running."""
    from bot.cli.logs import log_to_stderr
    from core.calibration.writer import DeskTemplate, write_displays, write_panes
    from core.config.loader import load

    place = home_of(home)
    log_to_stderr("info")  # standard output has only this command's own lines
    if tmux:
        if agents is not None:
            from automation.terminal.programs import check_tmux

            check_tmux()
            template = DeskTemplate(program=program or [], profile=profile, directory=directory)
            print("\n".join(write_panes(place, [template] * agents)), end="\n" if agents else "")
        from bot.cli.panes import start_panes

        start_panes(load(place), desk)
        return
    _must_have_x11()
    from automation.desktop.displays.virtual_display import check_packages

    if agents is not None:
        template = DeskTemplate(program=program or [], profile=profile, title=title, size=size, directory=directory)
        written = write_displays(place, agents, template)
        print("\n".join(written), end="\n" if written else "")
        if written and running(place.root) is not None:
            print("Octet is running with the old configuration: restart it to use these desks.")
        desk = [f"desk-{number}" for number in range(1, agents + 1)]
    check_packages()
    config = load(place)
    desks = _chosen(config, desk)
    for one in desks:
        _folder(place, one).want(up=True)
    if detach:
        _detached(place, desks)
        _calibrate_alike(config, desks)
    else:
        if lacking := [one.name for one in desks if not one.windows]:
            print(f"Then `octet calibrate {lacking[0]} --all` measures one window and connects those like it.")
        asyncio.run(_keep(config, desks))


@app.command()
@with_json
def down(
    desk: Annotated[list[str] | None, typer.Argument(metavar="[DESK]…", help="Default: all.")] = None,
    home: HomeOption = None,
) -> None:
    """End the desks' virtual displays and panes, with all their programs, until `octet desk up`."""
    from core.config.loader import load

    place = home_of(home)
    config = load(place)
    in_terminals = [one for one in config.desks if one.kind.has_panes and (not desk or one.name in desk)]
    for one in in_terminals:
        _panes(config, one).end()
    names = {one.name for one in in_terminals}
    if in_terminals and (not any(one.virtual for one in config.desks) or names == {*(desk or ())}):
        return
    desks = _chosen(config, [name for name in desk or () if name not in names])
    for one in desks:
        _folder(place, one).want(up=False)
    if not wait_until(lambda: not any(_folder(place, one).read().display for one in desks), DOWN_S):
        raise refused("too_slow", went="went down", seconds=f"{DOWN_S:g}")
    print(_lines(place, desks))


@app.command("list")
def show(json: JsonOption = False, home: HomeOption = None) -> None:
    """List the desks with virtual displays or panes of tmux, and their state."""
    from core.config.loader import load

    place = home_of(home)
    config = load(place)
    desks = [desk for desk in config.desks if desk.virtual]
    in_terminals = [desk for desk in config.desks if desk.kind.has_panes]
    if json:
        states = [{"desk": desk.name, **asdict(_folder(place, desk).read())} for desk in desks]
        print(json_text.dumps([*states, *(_panes(config, desk).as_json() for desk in in_terminals)]))
        return
    lines = [_lines(place, desks)] if desks else []
    lines += [line for desk in in_terminals for line in _panes(config, desk).lines()]
    print("\n".join(lines) or "no desk has a virtual display, or panes")


@app.command()
@with_json
def picture(
    desk: Annotated[str, typer.Argument(metavar="DESK", help="A desk with a virtual display, or with panes.")],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where the PNG goes, a new file; of panes also .txt or -.")
    ],
    home: HomeOption = None,
) -> None:
    """Save a picture of a desk's whole virtual display, or of all its panes, for the owner of the home only."""
    from automation.desktop.observation.screen_capture import ScreenCapture, to_png
    from core.config.loader import load

    place = home_of(home)
    config = load(place)
    if terminals := [one for one in config.desks if one.kind.has_panes and one.name == desk]:
        _panes(config, terminals[0]).write_picture(file)
        return
    (chosen,) = _chosen(config, [desk])
    standing = _folder(place, chosen).read()
    if not standing.display or chosen.virtual is None:
        raise DeskUnavailable(desk, standing.reason or Reason.DISPLAY_STARTING, standing.note)
    os.environ["XAUTHORITY"] = standing.xauthority  # the library reads the cookie only here
    with ScreenCapture(standing.display) as screen:
        png = to_png(screen.take(Box(x=0, y=0, width=chosen.virtual.width, height=chosen.virtual.height)))
    pictures.write_picture(file, png)


app.command()(with_json(pictures.screenshot))


@app.command()
@with_json
def selftest(
    *,
    count: Annotated[int, typer.Option("--count", min=4, help="How many deliveries.")] = 200,
    report: Annotated[Path, typer.Option("--report", metavar="FILE", help="Where the report goes.")] = Path(
        "octet-selftest.json"
    ),
    portable: Annotated[
        bool, typer.Option("--portable", help="Test the portable path, even where a better one exists.")
    ] = False,
) -> None:
    """Test on this machine how safely Octet types, among programs that steal focus, clipboard and view.

    Octet opens a window for this and types nowhere else. Touch nothing meanwhile: it takes some minutes. Exit code 0:
    clean; 1: not; 75: could not begin."""
    if sys.platform.startswith("linux"):
        from automation.desktop.x11.wayland import refuse_wayland
        from core.config.settings import environment

        refuse_wayland(environment(), environment().get("DISPLAY", ""))
    from bot.cli.selftest import run_selftest

    done = run_selftest(count, portable=portable)
    print(f"\nself-test of this desktop: {done.verdict()}\n{done.as_json()}")
    with writing(report, "The whole report is above; --report chooses another place for the next one."):
        report.write_text(done.as_json(), encoding="utf-8")
    print(f"wrote {report}")
    if not done.is_clean:
        raise typer.Exit(1)


@app.command(hidden=True)
def run(
    desk: Annotated[str, typer.Option("--desk", help="The desk to work on.")],
    tmux: Annotated[bool, typer.Option("--tmux", help="Its windows are panes of tmux.")] = False,
    portable: Annotated[bool, typer.Option("--portable", help="For the self-test alone.")] = False,
) -> None:
    """Run a desk's worker. `octet run` starts one for each desk and controls it over pipes."""
    from automation.desktop.worker_selection import find_worker
    from bot.cli.logs import log_to_stderr

    log_to_stderr("info")  # structlog's default would print each frame's variables, such as a prompt with its code
    if tmux:
        from automation.terminal import worker

        sys.exit(worker.run(desk))
    sys.exit(find_worker("darwin" if portable else sys.platform)(desk))


acp = typer.Typer(help="Agents whose programs speak ACP.", no_args_is_help=True)


@acp.command("run")
def run_acp() -> None:
    """Run the worker of all ACP agents. `octet run` starts it and controls it over pipes."""
    from automation.acp import worker
    from bot.cli.logs import log_to_stderr

    log_to_stderr("info")
    sys.exit(worker.run())


def _chosen(config: Config, names: Sequence[str] | None) -> list[Desk]:
    own = {desk.name: desk for desk in config.desks if desk.virtual}
    if not own:
        raise refused("no_virtual_desk")
    for name in names or ():
        if name not in own:
            raise refused("not_virtual", id=name[:40])
    return [desk for name, desk in own.items() if not names or name in names]


def _panes(config: Config, desk: Desk) -> DeskPanes:
    from bot.cli.panes import DeskPanes

    return DeskPanes(config, desk)


def _must_have_x11() -> None:
    if sys.platform in {"win32", "darwin"}:
        raise refused("no_displays_here", platform="Windows" if sys.platform == "win32" else "a Mac")


def _folder(home: Home, desk: Desk) -> DisplayStateDir:
    _must_have_x11()
    from automation.desktop.displays.state_dir import DisplayStateDir

    return DisplayStateDir(home.displays, desk.name)


async def _keep(config: Config, desks: Sequence[Desk]) -> None:
    """Keep the displays that no other process keeps, until a signal or until all are to go down."""
    from core.config.program_environ import write_program_environs
    from core.kit.signals import stop_signals

    write_program_environs(config, octet_command())
    mine = [desk for desk in desks if not _folder(config.home, desk).read().keeper]
    if others := [desk for desk in desks if desk not in mine]:
        print(_lines(config.home, others), flush=True)
    with stop_signals([] if sys.platform == "win32" else [signal.SIGHUP]) as stop:
        async with asyncio.TaskGroup() as group:
            work = [supervise(group, f"display {desk.name}", _display(config, desk).keep()) for desk in mine]
            while not stop.is_set() and any(_folder(config.home, desk).is_wanted for desk in mine):
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await stop.wait()
            for one in work:
                one.cancel()


def _display(config: Config, desk: Desk) -> VirtualDisplay:
    from automation.desktop.displays.virtual_display import VirtualDisplay
    from core.config.settings import environment

    assert desk.virtual is not None
    shown = ""

    def tell(standing: DisplayStatus) -> None:
        nonlocal shown
        line = _line(desk.name, standing)
        if line != shown and (standing.is_up or standing.reason is not Reason.DISPLAY_STARTING):
            shown = line
            print(line, flush=True)

    return VirtualDisplay(
        desk.virtual, folder=_folder(config.home, desk), home=config.home.root, environ=environment(), tell=tell
    )


def _calibrate_alike(config: Config, desks: Sequence[Desk]) -> None:
    """Connect the windows of displays like one that has windows; else print the command that does."""
    from bot.cli.calibrate.command import calibrate_alike, has_same_size

    first = next((one for one in desks if not one.windows), None)
    if first is None:
        return
    like = next((one.name for one in config.desks if one.windows and has_same_size(one, first)), None)
    if like is not None:
        run_async(calibrate_alike(config.home, like, Console(is_person=False)))
    else:
        print(f"`octet calibrate {first.name} --all` measures its window, and connects the others that are like it.")


def _detached(home: Home, desks: Sequence[Desk]) -> None:
    home.displays.mkdir(mode=0o700, parents=True, exist_ok=True)
    arguments = [word for desk in desks for word in ("--desk", desk.name)]
    argv = [sys.executable, "-m", "bot", "desk", "up", "--home", str(home.root), *arguments]
    with (home.displays / "up.log").open("ab") as log:
        subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    is_up = wait_until(lambda: all(_folder(home, desk).read().is_up for desk in desks), UP_S)
    print(_lines(home, desks))
    if not is_up:
        raise refused("too_slow", went="came up", seconds=f"{UP_S:g}")


def _lines(home: Home, desks: Sequence[Desk]) -> str:
    return "\n".join(_line(desk.name, _folder(home, desk).read()) for desk in desks)


def _line(name: str, standing: DisplayStatus) -> str:
    place = f" ({standing.display})" if standing.display else ""
    again = f", {standing.restarts} restarts" if standing.restarts else ""
    why = explain(standing.reason, standing.note)
    state = "is up" if standing.is_up else f"is not up: {why}" if standing.keeper else "is down"
    return f"{name}{place} {state}{again}"
