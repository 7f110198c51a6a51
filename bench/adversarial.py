"""Whether anything goes wrong while thieves, typing people and strange windows are at work on the desk.

Each fault alone and all of them together, on a display of its own with windows of several kinds; the real worker
delivers, and what the windows heard is the truth. The loop that most people write is held against the same faults.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.measure.arena import ALL, PLAIN, Arena, Shot, open_arena
from bench.measure.breaches import CLIPBOARD_LOST, breaches, has_failed, is_heard
from bench.measure.faults import FAULTS, Fault
from bench.measure.report import Report, at_least, below
from bench.measure.shots import bring, bring_naively, naive_loop, text_of
from bench.measure.stops import Stops, press_the_switch
from bench.measure.typists import Killed, kill_while_typing
from core.deliveries.model import Result
from core.kit.supervise import supervise
from tests.fakes.desk import Agent
from tests.pace import patience

N = int(os.environ.get("N", "500"))
KILLS = int(os.environ.get("KILLS", "300" if "N" in os.environ and N > 500 else "30"))
FAULT = os.environ.get("FAULT", "")
"""Only this one; for looking closer."""
WHO = os.environ.get("WHO", "")
"""Only `octet`, `naive`, `kills` or `switch`; for the same."""
SHORTEST_S = 5.0
"""So long a fault is at work, and texts are brought, though there were enough of them: it must have struck often."""
LONGEST_S = 15.0
"""A fault ends after this long, or after half a second for each text, though not all have been brought."""
AFTERWARDS_S = patience(30.0)
"""How long after a fault's end deliveries may still come to theirs."""
IN_TIME = 0.95
"""The share of deliveries that must be delivered by then."""
PRESSES = 40
"""Of the kill switch: every second time by the pointer in the corner."""
NAIVE_SHOTS = 60
"""The naive loop has so many tries to do harm; it is stopped at the first."""
MEANINGS = (
    "deliveries: texts that were to be brought while faults were at work, no two alike; faster machines bring more",
    "violations: windows heard what was not for them, twice, or other letters; letters or keys of somebody's went",
    "    astray; something stayed down; the clipboard was not given back; what was claimed was not so. Must be 0",
    "weak_not_arrived: a program emptied its composer and sent nothing: such a delivery is weak, which claims no more",
    "unknown: after Enter a window showed nothing in its time, because it was stopped or closed: a person is asked",
    "lowest_share_in_time: of the texts under the worst fault, how many were delivered at most 30 s after its end",
    "windows_blocked: windows that took nothing more in those 30 s. Must be 0",
    "controls_failed: faults under which the loop that most people write did harm in the same scene. Must be all",
    "typing_kills …: octet run and its worker killed in the middle of a key, a click, a paste, while a person types:",
    "    whether after each kill mouse and keyboard work, no key is down, and the clipboard is the person's again",
    "letters_late: the person's letters that an agent's window was given later than 50 ms after a kill; with the",
    "    watchdog killed before (the positive control) there must be some",
    "focus_restored_ms: from the kill of a worker that held the devices to the person's focus being given back",
    "kill_switch_ms: from its last key, or the pointer's coming into the corner, to the coordinator's knowing",
    "acts_after_switch: keys and clicks of the driver's later than 50 ms after it",
)
"""What the figures mean, for whoever reads them."""
SEEN_S = 1.5
"""After so long a window must have heard what was sent to it."""


@dataclass(slots=True, kw_only=True)
class AdversarialResult:
    """What one fault came to."""

    fault: str
    shots: list[Shot] = field(default_factory=list[Shot])
    breaches: list[str] = field(default_factory=list[str])
    strikes: int = 0
    seconds: float = 0.0
    weak_not_arrived: int = 0

    @property
    def delivered(self) -> int:
        return sum(shot.claimed is Result.DELIVERED for shot in self.shots)

    @property
    def unknown(self) -> list[Shot]:
        return [shot for shot in self.shots if shot.claimed is Result.UNKNOWN]

    @property
    def ended(self) -> int:
        return sum(shot.claimed is not None for shot in self.shots)

    @property
    def blocked(self) -> list[str]:
        """The windows that took nothing more, though the fault was over for its time."""
        last = {shot.agent.name: shot for shot in self.shots}
        return [name for name, shot in last.items() if shot.claimed is None]

    @property
    def share_in_time(self) -> float:
        return self.delivered / max(1, len(self.shots))

    @property
    def untrue_claims(self) -> int:
        return sum(line.startswith("I6") for line in self.breaches)


