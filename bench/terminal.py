"""Whether anything goes wrong in panes of tmux while they are resized, scrolled and typed into, while their programs
are busy or are ended, and while the worker is killed. What the programs heard is the truth.

The loop that most people write (paste, wait a little, send Enter) is held against the same troubles.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from automation.desktop.worker.connection import WorkerTimeouts
from automation.protocol.ports import PermanentFailure, TransientFailure
from automation.terminal.tmux import NoServer, TmuxSilent
from bench.measure.report import Report, at_least, below
from core.deliveries.model import Outcome, Reason, Result
from core.desks.model import DeskState
from core.kit.supervise import supervise
from tests.fakes.desk import Commits, Leftovers, News, RunningDesk, make_order, running
from tests.fakes.panes import Terminals, terminals

N = int(os.environ.get("N", "200"))
PANES = 6
BUSY_S = 0.15
SEED = int(os.environ.get("SEED", "7"))
NAIVE = 60
LIMIT_S = 40.0
"""So long one text is tried; what has not gone then is counted as not brought."""
HELD_S = 20.0
"""So long a pane may stay held after all is over before that counts as left held."""
SOON = WorkerTimeouts(first_pause_s=0.05, longest_pause_s=0.2, silence_s=20.0)
PASSES = frozenset({Result.BOUNCED, Result.REFUSED, Result.NOT_ARRIVED, Result.STOPPED})
MEANINGS = (
    "deliveries: texts brought while all troubles were at work, no two alike",
    "violations: heard elsewhere, twice, with other letters; claimed, not heard; denied and heard; a pane left held",
    "unknown: after Enter nothing was seen in time (its program was ended in that moment): a person is asked",
    "not_brought: texts for which the panes were in trouble for 40 s on end",
    "worker_kills, programs_ended, resizes, copy_modes, strangers: how often each trouble struck",
    "controls_failed: whether the loop that most people write did harm among the same troubles. Must be 1",
)


@dataclass(slots=True, kw_only=True)
class TerminalBench:
    """What became of a run's texts."""

    sent: dict[str, str] = field(default_factory=dict)
    """By text, the pane it was for."""
    claimed: set[str] = field(default_factory=set)
    """Said to have arrived."""
    denied: set[str] = field(default_factory=set)
    """Said not to have been sent, for good."""
    unknown: set[str] = field(default_factory=set)
    troubles: Counter[str] = field(default_factory=Counter)
    bounces: Counter[str] = field(default_factory=Counter)
    heard: dict[str, list[str]] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)

    @property
    def settled(self) -> int:
        """How many texts are over."""
        return len(self.claimed) + len(self.denied) + len(self.unknown)

    def violations(self) -> list[str]:
        """Every breach, in words."""
        found = [f"I7 {pane} was left held" for pane in self.held]
        counts = Counter(text for texts in self.heard.values() for text in texts)
        for pane, texts in self.heard.items():
            for text in texts:
                if text not in self.sent:
                    found.append(f"I4 {pane} heard what nobody sent: {text[:60]!r}")
                elif self.sent[text] != pane:
                    found.append(f"I2 {pane} heard what was for {self.sent[text]}: {text[:40]!r}")
        found += [f"I3 heard {count} times: {text[:40]!r}" for text, count in counts.items() if count > 1]
        found += [f"I6 claimed and not heard: {text[:40]!r}" for text in self.claimed if not counts[text]]
        found += [f"I6 denied and heard: {text[:40]!r}" for text in self.denied if counts[text]]
        return found


def text_of(number: int, chance: random.Random) -> str:
    """Return a unique text of one to twenty lines, with spaces, several scripts, and what tmux might obey."""
    lines = [
        f"Text {number}: {' '.join(chance.choices(_WORDS, k=chance.randint(1, 14)))}" for _ in range(_lines(chance))
    ]
    return "\n".join([f"[{number:05}] begins", *lines, f"ends [{number:05}]"])


_WORDS = (
    "plain",
    "äöü",
    "日本語",
    "наука",
    "a;b;",
    "#{pane_id}",
    "%0",
    "'quoted'",
    '"twice"',
    "$HOME",
    "`ls`",
    "\\n",
    "/slash",
)


def _lines(chance: random.Random) -> int:
    return chance.choice((0, 1, 1, 2, 4, 8, 12))


