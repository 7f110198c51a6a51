"""Plain HTTP to the sandbox, in the bot's name, for what discord.py would never send."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from aiohttp import ClientSession, FormData

from sandbox.discord.server import Sandbox


def hurry(sandbox: Sandbox) -> None:
    """From here on an answer counts as too late after a second, as no test waits for longer; until then a slow machine
    has all the time it needs."""
    sandbox.interactions._ack_deadline_s = 1.0


@contextmanager
def hurried(sandbox: Sandbox) -> Generator[None]:
    """Only what is asked within counts as answered too late after a second."""
    usual = sandbox.interactions._ack_deadline_s
    hurry(sandbox)
    try:
        yield
    finally:
        sandbox.interactions._ack_deadline_s = usual


async def call(
    sandbox: Sandbox,
    method: str,
    path: str,
    body: Any = None,
    *,
    token: str | None = None,
    files: dict[str, bytes] | None = None,
) -> tuple[int, Any]:
    """One request; gives the status and the parsed answer."""
    async with ClientSession(headers={"Authorization": f"Bot {token or sandbox.token}"}) as session:
        data: Any = None
        if files:
            data = FormData(quote_fields=False)
            data.add_field("payload_json", json.dumps(body), content_type="application/json")
            for number, (name, content) in enumerate(files.items()):
                data.add_field(f"files[{number}]", content, filename=name, content_type="text/plain")
        async with session.request(
            method, sandbox.api_base + path, json=None if files else body, data=data
        ) as response:
            text = await response.text()
            if text:
                assert response.headers["Content-Type"] == "application/json"
            return response.status, json.loads(text) if text else None


def codes(errors: Any) -> set[str]:
    """All detail codes in an error answer."""
    if isinstance(errors, list):
        return {error["code"] for error in errors}
    return set().union(*(codes(value) for value in errors.values())) if isinstance(errors, dict) else set()
