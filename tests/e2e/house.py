"""A house that lives: the local Discord, the desktop and `octet run`, each a process of its own, on one home."""

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
from tests.fakes.demo_desktop import DesktopSession, open_desktop
from tests.fakes.sandbox_client import SandboxClient, wait_message, wait_thread

Json = dict[str, Any]
WITHIN_S = 60.0
_CLAIM = re.compile(r"/admin claim code:(\S+)")
_CONNECTED = re.compile("Discord is connected")
_DONE_LINE = re.compile(r"When finished: +(\S.*) done (T-\d+) --code (\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended, and what it said."""

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
        while (found := await self.octet.line_with(re.compile(f"{_CLAIM.pattern}|{_CONNECTED.pattern}")))[1]:
            code = found[1]
            await self.octet.line_with(_CONNECTED)
            await self.ask("admin claim", code=code)
            break
        return self.octet

    async def stop(self) -> int:
        """SIGTERM, as a service manager would; its exit code."""
        assert self.octet is not None
        await self._octets.aclose()
        self._octets = AsyncExitStack()
        assert self.octet.process.returncode is not None
        return self.octet.process.returncode

    async def kill(self) -> None:
        """As a power cut would end it."""
        assert self.octet is not None
        self.octet.process.kill()
        await self.stop()

    async def command(self, *words: str, given: bytes = b"") -> Ended:
        """Run `octet …` to its end."""
        return await self.program(sys.executable, "-m", "bot", *words, given=given)

    async def program(self, *argv: str, given: bytes = b"", cwd: Path | None = None) -> Ended:
        """Run a program as the house's person would, with their environment."""
        process = await asyncio.create_subprocess_exec(
            *argv,
            env=self.environ,
            cwd=cwd,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(given)
        assert process.returncode is not None
        return Ended(code=process.returncode, out=out.decode(), err=err.decode())

    # What people do and see

    async def ask(self, command: str, *, user: str = "Ada", **options: object) -> Json:
        """A slash command; its private answer, as soon as it is there."""
        answer = await self.discord.slash(user, str(self.place["channel_id"]), command, options)
        assert answer.message_id is not None, answer
        return await self._filled(answer.message_id)

    async def fill_in(self, message: Json, label: str, said: str, *, user: str = "Ada") -> Json:
        """Press a button that opens a field, and fill that in; the private answer."""
        opened = await self.discord.click(user, message, label)
        answer = await self.discord.submit_modal(user, opened, {"said": said})
        assert answer.message_id is not None, answer
        return await self._filled(answer.message_id)

    async def press_cancel(self, task: str, *, user: str = "Ada") -> Json:
        """Press Cancel on the task's card; the private answer."""
        card = await self.card(task)
        answer = await self.discord.click(user, card, "Cancel")
        assert answer.message_id is not None, answer
        return await self._filled(answer.message_id)

    async def _filled(self, message: str) -> Json:
        return await wait_message(
            self.discord, lambda one: one["id"] == message and not one["sandbox"]["thinking"], within_s=WITHIN_S
        )

    async def task(self, prompt: str, agent: str | None = None, **options: object) -> str:
        """`/task new`; the task's id."""
        given = {"brief": prompt, **({"agent": agent} if agent else {}), **options}
        said = words(await self.ask("task new", **given))
        found = re.match(r"(T-\d+) created", said)
        assert found, said
        return found[1]

    async def card(self, task: str, *wanted: str) -> Json:
        """The task's card, as soon as it holds all of these words."""

        def fits(message: Json) -> bool:
            text = words(message)
            return is_card(message, task) and all(word in text for word in wanted)

        return await wait_message(self.discord, fits, within_s=WITHIN_S)

    async def told(self, task: str, *wanted: str) -> Json:
        """The message in the task's thread that holds all of these words, as soon as it is there."""
        thread = await self.thread(task)
        return await wait_message(
            self.discord, lambda one: all(word in words(one) for word in wanted), channel=thread, within_s=WITHIN_S
        )

    async def thread(self, task: str) -> str:
        """The id of the task's thread."""
        found = await wait_thread(self.discord, lambda one: one["name"].startswith(f"{task} · "), within_s=WITHIN_S)
        return str(found["id"])

    async def heads(self, task: str, start: str) -> list[str]:
        """The first lines of the thread's messages that hold `start`: how often something was told."""
        messages = await self.discord.messages(channel=await self.thread(task))
        return [words(one).splitlines()[0] for one in messages if start in words(one)]

    async def done(self, task: str) -> Json:
        """The news that the task is done."""
        return await self.told(task, f"{task} is done")

    # Ground truth of the windows

    async def heard(self) -> dict[str, list[str]]:
        """What was really submitted in each window, without those that heard nothing."""
        names = [window.name for window in self.screen.windows]
        found = {name: await self.screen.heard(name) for name in names}
        return {name: prompts for name, prompts in found.items() if prompts}

    async def code(self, task: str) -> str:
        """The one-task code that stands in the prompt which some window heard."""
        return await self._in_done_line(task, 3)

    async def _in_done_line(self, task: str, part: int) -> str:
        for prompts in (await self.heard()).values():
            for found in filter(None, map(_DONE_LINE.search, prompts)):
                if found[2] == task:
                    return found[part]
        raise AssertionError(f"no window heard {task}")


def words(message: Json) -> str:
    """All that a message shows: its content and the texts of its components."""
    found = [str(message.get("content") or "")]

    def visit(parts: list[Json]) -> None:
        for part in parts:
            if part.get("content"):
                found.append(str(part["content"]))
            visit(part.get("components") or [])

    visit(message.get("components") or [])
    return "\n".join(text for text in found if text)


def is_card(message: Json, task: str) -> bool:
    """Whether this is the task's card, which everybody sees."""
    return message["sandbox"]["only_for"] is None and f"### {task} · " in words(message)


def body_of(prompt: str) -> str:
    """What the agent was asked or told, without the prompt's first line and without its last ones: how to answer."""
    return re.split(r"\n(?:While you work|To answer):", prompt.partition("\n")[2])[0]


@asynccontextmanager
async def open_house(
    world: Path,
    *,
    windows: int = 8,
    work_s: float = 0.6,
    settings: Mapping[str, str] | None = None,
    prepare: Callable[[Path], None] = lambda _: None,
) -> AsyncGenerator[House]:
    """Everything under way and Ada the owner. `windows` 0: no desktop, every agent on the dry-run lane.

    `settings` are environment variables for Octet; `prepare` may change its config folder before it starts.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OCTET_") and name != "DISPLAY"}
    for name, folder in (("HOME", "person"), ("TMPDIR", "temp"), ("XDG_RUNTIME_DIR", "runtime")):
        (world / folder).mkdir(parents=True)
        environ[name] = str(world / folder)
    environ.pop("XDG_STATE_HOME", None)
    async with AsyncExitStack() as stack:
        argv = [sys.executable, "-m", "sandbox.discord", "--exit-on-eof", "--identify-every-s", "0"]
        log = world / "discord.log"
        place = await (await stack.enter_async_context(child("Discord", argv, environ, log=log))).first_json()
        desktop = None
        if windows:
            opening = open_desktop(windows=windows, work_seconds=work_s, environ=environ)
            desktop = await stack.enter_async_context(opening)
        copy_templates(world / "octet" / "config")
        _fit(world / "octet" / "config", desktop)
        prepare(world / "octet" / "config")
        discord = await stack.enter_async_context(SandboxClient(str(place["page"]), str(place["key"])))
        own = _settings(place) | ({} if desktop is None else {"XAUTHORITY": desktop.xauthority})
        house = House(
            world=world,
            environ=environ | own | dict(settings or {}),
            place=place,
            discord=discord,
            desktop=desktop,
        )
        try:
            await house.start()
            yield house
            record = await discord.look("record")
            assert (record["unknown_routes"], record["failures"]) == ([], [])
            assert [one for one in record["exchanges"] if one[2] == 501] == []
        finally:
            if house.octet is not None:
                await house.stop()


def _fit(config: Path, desktop: DesktopSession | None) -> None:
    """The shipped configuration for this desktop, or with every agent on the dry-run lane."""
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
        "OCTET_HTTP__PORT": "0",
    }