async def measure(folder: Path, faults: Sequence[Fault], count: int) -> AsyncGenerator[AdversarialResult]:
    """So many deliveries under each fault, by the real worker, on one display until something there is amiss."""
    number, rest = 0, list(faults)
    while rest:
        number += 1
        async with open_arena(folder / f"arena-{number}", kinds=ALL) as arena:
            is_well = True
            while rest and is_well:
                fault, began = rest.pop(0), time.perf_counter()
                outcome = await under(arena, fault, count)
                outcome.breaches = await breaches(arena, fault)
                outcome.weak_not_arrived = swallowed(arena, outcome.shots)
                outcome.seconds = time.perf_counter() - began
                is_well = not does_harm(outcome) and outcome.delivered == len(outcome.shots) and not fault.steals
                yield outcome


async def under(arena: Arena, fault: Fault, count: int) -> AdversarialResult:
    """Bring so many texts and more while the fault is at work, and what is then open within its time after its end."""
    outcome, enough, give_up = AdversarialResult(fault=fault.name), asyncio.Event(), asyncio.Event()
    bring_one = partial(_courier, swallows=fault.swallows)
    agents, longest_s = arena.of_kinds(*fault.only), max(LONGEST_S, count / 2)
    async with asyncio.TaskGroup() as group:
        async with fault.loose(arena) as thieves:
            couriers = [
                supervise(group, f"courier of {agent.name}", bring_one(agent, arena, outcome, enough, give_up))
                for agent in agents
            ]
            await _at_work(outcome, count, longest_s)
            enough.set()
        outcome.strikes = sum(thief.strikes for thief in thieves)
        await asyncio.wait(couriers, timeout=AFTERWARDS_S)
        give_up.set()
    return outcome


async def _at_work(outcome: AdversarialResult, count: int, longest_s: float) -> None:
    """Let the fault be at work for its time."""
    began = time.monotonic()
    while (lasted_s := time.monotonic() - began) < longest_s:
        if lasted_s >= SHORTEST_S and outcome.ended >= count:
            return
        await asyncio.sleep(0.05)


def swallowed(arena: Arena, shots: Sequence[Shot]) -> int:
    """How many texts are called weakly delivered, and no window heard them."""
    return sum(shot.may_be_missing and not is_heard(arena, shot) for shot in shots)


async def _courier(
    agent: Agent,
    arena: Arena,
    outcome: AdversarialResult,
    enough: asyncio.Event,
    give_up: asyncio.Event,
    *,
    swallows: bool,
) -> None:
    """Bring one window one text after the other, until there are enough."""
    while not enough.is_set():
        text = text_of(len(arena.shots))
        shot = Shot(agent=agent, text=text, began_s=time.monotonic(), is_swallowed=swallows)
        arena.shots.append(shot)
        outcome.shots.append(shot)
        await bring(arena, shot, give_up)


async def measure_naively(folder: Path, fault: Fault) -> AdversarialResult:
    """Run the same scene and the same thieves with the loop that most people write."""
    outcome, began = AdversarialResult(fault=fault.name), time.perf_counter()
    async with open_arena(folder, kinds=fault.only or PLAIN, driven=False) as arena, naive_loop(arena) as loop:
        async with fault.loose(arena) as thieves:
            for number in range(NAIVE_SHOTS):
                agents = arena.of_kinds(*fault.only)
                agent = agents[number % len(agents)]
                shot = Shot(agent=agent, text=text_of(number), began_s=time.monotonic())
                outcome.shots.append(shot)
                arena.shots.append(shot)
                await bring_naively(arena, shot, loop)
                if has_failed(arena, outcome.shots, before_s=time.monotonic() - SEEN_S):
                    break
        outcome.strikes = sum(thief.strikes for thief in thieves)
        outcome.breaches = await breaches(arena, fault)
    outcome.seconds = time.perf_counter() - began
    return outcome


def does_harm(control: AdversarialResult) -> bool:
    """Whether the fault made the naive loop do harm; that it never gives the clipboard back is its own."""
    return any(not line.startswith(CLIPBOARD_LOST) for line in control.breaches)


def tell(what: str, outcome: AdversarialResult) -> None:
    """Everything that a person may want to know of one fault."""
    longest = max((shot.ended_s - shot.began_s for shot in outcome.shots if shot.ended_s), default=0.0)
    why = Counter(line for shot in outcome.shots for line in shot.why)
    print(
        f"{what} {outcome.fault}: {outcome.delivered} of {len(outcome.shots)} delivered in {outcome.seconds:.0f} s, the"
        f" slowest in {longest:.1f} s; {outcome.strikes} strikes; {why.total()} attempts failed before Enter"
    )
    for reason, times in why.most_common(4):
        print(f"          {times:4} × {reason[:150]}")
    for shot in outcome.unknown:
        assert shot.outcome is not None
        was = "was" if shot.text in shot.agent.heard else "was not"
        print(f"          unknown {shot.text[:7]} ({was} heard): {shot.outcome.reason} {shot.outcome.note}")
    for name in outcome.blocked:
        print(f"          BLOCKED {name}")
    for line in outcome.breaches[:12]:
        print(f"          VIOLATION {line}", flush=True)