class Troubles:
    """All that goes on around the panes, each in a task of its own."""

    def __init__(self, there: Terminals, run: TerminalBench, desk: RunningDesk | None, seed: int) -> None:
        self._there = there
        self._run = run
        self._desk = desk
        self._chance = random.Random(seed)

    def all(self) -> Sequence[Callable[[], Awaitable[None]]]:
        return (self.resizes, self.scrolls, self.types, self.ends, *((self.kills,) if self._desk else ()))

    async def resizes(self) -> None:
        while True:
            await self._rest(0.15, 0.5)
            size = ["-x", str(self._chance.randint(50, 220)), "-y", str(self._chance.randint(22, 60))]
            await self._do("resizes", "resize-window", *size)

    async def scrolls(self) -> None:
        while True:
            await self._rest(0.1, 0.6)
            pane = await self._do("copy_modes", "copy-mode", "-u")
            await self._rest(0.02, 0.3)
            await self._do("", "send-keys", "-X", "cancel", pane=pane)

    async def types(self) -> None:
        """Type some letters into a pane as a stranger, and take them back a little later."""
        while True:
            await self._rest(0.1, 0.6)
            pane = await self._do("strangers", "send-keys", "-l", self._chance.choice(["x", "stranger ", "日"]))
            await self._rest(0.02, 0.15)
            await self._do("", "send-keys", "C-u", pane=pane)

    async def ends(self) -> None:
        settled = -1
        while True:
            await self._rest(2.0, 5.0)
            if self._run.settled > settled:
                settled = self._run.settled
                await self._do("programs_ended", "send-keys", "C-d")

    async def kills(self) -> None:
        """Each worker is let settle one text at least: on a busy machine none would ever get as far, else."""
        settled = -1
        while True:
            await self._rest(1.5, 4.0)
            pid = self._desk.client.worker_pid if self._desk else None
            is_ready = pid is not None and self._desk and self._desk.news.states[-1][0] is DeskState.READY
            if pid is not None and is_ready and self._run.settled > settled:
                settled = self._run.settled
                self._run.troubles["worker_kills"] += 1
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    async def _rest(self, least_s: float, most_s: float) -> None:
        await asyncio.sleep(self._chance.uniform(least_s, most_s))

    async def _do(self, what: str, command: str, *words: str, pane: str = "") -> str:
        def do() -> str:
            one = pane or self._there.panes().find(f"agent-{self._chance.randint(1, PANES)}")
            self._there.tmux.ask([command, "-t", one, *words])
            return one

        try:
            one = await asyncio.to_thread(do)
        except (NoServer, TmuxSilent, PermanentFailure):
            return ""
        self._run.troubles[what] += bool(what)
        return one


async def measure(folder: Path, n: int, *, seed: int = SEED) -> TerminalBench:
    """Bring `n` texts among all troubles, by the real worker."""
    run, chance = TerminalBench(), random.Random(seed)
    with terminals(folder) as there:
        for number in range(1, PANES + 1):
            there.add(f"agent-{number}", f"busy={BUSY_S}")
        news, leftovers = News(), Leftovers()
        async with running(there.client(news, limits=SOON, leftovers=leftovers), news) as desk:
            await news.until(lambda: len(set(news.usable)) == PANES)
            async with asyncio.TaskGroup() as group:
                troubles = Troubles(there, run, desk, seed)
                around = [supervise(group, one.__name__, one()) for one in troubles.all()]  # type: ignore[attr-defined] methods have names
                for number in range(n):
                    await _bring(desk, leftovers, run, text_of(number, chance), number)
                for one in around:
                    one.cancel()
            run.held = await _left_held(there)
        run.heard = {window.name: there.heard(window.name) for window in there.windows}
    return run


async def _bring(desk: RunningDesk, leftovers: Leftovers, run: TerminalBench, text: str, number: int) -> None:
    """One text, tried again as core does it, until it is settled."""
    pane = f"agent-{number % PANES + 1}"
    run.sent[text] = pane
    commits = leftovers.commits[pane] = Commits()
    end, fence, is_in_doubt = time.monotonic() + LIMIT_S, 0, False
    while True:
        fence += 1
        order = make_order(pane, text, delivery=f"D{number}", fence=fence)
        if is_in_doubt:
            outcome = await desk.lane.settle(replace(order, drafts=tuple(commits.drafts)), commits)
        else:
            leftovers.commits[pane] = commits
            commits.when["submitting"] = _forgets(leftovers, pane)
            outcome = await desk.lane.deliver(replace(order, drafts=tuple(commits.drafts)), commits)
        run.bounces[outcome.reason or outcome.result] += outcome.result is not Result.DELIVERED
        if _is_over(outcome, run, text):
            return
        is_in_doubt = outcome.result is Result.UNKNOWN
        if time.monotonic() > end:
            (run.unknown if is_in_doubt else run.denied).add(text)
            return
        await asyncio.sleep(0.03)


