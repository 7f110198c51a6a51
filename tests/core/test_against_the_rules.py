"""Whatever happens in whatever order: the real rooms and their rules say the same. Each rule, forgotten, is found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings

from core.agents.model import AgentState
from core.agents.service import Agents
from core.deliveries.model import DeliveryState
from core.deliveries.service import Deliveries
from core.dispatch import outcomes
from core.dispatch.assigner import Assigner
from core.dispatch.model import Decision
from core.dispatch.outcomes import Outcomes
from core.dispatch.unknown_deliveries import UnknownDeliveries
from core.kit.errors import OctetError
from core.retry_policy import RetryPolicy
from core.tasks.answers import Answers
from core.tasks.dependencies import Dependencies
from core.tasks.model import OnFailure
from core.tasks.queue import TaskQueue
from core.tasks.repository import TaskRepository
from core.tasks.service import Tasks
from tests.builders import make_agent, open_coordinator
from tests.core.both_worlds import BothWorlds
from tests.core.rules import BOUNCES, REFUSALS


@pytest.fixture(autouse=True, scope="module")
def _made_before(tmp_path_factory: pytest.TempPathFactory) -> None:
    BothWorlds.empty = tmp_path_factory.mktemp("empty")

    async def make() -> None:
        async with open_coordinator(BothWorlds.empty, agents=[make_agent("Nobody")], lanes={}):
            pass

    asyncio.run(make())


QUIET = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], stateful_step_count=30
)
BothWorlds.TestCase.settings = QUIET
TestAgainstTheRules = pytest.mark.timeout(600)(BothWorlds.TestCase)  # thousands of moves


W, S = OnFailure.WAIT, OnFailure.START
Bug = Callable[[pytest.MonkeyPatch], None]
Story = Callable[[BothWorlds], object]


def _sent_again_is_brought(patch: pytest.MonkeyPatch) -> None:
    resolve = UnknownDeliveries.resolve
    patch.setattr(
        UnknownDeliveries, "resolve", lambda self, what, _, **more: resolve(self, what, Decision.ARRIVED, **more)
    )


def _without(owner: object, verb: str, gives: object = None) -> Bug:
    """Make the verb do nothing."""
    return lambda patch: patch.setattr(owner, verb, lambda *_, **__: gives)


def _old_holder_goes_on(patch: pytest.MonkeyPatch) -> None:
    right = Deliveries.proceed
    patch.setattr(
        Deliveries,
        "proceed",
        lambda self, tx, delivery, _fence, to, **more: right(
            self, tx, delivery, self.find(tx, delivery).fence, to, **more
        ),
    )


def _old_holder_is_believed(patch: pytest.MonkeyPatch) -> None:
    right = Outcomes.apply_outcome
    patch.setattr(
        Outcomes,
        "apply_outcome",
        lambda self, tx, delivery, _fence, outcome: right(
            self, tx, delivery, self._deliveries.find(tx, delivery).fence, outcome
        ),
    )


def _the_newest_first(patch: pytest.MonkeyPatch) -> None:
    right = TaskQueue.find_ready
    patch.setattr(
        TaskQueue,
        "find_ready",
        lambda self, tx, demands, *, limit, **more: right(self, tx, demands, limit=limit + 50, **more)[::-1],
    )


def _a_refused_window_is_free(patch: pytest.MonkeyPatch) -> None:
    right = Agents.move
    patch.setattr(
        Agents,
        "move",
        lambda self, tx, name, to, **more: right(
            self, tx, name, AgentState.IDLE if to is AgentState.OFFLINE else to, **more
        ),
    )


def _any_code_of_the_task(patch: pytest.MonkeyPatch) -> None:
    right = Answers._late_reason
    patch.setattr(
        Answers,
        "_late_reason",
        lambda self, tx, found, named, holder: right(self, tx, found, named, replace(holder, fence=found.fence)),
    )


def _the_same_fence_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Deliveries, "lease_again", Deliveries.find)


def _sent_again_is_new(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        Deliveries, "requeue", lambda self, tx, delivery, *, by: self.step(tx, delivery, DeliveryState.QUEUED, by=by)
    )


BUGS: dict[str, tuple[Bug, Story]] = {
    "an old holder goes on": (
        _old_holder_goes_on,
        lambda play: [play.ask(None, 2), play.deliver("Left", 1), play.restart(1), play.old_holder_asks(0)],
    ),
    "an old holder's outcome counts": (
        _old_holder_is_believed,
        lambda play: [play.ask(None, 2), play.deliver("Left", 1), play.restart(0), play.old_holder_says(0, "failed")],
    ),
    "what was not committed is tried again": (
        lambda patch: patch.setattr(outcomes, "_corrected", lambda _, outcome: outcome),
        lambda play: [play.ask(None, 2), play.deliver("Left", 3, "stopped")],
    ),
    "nothing is put back after a restart": (
        _without(Deliveries, "put_back_after_restart", ([], [])),
        lambda play: [play.ask(None, 2), play.deliver("Left", 1), play.restart(None)],
    ),
    "an interrupted Enter is forgotten": (
        _without(Deliveries, "find_interrupted", []),
        lambda play: [play.ask(None, 2), play.deliver("Left", 3, "lost"), play.deliver("Left", 0)],
    ),
    "whoever looks has the old lease": (
        _the_same_fence_again,
        lambda play: [play.ask(None, 2), play.deliver("Left", 3, "lost"), play.deliver("Left", 0)],
    ),
    "an unknown delivery does not hold its agent": (
        _without(Outcomes, "mark_unknown"),
        lambda play: [play.ask(None, 2), play.deliver("Left", 3, "unknown")],
    ),
    "what a person says holds its agent all the same": (
        _without(Agents, "is_at_work"),
        lambda play: [play.ask(None, 2), play.deliver("Left", 3, "unknown"), play.decide(0, Decision.ARRIVED)],
    ),
    "what shall be sent again counts as brought": (
        _sent_again_is_brought,
        lambda play: [play.ask(None, 2), play.deliver("Left", 3, "unknown"), play.decide(0, Decision.SEND_AGAIN)],
    ),
    "an answer before it is sent again comes too early": (
        _sent_again_is_new,
        lambda play: [
            play.ask(None, 2),
            play.deliver("Left", 3, "unknown"),
            play.decide(0, Decision.SEND_AGAIN),
            play.answer(0, final=False),
        ],
    ),
    "an answer after it could not be sent again comes too early": (
        _without(Answers, "_may_have_arrived_before", gives=False),
        lambda play: [
            play.ask("Left", 2),
            play.deliver("Left", 3, "unknown"),
            play.decide(0, Decision.SEND_AGAIN),
            play.deliver("Left", 0, "refused"),
            play.answer(0, final=True),
        ],
    ),
    "what is dropped goes on": (
        _without(TaskRepository, "abandon"),
        lambda play: [play.ask(None, 2), play.deliver("Left", 3, "unknown"), play.decide(0, Decision.DROP)],
    ),
    "a bounce is never the last": (
        _without(RetryPolicy, "is_exhausted", gives=False),
        lambda play: [play.ask("Left", 2), *(play.deliver("Left", 0, "bounced") for _ in range(BOUNCES))],
    ),
    "refusals are not counted": (
        _without(Deliveries, "count_rejections", 0),
        lambda play: [
            play.ask("Left", 2),
            *((play.deliver("Left", 0, "refused"), play.window_is_usable("Left")) for _ in range(REFUSALS)),
        ],
    ),
    "a refused window gets the next task": (
        _a_refused_window_is_free,
        lambda play: [play.ask("Left", 2), play.deliver("Left", 0, "refused")],
    ),
    "an answer settles nothing": (
        _without(Answers, "_prove_delivery"),
        lambda play: [play.ask(None, 2), play.deliver("Left", 3), play.answer(0, final=False)],
    ),
    "any code of a task ends it": (
        _any_code_of_the_task,
        lambda play: [
            play.ask("Left", 2),
            play.deliver("Left", 0, "failed"),
            play.person("retry", 0),
            play.deliver("Left", 3),
            play.answer(1, final=True),
        ],
    ),
    "an ended task is still brought": (
        _without(Tasks, "_cancel_delivery"),
        lambda play: [play.ask(None, 2), play.person("cancel", 0)],
    ),
    "an end frees nobody": (
        _without(TaskRepository, "_free_agent"),
        lambda play: [play.ask(None, 2), play.deliver("Left", 3, "delivered"), play.answer(0, final=True)],
    ),
    "what may have arrived is brought again": (
        _without(Tasks, "_check_delivery_resolved"),
        lambda play: [play.ask(None, 2), play.deliver("Left", 3, "unknown"), play.person("retry", 0)],
    ),
    "the newest task goes first": (
        _the_newest_first,
        lambda play: [*(play.ask("Left", 2) for _ in range(3)), play.person("cancel", 0)],
    ),
    "a window that came back wakes nobody": (
        _without(Assigner, "_find_resumable", []),
        lambda play: [play.ask("Left", 2), play.deliver("Left", 0, "refused"), play.window_is_usable("Left")],
    ),
    "nobody says why a task stands": (
        _without(Assigner, "_wait_for_agent"),
        lambda play: [play.ask("Left", 2), play.deliver("Left", 0, "refused"), play.ask("Left", 2)],
    ),
    "silence is not noticed": (
        _without(TaskRepository, "list_stalled", []),
        lambda play: [play.ask(None, 2), play.deliver("Left", 3, "delivered"), play.nobody_gives_a_sign()],
    ),
    "a silent agent gets another task": (
        _without(Agents, "is_silent"),
        lambda play: [play.ask(None, 2), play.deliver("Left", 3, "delivered"), play.nobody_gives_a_sign()],
    ),
    "an agent that speaks again is still silent": (
        _without(Agents, "is_at_work"),
        lambda play: [
            play.ask(None, 2),
            play.deliver("Left", 3, "delivered"),
            play.nobody_gives_a_sign(),
            play.progress(0),
        ],
    ),
    "a task begins before the one that it needs": (
        _without(Dependencies, "why_held"),
        lambda play: [play.ask("Left", 2), play.ask("Right", 2, frozenset({0}))],
    ),
    "a circle is closed": (
        _without(Dependencies, "check_circle"),
        lambda play: [*(play.ask(None, 2) for _ in range(4)), play.depend(0, 3, W), play.depend(1, 2, W)],
    ),
    "the end of a task starts nothing": (
        _without(TaskRepository, "_follow_dependants"),
        lambda play: [play.ask("Left", 2), play.ask("Right", 2, frozenset({0}), S), play.person("cancel", 0)],
    ),
    "a parent is brought to an agent": (
        lambda patch: patch.setattr(TaskRepository, "finish", lambda _self, _tx, parent, **_: parent),
        lambda play: [
            *(play.ask("Left", 2) for _ in range(2)),
            play.split(0, 1),
            play.person("cancel", 2),
            play.depend(0, 2, None),
            play.split(0, 1),
            play.deliver("Left", 3, "delivered"),
            play.answer(0, final=True),
            play.deliver("Left", 3, "delivered"),
            play.answer(0, final=True),
        ],
    ),
    "a follow-up that is cancelled takes the answer away": (
        lambda patch: patch.setattr(TaskRepository, "_keep_answer", lambda _self, _tx, task, **_: task),
        lambda play: [
            play.ask("Left", 2),
            play.deliver("Left", 3, "delivered"),
            play.answer(0, final=True),
            play.follow_up(0),
            play.person("cancel", 0),
        ],
    ),
    "a task that is taken back keeps its lease": (
        _without(TaskRepository, "_revoke_lease"),
        lambda play: [play.ask("Left", 2), play.deliver("Left", 0, "failed"), play.person("retry", 0)],
    ),
}
"""One for each rule: what the rooms would do if it were forgotten, and a story in which that shows."""


@pytest.mark.parametrize("bug", BUGS)
def test_a_forgotten_rule_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    forget, story = BUGS[bug]
    _tell(story)
    forget(monkeypatch)
    with pytest.raises((AssertionError, OctetError)):  # they differ, or the rooms themselves trip over it
        _tell(story)


def _tell(story: Story) -> None:
    play = BothWorlds()
    try:
        play.start()
        story(play)
    finally:
        play.teardown()
