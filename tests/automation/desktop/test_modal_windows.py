"""Dialogs that are windows of their own: told with picture and text, and answered in themselves, once."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from automation.desktop.observation.image_diff import count_differing
from core.deliveries.model import Moment, PictureArea, Reason, Result
from core.desks.model import Shown
from core.profiles.model import Act, Activity, Box, Dialog, Modal, Press, Profile
from tests.automation.desktop.scenes import soon
from tests.automation.desktop.test_accessible_signs import answers_of, press, shows
from tests.automation.desktop.test_acts import order
from tests.automation.desktop.test_reading import deliver
from tests.display import until
from tests.fakes.desk import TK, Agent, Commits, News, RunningDesk, open_tk, running
from tests.fakes.targets import GTK, XFCE, Targets, all_targets, hands_on

pytestmark = pytest.mark.display
YES_OR_NO = {Act.APPROVE: Press(chord="alt+y"), Act.DENY: Press(chord="alt+n")}


def asks(kind: str, title: str = "^Permission$", *, shows: Activity = Activity.NEEDS_INPUT) -> Dialog:
    window = Modal(match_class=kind, title=title)
    return Dialog(shows=shows, answers=(Act.APPROVE, Act.DENY), window=window, acts=YES_OR_NO)


TK_ASKS = replace(TK, confirm_timeout_ms=400, dialogs=(asks("Dialog"),))
GTK_ASKS = replace(GTK, confirm_timeout_ms=400, dialogs=(asks("Gtk_window.py"),))


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Targets]:
    with all_targets(tmp_path_factory.mktemp("modal"), ("gtk", "xfce4_terminal")) as found:
        tk = open_tk(found.display, "agent-tk", 4, 420)
        found.agents["tk"] = tk
        yield found


async def asked(desk: RunningDesk, agent: Agent, words: str = "show message Run rm?") -> Shown:
    await shows(desk, Activity.IDLE)
    outcome = await deliver(desk, agent.name, words)
    assert outcome.result in {Result.DELIVERED, Result.UNKNOWN}, outcome  # the dialog may be faster than the last look
    return await shows(desk, Activity.NEEDS_INPUT)


async def settled(desk: RunningDesk, agent: Agent) -> Shown:
    """What it shows once it is drawn without the focus: GTK may draw a ring around a button of a dialog that has it."""
    before = await desk.hands.shows(agent.name)
    while True:
        await asyncio.sleep(0.2)
        if (now := await desk.hands.shows(agent.name)).mark == before.mark:
            return now
        before = now


@pytest.mark.parametrize(("kind", "profile", "buttons"), [("gtk", GTK_ASKS, "[No] [Yes]"), ("tk", TK_ASKS, "")])
async def test_a_dialog_window_is_told_with_picture_and_text_and_answered_by_its_chord_once(
    targets: Targets, tmp_path: Path, kind: str, profile: Profile, buttons: str
) -> None:
    agent, news, display = targets.agents[kind], News(), targets.display
    before = len(answers_of(agent))
    other = display.window("^agent-xfce")
    async with running(hands_on(display, tmp_path, [agent], news, profile), news) as desk:
        shown = await asked(desk, agent)
        (modal,) = display.windows.find(".*", "^Permission$")
        assert shown.text == (f"Run rm?\n{buttons}" if buttons else ""), "Tk tells nothing"
        with Image.open(io.BytesIO(shown.png)) as picture:
            assert picture.size == (modal.box.width, modal.box.height)
        interrupted = await press(desk, agent, Act.INTERRUPT, "")
        assert interrupted.result in {Result.REFUSED, Result.FAILED}, interrupted
        assert (await press(desk, agent, Act.DENY, "0" * 64)).reason is Reason.CHANGED
        display.windows.activate(other.id)
        until(lambda: display.windows.active() == other.id, "somebody works elsewhere")
        shown = await settled(desk, agent)
        outcome = await press(desk, agent, Act.DENY, shown.mark)
        assert outcome.result is Result.DELIVERED, outcome
        assert "the dialog is gone" in outcome.note
        assert [(one.moment, one.part) for one in outcome.pictures] == [(Moment.AFTERWARDS, PictureArea.WINDOW)]
        await soon(lambda: answers_of(agent)[before:] == ["no"], "it was denied, once")
        await soon(lambda: display.windows.active() == other.id, "the focus is theirs again")
        await shows(desk, Activity.IDLE)
        assert (await press(desk, agent, Act.DENY, shown.mark)).note == "the dialog is gone"


YES = Box(x=130, y=64, width=100, height=22)
CLICKS = replace(asks("Gtk_window.py"), acts={**YES_OR_NO, Act.APPROVE: Press(x=180, y=75, anchor=YES)})
GTK_CLICKS = replace(GTK, confirm_timeout_ms=400, dialogs=(CLICKS,))


async def test_a_button_of_a_dialog_window_is_clicked_where_that_stands_now_if_it_looks_as_it_did(
    targets: Targets, tmp_path: Path
) -> None:
    agent, news, display = targets.agents["gtk"], News(), targets.display
    before = len(answers_of(agent))
    async with running(hands_on(display, tmp_path, [agent], news, GTK_CLICKS), news) as desk:
        shown = await asked(desk, agent)
        (modal,) = display.windows.find(".*", "^Permission$")
        display.place(modal.id, 20, 330)
        refused = await deliver(desk, agent.name, "no words now")
        assert (refused.result, refused.reason) == (Result.REFUSED, Reason.DIALOG), "though it covers nothing"
        outcome = await press(desk, agent, Act.APPROVE, shown.mark)
        assert outcome.result is Result.DELIVERED, outcome
        await soon(lambda: answers_of(agent)[before:] == ["yes"], "it was approved")
    (kept,) = (tmp_path / "anchors/desk").glob("*.approve.*.png")
    with Image.open(io.BytesIO(shown.png)) as picture, Image.open(kept) as button:
        place = (YES.x, YES.y, YES.x + YES.width, YES.y + YES.height)
        assert count_differing(picture.convert("RGB").crop(place), button.convert("RGB")) < 200
    Image.new("RGB", (YES.width, YES.height), "#ff0000").save(kept)
    news = News()
    async with running(hands_on(display, tmp_path, [agent], news, GTK_CLICKS), news) as desk:
        shown = await asked(desk, agent)
        outcome = await press(desk, agent, Act.APPROVE, shown.mark)
        assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.CHANGED), outcome
        assert "the button to approve does not look as it did" in outcome.note
        assert (await press(desk, agent, Act.DENY, shown.mark)).result is Result.DELIVERED
        await soon(lambda: answers_of(agent)[before:] == ["yes", "no"], "it was denied")


async def test_a_go_ahead_that_came_too_late_is_asked_for_again_and_pressed_once(
    targets: Targets, tmp_path: Path
) -> None:
    agent, news, display = targets.agents["gtk"], News(), targets.display
    before = len(answers_of(agent))
    async with running(hands_on(display, tmp_path, [agent], news, GTK_CLICKS), news) as desk:
        for act in (Act.APPROVE, Act.DENY):  # a click, and a chord
            shown = await asked(desk, agent)
            late = Commits()

            async def slowly(late: Commits = late) -> None:
                if len(late.steps) == 1:
                    (modal,) = display.windows.find(".*", "^Permission$")
                    display.place(modal.id, modal.box.x + 9, modal.box.y + 30)  # somebody moves it meanwhile
                    await asyncio.sleep(0.4)

            late.when["submitting"] = slowly
            outcome = await desk.lane.deliver(replace(order(agent.name, act, shown.mark), desk="desk"), late)
            assert outcome.result is Result.DELIVERED, outcome
            assert len(late.steps) > 1, "what was granted first was over"
        await soon(lambda: answers_of(agent)[before:] == ["yes", "no"], "each was pressed once")


async def test_a_dialog_window_that_says_something_else_is_told_anew(targets: Targets, tmp_path: Path) -> None:
    agent, news, display = targets.agents["gtk"], News(), targets.display
    async with running(hands_on(display, tmp_path, [agent], news, GTK_ASKS), news) as desk:
        await asked(desk, agent, "show message Run rm?, later Run mv?")
        await news.until(lambda: news.shown[-1].text.startswith("Run mv?"))
        first = next(one for one in news.shown if one.text.startswith("Run rm?"))
        assert (await press(desk, agent, Act.DENY, first.mark)).reason is Reason.CHANGED
        assert (await press(desk, agent, Act.DENY, news.shown[-1].mark)).result is Result.DELIVERED


async def test_a_dialog_of_another_window_of_the_same_program_is_none_of_this_one(
    targets: Targets, tmp_path: Path
) -> None:
    display, news = targets.display, News()
    first = open_tk(display, "agent-1", 850, 20, second="agent-2 — workspace")
    second = display.window("^agent-2")
    display.place(second.id, 850, 420)
    window = replace(first.window, name="agent-2", title="^agent-2", box=display.window("^agent-2").box)
    both = [first, replace(first, name="agent-2", window=window, seen=second)]
    async with running(hands_on(display, tmp_path, both, news, TK_ASKS), news) as desk:
        await news.until(lambda: {one.window for one in news.shown} == {"agent-1", "agent-2"})
        outcome = await deliver(desk, "agent-1", "show message Run rm?")
        assert outcome.result in {Result.DELIVERED, Result.UNKNOWN}, outcome
        await news.until(lambda: news.shown[-1].activity is Activity.NEEDS_INPUT)
        mark = news.shown[-1].mark
        assert (await desk.hands.shows("agent-2")).activity is not Activity.NEEDS_INPUT
        assert {one.window for one in news.shown if one.activity is Activity.NEEDS_INPUT} == {"agent-1"}
        assert (await press(desk, both[0], Act.DENY, mark)).result is Result.DELIVERED


async def test_the_paste_warning_of_a_terminal_is_told_and_answered(targets: Targets, tmp_path: Path) -> None:
    agent, news, display = targets.agents["xfce4_terminal"], News(), targets.display
    words = tmp_path / "words"
    words.write_text("one\ntwo")
    display.start("xclip", "-selection", "clipboard", "-loops", "0", str(words))
    until(lambda: display.windows.active() != 0, "something is active")
    display.windows.activate(agent.seen.id)
    until(lambda: display.windows.active() == agent.seen.id, "the terminal is active")
    async with running(hands_on(display, tmp_path, [agent], news, XFCE), news) as desk:
        await shows(desk, Activity.IDLE)
        display.xdotool("key", "ctrl+shift+v")
        shown = await shows(desk, Activity.NEEDS_INPUT)
        assert "one" in shown.text, shown.text
        assert "two" in shown.text
        outcome = await press(desk, agent, Act.DENY, shown.mark)
        assert outcome.result is Result.DELIVERED, outcome
        assert not display.windows.find(".*", "Unsafe Paste")
        await shows(desk, Activity.IDLE)
    assert "one" not in "".join(agent.heard)
