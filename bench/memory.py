"""What Octet takes of a machine: memory at rest and after many interactions, and the time of its starts.

At rest: a coordinator and one desk worker with the eight agents' windows of the demo. Memory is PSS over the tree of
processes: what several share is counted once, in parts. The windows and the display themselves do not count.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from bench.measure import desks, machine
from bench.measure.octet import Octet, claimed, environment, octet, until
from bench.measure.report import Report, at_most_times, below, median
from bot import runfile
from core.home import Home
from core.security.codes import TaskCodes
from core.security.keys import load_key
from sandbox.discord.model import InteractionKind
from sandbox.discord.server import Sandbox
from sandbox.discord.serving import open_sandbox

N = int(os.environ.get("N", "10000"))
"""Interactions in the end; the growth is from the first 1,000 on."""
FIRST = 1_000
FULL = 10_000
"""With fewer, the growth is told under another name."""
AT_ONCE = 10
AGENTS = 8
STARTS = 5
REPLIES = 20
MCP_CALLS = 50
"""Calls over MCP by each agent."""
SETTLE_S = 10.0
"""Rest before the memory at rest is read: the desk's first look, Discord's first words."""
CALM_S = 2.0
PERSON = "Ada"
ROOT = Path(__file__).resolve().parent.parent
IMPORTS = "import bot.app, bot.cli.commands, bot.cli.logs, bot.discord.client, bot.web.app, bot.web.server"
"""All that `octet run` has imported when it is ready and connected."""


async def main() -> None:
    began = time.perf_counter()
    report = Report(name="memory")
    measured = 0
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as folder:
        _imports(report)
        await _starts(report, Path(folder))
        _say(began, "imports and starts are measured")
        async with (
            desks.screens(Path(folder), count=1, windows=AGENTS, work_s=0.0) as screens,
            open_sandbox() as sandbox,
        ):
            home = _home(Path(folder) / "resting")
            desks.configure(home, screens, windows=AGENTS)
            desks.merge_cookies(screens, Path(folder) / "Xauthority")
            environ = environment(os.environ, home, sandbox) | {"XAUTHORITY": str(Path(folder) / "Xauthority")}
            async with octet(home, environ) as running:
                await claimed(running, sandbox, PERSON)
                await _rest(report, running)
                await _mcp(report, running)
                _say(began, "memory at rest, and with MCP in use, is measured")
                await _replies(report, running, environ)
                _say(began, "replies are measured")
                measured = await _growth(report, running, sandbox)
                _say(began, "growth is measured")
    for line in report.refused:
        print(line)
    print(report.line(n=measured, seconds=time.perf_counter() - began))


def _imports(report: Report) -> None:
    """Time processes that import everything and end, with bytecode in place; beside one that imports nothing."""
    _timed([sys.executable, "-c", IMPORTS])
    whole = [_timed([sys.executable, "-c", IMPORTS]) for _ in range(STARTS)]
    nothing = [_timed([sys.executable, "-c", "pass"]) for _ in range(STARTS)]
    report.add("import_s", median(whole), "s", n=STARTS, least=STARTS, baseline=median(nothing))


async def _starts(report: Report, folder: Path) -> None:
    """From the start of `octet run` to the first 200 of /readyz: each in a home that has nothing but config/."""
    took: list[float] = []
    for number in range(STARTS):
        home = _home(folder / f"start-{number}")
        agents = desks.configure(home, [desks.Screen(display=":0", xauthority=folder)], windows=AGENTS)
        assert len(agents) == AGENTS
        async with octet(home, environment(os.environ, home)) as running:
            took.append(running.ready_s)
    report.add("ready_s", median(took), "s", n=STARTS, least=STARTS, target=below(3))
    report.add("ready_slowest_s", max(took), "s", n=STARTS, least=STARTS, target=below(3))


async def _rest(report: Report, running: Octet) -> None:
    await running.desks_are_ready()
    await asyncio.sleep(SETTLE_S)
    processes = machine.tree({running.pid})
    assert len(processes) == 3, f"a coordinator, a desk worker and its watchdog, not {len(processes)} processes"
    bare = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import sys; sys.stdin.read()", stdin=subprocess.PIPE
    )
    await asyncio.sleep(0.5)
    baseline = machine.pss_kb({bare.pid}) / 1024
    assert bare.stdin is not None
    bare.stdin.close()
    await bare.wait()
    pss = machine.pss_kb({running.pid}) / 1024
    watchdog = min(machine.pss_kb({pid}) for pid in processes) / 1024
    report.add("watchdog_pss_mb", watchdog, "MiB", n=1, baseline=baseline, target=below(12))
    report.add("idle_pss_mb", pss, "MiB", n=1, baseline=baseline, target=below(250))


async def _mcp(report: Report, running: Octet) -> None:
    """Memory once agents have used MCP, whose library is imported with the first call."""
    idle = machine.pss_kb({running.pid}) / 1024
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    async with aiohttp.ClientSession() as session:
        for agent in range(1, AGENTS + 1):
            token = (await running.ask(session, "GET", f"/api/v2/agents/Agent-{agent}/env"))["OCTET_AGENT_TOKEN"]
            headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
            for _ in range(MCP_CALLS):
                async with session.post(f"{running.address}/mcp", json=call, headers=headers) as answer:
                    assert "result" in await answer.json()
    pss = machine.pss_kb({running.pid}) / 1024
    report.add("mcp_pss_mb", pss, "MiB", n=1, baseline=idle, target=below(250))


async def _replies(report: Report, running: Octet, environ: dict[str, str]) -> None:
    """`octet reply` by an agent's task code, as its prompt tells it, while Octet rests."""
    task = await _working(running)
    keys = Home(root=running.home)
    home_id = found.home_id if (found := runfile.running(running.home)) else ""
    code = TaskCodes(home_id=home_id, key=load_key(keys.codes_key)).code(task, 1)
    words = running.home / "words.md"
    line = [str(Path(sys.executable).with_name("octet")), "reply", task, "--code", code, "--file", str(words)]
    took: list[float] = []
    for number in range(REPLIES + 1):
        words.write_text(f"So far I have read {number} files.", encoding="utf-8")
        took.append(await asyncio.to_thread(_timed, line, environ))
    took = took[1:]  # the first one wrote the bytecode
    bare = [_timed([sys.executable, "-S", "-c", "pass"]) for _ in range(REPLIES)]
    report.add(
        "reply_ms",
        median(took) * 1000,
        "ms",
        n=REPLIES,
        least=REPLIES,
        baseline=median(bare) * 1000,
        target=at_most_times(8),
    )


