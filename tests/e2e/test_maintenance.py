"""A desk maintained from Discord: real windows tested, put back, taken from agents and connected again."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from PIL import Image

from tests.e2e.house import House, Json, body_of, open_house, words

pytestmark = [pytest.mark.display, pytest.mark.asyncio(loop_scope="module")]
WINDOWS = 5
"""Four Tk windows and a terminal, which exposes no place of its composer."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    world = tmp_path_factory.mktemp("maintenance")
    settings = {"OCTET_DISPATCH__SETTLE_S": "0.3"}

    def prepare(config: Path) -> None:
        _keep(config, lambda number: number <= WINDOWS)

    async with open_house(world, windows=WINDOWS, settings=settings, prepare=prepare) as house:
        yield house


def _keep(config: Path, wanted: Callable[[int], bool]) -> None:
    """Keep the agents and windows of these numbers."""
    for file, table in ((config / "agents.toml", "agents"), (config / "desks/main.toml", "windows")):
        head, *parts = re.split(rf"(?m)^(?=\[\[{table}\]\])", file.read_text("utf-8"))
        kept = [part for part in parts if wanted(_number(r"gent-(\d+)", part))]
        file.write_text("".join([head, *kept]), "utf-8")


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found is not None, text
    return int(found[1])


async def _heard(house: House, name: str) -> list[str]:
    return [body_of(one) for one in (await house.heard())[name]]


async def _picture(message: Json) -> Image.Image:
    [attached] = message["sandbox"]["files"]
    async with aiohttp.ClientSession() as web, web.get(attached["url"]) as response:
        return Image.open(io.BytesIO(await response.read()))


async def test_moved_and_covered_windows_are_named_and_put_back_and_a_test_sends_nothing(house: House) -> None:
    said = words(await house.ask("desk test"))
    assert (said.count("✓"), said.count("copied back and compared")) == (WINDOWS, 4), said
    assert not any((await house.heard()).values())
    assert "no problems" in words(await house.ask("desk doctor"))
    await house.screen.move("agent-2", x=700, y=450)
    await house.screen.cover("agent-3")
    said = words(await house.ask("desk doctor"))
    assert "✗ Agent-2: moved: it is at 700,450" in said
    assert "✗ Agent-3: covered" in said
    said = words(await house.ask("desk arrange", desk="main"))
    assert said.count("✓") == WINDOWS, said
    assert "**Agent-2**: moved from 700,450 to 404,24; is at its place" in said
    assert "**Agent-3**: raised above what lay over it" in said
    assert "no problems" in words(await house.ask("desk doctor", desk="main"))
    await house.screen.uncover("agent-3")


async def test_a_reload_removes_windows_while_the_others_work(house: House) -> None:
    config = house.home / "config"
    await house.done(await house.task("before", "Agent-1"))
    _keep(config, lambda number: number not in {4, 5})
    said = words(await house.ask("admin reload"))
    assert "Removed agents: Agent-4, Agent-5." in said
    assert "Desks whose workers restart: main." in said
    await house.done(await house.task("after", "Agent-1"))
    assert await _heard(house, "agent-1") == ["before", "after"]


async def test_windows_are_connected_again_from_discord_and_on_the_console(house: House) -> None:
    (house.home / "config/agents.toml").write_text(
        '[[agents]]\nname = "Agent-1"\nrole = "builder"\ncapabilities = ["code"]\n'
        'lane = "window"\ndesk = "main"\nwindow = "agent-1"\n',
        "utf-8",
    )
    for title, agent, profile, window in (
        ("vostok", "Vera", "demo_tk", "agent-4"),
        ("soyuz", "Sonja", "demo_xterm", "agent-5"),
    ):
        asked = await house.ask("desk calibrate", desk="main")
        assert (await _picture(asked)).size == (1600, 900)
        number = _number(rf"\*\*(\d+)\*\* [^\n]*{title}", words(asked))
        done = await house.fill_in(asked, "Choose others", f"{number}={agent}:{profile}")
        if "Where is the composer" in words(done):
            assert (await _picture(done)).width >= 1000
            done = await house.fill_in(done, "Name the place", "45")
        assert f"{agent}: connected" in words(done), words(done)
        await house.done(await house.task(f"for {agent}", agent))
        assert (await _heard(house, window))[-1:] == [f"for {agent}"]
    told = await house.command("calibrate", "main", "sonja", "--yes", "--home", str(house.home))
    assert told.code == 0, told.out + told.err
    await house.done(await house.task("for Sonja again", "Sonja"))
    assert (await _heard(house, "agent-5"))[-1:] == ["for Sonja again"]
