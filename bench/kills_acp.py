"""Whether a prompt to an agent that speaks ACP is lost or doubled while Octet and its worker are killed.

A real `octet run` and eight scripted agents, whose own logs say what they heard. Each kill is `kill -9` at a named
fault point, of the coordinator, of the worker with its programs, or of both. A person ends what remains
of a lost turn: here the benchmark does. The control has agents that write their history only after their answer, and a
configuration that claims the opposite: there a prompt must be doubled.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import tomlkit

from bench.kills import BOTH, COORDINATOR, DEAD_S, DRAINED_S, OPEN_DELIVERIES, OPEN_TASKS, PASSED_S, WORKER, Kill
from bench.measure.lives import Lives
from bench.measure.octet import environment, until
from bench.measure.report import Report, at_least, below
from bench.measure.tickets import NobodyCame, Tickets
from bench.measure.town import brief
from bot.cli.init.templates import copy_templates
from core.kit.supervise import supervise

N = int(os.environ.get("N", "40"))
SEED = int(os.environ.get("SEED", "1"))
AGENTS = 8
UNDER_WAY = 10
ROOT = Path(__file__).resolve().parent.parent
POINTS = (
    ("acp.prompt-noted", WORKER),
    ("acp.arrived", BOTH),
    ("delivery.staged-submitting.committed", COORDINATOR),
    ("acp.arrived", WORKER),
    ("delivery.submitting-delivered.written", COORDINATOR),
    ("acp.prompt-noted", BOTH),
    ("acp.turn-over", WORKER),
    ("delivery.submitting-delivered.committed", BOTH),
    ("acp.prompt-noted", COORDINATOR),
    ("task.working-done.written", COORDINATOR),
    ("acp.arrived", COORDINATOR),
    ("acp.turn-over", BOTH),
    ("delivery.leased-staging.committed", COORDINATOR),
    ("delivery.submitting-delivered.committed", COORDINATOR),
    ("acp.turn-over", COORDINATOR),
    ("task.new-ready.committed", COORDINATOR),
)
LEFT_S = 3.0
LEFT = f"""
select number, reason from tasks where state = 'parked' and changed_ms < ?
and not exists (select 1 from ({OPEN_DELIVERIES} and task = 'T-' || number))
"""
"""The tasks that wait for a person: for some seconds, and no delivery of them is still to be settled."""
CONTROL = [Kill(point="acp.arrived", victim=BOTH)] * 4
_TASK = re.compile(r"· task (T-\d+)\b")


@dataclass(slots=True, kw_only=True)
class AcpKills:
    """What a run came to."""

    kills: Counter[str] = field(default_factory=Counter[str])
    never_passed: list[str] = field(default_factory=list[str])
    violations: list[str] = field(default_factory=list[str])
    helped: Counter[str] = field(default_factory=Counter[str])
    tasks: int = 0
    settled: int = 0

    @property
    def asked(self) -> int:
        """How often a person had to say whether a prompt had arrived."""
        return self.helped["unknown"]


async def measure(folder: Path, kills: Sequence[Kill], *, faults: str = "") -> AcpKills:
    """Kill at each of these points, let everything come to its end, and hold it against what the agents heard."""
    home, outcome, briefs = folder / "home", AcpKills(), dict[str, str]()
    _configure(home, folder, faults)
    tickets = Tickets(folder / "tickets")
    environ = environment(os.environ, home) | {"PYTHONPATH": str(ROOT), "OCTET_FAULT_POINTS": str(tickets.folder)}
    async with aiohttp.ClientSession() as session:
        lives = Lives(home=home, environ=environ, tickets=tickets, session=session)
        try:
            await lives.start()
            async with asyncio.TaskGroup() as group:
                work = supervise(group, "work", _give_work(lives, briefs))
                person = supervise(group, "person", _help_out(lives, outcome))
                for kill in kills:
                    await _strike(lives, kill, outcome)
                work.cancel()
                with suppress(TimeoutError):  # what is left open is found below
                    await until(lambda: _is_drained(lives), DRAINED_S)
                person.cancel()
            outcome.tasks = len(briefs)
            outcome.violations = _violations(lives, folder, briefs)
            _sum_up(lives, outcome)
        finally:
            await lives.stop()
    return outcome


def _configure(home: Path, folder: Path, faults: str) -> None:
    config = home / "config"
    copy_templates(config)
    (config / "desks/main.toml").unlink()
    programs = tomlkit.parse((config / "programs.toml").read_text(encoding="utf-8")).unwrap()
    agents: list[dict[str, object]] = []
    for number in range(1, AGENTS + 1):
        words = ["--history", str(folder / f"heard-{number}"), *(["--faults", faults] if faults else [])]
        command = [sys.executable, "-m", "sandbox.acp", *words]
        row = {"command": command, "environment": {"PYTHONPATH": str(ROOT)}, "writes_history_first": True}
        programs["programs"][f"scripted_{number}"] = row
        place = {"lane": "acp", "program": f"scripted_{number}"}
        agents.append({"name": f"Agent-{number}", "about": "scripted", "capabilities": ["text"], **place})
    (config / "programs.toml").write_text(tomlkit.dumps(programs), encoding="utf-8")
    (config / "agents.toml").write_text(tomlkit.dumps({"agents": agents}), encoding="utf-8")


async def _give_work(lives: Lives, briefs: dict[str, str]) -> None:
    """Keep tasks under way, for ever; each is asked for until it is acknowledged."""
    chance, waiting = random.Random(SEED), dict[str, str]()
    for number in itertools.count(1):
        waiting[f"k{number}"] = brief(number, chance, is_answered=True)
        while waiting or _open_tasks(lives) >= UNDER_WAY:
            for key, text in list(waiting.items()):
                body = {"brief": text}
                made = await lives.ask("POST", "/tasks", json=body, headers={"Idempotency-Key": key})
                if made is not None:
                    briefs[made["id"]] = text
                    del waiting[key]
            await asyncio.sleep(0.05)


def _open_tasks(lives: Lives) -> int:
    return len(lives.rows(OPEN_TASKS))


async def _help_out(lives: Lives, outcome: AcpKills) -> None:
    """End what Octet leaves to a person: a task whose turn was lost, and a delivery whose fate is unknown."""
    while True:
        for number, reason in lives.rows(LEFT, time.time_ns() // 1_000_000 - int(LEFT_S * 1_000)):
            if await lives.ask("POST", f"/tasks/T-{number}/done", json={"text": "a person ended it"}):
                outcome.helped[reason] += 1
        for (delivery,) in lives.rows("select id from deliveries where state = 'unknown'"):
            if await lives.ask("POST", f"/deliveries/{delivery}/resolve", json={"arrived": True}):
                outcome.helped["unknown"] += 1
        await asyncio.sleep(0.2)


async def _strike(lives: Lives, kill: Kill, outcome: AcpKills) -> None:
    """Lay the ticket, see it taken and its victims die, and bring Octet back."""
    deaths = _worker_deaths(lives)
    passes = WORKER if kill.point.startswith("acp.") else COORDINATOR
    lives.tickets.lay(kill.point, {passes: "kill", BOTH: "kill both"}.get(kill.victim, "kill other"))
    try:
        await lives.tickets.taken(kill.point, within_s=PASSED_S)
    except NobodyCame:
        outcome.never_passed.append(kill.point)
        return
    outcome.kills[f"{kill.point}, {kill.victim}"] += 1
    if kill.victim == WORKER:

        async def has_died() -> bool:
            return _worker_deaths(lives) > deaths

        await until(has_died, DEAD_S)
    else:
        await lives.died()
        await lives.start()


def _worker_deaths(lives: Lives) -> int:
    return (lives.home / "octet.log").read_text(encoding="utf-8").count("acp_worker_ended")


async def _is_drained(lives: Lives) -> bool:
    return lives.octet is not None and not lives.rows(OPEN_TASKS) and not lives.rows(OPEN_DELIVERIES)


def _violations(lives: Lives, folder: Path, briefs: dict[str, str]) -> list[str]:
    """Return all that should not be: what was acknowledged was heard once, letter for letter, and came to its end."""
    heard: dict[str, list[str]] = {}
    for file in folder.glob("heard-*/heard.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            text = json.loads(line)["prompt"]
            heard.setdefault("".join(_TASK.findall(text)[:1]), []).append(text)
    states = {f"T-{number}": state for number, state in lives.rows("select number, state from tasks")}
    asked = set(lives.rows("select task, sha256 from deliveries"))
    found: list[str] = []
    for task, text in briefs.items():
        texts = heard.get(task, [])
        if len(texts) != 1:
            found.append(f"{'doubled' if texts else 'lost'}: {task} was heard {len(texts)} times")
        hashes = {(task, hashlib.sha256(one.encode()).hexdigest()) for one in texts}
        if hashes - asked or not all(text in one for one in texts):
            found.append(f"altered: {task}")
        if states.get(task) != "done":
            found.append(f"open: {task} is {states.get(task)}")
    return found + [f"strange: heard {text[:40]!r}" for text in heard.get("", [])]


def _sum_up(lives: Lives, outcome: AcpKills) -> None:
    retaken: set[str] = set()
    for name, data in lives.rows("select name, data from journal where subject like 'delivery:%' order by seq"):
        event = json.loads(data)
        if name == "DeliveryRetaken":
            retaken.add(event["delivery"])
        elif event.get("was") == "submitting" and event["delivery"] in retaken:
            outcome.settled += 1
            retaken.discard(event["delivery"])


async def main() -> None:
    began = time.perf_counter()
    report = Report(name="kills_acp")
    kills = [Kill(point=point, victim=victim) for point, victim in itertools.islice(itertools.cycle(POINTS), N)]
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as name:
        outcome = await measure(Path(name) / "octet", kills)
        tell(began, "octet", outcome)
        control = await measure(Path(name) / "late", CONTROL, faults="late")
        tell(began, "late history", control)
    n = outcome.kills.total()
    report.add("kills", n, "kills", n=n, target=at_least(N))
    report.add("violations", len(outcome.violations), "violations", n=n, least=N, target=below(1))
    report.add("asked", outcome.asked, "deliveries", n=n, target=below(1))
    report.add("settled_by_history", outcome.settled, "deliveries", n=n)
    is_broken = any(line.startswith("doubled") for line in control.violations)
    report.add("controls_failed", int(is_broken), "of 1 broken variant", n=n, target=at_least(1))
    for line in report.refused:
        print(line)
    print(report.line(n=n, seconds=time.perf_counter() - began))


def tell(began: float, what: str, outcome: AcpKills) -> None:
    """Print what a person may want to know of a run."""
    print(
        f"[{time.perf_counter() - began:5.1f} s] {what}: {outcome.kills.total()} kills over {outcome.tasks} tasks;"
        f" asked {outcome.asked}, settled by the history {outcome.settled}; a person: {dict(outcome.helped)}"
    )
    for line in (
        f"never passed: {', '.join(outcome.never_passed)}" if outcome.never_passed else "",
        *outcome.violations,
    ):
        if line:
            print(f"          {line}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
