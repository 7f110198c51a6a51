"""The sandbox's verbs over HTTP, for a sandbox that runs in another process."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from aiohttp import ClientSession, ClientTimeout

from sandbox.discord.errors import ClientRefused
from sandbox.discord.model import Json
from sandbox.discord.views import InteractionAnswer
from sandbox.discord.waiting import Watcher


class SandboxClient(Watcher):
    """Use as `async with SandboxClient(page, key) as sandbox`; the verbs are those of `server.Sandbox`."""

    def __init__(self, page: str, key: str) -> None:
        self._base_url = page.rstrip("/")
        self._key = key
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = ClientSession(timeout=ClientTimeout(total=90), headers={"Authorization": f"Bearer {self._key}"})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def _ask(
        self, method: str, path: str, *, body: Json | None = None, query: dict[str, str] | None = None
    ) -> Any:
        assert self._session is not None, "enter the client first"
        url = f"{self._base_url}/sandbox/{path}"
        async with self._session.request(method, url, json=body, params=query) as response:
            payload = await response.json()
            if response.status != 200:
                raise ClientRefused(str(payload.get("refused")))
            return payload

    async def _get(self, path: str, **query: str | int | None) -> Any:
        return await self._ask("GET", path, query={k: str(v) for k, v in query.items() if v is not None})

    async def _post(self, path: str, **body: Any) -> Any:
        return await self._ask("POST", path, body=body)

    # A person's verbs

    async def slash(
        self, user: str | int, channel: str | int, command: str, options: dict[str, Any] | None = None
    ) -> InteractionAnswer:
        found = await self._post("slash", user=user, channel=channel, command=command, options=options or {})
        return InteractionAnswer.from_json(found)

    async def autocomplete(
        self, user: str | int, channel: str | int, command: str, options: dict[str, Any], focused: str
    ) -> list[Json]:
        return await self._post(
            "autocomplete", user=user, channel=channel, command=command, options=options, focused=focused
        )

    async def click(
        self, user: str | int, message: Json | str | int, button: str, values: list[str] | None = None
    ) -> InteractionAnswer:
        found = await self._post("click", user=user, message=_id(message), button=button, values=values)
        return InteractionAnswer.from_json(found)

    async def submit_modal(self, user: str | int, opened: InteractionAnswer | str, values: Json) -> InteractionAnswer:
        interaction_id = opened.interaction_id if isinstance(opened, InteractionAnswer) else opened
        found = await self._post("submit_modal", user=user, interaction_id=interaction_id, values=values)
        return InteractionAnswer.from_json(found)

    async def say(self, user: str | int, channel: str | int, text: str) -> Json:
        return await self._post("say", user=user, channel=channel, text=text)

    async def dismiss(self, user: str | int, message: Json | str | int) -> None:
        await self._post("dismiss", user=user, message=_id(message))

    # What there is to see

    async def about(self) -> Json:
        return await self._get("about")

    async def messages(self, *, user: str | int | None = None, channel: str | int | None = None) -> list[Json]:
        return await self._get("messages", user=user, channel=channel)

    async def channels(self) -> list[Json]:
        return await self._get("channels")

    async def threads(self) -> list[Json]:
        return await self._get("threads")

    async def commands(self) -> list[Json]:
        return await self._get("commands")

    async def pings(self, user: str | int) -> list[Json]:
        return await self._get("pings", user=user)

    async def timings(self) -> list[Json]:
        return await self._get("timings")

    async def record(self) -> Json:
        """`exchanges` (method, route, status), `unknown_routes` and `failures`."""
        return await self._get("record")

    async def changed(self, since: int, within_s: float) -> int:
        found = await self._get("changes", since=since, within_s=str(within_s))
        return int(found["version"])

    # What a test does to the world

    async def invite(self) -> None:
        await self._post("invite")

    async def delete_message(self, message: Json | str | int) -> None:
        await self._post("delete_message", message=_id(message))

    async def delete_channel(self, channel: str | int) -> None:
        await self._post("delete_channel", channel=channel)

    async def forbid(self, channel: str | int, *permissions: str) -> None:
        await self._post("forbid", channel=channel, permissions=permissions)

    async def fault(self, **rule: Any) -> int:
        return await self._post("fault", **rule)

    async def clear_faults(self) -> None:
        await self._post("clear_faults")

    async def faults_in_force(self) -> list[Json]:
        return await self._get("faults")

    async def disconnect(self, code: int = 4000) -> None:
        await self._post("disconnect", code=code)

    async def abort(self) -> None:
        await self._post("abort")

    async def freeze(self) -> None:
        await self._post("freeze")

    async def ask_reconnect(self) -> None:
        await self._post("ask_reconnect")

    async def invalidate(self, *, resumable: bool) -> None:
        await self._post("invalidate", resumable=resumable)

    async def refuse_connections(self, times: int) -> None:
        await self._post("refuse_connections", times=times)

    async def emit(self, event: str, data: Json) -> None:
        await self._post("emit", event=event, data=data)


def _id(message: Json | str | int) -> str:
    return str(message["id"]) if isinstance(message, dict) else str(message)
