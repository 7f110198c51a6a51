"""Whether each notice is told exactly once while the bot is killed again and again on a bad line.

A real `octet run` and a local Discord that limits, refuses, cuts and slows its requests by chance from a seed. Kills
are `kill -9`, most of them in the very moment in which a message, an edit or a thread was carried out and its answer is
on its way. The same on a variant that has neither nonce nor marker must double. An undisturbed run is the baseline.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import shutil
import signal
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bench.measure.octet import Octet, environment, octet, until
from bench.measure.report import Report, at_least, below
from sandbox.discord.model import ChatMessage
from sandbox.discord.server import Sandbox, SandboxSettings
from sandbox.discord.serving import open_sandbox
from sandbox.discord.world import Change

N = int(os.environ.get("N", "200"))
"""Notices. Each task has three: its card, its answer, its end."""
KILLS = 10 if N <= 200 else N // 5
CONTROL_N = 60
CONTROL_KILLS = 3
SEED = int(os.environ.get("SEED", "1"))
LINES = r"(POST|PATCH) /channels/\d+/messages(/\d+)?|POST /channels/\d+/messages/\d+/threads"
READ = r"GET /channels/\d+/messages"
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "limit", "seconds": 0.2, "probability": 0.02},
    {"kind": "limit", "seconds": 0.3, "is_global": True, "probability": 0.01},
    {"kind": "limit", "seconds": 2.0, "has_via": False, "probability": 0.01},
    {"kind": "error", "status": 500, "probability": 0.02},
    {"kind": "error", "status": 502, "executed": True, "probability": 0.02},
    {"kind": "error", "status": 503, "executed": True, "probability": 0.02},
    {"kind": "error", "status": 520, "probability": 0.02},
    {"kind": "drop", "probability": 0.02},
    {"kind": "drop", "executed": True, "probability": 0.02},
    {"kind": "delay", "seconds": 0.3, "probability": 0.05},
)
"""The mixture: about one request in five is struck."""
LONG: dict[str, Any] = {"kind": "limit", "seconds": 31.0, "times": max(1, N // 200), "probability": 0.05}
"""Longer than the library waits for."""
MOMENTS = ("message_create", "message_update", "thread_create", "any time")
AGENTS = '[[agents]]\nname = "Dry"\nrole = "waits"\ncapabilities = ["code"]\nlane = "dryrun"\n'
LIMIT_S = 180.0
"""The longest one life may take until everything is told."""
ROOT = Path(__file__).resolve().parent.parent


@dataclass(slots=True, kw_only=True)
class Told:
    """What a run came to."""

    notices: int
    lost: list[str]
    doubled: list[str]
    seconds: float
    kills: Counter[str] = field(default_factory=Counter[str])
    struck: int = 0


class OutboxWork:
    """Gives tasks and ends them, as often as it takes: the bot may be killed between a request and its answer."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.accepted: set[str] = set()

    async def give(self, running: Octet, session: aiohttp.ClientSession, wanted: int) -> None:
        """Until so many tasks were accepted in all."""
        while len(self.accepted) < wanted:
            made = await running.ask(session, "POST", "/api/v2/tasks", json={"brief": "Count the birds of this wood."})
            self.accepted.add(made["id"])

    async def end(self, running: Octet, session: aiohttp.ClientSession) -> int:
        """End what waits for an answer; gives the number of tasks that are not done yet."""
        for (number,) in self.rows("select number from tasks where state = 'waiting'"):
            path = f"/api/v2/tasks/T-{number}/done"
            await running.ask(session, "POST", path, json={"text": f"Birds of T-{number}, counted."})
        return self.rows("select count(*) from tasks where state != 'done'")[0][0]

    def untold(self) -> int:
        return self.rows("select count(*) from notice_posts where state = 'pending'")[0][0]

    def rows(self, query: str) -> list[Any]:
        with sqlite3.connect(f"file:{self._home / 'octet.db'}?mode=ro", uri=True, timeout=5) as database:
            return database.execute(query).fetchall()


async def measure(
    folder: Path, *, notices: int, kills: int, faults: Sequence[dict[str, Any]], module: str = "bot"
) -> Told:
    """One run: its lives end by kills but for the last, in which everything is told."""
    home = folder / "home"
    shutil.copytree(ROOT / "config", home / "config")
    (home / "config" / "agents.toml").write_text(AGENTS, encoding="utf-8")
    tasks, chance, counted = math.ceil(notices / 3), random.Random(SEED), Counter[str]()
    work = OutboxWork(home)
    async with open_sandbox(SandboxSettings(identify_every_s=0.0)) as sandbox:
        for number, fault in enumerate(faults):
            await sandbox.fault(route=f"{LINES}|{READ}", seed=SEED + number, **fault)
        environ = environment(os.environ, home, sandbox)
        began = 0.0
        for life in range(kills + 1):
            wanted = math.ceil(tasks * (life + 1) / (kills + 1))
            async with octet(home, environ, module=module) as running:
                began = began or time.perf_counter()
                if life == kills:
                    await last_life(running, work, wanted)
                else:
                    moment = MOMENTS[life % len(MOMENTS)]
                    with killing(sandbox, running.pid, moment, chance):
                        await short_life(running, work, wanted)
                    assert running.child.process.returncode == -signal.SIGKILL, "it ended by itself"
                    counted[moment] += 1
        seconds = time.perf_counter() - began
        return told(sandbox, work, seconds=seconds, kills=counted)


