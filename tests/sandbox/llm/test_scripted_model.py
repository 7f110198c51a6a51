"""The scripted model as a child process: one line says how to use it, it wants its key, and it says what it is."""

from __future__ import annotations

import asyncio

from aiohttp import ClientSession

from sandbox.llm.server import OPENING
from tests.sandbox.discord.test_process import started


async def test_the_scripted_model_answers_with_its_key_and_ends_with_its_input() -> None:
    async with started("sandbox.llm") as (_, about), asyncio.timeout(60), ClientSession() as session:
        assert about["base_url"].startswith("http://127.0.0.1:")
        url = f"{about['base_url']}/chat/completions"
        asked = {"model": about["model"], "messages": [{"role": "user", "content": "[C2A] hub → A · T-1\nHello"}]}
        async with session.post(url, json=asked) as refused:
            assert refused.status == 401
        async with session.post(url, json=asked, headers={"Authorization": f"Bearer {about['key']}"}) as answer:
            text = (await answer.json())["choices"][0]["message"]["content"]
        assert text.startswith(OPENING)
        assert text.endswith("Hello")
