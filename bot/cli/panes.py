"""`octet desk up --tmux`, and what `desk down|list|picture` do with panes of tmux: agents without any screen."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli.children import LOOK_S, wait_until
from core.kit.errors import Invalid, Unavailable
from core.remedies import sentence

if TYPE_CHECKING:
    from automation.terminal.panes import Panes
    from automation.terminal.programs import PanePrograms
    from core.config.loader import Config
    from core.desks.model import Desk

UP_S, END_S = 30.0, 15.0
LAST_WORDS_S = 2.0  # how long the text of a pane whose program ended may take to stand still
SETTLED_S = 0.7  # A program that cannot be started has ended after this, once tmux and `env` have begun it
BEGINNING = frozenset({"env", "tmux"})
"""What runs in a pane for the moment before its program does, or says that it cannot."""


class NoPanes(Invalid):
    """No desk in config/desks has a [tmux] table. This writes one with eight panes:
    octet desk up --tmux --agents 8 --profile NAME -- PROGRAM ARGUMENTS…"""


class PanesNotUp(Unavailable):
    """Not every program runs {seconds} seconds after it was started; above is what each pane shows."""


def up(config: Config, names: Sequence[str] | None) -> None:
    """Start the programs of these desks' panes, or of all, and say how people look at them. Raises NoPanes, PanesNotUp,
    TmuxMissing, TmuxOld."""
    from automation.desktop.worker.process import DisplayLock
    from automation.terminal.programs import check_folders, check_tmux
    from automation.terminal.tmux import attach
    from bot.runfile import pointer_folders
    from core.config.settings import environment

    own = [desk for desk in config.desks if desk.tmux is not None]
    if not own:
        raise NoPanes
    check_tmux()
    desks = [desk for desk in own if not names or desk.name in names]
    for desk in desks:
        check_folders(desk)
    locks, is_kept = pointer_folders(environment())[-1] / "displays", True
    for desk in desks:
        panes, programs = _of(config, desk)
        programs.want(up=True)
        is_kept = not DisplayLock(locks, desk.display).take()  # ours until the end, so that none starts twice
        if not is_kept:
            programs.tend(panes.look_at_all())
            _await_begun(panes)
            time.sleep(SETTLED_S)
        is_up = wait_until(lambda panes=panes: all(runs for _, runs, _ in _states(panes)), UP_S if is_kept else LOOK_S)
        print("\n".join(lines(config, desk)))
        if not is_up:
            raise PanesNotUp(seconds=f"{UP_S if is_kept else SETTLED_S:g}")
        assert desk.tmux is not None
        print(f"Look at them:  {attach(desk.tmux)}      (the next one: Ctrl-b n; leave them running: Ctrl-b d)")
    if not is_kept:
        print("They run on by themselves. Started again when they end they are only while `octet run` runs.")


def down(config: Config, desks: Sequence[Desk]) -> None:
    """End the programs of these desks' own panes, until `octet desk up`."""
    for desk in desks:
        panes, programs = _of(config, desk)
        programs.want(up=False)
        ended = programs.end_all()
        wait_until(lambda panes=panes: _has_settled(panes), END_S, LOOK_S / 4)
        print(f"{desk.name}: {ended} panes ended" if ended else f"{desk.name} is down")


def lines(config: Config, desk: Desk) -> list[str]:
    """How the desk stands, and each of its panes."""
    from automation.terminal.tmux import where

    assert desk.tmux is not None
    panes, programs = _of(config, desk)
    states = list(_states(panes))
    run = sum(runs for _, runs, _ in states)
    head = f"{desk.name} (tmux {where(desk.tmux)})"
    if not programs.is_wanted and not run:
        return [f"{head} is down: it was put down; `octet desk up --tmux` brings it back"]
    return [f"{head}: {run} of {len(states)} panes run", *(f"  {name}: {why}" for name, _, why in states if why)]


def told(config: Config, desk: Desk) -> dict[str, object]:
    """The same for programs."""
    from automation.terminal.tmux import attach

    assert desk.tmux is not None
    panes, programs = _of(config, desk)
    states = [{"name": name, "why": why} for name, _, why in _states(panes)]
    return {"desk": desk.name, "attach": attach(desk.tmux), "is_wanted": programs.is_wanted, "panes": states}


def picture_to(config: Config, desk: Desk, file: Path) -> None:
    """Write what every pane of the desk shows, with what its profile masks covered: `-` is the terminal, a name that
    ends in .txt a text, any other a picture."""
    from automation.terminal import pane_picture
    from bot.cli.pictures import write_picture

    text = "\n".join(_of(config, desk)[0].shown())
    if str(file) == "-":
        print(text, end="")
    elif file.suffix == ".txt":
        write_picture(file, text.encode())
    else:
        write_picture(file, pane_picture.png(pane_picture.drawn(text.split("\n"))))


def _of(config: Config, desk: Desk) -> tuple[Panes, PanePrograms]:
    from automation.terminal.panes import Panes
    from automation.terminal.programs import PanePrograms
    from automation.terminal.tmux import TmuxServer
    from core.config.settings import environment

    assert desk.tmux is not None
    environ = {name: value for name, value in environment().items() if not name.startswith("OCTET_")}
    panes = Panes(desk, config.panes, TmuxServer(desk.tmux, environ))
    return panes, PanePrograms(panes, config.home.displays / desk.name)


def _has_settled(panes: Panes) -> bool:
    """Whether the server has gone with its last pane, or stays for other panes."""
    from automation.terminal.tmux import NoServer, TmuxSilent

    try:
        return bool(panes.tmux.ask(["list-panes", "-a"]))
    except NoServer:
        return True
    except TmuxSilent:
        return False  # it is just ending


def _await_begun(panes: Panes) -> None:
    """Wait until no pane is still beginning its program: on a busy machine that lasts."""
    from automation.protocol.ports import PermanentFailure

    def have_begun() -> bool:
        looks = [look for look in panes.look_at_all().values() if not isinstance(look, PermanentFailure)]
        return not any(not look.stand.is_dead and look.stand.command in BEGINNING for look in looks)

    wait_until(have_begun, UP_S, LOOK_S / 4)


def _states(panes: Panes) -> Iterator[tuple[str, bool, str]]:
    """Each pane, whether its program runs, and what is wrong with it."""
    from automation.protocol.ports import PermanentFailure

    for name, look in panes.look_at_all().items():
        if isinstance(look, PermanentFailure):
            yield name, False, look.note or sentence(look.reason)
        elif look.stand.is_dead:
            words, status = _last_words(panes, name), look.stand.status
            code = f" with exit code {status}" if status else ""  # tmux hears of it a little later
            yield name, False, f"its program ended{code}{f': {words}' if words else ''}"
        else:
            yield name, True, f"not readable: {why}" if (why := look.view.why_unread) else ""


def _last_words(panes: Panes, name: str) -> str:
    """The last line that a program said before it ended; tmux may hear of the end before all of what was said."""
    lines: Sequence[str] | None = None

    def stand_still() -> bool:
        nonlocal lines
        before, lines = lines, panes.look(name, history=50).view.lines  # they stand above the screen by now
        return lines == before

    wait_until(stand_still, LAST_WORDS_S, LOOK_S / 4)
    return next((line for line in reversed(lines or ()) if line and "Pane is dead" not in line), "")
