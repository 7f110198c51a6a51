"""How fast Octet takes agents' messages while eight desks deliver, and answers an agent's tool call over MCP.

Messages come by HTTP at their moments, however long the answers take: from the request to the answer, after which the
message is durable and in the inbox. They are statuses, which wake no agent: the windows could not type so many. Every
agent sends to the next one. The baseline of the median is a bare commit, that of the p99 the same while the desks are
idle. The users' commands are those of `ack`.

Then an Octet without desks gets as many messages as it takes: each of many senders sends its next one at once. What it
accepts waits less than a second; what it cannot take it refuses.

The calls over MCP use one connection of a plain HTTP client, which costs less than the official client, beside an Octet
that hands tasks to dry-run agents. The tool is `my_task`, which says that its agent has no task: a dry-run agent never
keeps one. The baseline is a server of the SDK whose tool answers a constant.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp

from bench.ack import PER_SECOND as COMMANDS_PER_SECOND
from bench.ack import deliveries, eight_desks
from bench.measure.commits import commit_ms
from bench.measure.octet import Octet, environment, octet, retry_after_s, until
from bench.measure.report import LEAST_P50, LEAST_P99, Report, at_least, below, median, percentile
from bot.cli.children import child

N = int(os.environ.get("N", "1000"))
"""Calls over MCP, and users' commands while messages come."""
PER_SECOND = 160
IDLE_S = 10
LIMITS = {"OCTET_TALK__PER_PAIR_PER_MINUTE": "1000", "OCTET_TALK__PER_TRACE": "100000"}
"""The messages are news of many minutes; with the default limits Octet would stop them."""
AGENTS = 8
READS_EACH = 8  # messages to one read of an inbox
SENDERS = 8
"""Of each agent, where Octet gets as much as it takes."""
MOST_S = 10
TASKS_PER_SECOND = 10
_AGENT = '[[agents]]\nname = "Agent-{}"\nrole = "waits"\ncapabilities = []\nlane = "dryrun"\n'
_CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "my_task", "arguments": {}}}
_ACCEPT = {"Accept": "application/json, text/event-stream"}


async def main() -> None:
    began = time.perf_counter()
    report = Report(name="messages")
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as folder:
        sent = await _hub(report, Path(folder))
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as folder:
        home = Path(folder) / "home"
        (home / "config").mkdir(parents=True)
        (home / "config/octet.toml").touch()
        agents = "\n".join(map(_AGENT.format, range(1, AGENTS + 1)))
        (home / "config/agents.toml").write_text(agents, encoding="utf-8")
        environ = {**environment(os.environ, home), **LIMITS}
        async with octet(home, environ) as running, aiohttp.ClientSession() as session:
            sent += await _most(report, running)
            await _calls(report, running, session)
    for line in report.refused:
        print(line)
    print(report.line(n=2 * N + sent, seconds=time.perf_counter() - began))


async def _hub(report: Report, folder: Path) -> int:
    """Measure messages and users' commands beside eight busy desks; return how many messages there were."""
    async with eight_desks(folder, LIMITS) as here:
        talk = _Talk(here.running, here.agents)
        bare = commit_ms()
        idle = await talk.for_seconds(IDLE_S)
        here.say("messages to idle desks are measured")
        async with asyncio.TaskGroup() as group:
            feed = group.create_task(here.work.keep_coming())
            await until(here.work.is_flowing)
            begin_ms = time.time() * 1000
            sending = group.create_task(talk.for_seconds(N / COMMANDS_PER_SECOND))
            acks = await here.people.steadily(N, COMMANDS_PER_SECOND)
            busy = await sending
            end_ms = time.time() * 1000
            feed.cancel()
        here.say("messages to busy desks are measured")
    work = deliveries(folder / "home" / "octet.db", begin_ms, end_ms)
    worst, base = percentile(busy, 0.99), percentile(idle, 0.99)
    report.add("hub_p50_ms", median(busy), "ms", n=len(busy), least=LEAST_P50, baseline=bare)
    report.add("hub_idle_p50_ms", median(idle), "ms", n=len(idle), least=LEAST_P50, baseline=bare)
    report.add("hub_p99_ms", worst, "ms", n=len(busy), least=LEAST_P99, baseline=base, target=below(100))
    rate = len(busy) / (end_ms - begin_ms) * 1000
    report.add("hub_refused", talk.refused, "messages", n=len(busy) + talk.refused)
    report.add("hub_per_s", rate, "messages", n=len(busy), target=at_least(0.95 * PER_SECOND))
    report.add("ack_p99_ms", percentile(acks.acks, 0.99), "ms", n=len(acks.acks), least=LEAST_P99, target=below(100))
    report.add("not_acknowledged", len(acks.failures), "interactions", n=2 * N, target=below(1))
    if work.share_busy >= 0.9:
        report.add("share_busy", work.share_busy, "of the time", n=sum(work.ended.values()))
    else:
        share = f"six desks delivered for {work.share_busy:.0%} of the time"
        report.refused.append(f"share_busy is not told: {share}, so the figures above are not those of busy desks")
    return len(idle) + len(busy)


async def _most(report: Report, running: Octet) -> int:
    """Measure how many messages Octet takes at the most, and how long those wait."""
    talk = _Talk(running, [f"Agent-{number}" for number in range(1, AGENTS + 1)])
    took = await talk.at_most(MOST_S)
    n, worst = len(took), percentile(took, 0.99)
    report.add("hub_most_per_s", n / MOST_S, "messages", n=n, target=at_least(400))
    report.add("hub_most_p99_ms", worst, "ms", n=n, least=LEAST_P99, baseline=commit_ms(), target=below(1_000))
    report.add("hub_most_refused", talk.refused, "messages", n=n + talk.refused)
    return n


