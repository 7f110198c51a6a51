"""Deliveries among thieves: brought by the real lane as the courier does it, or by the loop that most people write."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

from bench.measure.arena import ENDS, Arena, Shot
from core.deliveries.model import Outcome, Result
from tests.fakes.desk import ROOT, Commits, make_order

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 1.0
"""Between two attempts, as the design has it for bounces."""


def text_of(number: int) -> str:
    """Return a unique text with what breaks careless deliveries."""
    return f"«{number:05d}» Prüfe das, bitte 🐝\n\n\tif x:  # 日本 {number}\n\t\treturn 'naïve'\n«end of {number:05d}»"


async def bring(arena: Arena, shot: Shot, give_up: asyncio.Event) -> None:
    """Try until it has ended, as the courier does; a try under way is not broken off when it is time to give up."""
    assert arena.desk is not None
    pause_s, name, fence = FIRST_PAUSE_S, shot.agent.name, 0
    left: tuple[str, ...] = ()
    while not give_up.is_set():
        commits, fence = Commits(), fence + 1
        arena.leftovers.commits[name] = commits
        order = make_order(name, shot.text, delivery=shot.text[1:6], fence=fence)
        outcome = await arena.desk.lane.deliver(replace(order, drafts=left), commits)
        shot.outcome = outcome
        left = tuple(commits.drafts) if outcome.draft_left and commits.drafts else left if outcome.draft_left else ()
        if not outcome.draft_left:
            commits.drafts.clear()
        if outcome.result in ENDS:
            shot.ended_s = time.monotonic()
            return
        shot.why.append(f"{outcome.result} {outcome.reason or ''} {outcome.note}".strip())
        try:
            await asyncio.wait_for(give_up.wait(), pause_s)
        except TimeoutError:
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


@asynccontextmanager
async def naive_loop(arena: Arena) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Start the loop that most people write, ready for orders."""
    environ = {**arena.display.environ, "PYTHONPATH": str(ROOT)}
    with (arena.folder / "naive.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.measure.naive"),
            env=environ,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            assert await process.stdout.readline() == b"ready\n", "naive.log tells why"
        yield process
    finally:
        process.kill()
        await process.wait()


async def bring_naively(arena: Arena, shot: Shot, loop: asyncio.subprocess.Process) -> None:
    """Let it be clicked, pasted and sent, and believe it."""
    assert loop.stdin is not None
    assert loop.stdout is not None
    x, y = arena.composer(shot.agent)
    profile = arena.profile(shot.agent)
    order = {
        "x": x,
        "y": y,
        "text": shot.text,
        "selection": profile.selection.upper(),
        "paste": profile.paste.split("+"),
    }
    loop.stdin.write(json.dumps(order).encode() + b"\n")
    await loop.stdin.drain()
    async with asyncio.timeout(60):
        assert await loop.stdout.readline() == b"delivered\n", "naive.log tells why"
    shot.outcome, shot.ended_s = Outcome(result=Result.DELIVERED), time.monotonic()
