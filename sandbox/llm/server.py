"""Answers chat completions from a script. Lines `demo: WORD` in a prompt choose what goes wrong.

`demo: wait 3` waits before the answer, `limit 5` answers 429 once and asks for a pause of 5 seconds, `status 503`
answers that status, `cut` ends the connection in the middle of the answer, `end` ends the stream there without saying
why, `length` and `empty` end the answer early, `hang` never ends it.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from sandbox.discord.loopback import NAMES, bind

MODEL = "scripted-1"
OPENING = "This answer is scripted: no model was asked."
_DEMO = re.compile(r"^\s*demo:\s*([a-z]+)\s*([0-9.]*)\s*$", re.MULTILINE)
_HEADER = re.compile(r"^\[[A-Z0-9]+\] .*$", re.MULTILINE)
_WORD_PAUSE_S = 0.01
_QUOTED_CHARS = 200


@dataclass(slots=True)
class ScriptedApi:
    """One running server."""

    base_url: str = ""
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    heard: list[str] = field(default_factory=list[str])  # every prompt that it received, oldest first
    hears: asyncio.Condition = field(default_factory=asyncio.Condition)
    limited: set[str] = field(default_factory=set[str])  # prompts that it answered with 429 before

    async def until_heard(self, prompts: int) -> None:
        async with self.hears:
            await self.hears.wait_for(lambda: len(self.heard) >= prompts)

    def described(self) -> dict[str, str]:
        return {"base_url": self.base_url, "key": self.key, "model": MODEL}

    async def complete(self, request: web.Request) -> web.StreamResponse:
        if not hmac.compare_digest(request.headers.get("Authorization", ""), f"Bearer {self.key}"):
            return _refusal(401, "invalid_api_key", "Incorrect API key provided.")
        asked = await request.json()
        if asked.get("model") != MODEL:
            return _refusal(404, "model_not_found", f"There is no such model; there is {MODEL}.")
        prompt = str(asked["messages"][-1]["content"])
        wishes: dict[str, str] = dict(_DEMO.findall(prompt))
        if "limit" in wishes and prompt not in self.limited:
            self.limited.add(prompt)
            return _refusal(429, "rate_limit_exceeded", "Too many requests.", retry_after=wishes["limit"] or "1")
        if "status" in wishes:
            return _refusal(int(wishes["status"]), "scripted", "The prompt asked for this.")
        async with self.hears:
            self.heard.append(prompt)
            self.hears.notify_all()
        await asyncio.sleep(float(wishes.get("wait") or 0))
        text = "" if "empty" in wishes else _answer(prompt)
        if not asked.get("stream"):
            return web.json_response({**_completion(text), "usage": _usage(prompt, text)})
        options = asked.get("stream_options")
        usage = _usage(prompt, text) if options and options.get("include_usage") else None
        return await self._stream(request, text, wishes, usage)

    async def _stream(
        self, request: web.Request, text: str, wishes: dict[str, str], usage: dict[str, int] | None
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        words = re.findall(r"\S*\s*", text)
        is_short = bool({"cut", "end", "length", "hang"} & wishes.keys())
        for word in words[: len(words) // 2] if is_short else words:
            await response.write(_event(_chunk({"content": word}, None)))
            await asyncio.sleep(_WORD_PAUSE_S)
        if "hang" in wishes:
            await asyncio.Event().wait()
        if "cut" in wishes and request.transport is not None:
            request.transport.abort()
            return response
        if "end" not in wishes:
            await response.write(_event(_chunk({}, "length" if "length" in wishes else "stop")))
            if usage is not None:
                await response.write(_event({**_chunk({}, None), "choices": [], "usage": usage}))
            await response.write(b"data: [DONE]\n\n")
        return response


@asynccontextmanager
async def serve(port: int = 0) -> AsyncGenerator[ScriptedApi]:
    api = ScriptedApi()
    app = web.Application(client_max_size=8 << 20)
    app.router.add_post("/v1/chat/completions", api.complete)
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


def _usage(prompt: str, text: str) -> dict[str, int]:
    """Count words as tokens, in the form in which the real API reports them."""
    asked, said = len(prompt.split()), len(text.split())
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def _refusal(status: int, code: str, message: str, *, retry_after: str = "") -> web.Response:
    headers = {"Retry-After": retry_after} if retry_after else None
    body = {"error": {"message": message, "type": "scripted", "param": None, "code": code}}
    return web.json_response(body, status=status, headers=headers)


def _completion(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return {"id": "scripted", "object": "chat.completion", "created": 0, "model": MODEL, "choices": choices}


def _chunk(delta: dict[str, str], finish: str | None) -> dict[str, Any]:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "scripted", "object": "chat.completion.chunk", "created": 0, "model": MODEL, "choices": choices}


def _event(data: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()
