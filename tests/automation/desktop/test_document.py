"""What a window tells beside its composer before Enter and after: a program that exists only here, and real ones."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest

from automation.desktop.accessibility.bus import Bus, BusCall, NoBusReply
from automation.desktop.accessibility.document import MOST_OBJECTS, Document
from automation.desktop.accessibility.tree import Node
from core.deliveries.model import Assurance, Result
from core.profiles.model import StateSigns
from core.profiles.value_types import ROLES
from tests.display import until
from tests.fakes.desk import News, deliver, make_order, running
from tests.fakes.targets import GTK, QT, WEBS, all_targets
from tests.pace import patience

TEXT = "Look at the seventh line,\n\nand say what stands there."
COMPOSER = "/composer"
SECTION, STATIC = ROLES["section"], ROLES["static"]


@dataclass
class Page:
    """A program that tells of these objects: path, kind and own text, in their order."""

    objects: list[tuple[str, int, str]] = field(default_factory=lambda: [("/said", SECTION, "hello")])
    answers: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)

    def ask(self, call: BusCall) -> list[object]:
        assert call.member == "GetMatches"
        kinds = cast("list[list[int]]", call.body[0])[4]
        return [[] if any(kinds) else [("app", path) for path, _, _ in self.objects]]

    def ask_all(self, calls: Sequence[BusCall]) -> list[list[object]]:
        self.asked.set()
        assert self.answers.wait(patience(60))
        told = {path: (kind, text) for path, kind, text in self.objects}
        return [[told[call.path][call.member == "GetText"]] for call in calls]

    def say(self, *lines: str) -> None:
        self.objects += [(f"/{number}", SECTION, line) for number, line in enumerate(lines, len(self.objects))]


def document(page: Page) -> Document:
    bus, clock = cast("Bus", page), itertools.count()
    return Document(Node(bus, "app", "/frame"), Node(bus, "app", COMPOSER), now_s=lambda: float(next(clock)))


def read(page: Page) -> Document:
    """Read a document before Enter."""
    page.answers.set()
    found = document(page)
    until(lambda: found.has_gained(TEXT) is not None, "it was read")
    found.seal()
    return found


def gains(found: Document) -> bool:
    return any(found.has_gained(TEXT) for _ in range(9))


def test_a_page_that_says_the_text_in_paragraphs_gained_it() -> None:
    page = Page()
    found = read(page)
    assert not gains(found)
    page.say("You", "Look at the seventh line,", "and say what stands there.")
    assert gains(found)


@pytest.mark.parametrize(
    ("objects", "is_gained"),
    [
        (
            [
                ("/block", SECTION, "Look at the \ufffc line,\ufffc"),
                ("/static", STATIC, "Look at the "),
                ("/link", SECTION, "seventh"),
                ("/rest", SECTION, "and say what stands there."),
            ],
            True,
        ),
        ([(COMPOSER, SECTION, "\ufffc"), ("/paragraph", SECTION, TEXT)], False),
        ([("/mine", SECTION, TEXT), ("/quoted", SECTION, TEXT)], False),
    ],
    ids=["inline parts in their place, each line once", "in the composer", "quoted at once"],
)
def test_a_text_is_gained_once_and_outside_of_the_composer(
    objects: list[tuple[str, int, str]], *, is_gained: bool
) -> None:
    page = Page()
    found = read(page)
    page.objects += objects
    assert gains(found) is is_gained


def test_an_earlier_copy_is_no_gain() -> None:
    page = Page()
    page.say(TEXT)
    assert not gains(read(page))


def test_what_was_not_read_before_enter_is_no_before_and_nothing_waits_for_it() -> None:
    page = Page()
    found = document(page)
    assert page.asked.wait(patience(60))
    page.say(TEXT)
    found.seal()
    page.answers.set()
    until(lambda: "document" not in [one.name for one in threading.enumerate()], "it was read")
    assert found.has_gained(TEXT) is None


def too_many(page: Page) -> None:
    page.say(*["word"] * MOST_OBJECTS)


def too_deep(page: Page) -> None:
    page.say(*["\ufffc"] * 1000)


def silent(page: Page) -> None:
    def no_answer(_: object) -> list[list[object]]:
        raise NoBusReply(why="it is stopped")

    page.ask_all = no_answer  # pyright: ignore[reportAttributeAccessIssue] it answers no more


@pytest.mark.parametrize("spoil", [too_many, too_deep, silent])
def test_a_window_that_cannot_be_read_whole_tells_nothing(spoil: Callable[[Page], None]) -> None:
    page = Page()
    spoil(page)
    page.answers.set()
    found = document(page)
    until(lambda: "document" not in [one.name for one in threading.enumerate()], "it was tried")
    assert found.has_gained(TEXT) is None


@pytest.mark.display
@pytest.mark.browser
async def test_gtk_qt_and_a_page_prove_a_delivery_exactly_without_a_busy_sign(tmp_path: Path) -> None:
    quiet = [replace(profile, busy=StateSigns()) for profile in (GTK, QT, WEBS["contenteditable"])]
    with all_targets(tmp_path / "targets", ("gtk", "qt", "contenteditable")) as targets:
        news = News()
        async with running(targets.hands(tmp_path, news, *quiet), news) as desk:
            for agent in targets.agents.values():
                await news.until(lambda agent=agent: agent.name in news.usable)
                outcome = await deliver(desk.lane, make_order(agent.name, TEXT))
                assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.EXACT), outcome
                assert "gained the whole prompt, once" in outcome.note
                assert agent.heard == [TEXT]
