"""`octet calibrate` with somebody at the console: what is asked, and where the mouse points."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.cli.init.templates import copy_templates
from core.config.loader import load
from core.home import Home
from tests.bot.cli.calibrating import ROOT, argv_of, environ_of, nobody_sits_there
from tests.display import VirtualDisplay, until, virtual_display
from tests.fakes.desk import Agent, open_tk
from tests.pace import patience

LIMIT_S = patience(60.0)
TK = """
match_class = "^Octetchat$"
paste = "ctrl+v"
selection = "clipboard"
submit = "enter"
newline = "keep"
readback = "copy"
normalise = "raw"
clear = ["ctrl+a", "backspace"]
confirm = ["composer_empty", "busy_seen"]
paste_timeout_ms = 10000
confirm_timeout_ms = 10000
busy = { box = { x = 345, y = 5, width = 50, height = 20 }, colour = "#d08000" }
[calibrate]
anchor = "what stands still"
"composer.box" = "where prompts are written"
"composer.background" = "its colour"
"""

pytestmark = [pytest.mark.display, pytest.mark.timeout(300)]  # each test starts several processes


class Console:
    """A command with a terminal of its own, and whoever sits there."""

    def __init__(self, argv: list[str], environ: dict[str, str]) -> None:
        self._end, theirs = pty.openpty()
        self.process = subprocess.Popen(
            argv, cwd=ROOT, env=environ, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        os.set_blocking(self._end, False)
        self.said = ""
        self._heard = 0

    def until(self, words: str) -> None:
        """Wait until this was said behind what was waited for last."""
        end = time.monotonic() + LIMIT_S
        while (at := self.said.find(words, self._heard)) < 0:
            self._read()
            assert time.monotonic() < end, f"never said: {words}\n{self.said}"
        self._heard = at + len(words)

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._end, f"{line}\n".encode())

    def ends(self) -> int:
        """Its exit code."""
        end = time.monotonic() + LIMIT_S
        while self.process.poll() is None:
            self._read()
            assert time.monotonic() < end, f"does not end\n{self.said}"
        self._read()
        return self.process.returncode

    def close(self) -> None:
        """End it, if it did not by itself."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(patience(30))
        os.close(self._end)

    def _read(self) -> None:
        """Wait a moment for what it says next, or for its end."""
        if select.select([self._end], [], [], 0.2)[0]:
            try:
                self.said += os.read(self._end, 65536).decode("utf-8", "replace")
            except OSError:  # it has closed its terminal
                self.process.wait(LIMIT_S)


@contextmanager
def console(display: VirtualDisplay, home: Home, *words: str) -> Iterator[Console]:
    """Run the command with a user to ask."""
    here = Console(argv_of(home, *words), environ_of(display, home))
    try:
        yield here
    finally:
        here.close()


@pytest.fixture
def display(tmp_path: Path) -> Iterator[VirtualDisplay]:
    with virtual_display(tmp_path / "display") as shown:
        yield shown


@pytest.fixture
def agents(display: VirtualDisplay) -> tuple[Agent, Agent]:
    return open_tk(display, "planner", 20, 20), open_tk(display, "coder", 500, 20)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    place = Home(root=tmp_path / "home")
    copy_templates(place.config)
    nobody_sits_there(place)
    (place.config / "profiles/mine.toml").write_text(TK)
    return place


def test_a_user_answers_one_question_and_points_with_the_mouse_where_octet_finds_no_composer(
    display: VirtualDisplay, home: Home, agents: tuple[Agent, Agent]
) -> None:
    planner, coder = agents
    with console(display, home, "calibrate") as here:
        here.until(
            "Octet types a draft into 1,2, reads it back, deletes it, and saves what works [Enter = all, ? = help]"
        )
        assert re.search(r"1 +planner .*Octetchat .*Agent-1 +mine", here.said)
        here.until(": ")
        here.type("?")
        here.until("2=Agent-4 gives window 2 to Agent-4")
        here.until(": ")
        here.type("9")
        here.until("There is no window with the number 9")
        here.type("maybe")
        here.until("“maybe” does not answer that")
        here.type("")
        here.until("Where is the composer of Agent-1, “planner — workspace”?")
        here.until("move the mouse over it without clicking, and press Enter")
        here.until(": ")
        here.type("9999,1")
        here.until("is outside “planner — workspace”")
        display.xdotool("mousemove", "800", "700")
        here.type("")
        here.until("the pointer is not in this window")
        box = planner.seen.box
        display.xdotool("mousemove", str(box.x + 200), str(box.y + 250))
        here.type("")
        here.until("Agent-1: connected")
        here.until("Agent-2: connected")  # it is like the first one
        assert here.ends() == 0, here.said

    windows = load(home).desks[0].windows
    assert [(window.name, window.kind, window.box) for window in windows] == [
        ("agent-1", "mine", planner.seen.box),
        ("agent-2", "mine", coder.seen.box),
    ]
    assert planner.heard == coder.heard == []

    window = display.connection.create_resource_object("window", planner.seen.id)
    window.configure(width=440)
    display.connection.sync()
    until(lambda: (seen := display.windows.see(planner.seen.id)) and seen.box.width == 440, "it is wider")
    with console(display, home, "calibrate", "main", "agent-1") as here:
        here.until("Where is the composer of Agent-1, “planner — workspace”?")
        here.type("200,-50")
        assert here.ends() == 0, here.said
    assert [window.box.width for window in load(home).desks[0].windows] == [440, coder.seen.box.width]


def test_no_is_no_and_nothing_is_written(display: VirtualDisplay, home: Home, agents: tuple[Agent, Agent]) -> None:
    before = (home.config / "desks/main.toml").read_bytes()
    with console(display, home, "calibrate") as here:
        here.until("saves what works")
        here.type("n")
        assert here.ends() == 2
        assert "nothing was written" in here.said
    assert (home.config / "desks/main.toml").read_bytes() == before
    assert not (home.root / "anchors").exists()
    assert agents[0].heard == []


def test_text_of_a_user_in_a_composer_is_left_there(
    display: VirtualDisplay, home: Home, agents: tuple[Agent, Agent]
) -> None:
    planner, box = agents[0], agents[0].seen.box
    display.xdotool("mousemove", str(box.x + 200), str(box.y + 215), "click", "1")
    display.xdotool("type", "my precious notes")

    with console(display, home, "calibrate", "main", "--display", display.name) as here:
        here.until("saves what works")
        here.type("1")
        here.until("composer not empty")
        assert here.ends() == 2, here.said

    display.xdotool("mousemove", str(box.x + 200), str(box.y + 215), "click", "1", "key", "Return")
    until(lambda: planner.heard == ["my precious notes"], "what the user wrote is still there, and nothing else")
