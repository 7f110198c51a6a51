"""`make demo-check`: the demo from its start to its end, used through the page as a person would use it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import tomllib
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Page, expect

from tests.display import until
from tests.e2e.demo import ROOT, Demo, is_stale, running_demo, still_listening
from tests.e2e.demo_page import add_option, become, card, command, page_of, thread_of

pytestmark = [pytest.mark.display, pytest.mark.browser, pytest.mark.timeout(600)]

OUT = ROOT / "tests" / "out"
_PROMPT = "Read the changelog and say what is new.\nKeep it short: three lines, “plain words”, naïve café."
_SHARE_OF = """([box, colour]) => {
    const picture = document.querySelector("[data-testid=screen-picture]");
    if (!picture || picture.hidden || !picture.complete || !picture.naturalWidth) return -1;
    const canvas = document.createElement("canvas");
    canvas.width = picture.naturalWidth;
    canvas.height = picture.naturalHeight;
    const pen = canvas.getContext("2d");
    pen.drawImage(picture, 0, 0);
    const pixels = pen.getImageData(box.x, box.y, box.width, box.height).data;
    const wanted = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    let found = 0;
    for (let at = 0; at < pixels.length; at += 4) {
        found += wanted.every((value, part) => pixels[at + part] === value) ? 1 : 0;
    }
    return found / (pixels.length / 4);
}"""


async def _type_task(page: Page, prompt: str, agent: str) -> None:
    """`/task new` by the keyboard alone: the command from the suggestions, the agent from autocomplete."""
    await page.get_by_test_id("composer").click()
    await page.keyboard.type("/task n")
    await expect(page.get_by_test_id("command-suggestion").first).to_contain_text("/task new")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("option-brief")).to_be_focused()
    for number, line in enumerate(prompt.split("\n")):
        if number:
            await page.keyboard.press("Shift+Enter")
        await page.keyboard.type(line)
    await page.keyboard.press("Tab")
    await expect(page.get_by_test_id("option-more")).to_be_focused()
    await add_option(page, "agent")
    await page.keyboard.type(agent[-2:])  # "-3" is enough to find Agent-3
    await expect(page.get_by_test_id("option-choice")).to_have_text([agent])
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("option-agent")).to_have_value(agent)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("created: its card is below").last).to_be_visible()


def _busy_signs() -> dict[str, list[Any]]:
    """Where on the screen each agent's window shows that it works, and in which colour, by the shipped config."""
    config = ROOT / "config"
    signs: dict[str, list[Any]] = {}
    for window in tomllib.loads((config / "desks" / "main.toml").read_text())["windows"]:
        busy = tomllib.loads((config / "profiles" / f"{window['profile']}.toml").read_text())["busy"]
        box = busy["box"] | {"x": window["box"]["x"] + busy["box"]["x"], "y": window["box"]["y"] + busy["box"]["y"]}
        signs[window["name"]] = [box, busy["colour"]]
    return signs


async def _at_work(page: Page, name: str) -> set[str]:
    """Return the windows that work in the first picture in which this one does."""
    signs = _busy_signs()
    seen = f"""([name, signs]) => {{
        const shares = Object.entries(signs).map(([one, sign]) => [one, ({_SHARE_OF})(sign)]);
        return shares.some(([one, share]) => one === name && share > 0.5) && shares;
    }}"""
    shares = await (await page.wait_for_function(seen, arg=[name, signs])).json_value()
    return {one for one, share in shares if share > 0.5}


def _assert_gone(demo: Demo, listeners: dict[str, int], screens: set[str]) -> None:
    assert demo.processes() == [], "processes are left"
    assert list(demo.temp.iterdir()) == [], "files are left"
    assert demo.pointers() == [], "something still points to the demo's home"
    assert still_listening(listeners) == [], "ports are not free"
    until(lambda: not any(map(is_stale, screens)), "no display's socket is left; another one may just begin there")


async def _assert_closed_to_other_accounts(demo: Demo) -> None:
    """They read arguments and connect to every port; they get no screen, no token of the bot, and no page."""
    arguments, secret = demo.arguments(), demo.address.partition("ticket=")[2]
    assert len(secret) > 30
    assert secret.encode() not in arguments
    assert b"screen.png" not in arguments
    async with aiohttp.ClientSession() as session:
        for port in demo.listeners().values():
            for path in ("", "screen.png", "sandbox/screen.png", "sandbox/about", "sandbox/state", "api/v10/users/@me"):
                async with session.get(f"http://127.0.0.1:{port}/{path}") as response:
                    assert response.status in {401, 403, 404}, (port, path)