async def _left_held(there: Terminals) -> list[str]:
    """Return the panes that stay held: a hold ends after a second, or later on a busy machine."""
    end = time.monotonic() + HELD_S
    while True:
        held = [one.tag for one in await asyncio.to_thread(there.panes().all) if one.is_off or one.hold]
        if not held or time.monotonic() > end:
            return held
        await asyncio.sleep(0.1)


def _forgets(leftovers: Leftovers, pane: str) -> Callable[[], Awaitable[None]]:
    """Once Enter may be pressed, what stands in the composer is evidence, and is not told to be cleared."""

    async def forget() -> None:
        leftovers.commits.pop(pane, None)

    return forget


def _is_over(outcome: Outcome, run: TerminalBench, text: str) -> bool:
    match outcome.result:
        case Result.DELIVERED:
            run.claimed.add(text)
        case Result.UNKNOWN if outcome.reason is not Reason.WORKER_LOST:
            run.unknown.add(text)
        case Result.FAILED:
            run.denied.add(text)
        case _:
            return False
    return True


async def naive(folder: Path, n: int, *, seed: int = SEED) -> TerminalBench:
    """Run the loop that most people write, among the same troubles: paste, wait a little, Enter, done."""
    run, chance = TerminalBench(), random.Random(seed)
    with terminals(folder) as there:
        news = News()
        for number in range(1, PANES + 1):
            there.add(f"agent-{number}", f"busy={BUSY_S}")
        async with running(there.client(news, limits=SOON), news):  # it keeps the programs; nothing is brought by it
            await news.until(lambda: len(set(news.usable)) == PANES)
            async with asyncio.TaskGroup() as group:
                troubles = Troubles(there, run, None, seed)
                around = [supervise(group, one.__name__, one()) for one in troubles.all()]  # type: ignore[attr-defined] methods have names
                for number in range(n):
                    pane, text = f"agent-{number % PANES + 1}", text_of(number, chance)
                    run.sent[text] = pane
                    await asyncio.to_thread(_naively, there, pane, text)
                    run.claimed.add(text)
                for one in around:
                    one.cancel()
        run.heard = {window.name: there.heard(window.name) for window in there.windows}
    return run


def _naively(there: Terminals, pane: str, text: str) -> None:
    with contextlib.suppress(NoServer, TmuxSilent, TransientFailure, PermanentFailure):
        place = there.panes().find(pane)
        there.tmux.ask(["load-buffer", "-b", "naive", "-"], given=text)
        there.tmux.ask(["paste-buffer", "-p", "-d", "-b", "naive", "-t", place])
        time.sleep(0.1)
        there.tmux.ask(["send-keys", "-t", place, "Enter"])


async def main() -> None:
    began = time.perf_counter()
    report = Report(name="terminal")
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as name:
        print(f"seed {SEED}")
        run = await measure(Path(name) / "octet", N)
        control = await naive(Path(name) / "naive", min(N, NAIVE))
    violations, harm = run.violations(), control.violations()
    for line in violations[:20]:
        print(f"violation: {line}")
    print(f"bounces, and why: {dict(run.bounces.most_common())}")
    print(f"the naive loop: {len(harm)} violations, such as {harm[:2]}")
    report.add("deliveries", len(run.claimed), "texts", n=N)
    report.add("violations", len(violations), "violations", n=N, target=below(1))
    report.add("unknown", len(run.unknown), "texts", n=N)
    report.add("not_brought", len(run.denied), "texts", n=N)
    for what in ("worker_kills", "programs_ended", "resizes", "copy_modes", "strangers"):
        report.add(what, run.troubles[what], "times", n=N, target=at_least(1))
    report.add("controls_failed", int(bool(harm)), "variants", n=1, target=at_least(1))
    for line in (*MEANINGS, *report.refused):
        print(line)
    print(report.line(n=N, seconds=time.perf_counter() - began))


if __name__ == "__main__":
    asyncio.run(main())
