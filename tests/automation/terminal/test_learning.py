"""How a composer looks is found in two pictures of a pane, and in a real one by `octet calibrate --pane`."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from automation.terminal.screen import parse, view
from automation.terminal.screen_learning import UnknownPane, learnt
from automation.terminal.tmux import TmuxServer
from core.calibration.model import CalibrationFailed
from core.config.profiles import in_pane, read_profiles
from core.desks.model import Tmux as Place
from core.profiles.model import PaneProfile, Terminal
from tests.display import until
from tests.pace import patience

ROOT = Path(__file__).parents[3]
DRAFT = "octet calibration 12ab"
SAID = ["┃", "┃  What is 1 + 1?", "┃", "", "  It is 2.", ""]
STATUS = ["┃", "┃  Build  gpt-x", "╹▀▀▀▀▀▀▀▀", "  tab agents"]
EDGE = "─" * 30


def barred(*lines: str) -> list[str]:
    return [*SAID, "┃", *(f"┃  {line}".rstrip() for line in lines), *STATUS]


SCREENS = {
    "a prompt": (["said", "> "], ["said", f"> {DRAFT}"]),
    "a prompt above a status line": (["❯", EDGE, "  model x"], [f"❯ {DRAFT}", EDGE, "  model x"]),
    "a box": (
        [f"╭{EDGE}╮", f"│ > {' ' * 27}│", f"╰{EDGE}╯"],
        [f"╭{EDGE}╮", f"│ > {DRAFT}{' ' * 5}│", f"╰{EDGE}╯"],
    ),
    "a bar before each line": (barred(""), barred(DRAFT)),
    "a bar, and a hint": (barred('Ask anything... "Fix a test"'), barred(DRAFT)),
}


@pytest.mark.parametrize("name", SCREENS)
def test_the_simplest_patterns_are_found_that_show_it_empty_and_the_draft_in_it(name: str) -> None:
    empty, drafted = map(parse, SCREENS[name])
    found = learnt([(empty, drafted)], DRAFT)
    assert found is not None
    assert bool(found.bar) == ("bar" in name)
    assert view(empty, found).is_empty
    assert view(drafted, found).composer == DRAFT


def test_by_a_bar_a_text_of_several_lines_is_read_whole_and_what_was_said_is_none() -> None:
    found = learnt([(parse(barred("")), parse(barred(DRAFT)))], DRAFT)
    assert found is not None
    for text in ("one\ntwo", "one\n\ntwo\n  three", "[D2A] hub → Agent-3\nMend it"):
        seen = view(parse(barred(*text.split("\n"))), found)
        assert seen.composer == text
        assert seen.around == (*SAID, *STATUS[1:])
    assert view(parse(["no bar at all"]), found).composer is None


@pytest.mark.parametrize(
    ("empty", "drafted"),
    [
        (["> my words"], [f"> my words{DRAFT}"]),
        ([""], [DRAFT]),
        (["> "], ["> something else"]),
        (barred("my words"), barred("my words", DRAFT)),
    ],
    ids=["somebody's words", "nothing before it", "no draft", "somebody's words behind a bar"],
)
def test_where_nothing_is_certain_nothing_is_proposed(empty: Sequence[str], drafted: Sequence[str]) -> None:
    assert learnt([(parse(empty), parse(drafted))], DRAFT) is None


def centred(indent: int, line: str = "") -> list[str]:
    left = " " * indent
    return ["", f"{left}┃", f"{left}┃  {line}".rstrip(), f"{left}┃", f"{left}┃  Build · Rig", f"{left}╹▀▀▀▀"]


@pytest.mark.parametrize("indent", [0, 12, 38])
def test_how_far_a_composer_is_indented_is_never_learnt(indent: int) -> None:
    sizes = [(parse(centred(one)), parse(centred(one, DRAFT))) for one in (38, indent)]
    found = learnt(sizes[:1], DRAFT)
    assert found is not None
    assert learnt(sizes, DRAFT) == found
    assert view(parse(centred(indent, "one")), found).composer == "one"


def test_what_fits_at_one_size_alone_is_not_learnt() -> None:
    """Here the line below the composer breaks at the smaller size: its first words are others then."""
    wide = ["said", "> ", "model x"], ["said", f"> {DRAFT}", "model x"]
    narrow = ["said", "> ", "mod", "el x"], ["said", f"> {DRAFT}", "mod", "el x"]
    sizes = [(parse(empty), parse(drafted)) for empty, drafted in (wide, narrow)]
    one, both = learnt(sizes[:1], DRAFT), learnt(sizes, DRAFT)
    assert one is not None
    assert both is not None
    assert one != both
    assert view(sizes[1][1], one).composer != DRAFT


class FakeTmux(TmuxServer):
    """A server with one pane, whose program sends at Enter."""

    def __init__(self, *, takes: bool = True, clears: bool = True, is_restless: bool = False) -> None:
        self.draft, self.looks, self.keys, self.sizes = "", 0, list[str](), list[str]()
        self.takes, self.clears, self.is_restless = takes, clears, is_restless

    def ask(self, *commands: Sequence[str], given: str | None = None) -> list[str]:
        for command in commands:
            match command[0]:
                case "display-message":
                    return ["90 30 an agent"] if "command" in command[-1] else ["90 30 "]
                case "resize-window" | "set-option":
                    self.sizes.append(" ".join(command[3:]))
                case "capture-pane":
                    self.looks += 1
                    return [str(self.looks) if self.is_restless else "said", f"> {self.draft}".rstrip()]
                case "send-keys":
                    self.keys += command[3:]
                    self.draft = "" if self.clears else self.draft
                case "load-buffer":
                    self.draft = (given or "") if self.takes else ""
                case _:
                    assert "-d" in command, "nothing of ours stays in tmux's buffers"
        return []


def learn(tmux: TmuxServer, draft: str = DRAFT) -> Terminal:
    async def rest(_: float) -> None: ...

    return asyncio.run(UnknownPane(tmux, "work:1.0", rest).learn(draft, ["ctrl+u"]))


def test_a_draft_is_pasted_looked_at_and_deleted_but_never_sent() -> None:
    tmux = FakeTmux()
    assert learn(tmux) == Terminal(prompt="^> ")
    assert (tmux.draft, tmux.keys) == ("", ["C-u", "C-u"])
    assert tmux.sizes == ["-x 67 -y 22", "-x 90 -y 30", "work:1.0 -u window-size"], "and the window has its size again"


@pytest.mark.parametrize(
    ("tmux", "why"),
    [
        (FakeTmux(is_restless=True), "does not stay the same"),
        (FakeTmux(clears=False), "could not delete its test line"),
        (FakeTmux(takes=False), "did not show"),
    ],
    ids=["an agent at work", "keys that do not clear", "no draft"],
)
def test_a_pane_is_refused_with_the_cause(tmux: FakeTmux, why: str) -> None:
    with pytest.raises(CalibrationFailed, match=why):
        learn(tmux)
    assert not (tmux.is_restless and tmux.draft), "nothing is pasted while the agent works"


def test_a_pane_is_listed_with_its_program_and_size() -> None:
    found = UnknownPane(FakeTmux(), "work:1.0").found()
    assert (found.title, found.kind, found.box.width, found.box.height) == ("work:1.0", "an agent", 90, 30)


def test_a_pane_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeTmux, "ask", lambda *_: ["  "])  # what tmux then prints, with exit code 0
    with pytest.raises(CalibrationFailed, match=r"no pane work:9\.9"):
        UnknownPane(FakeTmux(), "work:9.9").found()


@pytest.fixture
def pane(tmp_path: Path) -> Iterator[TmuxServer]:
    """Start a user's tmux, in which such a program runs."""
    tmux = TmuxServer(Place(socket=str(tmp_path / "socket")), os.environ)
    program = [sys.executable, str(ROOT / "tests/fakes/bar_agent.py"), str(tmp_path / "heard")]
    start = ["tmux", "-S", str(tmp_path / "socket"), "-f", "/dev/null", "new-session", "-d", "-s", "work", "-x", "90"]
    subprocess.run([*start, "-y", "30", *program], check=True, timeout=patience(20))
    try:
        until(lambda: any("Build" in line for line in tmux.ask(["capture-pane", "-p", "-t", "work"])), "it is drawn")
        yield tmux
    finally:
        tmux.ask(["kill-server"])


def test_a_profile_learns_from_a_pane_and_reads_texts_there_that_nobody_sent(pane: TmuxServer, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(ROOT / "config", home / "config")
    socket = ["--socket", str(tmp_path / "socket"), "--profile", "opencode", "--home", str(home)]
    argv = [sys.executable, "-m", "bot", "calibrate", "--pane", "work:0.0", *socket, "--yes"]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    told = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=patience(60), check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.splitlines()[-1] == f"wrote {home}/config/profiles/opencode.toml"

    profile = in_pane(read_profiles(home, []).kinds["opencode"])
    assert isinstance(profile, PaneProfile), profile
    assert "# How the program looks" in (home / "config/profiles/opencode.toml").read_text("utf-8"), "comments stay"
    text = "first line\n\nthird line"
    pane.ask(["load-buffer", "-b", "x", "-"], ["paste-buffer", "-p", "-b", "x", "-t", "work"], given=text)

    def is_read() -> bool:
        seen = view(parse(pane.ask(["capture-pane", "-p", "-e", "-J", "-t", "work"])), profile.terminal)
        return seen.composer == text

    until(is_read, "the text is read back")
    assert not (tmp_path / "heard").exists(), "nothing was sent"
