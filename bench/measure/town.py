"""A town under attack: eight demo windows on a virtual display, an Octet that is started again whenever it was killed,
somebody who always has work for it, and a person who helps where Octet asks for one."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bench.measure.desks import Screen, configure
from bench.measure.lives import Lives
from bench.measure.octet import environment
from bench.measure.tickets import Tickets
from sandbox.discord.server import Sandbox
from tests.fakes.demo_desktop import DesktopSession, open_desktop

ROOT = Path(__file__).resolve().parents[2]
UNDER_WAY = 8
"""So many tasks are always under way."""
WAITING = 4
"""And so many wait for the next free agent: on a slow machine several are free between two looks."""
_SLOW, _SLOW_S = 0.5, 8
_WORDS = ("birds", "Äpfel", "bees 🐝", "наук", "'quotes'", "tab\tstop", "$(ls)", "naïve", "日本", "→ arrows", "x" * 60)


@dataclass(slots=True, kw_only=True)
class Town:
    """What a run has, and what it came to so far."""

    lives: Lives
    desktop: DesktopSession
    only: str | None = None
    """The one agent that is given work; None: all of them."""
    briefs: dict[str, str] = field(default_factory=dict[str, str])
    """Each accepted task with what was asked: what Octet has acknowledged."""
    doubled_keys: list[str] = field(default_factory=list[str])
    helped: Counter[str] = field(default_factory=Counter[str])
    """What the person had to do."""
    under_way: list[int] = field(default_factory=list[int])
    """How many tasks were under way at moments in which Octet lived."""
    _asked: int = 0
    _waiting: dict[str, str] = field(default_factory=dict[str, str])
    """Keys and briefs that were sent and not acknowledged yet."""

    async def give_work(self, chance: random.Random, *, is_answered: bool) -> None:
        """Keep so many tasks under way, for ever. Each is asked for until it is acknowledged, and some twice.

        Without `is_answered` the agents say nothing, so that only a look, or a person, can tell what arrived.
        """
        while True:
            open_now = self.lives.rows("select count(*) from tasks where state not in ('done', 'cancelled', 'failed')")
            if open_now and self.lives.octet is not None:
                self.under_way.append(int(open_now[0][0]))
                for _ in range(UNDER_WAY + WAITING - int(open_now[0][0]) - len(self._waiting)):
                    self._asked += 1
                    self._waiting[f"k{self._asked}"] = brief(self._asked, chance, is_answered=is_answered)
                await self._send()
            await asyncio.sleep(0.05)

    async def _send(self) -> None:
        for key, text in list(self._waiting.items()):
            body = {"brief": text, "agent": self.only}
            made = await self.lives.ask("POST", "/tasks", json=body, headers={"Idempotency-Key": key})
            if made is None:
                return
            self.briefs[made["id"]] = text
            del self._waiting[key]
            if self._asked % 5 == 0:
                again = await self.lives.ask("POST", "/tasks", json=body, headers={"Idempotency-Key": key})
                if again is not None and again["id"] != made["id"]:
                    self.doubled_keys.append(f"{key}: {made['id']} and {again['id']}")

    async def settle_asked(self) -> None:
        """Ask for what was sent and not acknowledged, until it is."""
        while self._waiting:
            await self._send()
            await asyncio.sleep(0.05)

    async def heard(self) -> dict[str, list[str]]:
        """Return what was really submitted in each window."""
        return {window.name: await self.desktop.heard(window.name) for window in self.desktop.windows}

    @property
    def share_busy(self) -> float:
        """The share of looks at which there was work for every agent."""
        return sum(count >= UNDER_WAY for count in self.under_way) / max(1, len(self.under_way))


def brief(number: int, chance: random.Random, *, is_answered: bool) -> str:
    """Return a unique text of one to some lines. Half of the answers come only after any start of Octet."""
    lines = [f"Piece of work {number}"]
    if not is_answered:
        lines.append("demo: silent")
    elif chance.random() < _SLOW:
        lines.append(f"demo: wait {_SLOW_S}")
    lines += [" ".join(chance.choices(_WORDS, k=chance.randint(1, 6))) for _ in range(chance.randint(0, 3))]
    return "\n".join(lines)


@asynccontextmanager
async def open_town(
    folder: Path, *, module: str = "bot", sandbox: Sandbox | None = None, work_s: float = 1.0, agents: int = 8
) -> AsyncGenerator[Town]:
    """Open a town on a fresh home in `folder`; Octet is not started yet. `module` is the Octet in it, `agents` how
    many of the eight windows it has an agent for."""
    home = folder / "home"
    home.mkdir(parents=True)
    own = environment(os.environ, home, sandbox) | {"PYTHONPATH": str(ROOT)}
    own.pop("DISPLAY", None)
    tickets = Tickets(folder / "tickets")
    async with AsyncExitStack() as stack:
        desktop = await stack.enter_async_context(open_desktop(work_seconds=work_s, environ=_without_octets(own)))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        screen = Screen(display=desktop.display, xauthority=Path(desktop.xauthority))
        configure(home, [screen], windows=min(agents, len(desktop.windows)))
        armed = own | {"XAUTHORITY": desktop.xauthority, "OCTET_FAULT_POINTS": str(tickets.folder)}
        lives = Lives(home=home, environ=armed, tickets=tickets, session=session, module=module)
        try:
            yield Town(lives=lives, desktop=desktop)
        finally:
            await lives.stop()


def _without_octets(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the agents know of the environment: no token, no setting."""
    return {name: value for name, value in environ.items() if not name.startswith("OCTET_")}
