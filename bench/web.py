"""What the page costs, and how soon it hears and answers, while eight desks deliver back to back.

A page is here its two WebSockets, with a log-in as a browser has it. Only `feedback_p95_ms` needs a browser: from the
key that sends a message to the moment at which Chromium shows it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Page, async_playwright

from bench.ack import EightDesks, Measured, eight_desks
from bench.measure import machine
from bench.measure.octet import Octet, until
from bench.measure.report import LEAST_P50, LEAST_P99, Report, at_most_times, below, median, percentile
from scripts import page as building

N = int(os.environ.get("N", "400"))
"""Requests over HTTP, and as many interactions, with and without pages; from 1,000 on there is a p99 of these."""
PER_SECOND = 200
ACKS_PER_SECOND = 32
PAGES, PAGES_OF_USER = 50, 20
SPAN_S = float(os.environ.get("SPAN_S", "5"))
"""How long the processor's time is read for, with and without pages."""
START_S = 15.0  # until the agents have their long tasks
NEWS, FEEDBACKS = LEAST_P50, 60
TURNS = 4
WATCHED = 8
TICKS_PER_S = 100
CHROMIUM = "/usr/bin/chromium"
COOKIE, SECRET = "octet-log-in", "octet-log-in"
READS = ("/api/v2/tasks", "/api/v2/agents", "/api/v2/fleet/needs-me", "/api/v2/tasks/T-1", "/api/v2/agents/Agent-1")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogIn:
    """A browser's two secrets, and its link before it used it."""

    cookie: str
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Cookie": f"{COOKIE}={self.cookie}", SECRET: self.secret}


@dataclass(slots=True)
class OpenPage:
    """One page: what it heard, with the moment of each message, and how many pictures it got."""

    heard: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    pictures: int = 0
    size: int = 0


async def log_in(running: Octet, session: aiohttp.ClientSession, who: str | None = None) -> LogIn:
    """Log a browser in as the operator, or as this user."""
    link = await running.ask(session, "POST", "/api/v2/page-links", json={"who": who} if who else {})
    code = str(link["address"]).partition("#")[2]
    async with session.post(f"{running.address}/log-in", json={"code": code}) as answer:
        answer.raise_for_status()
        return LogIn(cookie=answer.cookies[COOKIE].value, secret=str((await answer.json())["secret"]))


@asynccontextmanager
async def open_page(
    running: Octet, session: aiohttp.ClientSession, own: LogIn, agents: Sequence[str] = ()
) -> AsyncGenerator[OpenPage]:
    """Hold a page open, which shows these agents live."""
    page = OpenPage()
    async with AsyncExitStack() as stack:
        group = await stack.enter_async_context(asyncio.TaskGroup())
        said: list[tuple[str, dict[str, Any]]] = [("/api/v2/live", {})]
        said += [("/api/v2/live/windows", {"agents": list(agents)})] if agents else []
        readers: list[asyncio.Task[None]] = []
        for path, more in said:
            opened = session.ws_connect(f"{running.address}{path}", headers=own.headers, max_msg_size=0)
            socket = await stack.enter_async_context(opened)
            await socket.send_json({"secret": own.secret, **more})
            readers.append(group.create_task(_read(socket, page)))
        try:
            yield page
        finally:
            for one in readers:
                one.cancel()


async def _read(socket: aiohttp.ClientWebSocketResponse, page: OpenPage) -> None:
    async for message in socket:
        now = time.perf_counter()
        if message.type is aiohttp.WSMsgType.BINARY:
            data: bytes = message.data
            end = 4 + int.from_bytes(data[:4])
            page.pictures += bool(json.loads(data[4:end])["is_new"])
            page.size += len(data)
        elif message.type is aiohttp.WSMsgType.TEXT:
            page.heard += [(now, one["subject"]) for one in json.loads(message.data)["changes"]]


async def cores(running: Octet, *, s: float = SPAN_S) -> float:
    """Return how much of a core Octet and its workers use, in percent."""
    before, began = machine.own_jiffies({running.pid}), time.perf_counter()
    await asyncio.sleep(s)
    return 100 * (machine.own_jiffies({running.pid}) - before) / TICKS_PER_S / (time.perf_counter() - began)


