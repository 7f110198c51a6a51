"""A whole system: the local Discord, the desktop and `octet run`, each a process of its own, on one home."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.cli.children import Child, child
from bot.cli.init.templates import copy_templates
from core.kit.faults import FaultAction
from core.settings.model import CommandGroup
from sandbox.discord.views import InteractionAnswer
from tests.fakes.demo_desktop import DesktopSession, open_desktop
from tests.fakes.sandbox_client import SandboxClient, wait_message, wait_thread

Json = dict[str, Any]
_STARTED = re.compile(r"/admin claim code:(\S+)|Discord is connected")
_CONNECTED = re.compile("Discord is connected")
_DONE_LINE = re.compile(r"When finished: +(\S.*) done (T-\d+) --code (\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


@dataclass(slots=True, kw_only=True)
class House:
    """What the tests use of it. Ada owns it; Ben is a stranger."""

    world: Path
    environ: dict[str, str]
    """For `octet`, as its user's shell would hand it on."""
    place: Json
    discord: SandboxClient
    desktop: DesktopSession | None
    octet: Child | None = None
    _octets: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def home(self) -> Path:
        """The home that Octet runs in."""
        return self.world / "octet"

    @property
    def screen(self) -> DesktopSession:
        """The desktop, in a house that has one."""
        assert self.desktop is not None
        return self.desktop

    # Octet itself

    async def start(self) -> Child:
        """Start `octet run` and wait until it is connected; the first time, make Ada its owner."""
        argv = [sys.executable, "-m", "bot", "run", "--home", str(self.home), "--exit-on-eof"]
        log = self.world / "octet.log"
        self.octet = await self._octets.enter_async_context(child("octet", argv, self.environ, log=log))
        if code := (await self.octet.line_with(_STARTED))[1]:
            await self.octet.line_with(_CONNECTED)
            await self.ask("admin claim", code=code)
        return self.octet

    async def stop(self) -> int:
        """Send SIGTERM, as a service manager would; return the exit code."""
        assert self.octet is not None
        await self._octets.aclose()
        self._octets = AsyncExitStack()
        assert self.octet.process.returncode is not None
        return self.octet.process.returncode

    async def kill(self) -> None:
        """End it as a power cut would."""
        assert self.octet is not None
        self.octet.process.kill()
        await self.stop()

    def strike(self, point: str, act: FaultAction) -> Path:
        """Lay a ticket at the fault point; its file is gone as soon as a process took it."""
        draft = self.world / "draft"
        draft.write_text(act)
        return draft.rename(self.world / "tickets" / point)

    async def octet_ended(self) -> None:
        """Wait until Octet was killed at a fault point."""
        assert self.octet is not None
        async with asyncio.timeout(60):
            await self.octet.process.wait()

    async def come_back(self) -> None:
        """Wait until Octet was killed at a fault point, and start it again."""
        await self.octet_ended()
        assert await self.stop() == -9
        await self.start()

    async def command(self, *words: str, given: bytes = b"") -> Ended:
        """Run `octet …` to its end, with the environment of the house's user."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", *words),
            env=self.environ,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(given)
        assert process.returncode is not None
        return Ended(code=process.returncode, out=out.decode(), err=err.decode())

    # What people do and see

    async def ask(self, command: str, *, user: str = "Ada", **options: object) -> Json:
        """Send a slash command; return its private answer, as soon as it is there."""
        return await self.private(await self.discord.slash(user, str(self.place["channel_id"]), command, options))

    async def fill_in(self, message: Json, label: str, said: str, *, field: str = "text") -> Json:
        """Press a button that opens a field, and fill that in; return the private answer."""
        opened = await self.discord.click("Ada", message, label)
        return await self.private(await self.discord.submit_modal("Ada", opened, {field: said}))

    async def press(self, message: Json, label: str) -> str:
        """Press a button; return the words of the private answer."""
        return words(await self.private(await self.discord.click("Ada", message, label)))

    async def press_cancel(self, task: str) -> str:
        """Press Cancel on the task's card; return the words of the private answer."""
        return await self.press(await self.card(task), "Cancel")

    async def private(self, answer: InteractionAnswer) -> Json:
        """Return the private message of an answer, once it thinks no more."""
        assert answer.message_id is not None, answer
        return await wait_message(
            self.discord, lambda one: one["id"] == answer.message_id and not one["sandbox"]["thinking"]
        )

    async def task(self, prompt: str, agent: str | None = None, **options: object) -> str:
        """Send `/task new`; return the task's id."""
        given = {"brief": prompt, **({"agent": agent} if agent else {}), **options}
        said = words(await self.ask("task new", **given))
        found = re.match(r"(T-\d+) created", said)
        assert found, said
        return found[1]

    async def card(self, task: str, *wanted: str) -> Json:
        """Return the task's card, as soon as it contains all of these words."""

        def fits(message: Json) -> bool:
            text = words(message)
            is_card = message["sandbox"]["only_for"] is None and f"-# {task} · " in text
            return is_card and all(word in text for word in wanted)

        return await wait_message(self.discord, fits)

    async def told(self, task: str, *wanted: str) -> Json:
        """Return the message in the task's thread that contains all of these words, as soon as it is there."""
        thread = await self.thread(task)
        return await wait_message(self.discord, lambda one: all(word in words(one) for word in wanted), channel=thread)

    async def thread(self, task: str) -> str:
        """Return the id of the task's thread."""
        found = await wait_thread(self.discord, lambda one: one["name"].startswith(f"{task} · "))
        return str(found["id"])

    async def heads(self, task: str, start: str) -> list[str]:
        """Return the first lines of the thread's messages that contain `start`."""
        messages = await self.discord.messages(channel=await self.thread(task))
        return [words(one).splitlines()[0] for one in messages if start in words(one)]

    async def done(self, task: str) -> Json:
        """Return the news that the task is done."""
        return await self.told(task, f"finished {task}")

    # Ground truth of the windows

    async def heard(self) -> dict[str, list[str]]:
        """Return what was really submitted in each window, without those that received nothing."""
        names = [window.name for window in self.screen.windows]
        found = {name: await self.screen.heard(name) for name in names}
        return {name: prompts for name, prompts in found.items() if prompts}

    async def code(self, task: str) -> str:
        """Return the one-task code in the prompt that a window received."""
        for prompts in (await self.heard()).values():
            for found in filter(None, map(_DONE_LINE.search, prompts)):
                if found[2] == task:
                    return found[3]
        raise AssertionError(f"no window received {task}")


