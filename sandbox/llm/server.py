"""Answers in four APIs (`dialects`) from a script. Lines `demo: WORD` in a prompt choose what happens.

`demo: wait 3` waits before the answer, `limit 5` answers 429 once and asks for a pause of 5 seconds, `status 503`
answers that status, `cut` ends the connection in the middle of the answer, `end` ends the stream there without saying
why, `length` and `empty` end the answer early, `hang` never ends it. `stream 40` answers with so many words in ten
seconds. `tool COMMAND` has an agent's shell run the command, then answers.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from sandbox.discord.loopback import NAMES, bind
from sandbox.llm.dialects import (
    MODEL,
    ChatDialect,
    Dialect,
    GeminiDialect,
    MessagesDialect,
    ModelAnswer,
    ModelRequest,
    ResponsesDialect,
)

OPENING = "This answer is scripted: no model was asked."
_DEMO = re.compile(r"^\s*demo:\s*(tool(?=\s)|[a-z]+)\s*((?<=tool )\S.*?|[0-9.]*)\s*$", re.MULTILINE)
_HEADER = re.compile(r"^\[[A-Z0-9]+\] .*$", re.MULTILINE)
_WORD_PAUSE_S = 0.01
_DIALECTS = {"chat/completions": ChatDialect, "messages": MessagesDialect, "responses": ResponsesDialect}
_STREAM_S = 10.0
_QUOTED_CHARS = 200


@dataclass(slots=True)
class ScriptedApi:
    """One running server."""

    base_url: str = ""
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    heard: list[str] = field(init=False, default_factory=list[str])  # every prompt that it received, oldest first
    hears: asyncio.Condition = field(init=False, default_factory=asyncio.Condition)
    turns: list[ModelRequest] = field(
        default_factory=list[ModelRequest]
    )  # the requests that began a turn of an agent with tools
    left: list[str] = field(init=False, default_factory=list[str])  # prompts whose program hung up amid the answer
    limited: set[str] = field(init=False, default_factory=set[str])  # prompts that it answered with 429 before

    async def until_heard(self, prompts: int) -> None:
        async with self.hears:
            await self.hears.wait_for(lambda: len(self.heard) >= prompts)

    def described(self) -> dict[str, str]:
        return {"base_url": self.base_url, "key": self.key, "model": MODEL}

    async def complete(self, request: web.Request, dialect: Dialect) -> web.StreamResponse:
        if not hmac.compare_digest(_key_of(request), self.key):
            return _refusal(dialect, 401, "invalid_api_key", "Incorrect API key provided.")
        asked = dialect.read(await request.json())
        if asked.model != MODEL:
            return _refusal(dialect, 404, "model_not_found", f"There is no such model; there is {MODEL}.")
        prompt = asked.prompt
        newest = [0, *(found.start() for found in _HEADER.finditer(prompt))][-1]  # it may follow one that was cut off
        wishes: dict[str, str] = dict(_DEMO.findall(prompt, newest))
        if "limit" in wishes and prompt not in self.limited:
            self.limited.add(prompt)
            return _refusal(
                dialect, 429, "rate_limit_exceeded", "Too many requests.", retry_after=wishes["limit"] or "1"
            )
        if "status" in wishes:
            return _refusal(dialect, int(wishes["status"]), "scripted", "The prompt asked for this.")
        async with self.hears:
            self.heard.append(prompt)
            if asked.tools and not asked.is_after_tool:
                self.turns.append(asked)
            self.hears.notify_all()
        await asyncio.sleep(float(wishes.get("wait") or 0))
        said = _say(asked, wishes)
        return (
            await self._stream(request, dialect, asked, said, wishes)
            if asked.is_streamed
            else web.json_response(dialect.whole(said))
        )

    async def _stream(
        self, request: web.Request, dialect: Dialect, asked: ModelRequest, said: ModelAnswer, wishes: dict[str, str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        words = re.findall(r"\S*\s*", said.text)
        is_short = bool({"cut", "end", "length", "hang"} & wishes.keys())
        pause_s = _STREAM_S / len(words) if "stream" in wishes and not said.tool else _WORD_PAUSE_S
        for event in dialect.open():
            await response.write(event)
        try:
            for word in words[: len(words) // 2] if is_short else words:
                await response.write(dialect.piece(word))
                await asyncio.sleep(pause_s)
        except (asyncio.CancelledError, ConnectionError):
            self.left.append(asked.prompt)
            raise
        if "hang" in wishes:
            await asyncio.Event().wait()
        if "cut" in wishes and request.transport is not None:
            request.transport.abort()
            return response
        if "end" not in wishes:
            for event in dialect.close(said, with_usage=asked.wants_usage):
                await response.write(event)
        return response

    async def answer(self, request: web.Request) -> web.StreamResponse:
        return await self.complete(request, _DIALECTS[request.match_info["api"]]())

    async def generate(self, request: web.Request) -> web.StreamResponse:
        """Answer one of Google's methods; the path names it after the model."""
        method = request.match_info["method"]
        if method == "countTokens":
            return web.json_response({"totalTokens": len((await request.text()).split())})
        return await self.complete(request, GeminiDialect(is_streamed=method == "streamGenerateContent"))


