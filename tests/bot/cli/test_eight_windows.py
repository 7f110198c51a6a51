"""Eight windows of one class and one process, whose titles change: told apart, connected, each written into alone."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PIL import Image, ImageColor

from automation.desktop.calibration.numbered_picture import LINE
from automation.desktop.window_info import WindowInfo
from automation.desktop.worker.lane import DeskWorkerClient
from bot.cli.init.templates import copy_templates
from bot.cli.temporary_worker import temporary_worker
from core.calibration.calibrator import Calibrator, WindowChoice
from core.calibration.writer import write
from core.config.loader import load
from core.deliveries.model import Outcome, Reason, Result
from core.desks.model import Desk, MatchBy
from core.home import Home
from tests.bot.cli.calibrating import ROOT, client_of, environ_of, nobody_sits_there
from tests.bot.cli.test_calibrating_by_hand import Console, console
from tests.display import VirtualDisplay, until, virtual_display
from tests.fakes.desk import Commits, News, deliver, make_order, running
from tests.fakes.eight_windows import COMPOSER, KIND, NAMES
from tests.pace import patience

PROFILE = """
match_class = "^Octeteight$"
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
busy = { box = { x = 350, y = 0, width = 40, height = 26 }, colour = "#d08000" }
[calibrate]
anchor = "what stands still"
"composer.box" = "where prompts are written"
"composer.background" = "its colour"
"""

pytestmark = [pytest.mark.display, pytest.mark.timeout(300)]  # each test connects windows


@pytest.fixture
def display(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[VirtualDisplay]:
    with virtual_display(tmp_path / "display", "1620x700x24") as shown:
        if "hint" in request.node.name:
            (shown.folder / "hint").touch()
        if "alike" in request.node.name:
            (shown.folder / "alike").touch()
            (shown.folder / "titles").write_text("same")
        open_eight(shown)
        yield shown


def open_eight(shown: VirtualDisplay) -> subprocess.Popen[bytes]:
    """Start the program with its eight windows, and wait until all of them are on the screen."""
    program = shown.start_python(ROOT / "tests/fakes/eight_windows.py", str(shown.folder))

    def are_there() -> bool:
        found = shown.windows.find(KIND, "Octeteight")
        return len(found) == len(NAMES) and all(one.is_viewable for one in found)

    until(are_there, "all eight are shown")
    return program


@pytest.fixture
def home(tmp_path: Path) -> Home:
    place = Home(root=tmp_path / "home")
    copy_templates(place.config)
    nobody_sits_there(place)
    (place.config / "profiles/eight.toml").write_text(PROFILE)
    return place


@asynccontextmanager
async def calibrating(home: Home, display: VirtualDisplay) -> AsyncIterator[Calibrator]:
    desk = Desk(name="main", display=display.name, block_user_input=False)
    async with temporary_worker(desk, environ_of(display, home), anchors=home.anchors / desk.name) as client:
        yield Calibrator(home=home, scout=client)


def heard(display: VirtualDisplay) -> dict[str, list[str]]:
    logs = {name: display.folder / f"{name}.heard" for name in NAMES}
    return {
        name: [json.loads(line) for line in log.read_text("utf-8").splitlines()]
        for name, log in logs.items()
        if log.exists()
    }


async def test_eight_windows_of_one_class_and_process_are_told_apart_and_written_into_one_by_one(
    display: VirtualDisplay, home: Home
) -> None:
    async with calibrating(home, display) as calibration:
        survey = await calibration.look()
        proposals = calibration.proposals(survey)
        assert [profiles[0] for _, profiles in proposals] == ["eight"] * 8
        assert len({display.windows.pid_of(one.id) for one, _ in proposals}) == 1
        wanted = [
            WindowChoice(
                window=one.id,
                profile="eight",
                name=f"agent-{number}",
                agent=f"Agent-{number}",
                point=(one.box.x + COMPOSER[0] + 80, one.box.y + COMPOSER[1]),
            )
            for number, (one, _) in enumerate(proposals, start=1)
        ]
        titles = calibration.tell_apart(wanted)
        assert [titles[one.window] for one in wanted] == [f"— {name} — Octeteight$" for name in NAMES]
        done = [await calibration.connect(one, titles[one.window]) for one in (wanted[0], wanted[7])]
        write(home, "main", display.name, done)
    assert heard(display) == {}

    news = News()
    client: DeskWorkerClient = client_of(load(home), home, display, news)
    async with running(client, news) as desk:
        for name, text in (("agent-8", "to juno"), ("agent-1", "to apollo"), ("agent-8", "to juno again")):
            told = await deliver(desk.lane, make_order(name, text, desk="main"))
            assert told.result is Result.DELIVERED, told
    assert heard(display) == {"apollo": ["to apollo"], "juno": ["to juno", "to juno again"]}


async def test_a_composer_that_shows_a_hint_is_empty_with_it_and_not_with_somebodys_words(
    display: VirtualDisplay, home: Home
) -> None:
    async with calibrating(home, display) as calibration:
        ((first, _), *_) = calibration.proposals(await calibration.look())
        box = first.box
        shown = box.x + COMPOSER[0] + 200, box.y + COMPOSER[1]
        wanted = WindowChoice(window=first.id, profile="eight", name="agent-1", agent="Agent-1", point=shown)
        done = await calibration.connect(wanted, calibration.tell_apart([wanted])[wanted.window])
        write(home, "main", display.name, [done])
    config = load(home)
    (window,) = config.desks[0].windows
    assert config.profiles[window.profile].composer.has_placeholder

    news = News()
    async with running(client_of(config, home, display, news), news) as desk:
        told = await deliver(desk.lane, make_order("agent-1", "hello", desk="main"))
        assert told.result is Result.DELIVERED, told
        display.xdotool("mousemove", str(shown[0]), str(shown[1]), "click", "1")
        until(lambda: display.windows.active() == first.id, "the window has the focus")
        display.xdotool("type", "mine")
        until(lambda: (display.folder / "apollo.draft").read_text("utf-8") == "mine", "it stands there")
        reasons = set[Reason | None]()
        while Reason.COMPOSER_NOT_EMPTY not in reasons:
            told = await desk.lane.deliver(make_order("agent-1", "again", desk="main"), Commits())
            assert told.result in {Result.BOUNCED, Result.REFUSED}, told
            reasons.add(told.reason)
    assert heard(display) == {"apollo": ["hello"]}


def choose(here: Console, windows: Sequence[WindowInfo]) -> None:
    """Choose these windows by their numbers in the list."""
    here.until("saves what works")
    picks: list[str] = []
    for number, one in enumerate(windows, start=1):
        found = re.search(rf"(?m)^(\d+) .* at {one.box.x},{one.box.y}\b", here.said)
        assert found is not None, here.said
        picks.append(f"{found[1]}=Agent-{number}")
    here.type(",".join(picks))


async def test_windows_whose_titles_tell_nothing_lasting_are_refused_with_a_numbered_picture(
    display: VirtualDisplay, home: Home, tmp_path: Path
) -> None:
    (display.folder / "titles").write_text("same")
    until(lambda: not display.windows.find(KIND, "|".join(NAMES)), "the titles are the same")
    two = display.windows.find(KIND, "Octeteight")[:2]
    before = (home.config / "desks/main.toml").read_bytes()
    file = tmp_path / "which.png"

    with console(display, home, "calibrate", "--picture", str(file)) as here:
        choose(here, two)
        here.until("Identify them by their places? [y/N]")
        here.type("n")
        assert here.ends() == 2, here.said
    assert len(re.findall(r"Agent-\d, .*: not connected: .* cannot tell", here.said)) == 2
    assert f"The windows with their numbers: {file}" in here.said
    assert (home.config / "desks/main.toml").read_bytes() == before
    assert heard(display) == {}
    with Image.open(file) as picture:
        for seen in two:
            assert picture.getpixel((seen.box.x, seen.box.y)) == ImageColor.getrgb(LINE)


async def test_windows_that_look_alike_and_have_one_title_are_known_by_place_and_never_confused(
    display: VirtualDisplay, home: Home
) -> None:
    left, right = by_place(display)[:2]
    with console(display, home, "calibrate", "--by-place") as here:
        choose(here, (left, right))
        here.until("Where is the composer of Agent-1")
        here.type(f"100,{COMPOSER[1]}")
        assert here.ends() == 0, here.said
    assert here.said.count("identified by its place") == 2
    config = load(home)
    assert [window.match_by for window in config.desks[0].windows] == [MatchBy.PLACE] * 2

    async def outcome(name: str, text: str) -> Outcome:
        """Of hands that have just started, and know nothing from before."""
        news = News()
        async with running(client_of(config, home, display, news), news) as desk:
            told = await desk.lane.deliver(make_order(name, text, desk="main"), Commits())
            while told.result is Result.BOUNCED and told.reason not in {Reason.MOVED, Reason.COVERED}:
                told = await desk.lane.deliver(make_order(name, text, desk="main"), Commits())
            return told

    assert (await outcome("agent-1", "to the left")).result is Result.DELIVERED
    display.place(left.id, 500, 400)
    display.place(right.id, left.box.x, left.box.y)
    display.place(left.id, right.box.x, right.box.y)
    for name in ("agent-1", "agent-2"):
        assert (await outcome(name, "to whom?")).reason is Reason.MOVED
    assert heard(display) == {"apollo": ["to the left"]}
    display.place(right.id, 500, 400)
    display.place(left.id, left.box.x, left.box.y)
    display.place(right.id, right.box.x, right.box.y)
    assert (await outcome("agent-2", "to the right")).result is Result.DELIVERED
    assert heard(display) == {"apollo": ["to the left"], "gemini": ["to the right"]}

    program = display.children[-1]
    program.terminate()
    program.wait(patience(60))
    until(lambda: not display.windows.find(KIND, ""), "all are closed")
    open_eight(display)
    until(lambda: [one.box for one in by_place(display)[:2]] == [left.box, right.box], "they stand where those stood")
    for name in ("agent-1", "agent-2"):
        told = await outcome(name, "to whom?")
        assert (told.result, told.reason) == (Result.REFUSED, Reason.AMBIGUOUS)
        assert "no window is certainly the one that was connected" in told.note
    assert heard(display) == {"apollo": ["to the left"], "gemini": ["to the right"]}


def by_place(display: VirtualDisplay) -> list[WindowInfo]:
    return sorted(display.windows.find(KIND, "Octeteight"), key=lambda seen: (seen.box.y, seen.box.x))
