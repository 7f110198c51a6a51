"""`octet doctor`: what it says about a machine and a home that are right, and about each thing that is not."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.cli import doctor
from bot.cli.doctor import Finding, Level
from core.home import Home
from core.settings.model import Http, Settings

REPOSITORY = Path(__file__).parents[3]
SECRET = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcDE.secret-part-of-the-token-of-a-test"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    shutil.copytree(REPOSITORY / "config", tmp_path / "home" / "config")
    (tmp_path / "home").chmod(0o755)
    return Home(root=tmp_path / "home")


async def run_doctor(home: Home, *arguments: str, environ: Mapping[str, str] | None = None) -> tuple[int, str]:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "doctor", "--home", str(home.root), *arguments),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **(environ or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        out, _ = await child.communicate()
    assert child.returncode is not None
    return child.returncode, out.decode()


def settings(**changes: object) -> Settings:
    return Settings.model_construct(**{**Settings.model_construct().__dict__, **changes})


async def test_a_right_home_is_0_and_each_line_bears_its_level(home: Home) -> None:
    code, out = await run_doctor(home)
    assert code == 0, out
    heads = [line for line in out.splitlines() if not line.startswith(" ")]
    assert {line.split()[0] for line in heads} <= {"ok", "warning"}
    for words in ("Python 3", "SQLite 3", "python-xlib", "tkinter", "is right", "desk main", "OCTET_DISCORD_TOKEN"):
        assert words in out
    assert not (home.root / "octet.db").exists()
    assert not (home.root / "octet.lock").exists()


async def test_a_wrong_configuration_is_1_and_names_the_place(home: Home) -> None:
    (home.config / "octet.toml").write_text("[http]\nprot = 1\n")
    code, out = await run_doctor(home)
    assert code == 1
    assert "problem" in out
    assert "config/octet.toml" in out
    assert "octet check" in out


async def test_a_token_is_never_printed(home: Home) -> None:
    code, out = await run_doctor(home, environ={"OCTET_DISCORD_TOKEN": SECRET})
    assert code == 0, out
    assert "there is a token" in out
    assert SECRET not in out
    assert "secret-part" not in out


def test_an_old_python_is_a_problem() -> None:
    assert doctor.python((3, 10, 9)).level is Level.PROBLEM
    assert doctor.python((3, 11, 0)).level is Level.OK


def test_an_old_sqlite_is_refused_and_a_middling_one_is_told_apart() -> None:
    old = doctor.sqlite((3, 34, 1))
    assert (old.level, old.what) == (Level.PROBLEM, "SQLite 3.34.1 is too old")
    assert "newer" in old.cure
    assert "one connection alone checkpoints" in doctor.sqlite((3, 51, 2)).what
    assert doctor.sqlite((3, 51, 3)).what == "SQLite 3.51.3"


def test_the_other_xlib_is_a_problem_with_the_command_that_repairs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.xlib().level is Level.OK
    monkeypatch.setattr("Xlib.__version__", (0, 15))
    found = doctor.xlib()
    assert found.level is Level.PROBLEM
    assert "0.15" in found.what
    assert "pip install --force-reinstall --no-deps 'python-xlib>=0.33'" in found.cure


def test_a_python_without_tk_is_told_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tkinter", None)
    found = doctor.tkinter()
    assert (found.level, found.cure) == (Level.WARNING, "sudo apt-get install python3-tk")


def test_files_that_others_can_read_are_problems_unless_nobody_else_can_enter(home: Home) -> None:
    (home.root / ".env").write_text("x")
    (home.root / ".env").chmod(0o644)
    (home.root / "audit.key").write_text("x")
    (home.root / "audit.key").chmod(0o600)
    found = list(doctor.modes(home))
    assert found == [
        Finding(
            level=Level.PROBLEM,
            what=f"other accounts of this machine can read {home.env_file}",
            cure=f"chmod 600 {home.env_file}",
        )
    ]
    home.root.chmod(0o700)
    assert [finding.level for finding in doctor.modes(home)] == [Level.OK]


def test_a_home_that_is_not_there_is_told(tmp_path: Path) -> None:
    (found,) = doctor.modes(Home(root=tmp_path / "none"))
    assert (found.level, found.cure) == (Level.WARNING, "octet init")


def test_a_taken_port_is_a_warning_and_a_free_one_is_fine(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        assert doctor.port(home, settings(http=Http(port=taken))).level is Level.WARNING
    assert doctor.port(home, settings(http=Http(port=taken))).level is Level.OK


@asynccontextmanager
async def discord(status: int) -> AsyncGenerator[tuple[str, list[str]]]:
    """Something that answers GET /users/@me, and what it was shown."""
    shown: list[str] = []

    async def me(request: web.Request) -> web.Response:
        shown.append(request.headers["Authorization"])
        return web.json_response({"username": "octet-bot"}, status=status)

    app = web.Application()
    app.router.add_get("/api/users/@me", me)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/api", shown
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "level", "words"),
    [(200, Level.OK, "octet-bot"), (401, Level.PROBLEM, "not take this token"), (503, Level.WARNING, "status 503")],
)
async def test_online_the_token_is_shown_to_discord_and_its_answer_told(status: int, level: Level, words: str) -> None:
    async with discord(status) as (api, shown):
        right = settings(discord_token=SecretStr(SECRET))
        found = await asyncio.to_thread(doctor.token, right, online=True, api=api)
    assert (found.level, shown) == (level, [f"Bot {SECRET}"])
    assert words in found.what
    assert SECRET not in found.what + found.cure


async def test_a_discord_that_cannot_be_reached_is_a_problem_of_the_network() -> None:
    async with discord(200) as (api, _):
        pass
    found = await asyncio.to_thread(doctor.token, settings(discord_token=SecretStr(SECRET)), online=True, api=api)
    assert (found.level, found.what.split(":")[0]) == (Level.PROBLEM, "Discord cannot be reached")
