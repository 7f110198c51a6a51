"""The contract of the lane port, over every lane: fake, dry run, model, an ACP agent, windows on a desk, a pane.

The last window is mousepad, a plain text editor of the distribution, which was not written for this. An editor has no
Enter that sends. Its profile submits by Ctrl+N: the draft is filed away under its tab and an empty document comes up.
Both can be seen (the text area is blank, the tab bar's blue line appears), so the same two signs are asked for as of a
chat window, and the test then turns back to the first tab and copies out what really stands there.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from automation.desktop.x11.clipboard import X11Clipboard
from automation.dryrun.lane import DryRunLane
from automation.llm.lane import ModelLane
from core.agents.model import Lane
from core.deliveries.model import DeliveryId, DeliveryRequest, Outcome, Reason, Result
from core.deliveries.ports import LanePort, TurnNews
from core.desks.model import Window
from core.profiles.model import Box, Composer, Selection, StateSigns
from core.remedies import refused
from core.settings.model import Model
from sandbox.llm.server import MODEL, serve
from tests.display import VirtualDisplay, virtual_display
from tests.fakes.acp import scripted, serving
from tests.fakes.desk import (
    PORTABLE,
    TK,
    WORKER,
    Agent,
    Commits,
    News,
    make_client,
    make_order,
    open_term,
    open_tk,
    running,
)
from tests.fakes.lane import FakeLane
from tests.fakes.panes import terminals

pytestmark = pytest.mark.contract
DISPLAY = pytest.mark.display
TEXT = "\n".join(f"line {number} with some words" for number in range(1, 9))
"""Long enough that also an editor's first lines leave something to be seen."""

WARNING_PX = 28 if os.geteuid() == 0 else 0  # mousepad warns the superuser in a bar above the text
EDITOR = replace(
    TK,
    name="editor",
    match_class="Mousepad",
    # From below where the tab bar will be; what stands above is seen by the read-back, not by the pixels.
    composer=Composer(box=Box(x=2, y=70 + WARNING_PX, width=600, height=300), background="#ffffff"),
    anchor=Box(x=0, y=0, width=310, height=24),
    submit="ctrl+n",
    busy=StateSigns(box=Box(x=400, y=50 + WARNING_PX, width=200, height=16), colour="#3584e4", share=0.1),
)


@dataclass(slots=True)
class Case:
    """One lane with an agent behind it."""

    lane: LanePort
    agent: str
    heard: Callable[[], list[str]] | None
    """What really arrived; None where nothing is claimed to."""
    kind: Lane = Lane.WINDOW

    def order(self, text: str = TEXT, *, delivery: str = "D1") -> DeliveryRequest:
        return make_order(self.agent, text, delivery=delivery)

    async def deliver(self, commits: Commits, *, rehearses: bool = False, **order: str) -> Outcome:
        """Deliver as the courier does: again after what did not arrive."""
        async with asyncio.timeout(60):
            while True:
                outcome = await self.lane.deliver(replace(self.order(**order), is_dry_run=rehearses), commits)
                if outcome.result not in {Result.BOUNCED, Result.NOT_ARRIVED}:
                    return outcome
                await asyncio.sleep(0.05)  # as dispatch waits before it tries again


def open_editor(display: VirtualDisplay) -> Agent:
    """Mousepad at a place of its choice, and a way to see what was submitted in it."""
    display.start("mousepad", "--disable-server")
    seen = display.window("Mousepad$")
    return Agent(
        name="editor",
        window=Window(name="editor", profile="editor", title="Mousepad$", box=seen.box),
        seen=seen,
        log=Path("/nowhere"),
    )


def filed_away(display: VirtualDisplay) -> list[str]:
    """Return the text of the editor's first tab, if there is a second one."""
    if display.windows.find("Mousepad", "Untitled 1"):
        return []
    clipboard = X11Clipboard(display.name)
    try:
        display.xdotool("key", "ctrl+Page_Up", "ctrl+a", "ctrl+c")
        text = clipboard.read(Selection.CLIPBOARD)
        return [] if text is None else [text]
    finally:
        clipboard.close()