async def _working(running: Octet) -> str:
    """Return a task whose prompt has arrived in a window, and which stays at work."""
    async with aiohttp.ClientSession() as session:
        asked = {"brief": "demo: wait 1\ndemo: silent\nSay something now and then."}
        task = str((await running.ask(session, "POST", "/api/v2/tasks", json=asked))["id"])

        async def works() -> bool:
            return (await running.ask(session, "GET", f"/api/v2/tasks/{task}"))["task"]["state"] == "working"

        await until(works)
    return task


async def _growth(report: Report, running: Octet, sandbox: Sandbox) -> int:
    """Return the tree's memory after the first 1,000 interactions, and after all of them."""
    done = 0
    first = last = 0.0
    kinds = itertools.cycle([InteractionKind.COMMAND, InteractionKind.AUTOCOMPLETE])
    for count in (FIRST, N):
        while done < count:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(AT_ONCE, count - done)):
                    group.create_task(_act(sandbox, next(kinds)))
                    done += 1
        await asyncio.sleep(CALM_S)
        first, last = first or machine.pss_kb({running.pid}), machine.pss_kb({running.pid})
    figure = "growth_10k_ratio" if N >= FULL else "growth_from_1k_ratio"
    report.add(figure, last / first, "", n=done, least=2 * FIRST, target=below(1.1) if N >= FULL else None)
    report.add("growth_kib_per_1k", (last - first) / (done - FIRST) * 1000, "KiB", n=done - FIRST, least=FIRST)
    return done


async def _act(sandbox: Sandbox, kind: InteractionKind) -> None:
    home = sandbox.world.home.id
    if kind is InteractionKind.COMMAND:
        interaction = await sandbox.person.slash(PERSON, home, "agent list", {})
    else:
        interaction = await sandbox.person.autocomplete(PERSON, home, "agent show", {"agent": "a"}, "agent")
    await interaction.settled.wait()
    assert interaction.failure is None, interaction.failure


def _home(home: Path) -> Path:
    home.mkdir()
    return home


def _timed(argv: Sequence[str], environ: dict[str, str] | None = None) -> float:
    """Seconds from the start of a process to its end, which must be a good one."""
    began = time.perf_counter()
    done = subprocess.run(argv, cwd=ROOT, env=environ, check=False, stdin=subprocess.DEVNULL, capture_output=True)
    took = time.perf_counter() - began
    assert done.returncode == 0, done.stderr.decode()
    return took


def _say(began: float, what: str) -> None:
    print(f"[{time.perf_counter() - began:5.1f} s] {what}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
