"""The programs of a desk's own panes: started, found again, restarted when they end, and ended."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from automation.desktop.displays.child_process import MARK, marked
from automation.protocol.ports import PermanentFailure
from automation.terminal.panes import TAG, Panes, PaneSnapshot, PaneState, asked, literal
from automation.terminal.tmux import NoServer, TmuxMissing, TmuxSilent, block
from core.deliveries.model import Reason
from core.desks.model import Desk
from core.home import environ_file, hooks_file
from core.kit.errors import Unavailable
from core.kit.supervise import RestartPause

log = structlog.get_logger(__name__)

SIZE = (220, 50)  # of a pane without a viewer: wide enough for what agents draw
OLDEST = (3, 2)  # the first tmux whose server runs delayed commands, which end a hold
WAITS = ("env", "sleep", "600")  # what runs in a new pane until its program is started there
DOWN = "down"  # the file in the desk's folder that says that its panes are not wanted now


class TmuxOld(Unavailable):
    """This tmux is {found}; Octet needs 3.2 or newer, which Debian 12 and Ubuntu 22.04 have."""


class FolderMissing(Unavailable):
    """The folder {folder} for the program of the pane {pane} does not exist. Create it, or correct `directory` in
    config/desks/{desk}.toml."""


def check_folders(desk: Desk) -> None:
    """Raise FolderMissing unless each program of the desk's own panes has the folder that it is to run in."""
    for window in desk.windows:
        pane = window.pane
        if pane is not None and pane.program and not Path(pane.directory).is_dir():
            raise FolderMissing(folder=pane.directory, pane=window.name, desk=desk.name)


def check_tmux() -> None:
    """Raise TmuxMissing or TmuxOld unless there is a tmux that can be used."""
    if shutil.which("tmux") is None:
        raise TmuxMissing
    version = subprocess.run(["tmux", "-V"], capture_output=True, check=False, timeout=10).stdout.decode().strip()
    found = re.search(r"(\d+)\.(\d+)", version)
    if found is not None and (int(found[1]), int(found[2])) < OLDEST:
        raise TmuxOld(found=version)


def hooked(program: Sequence[str], hooks: Path) -> Sequence[str]:
    """Return the program with Octet's hooks beside the user's own, where it is Claude Code without other settings."""
    if Path(program[0]).name != "claude" or "--settings" in program or not hooks.exists():
        return program
    return (program[0], "--settings", str(hooks), *program[1:])


@dataclass(slots=True, kw_only=True)
class _Life:
    pause: RestartPause = field(default_factory=RestartPause)
    began_s: float = 0.0
    again_s: float | None = None  # when it is started again; None while it runs