async def main() -> None:
    began = time.perf_counter()
    report = Report(name="adversarial")
    faults = [fault for fault in FAULTS if FAULT in ("", fault.name)]
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as name:
        outcomes: list[AdversarialResult] = []
        async for outcome in measure(Path(name), faults if WHO in ("", "octet") else (), -(-N // len(faults))):
            outcomes.append(outcome)
            tell("octet", outcome)
        controls: list[AdversarialResult] = []
        for number, fault in enumerate(faults if WHO in ("", "naive") else ()):
            if not fault.is_calm:
                controls.append(await measure_naively(Path(name) / f"naive-{number}", fault))
                tell("the naive loop", controls[-1])
        killed = await kill_while_typing(Path(name) / "kills", KILLS) if WHO in ("", "kills") else Killed()
        tell_kills(killed)
        stops = await press_the_switch(Path(name) / "stops", PRESSES) if WHO in ("", "switch") else Stops()
        print(f"kill switch: {stops}")
    reported(report, outcomes, controls)
    reported_kills(report, killed, stops)
    for line in (*MEANINGS, *report.refused):
        print(line)
    print(report.line(n=sum(len(one.shots) for one in outcomes), seconds=time.perf_counter() - began))


def tell_kills(killed: Killed) -> None:
    """Print what happened at the kills."""
    print(
        f"kills: {killed.kills} over {killed.tasks} tasks and {killed.typed} letters in {killed.seconds:.0f} s; dead:"
        f" {dict(killed.dead)}; down: {killed.down}; clipboards lost: {killed.clipboards_lost}; a person:"
        f" {dict(killed.helped)}; never passed: {killed.never_passed}"
    )
    print(f"          focus given back after, ms: {[round(one) for one in killed.restored_ms]}")
    print(f"          letters in agents' windows, ms after the kill: {[round(one, 1) for one in killed.letters_ms]}")
    for line in killed.violations[:12]:
        print(f"          VIOLATION {line}", flush=True)


def reported(report: Report, outcomes: Sequence[AdversarialResult], controls: Sequence[AdversarialResult]) -> None:
    n = sum(len(one.shots) for one in outcomes)
    report.add("deliveries", n, "deliveries", n=n)
    report.add("violations", sum(len(one.breaches) for one in outcomes), "violations", n=n, target=below(1))
    report.add("untrue_claims", sum(one.untrue_claims for one in outcomes), "claims", n=n, target=below(1))
    swallowed_ones = sum(one.weak_not_arrived for one in outcomes)
    report.add("weak_not_arrived", swallowed_ones, "weak deliveries that their program swallowed", n=n)
    report.add("unknown", sum(len(one.unknown) for one in outcomes), "deliveries", n=n)
    lowest = min((one.share_in_time for one in outcomes), default=0.0)
    report.add("lowest_share_in_time", lowest, "of the deliveries under one fault", n=n, target=at_least(IN_TIME))
    blocked = sum(len(one.blocked) for one in outcomes)
    report.add("windows_blocked", blocked, "windows after one fault", n=n, target=below(1))
    failed = sum(does_harm(one) for one in controls)
    n = len(controls)
    report.add("controls_failed", failed, f"of {n} faults", n=n, target=at_least(n))


def reported_kills(report: Report, killed: Killed, stops: Stops) -> None:
    """Add the figures of the kills while a user types, and of the kill switch."""
    n, n_stops = killed.kills, stops.presses
    harm = len(killed.violations) + killed.clipboards_lost + killed.letters_late
    report.add("typing_kills", n, "kills", n=n, target=at_least(KILLS))
    report.add("violations_at_kills", harm, "violations", n=n, target=below(1))
    report.add("letters_late", killed.letters_late, f"letters of {killed.typed}", n=n, target=below(1))
    in_control = killed.letters_late_in_control
    report.add("letters_late_without_watchdog", in_control, "letters", n=1 if n else 0, target=at_least(1))
    slowest_ms = max(killed.restored_ms, default=0.0)
    report.add("focus_restored_ms", slowest_ms, "ms, the slowest", n=len(killed.restored_ms))
    report.add("devices_dead", killed.dead.total(), "devices", n=n, target=below(1))
    report.add("keys_left_down", len(killed.down), "keys", n=n, target=below(1))
    report.add("kill_switch_ms", stops.slowest_ms, "ms, the slowest", n=n_stops, least=PRESSES, target=below(50))
    report.add("acts_after_switch", stops.acts_after, "keys or clicks", n=n_stops, target=below(1))


if __name__ == "__main__":
    asyncio.run(main())
