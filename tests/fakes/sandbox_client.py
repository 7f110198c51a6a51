"""The local Discord for tests: a client of one in another process, and waiting for what the application does in one."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Protocol, Self

from aiohttp import ClientSession, ClientTimeout

from sandbox.discord.errors import ClientRefused
from sandbox.discord.model import Json, within
from sandbox.discord.server import id_of
from sandbox.discord.views import InteractionAnswer
from tests.pace import patience


class Watched(Protocol):
    """A sandbox, in this process or in another one."""

    async def messages(self, *, user: str | int | None = None, channel: str | int | None = None) -> list[Json]: ...
    async def threads(self) -> list[Json]: ...
    async def commands(self) -> list[Json]: ...
    async def changed(self, since: int, within_s: float) -> int: ...


class SandboxClient:
    """Use as `async with SandboxClient(page, key) as sandbox`; it has the verbs of `server.Sandbox` over HTTP."""

    def __init__(self, page: str, key: str) -> None:
        self._base_url = page.rstrip("/")
        self._session = ClientSession(
            timeout=ClientTimeout(total=patience(90)), headers={"Authorization": f"Bearer {key}"}
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def _ask(self, method: str, path: str, **request: Any) -> Any:
        async with self._session.request(method, f"{self._base_url}/sandbox/{path}", **request) as response:
            payload = await response.json()
            if response.status != 200:
                raise ClientRefused(str(payload.get("refused")))
            return payload

    async def look(self, listing: str, **query: str | float | None) -> Any:
        return await self._ask("GET", listing, params={k: str(v) for k, v in query.items() if v is not None})

    async def act(self, verb: str, **body: Any) -> Any:
        return await self._ask("POST", verb, json=body)

    async def slash(
        self, user: str | int, channel: str | int, command: str, options: dict[str, Any] | None = None
    ) -> InteractionAnswer:
        found = await self.act("slash", user=user, channel=channel, command=command, options=options)
        return InteractionAnswer(**found)

    async def click(
        self, user: str | int, message: Json | str | int, button: str, values: list[str] | None = None
    ) -> InteractionAnswer:
        found = await self.act("click", user=user, message=id_of(message), button=button, values=values)
        return InteractionAnswer(**found)

    async def submit_modal(self, user: str | int, opened: InteractionAnswer, values: Json) -> InteractionAnswer:
        found = await self.act("submit_modal", user=user, interaction_id=opened.interaction_id, values=values)
        return InteractionAnswer(**found)

    async def say(self, user: str | int, channel: str | int, text: str) -> Json:
        return await self.act("say", user=user, channel=channel, text=text)

    async def messages(self, *, user: str | int | None = None, channel: str | int | None = None) -> list[Json]:
        return await self.look("messages", user=user, channel=channel)

    async def threads(self) -> list[Json]:
        return await self.look("threads")

    async def commands(self) -> list[Json]:
        return await self.look("commands")

    async def changed(self, since: int, within_s: float) -> int:
        return int((await self.look("changes", since=since, within_s=within_s))["version"])


async def wait_message(
    sandbox: Watched,
    wanted: Callable[[Json], bool],
    *,
    within_s: float = 60.0,
    user: str | int | None = None,
    channel: str | int | None = None,
) -> Json:
    """Return the first message that fits, now or later. Raises TimeoutError with what was there instead."""
    return await _wait(sandbox, wanted, "message", within_s, lambda: sandbox.messages(user=user, channel=channel))


async def wait_thread(
    sandbox: Watched, wanted: Callable[[Json], bool] = lambda _: True, *, within_s: float = 60.0
) -> Json:
    """Return the first thread that fits, now or later."""
    return await _wait(sandbox, wanted, "thread", within_s, sandbox.threads)


async def wait_commands(sandbox: Watched, *names: str, within_s: float = 60.0) -> list[Json]:
    """Return the synced commands, as soon as all of `names` (top level) are among them."""
    seen: set[str] = set()

    def all_there(command: Json) -> bool:
        seen.add(command["name"])
        return set(names) <= seen

    await _wait(sandbox, all_there, "commands", within_s, sandbox.commands)
    return await sandbox.commands()


async def _wait(
    sandbox: Watched,
    wanted: Callable[[Json], bool],
    what: str,
    within_s: float,
    listing: Callable[[], Awaitable[list[Json]]],
) -> Json:
    """Look again after every change, without a sleep."""
    ends = time.monotonic() + patience(within_s)
    version = await sandbox.changed(-1, 0)
    while True:
        found = await listing()
        for one in found:
            if wanted(one):
                return one
        left = ends - time.monotonic()
        if left <= 0:
            seen = "; ".join(_short(one) for one in found[-8:])
            raise TimeoutError(f"No such {what} within {within_s:g} s. There are: {seen or 'none'}")
        version = await sandbox.changed(version, left)


def _short(one: Json) -> str:
    text = str(one.get("name") or one.get("content") or "")
    if not text and one.get("components"):
        text = str(one["components"])
    return f"{within(one, 'author').get('username', '')}: {text[:200]!r}"