@asynccontextmanager
async def serve(port: int = 0) -> AsyncGenerator[ScriptedApi]:
    api = ScriptedApi()
    app = web.Application(client_max_size=8 << 20)
    app.router.add_post("/v1/messages/count_tokens", _count_tokens)
    app.router.add_post("/v1/{api:chat/completions|messages|responses}", api.answer)
    app.router.add_post("/v1beta/models/{model}:{method}", api.generate)
    listener = bind(port)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        api.base_url = f"http://{NAMES[0]}:{listener.getsockname()[1]}/v1"
        yield api
    finally:
        await runner.cleanup()


def _answer(prompt: str) -> str:
    body = _HEADER.sub("", _DEMO.sub("", prompt)).strip()
    quoted = body[:_QUOTED_CHARS] + ("…" if len(body) > _QUOTED_CHARS else "")
    return f"{OPENING}\n\nYou asked ({len(body.split())} words): {quoted}"


def _say(asked: ModelRequest, wishes: dict[str, str]) -> ModelAnswer:
    """Choose what the model says; a tool is called once, and only where the agent offers one that runs commands."""
    shell = asked.shell
    is_call = "tool" in wishes and shell is not None and not asked.is_after_tool
    text = "" if "empty" in wishes else _answer(asked.prompt)
    if "stream" in wishes:
        text = " ".join(f"word{number}" for number in range(int(wishes["stream"] or 40)))
    if is_call:
        text = "I run it."
    tokens = len(asked.prompt.split()), len(text.split())
    finish = "length" if "length" in wishes else "stop"
    if not is_call or shell is None:
        return ModelAnswer(text=text, tokens=tokens, finish=finish)
    arguments: dict[str, Any] = {shell[1]: wishes["tool"], "description": "the script asks"}
    if shell[1] == "cmd":  # Codex asks for what leaves its sandbox
        arguments = {"cmd": wishes["tool"], "sandbox_permissions": "require_escalated", "justification": "script"}
    return ModelAnswer(text=text, tokens=tokens, tool=shell[0], arguments=arguments)


def _key_of(request: web.Request) -> str:
    """Return the key, which each API carries in its own place."""
    for name in ("x-api-key", "x-goog-api-key"):
        if name in request.headers:
            return request.headers[name]
    return request.query.get("key") or request.headers.get("Authorization", "").removeprefix("Bearer ")


async def _count_tokens(request: web.Request) -> web.Response:
    return web.json_response({"input_tokens": len((await request.text()).split())})


def _refusal(dialect: Dialect, status: int, code: str, message: str, *, retry_after: str = "") -> web.Response:
    headers = {"Retry-After": retry_after} if retry_after else None
    return web.json_response(dialect.refuse(code, message, status), status=status, headers=headers)
