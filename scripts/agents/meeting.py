"""One program, one agent, one Octet: what the scripted model received is held against what Octet says of it."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import tomlkit

from bench.measure.lives import Lives
from bench.measure.octet import environment as octet_environment
from bench.measure.tickets import Tickets
from bot.cli.init.templates import copy_templates
from core.config.loader import load
from core.home import Home
from sandbox.llm.server import ScriptedApi, serve
from scripts.agents import programs
from scripts.agents.programs import PROGRAMS, ROOT, Rig

AGENT = "Agent"
ACP, PANES = "acp", "panes"
KEY = "sk-ant-scripted-000000000000000000000000"
DELIVERED_S = 60.0
USABLE_S = 90.0
HEARD_S = 10.0
OVER = {"delivered", "sent", "unknown", "refused", "failed", "cancelled", "expired"}
_LOOK_S = 0.2


class NeverCame(TimeoutError):
    """What was waited for did not come; the text says what."""


@dataclass(slots=True, kw_only=True)
class Meeting:
    """A running Octet with its one agent."""

    name: str
    lane: str
    lives: Lives
    model: ScriptedApi
    rig: Rig
    socket: str
    tasks: list[str] = field(default_factory=list[str])

    async def ask(self, method: str, path: str, **body: object) -> Any:
        """Call Octet as the operator; where it refuses, return its words."""
        octet = self.lives.octet
        assert octet is not None
        headers = {"Authorization": f"Bearer {octet.token}"}
        address = f"{octet.address}/api/v2{path}"
        async with self.lives.session.request(method, address, json=body or None, headers=headers) as answer:
            return await answer.json() if answer.ok else {"refused": (await answer.text())[:300]}

    async def order(self, brief: str) -> str:
        made = await self.ask("POST", "/tasks", brief=brief, agent=AGENT)
        self.tasks.append(made["id"])
        return str(made["id"])

    async def delivery(self, task: str) -> dict[str, Any]:
        """Wait until the task's delivery is over; return its row. Raises NeverCame."""

        async def look() -> dict[str, Any] | None:
            found = self.rows(task)
            return found[-1] if found and found[-1]["state"] in OVER else None

        return await self.until(look, DELIVERED_S, f"no delivery of {task} is over: {self.rows(task)}")

    def rows(self, task: str) -> list[dict[str, Any]]:
        columns = ("state", "reason", "note", "assurance", "sha256")
        query = f"select {', '.join(columns)} from deliveries where task = ? order by id"  # noqa: S608  no user's words
        return [dict(zip(columns, row, strict=True)) for row in self.lives.rows(query, task)]

    def heard(self, task: str) -> list[str]:
        """Return each prompt of this task that began a turn of the program, as the model received it."""
        sign = re.compile(rf"· task {task}\b")
        return [one.prompt for one in self.model.turns if sign.search(one.prompt)]

    async def finish(self, task: str) -> None:
        """End the task as the operator, unless the end of the turn ended it; wait until the agent rests."""

        async def rests() -> bool:
            state = (await self.ask("GET", f"/tasks/{task}"))["task"]["state"]
            if state not in {"done", "cancelled", "failed"} and not (self.lane == ACP and state == "working"):
                path = f"/tasks/{task}/done" if state in {"working", "blocked"} else f"/tasks/{task}/cancel"
                await self.ask("POST", path, **({"text": "over"} if path.endswith("done") else {}))
            return await self.state() == "idle"

        try:
            await self.until(rests, DELIVERED_S / 4, "")
        except NeverCame:
            await self.ask("POST", f"/tasks/{task}/done", text="over")

    async def state(self) -> str:
        return str((await self.ask("GET", f"/agents/{AGENT}"))["state"])

    async def until(self, look: Callable[[], Any], within_s: float, what: str) -> Any:
        try:
            async with asyncio.timeout(within_s):
                while True:
                    found = look()
                    if found := (await found if inspect.isawaitable(found) else found):
                        return found
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            raise NeverCame(what or "it did not come") from None

    async def is_usable(self, *, within_s: float = USABLE_S) -> bool:
        """Wait until Octet could type into its pane; an agent that speaks ACP is ready at once."""
        if self.lane == ACP:
            return True

        async def look() -> bool:
            (desk,) = await self.ask("GET", "/desks")
            return any(window["usable"] for window in desk["windows"])

        try:
            return bool(await self.until(look, within_s, ""))
        except NeverCame:
            return False

    def seen(self) -> str:
        """Return the last lines of the pane, for the findings of a check that failed."""
        return self.screen()[-400:] if self.socket else ""

    def screen(self) -> str:
        """Return what the pane shows, for the report of a failure."""
        shown = subprocess.run(
            ["tmux", "-L", self.socket, "capture-pane", "-p", "-t", "octet:0"], capture_output=True, check=False
        )
        return "\n".join(line for line in shown.stdout.decode(errors="replace").splitlines() if line.strip())

    def processes(self) -> list[int]:
        """Return the program's processes: what has its home in the environment, newest last."""
        sign = f"HOME={self.rig.home}".encode()
        found = list[int]()
        for place in Path("/proc").iterdir():
            try:
                if place.name.isdigit() and sign in (place / "environ").read_bytes().split(b"\0"):
                    found.append(int(place.name))
            except OSError:
                continue
        return sorted(found)


