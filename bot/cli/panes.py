"""`octet desk up --tmux`, and what `desk down|list|picture` do with panes of tmux: agents without any screen."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.kit.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from automation.terminal.panes import Panes
    from automation.terminal.programs import PanePrograms
    from core.config.loader import Config
    from core.desks.model import Desk
    from core.home import Home

UP_S, LOOK_S = 30.0, 0.2
LAST_WORDS_S = 2.0  # how long the text of a pane whose program ended may take to stand still
SETTLED_S = 0.7  # A program that cannot be started has ended after this, once tmux and `env` have begun it
BEGINNING = frozenset({"env", "tmux"})
"""What runs in a pane for the moment before its program does, or says that it cannot."""


class NoPanes(Invalid):
    """No desk in config/desks has a [tmux] table. This writes one with eight panes:
    octet desk up --tmux --agents 8 --profile NAME -- PROGRAM ARGUMENTS…"""


class PanesNotUp(Unavailable):
    """Not every program runs {seconds} seconds after it was started; above is what each pane shows."""


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
            from automation.terminal.stale_socket import (
                sweep,  # Unix alone; where there is no tmux, that was said before
            )

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


def picture_to(home: Home, config: Config, desk: Desk, file: Path) -> None:
    """Write the picture where the person wants it: `-` is the terminal, a name that ends in .txt a text."""
    from bot.cli.pictures import write_picture

    if str(file) == "-":
        print(text(home, config, desk), end="")
    elif file.suffix == ".txt":
        write_picture(file, text(home, config, desk).encode())
    else:
        write_picture(file, png(home, config, desk))