class _Talk:
    """Sends messages as the agents."""

    def __init__(self, running: Octet, agents: Sequence[str]) -> None:
        self._octet, self._agents, self._numbers = running, agents, itertools.count()
        self._read = dict.fromkeys(agents, 0)  # up to which place each has confirmed its inbox
        self.refused = 0

    async def at_most(self, seconds: float) -> list[float]:
        """Send from each agent without a rest, each message to another one; return the milliseconds of the accepted."""
        took = list[float]()
        async with aiohttp.ClientSession() as session:
            tokens = await self._tokens(session)
            end = time.perf_counter() + seconds

            async def keep_on(place: int) -> None:
                for step in itertools.cycle(range(1, len(tokens))):
                    if time.perf_counter() >= end:
                        return
                    to = self._agents[(place + step) % len(tokens)]
                    await self._send(session, took, tokens[place], to)

            await asyncio.gather(*(keep_on(number % len(tokens)) for number in range(SENDERS * len(tokens))))
        return took

    async def _read_inbox(self, session: aiohttp.ClientSession, agent: str) -> None:
        token = (await self._octet.ask(session, "GET", f"/api/v2/agents/{agent}/env"))["OCTET_AGENT_TOKEN"]
        headers, body = {"Authorization": f"Bearer {token}"}, {"after": self._read[agent]}
        page = await self._octet.ask(session, "POST", "/api/v2/replies/inbox", json=body, headers=headers)
        self._read[agent] = max(self._read[agent], page["high_water"])

    async def _tokens(self, session: aiohttp.ClientSession) -> list[str]:
        env = [await self._octet.ask(session, "GET", f"/api/v2/agents/{one}/env") for one in self._agents]
        return [one["OCTET_AGENT_TOKEN"] for one in env]

    async def for_seconds(self, seconds: float) -> list[float]:
        """Send each message at its moment; return the milliseconds of each."""
        took = list[float]()
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
            tokens = await self._tokens(session)
            began = time.perf_counter()
            for number in range(round(seconds * PER_SECOND)):
                await asyncio.sleep(max(0.0, began + number / PER_SECOND - time.perf_counter()))
                place = number % len(tokens)
                group.create_task(self._send(session, took, tokens[place], self._agents[place - 1]))
        return took

    async def _send(self, session: aiohttp.ClientSession, took: list[float], token: str, to: str) -> None:
        number = next(self._numbers)
        body = {"to": to, "text": f"File {number} is read.", "kind": "status", "key": str(number)}
        try:
            if number % READS_EACH == 0:  # only so many messages wait for an agent
                await self._read_inbox(session, to)
            began = time.perf_counter()
            answer = await self._octet.ask_once(
                session, "POST", "/api/v2/replies/messages", json=body, headers={"Authorization": f"Bearer {token}"}
            )
        except aiohttp.ClientResponseError as refused:
            if refused.status not in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.CONFLICT}:  # busy; an inbox is full
                raise
            self.refused += 1
            await asyncio.sleep(retry_after_s(refused))
            return
        assert not answer["left_out"]
        took.append((time.perf_counter() - began) * 1000)


async def _calls(report: Report, running: Octet, session: aiohttp.ClientSession) -> None:
    token = (await running.ask(session, "GET", "/api/v2/agents/Agent-1/env"))["OCTET_AGENT_TOKEN"]
    headers = {"Authorization": f"Bearer {token}", **_ACCEPT}

    async def call(address: str = running.address) -> Any:
        async with session.post(f"{address}/mcp", json=_CALL, headers=headers) as answer:
            return await answer.json()

    async def plain() -> Any:
        async with session.get(f"{running.address}/api/v2/replies/task", headers=headers) as answer:
            return await answer.json()

    async with asyncio.TaskGroup() as group:
        work = group.create_task(_work(running, session))
        argv = [sys.executable, "-m", "bench.measure.bare_mcp"]
        async with child("a bare MCP server", argv, os.environ, log=running.home / "bare.log") as server:
            address = f"http://127.0.0.1:{await server.first_json()}"
            bare = await _timed(lambda: call(address))
        direct, took = await _timed(plain), await _timed(call)
        work.cancel()
    assert (await call())["result"]["structuredContent"]["code"] == "no_current_task"
    report.add("mcp_call_p50_ms", median(took), "ms", n=N, least=LEAST_P50, baseline=median(bare))
    report.add("mcp_without_ms", median(direct), "ms", n=N, least=LEAST_P50, baseline=median(bare))
    worst, base = percentile(took, 0.99), percentile(bare, 0.99)
    report.add("mcp_call_p99_ms", worst, "ms", n=N, least=LEAST_P99, baseline=base, target=below(50))


async def _timed(act: Callable[[], Awaitable[Any]]) -> list[float]:
    """Return the milliseconds of each act, one after the other."""
    took = list[float]()
    for _ in range(N):
        began = time.perf_counter()
        await act()
        took.append((time.perf_counter() - began) * 1000)
    return took


async def _work(running: Octet, session: aiohttp.ClientSession) -> None:
    """Give tasks to the agents until cancelled."""
    for number in itertools.count():
        asked = {"brief": "Count the birds", "agent": f"Agent-{1 + number % AGENTS}"}
        await running.ask(session, "POST", "/api/v2/tasks", json=asked)
        await asyncio.sleep(1 / TASKS_PER_SECOND)


if __name__ == "__main__":
    asyncio.run(main())
