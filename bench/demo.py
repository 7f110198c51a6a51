"""How soon a user of the demo sees what happens: the acknowledgement, the card that says Working, the first answer.

Drives `octet demo` through its page's own sockets, without a browser, one task after the other. When a window took its
prompt is the time of the scripted agent's own record of it.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bench.measure.report import Report, below, median
from tests.e2e.demo import Demo, running_demo

N = int(os.environ.get("N", "20"))
AGENTS = 8
WORK_S = 2.0
"""How long a scripted agent works on a prompt; what it takes is subtracted from the time to its answer."""
REST_S = 1.5
"""Before each task: a channel takes five edits in five seconds, and each task's card needs two."""
LIMIT_S = 60.0


@dataclass(slots=True, kw_only=True)
class Page:
    """The page of a running demo, as its browser uses it."""

    root: str
    session: aiohttp.ClientSession
    news: aiohttp.ClientWebSocketResponse
    channel: str
    seen: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    times: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    async def ask(self, command: str, options: dict[str, Any]) -> dict[str, Any]:
        """Run a slash command as Ada."""
        body = {"user": "Ada", "channel": self.channel, "command": command, "options": options}
        async with self.session.post(f"{self.root}/sandbox/slash", json=body) as answer:
            return await answer.json()

    async def until(self, pattern: str) -> float:
        """Return when the first message of this task with this pattern arrived, in seconds of the clock."""
        async with asyncio.timeout(LIMIT_S):
            for place in itertools.count():
                if place == len(self.seen):
                    self.seen.append((await self.news.receive_str(), time.time()))
                text, at = self.seen[place]
                if re.search(pattern, text):
                    return at
        raise AssertionError

    async def measure(self, number: int, heard: Callable[[str], float]) -> None:
        """Send the task of this number to its agent and keep the times of what the user sees."""
        agent, task = f"Agent-{(number - 1) % AGENTS + 1}", f"T-{number}"
        await asyncio.sleep(REST_S)
        self.seen.clear()
        began = time.time()
        answer = await self.ask("task new", {"brief": f"Say hello.\ndemo: wait {WORK_S}", "agent": agent})
        assert answer["failure"] is None, answer["failure"]
        working = await self.until(rf"\*\*(Working|Done).*-# {task} ")  # a late card says only Done: that counts
        answered = await self.until(rf"\*\*{agent} finished {task}\*\*")
        self._keep("accepted", answer["ack_ms"])
        self._keep("card", (working - heard(agent)) * 1000)
        self._keep("first_answer", (answered - began - WORK_S) * 1000)
        await self.until(rf"\*\*Done.*-# {task} ")

    def _keep(self, figure: str, milliseconds: float) -> None:
        self.times.setdefault(figure, []).append(milliseconds)


async def main() -> None:
    began = time.perf_counter()
    report = Report(name="demo")
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as folder:
        async with (
            running_demo(Path(folder), "--port", "0") as demo,
            aiohttp.ClientSession(
                cookie_jar=aiohttp.CookieJar(unsafe=True)  # its host is an address
            ) as session,
        ):
            times = await _times(demo, session)
    for figure, target in (("accepted", 100), ("card", 300), ("first_answer", 1000)):
        values = times[figure]
        report.add(f"{figure}_ms", median(values), "ms", n=len(values), target=below(target))
        report.add(f"{figure}_max_ms", max(values), "ms", n=len(values), target=below(target))
    print(report.line(n=N, seconds=time.perf_counter() - began))


async def _times(demo: Demo, session: aiohttp.ClientSession) -> dict[str, list[float]]:
    """Open the page's link, and measure N tasks after a first one for each agent."""
    root = demo.address.partition("/?")[0]
    async with session.get(demo.address) as opened:
        opened.raise_for_status()
    async with session.get(f"{root}/sandbox/state") as state:
        channel = (await state.json())["channel_id"]
    async with session.ws_connect(f"{root}/sandbox/live?user=Ada", max_msg_size=0) as news:
        page = Page(root=root, session=session, news=news, channel=channel)
        for number in range(1, AGENTS + N + 1):
            if number == AGENTS + 1:
                page.times.clear()
            await page.measure(number, lambda agent: _heard(demo, agent))
        return page.times


def _heard(demo: Demo, agent: str) -> float:
    """Return when the agent's window took its latest prompt."""
    found = list(demo.temp.rglob(f"*/{agent.lower()}/heard.jsonl"))
    return found[0].stat().st_mtime


if __name__ == "__main__":
    asyncio.run(main())
