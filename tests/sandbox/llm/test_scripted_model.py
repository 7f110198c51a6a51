"""The scripted model as a child process: one line tells how to use it, it wants its key, and it says what it is."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from aiohttp import ClientSession

from sandbox.llm.server import OPENING

ROOT = Path(__file__).parents[3]


async def test_it_tells_its_address_and_key_and_ends_with_its_input() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox.llm", "--exit-on-eof"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60), ClientSession() as session:
            about = json.loads(await process.stdout.readline())
            assert about["base_url"].startswith("http://127.0.0.1:")
            url = f"{about['base_url']}/chat/completions"
            asked = {"model": about["model"], "messages": [{"role": "user", "content": "[C2A] hub → A · T-1\nHello"}]}
            async with session.post(url, json=asked) as refused:
                assert refused.status == 401
            async with session.post(url, json=asked, headers={"Authorization": f"Bearer {about['key']}"}) as answer:
                text = (await answer.json())["choices"][0]["message"]["content"]
            assert text.startswith(OPENING)
            assert text.endswith("Hello")
            process.stdin.close()
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
