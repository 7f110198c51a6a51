"""`octet desk up --tmux`, and `desk down|list|picture` for panes of tmux: agents without any screen."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from automation.desktop.worker.process import DisplayLock
from automation.protocol.ports import PermanentFailure
from automation.terminal import pane_picture, screen
from automation.terminal.panes import Panes
from automation.terminal.programs import PanePrograms, check_folders, check_tmux
from automation.terminal.tmux import NoServer, TmuxServer, TmuxSilent, attach, where
from bot.cli.children import LOOK_S, wait_until
from bot.cli.operator import printable
from bot.cli.pictures import write_picture
from bot.runfile import octet_command, pointer_folders
from core.config.loader import Config
from core.config.program_environ import write_program_environs
from core.config.settings import environment
from core.deliveries.model import Reason
from core.desks.model import Desk
from core.remedies import refused, sentence

UP_S, END_S = 30.0, 15.0
LEFT_S = 5.0  # in which programs whose pane is gone end themselves
LAST_WORDS_S = 2.0  # how long the text of a pane may still change after its program ended
SETTLED_S = 0.7  # a program that cannot start has ended after this, once tmux and `env` have begun it
START_S = 3.0  # what a program shows earlier may be half drawn
ANSWER_S = 600.0  # how long Octet waits for a user to answer the programs' first questions
QUESTION_LINES = 15
BEGINNING = frozenset({"env", "tmux"})
"""The programs that run in a pane for a moment before its own one."""


class DeskPanes:
    """The panes of one desk with a [tmux] table."""

    def __init__(self, config: Config, desk: Desk) -> None:
        assert desk.tmux is not None
        self._desk = desk
        self._tmux = desk.tmux
        environ = {name: value for name, value in environment().items() if not name.startswith("OCTET_")}
        self._panes = Panes(desk, config.panes, TmuxServer(desk.tmux, environ))
        self._programs = PanePrograms(self._panes, config.home.displays / desk.name)

    def start(self) -> bool:
        """Start the programs, print the state of each and how a user looks at them, and return whether another process
        keeps them running. Raises panes_not_up."""
        self._programs.want(up=True)
        lock = DisplayLock(pointer_folders(environment())[-1] / "displays", self._desk.display)
        is_kept = not lock.take()  # ours until this command ends, so that none starts twice
        if not is_kept:
            self._programs.keep_running(self._panes.look_at_all())
            wait_until(self._have_begun, UP_S, LOOK_S / 4)
            time.sleep(SETTLED_S)
        limit_s = UP_S if is_kept else LOOK_S
        is_up = wait_until(lambda: all(runs for _, runs, _ in _states(self._panes)), limit_s)
        print("\n".join(self.lines()))
        if not is_up:
            raise refused("panes_not_up", seconds=f"{UP_S if is_kept else SETTLED_S:g}")
        print(f"Look at them:  {attach(self._tmux)}      (the next one: Ctrl-b n; leave them running: Ctrl-b d)")
        return is_kept

    def end(self) -> None:
        """End the programs of the desk's own panes, until `octet desk up`."""
        self._programs.want(up=False)
        ended = self._programs.end_all()
        wait_until(self._has_settled, END_S, LOOK_S / 4)
        print(f"{self._desk.name}: {ended} panes ended" if ended else f"{self._desk.name} is down")
        if not wait_until(lambda: not self._programs.left(), LEFT_S):
            left = " ".join(map(str, self._programs.left()))
            print(f"  Processes that their programs started still run. To end them: kill {left}")

    def lines(self) -> list[str]:
        states = list(_states(self._panes))
        run = sum(runs for _, runs, _ in states)
        head = f"{self._desk.name} (tmux {where(self._tmux)})"
        if not self._programs.is_wanted and not run:
            return [f"{head} is down; `octet desk up --tmux` starts it"]
        return [f"{head}: {run} of {len(states)} panes run", *(f"  {name}: {why}" for name, _, why in states if why)]

    def as_json(self) -> dict[str, object]:
        states = [{"name": name, "why": why} for name, _, why in _states(self._panes)]
        is_wanted = self._programs.is_wanted
        return {"desk": self._desk.name, "attach": attach(self._tmux), "is_wanted": is_wanted, "panes": states}

    def write_picture(self, file: Path) -> None:
        """Write the content of every pane of the desk, masked by its profile: `-` is the terminal, a name
        that ends in .txt a text, any other a picture."""
        text = "\n".join(self._panes.shown())
        if str(file) == "-":
            print(text, end="")
        elif file.suffix == ".txt":
            write_picture(file, text.encode())
        else:
            write_picture(file, pane_picture.png(pane_picture.drawn(text.split("\n"))))

    def waiting(self) -> dict[str, str]:
        """Return the panes that cannot be used yet, each with what it asks, or with the end of what it shows."""
        found: dict[str, str] = {}
        for name, look in self._panes.look_at_all().items():
            trouble = self._panes.why_unusable(name, look)
            if isinstance(look, PermanentFailure):
                found[name] = look.note
            elif trouble is not None and trouble.reason is not Reason.BUSY:
                shown = look.view.crop or look.view.lines
                hidden = screen.hidden(shown, self._panes.profile(name).terminal)
                lines = [line.strip(" │┃") for line in hidden if any(map(str.isalnum, line))]
                found[name] = "\n".join(line[:120] for line in lines[-QUESTION_LINES:])
        return found

    @property
    def attach(self) -> str:
        return attach(self._tmux)

    def _has_settled(self) -> bool:
        """Tell whether the server has gone with its last pane, or stays for other panes."""
        try:
            return bool(self._panes.tmux.ask(["list-panes", "-a"]))
        except NoServer:
            return True
        except TmuxSilent:
            return False  # it is just ending

    def _have_begun(self) -> bool:
        """Tell whether every pane has begun its program, which may take long on a busy machine."""
        looks = [look for look in self._panes.look_at_all().values() if not isinstance(look, PermanentFailure)]
        return not any(not look.state.is_dead and look.state.command in BEGINNING for look in looks)