async def _share_octet(page: Page) -> None:
    """Two users with different roles, a task that comes after two others, and the best of three answers."""
    # Ada lets Ben see tasks. He may not create one.
    await expect(await command(page, "admin bind", who="Ben", role="viewer")).to_contain_text("@Ben: viewer")
    await become(page, "Ben")
    await expect(await command(page, "task new", brief="Release it.")).to_contain_text("needs the role member")

    # Ada makes him a member, and gives two agents tasks in which they stop and ask.
    await become(page, "Ada")
    await expect(await command(page, "admin bind", who="Ben", role="member")).to_contain_text("@Ben: member")
    await command(page, "task new", brief="Fix the parser.\nask: make test", agent="Agent-7")
    await command(page, "task new", brief="Write the changelog.\nask: git log", agent="Agent-8")
    await expect(card(page, "T-6")).to_be_visible()

    # Ben's task comes after both.
    await become(page, "Ben")
    await command(page, "task new", brief="Release it.", after="T-5, T-6")
    release = card(page, "T-7")
    await expect(release).to_contain_text("asked by @Ben · after T-5, T-6")

    # Three agents answer a task of Ada. It waits for her choice.
    await become(page, "Ada")
    await command(page, "task new", brief="Suggest a name for the parser.", best_of="3")

    # Ben's task waits until the second one is done, too.
    for task in ("T-5", "T-6"):
        await expect(release).to_contain_text("another task comes first")
        await thread_of(page, task).click()
        await page.get_by_test_id("button-Approve").click()
        await expect(page.get_by_text(f"finished {task}")).to_be_visible()
        await page.get_by_test_id("channel-octet").click()
    await expect(release).to_contain_text("Done (not checked)")

    # Ada picks the second answer.
    await expect(card(page, "T-8").get_by_test_id(re.compile("^button-Pick"))).to_have_count(3)
    await card(page, "T-8").get_by_test_id("button-Pick T-10").click()
    picked = re.compile("T-9 .* not chosen.*T-10 .* · chosen.*T-11 .* not chosen", re.DOTALL)
    await expect(card(page, "T-8")).to_contain_text(picked)


async def _answer_an_agent(page: Page) -> None:
    """Answer an agent, which asks over MCP, by a button; it continues."""
    await command(page, "task new", brief="Paint it.\nask person: Red or blue? | Red | Blue", agent="Agent-6")
    await thread_of(page, "T-12").click()
    asked = page.get_by_test_id("message").filter(has_text="Agent-6 asks")
    await expect(asked).to_contain_text("Red or blue?")
    await asked.get_by_test_id("button-Blue").click()
    ended = page.get_by_test_id("message").filter(has_text="Agent-6 finished T-12")
    await expect(ended).to_contain_text("Ada answered: Blue")
    await expect(asked.get_by_test_id("button-Blue")).to_have_count(0)


async def _allow_a_program(page: Page) -> None:
    """Allow, in the program's own words, what an agent without a window wants to run; both such agents answer."""
    await page.get_by_test_id("channel-octet").click()
    await command(page, "task new", brief="Clean up.\nask: rm -rf build", agent="Agent-10")
    await thread_of(page, "T-13").click()
    asked = page.get_by_test_id("message").filter(has_text="Agent-10 asks for permission")
    await expect(asked).to_contain_text("rm -rf build")
    await asked.get_by_test_id("button-Allow once").click()
    await expect(page.get_by_text("Ada chose Allow once for Agent-10")).to_be_visible()
    await expect(page.get_by_test_id("message").filter(has_text="Agent-10 finished T-13")).to_be_visible()
    await page.get_by_test_id("channel-octet").click()
    await command(page, "task new", brief="Count the birds.\ndemo: plan", agent="Agent-11")
    await expect(card(page, "T-14")).to_contain_text("Done, by the last message of its agent's turn")


