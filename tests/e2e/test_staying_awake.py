"""`octet run` keeps its machine awake while work waits at a desk that allows it, and no longer than it lives."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.automation.desktop.power.test_logind import a_manager
from tests.bot.cli.test_run import Account

REPOSITORY = Path(__file__).parents[2]
AGENTS = """
[[agents]]
name = "Ada"
about = "works behind a screen that is not there"
capabilities = ["code"]
lane = "window"
desk = "main"
window = "agent-1"
"""
DESK = """
display = ":4711"
[user_activity]
stay_awake = true
[[windows]]
name = "agent-1"
profile = "demo_tk"
title = "agent"
box = { x = 4, y = 24, width = 386, height = 413 }
"""


def make_home(place: Path) -> Account:
    config = place / "home" / "config"
    (config / "desks").mkdir(parents=True)
    (config / "profiles").mkdir()
    (place / "person").mkdir()
    (config / "agents.toml").write_text(AGENTS)
    (config / "octet.toml").write_text("")
    (config / "desks" / "main.toml").write_text(DESK)
    shipped = REPOSITORY / "config" / "profiles" / "demo_tk.toml"
    (config / "profiles" / "demo_tk.toml").write_text(shipped.read_text())
    return Account(place)


async def test_the_machine_stays_awake_while_a_task_waits_and_not_after_a_kill(tmp_path: Path) -> None:
    account = make_home(tmp_path)
    async with a_manager(tmp_path) as manager:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run"),
            cwd=account.place / "person",
            env={**account.environ, "DBUS_SYSTEM_BUS_ADDRESS": manager.address},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert child.stdout is not None
        assert child.stderr is not None
        try:
            async with asyncio.timeout(60):
                while b"Octet is ready" not in (line := await child.stdout.readline()):
                    assert line, (await child.stderr.read()).decode()
            assert (await account.octet("task", "new", "Count the birds"))[0] == 0
            assert await manager.says() == "inhibited sleep:idle block"
            async with asyncio.timeout(60):
                while "keeps this machine awake" not in (await account.octet("desk", "status"))[1]:
                    pass  # the manager had said so before Octet heard it; each question takes its time
            assert (await account.octet("task", "cancel", "T-1"))[0] == 0
            assert await manager.says() == "closed sleep:idle"
            assert (await account.octet("task", "new", "Count the bees"))[0] == 0
            assert await manager.says() == "inhibited sleep:idle block"
        finally:
            child.kill()
            await child.communicate()
        assert await manager.says() == "closed sleep:idle"
