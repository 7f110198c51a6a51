"""A new user's first minutes: from `octet init` in an empty home to a delivered task, by answers alone.

A GTK chat, an xterm and a page in Chromium are on a display of their own; the local Discord replaces Discord.
What a window heard is the window's own record of it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.bot.cli.init.place import Place, open_place
from tests.display import VirtualDisplay, virtual_display
from tests.e2e.house import words
from tests.fakes.targets import open_gtk
from tests.fakes.web_window import open_web, site
from tests.fakes.window_log import WindowLog

pytestmark = [pytest.mark.display, pytest.mark.browser, pytest.mark.timeout(600)]

TOKEN = "the-token-of-a-new-user"
MOST_QUESTIONS = 10
BUSY_MS = 2_000
"""So long each window shows that it works: `octet init` looks on to learn how that looks."""
SCRIPTS = Path(__file__).parents[1] / "fakes"


@contextmanager
def desktop(folder: Path) -> Iterator[tuple[VirtualDisplay, dict[str, Path]]]:
    """Open a display with three agents' windows, as a person might have them; give it and the windows' logs."""
    with virtual_display(folder, "1280x1000x24") as display, site(folder) as address, display.accessible():
        gtk = open_gtk(display, "builder", 20, 40, busy_ms=BUSY_MS)
        web = open_web(display, address, "reviewer", 640, 40, busy_ms=BUSY_MS)
        log = folder / "tester.heard"
        script = (sys.executable, str(SCRIPTS / "term_window.py"), "tester", str(log), str(BUSY_MS / 1000))
        look = ("-fn", "6x13", "-b", "2", "+sb", "-bw", "0", "-title", "tester", "-geometry", "60x20+20+500")
        display.start("xterm", *look, "-e", *script)
        display.window("^tester")
        yield display, {"gtk": gtk.log, "web": web.log, "xterm": log}


async def test_from_octet_init_to_a_delivered_task_in_at_most_ten_answers_and_no_file_edited(tmp_path: Path) -> None:
    with desktop(tmp_path / "windows") as (display, logs):
        async with open_place(tmp_path, token=TOKEN, is_invited=False) as place:
            loop = asyncio.get_running_loop()

            def invite() -> None:
                loop.call_soon_threadsafe(place.sandbox.world.invite)

            await asyncio.to_thread(_first_use, place, display, invite)
            cards = [one for one in await place.sandbox.messages(channel="octet") if "-# T-1 · " in words(one)]
        heard = {name: texts for name, log in logs.items() if (texts := WindowLog(log).texts())}
    assert len(cards) == 1
    assert "Agent-1" in words(cards[0])
    assert {name: len(prompts) for name, prompts in heard.items()} == {"gtk": 1}
    assert "you only have to answer" in heard["gtk"][0]


def _first_use(place: Place, display: VirtualDisplay, invite: Callable[[], None]) -> None:
    """Everything that the person does: answers, Ctrl-C at the end."""
    session = {name: display.environ[name] for name in ("DISPLAY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")}
    with place.init("--answer", "0", **session) as person:
        person.answer("The bot's token", TOKEN)
        person.expect("Waiting until the bot is there")
        invite()
        person.answer("The channel for messages", "1")
        person.answer("Make Ada", "y")
        person.answer("Where are your agents?", "1")
        person.answer("saves what works")
        person.answer("Where is the composer of Agent-3", "100,100")
        person.answer("Start Octet whenever you log in", "n")
        person.expect("T-1 is delivered to Agent-1 (", 60)
        person.expect("Octet runs here until Ctrl-C")
        person.interrupt()
        assert person.end() == 0
        asked = person.questions
    assert len(asked) <= MOST_QUESTIONS, asked
