"""The check `history`: whether a prompt that a program's history lacks after a crash may be sent again.

The program is killed a hundred times between a prompt and its answer: half of the kills come while the prompt is on its
way, half just after the scripted model got it. Octet's own driver then looks into the history. A prompt that the model
got and the history lacks would come twice: one is enough for `writes_history_first = false`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from automation.acp.driver import AgentDriver
from automation.acp.messages import AcpAgent, Fact, Prepare
from automation.acp.program import mark
from automation.desktop.displays.child_process import marked
from bot.desk_workers import make_acp_agent
from core.config.loader import load
from core.deliveries.model import DeliveryId, DeliveryRequest, Result, TurnEnd
from core.home import Home
from sandbox.llm.server import ScriptedApi, serve
from scripts.agents import programs
from scripts.agents.meeting import ACP, KEY, write_config
from scripts.agents.programs import Rig

KILLS = 100
ENOUGH = 5  # so many missing prompts end the check
LATEST_S = 0.1  # after the model got the prompt
ROUND_S = 240.0
HEARD, MISSING = "heard and in its history", "heard and not in its history"


async def try_history(name: str) -> dict[str, object]:
    """Kill the program of this name a hundred times; return how often its history held what the model had heard."""
    folder = Path(tempfile.mkdtemp(prefix="oct-"))
    try:
        async with serve() as model, asyncio.TaskGroup() as group:
            model.key = KEY
            rig = Rig(home=folder / "home", folder=folder / "home/work", model_url=model.base_url, key=KEY)
            programs.configure(name, rig)
            write_config(folder / "octet", name, ACP, rig)
            config = load(Home(root=folder / "octet"))
            agent = make_acp_agent(config, config.agents[0], os.environ)
            trusting = replace(agent, program=replace(agent.program, writes_history_first=True))
            victim = Victim(trusting, model, group)
            try:
                return {**await victim.kill_often(), "is trusted": agent.program.writes_history_first}
            finally:
                await victim.driver.end_program()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Victim:
    """The program that is killed, under Octet's driver."""

    def __init__(self, agent: AcpAgent, model: ScriptedApi, group: asyncio.TaskGroup) -> None:
        self.agent, self.model = agent, model
        self.driver = AgentDriver(agent, group, self._report)

    async def kill_often(self) -> dict[str, object]:
        found, notes = Counter[str](), Counter[str]()
        usual_s = await self._time_prompt()
        for number in range(KILLS):
            share = (number // 2) / (KILLS // 2)
            word, note = "not settled", ""
            try:
                async with asyncio.timeout(ROUND_S):
                    word, note = await self._kill_once(number, share, usual_s)
            except TimeoutError:
                await self.driver.end_program()
            found[word] += 1
            if note:
                notes[f"{word}: {note}"[:300]] += 1
            print(f"    {number}: {word} {note}", flush=True)
            if found[MISSING] == ENOUGH:
                break
        return {**found, "kills": found.total(), "notes": [f"{count} × {note}" for note, count in notes.items()]}

    async def _kill_once(self, number: int, share: float, usual_s: float) -> tuple[str, str]:
        """Kill it once: in even rounds on the prompt's way, in odd ones after the model got it. Return what the history
        and the model say of the prompt."""
        order = _order(number, f"Kill {number} of the check: count to three.\ndemo: wait 60")
        sign, before = f"Kill {number} of", len(self.model.heard)
        trouble, _ = await self.driver.prepare(_ready(self.agent))
        if trouble is not None:
            return "not settled", f"{trouble.reason} {trouble.note}"
        writing = asyncio.ensure_future(self.driver.prompt(order))
        if number % 2:
            await _until_heard(self.model, sign, before)
            await asyncio.sleep(share * LATEST_S)
        else:
            await asyncio.sleep(share * usual_s)
        self._kill()
        await writing
        settled = await self.driver.settle(order)
        has_heard = any(sign in one for one in self.model.heard[before:])
        if settled.result is Result.UNKNOWN:
            return f"{'heard' if has_heard else 'not heard'}, history not shown", settled.note
        if settled.result is Result.DELIVERED:
            return (HEARD if has_heard else "not heard, in its history"), ""
        return (MISSING if has_heard else "not heard, not in its history"), ""

    async def _time_prompt(self) -> float:
        """Return how long a prompt is on its way to the model, after one that begins the conversation."""
        took_s = 0.0
        for number in (-2, -1):
            trouble, _ = await self.driver.prepare(_ready(self.agent))
            assert trouble is None, trouble
            began_s, before = time.monotonic(), len(self.model.heard)
            writing = asyncio.ensure_future(self.driver.prompt(_order(number, f"Warm-up {number} of the check.")))
            await _until_heard(self.model, f"Warm-up {number}", before)
            took_s = time.monotonic() - began_s
            await writing
            await self.driver.idle.wait()
        return took_s

    def _kill(self) -> None:
        """Kill the program and all that it started."""
        for pid in marked(mark(self.agent)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _report(self, fact: Fact) -> None:
        if isinstance(fact, TurnEnd):
            self.driver.note_end_stored(fact.delivery)


def _ready(agent: AcpAgent) -> Prepare:
    return Prepare(agent=agent.name, begins_task=False, is_asked=True)


def _order(number: int, text: str) -> DeliveryRequest:
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return DeliveryRequest(
        delivery=DeliveryId(f"D{number}"), fence=1, agent="Agent", desk=None, window=None, text=text, sha256=sha256
    )


async def _until_heard(model: ScriptedApi, sign: str, before: int) -> None:
    async with model.hears:
        await model.hears.wait_for(lambda: any(sign in one for one in model.heard[before:]))
