"""Dialogs that are windows of their own, and what a window shows by colour or picture: told, and answered once."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from automation.desktop.observation.image_diff import count_differing
from core.deliveries.model import Moment, Outcome, PictureArea, Reason, Result
from core.desks.model import Shown
from core.profiles.model import Act, Activity, Box, Dialog, Modal, Press, Profile, Sign, StateSigns
from tests.automation.desktop.scenes import soon
from tests.automation.desktop.test_accessible_signs import answers_of, press, shows
from tests.automation.desktop.test_reading import deliver
from tests.display import VirtualDisplay, until
from tests.fakes.desk import TK, Agent, News, RunningDesk, make_client, open_tk, running
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
        found.agents["tk"] = open_tk(found.display, "agent-tk", 4, 420)
        yield found


async def asked(desk: RunningDesk, agent: Agent, words: str = "show message Run rm?") -> Shown:
    await shows(desk, Activity.IDLE)
    outcome = await deliver(desk, agent.name, words)
    assert outcome.result in {Result.DELIVERED, Result.UNKNOWN}, outcome  # the dialog may be faster than the last look
    return await shows(desk, Activity.NEEDS_INPUT)


async def answer(desk: RunningDesk, agent: Agent, act: Act) -> Outcome:
    """Answer for what it shows now: GTK may draw a ring around a button of a dialog that gets or loses the focus."""
    while True:
        outcome = await press(desk, agent, act, (await desk.client.shows(agent.name)).mark)
        if outcome.reason is not Reason.CHANGED:
            return outcome


@pytest.mark.parametrize(("kind", "profile", "buttons"), [("gtk", GTK_ASKS, "[No] [Yes]"), ("tk", TK_ASKS, "")])
async def test_a_dialog_window_is_reported_with_picture_and_text_and_answered_by_its_chord_once(
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
        assert (await press(desk, agent, Act.INTERRUPT, "")).result in {Result.REFUSED, Result.FAILED}
        assert (await press(desk, agent, Act.DENY, "0" * 64)).reason is Reason.CHANGED
        display.windows.activate(other.id)
        until(lambda: display.windows.active() == other.id, "somebody works elsewhere")
        outcome = await answer(desk, agent, Act.DENY)
        assert outcome.result is Result.DELIVERED, outcome
        assert [(one.moment, one.part) for one in outcome.pictures] == [(Moment.AFTERWARDS, PictureArea.WINDOW)]
        await soon(lambda: answers_of(agent)[before:] == ["no"], "it was denied, once")
        await soon(lambda: display.windows.active() == other.id, "the focus is theirs again")
        await shows(desk, Activity.IDLE)
        assert (await press(desk, agent, Act.DENY, shown.mark)).result is Result.REFUSED


YES = Box(x=130, y=64, width=100, height=22)
CLICKS = replace(asks("Gtk_window.py"), acts={**YES_OR_NO, Act.APPROVE: Press(x=180, y=75, anchor=YES)})
GTK_CLICKS = replace(GTK, confirm_timeout_ms=400, dialogs=(CLICKS,))


async def test_a_button_of_a_dialog_window_is_clicked_where_that_is_now_if_it_looks_as_it_did(
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
        assert (await answer(desk, agent, Act.APPROVE)).result is Result.DELIVERED
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
        assert (await answer(desk, agent, Act.DENY)).result is Result.DELIVERED
        await soon(lambda: answers_of(agent)[before:] == ["yes", "no"], "it was denied")


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
        assert (await desk.client.shows("agent-2")).activity is not Activity.NEEDS_INPUT
        assert {one.window for one in news.shown if one.activity is Activity.NEEDS_INPUT} == {"agent-1"}
        assert (await answer(desk, both[0], Act.DENY)).result is Result.DELIVERED


async def test_the_paste_warning_of_a_terminal_is_reported_and_answered(targets: Targets, tmp_path: Path) -> None:
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
        assert (await answer(desk, agent, Act.DENY)).result is Result.DELIVERED
        assert not display.windows.find(".*", "Unsafe Paste")
        await shows(desk, Activity.IDLE)
    assert "one" not in "".join(agent.heard)


STRIP = Box(x=10, y=60, width=380, height=60)
"""Where the window paints what it is told to; its background shows there while it has nothing to say."""
SHOWS = {
    "show strip #cf222e": Activity.ERROR,
    "show strip #9a6700": Activity.LIMITED,
    "show message no network": Activity.ERROR,
    "show strip #123456": Activity.UNKNOWN,
}


async def test_an_error_and_a_limit_are_reported_by_colour_and_window_and_anything_else_is_unknown(
    display: VirtualDisplay, tmp_path: Path
) -> None:
    dialogs = (
        Dialog(shows=Activity.ERROR, answers=(), box=STRIP, sign=Sign(box=STRIP, colour="#cf222e", share=0.9)),
        Dialog(shows=Activity.LIMITED, answers=(), box=STRIP, sign=Sign(box=STRIP, colour="#9a6700", share=0.9)),
        Dialog(shows=Activity.ERROR, answers=(), window=Modal(match_class="Dialog", title="^Permission$")),
    )
    idle = StateSigns(box=STRIP, colour="#f0f0f0", share=0.5)
    profile = replace(TK, confirm_timeout_ms=400, dialogs=dialogs, idle=idle)
    places = [(20, 20), (440, 20), (860, 20), (20, 360)]
    agents = {words: open_tk(display, f"agent-{number}", *places[number]) for number, words in enumerate(SHOWS)}
    news = News()
    client = make_client(display.name, tmp_path, tuple(one.window for one in agents.values()), news, tk=profile)

    def last(name: str) -> Activity | None:
        return next((one.activity for one in reversed(news.shown) if one.window == name), None)

    async with running(client, news) as desk:
        await news.until(lambda: all(last(one.name) is Activity.IDLE for one in agents.values()))
        for words, agent in agents.items():
            outcome = await deliver(desk, agent.name, words)
            assert outcome.result in {Result.DELIVERED, Result.UNKNOWN}, (words, outcome)
            expected, so_far = SHOWS[words], len(news.shown)
            await news.until(lambda agent=agent, expected=expected: last(agent.name) is expected)
            seen = [one.activity for one in news.shown[so_far:] if one.window == agent.name]
            assert Activity.IDLE not in seen, words
        pictures = {one.window: bool(one.png) for one in news.shown if one.activity in set(SHOWS.values())}
        assert pictures == {"agent-0": True, "agent-1": True, "agent-2": True, "agent-3": False}
