"""Positive control for the import contracts: each is broken by a tree made for it, and kept by the mended twin."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACTS = [contract["name"] for contract in PROJECT["tool"]["importlinter"]["contracts"]]
LEVELS = "The levels of core: a package imports only lower levels"
# A small tree in which everything is where it belongs …
MENDED = {
    "bot/app.py": "import fastapi, automation.desktop.worker.lane, bot.discord.client, bot.web.server",
    "bot/cli/run.py": "import typer, bot.app",
    "bot/discord/client.py": "import discord, core.coordinator",
    "bot/web/server.py": "import fastapi, uvicorn, core.coordinator",
    "automation/desktop/gui.py": "import pyautogui",
    "automation/desktop/x11/input.py": "import automation.desktop.gui",
    "automation/desktop/worker/frames.py": "",
    "automation/desktop/worker/lane.py": "import Xlib, automation.protocol.delivery, automation.desktop.x11.input",
    "automation/desktop/observation/inspector.py": "import automation.desktop.x11.windows",
    "automation/desktop/target/input_target.py": "import automation.desktop.observation.inspector",
    "automation/desktop/x11/windows.py": "import Xlib",
    "automation/desktop/win32/windows.py": "",
    "automation/desktop/macos/window.py": "",
    "automation/dryrun/lane.py": "import automation.protocol.delivery",
    "automation/acp/program.py": "import acp, automation.desktop.worker.frames",
    "automation/terminal/worker.py": "import automation.desktop.worker.lane",
    "automation/llm/client.py": "import openai",
    "automation/protocol/delivery.py": "import core.deliveries.model",
    "core/coordinator.py": "import core.tasks.service",
    "core/tasks/service.py": "import core.tasks._store, core.deliveries.model",
    "core/tasks/_store.py": "import sqlalchemy, core.store.engine",
    "core/deliveries/model.py": "import core.kit.errors",
    "core/schedules/service.py": "import apscheduler",
    "core/store/engine.py": "import sqlalchemy, aiosqlite, alembic, sqlite3",
    "core/kit/errors.py": "",
    "sandbox/discord/server.py": "import aiohttp",
}
# … and for each contract one file that stands against it.
BROKEN = {
    "bot talks, core decides": {"automation/desktop/observation/inspector.py": "import bot.app"},
    "The levels of core": {"core/deliveries/service.py": "import core.tasks.service"},
    "The parts of automation": {"automation/dryrun/eyes.py": "import automation.desktop.x11.input"},
    "X11, Windows and macOS lie side by side: no platform imports another": {
        "automation/desktop/macos/input.py": "import automation.desktop.x11.windows"
    },
    "The terminal lane takes": {"automation/terminal/pane.py": "import automation.desktop.x11.windows"},
    "The acp lane takes": {"automation/acp/driver.py": "import automation.desktop.x11.windows"},
    "The ACP SDK has one gateway module": {"bot/app.py": "import acp"},
    "The interfaces of bot": {"bot/discord/cogs.py": "import bot.web.server"},
    "Only app, desk_workers and cli know automation": {"bot/web/routes.py": "import automation.desktop.worker.lane"},
    "The sandbox stands outside": {"sandbox/discord/world.py": "import core.kit.errors"},
    "Nobody imports the sandbox": {"bot/cli/demo.py": "import sandbox.discord.server"},
    "Siblings import each other": {"automation/protocol/back.py": "import automation.dryrun.lane"},
    "PyAutoGUI has one gateway module": {"automation/desktop/observation/inspector.py": "import pyautogui"},
    "The database has one gateway": {"core/tasks/service.py": "import sqlalchemy"},
    "discord.py has one gateway": {"core/notices/service.py": "import discord"},
    "FastAPI and uvicorn have one gateway": {"bot/cli/serve.py": "import uvicorn"},
    "X11 has one gateway": {"bot/cli/doctor/command.py": "import Xlib"},
    "D-Bus has two gateways": {"automation/desktop/observation/inspector.py": "import dbus_fast"},
    "Typer and Rich have one gateway": {"bot/app.py": "import typer"},
    "The openai package has one gateway": {"core/models/service.py": "import openai"},
    "The MCP SDK has one gateway": {"bot/cli/mcp_bridge.py": "import mcp"},
    "Prometheus' client has one gateway": {"core/fleet/figures.py": "import prometheus_client"},
    "Web Push has one gateway": {"core/notices/service.py": "import pywebpush"},
    "APScheduler has one gateway": {"core/tasks/clock.py": "import apscheduler"},
}


LINT_ALL = """
import os, sys
from importlinter.cli import lint_imports
for folder in sys.argv[1:]:
    if (child := os.fork()) == 0:
        os.chdir(folder)
        lint_imports(no_cache=True)
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)
    print("END", flush=True)
"""
"""Lints a tree in each folder; one process has imported the linter for all of them."""


def write(folder: Path, tree: dict[str, str]) -> Path:
    """Write a tree of our own under our pyproject.toml."""
    folder.mkdir()
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name, source in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{source}\n")
        for package in (path.parent, *path.parent.parents):
            if package != folder and package.is_relative_to(folder):
                (package / "__init__.py").touch()
    return folder


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """KEPT or BROKEN for each contract of our pyproject.toml, by the tree that was linted."""
    breaches = {"": {}, "a package without a level": {"core/surprise/model.py": ""}}
    for contract in CONTRACTS:
        [breaches[contract]] = [files for start, files in BROKEN.items() if contract.startswith(start)]
    place = tmp_path_factory.mktemp("trees")
    folders = [write(place / str(number), MENDED | files) for number, files in enumerate(breaches.values())]
    done = subprocess.run(
        [sys.executable, "-c", LINT_ALL, *folders],
        check=False,
        capture_output=True,
        encoding="utf-8",
        env={"COLUMNS": "400"},
    )
    said = done.stdout.split("END\n")[:-1]
    found = [dict(re.findall(r"^(.+) (KEPT|BROKEN)\b", one, re.MULTILINE)) for one in said]
    assert [set(one) for one in found] == [set(CONTRACTS)] * len(breaches), done.stdout + done.stderr
    return dict(zip(breaches, found, strict=True))


def test_a_tree_in_order_keeps_every_contract(verdicts: dict[str, dict[str, str]]) -> None:
    assert set(verdicts[""].values()) == {"KEPT"}


@pytest.mark.parametrize("contract", CONTRACTS)
def test_each_contract_is_broken_by_what_it_forbids(contract: str, verdicts: dict[str, dict[str, str]]) -> None:
    assert verdicts[contract][contract] == "BROKEN"


def test_a_package_without_a_level_is_found(verdicts: dict[str, dict[str, str]]) -> None:
    assert verdicts["a package without a level"][LEVELS] == "BROKEN"
