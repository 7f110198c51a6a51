"""A desk of terminals for tests: a tmux server of its own, CLI agents in its panes, hands with a real worker."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from automation.desktop.worker.connection import WorkerTimeouts
from automation.desktop.worker.lane import DeskWorkerClient
from automation.terminal.panes import Panes
from automation.terminal.tmux import NoServer, TmuxServer, TmuxSilent
from core.desks.model import Desk, Pane, UserActivityPolicy, Window
from core.desks.model import Tmux as Place
from core.profiles.model import Act, Activity, Answerable, Box, Newline, Normalise, PaneProfile, Press, Terminal
from tests.display import LIMIT_S, until
from tests.fakes.desk import ROOT, Leftovers, News, hands_by
from tests.fakes.window_log import WindowLog

WORKER = "import sys; from automation.terminal.worker import run; sys.exit(run(sys.argv[1]))"
CLI = PaneProfile(
    name="cli",
    submit="enter",
    newline=Newline.KEEP,
    normalise=Normalise.BLANKS,
    max_chars=20_000,
    clear=("ctrl+u",),
    paste_timeout_ms=1500,
    confirm_timeout_ms=20_000,  # on a busy machine
    idle_ms=200,  # it draws its screen whole
    acts={Act.INTERRUPT: Press(chord="esc"), Act.APPROVE: Press(chord="1"), Act.DENY: Press(chord="2")}
    | {Act.NEW_CHAT: Press(chord="ctrl+n")},
    terminal=Terminal(
        prompt="^❯ ",
        end="^─{6,}$",
        margin="^  ",
        busy=r"^✻ .*esc to interrupt",
        paste_placeholders=(r"\[Pasted text #\d+ \+(?P<lines>\d+) lines\]",),
        echo="^you: ",
        command="python[0-9.]*",
        dialogs=(
            Answerable(
                shows=Activity.NEEDS_INPUT,
                text=r"^Run this command\?(?=\n(.*\n)*❯ 1\. Yes)",
                answers=(Act.APPROVE, Act.DENY),
            ),
            Answerable(shows=Activity.LIMITED, text="^You've reached your limit"),
        ),
    ),
)
SCRIPT = ROOT / "tests/fakes/cli_agent.py"
USER_ACTIVITY = UserActivityPolicy(idle_s=0.0)


@dataclass(slots=True)
class Terminals:
    """One tmux server, and what was really given to the agents on it."""

    folder: Path
    tmux: TmuxServer
    windows: list[Window] = field(default_factory=list)
    profile: PaneProfile = CLI

    @property
    def place(self) -> Place:
        return self.tmux.place

    def desk(self, user_activity: UserActivityPolicy = USER_ACTIVITY) -> Desk:
        return Desk(
            name="desk",
            display=f"tmux {self.place.server}",
            windows=tuple(self.windows),
            block_user_input=False,
            user_activity=user_activity,
            tmux=self.place,
        )

    def panes(self) -> Panes:
        return Panes(self.desk(), {self.profile.name: self.profile}, self.tmux)

    def add(self, name: str, *options: str, program: Sequence[str] = ()) -> None:
        """One more agent, which the worker will start."""
        words = tuple(program) or (sys.executable, str(SCRIPT), name, str(self.log(name)), *options)
        pane = Pane(program=words, directory=str(self.folder))
        nowhere = Box(x=0, y=0, width=0, height=0)
        self.windows.append(Window(name=name, profile=self.profile.name, title="", box=nowhere, pane=pane))

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.heard"

    def heard(self, name: str) -> list[str]:
        """Every text that was submitted in this pane, oldest first."""
        return WindowLog(self.log(name)).texts()

    def screen(self, name: str) -> list[str]:
        return list(self.panes().look(name).view.lines)

    def until(self, holds: Callable[[], object], what: str, limit_s: float = LIMIT_S) -> None:
        """Wait until this is so, whatever it raises before."""

        def is_so() -> object:
            with contextlib.suppress(Exception):
                return holds()

        until(is_so, what, limit_s)

    def is_up(self, name: str) -> bool:
        return self.panes().look(name).view.composer is not None

    def client(
        self,
        news: News,
        *,
        limits: WorkerTimeouts | None = None,
        leftovers: Leftovers | None = None,
        user_activity: UserActivityPolicy = USER_ACTIVITY,
    ) -> DeskWorkerClient:
        """Make hands with a real worker process; not running yet."""
        profiles = {self.profile.name: self.profile}
        desk = self.desk(user_activity)
        return hands_by(WORKER, desk, profiles, self.folder, news, limits=limits, leftovers=leftovers)


def environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "TMUX", "PYTEST_CURRENT_TEST"}}


@contextmanager
def terminals(
    folder: Path,
    *,
    confirm_timeout_ms: int = CLI.confirm_timeout_ms,
    idle_ms: int = CLI.idle_ms,
    acts: Mapping[Act, Press] = CLI.acts,
    **changes: object,
) -> Iterator[Terminals]:
    """Start a tmux server that ends with the block, and with it all that runs on it."""
    folder.mkdir(parents=True, exist_ok=True)
    tmux = TmuxServer(Place(server=f"octet-test-{os.getpid()}-{uuid.uuid4().hex[:8]}"), environ())
    terminal = replace(CLI.terminal, **changes)  # type: ignore[arg-type] a test names fields of Terminal
    profile = replace(CLI, confirm_timeout_ms=confirm_timeout_ms, idle_ms=idle_ms, acts=acts, terminal=terminal)
    try:
        yield Terminals(folder=folder, tmux=tmux, profile=profile)
    finally:
        with contextlib.suppress(NoServer, TmuxSilent):
            tmux.ask(["kill-server"])
        subprocess.run(["rm", "-f", f"/tmp/tmux-{os.getuid()}/{tmux.place.server}"], check=False)
