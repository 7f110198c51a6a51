"""The world around a coordinator under test: one desk whose lane goes on only as far as it is told."""

from __future__ import annotations

import asyncio
import re
from collections import Counter

from core.agent_actions.model import ACTION_TTL_MS
from core.deliveries.model import Assurance, DeliveryId, DeliveryRequest, Outcome, Reason, Result
from core.deliveries.ports import Progress
from core.desks.model import Shown, WindowStatus
from core.kit.errors import Conflict
from core.profiles.model import Act, Activity
from tests.fakes.clock import FakeClock
from tests.fakes.desk_worker import FakeDeskWorker

WINDOWS = tuple(WindowStatus(name=name, usable=True, activity=Activity.IDLE) for name in ("left", "right"))
OUTCOMES = {
    "arrived": Outcome(result=Result.DELIVERED, assurance=Assurance.RECEIPT),
    "bounced": Outcome(result=Result.BOUNCED, reason=Reason.FOCUS_TAKEN),
    "refused": Outcome(result=Result.REFUSED, reason=Reason.COVERED),
    "too long": Outcome(result=Result.REFUSED, reason=Reason.TOO_LONG),
    "failed": Outcome(result=Result.FAILED),
    "stopped": Outcome(result=Result.STOPPED),
    "not_arrived": Outcome(result=Result.NOT_ARRIVED, reason=Reason.FOCUS_TAKEN),
    "unknown": Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN),
    "lost after the key": Outcome(result=Result.UNKNOWN, reason=Reason.WORKER_LOST),
    "lost before the key": Outcome(result=Result.UNKNOWN, reason=Reason.WORKER_LOST),
}
SETTLED = {
    "arrived": Outcome(result=Result.DELIVERED, assurance=Assurance.EXACT),
    "not_arrived": Outcome(result=Result.NOT_ARRIVED, reason=Reason.NOT_SEEN),
    "unknown": Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN),
    "lost": Outcome(result=Result.UNKNOWN, reason=Reason.WORKER_LOST),
}
CHANGED = Outcome(result=Result.REFUSED, reason=Reason.CHANGED)
PRESSED = {"arrived", "unknown", "lost after the key"}
_PART = re.compile(r" · part (\d+) of (\d+)$", re.MULTILINE)


class PuppetWorker(FakeDeskWorker):
    """Windows that ask what the test says."""

    def __init__(self) -> None:
        super().__init__(windows=WINDOWS)
        self.dialogs: dict[str, str] = {"left": "", "right": ""}
        """By window, the mark of the dialog that stands in it."""
        self.busy = set[str]()

    def what_shows(self, window: str) -> Shown:
        mark, answers = self.dialogs[window], (Act.APPROVE, Act.DENY)
        if not mark:
            return Shown(window=window, activity=Activity.BUSY if window in self.busy else Activity.IDLE)
        return Shown(window=window, activity=Activity.NEEDS_INPUT, answers=answers, text="Run it?", mark=mark)

    async def shows(self, window: str) -> Shown:
        return self.what_shows(window)