def is_same(heard: str, sha256: str) -> bool:
    """Tell whether the prompt as Octet rendered it lies whole in what the model received: by its hash alone."""
    begins = [found.start() for found in re.finditer(r"\[[A-Z0-9]{3,}\] ", heard)]
    ends = {len(heard), len(heard.rstrip()), *(found.start() for found in re.finditer(r"\s*</?[a-z_]+", heard))}
    parts = (heard[begin:end] for begin in begins for end in ends if end > begin)
    return any(hashlib.sha256(part.encode()).hexdigest() == sha256 for part in parts)


@asynccontextmanager
async def meet(name: str, lane: str) -> AsyncGenerator[Meeting]:
    """Open Octet with the program in a pane or as an agent that speaks ACP; end all of it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="oct-"))
    socket = ""
    try:
        async with serve() as model, aiohttp.ClientSession() as session:
            model.key = KEY
            rig = Rig(home=folder / "home", folder=folder / "home/work", model_url=model.base_url, key=KEY)
            programs.configure(name, rig)
            home = folder / "octet"
            write_config(home, name, lane, rig)
            socket = next((desk.tmux.server for desk in load(Home(root=home)).desks if desk.tmux), "")
            tickets = Tickets(folder / "tickets")
            environ = octet_environment(os.environ, home) | {"PYTHONPATH": str(ROOT)}
            environ |= {"OCTET_FAULT_POINTS": str(tickets.folder)}
            lives = Lives(home=home, environ=environ, tickets=tickets, session=session)
            meeting = Meeting(name=name, lane=lane, lives=lives, model=model, rig=rig, socket=socket)
            try:
                await lives.start()
                yield meeting
            finally:
                await lives.stop()
                for pid in meeting.processes():
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
    finally:
        if socket:
            end = await asyncio.create_subprocess_exec("tmux", "-L", socket, "kill-server", stderr=subprocess.DEVNULL)
            await end.wait()
        shutil.rmtree(folder, ignore_errors=True)


def write_config(home: Path, name: str, lane: str, rig: Rig) -> None:
    """Write a configuration with this one agent."""
    config = home / "config"
    copy_templates(config)
    (config / "desks/main.toml").unlink()
    program, variables = PROGRAMS[name], programs.environment(name, rig)
    argv = [str(programs.found(name, program.acp[0])), *program.acp[1:]]
    agent: dict[str, Any] = {"name": AGENT, "about": program.title, "capabilities": ["code"]}
    if lane == ACP:
        shipped = tomlkit.parse((config / "programs.toml").read_text(encoding="utf-8")).unwrap()
        shipped["programs"][name] |= {"command": argv}
        shipped["programs"][name].setdefault("environment", {}).update(variables)
        (config / "programs.toml").write_text(tomlkit.dumps(shipped), encoding="utf-8")
        agent |= {"lane": "acp", "program": name, "folder": str(rig.folder)}
        agent |= {"mode": program.mode} if program.mode else {}
    else:
        started = ["/usr/bin/env", *(f"{key}={value}" for key, value in variables.items())]
        started.append(str(programs.found(name, program.binary)))
        window = {"name": "agent", "profile": program.profile, "program": started, "directory": str(rig.folder)}
        (config / "desks/panes.toml").write_text(tomlkit.dumps({"tmux": {}, "windows": [window]}), encoding="utf-8")
        actions = ["interrupt", "approve", "deny"]
        agent |= {"lane": "terminal", "desk": "panes", "window": "agent", "allowed_actions": actions}
    (config / "agents.toml").write_text(tomlkit.dumps({"agents": [agent]}), encoding="utf-8")
