"""Windows of seven kinds of programs as targets, each driven by its profile in tests/data/profiles."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from automation.desktop.worker.lane import DeskWorkerClient
from core.profiles.model import Profile
from tests.display import VirtualDisplay, virtual_display
from tests.fakes.desk import Agent, Leftovers, News, make_client, open_term, opened
from tests.fakes.web_window import open_web, site

FOLDER = Path(__file__).parents[1] / "data/profiles"
SCRIPTS = Path(__file__).parent
SYSTEM_PYTHON = "/usr/bin/python3"
"""It has GTK from the distribution; a virtual environment does not."""


def profile(name: str) -> Profile:
    """One of the test data's profiles."""
    read = tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))
    return replace(TypeAdapter(Profile).validate_python(read), name=name)


GTK, QT, XTERM, XFCE = profile("gtk"), profile("qt"), profile("xterm"), profile("xfce4_terminal")
KINDS = ("textarea", "contenteditable", "rich", "gtk", "qt", "xfce4_terminal", "xterm")
WEBS = {name: profile(name) for name in ("textarea", "contenteditable", "rich")}
"""By the kind of composer of the page."""


def hands_on(
    display: VirtualDisplay,
    folder: Path,
    agents: list[Agent],
    news: News,
    *changed: Profile,
    leftovers: Leftovers | None = None,
) -> DeskWorkerClient:
    """Hands on these windows; `changed` profiles stand for those of their names."""
    windows = tuple(agent.window for agent in agents)
    profiles = (GTK, QT, XTERM, XFCE, *WEBS.values(), *changed)
    return make_client(display.name, folder, windows, news, leftovers=leftovers, profiles=profiles)


def open_gtk(display: VirtualDisplay, name: str, x: int, y: int, *, busy_ms: int = 300) -> Agent:
    """Open a GTK chat window."""
    log = display.folder / f"{name}.heard"
    script = str(SCRIPTS / "gtk_window.py")
    display.start(SYSTEM_PYTHON, script, f"{name} — gtk", str(log), str(x), str(y), str(busy_ms))
    return opened(display, name, "gtk", at=(x, y))


def open_qt(display: VirtualDisplay, name: str, x: int, y: int, *, busy_ms: int = 300) -> Agent:
    """Open a Qt chat window."""
    log = display.folder / f"{name}.heard"
    script = str(SCRIPTS / "qt_window.py")
    environ = {"QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1", "XDG_RUNTIME_DIR": str(display.folder)}
    display.start(SYSTEM_PYTHON, script, f"{name} — qt", str(log), str(x), str(y), str(busy_ms), environ=environ)
    return opened(display, name, "qt", at=(x, y))


def open_xfce(display: VirtualDisplay, name: str, x: int, y: int, *, busy_s: float = 0.3) -> Agent:
    """Open an xfce4-terminal with the terminal agent."""
    log = display.folder / f"{name}.heard"
    look = ("--hide-menubar", "--hide-scrollbar", "--hide-toolbar", "--hide-borders", "--font=DejaVu Sans Mono 9")
    colours = ("--color-bg=#101010", "--color-text=#e0e0e0")
    where = (f"--title={name} - xfce", f"--geometry=60x20+{x}+{y}", f"--working-directory={log.parent}")
    agent = (sys.executable, str(SCRIPTS / "term_window.py"), name, str(log), str(busy_s))
    display.start("xfce4-terminal", "--disable-server", *look, *colours, *where, "-x", *agent)
    return opened(display, name, "xfce4_terminal", at=(x, y))


@dataclass(slots=True)
class Targets:
    """A display with an accessibility bus, and on it one window of each kind."""

    display: VirtualDisplay
    agents: dict[str, Agent]
    address: str
    """Of the pages."""

    def hands(self, folder: Path, news: News, *changed: Profile, only: str = "") -> DeskWorkerClient:
        """Hands on all windows, or on that of one kind."""
        agents = [agent for kind, agent in self.agents.items() if only in {"", kind}]
        return hands_on(self.display, folder, agents, news, *changed)


@contextmanager
def all_targets(folder: Path, kinds: tuple[str, ...] = KINDS, *, busy_ms: int = 1000) -> Iterator[Targets]:
    """One window of each of `kinds`, in a grid."""
    with virtual_display(folder, "1280x1000x24") as display, site(folder) as address, display.accessible():
        agents: dict[str, Agent] = {}
        for number, kind in enumerate(kinds):
            name, x, y = f"agent-{kind}", 4 + 425 * (number % 3), 20 + 320 * (number // 3)
            match kind:
                case "gtk":
                    agents[kind] = open_gtk(display, name, x, y, busy_ms=busy_ms)
                case "qt":
                    agents[kind] = open_qt(display, name, x, y, busy_ms=busy_ms)
                case "xfce4_terminal":
                    agents[kind] = open_xfce(display, name, x, y, busy_s=busy_ms / 1000)
                case "xterm":
                    term = open_term(display, name, x, y, busy_s=busy_ms / 1000)
                    agents[kind] = replace(term, window=replace(term.window, profile="xterm"))
                case _:
                    agents[kind] = open_web(display, address, name, x, y, kind=kind, busy_ms=busy_ms)
        yield Targets(display=display, agents=agents, address=address)