class PuppetLane:
    """Goes on only as far as it is told, and may be told anything; but what it says it saw, it saw."""

    at_once = 1

    def __init__(self, clock: FakeClock, worker: PuppetWorker) -> None:
        self.clock = clock
        self.worker = worker
        self.order: DeliveryRequest | None = None
        self.is_looking = False
        self.stage = 0
        self.words: asyncio.Queue[str] = asyncio.Queue()
        self.codes: dict[str, str] = {}
        self.older: list[tuple[str, str]] = []
        """Codes of leases that are over, each with its task."""
        self.pressed: Counter[str] = Counter()
        """How often the prompt of each lease was submitted, each part of one, each of the words, and each act."""
        self.words_pressed: dict[str, list[DeliveryId]] = {}
        """Of each agent the deliveries of words, or of their first parts, that were submitted to it, in their order."""
        self.arrived: set[DeliveryId] = set()
        self.last: dict[str, tuple[str, int]] = {}
        """What was submitted to each agent last: its message as its text names it, and which part of it."""
        self.claimed: set[str] = set()
        """Tasks of which a user said that a part arrived: the next part comes, true or not."""
        self.asked_s: dict[str, float] = {}
        """When each act was asked for, by its delivery, in monotonic time."""
        self.breaches: list[str] = []
        """What core asked for and must not. A lane that raises is only one more fault."""

    def press(self, order: DeliveryRequest) -> None:
        self.pressed[submitted_as(order)] += 1
        if order.act is not None:
            if order.expected_dialog:
                self.worker.dialogs[order.window or ""] = ""
            return
        number, _ = part_of(order)
        in_order = {(about(order), number - 1), (about(order), number)}
        if number > 1 and self.last.get(order.agent) not in in_order and name_of(order) not in self.claimed:
            self.breaches.append(f"part {number} of {about(order)} came after {self.last.get(order.agent)}")
        self.last[order.agent] = (about(order), number)
        self.arrived.add(order.delivery)
        if not is_brief(order) and number == 1:
            self.words_pressed.setdefault(order.agent, []).append(order.delivery)

    def go(self, *words: str) -> None:
        for word in words:
            self.words.put_nowait(word)

    async def deliver(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        self._takes(order)
        try:
            return await (self._act if order.act is not None else self._prompt)(order, progress)
        except Conflict:
            return OUTCOMES["stopped"]
        finally:
            self.order = None

    async def _prompt(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        if is_brief(order) and (code := code_in(order)):
            if self.codes.get(name_of(order), code) != code:
                self.older.append((name_of(order), self.codes[name_of(order)]))
            self.codes[name_of(order)] = code
        while True:
            word = await self.words.get()
            if word == "on" and self.stage < 3:
                steps = (progress.staging, lambda: progress.staged(sha256=order.sha256), progress.submitting)
                await steps[self.stage]()
                self.stage += 1
            elif (outcome := self._ends(order, word)) is not None:
                return outcome

    async def _act(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        waited_s = self.clock.monotonic_s() - self.asked_s[order.delivery]
        if waited_s * 1000 > ACTION_TTL_MS:
            self.breaches.append(f"{order.act} began {waited_s} s after it was asked for")
        while True:
            word = await self.words.get()
            if word == "on" and self.stage == 0:
                if order.expected_dialog and self.worker.dialogs[order.window or ""] != order.expected_dialog:
                    return CHANGED
                await progress.submitting()
                self.stage = 3
            elif (outcome := self._ends(order, word)) is not None:
                return outcome

    def _takes(self, order: DeliveryRequest) -> None:
        if self.order is not None:
            self.breaches.append("two orders at once on one desk")
        self.order, self.stage, self.words = order, 0, asyncio.Queue()

    def _ends(self, order: DeliveryRequest, word: str) -> Outcome | None:
        if self.stage == 3 and (word == "break" or word in PRESSED):
            self.press(order)
        if word == "break":
            raise RuntimeError("the lane broke")
        return OUTCOMES.get(word)

    async def settle(self, order: DeliveryRequest, progress: Progress) -> Outcome:
        """Sees what is so, or that it cannot see it; asks for Enter again where the draft stands whole."""
        self._takes(order)
        self.is_looking = True
        if code_in(order) and is_brief(order) and self.codes[name_of(order)] != code_in(order):
            self.breaches.append("another code is looked for than the one that was brought")
        try:
            while True:
                word = await self.words.get()
                is_there = self.pressed[submitted_as(order)] > 0
                if word == "on" and not is_there:
                    await progress.submitting()
                    self.press(order)
                    return SETTLED["arrived"]
                if word == "break":
                    raise RuntimeError("the lane broke")
                if word in ("arrived" if is_there else "not_arrived", "unknown", "lost"):
                    return SETTLED[word]
        except Conflict:
            return OUTCOMES["stopped"]
        finally:
            self.order, self.is_looking = None, False

    async def give_up(self, delivery: DeliveryId, *, answered: bool = False) -> None:
        if self.order is not None and not self.is_looking and self.order.delivery == delivery and self.stage < 3:
            self.words.put_nowait("stopped")


def is_brief(order: DeliveryRequest) -> bool:
    return "] hub →" in order.text


def part_of(order: DeliveryRequest) -> tuple[int, int]:
    """Which part of how many it is."""
    found = _PART.search(order.text.partition("\n")[0])
    return (int(found[1]), int(found[2])) if found else (1, 1)


def about(order: DeliveryRequest) -> str:
    """Return the head of its text without the part: the same for all parts of one message."""
    return _PART.sub("", order.text.partition("\n")[0])


def name_of(order: DeliveryRequest) -> str:
    """Return the task of a brief; the body of a message, which is unique, and its recipient if it is for all."""
    if is_brief(order):
        return order.text.split("· task ")[1].split()[0]
    body = order.text.splitlines()[1]
    return f"{body} to {order.agent}" if order.text.startswith("[BROADCAST]") else body


def submitted_as(order: DeliveryRequest) -> str:
    """Name what may be submitted once: the prompt of one lease, a person's words to this agent, what the hub says, one
    part of a prompt, and what an act presses."""
    if order.act is not None or part_of(order)[1] > 1:
        return order.delivery
    if is_brief(order):
        return code_in(order)
    return order.delivery if order.text.startswith("[S2A]") else name_of(order)


def code_in(order: DeliveryRequest) -> str:
    """Return the code by which it is answered; empty where it has none."""
    return order.text.split("--code ")[1].split()[0] if "--code " in order.text else ""
