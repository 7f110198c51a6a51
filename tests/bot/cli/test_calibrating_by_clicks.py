"""`octet calibrate --click`: the page that it serves, and the console that goes on with what was clicked there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import httpx

from core.home import Home
from tests.bot.cli.calibrating import ROOT, argv_of
from tests.bot.cli.test_calibrating_by_hand import Console as Terminal
from tests.bot.cli.test_calibrating_while_running import ways
from tests.bot.cli.test_verbs import Console, console, served
from tests.fakes.calibrates import JOINED, FakeCalibrates

__all__ = ["console", "served", "ways"]
COLUMN, ROW = 100, 350
"""Where the windows' composers are, from their corners."""


@contextmanager
def terminal(served: Console, *words: str) -> Iterator[Terminal]:
    """The command, with somebody to be asked. A profile fits the second window."""
    profiles = served.house.home / "config/profiles"
    text = (profiles / "demo_tk.toml").read_text("utf-8")
    (profiles / "mine.toml").write_text(re.sub(r"(?m)^match_class = .*$", 'match_class = "^Strange$"', text), "utf-8")
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "DISPLAY": ":7370"}
    here = Terminal([*argv_of(Home(root=served.house.home), *words)], environ)
    try:
        yield here
    finally:
        here.close()


class Browser:
    """What a browser does with the page's address."""

    def __init__(self, address: str) -> None:
        base, _, token = address.partition("#")
        self._http = httpx.Client(base_url=base, timeout=60)
        key = self._http.post("/enter", json={"token": token}).json()["key"]
        self._http.headers["Authorization"] = f"Bearer {key}"

    def board(self) -> dict[str, Any]:
        return self._http.get("/board").json()

    def click(self, x: int, y: int) -> dict[str, Any]:
        return self._http.post("/click", json={"x": x, "y": y}).json()

    def close(self) -> None:
        self._http.close()

    def has_picture(self) -> bool:
        return self._http.get("/picture").content.startswith(b"\x89PNG")


def address_in(here: Terminal) -> str:
    here.until("#")
    here.until("\n")
    found = re.search(r"http://127\.0\.0\.1:\d+/point#\S+", here.said)
    assert found is not None, here.said
    return found[0]


async def test_the_console_goes_on_with_what_was_clicked_on_the_page(served: Console, ways: FakeCalibrates) -> None:
    def sit_there() -> None:
        with terminal(served, "calibrate", "main", "--click") as here, ExitStack() as stack:
            here.until("Which of them are agents?")
            here.type("2")
            page = stack.enter_context(closing(Browser(address_in(here))))
            here.until("On that page, click at the middle of the empty composer of “chat — gemini”")
            board = page.board()
            (wanted,) = (one for one in board["windows"] if one["is_wanted"])
            assert (wanted["number"], wanted["title"], wanted["agent"]) == (2, "chat — gemini", "Agent-2")
            assert board["asks"] == "Click where one writes to Agent-2: in window 2, “chat — gemini”."
            assert page.has_picture()
            missed = page.click(COLUMN, ROW)
            assert missed["text"] == ("That is window 1, “chat — apollo”. Click into window 2, “chat — gemini”.")
            understood = page.click(wanted["box"]["x"] + COLUMN, ROW)
            where = f"window 2, “chat — gemini”, {COLUMN},{ROW} from its corner"
            assert understood["text"] == f"Agent-2: one writes in {where}. The console goes on."
            here.until("Write 1 window into config/desks/main.toml?")
            assert page.board()["said"][-1].startswith("Agent-2 is connected: composer found in the picture")
            here.type("y")
            assert here.ends() == 0, here.said

    await asyncio.to_thread(sit_there)
    assert ways.lent.points == [None, (400 + COLUMN, ROW)]
    assert [one.agent for one in ways.taken_over] == ["Agent-2"]


async def test_who_does_not_see_the_display_is_offered_the_page_and_may_decline(
    served: Console, ways: FakeCalibrates
) -> None:
    def sit_there() -> None:
        with terminal(served, "calibrate", "main", "--display", ":0") as here:
            here.until("Which of them are agents?")
            here.type("2")
            here.until("Show where one writes on a page in your browser? [Y/n]")
            here.type("n")
            here.until("tap the Ctrl key")
            here.type(f"{COLUMN},{ROW}")
            here.until("Write 1 window")
            here.type("n")
            assert here.ends() == 2
            assert "#" not in here.said

    await asyncio.to_thread(sit_there)
    assert ways.lent.points == [None, (400 + COLUMN, ROW)]


async def test_the_running_octet_has_such_a_page_itself(served: Console, ways: FakeCalibrates) -> None:
    ways.answers.append(JOINED)
    told = await served.octet("desk", "calibrate", "main", "--click")
    assert told.code == 0, told.err
    address = told.out.splitlines()[-1]

    def use_it() -> None:
        with closing(Browser(address)) as page:
            board = page.board()
            assert [one["number"] for one in board["windows"]] == [1, 2]
            assert board["profiles"] == ["demo_tk"]
            assert page.click(500, 300)["is_good"]

    await asyncio.to_thread(use_it)
    assert (ways.asked, ways.points) == ([(2, "Agent-2", "", "")], [(500, 300)])