async def live_windows(report: Report, here: EightDesks, session: aiohttp.ClientSession, own: LogIn) -> None:
    """Show eight windows live, each of another desk, in turns with none. Their agents work on one long task each, and
    show the seconds: so each look brings a new picture."""
    brief = f"demo: wait {4 * SPAN_S + START_S}\ndemo: silent\nThink about it."
    by_desk = here.agents[:: len(here.agents) // WATCHED][:WATCHED]
    known = await here.running.ask(session, "GET", "/api/v2/tasks", params={"limit": 500})
    for one in known["items"]:  # what warmed Octet up may still hold an agent
        await here.running.ask(session, "POST", f"/api/v2/tasks/{one['id']}/cancel", json={})
    tasks = [
        await here.running.ask(session, "POST", "/api/v2/tasks", json={"brief": brief, "agent": agent})
        for agent in by_desk
    ]
    paths = [f"/api/v2/tasks/{one['id']}" for one in tasks]

    async def all_work() -> bool:
        states = [(await here.running.ask(session, "GET", path))["task"]["state"] for path in paths]
        return all(one == "working" for one in states)

    await until(all_work)
    without, watched, pictures = list[float](), list[float](), 0
    for _ in range(2):
        without.append(await cores(here.running))
        async with open_page(here.running, session, own, by_desk) as page:
            await until(lambda page=page: _has(page, WATCHED))
            got = page.pictures
            watched.append(await cores(here.running))
            pictures += page.pictures - got
    for path in paths:
        await here.running.ask(session, "POST", f"{path}/done", json={"text": "Thought."})
    added, looks = sum(watched) / 2 - sum(without) / 2, round(WATCHED * SPAN_S * 2)
    report.add("eight_windows_core_percent", added, "%", n=pictures, baseline=sum(without) / 2, target=below(10))
    print(f"{pictures} of {looks} looks brought a new picture")


async def _has(page: OpenPage, pictures: int) -> bool:
    return page.pictures >= pictures


def first_screen(report: Report) -> None:
    """Count what a browser loads before it shows anything."""
    sizes = building.first_screen()
    report.add("first_screen_kb", sum(sizes.values()) / 1000, "kB", n=len(sizes), target=below(150))


async def fifty_pages(report: Report, here: EightDesks, session: aiohttp.ClientSession) -> None:
    users = [None, *(f"discord:{number}" for number in range(901, 900 + -(-PAGES // PAGES_OF_USER)))]
    for who in filter(None, users):
        await here.running.ask(session, "POST", "/api/v2/admin/roles", json={"who": who, "role": "operator"})
    log_ins = [await log_in(here.running, session, who) for who in users]
    calm, before_kb = await cores(here.running), machine.pss_kb({here.running.pid})
    async with AsyncExitStack() as stack:
        pages = [
            await stack.enter_async_context(open_page(here.running, session, log_ins[number // PAGES_OF_USER]))
            for number in range(PAGES)
        ]
        opened = await cores(here.running)
        grown = (machine.pss_kb({here.running.pid}) - before_kb) / 1024
        assert len(pages) == PAGES
    report.add("fifty_pages_mb", grown, "MB", n=PAGES, target=below(3))
    report.add("fifty_pages_core_percent", opened - calm, "%", n=PAGES, baseline=calm, target=below(5))


async def news(report: Report, here: EightDesks, session: aiohttp.ClientSession, own: LogIn) -> None:
    """Time from the answer to the request that changed something to the page's message about it."""
    took = list[float]()
    async with open_page(here.running, session, own) as page:
        for number in range(NEWS):
            task = await here.running.ask(
                session, "POST", "/api/v2/tasks", json={"brief": f"Wait {number}", "agent": here.agents[0]}
            )
            subject, done = f"task:{task['id']}", time.perf_counter()

            async def heard(subject: str = subject) -> bool:
                return any(one == subject for _, one in page.heard)

            await until(heard)
            took.append(1000 * (next(at for at, one in page.heard if one == subject) - done))
            page.heard.clear()
            await here.running.ask(session, "POST", f"/api/v2/tasks/{task['id']}/cancel", json={})
            await asyncio.sleep(0.15)
    report.add("event_p50_ms", max(0.0, median(took)), "ms", n=NEWS, least=LEAST_P50, target=below(100))


async def requests(
    here: EightDesks, session: aiohttp.ClientSession, own: LogIn, paths: Sequence[str], n: int
) -> list[float]:
    """Send so many requests, each at its moment however long the answers take; return their milliseconds."""
    took = list[float]()

    async def one(path: str) -> None:
        began = time.perf_counter()
        async with session.get(f"{here.running.address}{path}", headers=own.headers) as answer:
            await answer.read()
            answer.raise_for_status()
        took.append(1000 * (time.perf_counter() - began))

    began, names = time.perf_counter(), itertools.cycle(paths)
    async with asyncio.TaskGroup() as group:
        for number in range(n):
            await asyncio.sleep(max(0.0, began + number / PER_SECOND - time.perf_counter()))
            group.create_task(one(next(names)))
    return took


async def rest(report: Report, here: EightDesks, session: aiohttp.ClientSession, own: LogIn) -> None:
    """Ask for lists and single things at 200 a second, in turns with `/livez`, which only says that Octet is there."""
    took, plain = list[float](), list[float]()
    for _ in range(TURNS):
        took += await requests(here, session, own, READS, N // TURNS)
        plain += await requests(here, session, own, ["/livez"], N // TURNS)
    base = percentile(plain, 0.95)
    report.add(
        "rest_p95_ms", percentile(took, 0.95), "ms", n=len(took), least=LEAST_P50, baseline=base, target=below(20)
    )


async def acks(report: Report, here: EightDesks, session: aiohttp.ClientSession, own: LogIn) -> None:
    """Send commands in Discord with five pages open, one of them with eight live windows, in turns with none."""
    without, beside = Measured(), Measured()
    by_desk = here.agents[:: len(here.agents) // WATCHED][:WATCHED]
    for _ in range(TURNS):
        without.taken += (await here.people.steadily(N // TURNS, ACKS_PER_SECOND)).taken
        async with AsyncExitStack() as stack:
            for number in range(5):
                await stack.enter_async_context(open_page(here.running, session, own, by_desk if number == 0 else ()))
            beside.taken += (await here.people.steadily(N // TURNS, ACKS_PER_SECOND)).taken
    base, worst = percentile(without.acks, 0.99), percentile(beside.acks, 0.99)
    target = at_most_times(1.25)
    report.add("ack_p99_ms", worst, "ms", n=len(beside.acks), least=LEAST_P99, baseline=base, target=target)


_FEEDBACK = """(text) => new Promise((done) => {
    const field = document.querySelector('textarea')
    const log = document.querySelector('[role=log]')
    let began = 0
    const seen = new MutationObserver(() => {
        if (!log.textContent.includes(text)) return
        seen.disconnect()
        requestAnimationFrame(() => done(performance.now() - began))
    })
    seen.observe(log, { childList: true, subtree: true, characterData: true })
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set.call(field, text)
    field.dispatchEvent(new Event('input', { bubbles: true }))
    requestAnimationFrame(() => {
        began = performance.now()
        field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }))
    })
})"""


async def feedback(report: Report, here: EightDesks, session: aiohttp.ClientSession) -> None:
    """Time from Enter in a chat to the frame that shows the message."""
    link = await here.running.ask(session, "POST", "/api/v2/page-links", json={})
    async with async_playwright() as playwright:
        options = ["--disable-gpu", "--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        page = await browser.new_page()
        await page.goto(str(link["address"]))
        await page.get_by_role("button", name="Log in").click()
        await page.get_by_role("heading", name="Home").wait_for()
        took = await _feedbacks(page, f"{here.running.address}/page/chat/agent/{here.agents[-1]}")
        await browser.close()
    report.add("feedback_p95_ms", percentile(took, 0.95), "ms", n=len(took), least=FEEDBACKS, target=below(50))


async def _feedbacks(page: Page, address: str) -> list[float]:
    await page.goto(address)
    await page.get_by_role("log").wait_for()
    took = list[float]()
    for number in range(FEEDBACKS):
        took.append(float(await page.evaluate(_FEEDBACK, f"Message {number} of the benchmark")))
        await page.get_by_role("button", name="Send").wait_for()
        await page.wait_for_function("() => !document.querySelector('[data-loading]')")
    return took


async def main() -> None:
    began = time.perf_counter()
    report = Report(name="web")
    building.main()
    first_screen(report)
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as folder:
        async with eight_desks(Path(folder)) as here, aiohttp.ClientSession() as session:
            own = await log_in(here.running, session)
            await live_windows(report, here, session, own)
            here.say("live windows are measured")
            await fifty_pages(report, here, session)
            here.say("fifty pages are measured")
            async with asyncio.TaskGroup() as group:
                feed = group.create_task(here.work.keep_coming())
                await until(here.work.is_flowing)
                await rest(report, here, session, own)
                await news(report, here, session, own)
                here.say("requests and news are measured")
                await acks(report, here, session, own)
                here.say("acknowledgements are measured")
                await feedback(report, here, session)
                feed.cancel()
    for line in report.refused:
        print(line)
    print(report.line(n=N * 2, seconds=time.perf_counter() - began))


async def _within_limit() -> None:
    async with asyncio.timeout(600 + 10 * SPAN_S):
        await main()


if __name__ == "__main__":
    asyncio.run(_within_limit())