@pytest.fixture(
    params=[
        "fake",
        "dry run",
        "model",
        "acp",
        pytest.param("tk", marks=DISPLAY),
        pytest.param("portable", marks=DISPLAY),
        pytest.param("terminal", marks=DISPLAY),
        pytest.param("editor", marks=DISPLAY),
        "pane",
    ]
)
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Case]:
    async with AsyncExitStack() as stack:
        match request.param:
            case "fake":
                fake = FakeLane()
                yield Case(lane=fake, agent="fake", heard=lambda: fake.submitted)
            case "dry run":
                yield Case(lane=DryRunLane(), agent="nobody", heard=None, kind=Lane.DRYRUN)
            case "model":
                api = await stack.enter_async_context(serve())
                model = Model(base_url=api.base_url, model=MODEL).model_copy(update={"key": SecretStr(api.key)})
                yield Case(lane=ModelLane(model), agent="agent-9", heard=lambda: api.heard, kind=Lane.MODEL)
            case "acp":
                program = scripted(tmp_path, "agent-1")
                acp = await stack.enter_async_context(serving(program, news=TurnNews()))
                yield Case(lane=acp, agent="agent-1", heard=lambda: program.heard, kind=Lane.ACP)
            case "pane":
                there = stack.enter_context(terminals(tmp_path / "panes"))
                there.add("agent-1", "busy=600")
                news = News()
                desk = await stack.enter_async_context(running(there.client(news), news))
                await news.until(lambda: "agent-1" in news.usable)
                yield Case(lane=desk.lane, agent="agent-1", heard=lambda: there.heard("agent-1"))
            case kind:
                display = stack.enter_context(virtual_display(tmp_path / "display"))
                opened = {
                    "portable": lambda: open_tk(display, "agent-1", 10, 10, busy_ms=600_000),
                    "tk": lambda: open_tk(display, "agent-1", 10, 10, busy_ms=600_000),
                    "terminal": lambda: open_term(display, "agent-2", 10, 10, busy_s=600),
                    "editor": lambda: open_editor(display),
                }[kind]()
                news = News()
                worker = PORTABLE if kind == "portable" else WORKER
                client = make_client(display.name, tmp_path, (opened.window,), news, worker=worker, editor=EDITOR)
                desk = await stack.enter_async_context(running(client, news))
                heard = (lambda: filed_away(display)) if kind == "editor" else lambda: opened.heard
                yield Case(lane=desk.lane, agent=opened.name, heard=heard)


async def test_it_asks_for_each_state_in_order_and_claims_no_more_than_it_saw(case: Case) -> None:
    commits = Commits()
    outcome = await case.deliver(commits)
    assert commits.steps[-3:] == ["staging", "staged", "submitting"]
    assert commits.sha256 == case.order().sha256
    if case.heard is None:
        assert (outcome.result, outcome.reason, outcome.assurance) == (Result.SENT, Reason.DRY_RUN, None)
    else:
        assert outcome.result is Result.DELIVERED, outcome
        assert outcome.assurance is not None
        assert case.heard() == [TEXT]
    assert (outcome.answer is not None) == case.kind.abilities.answers_itself


@pytest.mark.parametrize("step", ["staging", "staged", "submitting"])
async def test_a_delivery_taken_away_at_any_step_is_stopped_and_arrives_nowhere(case: Case, step: str) -> None:
    commits = Commits()

    async def lost() -> None:
        raise refused("lease_lost", id="D1", fence=2)

    commits.when[step] = lost
    outcome = await case.deliver(commits)
    assert outcome.result is Result.STOPPED
    assert commits.steps[-1] == step, "nothing is asked for any more"
    assert not case.heard or case.heard() == []


async def test_a_stop_before_enter_ends_it_and_a_stop_of_another_does_not(case: Case) -> None:
    stopped, other = Commits(), Commits()

    async def stop_it() -> None:
        await case.lane.give_up(DeliveryId("D1"))

    stopped.when["staging"] = stop_it
    outcome = await case.deliver(stopped)
    assert outcome.result is Result.STOPPED
    assert "submitting" not in stopped.steps
    assert not case.heard or case.heard() == []

    async def stop_another() -> None:
        await case.lane.give_up(DeliveryId("D9"))

    other.when["staging"] = stop_another
    assert (await case.deliver(other, delivery="D2")).result in {Result.DELIVERED, Result.SENT}
    assert not case.heard or case.heard() == [TEXT]


async def test_a_rehearsal_is_read_back_and_cleared_and_asks_for_no_enter(case: Case) -> None:
    commits = Commits()
    outcome = await case.deliver(commits, rehearses=True, text="A harmless line")
    assert "submitting" not in commits.steps
    if case.heard is None or not case.kind.abilities.has_window:
        assert (outcome.result, commits.steps) == (Result.FAILED, [])
        return
    assert (outcome.result, outcome.draft_left) == (Result.REHEARSED, False), outcome
    assert outcome.evidence is not None
    assert outcome.evidence.readback
    assert commits.steps[-2:] == ["staging", "staged"]
    assert case.heard() == []
    assert (await case.deliver(Commits(), delivery="D2")).result is Result.DELIVERED
    assert case.heard() == [TEXT]


async def test_stopping_what_is_not_under_way_does_nothing(case: Case) -> None:
    await case.lane.give_up(DeliveryId("D7"))
    outcome = await case.deliver(Commits())
    assert outcome.result in {Result.DELIVERED, Result.SENT}
