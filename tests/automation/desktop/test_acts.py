"""Dialogs of the demo's windows: told with a picture, and answered once, for exactly what people were shown."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from core.config.desks import read_desks
from core.deliveries.model import DeliveryRequest, Moment, Outcome, Reason, Result
from core.desks.model import Shown
from core.kit import faults
from core.profiles.model import Act, Activity
from tests.automation.desktop.scenes import tickets
from tests.automation.desktop.test_demo_windows import Demo, demo
from tests.fakes.desk import ROOT, Commits, deliver, make_order

pytestmark = [pytest.mark.display, pytest.mark.asyncio(loop_scope="module")]
CHAT, TERMINAL = "agent-1", "agent-5"
ASK = "demo: wait 0.2\nask: rm -r build"


def order(name: str, act: Act, expects: str = "") -> DeliveryRequest:
    return replace(make_order(name, "", desk="main"), act=act, expected_dialog=expects)


async def do(on: Demo, name: str, act: Act, expects: str = "", commits: Commits | None = None) -> Outcome:
    return await deliver(on.desk.lane, order(name, act, expects), commits)


async def told(on: Demo, name: str, activity: Activity, *, after: int = 0) -> Shown:
    """The last thing that was told of this window, once it is this."""

    def last() -> Shown | None:
        return next((one for one in reversed(on.desk.news.shown[after:]) if one.window == name), None)

    await on.desk.news.until(lambda: (shown := last()) is not None and shown.activity is activity)
    found = last()
    assert found is not None
    return found


async def asked(on: Demo, name: str, text: str = ASK, shows: Activity = Activity.NEEDS_INPUT) -> Shown:
    outcome = await on.deliver(name, text)
    assert outcome.result is Result.DELIVERED, outcome
    return await told(on, name, shows)


@dataclass(frozen=True, slots=True)
class Stand:
    """The demo's desktop, and where its worker looks for tickets."""

    on: Demo
    places: Path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    folder = tmp_path_factory.mktemp("acts")
    with tickets(folder / "tickets") as places:
        async with demo(folder, "--windows", "5") as on:
            yield Stand(on=on, places=places)


@pytest.fixture
def on(stand: Stand) -> Demo:
    return stand.on


@pytest.mark.parametrize("name", [CHAT, TERMINAL])
async def test_a_dialog_is_told_once_with_its_picture_and_answered_for_what_was_shown(on: Demo, name: str) -> None:
    await told(on, name, Activity.IDLE)
    so_far = len(on.desk.news.shown)
    shown = await asked(on, name)
    box = read_desks(ROOT, []).profiles["demo_tk" if name == CHAT else "demo_xterm"].dialogs[0].box
    assert box is not None
    with Image.open(io.BytesIO(shown.png)) as picture:
        assert picture.size == (box.width, box.height), "the dialog, and nothing else"
    assert set(shown.answers) == {Act.APPROVE, Act.DENY}
    assert (await on.desk.hands.shows(name)).mark == shown.mark, "a fresh look finds the same"
    assert (await on.desk.lane.deliver(make_order(name, "no words now", desk="main"), Commits())).reason in {
        Reason.DIALOG,
        Reason.BUSY,
    }

    for expects in ("", "0" * 64):
        commits = Commits()
        outcome = await do(on, name, Act.APPROVE, expects, commits)
        assert (outcome.result, outcome.reason, commits.steps) == (Result.REFUSED, Reason.CHANGED, []), outcome
    outcome = await do(on, name, Act.CONTINUE, shown.mark)
    assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.CHANGED), "that is no answer to a question"

    commits = Commits()
    outcome = await do(on, name, Act.DENY, shown.mark, commits)
    assert outcome.result is Result.DELIVERED, outcome
    assert commits.steps == ["submitting"]
    assert "the dialog is gone" in outcome.note
    assert [one.moment for one in outcome.pictures] == [Moment.AFTERWARDS]
    await told(on, name, Activity.IDLE)
    told_since = [one for one in on.desk.news.shown[so_far:] if one.window == name]
    dialogs = [one for one in told_since if one.activity is Activity.NEEDS_INPUT]
    assert len(dialogs) == 1
    outcome = await do(on, name, Act.DENY, shown.mark)
    assert (outcome.result, outcome.note) == (Result.REFUSED, "the dialog is gone")


@pytest.mark.parametrize("name", [CHAT, TERMINAL])
async def test_errors_and_limits_are_told_and_continued_and_an_agent_at_work_is_interrupted(
    on: Demo, name: str
) -> None:
    outcome = await do(on, name, Act.INTERRUPT)
    assert (outcome.result, outcome.note) == (Result.REFUSED, "its agent is not at work")
    shown = await asked(on, name, "demo: wait 0.1\ndemo: error no network\ndemo: limit until noon", Activity.ERROR)
    outcome = await do(on, name, Act.CONTINUE, shown.mark)
    assert outcome.result is Result.DELIVERED, outcome
    shown = await told(on, name, Activity.LIMITED)
    assert (await do(on, name, Act.CONTINUE, shown.mark)).result is Result.DELIVERED
    await told(on, name, Activity.IDLE)

    assert (await on.deliver(name, "demo: wait 60")).result is Result.DELIVERED
    await told(on, name, Activity.BUSY)
    outcome = await do(on, name, Act.INTERRUPT)
    assert outcome.result is Result.DELIVERED, outcome
    await told(on, name, Activity.IDLE)


async def test_an_act_whose_worker_was_killed_is_never_pressed_again(stand: Stand) -> None:
    on, places = stand.on, stand.places
    for point, is_pressed in {"worker.act-granted": False, "worker.act-pressed": True}.items():
        shown = await asked(on, TERMINAL)
        (places / point).write_text(faults.FaultAction.KILL)
        commits = Commits()
        outcome = await do(on, TERMINAL, Act.APPROVE, shown.mark, commits)
        assert (outcome.result, outcome.reason) == (Result.UNKNOWN, Reason.WORKER_LOST), outcome
        so_far = len(on.desk.news.shown)
        settled = await settle(on, order(TERMINAL, Act.APPROVE, shown.mark))
        assert settled.result is Result.UNKNOWN
        assert ("the dialog is still open" in settled.note) is not is_pressed, settled
        assert [one.moment for one in settled.pictures] == [Moment.AFTERWARDS]
        if not is_pressed:
            again = await told(on, TERMINAL, Activity.NEEDS_INPUT, after=so_far)
            assert again.mark == shown.mark, "the same dialog is known by another worker"
            assert (await do(on, TERMINAL, Act.DENY, again.mark)).result is Result.DELIVERED
        await told(on, TERMINAL, Activity.IDLE)


async def settle(on: Demo, what: DeliveryRequest) -> Outcome:
    async with asyncio.timeout(60):
        while (outcome := await on.desk.lane.settle(what, Commits())).reason is Reason.WORKER_LOST:  # noqa: ASYNC110 each round is an attempt
            await asyncio.sleep(0.1)
    return outcome