def start_panes(config: Config, names: Sequence[str] | None) -> None:
    """Start the programs of these desks' panes, or of all. Raises no_panes, panes_not_up, TmuxMissing, TmuxOld."""
    own = [desk for desk in config.desks if desk.kind.has_panes]
    if not own:
        raise refused("no_panes")
    check_tmux()
    write_program_environs(config, octet_command())
    desks = [desk for desk in own if not names or desk.name in names]
    for desk in desks:
        check_folders(desk)
    are_kept = [DeskPanes(config, desk).start() for desk in desks]
    if not all(are_kept):
        print("They keep running. `octet run` restarts them when they end.")


def wait_until_usable(config: Config, name: str) -> None:
    """Wait until every pane of the desk can be used, or Ctrl-C; print once what each asks or shows until then."""
    panes = DeskPanes(config, next(desk for desk in config.desks if desk.name == name))
    since_s, told, before = time.monotonic(), set[str](), dict[str, str]()

    def is_usable() -> bool:
        nonlocal before
        last, before = before, panes.waiting()
        for pane, shown in before.items():
            if shown and shown == last.get(pane) and shown not in told and time.monotonic() - since_s > START_S:
                told.add(shown)
                print(f"  {pane} waits for you in its pane. It shows:")
                print("\n".join(f"      {printable(line)}" for line in shown.split("\n")))
                print(f"  Answer there:  {panes.attach}      (Ctrl-C: do not wait)", flush=True)
        return not before

    try:
        is_ready = wait_until(is_usable, ANSWER_S, LOOK_S)
    except KeyboardInterrupt:
        is_ready = False
        print()
    if told or not is_ready:
        print(f"  {'Every pane can be used.' if is_ready else 'Not yet usable: ' + ', '.join(before)}")


def _states(panes: Panes) -> Iterator[tuple[str, bool, str]]:
    """Yield each pane, whether its program runs, and its problem."""
    for name, look in panes.look_at_all().items():
        if isinstance(look, PermanentFailure):
            yield name, False, look.note or sentence(look.reason)
        elif look.state.is_dead:
            words, status = _last_words(panes, name), look.state.status
            code = f" with exit code {status}" if status else ""  # tmux learns it a little later
            yield name, False, f"its program ended{code}{f': {words}' if words else ''}"
        else:
            yield name, True, f"not readable: {why}" if (why := look.view.why_unread) else ""


def _last_words(panes: Panes, name: str) -> str:
    """Return the last line of an ended program; tmux may learn of the end before it has all lines."""
    lines: Sequence[str] | None = None

    def stand_still() -> bool:
        nonlocal lines
        before, lines = lines, panes.look(name, history=50).view.lines  # they are above the screen by now
        return lines == before

    wait_until(stand_still, LAST_WORDS_S, LOOK_S / 4)
    return next((line for line in reversed(lines or ()) if line and "Pane is dead" not in line), "")
