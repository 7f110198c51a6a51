"""The rules of tasks, deliveries and leases on a few pages: what the real rooms are held against.

Two agents, each with a desk of its own. No database, no texts, no clock: a rule that needs them is a rule too many.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

BOUNCES, REFUSALS, DEATHS = 3, 2, 2
BEFORE_ENTER = ("leased", "staging", "staged")
UNDER_WAY = (*BEFORE_ENTER, "submitting")
STEPS = {"leased": "staging", "staging": "staged", "staged": "submitting", "submitting": "submitting"}
BEFORE_IT_WAS_ASKED_FOR = {"unknown": "bounced", "lost": "bounced", "not_arrived": "bounced", "delivered": "failed"}
ENDED = ("done", "cancelled", "failed")
FOR_OTHERS = ("dependency", "dependency_failed", "pick")
OUT_OF_REACH = ("offline", "held", "unknown")


class No(Exception):
    """The rules do not allow it."""


@dataclass(slots=True)
class Delivery:
    agent: str
    state: str = "queued"
    fence: int = 0
    bounces: int = 0
    deaths: int = 0
    is_doubtful: bool = False


@dataclass(slots=True, eq=False)
class Task:
    wanted: str | None
    priority: int
    state: str = "ready"
    reason: str | None = None
    agent: str | None = None
    attempt: int = 1
    lease: int = 0
    refusals: int = 0
    deliveries: list[Delivery] = field(default_factory=list[Delivery])
    after: dict[int, str] = field(default_factory=dict[int, str])  # places of the tasks that it needs, and what if not
    parts: str = ""
    parent: int | None = None
    was_over: bool = False
    is_continued: bool = False  # after it was done: those that use its result keep that

    @property
    def open(self) -> Delivery | None:
        """The delivery that still has something before it."""
        last = self.deliveries[-1] if self.deliveries else None
        return last if last and last.state in {"queued", *UNDER_WAY, "unknown"} else None

    @property
    def is_asked(self) -> bool:
        """Whether an agent may have the prompt."""
        may_have_it = bool(self.open and (self.open.is_doubtful or self.open.state in {"submitting", "unknown"}))
        return may_have_it or self.state == "working" or self.reason == "silent"

    @property
    def may_be_there(self) -> bool:
        """Whether somebody may have the prompt of old, though sending it again came to nothing."""
        last = self.deliveries[-1] if self.deliveries else None
        return last is not None and last.is_doubtful and last.state != "cancelled"

    def to(self, state: str, reason: str | None = None) -> None:
        self.state, self.reason = state, reason

    @property
    def has_not_begun(self) -> bool:
        return self.state in {"ready", "waiting"} and not self.is_continued

    @property
    def result(self) -> str:
        return "done" if self.is_continued else self.state

    def can(self, agent: str) -> bool:
        return self.wanted in {None, agent}


@dataclass(slots=True)
class Agent:
    state: str = "idle"
    task: Task | None = None

    def to(self, state: str, task: Task | None = None) -> None:
        self.state, self.task = state, task


class Rules:
    """What may happen, one verb each. A verb that is not allowed raises No and changes nothing."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.agents = {"Left": Agent(), "Right": Agent()}
        self.came_back: set[str] = set()

    def ask(
        self, wanted: str | None, priority: int, after: dict[int, str] | None = None, *, parent: int | None = None
    ) -> Task:
        self.tasks.append(task := Task(wanted, priority, after=after or {}, parent=parent))
        if not self._cancel_after(task, task.after):
            self.hold(task)
        return task

    def _cancel_after(self, task: Task, places: Iterable[int]) -> bool:
        """Cancel a task that must not outlive one of these, which has failed already."""
        ends = any(
            task.after[place] == "cancel" and self.tasks[place].state in {"cancelled", "failed"} for place in places
        )
        if ends and task.has_not_begun:
            task.to("cancelled")
        return ends

    def ask_best_of(self, priority: int) -> None:
        above = self.ask(None, priority)
        order = ("idle", "busy")  # the others come last
        known = [
            (order.index(one.state) if one.state in order else len(order), name) for name, one in self.agents.items()
        ]
        self._add_parts(above, "best_of", [name for _, name in sorted(known, key=lambda one: one[0])])

    def split(self, task: Task, parts: int) -> None:
        if not task.has_not_begun or task.parts == "best_of":
            raise No
        self._add_parts(task, "split", [task.wanted] * parts)

    def _add_parts(self, above: Task, kind: str, wanted: list[str | None] | list[str]) -> None:
        place, above.parts = self.tasks.index(above), kind
        for one in wanted:
            self.ask(one, above.priority, parent=place)
            above.after[len(self.tasks) - 1] = "start" if kind == "best_of" else "wait"
        self.hold_again(above)

    def depend(self, task: Task, needs: Task, policy: str | None) -> None:
        """Put a task before another, or away from there. No circle may come of it."""
        if not task.has_not_begun or (policy is not None and self.needs(needs, task)):
            raise No
        place = self.tasks.index(needs)
        if policy is None:
            task.after.pop(place, None)
            if needs.parent == self.tasks.index(task):
                needs.parent = None
                if not any(one.parent == self.tasks.index(task) for one in self.tasks):
                    task.parts = ""
        else:
            task.after[place] = policy
            if self._cancel_after(task, [place]):
                return
        self.hold_again(task)

    def needs(self, task: Task, other: Task) -> bool:
        return task is other or any(self.needs(self.tasks[place], other) for place in task.after)

    def pick(self, part: Task) -> None:
        above = self.tasks[part.parent] if part.parent is not None else None
        if above is None or above.parts != "best_of" or above.state in ENDED or part.result != "done":
            raise No
        above.to("done")

    def why_held(self, task: Task) -> str | None:
        """Return what users ordered before it and has not come to pass."""
        needed = [(self.tasks[place].result, policy) for place, policy in task.after.items()]
        if any(state in ENDED and state != "done" and policy != "start" for state, policy in needed):
            return "dependency_failed"
        if any(state not in ENDED for state, _ in needed):
            return "dependency"
        if task.parts == "best_of":
            place = self.tasks.index(task)
            is_any_done = any(one.result == "done" for one in self.tasks if one.parent == place)
            return "pick" if is_any_done else "dependency_failed"
        return None

    def hold(self, task: Task) -> None:
        """Make a ready task wait for what comes first, or end a parent whose parts are all done."""
        if task.is_continued:
            return
        if why := self.why_held(task):
            task.to("waiting", why)
        elif task.parts == "split":
            task.to("done")

    def hold_again(self, task: Task) -> None:
        why = self.why_held(task)
        if (
            task.has_not_begun
            and task.state == "waiting"
            and (why != task.reason if task.reason in FOR_OTHERS else why is not None)
        ):
            task.to("ready")
        if task.state == "ready":
            self.hold(task)

    def follow(self) -> None:
        """Tell those that need it when a task ends, or comes back."""
        while turned := next((one for one in self.tasks if (one.result in ENDED) != one.was_over), None):
            turned.was_over = turned.result in ENDED
            for other in self.tasks:
                policy = other.after.get(self.tasks.index(turned))
                if policy is None or not other.has_not_begun:
                    continue
                if turned.was_over and turned.result != "done" and policy == "cancel":
                    other.to("cancelled")
                else:
                    self.hold_again(other)

    def dispatch(self) -> None:
        """Move what may move, give work to free agents, and say why the rest waits."""
        away = {name for name, agent in self.agents.items() if agent.state in OUT_OF_REACH}
        for task in self.tasks:
            if task.state != "waiting" or task.reason in FOR_OTHERS:
                continue
            if any(task.can(name) for name in self.agents.keys() - away):
                task.to("ready")
                self.hold(task)
        for task in sorted((t for t in self.tasks if t.state == "ready"), key=lambda task: task.priority):
            able = [name for name in self.agents if task.can(name)]
            if free := [name for name in able if self.agents[name].state == "idle"]:
                task.to("assigned")
                task.agent, task.lease = free[0], task.lease + 1
                task.deliveries.append(Delivery(free[0]))
                self.agents[free[0]].to("busy", task)
            elif away.issuperset(able):
                is_held = any(self.agents[name].state in {"held", "unknown"} for name in able)
                task.to("waiting", "hold" if is_held else "window")

    def take(self, name: str) -> tuple[Task, Delivery] | None:
        """Find out first what became of an interrupted Enter where a desk has nothing under way: that never leaves
        `submitting` by a lease. Then comes what is queued."""
        mine = [(task, task.open) for task in self.tasks if task.open and task.open.agent == name]
        for task, delivery in mine:
            if delivery.state == "submitting" and task.state in ENDED:
                delivery.state = "cancelled"
        for wanted in ("submitting", "queued"):
            for task, delivery in sorted(mine, key=lambda one: one[0].priority):
                if delivery.state == wanted:
                    delivery.state = "submitting" if wanted == "submitting" else "leased"
                    delivery.fence += 1
                    task.to("delivering")
                    self.came_back.discard(name)
                    return task, delivery
        return None

    def step(self, task: Task, delivery: Delivery, fence: int, to: str) -> None:
        """Take the holder's own step; Enter is not granted again after the task has ended."""
        if delivery.fence != fence or STEPS.get(delivery.state) != to:
            raise No
        if delivery.state == "submitting" and task.state in ENDED:
            raise No
        delivery.state = to

    def outcome(self, task: Task, delivery: Delivery, fence: int, seen: str) -> None:
        """Apply what was seen; then the window came back before it was written down."""
        self._weigh(task, delivery, fence, seen)
        if delivery.agent in self.came_back:
            self.usable(delivery.agent)

    def _weigh(self, task: Task, delivery: Delivery, fence: int, seen: str) -> None:
        """Weigh what a lane saw: it counts for the holder of the lease only, and never against what was granted."""
        if delivery.fence != fence or delivery.state not in UNDER_WAY:
            return
        died = delivery.state != "submitting" and seen == "lost"
        if delivery.state == "submitting":
            seen = seen if seen in {"delivered", "not_arrived", "lost"} else "unknown"
        else:
            seen = BEFORE_IT_WAS_ASKED_FOR.get(seen, seen)
        if task.state in ENDED:
            delivery.state = "delivered" if seen == "delivered" else "cancelled"
        elif seen == "delivered":
            delivery.state = "delivered"
            task.to("working")
        elif died and delivery.deaths + 1 >= DEATHS:
            self._refuse(task, delivery, is_poison=True)
        elif seen in {"bounced", "not_arrived"} and delivery.bounces + 1 < BOUNCES:
            delivery.state, delivery.bounces = "queued", delivery.bounces + 1
            delivery.deaths = delivery.deaths + 1 if died else 0
        elif seen == "lost":
            return  # the row stays: somebody has to look what became of it
        elif seen == "stopped":
            delivery.state = "queued"
        elif seen == "failed":
            delivery.state = "failed"
            self._end(task, "failed")
        elif seen == "unknown":
            delivery.state = "unknown"
            task.to("parked", "delivery_unknown")
            self.agents[delivery.agent].to("held", task)
        else:
            self._refuse(task, delivery)

    def usable(self, name: str) -> None:
        """Make this agent's window usable again."""
        self.came_back.add(name)
        if self.agents[name].state == "offline":
            self.agents[name].to("idle")

    def answer(self, task: Task, lease: int, *, final: bool) -> None:
        """Words with the code of the present lease prove that the prompt arrived, and that its agent is there."""
        if task.state in ENDED or lease != task.lease or not (task.is_asked or (final and task.may_be_there)):
            raise No
        if task.open:  # one that is being sent again is not needed any more
            task.open.state = "delivered" if task.open.state in {"submitting", "unknown"} else "cancelled"
        for agent in self.agents.values():
            if agent.task is task:
                agent.to("busy", task)
        task.to("working")
        if final:
            self._end(task, "done")

    def done(self, task: Task) -> None:
        if task.state in ENDED or not task.is_asked:
            raise No
        self._give_up(task)
        self._end(task, "done")

    def cancel(self, task: Task) -> None:
        if task.state in ENDED:
            raise No
        self._give_up(task)
        self._end(task, "cancelled")

    def retry(self, task: Task) -> None:
        if task.state == "done":
            self.ask(task.wanted, task.priority)
            return
        if task.state not in {"failed", "parked", "cancelled"} or task.open:
            raise No
        task.attempt += task.state != "parked"
        self._take_back(task)

    def follow_up(self, task: Task) -> None:
        """Let the agent of a task that is done continue it; the first answer is the result until there is another."""
        if task.state != "done" or task.parts or task.open or not (task.agent or task.wanted):
            raise No
        task.wanted, task.is_continued = task.agent or task.wanted, True
        task.attempt, task.lease = task.attempt + 1, task.lease + 1
        task.to("ready")

    def assign_to(self, task: Task, name: str) -> None:
        if task.state not in {"ready", "waiting", "parked"} or task.open or task.parts:
            raise No
        task.wanted = name
        self._take_back(task)

    def decide(self, task: Task, decision: str) -> None:
        """Say as a user whether an unseen delivery arrived; the lease and its code stay valid."""
        delivery = task.open
        if delivery is None or delivery.state != "unknown":
            raise No
        if decision == "drop":
            delivery.state = "cancelled"
            self._end(task, "cancelled")
            return
        is_there = decision == "arrived"
        delivery.state = "delivered" if is_there else "queued"
        delivery.is_doubtful = not is_there
        task.to("working" if is_there else "assigned")
        self.agents[delivery.agent].to("busy", task)

    def silence(self) -> None:
        """Nobody at work gives a sign for too long: each keeps its task, and people look."""
        for agent in self.agents.values():
            if agent.task and agent.task.state == "working":
                agent.task.to("parked", "silent")
                agent.to("unknown", agent.task)

    def restart(self) -> None:
        """Enter was not pressed before `submitting`; what is found there stays, until somebody has looked."""
        for task in self.tasks:
            if task.open and task.open.state in BEFORE_ENTER:
                task.open.state = "queued"

    def _refuse(self, task: Task, delivery: Delivery, *, is_poison: bool = False) -> None:
        delivery.fence += delivery.state == "submitting"  # taken back first: it was seen not to have arrived
        delivery.state, task.refusals = "refused", task.refusals + 1
        self.agents[delivery.agent].to("offline")
        if is_poison:
            task.to("parked", "worker")
        elif task.refusals >= REFUSALS:
            task.to("parked", "window_refused")
        elif any(task.can(name) and agent.state in {"idle", "busy"} for name, agent in self.agents.items()):
            task.to("ready")
            self.hold(task)
        else:
            task.to("waiting", "window")

    def _take_back(self, task: Task) -> None:
        """Whoever had the task has it no longer, and the code it was given out with is worth nothing."""
        self._end(task, "ready")
        task.agent, task.lease = None, task.lease + 1
        self.hold(task)

    def _give_up(self, task: Task) -> None:
        """Give up what was not submitted yet."""
        if task.open and task.open.state != "submitting":
            task.open.state = "cancelled"

    def _end(self, task: Task, state: str) -> None:
        for agent in self.agents.values():
            if agent.task is task:
                agent.to("idle")
        task.to(state)
        if task.is_continued and state in {"failed", "cancelled"}:
            task.to("done")
            task.lease += 1
