"""What the terminal of `octet demo` does; tests/e2e/test_demo.py drives the demo itself."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

from bot.cli import demo
from sandbox.discord.serving import open_sandbox
from sandbox.discord.settings import SandboxSettings
from tests.pace import patience


def link(place: Mapping[str, Any]) -> str:
    return f"Open  {json.loads(demo._ask(place, 'link'))}"


async def test_enter_prints_a_new_link_that_opens_the_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        async with open_sandbox(SandboxSettings()) as sandbox:
            links = asyncio.create_task(demo._new_links(partial(link, sandbox.described())))
            found = ""
            async with asyncio.timeout(patience(20)):
                while found.count("?ticket=") < 2:
                    os.write(ours, b"\n")
                    await asyncio.sleep(0.05)  # a user presses Enter again; no event tells that the demo reads
                    found += capsys.readouterr().out
            links.cancel()
            first, second, *_ = (line.split()[1] for line in found.splitlines())
            assert first != second
    os.close(ours)