def _parts(message: Json) -> list[Json]:
    """Return all components of a message, with those inside others."""

    def walk(parts: list[Json]) -> list[Json]:
        return [one for part in parts for one in (part, *walk(part.get("components") or []))]

    return walk(message.get("components") or [])


def words(message: Json) -> str:
    """Return all that a message shows: its content and the texts of its components."""
    texts = [str(part.get("content") or "") for part in (message, *_parts(message))]
    return "\n".join(text for text in texts if text)


def labels(message: Json) -> list[str]:
    """Return the labels of a message's buttons."""
    return [part["label"] for part in _parts(message) if part["type"] == 2]


def body_of(prompt: str) -> str:
    """Return what the agent was asked or told, without the first line and the last ones: how to answer."""
    return re.split(r"\n(?:While you work|To answer):", prompt.partition("\n")[2])[0]


@asynccontextmanager
async def open_house(
    world: Path,
    *,
    windows: int = 8,
    settings: Mapping[str, str] | None = None,
    prepare: Callable[[Path], None] = lambda _: None,
    has_fault_points: bool = False,
) -> AsyncGenerator[House]:
    """Start everything and make Ada the owner. `windows` 0: no desktop, every agent on the dry-run lane.

    `settings` are environment variables for Octet; `prepare` may change its config folder before it starts.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OCTET_") and name != "DISPLAY"}
    for name, folder in (("HOME", "person"), ("TMPDIR", "temp"), ("XDG_RUNTIME_DIR", "runtime")):
        (world / folder).mkdir(parents=True)
        environ[name] = str(world / folder)
    environ.pop("XDG_STATE_HOME", None)
    own = dict(settings or {})
    if has_fault_points:
        (world / "tickets").mkdir(mode=0o700)
        own["OCTET_FAULT_POINTS"] = str(world / "tickets")
    async with AsyncExitStack() as stack:
        argv = [sys.executable, "-m", "sandbox.discord", "--exit-on-eof", "--identify-every-s", "0"]
        log = world / "discord.log"
        place = await (await stack.enter_async_context(child("Discord", argv, environ, log=log))).first_json()
        desktop = None
        if windows:
            agents = {**environ, "OCTET_HOME": str(world / "octet")}  # there `octet mcp serve` finds their tokens
            opening = open_desktop(windows=windows, work_seconds=0.6, environ=agents)
            desktop = await stack.enter_async_context(opening)
            own["XAUTHORITY"] = desktop.xauthority
        copy_templates(world / "octet" / "config")
        _fit(world / "octet" / "config", desktop)
        prepare(world / "octet" / "config")
        discord = await stack.enter_async_context(SandboxClient(str(place["page"]), str(place["key"])))
        house = House(
            world=world, environ=environ | _settings(place) | own, place=place, discord=discord, desktop=desktop
        )
        try:
            await house.start()
            yield house
            record = await discord.look("record")
            assert record["problems"] == []
            assert [one for one in record["exchanges"] if one[2] == 501] == []
        finally:
            if house.octet is not None:
                await house.stop()


def _fit(config: Path, desktop: DesktopSession | None) -> None:
    """Fit the shipped configuration to this desktop, or put every agent on the dry-run lane."""
    if desktop is not None:
        desk = config / "desks" / "main.toml"
        desk.write_text(re.sub(r'(?m)^display = ".*"$', f'display = "{desktop.display}"', desk.read_text()))
        return
    agents = config / "agents.toml"
    text = re.sub(r'(?m)^lane = "window"\ndesk = .*\nwindow = .*$', 'lane = "dryrun"', agents.read_text())
    agents.write_text(text)


def _settings(place: Json) -> dict[str, str]:
    return {
        "OCTET_DISCORD_TOKEN": str(place["token"]),
        "OCTET_DISCORD__SANDBOX": "true",
        "OCTET_DISCORD__API_BASE": str(place["api_base"]),
        "OCTET_DISCORD__GATEWAY_URL": str(place["gateway_url"]),
        "OCTET_DISCORD__GUILD_ID": str(place["guild_id"]),
        "OCTET_DISCORD__CHANNEL_ID": str(place["channel_id"]),
        "OCTET_DISCORD__GROUPS": ",".join(CommandGroup),
        "OCTET_HTTP__PORT": "0",
    }
