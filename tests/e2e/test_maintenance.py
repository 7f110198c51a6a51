"""The desk looked after from Discord: real windows tried out, put back, taken away from agents and connected again."""

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
"""Four Tk windows and a terminal, which tells nobody where one writes."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    world = tmp_path_factory.mktemp("maintenance")
    settings = {"OCTET_DISPATCH__SETTLE_S": "0.3"}
    async with open_house(world, windows=WINDOWS, settings=settings, prepare=_only_those) as house:
        yield house


def _only_those(config: Path) -> None:
    """The agents and windows that there are."""
    _keep(config / "agents.toml", "agents", lambda number: number <= WINDOWS)
    _keep(config / "desks/main.toml", "windows", lambda number: number <= WINDOWS)


def _keep(file: Path, table: str, wanted: Callable[[int], bool]) -> None:
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


async def test_every_window_is_tried_out_and_none_hears_anything(house: House) -> None:
    said = words(await house.ask("desk test"))
    assert said.count("✓") == WINDOWS, said
    assert said.count("copied back and compared") == 4
    assert "Octet cannot read its text" in said
    assert not any((await house.heard()).values())


async def test_windows_that_were_moved_and_covered_are_named_and_put_back(house: House) -> None:
    assert "no problems" in words(await house.ask("desk doctor"))
    await house.screen.move("agent-2", x=700, y=450)
    await house.screen.cover("agent-3")
    said = words(await house.ask("desk doctor"))
    assert "✗ Agent-2: moved: it is at 700,450" in said
    assert "✗ Agent-3: covered" in said
    assert said.count("/desk arrange") == 2
    said = words(await house.ask("desk arrange", desk="main"))
    assert said.count("✓") == WINDOWS, said
    assert "**Agent-2**: moved from 700,450 to 404,24; is at its place" in said
    assert "**Agent-3**: raised above what lay over it" in said
    assert "no problems" in words(await house.ask("desk doctor", desk="main"))
    await house.screen.uncover("agent-3")


async def test_a_window_changes_hands_while_octet_runs_and_the_others_work_on(house: House) -> None:
    config = house.home / "config"
    await house.done(await house.task("before", "Agent-1"))
    _keep(config / "agents.toml", "agents", lambda number: number not in {4, 5})
    _keep(config / "desks/main.toml", "windows", lambda number: number not in {4, 5})
    said = words(await house.ask("admin reload"))
    assert "Removed agents: Agent-4, Agent-5." in said
    assert "Desks whose workers restart: main." in said
    await house.done(await house.task("after", "Agent-1"))
    assert await _heard(house, "agent-1") == ["before", "after"]
    (config / "agents.toml").write_text("[[agents]]\nname = 7\n", "utf-8")
    assert "Octet changed nothing" in words(await house.ask("admin reload"))


async def test_both_are_connected_again_by_numbers_on_pictures(house: House) -> None:
    config = house.home / "config"
    (config / "agents.toml").write_text(
        '[[agents]]\nname = "Agent-1"\nrole = "builder"\ncapabilities = ["code"]\n'
        'lane = "window"\ndesk = "main"\nwindow = "agent-1"\n',
        "utf-8",
    )
    for title, agent, profile, place in (("vostok", "Vera", "demo_tk", "45"), ("soyuz", "Sonja", "demo_xterm", "45")):
        asked = await house.ask("desk calibrate", desk="main")
        assert "Agent-1" in words(asked), words(asked)
        assert (await _picture(asked)).size == (1600, 900)
        number = _number(rf"\*\*(\d+)\*\* [^\n]*{title}", words(asked))
        done = await house.fill_in(asked, "Choose others", f"{number}={agent}:{profile}")
        if "Where is the composer" in words(done):  # nothing tells: the picture with places does
            assert (await _picture(done)).width >= 1000
            done = await house.fill_in(done, "Name the place", place)
        assert f"{agent}: connected" in words(done), words(done)
        await house.done(await house.task(f"for {agent}", agent))
    assert (await _heard(house, "agent-4"))[-1:] == ["for Vera"]
    assert (await _heard(house, "agent-5"))[-1:] == ["for Sonja"]


async def test_the_same_is_done_at_the_console_while_octet_runs_and_counts_at_once(house: House) -> None:
    told = await house.command(
        "calibrate",
        "--window",
        "title=soyuz,profile=demo_xterm,composer=150,-30,agent=Stella",
        "--home",
        str(house.home),
    )
    assert told.code == 0, told.out + told.err
    await house.done(await house.task("for Stella", "Stella"))
    assert (await _heard(house, "agent-5"))[-1:] == ["for Stella"]
