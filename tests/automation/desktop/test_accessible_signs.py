"""Dialogs, work and rest that real programs tell of over the accessibility bus: found, read, answered, never idle."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from core.deliveries.model import Outcome, Reason, Result
from core.desks.model import Shown
from core.profiles.model import Accessible, Act, Activity, Box, Dialog, Press, Sign, StateSigns
from tests.automation.desktop.scenes import act_order, soon
from tests.automation.desktop.test_reading import click, deliver
from tests.fakes.desk import Agent, Commits, News, RunningDesk, running
from tests.fakes.targets import GTK, WEBS, Targets, all_targets, hands_on, open_gtk

pytestmark = [pytest.mark.display, pytest.mark.browser]

ALLOW, DENY = Box(x=18, y=88, width=80, height=30), Box(x=98, y=88, width=80, height=30)
"""In the buttons of the page under two lines of text; those of the GTK window lie lower."""


def buttons(left: int = 0, down: int = 0) -> dict[Act, Press]:
    at = {
        act: replace(box, x=box.x - left, y=box.y + down) for act, box in {Act.APPROVE: ALLOW, Act.DENY: DENY}.items()
    }
    return {act: Press(x=box.x + 40, y=box.y + 15, anchor=box) for act, box in at.items()}


def dialogs(question: Accessible, trouble: str, *, left: int = 0, down: int = 0) -> tuple[Dialog, ...]:
    """Describe a question, and objects of one role whose text says whether it is an error or a limit."""
    answers = (Act.APPROVE, Act.DENY)
    return (
        Dialog(shows=Activity.NEEDS_INPUT, answers=answers, accessible=question, acts=buttons(left, down)),
        Dialog(shows=Activity.ERROR, answers=(), accessible=Accessible(role=trouble, text="[Ee]rror")),
        Dialog(shows=Activity.LIMITED, answers=(), accessible=Accessible(role=trouble, text=r"limit.*\d\d:\d\d")),
    )


WEB = replace(
    WEBS["textarea"], dialogs=dialogs(Accessible(role="dialog", name="^Permission"), "notification"), idle_ms=300
)
CHAT = replace(
    GTK, dialogs=dialogs(Accessible(role="dialog", text=r"\bRun\b"), "info bar", left=8, down=12), idle_ms=300
)
KINDS = {"textarea": WEB, "gtk": CHAT}
RUN = "Run this?|rm -rf build"


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Targets]:
    with all_targets(tmp_path_factory.mktemp("spoken"), tuple(KINDS)) as found:
        yield found


def answers_of(agent: Agent) -> list[str]:
    log = agent.log.with_suffix(".answers")
    return [word.strip('"') for word in log.read_text("utf-8").split()] if log.exists() else []


async def shows(desk: RunningDesk, activity: Activity, *, after: int = 0) -> Shown:
    """Return what was told last, once it is this."""
    await desk.news.until(lambda: [one.activity for one in desk.news.shown[after:]][-1:] == [activity])
    return desk.news.shown[-1]


async def asked(desk: RunningDesk, agent: Agent, words: str, activity: Activity) -> Shown:
    await shows(desk, Activity.IDLE)
    so_far = len(desk.news.shown)
    outcome = await deliver(desk, agent.name, f"show {words}")
    assert outcome.result is Result.DELIVERED, outcome
    return await shows(desk, activity, after=so_far)


async def press(desk: RunningDesk, agent: Agent, act: Act, mark: str) -> Outcome:
    return await desk.lane.deliver(act_order(agent.name, act, mark), Commits())


@pytest.mark.parametrize(("kind", "how"), [("textarea", "modal"), ("textarea", "dialog"), ("gtk", "dialog")])
async def test_a_dialog_is_known_by_its_role_told_with_its_text_and_answered_once(
    targets: Targets, tmp_path: Path, kind: str, how: str
) -> None:
    agent, news = targets.agents[kind], News()
    before = len(answers_of(agent))
    async with running(targets.hands(tmp_path, news, KINDS[kind], only=kind), news) as desk:
        shown = await asked(desk, agent, f"{how} {RUN}", Activity.NEEDS_INPUT)
        assert shown.text == "Run this?\nrm -rf build\n[Allow] [Deny]"
        with Image.open(io.BytesIO(shown.png)) as picture:
            assert 300 < picture.width < 400, "the dialog, and nothing else"
            assert 100 < picture.height < 200
        refused = await deliver(desk, agent.name, "no words now")
        assert (refused.result, refused.reason) == (Result.REFUSED, Reason.DIALOG), refused
        assert (await press(desk, agent, Act.DENY, "0" * 64)).reason is Reason.CHANGED
        outcome = await press(desk, agent, Act.DENY, shown.mark)
        assert outcome.result is Result.DELIVERED, outcome
        await soon(lambda: answers_of(agent)[before:] == ["Deny"], "it was denied, once")
        await shows(desk, Activity.IDLE)


@pytest.mark.parametrize(("kind", "how"), [("textarea", "alert"), ("gtk", "info_bar")])
async def test_errors_and_limits_of_one_role_are_told_apart_by_their_text_and_another_is_not_idle(
    targets: Targets, tmp_path: Path, kind: str, how: str
) -> None:
    agent, news, profile = targets.agents[kind], News(), KINDS[kind]
    known = {"An error|no network": Activity.ERROR, "Usage limit|until 12:30": Activity.LIMITED}
    dialogs = tuple(replace(one, answers=(Act.DENY,), acts=profile.dialogs[0].acts) for one in profile.dialogs)
    async with running(targets.hands(tmp_path, news, replace(profile, dialogs=dialogs), only=kind), news) as desk:
        for words, activity in known.items():
            shown = await asked(desk, agent, f"{how} {words}", activity)
            assert shown.text.startswith(words.replace("|", "\n"))
            assert (await press(desk, agent, Act.DENY, shown.mark)).result is Result.DELIVERED
        strange = "alertdialog" if kind == "textarea" else "alert"
        shown = await asked(desk, agent, f"{strange} What is this?", Activity.UNKNOWN)
        assert "does not know" in shown.note
        assert shown.text == ""
        click(targets.display, agent, (130, 95))
        await shows(desk, Activity.IDLE)


async def test_a_window_is_busy_as_long_as_its_program_shows_a_stop_button(targets: Targets, tmp_path: Path) -> None:
    agent, news = targets.agents["textarea"], News()
    stop = replace(WEB, busy=StateSigns(accessible=Accessible(role="push button", name="^Stop$")))
    async with running(targets.hands(tmp_path, news, stop, only="textarea"), news) as desk:
        await asked(desk, agent, "stop 3", Activity.BUSY)
        so_far = len(news.shown)
        held = await deliver(desk, agent.name, "not now", about={Reason.BUSY})
        assert (held.result, held.reason) == (Result.BOUNCED, Reason.BUSY), held
        await shows(desk, Activity.IDLE)
        assert [one.activity for one in news.shown[so_far:]] == [Activity.IDLE]


async def test_a_dialog_known_by_colour_is_read_too_and_what_is_masked_is_neither_shown_nor_read(
    targets: Targets, tmp_path: Path
) -> None:
    agent, news = targets.agents["textarea"], News()
    place, strip = Box(x=10, y=50, width=380, height=130), Box(x=10, y=50, width=380, height=2)
    secret = Box(x=10, y=75, width=380, height=11)
    asks = Dialog(
        shows=Activity.NEEDS_INPUT,
        answers=(Act.DENY,),
        box=place,
        sign=Sign(box=strip, colour="#8250df", share=0.9),
        acts=buttons(),
    )
    masked = replace(WEBS["textarea"], dialogs=(asks,), masks=(secret,))
    async with running(targets.hands(tmp_path, news, masked, only="textarea"), news) as desk:
        shown = await asked(desk, agent, "dialog Run this?|password 1234|Really?", Activity.NEEDS_INPUT)
        assert shown.text == "Run this?\n▒▒▒\nReally?\n[Allow] [Deny]"
        with Image.open(io.BytesIO(shown.png)) as picture:
            under = picture.convert("RGB").crop((5, 26, 370, 34))
            assert under.getcolors() == [(365 * 8, (0x80, 0x80, 0x80))]
    click(targets.display, agent, (130, 118))


async def test_a_program_that_does_not_tell_is_unknown_and_takes_no_text(targets: Targets, tmp_path: Path) -> None:
    news, display = News(), targets.display
    buses, display.buses = display.buses, {}
    try:
        mute = open_gtk(display, "agent-mute", 4, 400)
    finally:
        display.buses = buses
    async with running(hands_on(display, tmp_path, [mute], news, CHAT), news) as desk:
        shown = await shows(desk, Activity.UNKNOWN)
        assert "does not report" in shown.note
        outcome = await deliver(desk, mute.name, "nobody knows what it shows")
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.NOT_TOLD), outcome
    assert mute.heard == []