class PanePrograms:
    """Keeps the programs of one desk's own panes running, as long as the worker calls `keep_running`."""

    def __init__(self, panes: Panes, folder: Path, *, now_s: Callable[[], float] = time.monotonic) -> None:
        """`folder` is the desk's: a file there says whether its panes are wanted."""
        self._panes = panes
        self._folder = folder
        self._now_s = now_s
        self._lives = {name: _Life() for name in panes.names() if panes.wanted(name).program}

    @property
    def is_wanted(self) -> bool:
        """Whether no `octet desk down` holds since the last `octet desk up`."""
        return not (self._folder / DOWN).exists()

    def want(self, *, up: bool) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if up:
            (self._folder / DOWN).unlink(missing_ok=True)
        else:
            (self._folder / DOWN).touch(mode=0o600)

    def keep_running(self, looks: Mapping[str, PaneSnapshot | PermanentFailure]) -> None:
        """Start what is not there, and restart what has ended, each time after a longer pause.

        While the panes are not wanted, end what was started just as they were put down."""
        self._tag(looks)
        if not self.is_wanted:
            if any(isinstance(looks.get(name), PaneSnapshot) for name in self._lives):
                self.end_all()
            return
        now_s = self._now_s()
        for name, life in self._lives.items():
            look = looks.get(name)
            is_there = isinstance(look, PaneSnapshot)
            if isinstance(look, PermanentFailure) and look.reason is Reason.PANE_NOT_READABLE:
                continue  # it may run: a second one must not
            if is_there and not look.state.is_dead:
                life.again_s = None
                continue
            if life.again_s is None:
                life.again_s = now_s
                if life.began_s:
                    life.again_s += (pause_s := life.pause.after(now_s - life.began_s))
                    log.warning("pane_program_ended", desk=self._panes.desk.name, pane=name, again_in_s=pause_s)
            if now_s < life.again_s:
                continue
            life.began_s, life.again_s = now_s, None
            try:
                self.start(name, look.state if is_there else None)
            except (NoServer, TmuxSilent, FolderMissing) as trouble:
                log.warning("pane_not_started", desk=self._panes.desk.name, pane=name, why=trouble.message)

    def _tag(self, looks: Mapping[str, PaneSnapshot | PermanentFailure]) -> None:
        for name, look in looks.items():
            is_theirs, tag = bool(self._panes.wanted(name).target), self._panes.tag(name)
            if is_theirs and isinstance(look, PaneSnapshot) and look.state.tag != tag:
                with suppress(NoServer, TmuxSilent):  # it has just gone: the next look says so
                    self._panes.tmux.ask(["set-option", "-p", "-t", look.state.id, TAG, tag])

    def start(self, name: str, state: PaneState | None) -> None:
        """Start its program in the pane it has, or in a new one. Raises NoServer, TmuxSilent or FolderMissing."""
        pane = self._panes.wanted(name)
        place = state.id if state is not None else self._place(name)
        if not Path(pane.directory).is_dir():
            raise FolderMissing(folder=pane.directory, pane=name, desk=self._panes.desk.name)
        # A shell would read one word; env takes any number of them as they are. A folder is a format for tmux.
        # A user may have restarted what ended a moment ago: only what waits here for us is ended.
        ends = [] if state is not None else ["-k"]
        folder, marks = pane.directory.replace("#", "##"), ["-e", f"{MARK}={self._mark(name)}"]
        variables = environ_file(self._folder.resolve(), name)
        reads = ["sh", "-c", '. "$0" && exec "$@"', str(variables)] if variables.exists() else []
        program = hooked(pane.program, hooks_file(self._folder.resolve()))
        self._panes.tmux.ask(
            ["set-option", "-p", "-t", place, TAG, self._panes.tag(name)],
            ["set-option", "-w", "-t", place, "remain-on-exit", "on"],
            ["respawn-pane", *ends, "-t", place, "-c", folder, *marks, "--", *reads, "env", *program],
        )

    def _mark(self, name: str) -> str:
        return f"{self._folder.resolve()}/{name}"

    def left(self) -> list[int]:
        """Return the processes of all programs, and of what they started, that still run."""
        return [pid for name in self._lives for pid in marked(self._mark(name))]

    def end_all(self) -> int:
        """End every pane of this desk and its program; return how many there were. Raises TmuxSilent.

        The desk's worker and `octet desk down` may do so at the same time."""
        ours = [one for one in self._panes.all() if one.tag.startswith(f"{self._panes.desk.name}/")]
        for one in ours:
            self._end(one)
        return len(ours)

    def _end(self, one: PaneState) -> None:
        is_ours = f"#{{==:{asked(TAG)},{literal(one.tag)}}}"
        try:
            self._panes.tmux.ask(["if-shell", "-F", "-t", one.id, is_ours, block(["kill-pane", "-t", one.id])])
        except NoServer:
            return  # another process was faster, and with the last pane the server went
        except TmuxSilent:
            if any(other.id == one.id for other in self._panes.all()):
                raise

    def _place(self, name: str) -> str:
        tmux, session = self._panes.tmux, self._panes.tmux.place.session
        names = ["-d", "-n", name, "-P", "-F", "#{pane_id}"]
        try:
            # A user's window may have this name. tmux compares: a value that it printed could look like another row.
            waits = f"#{{m:*{' '.join(WAITS)}*,#{{pane_start_command}}}}"
            free = f"#{{==:#{{{TAG}}},}}|#{{==:#{{window_name}},{name}}}|{waits}"
            for line in tmux.ask(["list-panes", "-s", "-t", f"={session}:", "-F", f"#{{pane_id}}|{free}"]):
                pane, _, is_free = line.partition("|")
                if is_free == "1|1|1":
                    return pane
            return tmux.ask(["new-window", "-t", f"={session}:", *names, "--", *WAITS])[0]
        except (NoServer, TmuxSilent):
            size = ["-x", str(SIZE[0]), "-y", str(SIZE[1])]
            return tmux.ask(["new-session", "-s", session, *size, *names, "--", *WAITS])[0]