async def test_the_demo_shows_the_whole_way_and_leaves_nothing_behind(tmp_path: Path) -> None:
    OUT.mkdir(exist_ok=True)
    async with running_demo(tmp_path) as demo:
        listeners, screens = demo.listeners(), demo.screens()
        assert len(listeners) >= 3, "the page, the picture, Octet"
        assert len(screens) == 1
        await _assert_closed_to_other_accounts(demo)
        async with page_of(demo) as page:
            await page.wait_for_function(f"(sign) => ({_SHARE_OF})(sign) === 0", arg=_busy_signs()["agent-3"])
            await page.screenshot(path=OUT / "demo-1-page.png")

            await _type_task(page, _PROMPT, "Agent-3")
            assert await _at_work(page, "agent-3") == {"agent-3"}, "the prompt is in that window, and in no other"
            await page.screenshot(path=OUT / "demo-2-prompt-in-window.png")

            await thread_of(page, "T-1").click()
            answer = page.get_by_test_id("message").filter(has_text="Agent-3 finished T-1")
            await expect(answer).to_contain_text(f"It counted {len(_PROMPT)} characters")
            await page.screenshot(path=OUT / "demo-3-answer-in-thread.png")

            await page.get_by_test_id("channel-octet").click()
            await expect(card(page, "T-1")).to_contain_text("Done (not checked)")
            await _type_task(page, "Think long about this.\ndemo: wait 60", "Agent-5")
            other = card(page, "T-2")
            await expect(other).to_contain_text("Working · Agent-5")
            await other.get_by_test_id("button-Cancel").click()
            await expect(other).to_contain_text("Cancelled")
            await expect(other.get_by_test_id("button-Cancel")).to_have_count(0)
            await page.screenshot(path=OUT / "demo-4-cancelled.png")

            await _type_task(page, _PROMPT, "Agent-4")  # the page in Chromium
            await expect(card(page, "T-3")).to_contain_text("Done (not checked)")
            await page.screenshot(path=OUT / "demo-5-page-in-a-browser.png")

            await _type_task(page, "Clean up.\nask: rm -rf build", "Agent-2")
            await thread_of(page, "T-4").click()
            dialog = page.get_by_test_id("message").filter(has_text="Agent-2 waits for an answer in its window")
            await expect(dialog.get_by_test_id("button-Screenshot")).to_be_visible()
            await page.screenshot(path=OUT / "demo-6-dialog.png")
            await dialog.get_by_test_id("button-Approve").click()
            await expect(page.get_by_text("Octet pressed Approve for Agent-2")).to_be_visible()
            await expect(page.get_by_text("finished T-4")).to_be_visible()

            await page.get_by_test_id("channel-octet").click()
            await _share_octet(page)
            await _answer_an_agent(page)
            await _allow_a_program(page)
            await page.screenshot(path=OUT / "demo-7-without-a-window.png")
        assert await demo.end(signal.SIGINT) == 0
    _assert_gone(demo, listeners, screens)
    assert demo.told[-1] == "The demo has ended.\n"


async def test_without_a_desktop_a_person_or_a_scripted_model_answers(tmp_path: Path) -> None:
    async with running_demo(tmp_path, "--no-desktop") as demo:
        listeners = demo.listeners()
        async with page_of(demo) as page:
            await _type_task(page, _PROMPT, "Agent-3")
            first = card(page, "T-1")
            await expect(first).to_contain_text("Sent (dry run): Octet typed nothing")
            prompt = await first.locator("pre").inner_text()
            assert _PROMPT in prompt
            line = next(line for line in prompt.splitlines() if line.startswith("When finished:"))
            folder = tmp_path / "project"
            folder.mkdir()
            (folder / "answer.md").write_text("Done by hand: **42**\n")
            assert await _in_shell(line.removeprefix("When finished:").strip(), folder, tmp_path) == 0
            await thread_of(page, "T-1").click()
            await expect(page.get_by_test_id("message").filter(has_text="finished T-1")).to_contain_text(
                "Done by hand: 42"
            )

            await page.get_by_test_id("channel-octet").click()
            await _type_task(page, "Count the birds.", "Agent-9")  # a scripted model
            await thread_of(page, "T-2").click()
            answer = page.get_by_test_id("message").filter(has_text="Agent-9 finished T-2")
            await expect(answer).to_contain_text("This answer is scripted: no model was asked.")
            await expect(answer).to_contain_text("Count the birds.")
        assert await demo.end(signal.SIGINT) == 0
    _assert_gone(demo, listeners, set())


async def _in_shell(line: str, folder: Path, world: Path) -> int:
    """Run the line as a person would who pasted it into a shell in `folder`."""
    environ = dict(os.environ, HOME=str(world / "home"), XDG_RUNTIME_DIR=str(world / "runtime"))
    shell = await asyncio.create_subprocess_exec("sh", "-c", line, cwd=folder, env=environ)
    return await shell.wait()
