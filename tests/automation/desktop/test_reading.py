"""Real programs as targets: what stands in their composers is read, the best way that each of them allows."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from Xlib import X
from Xlib.ext import xtest

from automation.desktop.accessibility.bus import NoBusReply, Unreadable
from automation.desktop.accessibility.reader import AccessibilityReader
from automation.desktop.accessibility.tree import Node, State
from bot.cli.doctor.desks import accessibility
from bot.cli.doctor.model import Finding, FindingLevel
from core.deliveries.model import DeliveryRequest, Outcome, Reason, Result
from core.desks.model import Desk, Window
from core.profiles.model import Box, Profile, Readback, Selection
from tests.automation.desktop.scenes import soon
from tests.display import LIMIT_S, VirtualDisplay, until
from tests.fakes.desk import PASSES, WORKER, Agent, Commits, News, RunningDesk, make_client, make_order, running
from tests.fakes.desk import deliver as tried
from tests.fakes.targets import GTK, WEBS, XFCE, Targets, all_targets, profile
from tests.fakes.web_window import open_web

pytestmark = [pytest.mark.display, pytest.mark.browser]

RICH = "First line\n\n\tcode  with   blanks\n日本語 👩‍👩‍👧‍👦 🇩🇪 e\u0301 ✅\nשלום עולם\n```python\nx = 1\n```\nlast"


COMPOSER_AT, SAID_AT = (200, 280), (300, 120)
"""Places in the chat windows, from their corner."""


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Targets]:
    with all_targets(tmp_path_factory.mktemp("targets")) as found:
        yield found


async def deliver(desk: RunningDesk, agent: str, text: str, *, about: Collection[Reason] = ()) -> Outcome:
    """Deliver, as dispatch does: what was in the way for a moment is tried again, unless the test is `about` that."""
    return await tried(desk.lane, make_order(agent, text), about=about)


async def until_enter(desk: RunningDesk, order: DeliveryRequest, commits: Commits) -> Outcome:
    """Return the outcome of the first attempt that came as far as Enter. A busy program draws its composer late."""
    early = PASSES | {Reason.COMPOSER_NOT_EMPTY}
    async with asyncio.timeout(LIMIT_S):
        while True:
            outcome = await tried(desk.lane, order, commits, about=early)
            if "submitting" in commits.steps or outcome.reason not in early:
                return outcome
            commits.steps.clear()


def composer_of(reader: AccessibilityReader, agent: Agent, driven: Profile) -> Node:
    """Where the prompts of this window are written."""
    return reader.composer(agent.seen, driven.composer, driven.composer.box.on_screen(agent.window.box))


def said_by(composer: Node | None) -> str | None:
    """Return what is there, as its program tells; None while that has no time to answer."""
    try:
        return None if composer is None else composer.text()
    except NoBusReply:
        return None


def says_it_has_no_focus(composer: Node) -> bool:
    """Whether its program says so; not while that has no time to answer."""
    try:
        return not composer.has(State.FOCUSED)
    except NoBusReply:
        return False


def click(display: VirtualDisplay, agent: Agent, at: tuple[int, int]) -> None:
    """Click there, as a person does, and wait until the window has the focus."""
    box = agent.window.box
    display.xdotool("mousemove", str(box.x + at[0]), str(box.y + at[1]), "click", "1")
    until(lambda: display.windows.active() == agent.seen.id, "it is active")


def click_at_once(display: VirtualDisplay, agent: Agent, at: tuple[int, int]) -> None:
    """Click there in no time: as long as a go-ahead for Enter is good, no program can be started on a busy machine."""
    box = agent.window.box
    xtest.fake_input(display.connection, X.MotionNotify, x=box.x + at[0], y=box.y + at[1])
    xtest.fake_input(display.connection, X.ButtonPress, 1)
    xtest.fake_input(display.connection, X.ButtonRelease, 1)
    display.connection.sync()


async def test_a_prompt_arrives_whole_in_each_kind_of_program(targets: Targets, tmp_path: Path) -> None:
    news = News()
    long = "".join(f"{number:05d} line with ümläuts, 日本 and 👍\n" for number in range(700))[:20_000].strip()
    async with running(targets.hands(tmp_path, news), news) as desk:
        for kind, agent in targets.agents.items():
            is_terminal = "term" in kind
            for text in (RICH,) if is_terminal else (RICH, long):
                outcome = await deliver(desk, agent.name, text)
                assert outcome.result is Result.DELIVERED, (kind, outcome)
                assert outcome.evidence is not None
                assert outcome.evidence.readback == ("pixels" if is_terminal else "accessibility"), kind
                expected = text.replace("\n\n", "\n") if kind == "rich" else text
                await soon(lambda agent=agent, expected=expected: agent.heard[-1:] == [expected], f"{kind} heard it")


def test_the_doctor_says_which_windows_can_be_read_and_what_a_browser_was_started_without(targets: Targets) -> None:
    display = targets.display
    only = replace(WEBS["rich"], name="only", readback=(Readback.ACCESSIBILITY,))
    profiles = {one.name: one for one in (GTK, only, *WEBS.values())}
    read = [targets.agents[kind].window for kind in ("rich", "gtk")]
    closed = replace(read[1], name="closed", title="^nobody")
    dumb = open_web(display, targets.address, "agent-dumb", 850, 490, kind="rich", accessible=False).window
    windows = (*read, closed, dumb, replace(dumb, profile="only"))
    desk, found = Desk(name="main", display=display.name, windows=windows), list[Finding]()
    levels = [FindingLevel.OK, FindingLevel.OK, FindingLevel.WARNING, FindingLevel.WARNING, FindingLevel.PROBLEM]

    def is_told() -> bool:  # who does not answer at once on a busy machine is none of those that do not speak
        found[:] = accessibility(desk, profiles)
        return [one.level for one in found] == levels

    until(is_told, "what can be read is told")
    display.children[-1].terminate()
    until(lambda: not display.windows.find(".*", "agent-dumb"), "it is gone, and covers nobody")
    assert "not open" in found[2].what
    assert "Octet uses its profile's next way" in found[3].what
    for cure in (found[3].cure, found[4].cure):
        assert "ACCESSIBILITY_ENABLED=1 /" in cure
        assert cure.endswith("--force-renderer-accessibility …")


def test_the_doctor_says_what_to_install_where_there_is_no_bus(display: VirtualDisplay) -> None:
    window = Window(name="one", profile="gtk", title="^one", box=Box(x=0, y=0, width=9, height=9))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
        (found,) = accessibility(Desk(name="main", display=display.name, windows=(window,)), {"gtk": GTK})
    assert found.level is FindingLevel.WARNING
    assert "there is no accessibility bus" in found.what
    assert "at-spi2-core" in found.cure


async def test_a_terminal_that_asks_before_it_pastes_gets_no_and_takes_the_next_prompt(
    targets: Targets, tmp_path: Path
) -> None:
    agent, news = targets.agents["xfce4_terminal"], News()
    before = len(agent.heard)
    # It asks about this selection only.
    asking = replace(
        XFCE, paste="ctrl+shift+v", selection=Selection.CLIPBOARD, max_clipboard_reads=3, paste_timeout_ms=30_000
    )
    async with running(targets.hands(tmp_path, news, asking, only="xfce4_terminal"), news) as desk:
        outcome = await deliver(desk, agent.name, "one\ntwo")
        assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.PASTE_NOT_READ), outcome
        assert "Unsafe Paste" in outcome.note
        assert not outcome.draft_left
        assert not targets.display.windows.find(".*", "Unsafe Paste")
        outcome = await deliver(desk, agent.name, "one line")
        assert outcome.result is Result.DELIVERED, outcome
    assert agent.heard[before:] == ["one line"]


async def test_the_composer_is_not_clicked_into_where_it_says_that_it_has_the_focus_or_takes_it_when_asked(
    targets: Targets, tmp_path: Path
) -> None:
    agent, display, news = targets.agents["contenteditable"], targets.display, News()
    click(display, agent, COMPOSER_AT)
    display.xdotool("mousemove", "3", "3")
    async with running(targets.hands(tmp_path, news, only="contenteditable"), news) as desk:
        assert (await deliver(desk, agent.name, "no click needed")).result is Result.DELIVERED
        assert display.connection.screen().root.query_pointer().root_x == 3
        click(display, agent, SAID_AT)
        assert (await deliver(desk, agent.name, "now it is")).result is Result.DELIVERED
    await soon(lambda: agent.heard[-2:] == ["no click needed", "now it is"], "both were heard")


async def test_the_composer_of_a_page_that_was_reloaded_between_two_prompts_is_looked_up_anew(
    targets: Targets, tmp_path: Path
) -> None:
    agent, display, news = targets.agents["contenteditable"], targets.display, News()
    reader = AccessibilityReader(display.windows)

    def looked_up() -> Node | None:
        with suppress(Unreadable):
            return composer_of(reader, agent, WEBS["contenteditable"])
        return None

    async with running(targets.hands(tmp_path, news, only="contenteditable"), news) as desk:
        assert (await deliver(desk, agent.name, "before the reload")).result is Result.DELIVERED
        before = looked_up()
        click(display, agent, SAID_AT)
        display.xdotool("key", "F5")
        await soon(lambda: looked_up() not in {None, before}, "it is another page")
        outcome = await deliver(desk, agent.name, "after the reload")
        assert outcome.result is Result.DELIVERED, outcome
        assert outcome.evidence is not None
        assert outcome.evidence.readback == "accessibility"
    reader.close()
    await soon(lambda: agent.heard[-2:] == ["before the reload", "after the reload"], "both were heard")


@pytest.mark.parametrize("kind", ["contenteditable", "gtk", "qt"])
async def test_a_click_into_the_transcript_before_enter_is_noticed_while_the_window_stays_active(
    targets: Targets, tmp_path: Path, kind: str
) -> None:
    agent, display, news = targets.agents[kind], targets.display, News()
    before, reader = len(agent.heard), AccessibilityReader(targets.display.windows)
    driven = WEBS[kind] if kind in WEBS else profile(kind)
    composer = composer_of(reader, agent, driven)
    assert composer is not None

    async def person_clicks() -> None:
        click_at_once(display, agent, SAID_AT)
        await soon(lambda: says_it_has_no_focus(composer), "its program has seen the click")

    async with running(targets.hands(tmp_path, news, only=kind), news) as desk:
        order = make_order(agent.name, "not into the transcript")
        outcome = await until_enter(desk, order, Commits(when={"submitting": person_clicks}))
        reader.close()
        assert (outcome.result, outcome.reason) == (Result.NOT_ARRIVED, Reason.FOCUS_TAKEN), outcome
        assert "its composer does not have the focus" in outcome.note
        assert not outcome.draft_left
        assert len(agent.heard) == before
        outcome = await deliver(desk, agent.name, "now")
        assert outcome.result is Result.DELIVERED, outcome


async def test_letters_that_a_person_writes_beside_our_draft_before_enter_are_seen_and_left(
    targets: Targets, tmp_path: Path
) -> None:
    agent, display, news = targets.agents["gtk"], targets.display, News()
    before, reader = len(agent.heard), AccessibilityReader(targets.display.windows)

    async def person_types() -> None:
        display.xdotool("type", "mine")
        composer = composer_of(reader, agent, GTK)
        await soon(lambda: said_by(composer) == "ours mine", "it stands there")

    async with running(targets.hands(tmp_path, news, only="gtk"), news) as desk:
        order = make_order(agent.name, "ours ")
        outcome = await until_enter(desk, order, Commits(when={"submitting": person_types}))
    reader.close()
    assert (outcome.result, outcome.reason) == (Result.NOT_ARRIVED, Reason.COMPOSER_NOT_EMPTY), outcome
    assert outcome.draft_left
    click(display, agent, COMPOSER_AT)
    display.xdotool("key", "Return")
    await soon(lambda: agent.heard[before:] == ["ours mine"], "the person sent both")


@pytest.mark.parametrize(
    ("ways", "result", "by"),
    [
        ((Readback.ACCESSIBILITY, Readback.COPY), Result.DELIVERED, "copy"),
        ((Readback.ACCESSIBILITY,), Result.BOUNCED, ""),
    ],
    ids=["the next way", "none"],
)
async def test_a_composer_that_is_not_on_the_bus_is_read_in_the_profiles_next_way_or_gets_nothing(
    targets: Targets, tmp_path: Path, ways: tuple[Readback, ...], result: Result, by: str
) -> None:
    agent, news, rich = targets.agents["rich"], News(), WEBS["rich"]
    before = len(agent.heard)
    elsewhere = replace(rich, composer=replace(rich.composer, label="No field is called so"), readback=ways)
    async with running(targets.hands(tmp_path, news, elsewhere, only="rich"), news) as desk:
        outcome = await deliver(desk, agent.name, "one line")
        assert outcome.result is result, outcome
        assert (outcome.evidence.readback if outcome.evidence else "") == by
        if result is Result.BOUNCED:
            assert (outcome.reason, outcome.draft_left, len(agent.heard)) == (Reason.NOT_READABLE, False, before)


EARLY = """
import sys
from automation.desktop.x11 import readback as readbacks
from automation.desktop.x11.worker import run
from automation.protocol.ports import ReadbackResult

