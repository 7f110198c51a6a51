"""A real coordinator under anything that may happen, in any order; after each step the promises are looked at.

At the end of each story everything that hinders is taken away, and all that people asked for must come to its end.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from ulid import ULID

from core.agent_actions.dialogs import AgentDialogs
from core.agent_actions.model import AgentDialog
from core.agent_actions.service import AgentActions
from core.agent_messages.model import NewAgentMessage
from core.deliveries.message_parts import MessagePart
from core.deliveries.model import Delivery, DeliveryId, Outcome, Reason, Result
from core.deliveries.service import Deliveries
from core.desks.model import DeskState
from core.dispatch.model import Decision
from core.dispatch.outcomes import Outcomes
from core.kit.errors import OctetError
from core.kit.ids import Ids
from core.notices.model import DISCORD
from core.profiles.model import Act
from core.store import engine
from core.store.engine import Tx
from core.supervision.idle_agents import IdleAgents
from core.supervision.screen_locks import ScreenLocks
from core.tasks import quarantine
from core.tasks.attempts import Attempts
from core.tasks.dependencies import Dependencies
from core.tasks.model import AgentTrouble, LeaseRevoked, OnFailure, ProgressTooLate, TaskEnded, TaskId
from core.tasks.repository import TaskRepository
from tests.builders import ADA, make_new_task
from tests.core.any_world import BRIEF, FAULTS, LONG, POLICY, AnyWorld
from tests.core.puppet import OUTCOMES

DAY_S = 24 * 3600
NONE = frozenset[int]()
WINDOWS = st.sampled_from(["left", "right"])
HOW = st.sampled_from(["unknown", *OUTCOMES, "break"])


class AnythingMayHappen(AnyWorld):
    """The moves of everybody in it."""

    @initialize(
        on_agent_timeout=st.sampled_from(["park", "nudge", "release"]),
        pause_ms=st.sampled_from([0, 0, 1_000]),
        desk=st.sampled_from([DeskState.READY, DeskState.READY, DeskState.STARTING]),
        brief=st.sampled_from([BRIEF, LONG]),
    )
    def start(
        self,
        on_agent_timeout: Literal["park", "nudge", "release"],
        pause_ms: int = 0,
        desk: DeskState = DeskState.READY,
        brief: str = BRIEF,
    ) -> None:
        self.desk = desk
        self.policy = replace(
            POLICY,
            settings=POLICY.settings.model_copy(update={"on_agent_timeout": on_agent_timeout}),
            first_pause_ms=pause_ms,
            longest_pause_ms=pause_ms,
        )
        self.runner.run(self._start())
        self.ask(2, "Left", frozenset(), brief)
        self.ask(2, None, frozenset({"python"}))

    @rule(with_right=st.booleans(), was_pressed=st.booleans(), set_by=st.sampled_from([0, 0, -7200, 7200]))
    def restart(self, with_right: bool, was_pressed: bool, set_by: int = 0) -> None:  # noqa: FBT001 - hypothesis draws it
        """Restart Octet. The config may have lost or found an agent; a granted Enter may have been pressed or not."""
        if self.lane.order is not None and not self.lane.is_looking and self.lane.stage == 3 and was_pressed:
            self.lane.press(self.lane.order)
        self.runner.run(self._end())
        self.clock.set_wall(set_by)
        self._configure(with_right=with_right)
        self.runner.run(self._start())

    @rule(with_right=st.booleans(), words=st.lists(st.sampled_from(sorted(OUTCOMES)), min_size=1, max_size=3))
    def reload(self, with_right: bool, words: list[str]) -> None:  # noqa: FBT001 - hypothesis draws it
        """Reload the config while Octet runs, as core/maintenance/reload.py does it."""
        self._configure(with_right=with_right)
        self._try(lambda: self._reload(words))

    @precondition(lambda self: self.tasks < 6)
    @rule(
        priority=st.integers(0, 4),
        agent=st.sampled_from([None, None, "Left", "Right", "Dry"]),
        needs=st.sampled_from([frozenset[str](), frozenset({"python"})]),
        brief=st.sampled_from([BRIEF, LONG]),
        first=st.sets(st.integers(0, 5), max_size=2),
        on_failure=st.sampled_from(OnFailure),
        later_s=st.sampled_from([0, 0, 0, 60]),
    )
    def ask(
        self,
        priority: int,
        agent: str | None,
        needs: frozenset[str],
        brief: str = BRIEF,
        *,
        first: frozenset[int] = NONE,
        on_failure: OnFailure = OnFailure.WAIT,
        later_s: int = 0,
    ) -> None:
        after = frozenset(map(self._pick, first))
        start_ms = self.octet.clock.now_ms() + 1000 * later_s if later_s else None
        draft = make_new_task(
            brief,
            priority=priority,
            agent=agent,
            needs=needs,
            after=after,
            on_failure=on_failure,
            not_before_ms=start_ms,
        )
        self._try(lambda: self.octet.tasks.new(draft, by=ADA))

    @precondition(lambda self: self.tasks < 5)
    @rule(
        verb=st.sampled_from(["best of", "split", "depend", "depend", "part", "pick"]),
        which=st.integers(0, 5),
        other=st.integers(0, 5),
        on_failure=st.sampled_from([*OnFailure, None]),
    )
    def plan(self, verb: str, which: int, other: int, on_failure: OnFailure | None) -> None:
        """Order tasks as a user: what comes first, what is a part of what."""
        tasks, parts, task = self.octet.tasks, self.octet.task_parts, self._pick(which)
        verbs: dict[str, Callable[[], Awaitable[object]]] = {
            "best of": lambda: tasks.new(make_new_task(best_of=2), by=ADA),
            "part": lambda: tasks.new(make_new_task(parent=task), by=ADA),
            "split": lambda: parts.split(task, "one\ntwo", by=ADA),
            "depend": lambda: tasks.depend(task, self._pick(other), on_failure, by=ADA),
            "pick": lambda: parts.pick(task, by=ADA),
        }
        self._try(verbs[verb])

    @rule(
        verb=st.sampled_from(["cancel", "done", "retry", "retry", "assign", "rank", "resolve", "resolve"]),
        which=st.integers(0, 5),
        agent=st.sampled_from(["Left", "Right", "Dry"]),
        decision=st.sampled_from(Decision),
    )
    def person(self, verb: str, which: int, agent: str, decision: Decision) -> None:
        """Decide about a task as a user, who may be wrong about what became of a prompt."""
        tasks, task = self.octet.tasks, self._pick(which)
        verbs: dict[str, Callable[[], Awaitable[object]]] = {
            "cancel": lambda: tasks.cancel(task, by=ADA),
            "done": lambda: tasks.done(task, "Done by hand.", by=ADA),
            "retry": lambda: tasks.retry(task, by=ADA),
            "assign": lambda: tasks.assign_to(task, agent, by=ADA),
            "rank": lambda: tasks.set_priority(task, which % 5, by=ADA),
            "resolve": lambda: self._resolve(task, decision),
        }
        self._try(verbs[verb])

    @precondition(lambda self: len(self.said) < 6)
    @rule(
        agent=st.sampled_from([None, None, "Left", "Left", "Right", "Dry", "all"]),
        which=st.integers(0, 5),
        more=st.sampled_from(["", "", f"\n{LONG}"]),
    )
    def say(self, agent: str | None, which: int, more: str = "") -> None:
        text, words = f"words {len(self.said)}{more}", self.octet.agent_messages
        draft = NewAgentMessage(text=text, agent=agent, task=None if agent else self._pick(which))
        if agent == "all":
            self._say(lambda: words.broadcast(NewAgentMessage(text=text), by=ADA))
        else:
            self._say(lambda: words.send(draft, by=ADA))

    @precondition(lambda self: bool(self.said))
    @rule(may_be_dropped=st.booleans())
    def settle_unknown_words(self, may_be_dropped: bool) -> None:  # noqa: FBT001 - hypothesis draws it
        self._try(lambda: self.octet.store.write(lambda tx: self._settle_words(tx, may_be_dropped=may_be_dropped)))

    @rule(act=st.sampled_from([Act.INTERRUPT, Act.NEW_CHAT]), window=WINDOWS)
    def act(self, act: Act, window: str) -> None:
        agent, controls = window.capitalize(), self.octet.agent_actions
        verb = controls.interrupt if act is Act.INTERRUPT else controls.new_chat
        self._begin(lambda: verb(agent, by=ADA))

    @precondition(lambda self: any(self.worker.dialogs.values()))
    @rule(act=st.sampled_from([Act.APPROVE, Act.DENY]))
    def answer_dialog(self, act: Act) -> None:
        asks = next(window.capitalize() for window, mark in self.worker.dialogs.items() if mark)
        self._begin(lambda: self.octet.agent_actions.answer_agent(asks, act, by=ADA))

    @rule(verb=st.sampled_from(["pause", "drain", "resume", "resume"]), agent=st.sampled_from(["Left", "Right", "Dry"]))
    def duty(self, verb: str, agent: str) -> None:
        self._try(lambda: getattr(self.octet.availability, verb)(agent, by=ADA))

    @precondition(lambda self: bool(self.lane.codes))
    @rule(
        which=st.integers(0, 5),
        verb=st.sampled_from(["done", "reply", "progress", "blocked", "failed"]),
        key=st.sampled_from("abc"),
    )
    def agent_says(self, which: int, verb: str, key: str) -> None:
        (task, code), tasks = list(self.lane.codes.items())[which % len(self.lane.codes)], self.octet.tasks
        trouble = AgentTrouble(verb) if verb in {"blocked", "failed"} else None
        if verb == "progress":
            self._try(lambda: tasks.record_progress(task, code, "tests are running"))
        else:
            self._try(lambda: tasks.accept_answer(task, code, "Seven.", final=verb == "done", key=key, trouble=trouble))

    @precondition(lambda self: bool(self.lane.older))
    @rule(which=st.integers(0, 5), verb=st.sampled_from(["done", "reply", "progress"]))
    def an_earlier_agent_speaks(self, which: int, verb: str) -> None:
        task, code = self.lane.older[which % len(self.lane.older)]

        async def speak() -> None:
            before = (await self.octet.tasks.show(TaskId(task), by=ADA)).task
            if verb == "progress":
                said = self.octet.tasks.record_progress(task, code, "tests are running")
            else:
                said = self.octet.tasks.accept_answer(task, code, "Seven.", final=verb == "done", key="z")
            with pytest.raises((LeaseRevoked, TaskEnded, ProgressTooLate)):
                await said
            assert (await self.octet.tasks.show(TaskId(task), by=ADA)).task == before

        self._try(speak)

    @rule(told=st.booleans())
    def notice(self, told: bool) -> None:  # noqa: FBT001 - hypothesis draws it
        """Post the oldest notice that is due, or meet a 500."""

        async def tell() -> None:
            for one in await self.octet.notices.on(DISCORD).due(1):
                if told:
                    await self.octet.notices.on(DISCORD).posted(one.id, channel="1", message="2", revision=one.revision)
                else:
                    await self.octet.notices.on(DISCORD).again(one.id, error="500", after_s=10)

        self._try(tell)

    @rule(
        seconds=st.sampled_from([0, 1, 29, 31, 1800, 3601]),
        set_by=st.sampled_from([0, 0, 0, -3 * DAY_S, -7200, -5, 5, 7200, 3 * DAY_S]),
    )
    def time_passes(self, seconds: int, set_by: int = 0) -> None:
        """And the clock is set; or, where it goes ahead, the machine is suspended."""
        self.clock.advance(seconds)
        self.clock.set_wall(set_by)
        self._try(self._wakes)

    @precondition(lambda self: self.lane.order is not None)
    @rule(words=st.lists(st.sampled_from(["on", "on", "on", *OUTCOMES, "lost", "break"]), min_size=1, max_size=4))
    def lane_goes_on(self, words: list[str]) -> None:
        for word in words:
            if self.lane.order is not None:
                self.lane.go(word)
                self._try(None)

    # Three times, so that what is under way comes to its end between the other moves.

    @precondition(lambda self: self.lane.order is not None)
    @rule()
    def lane_arrives(self) -> None:
        self.lane_ends(3, "arrived")

    @precondition(lambda self: self.lane.order is not None)
    @rule(steps=st.sampled_from([0, 3]), how=HOW)
    def lane_ends(self, steps: int, how: str) -> None:
        self.lane.go(*["on"] * steps, how)
        self._try(None)

    @precondition(lambda self: self.lane.order is not None)
    @rule(how=HOW)
    def lane_ends_after_enter(self, how: str) -> None:
        self.lane_ends(3, how)

    @rule(what=st.sampled_from(["ready", "ready", "away", "starts", "hold", "release", "stop", "types", "quiet"]))
    def desk_becomes(self, what: str) -> None:
        states = {"ready": DeskState.READY, "away": DeskState.UNAVAILABLE, "starts": DeskState.STARTING}
        if what in states:
            self._try(lambda: self._desk_becomes(states[what]))
        elif what in {"types", "quiet"}:
            why = Reason.PERSON_TYPING if what == "types" else None
            self._try(lambda: self.octet.dispatch.desk_waits("main", why))
        else:
            self._try(lambda: getattr(self.octet.desks, what)("main", by=ADA))

    @rule(
        what=st.sampled_from(
            ["usable", "usable", "asks", "asks", "asks no more", "works", "rests", "locked", "unlocked"]
        ),
        window=WINDOWS,
    )
    def window_becomes(self, what: str, window: str) -> None:
        if what == "usable":
            self._try(lambda: self.octet.dispatch.window_usable("main", window))
        elif what.startswith("asks"):
            self._try(lambda: self._dialog(window, asks=what == "asks"))
        elif what in {"works", "rests"}:
            self._try(lambda: self._works(window) if what == "works" else self._dialog(window, asks=False))
        else:
            self._try(lambda: self._screen(is_locked=what == "locked"))

    @rule(first=st.sampled_from(FAULTS), second=st.sampled_from(FAULTS), window=WINDOWS, times=st.integers(1, 3))
    def two_faults(self, first: str, second: str, window: str, times: int) -> None:
        """Begin the second fault before anything has come to rest after the first."""

        async def both() -> None:
            for fault in (first, second):
                with contextlib.suppress(OctetError):
                    await self._fault(fault, window, times)

        self._try(both)
        if "killed" in {first, second}:
            self.restart(with_right=True, was_pressed=times > 1)


AnythingMayHappen.TestCase.settings = settings(
    max_examples=max(6, settings().max_examples // 5),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestAnythingMayHappen = pytest.mark.timeout(600)(AnythingMayHappen.TestCase)  # hundreds of moves


def _lost_is_not_arrived(self: Outcomes, tx: Tx, delivery: Delivery, outcome: Outcome) -> None:
    is_lost = outcome.result is Result.UNKNOWN
    _ACT_OUTCOME(self, tx, delivery, replace(outcome, result=Result.NOT_ARRIVED) if is_lost else outcome)


def _press_is_kept(self: AgentDialogs, tx: Tx, now: AgentDialog, press: DeliveryId | None) -> None:
    if press is not None:
        _SET_PRESS(self, tx, now, press)


_ACT_OUTCOME, _SET_PRESS = Outcomes._act_outcome, AgentDialogs.set_press
Story = Callable[[AnythingMayHappen], object]
BUGS: dict[str, tuple[object, str, object, Story]] = {
    "an id may sort before an earlier one": (
        Ids,
        "ulid",
        lambda self: str(ULID.from_int(self._clock.now_ms() << 80 | secrets.randbits(80))),
        lambda play: [play.say("Left", 0), play.time_passes(0, -7200), play.say("Left", 0)],
    ),
    "stored times are not shifted": (
        Deliveries,
        "shift",
        lambda *_: None,
        lambda play: [play.say("Left", 0), play.time_passes(0, -7200)],
    ),
    "an act has no end": (
        AgentActions,
        "is_expired",
        lambda *_: False,
        lambda play: [play.act(Act.INTERRUPT, "left"), play.time_passes(31), play.lane_ends(3, "arrived")],
    ),
    "an act that a restart interrupted has no end": (
        AgentActions,
        "recover_after_restart",
        lambda *_: None,
        lambda play: [
            play.act(Act.INTERRUPT, "left"),
            play.lane_ends(0, "bounced"),
            play.lane_goes_on(["on"]),
            play.restart(with_right=True, was_pressed=True),
        ],
    ),
    "a part is left out": (
        MessagePart,
        "next",
        lambda self: MessagePart(number=self.number + 2, cuts=self.cuts),
        lambda play: [play.lane_arrives() for _ in range(3)],
    ),
    "an act is begun again after it was lost": (
        Outcomes,
        "_act_outcome",
        _lost_is_not_arrived,
        lambda play: [
            play.act(Act.INTERRUPT, "left"),
            play.lane_ends(0, "bounced"),
            *[play.lane_ends(1, "lost after the key") for _ in range(2)],
        ],
    ),
    "an act that ended without a press keeps its dialog": (
        AgentDialogs,
        "set_press",
        _press_is_kept,
        lambda play: [
            play.window_becomes("asks", "left"),
            play.answer_dialog(Act.APPROVE),
            play.lane_ends(0, "bounced"),
            play.lane_ends(0, "stopped"),
        ],
    ),
    "nobody is told of a dialog": (
        AgentDialogs,
        "update_window",
        lambda *_: None,
        lambda play: play.window_becomes("asks", "left"),
    ),
    "a busy window does not take back that its agent looks idle": (
        IdleAgents,
        "take_back",
        lambda *_: None,
        lambda play: [
            play.lane_arrives(),
            play.lane_arrives(),
            play.lane_arrives(),
            play.time_passes(31),
            *[play.window_becomes("works", one) for one in ("left", "right")],
        ],
    ),
    "a lock is never over": (
        ScreenLocks,
        "_end",
        lambda *_: None,
        lambda play: [
            play.desk_becomes("away"),
            *[play.window_becomes(what, "left") for what in ("locked", "unlocked")],
        ],
    ),
    "a task begins before the one that it needs": (
        Dependencies,
        "why_held",
        lambda *_, **__: None,
        lambda play: play.ask(2, "Dry", frozenset(), first=frozenset({0})),
    ),
    "the end of a task starts nothing": (
        TaskRepository,
        "_follow_dependants",
        lambda *_: None,
        lambda play: [
            play.ask(2, "Dry", frozenset(), first=frozenset({0})),
            play.person("cancel", 0, "Left", Decision.DROP),
        ],
    ),
    "a circle is closed": (
        Dependencies,
        "check_circle",
        lambda *_: None,
        lambda play: [
            *[play.ask(2, "Left", frozenset()) for _ in range(2)],
            play.promises_hold(),
            play.plan("depend", 2, 3, OnFailure.WAIT),
            play.plan("depend", 3, 2, OnFailure.WAIT),
        ],
    ),
    "an attempt has no end": (
        Attempts,
        "follow",
        lambda *_, **__: None,
        lambda play: play.person("cancel", 0, "Left", Decision.DROP),
    ),
    "a task waits for ever for a window that came back": (
        Outcomes,
        "window_is_back",
        lambda *_: None,
        lambda play: play.lane_ends(0, "refused"),
    ),
}
"""What Octet would do if it forgot a rule, and a story in which that shows."""


@pytest.mark.parametrize("bug", BUGS)
def test_a_forgotten_rule_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    room, name, forgotten, story = BUGS[bug]
    _tell(story)
    monkeypatch.setattr(room, name, forgotten)
    with pytest.raises((AssertionError, ExceptionGroup)):  # they differ, or Octet itself trips over it
        _tell(story)


def _tell(story: Story) -> None:
    play = AnythingMayHappen()
    try:
        play.start("park", brief=LONG)
        story(play)
        play.promises_hold()
    finally:
        play.teardown()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask a store that refuses again at once."""
    monkeypatch.setattr(quarantine, "STORE_PAUSE_S", 0)
    monkeypatch.setattr(engine, "_PROBE_S", 0)