@contextmanager
def killing(sandbox: Sandbox, pid: int, moment: str, chance: random.Random) -> Iterator[None]:
    """Kill the process at one of the next such moments, at latest after some seconds."""
    left = chance.randint(1, 3)

    def kill() -> None:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it is dead already

    def hear(change: Change) -> None:
        nonlocal left
        is_ours = change.message is None or change.message.author_id == sandbox.world.bot.id
        if change.name == moment and is_ours:
            left -= 1
            if left == 0:
                kill()

    within_s = chance.uniform(0.2, 2.0) if moment == "any time" else 6.0
    timer = asyncio.get_running_loop().call_later(within_s, kill)
    forget = sandbox.world.subscribe(hear)
    try:
        yield
    finally:
        forget()
        timer.cancel()


async def short_life(running: Octet, work: OutboxWork, wanted: int) -> None:
    """Work until it is dead."""
    process = running.child.process
    async with aiohttp.ClientSession() as session, asyncio.timeout(60):
        while process.returncode is None:
            try:
                await work.give(running, session, wanted)
                await work.end(running, session)
            except (aiohttp.ClientError, OSError):
                pass  # it was killed under this request
            try:
                async with asyncio.timeout(0.05):
                    await process.wait()
            except TimeoutError:
                pass


async def last_life(running: Octet, work: OutboxWork, wanted: int) -> None:
    """Work until all tasks are done and everything is told."""
    async with aiohttp.ClientSession() as session:
        await work.give(running, session, wanted)

        async def everything_is_told() -> bool:
            return not await work.end(running, session) and not work.untold()

        await until(everything_is_told, LIMIT_S)


def told(sandbox: Sandbox, work: OutboxWork, *, seconds: float, kills: Counter[str]) -> Told:
    """Hold what stands in the channels against what had to be told."""
    numbers = {f"T-{number}" for (number,) in work.rows("select number from tasks")}
    texts = [text_of(sandbox, message) for message in sandbox.world.messages.values() if message.only_for is None]
    lost = [f"{task}: accepted, and not there" for task in sorted(work.accepted - numbers)]
    doubled: list[str] = []
    for task in sorted(numbers):
        card = [text for text in texts if f"-# {task} ·" in text]
        if card and "Done (not checked)" not in card[-1]:
            lost.append(f"{task}: its card does not show the end")
        end = [text for text in texts if f"finished {task}**" in text and f"Birds of {task}, counted." in text]
        for what, found in (("card", card), ("end", end)):
            if not found:
                lost.append(f"{task}: no {what}")
            doubled += [f"{task}: {what}"] * (len(found) - 1)
    for kind, task, error in work.rows(
        "select kind, task, error from notices join notice_posts on notice = id where state != 'sent'"
    ):
        lost.append(f"{task}: {kind} was not told ({error})")
    struck = len(sandbox.faults.hits)
    return Told(notices=2 * len(numbers), lost=lost, doubled=doubled, seconds=seconds, kills=kills, struck=struck)


def text_of(sandbox: Sandbox, message: ChatMessage) -> str:
    found = sandbox.payloads.message(message)
    texts = [found["content"]]

    def walk(parts: list[dict[str, Any]]) -> None:
        for part in parts:
            texts.append(str(part.get("content", "")))
            walk(part.get("components", []))

    walk(found["components"])
    return "\n".join(texts)


async def main() -> None:
    began = time.perf_counter()
    report = Report(name="outbox")
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as name:
        folder = Path(name)
        calm = await measure(folder / "calm", notices=N, kills=0, faults=())
        say(began, "undisturbed", calm)
        bad = await measure(folder / "bad", notices=N, kills=KILLS, faults=(*FAULTS, LONG))
        say(began, "killed on a bad line", bad)
        broken = await measure(
            folder / "broken",
            notices=min(N, CONTROL_N),
            kills=CONTROL_KILLS,
            faults=FAULTS,
            module="bench.measure.forgetful",
        )
        say(began, "the same without nonce and marker", broken)
    n = bad.notices
    rate, calm_rate = n / bad.seconds, calm.notices / calm.seconds
    report.add("notices_per_s", rate, "notices/s", n=n, least=min(N, 200), baseline=calm_rate)
    report.add("lost", len(bad.lost), "notices", n=n, least=min(N, 200), target=below(1))
    report.add("doubled", len(bad.doubled), "notices", n=n, least=min(N, 200), target=below(1))
    report.add("kills", sum(bad.kills.values()), "kills", n=n, target=at_least(KILLS))
    report.add("faults", bad.struck, "requests", n=n, target=at_least(1))
    report.add("lost_undisturbed", len(calm.lost) + len(calm.doubled), "notices", n=calm.notices, target=below(1))
    report.add(
        "controls_failed", 1 if broken.doubled else 0, "of 1 broken variant", n=broken.notices, target=at_least(1)
    )
    for line in report.refused:
        print(line)
    print(report.line(n=n, seconds=time.perf_counter() - began))


def say(began: float, what: str, run: Told) -> None:
    print(
        f"[{time.perf_counter() - began:5.1f} s] {what}: {run.notices} notices in {run.seconds:.1f} s,"
        f" kills {dict(run.kills)}, {run.struck} requests struck, lost {len(run.lost)}, doubled {len(run.doubled)}",
        flush=True,
    )
    for line in (*run.lost[:5], *run.doubled[:5]):
        print(f"          {line}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