class Early(readbacks.AccessibleReadback):
    def read(self):
        return ReadbackResult(text=self._paste._text, taken=self._paste.was_taken(), by=self.kind)

    def check_unchanged(self):
        return

readbacks.AccessibleReadback = Early
sys.exit(run(sys.argv[1]))
"""
"""A worker that believes the clipboard: the page took the text, so it is there."""


@pytest.fixture(scope="module")
def slow_targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Targets]:
    """Open a page that puts a paste in bit by bit, as editors do."""
    with all_targets(tmp_path_factory.mktemp("slow"), ("slow",)) as found:
        yield found


def slow_page(*ways: Readback) -> Profile:
    return replace(WEBS["contenteditable"], name="slow", readback=ways)


@pytest.mark.parametrize("way", [Readback.ACCESSIBILITY, Readback.COPY])
async def test_enter_is_pressed_only_when_all_of_a_slow_paste_is_there(
    slow_targets: Targets, tmp_path: Path, way: Readback
) -> None:
    agent, display, news = slow_targets.agents["slow"], slow_targets.display.name, News()
    client = make_client(display, tmp_path, (agent.window,), news, profiles=(slow_page(way),), worker=WORKER)
    async with running(client, news) as desk:
        for number in range(2):
            text = f"{number} first\nsecond\nthird and last"
            outcome = await deliver(desk, agent.name, text)
            assert outcome.result is Result.DELIVERED, outcome
            await soon(lambda text=text: agent.heard[-1:] == [text], "it was heard, whole")


async def test_without_waiting_for_it_half_of_the_text_is_sent(slow_targets: Targets, tmp_path: Path) -> None:
    agent, display, news = slow_targets.agents["slow"], slow_targets.display.name, News()
    text = "first\nsecond\nthird and last"
    profiles = (slow_page(Readback.ACCESSIBILITY),)
    client = make_client(display, tmp_path, (agent.window,), news, profiles=profiles, worker=EARLY)
    async with running(client, news) as desk:
        async with asyncio.timeout(60):
            while True:
                before = len(agent.heard)
                outcome = await deliver(desk, agent.name, text)
                assert outcome.result in {Result.DELIVERED, Result.UNKNOWN}, outcome
                await soon(lambda before=before: len(agent.heard) > before, "something was sent")
                if agent.heard[before] != text:  # or else Enter came so late that all of it stood there
                    break
    assert agent.heard[before].strip() == "first", "nothing was lost: the tests above prove nothing"
