"""Children of the demo: listened to, and ended with what they own."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from bot.cli.children import ChildEnded, child


def argv(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", code]


async def test_what_a_child_says_when_it_is_ready_is_understood(tmp_path: Path) -> None:
    code = 'import sys; print("{\\"page\\": 1}"); print("noise"); print("code:abc"); sys.stdin.read()'
    async with child("a child", argv(code), os.environ, log=tmp_path / "log") as one:
        assert await one.first_json() == {"page": 1}
        assert (await one.line_with(re.compile(r"code:(\S+)")))[1] == "abc"


async def test_a_child_that_ends_early_is_told_with_its_last_words(tmp_path: Path) -> None:
    code = 'import sys; sys.stderr.write("Xvfb is missing: apt install xvfb\\n"); sys.exit(1)'
    with pytest.raises(ChildEnded, match=r"a screen, which ended too early .exit code 1.*Xvfb is missing"):
        async with child("a screen", argv(code), os.environ, log=tmp_path / "log") as one:
            await one.first_json()


async def test_a_child_that_does_not_want_to_end_is_made_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.cli.children._END_S", 0.3)
    code = 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print("{}")\nwhile True: time.sleep(9)'
    async with child("a mule", argv(code), os.environ, log=tmp_path / "log") as one:
        await one.first_json()
    assert one.process.returncode == -9


async def test_a_child_that_ends_while_the_demo_runs_is_noticed(tmp_path: Path) -> None:
    code = 'import sys; print("{}"); sys.stdin.readline()'
    async with child("a page", argv(code), os.environ, log=tmp_path / "log") as one:
        await one.first_json()
        assert one.process.stdin is not None
        one.process.stdin.write(b"\n")
        with pytest.raises(ChildEnded, match="a page, which ended too early"):
            await one.ended()
