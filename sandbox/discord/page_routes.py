"""Routes of the page and of programs: a user's verbs, listings, live news, files, the screen."""

from __future__ import annotations

import asyncio
import hmac
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from sandbox.discord.errors import ApiError, ClientRefused
from sandbox.discord.model import InteractionKind, Json
from sandbox.discord.rest.requests import answer, query_int
from sandbox.discord.server import Sandbox
from sandbox.discord.views import InteractionAnswer
from sandbox.discord.world import Change

PAGE = Path(__file__).parent / "page"
POLICY = "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
QUIET = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}
CLOSED = """This link works once, in one browser. For a new link, press Enter where `octet demo` runs.
"""
LONGEST_WAIT_S = 30.0
Calls = Mapping[str, Callable[..., Any]]


class PageRoutes:
    """Serves one sandbox to its page."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._sockets: set[web.WebSocketResponse] = set()
        self._session: ClientSession | None = None
        listings = ("messages", "channels", "threads", "commands", "pings", "timings")
        about = {
            "about": sandbox.described,
            "link": sandbox.link,
            "faults": sandbox.faults.listed,
            "record": sandbox.record.listed,
        }
        self._listings: Calls = {name: getattr(sandbox, name) for name in listings} | about
        verbs = ("slash", "autocomplete", "click", "say", "dismiss", "delete_message", "delete_channel", "fault")
        more = ("submit_modal", "forbid", "disconnect", "use_on_message", "show_screen", "link_page")
        failures = ("abort", "freeze", "ask_reconnect", "invalidate", "refuse_connections", "emit")
        self._verbs: Calls = {
            **{name: getattr(sandbox, name) for name in (*verbs, *more)},
            **{name: getattr(sandbox.gateway, name) for name in failures},
            "invite": sandbox.world.invite,
            "clear_faults": sandbox.faults.clear,
        }

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.page),
            web.get(r"/page/{name:[\w.\-]+}", self.page),
            web.get(r"/attachments/{channel_id:\d+}/{attachment_id:\d+}/{name}", self.attachment),
            web.get("/sandbox/state", self.state),
            web.get("/sandbox/live", self.live),
            web.get("/sandbox/changes", self.changes),
            web.get("/sandbox/screen.png", self.screen),
            web.get(f"/sandbox/{{listing:{'|'.join(self._listings)}}}", self.listing),
            web.post(f"/sandbox/{{verb:{'|'.join(self._verbs)}}}", self.act),
        ]

    async def close(self) -> None:
        for socket in tuple(self._sockets):
            await socket.close(code=1001)
        if self._session is not None:
            await self._session.close()

    async def page(self, request: web.Request) -> web.Response:
        file = PAGE / request.match_info.get("name", "index.html")
        if file.suffix not in TYPES or not file.is_file():
            raise web.HTTPNotFound
        headers = {"Content-Type": TYPES[file.suffix], "Content-Security-Policy": POLICY, **QUIET}
        response = web.Response(body=file.read_bytes(), headers=headers)
        if request.path == "/" and not self._sandbox.keys.admit(request, response):
            raise web.HTTPForbidden(text=CLOSED)
        return response

    async def attachment(self, request: web.Request) -> web.Response:
        found = self._sandbox.world.attachments.get(int(request.match_info["attachment_id"]))
        if found is None or str(found.channel_id) != request.match_info["channel_id"]:
            raise web.HTTPNotFound
        if not hmac.compare_digest(request.query.get("hm", "").encode(errors="replace"), found.hm.encode()):
            raise web.HTTPNotFound
        is_picture = found.content_type in {"image/png", "image/jpeg", "image/gif", "image/webp"}
        shown = "inline" if is_picture else "attachment"
        headers = {
            "Content-Type": found.content_type if is_picture else "application/octet-stream",
            "Content-Disposition": f"{shown}; filename*=UTF-8''{quote(found.filename)}",
            "Content-Security-Policy": "sandbox",
            **QUIET,
        }
        return web.Response(body=found.content, headers=headers)

    async def screen(self, _: web.Request) -> web.Response:
        """Fetch the picture of the demo's screen from the desktop; 204 while the desktop starts."""
        url = self._sandbox.picture_url
        if url is None:
            return web.Response(status=204)
        if self._session is None:
            self._session = ClientSession(timeout=ClientTimeout(total=5))
        try:
            async with self._session.get(url) as response:
                body = await response.read()
                if response.status != 200 or not body.startswith(b"\x89PNG"):
                    raise web.HTTPBadGateway(text="The screen's picture is not there")
        except (ClientError, TimeoutError, OSError) as error:
            raise web.HTTPBadGateway(text="The screen's picture is not there") from error
        return web.Response(body=body, headers={"Content-Type": "image/png", **QUIET})

    async def listing(self, request: web.Request) -> web.Response:
        return await self._called(self._listings[request.match_info["listing"]], request.query)

    async def changes(self, request: web.Request) -> web.Response:
        since = query_int(request, "since", -1)
        within_s = min(float(request.query.get("within_s", "0")), LONGEST_WAIT_S)
        return answer({"version": await self._sandbox.changed(-1 if since is None else since, within_s)})

    async def state(self, request: web.Request) -> web.Response:
        try:
            user = self._sandbox.person.user(request.query.get("user", "Ada"))
        except ClientRefused as refusal:
            return answer({"refused": str(refusal)}, status=409)
        state = self._sandbox.views.state(user.id)
        has_screen, own_page = self._sandbox.settings.has_screen, self._sandbox.own_page
        return answer({**state, "has_screen": has_screen, "own_page": own_page})

    async def act(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType
        try:
            body: Json = await request.json()
        except ValueError as error:
            return answer({"refused": f"The request is not JSON: {error}"}, status=400)
        return await self._called(self._verbs[request.match_info["verb"]], body)

    async def _called(self, call: Callable[..., Any], given: Mapping[str, Any]) -> web.Response:
        """Answer with the result of the call, or with its refusal."""
        try:
            result = call(**given)
            result = await result if inspect.isawaitable(result) else result
        except ClientRefused as refusal:
            return answer({"refused": str(refusal)}, status=409)
        except ApiError as error:
            return answer({"refused": error.message, "errors": error.errors}, status=409)
        except (TypeError, ValueError) as error:
            return answer({"refused": f"The request is not complete: {error}"}, status=400)
        return answer(asdict(result) if isinstance(result, InteractionAnswer) else result)

    async def live(self, request: web.Request) -> web.WebSocketResponse:
        """Send one user's news, in order, and only what they may see."""
        try:
            user_id = self._sandbox.person.user(request.query.get("user", "Ada")).id
        except ClientRefused as refusal:
            raise web.HTTPConflict(text=str(refusal)) from refusal
        socket = web.WebSocketResponse(heartbeat=20, max_msg_size=1024)
        await socket.prepare(request)
        queue: asyncio.Queue[Json] = asyncio.Queue(5000)

        def hear(change: Change) -> None:
            news = self._news(change, user_id)
            if news is not None and not queue.full():
                queue.put_nowait(news)

        async def write() -> None:
            while True:
                news = await queue.get()
                await socket.send_str(json.dumps(news))

        forget = self._sandbox.world.subscribe(hear)
        self._sockets.add(socket)
        queue.put_nowait({"kind": "hello", "version": self._sandbox.world.version})
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(write(), name="page writer")
                try:
                    async for _ in socket:
                        pass
                finally:
                    writer.cancel()
        except* ConnectionError:
            pass  # the page is gone; it asks again when it is back
        finally:
            forget()
            self._sockets.discard(socket)
        return socket

    def _news(self, change: Change, user_id: int) -> Json | None:
        world, views = self._sandbox.world, self._sandbox.views
        if change.message is not None:
            message = change.message
            seen = change.channel is not None and world.may_see(change.channel, user_id)
            if not seen or message.only_for not in {None, user_id}:
                return None
            if change.name == "message_delete":
                return {"kind": "message_delete", "id": str(message.id), "channel_id": str(message.channel_id)}
            return {"kind": "message", "is_new": change.name == "message_create", "message": views.message(message)}
        if change.interaction is not None:
            interaction = change.interaction
            if interaction.user_id != user_id or interaction.kind is InteractionKind.AUTOCOMPLETE:
                return None
            return {"kind": "interaction", "interaction": views.interaction(interaction)}
        if change.channel is not None:
            if change.name.endswith("_delete"):
                return {"kind": "channel_delete", "id": str(change.channel.id)}
            if not world.may_see(change.channel, user_id):
                return None
            return {"kind": "channel", "channel": views.channel(change.channel)}
        return {"kind": "commands", "commands": world.all_commands()}
