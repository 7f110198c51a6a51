"""Routes of the page and of `SandboxClient`: a person's verbs, what there is to see, live news, files, the screen."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from sandbox.discord.errors import ApiError, ClientRefused
from sandbox.discord.model import InteractionKind, Json
from sandbox.discord.rest.requests import answer, query_int
from sandbox.discord.server import Sandbox
from sandbox.discord.world import Change

PAGE = Path(__file__).parent / "page"
POLICY = "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
QUIET = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}
CLOSED = """Open the link that the sandbox printed when it started. It works once, in one browser.
If it was opened before, use that browser, or start `octet demo` again for a new link.
"""
LONGEST_WAIT_S = 30.0
Verb = Callable[[Json], Awaitable[Any]]


class PageRoutes:
    """Serves one sandbox to its page."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._sockets: set[web.WebSocketResponse] = set()
        self._session: ClientSession | None = None

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.page),
            web.get(r"/page/{name:[\w.\-]+}", self.page),
            web.get(r"/attachments/{channel_id:\d+}/{attachment_id:\d+}/{name}", self.attachment),
            web.get("/sandbox/state", self.state),
            web.get("/sandbox/live", self.live),
            web.get("/sandbox/changes", self.changes),
            web.get("/sandbox/screen.png", self.screen),
            web.get(
                r"/sandbox/{listing:about|messages|channels|threads|commands|pings|timings|record|faults}", self.listing
            ),
            web.post(
                r"/sandbox/{verb:slash|autocomplete|click|submit_modal|say|dismiss|delete_message|delete_channel|forbid"
                r"|invite|fault|clear_faults|disconnect|abort|freeze|ask_reconnect|invalidate|refuse_connections|emit}",
                self.act,
            ),
        ]

    async def close(self) -> None:
        for socket in tuple(self._sockets):
            await socket.close(code=1001)
        if self._session is not None:
            await self._session.close()

    # Files

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

    async def screen(self, request: web.Request) -> web.Response:
        """The picture of the demo's screen, fetched from where it is served."""
        urls = self._sandbox.settings.picture_urls
        number = query_int(request, "n", 0) or 0
        if not 0 <= number < len(urls):
            raise web.HTTPNotFound
        if self._session is None:
            self._session = ClientSession(timeout=ClientTimeout(total=5))
        try:
            async with self._session.get(urls[number]) as response:
                body = await response.read()
                if response.status != 200 or not body.startswith(b"\x89PNG"):
                    raise web.HTTPBadGateway(text="The screen's picture is not there")
        except (ClientError, TimeoutError, OSError) as error:
            raise web.HTTPBadGateway(text="The screen's picture is not there") from error
        return web.Response(body=body, headers={"Content-Type": "image/png", **QUIET})

    # Reading

    async def listing(self, request: web.Request) -> web.Response:
        sandbox, query = self._sandbox, request.query
        try:
            match request.match_info["listing"]:
                case "about":
                    found: Any = sandbox.described()
                case "messages":
                    found = await sandbox.messages(user=query.get("user"), channel=query.get("channel"))
                case "channels":
                    found = await sandbox.channels()
                case "threads":
                    found = await sandbox.threads()
                case "commands":
                    found = await sandbox.commands()
                case "pings":
                    found = await sandbox.pings(query.get("user", ""))
                case "timings":
                    found = await sandbox.timings()
                case "faults":
                    found = await sandbox.faults_in_force()
                case _:
                    exchanges = [[e.method, e.route, e.status] for e in sandbox.record.exchanges]
                    found = {"exchanges": exchanges, "unknown_routes": sandbox.unknown_routes}
                    found["failures"] = sandbox.failures
        except ClientRefused as refusal:
            return answer({"refused": str(refusal)}, status=409)
        return answer(found)

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
        return answer({**state, "pictures": len(self._sandbox.settings.picture_urls)})

    # Acting

    async def act(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType
        sandbox = self._sandbox
        verbs: dict[str, Verb] = {
            "slash": lambda b: sandbox.slash(b["user"], b["channel"], b["command"], b.get("options")),
            "autocomplete": lambda b: sandbox.autocomplete(
                b["user"], b["channel"], b["command"], b.get("options") or {}, b["focused"]
            ),
            "click": lambda b: sandbox.click(b["user"], b["message"], b["button"], b.get("values")),
            "submit_modal": lambda b: sandbox.submit_modal(b["user"], b["interaction_id"], b["values"]),
            "say": lambda b: sandbox.say(b["user"], b["channel"], b["text"]),
            "dismiss": lambda b: sandbox.dismiss(b["user"], b["message"]),
            "delete_message": lambda b: sandbox.delete_message(b["message"]),
            "delete_channel": lambda b: sandbox.delete_channel(b["channel"]),
            "forbid": lambda b: sandbox.forbid(b["channel"], *b["permissions"]),
            "invite": lambda _: sandbox.invite(),
            "fault": lambda b: sandbox.fault(**b),
            "clear_faults": lambda _: sandbox.clear_faults(),
            "disconnect": lambda b: sandbox.disconnect(int(b.get("code", 4000))),
            "abort": lambda _: sandbox.abort(),
            "freeze": lambda _: sandbox.freeze(),
            "ask_reconnect": lambda _: sandbox.ask_reconnect(),
            "invalidate": lambda b: sandbox.invalidate(resumable=bool(b["resumable"])),
            "refuse_connections": lambda b: sandbox.refuse_connections(int(b["times"])),
            "emit": lambda b: sandbox.emit(b["event"], b["data"]),
        }
        try:
            body: Json = await request.json()
            result = await verbs[request.match_info["verb"]](body)
        except ClientRefused as refusal:
            return answer({"refused": str(refusal)}, status=409)
        except ApiError as error:
            return answer({"refused": error.message, "errors": error.errors}, status=409)
        except (KeyError, TypeError, ValueError) as error:
            return answer({"refused": f"The request is not complete: {error}"}, status=400)
        return answer(result.to_json() if hasattr(result, "to_json") else result)

    # Live

    async def live(self, request: web.Request) -> web.WebSocketResponse:
        """News for one person, in order; what is sent is only what they may see."""
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
