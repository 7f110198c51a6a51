"""`make tour`: runs the demo, uses its page in Chromium as a newcomer would, and writes the pictures of docs/tour.md,
docs/agents.md, docs/acp.md, docs/communication.md, docs/people.md, docs/tasks.md, docs/page.md and docs/claude-code.md.

It leaves docs/images/tour-1.png and so on, one for each step, docs/images/tour.gif, which shows them in turn, and
acp-1.png to tasks-2.png. claude-code-1.png and claude-code-2.png are recorded screens of the real program, drawn as
Octet draws panes for Discord.
"""

from __future__ import annotations

import asyncio
import io
import re
import tempfile
from pathlib import Path

from PIL import Image
from playwright.async_api import FloatRect, Locator, Page, expect

from automation.terminal.pane_picture import drawn
from automation.terminal.screen import parse, view
from core.config.profiles import in_pane, read_profiles
from core.profiles.model import PaneProfile
from tests.e2e.demo import ROOT, Demo, running_demo
from tests.e2e.demo_page import add_option, become, card, command, page_of, thread_of

IMAGES = ROOT / "docs" / "images"
WIDTH, HEIGHT = 1400, 800
TALL = 1200  # so that a card with three answers fits
COLOURS = 96
GIF_WIDTH = 1050
SHOWN_MS = 3_000
OWN_LOOKS = (("page-1", "", 1280, False), ("page-2", "/agents", 1280, True), ("page-3", "", 390, False))
"""Pictures of Octet's own page: where, how wide, and whether in dark colours."""
SCREENS = ROOT / "tests" / "data" / "agent_screens"


async def main() -> None:
    """Walk through the demo once and write the pictures."""
    with tempfile.TemporaryDirectory(prefix="octet-tour-") as world:
        async with running_demo(Path(world)) as demo, page_of(demo, width=WIDTH, height=HEIGHT) as page:
            frames = await _walk(page)
            pictures = {f"tour-{number}": frame for number, frame in enumerate(frames, 1)}
            await page.set_viewport_size({"width": WIDTH, "height": TALL})
            pictures |= await _reach_a_goal(page) | await _share(page) | await _ask(page)
            pictures |= await _own_page(demo, page) | _recorded_screens()
    IMAGES.mkdir(exist_ok=True)
    for name, picture in pictures.items():
        picture.save(IMAGES / f"{name}.png", optimize=True)
    height = GIF_WIDTH * HEIGHT // WIDTH
    small = [one.convert("RGB").resize((GIF_WIDTH, height)).quantize(COLOURS) for one in frames]
    small[0].save(IMAGES / "tour.gif", save_all=True, append_images=small[1:], duration=SHOWN_MS, loop=0, optimize=True)
    for file in [IMAGES / f"{name}.png" for name in pictures] + [IMAGES / "tour.gif"]:
        print(f"wrote {file.relative_to(ROOT)}: {file.stat().st_size // 1024} kB")


async def _walk(page: Page) -> list[Image.Image]:
    """Take a task from its command to its answer, then answer a question of another agent."""
    message = page.get_by_test_id("message")
    await page.wait_for_timeout(1_500)  # until all windows have drawn themselves
    frames = [await _frame(page)]

    await _type(page, "Write a poem about rain on a tin roof.", "3")
    frames.append(await _frame(page))
    await page.keyboard.press("Enter")
    await expect(card(page, "T-1")).to_contain_text("Working")
    await page.wait_for_timeout(800)  # the picture of the screen follows the card
    frames.append(await _frame(page))

    await thread_of(page, "T-1").click()
    await expect(page.get_by_text("finished T-1")).to_be_visible()
    frames.append(await _frame(page))

    await page.get_by_test_id("channel-octet").click()
    await _type(page, "Clean up the project. ask: rm -rf build", "5", line="ask: rm -rf build")
    await page.keyboard.press("Enter")
    await thread_of(page, "T-2").click()
    dialog = message.filter(has_text="Agent-5 waits for an answer in its window")
    await expect(dialog.get_by_test_id("button-Approve")).to_be_visible()
    await page.wait_for_timeout(800)
    frames.append(await _frame(page))
    await dialog.get_by_test_id("button-Approve").click()
    await expect(page.get_by_text("finished T-2")).to_be_visible()
    await page.get_by_test_id("channel-octet").click()
    await expect(card(page, "T-2")).to_contain_text("Done")
    frames.append(await _frame(page))
    return frames


async def _reach_a_goal(page: Page) -> dict[str, Image.Image]:
    """Give a chief a goal, answer the question of one of its agents, and show the chain of messages."""
    agents = await command(page, "agent list")
    await expect(agents).to_contain_text("Agent-8")
    pictures = {"agents-1": await _cut(page, agents)}
    await command(page, "task new", brief="Ship it.\ngoal: release", agent="Agent-8")
    goal = card(page, "T-3").first
    await page.get_by_role("button", name="T-5 · Write the release notes.").first.click()
    question = _message(page, "What is the release called?")
    await expect(question.get_by_test_id("button-Answer …")).to_be_visible()
    pictures["communication-1"] = await _cut(page, question)
    await question.get_by_test_id("button-Answer …").click()
    await page.locator("[data-testid=modal] textarea, [data-testid=modal] input").first.fill("Sparrow")
    await page.get_by_test_id("modal-submit").click()
    await page.get_by_test_id("channel-octet").click()
    await expect(goal).to_contain_text("Done (not checked) · Agent-8")
    pictures["communication-2"] = await _cut(page, _message(page, "T-3 · "))
    return pictures


async def _share(page: Page) -> dict[str, Image.Image]:
    """Let Ben in, have a task wait for two others, and ask for the best of three answers."""
    for brief, agent in (
        ("Fix the parser.\nask: make test", "Agent-7"),
        ("Write the changelog.\nask: git log", "Agent-8"),
    ):
        await command(page, "task new", brief=brief, agent=agent)
    await expect(card(page, "T-8")).to_be_visible()
    viewer = await command(page, "admin bind", who="Ben", role="viewer")
    await expect(viewer).to_contain_text("viewer")
    await become(page, "Ben")
    refused = await command(page, "task new", brief="Release it.")
    await expect(refused).to_contain_text("Not allowed")

    await become(page, "Ada")
    await expect(await command(page, "admin bind", who="Ben", role="member")).to_contain_text("member")
    await command(page, "admin commands", group="admin")
    roles = await command(page, "admin roles")
    await expect(roles).to_contain_text("member")
    pictures = {"people-1": await _cut(page, _message(page, "Ben: viewer"), roles)}

    await become(page, "Ben")
    await command(page, "task new", brief="Release it.", after="T-7, T-8")
    await expect(thread_of(page, "T-9")).to_be_visible()
    pictures["people-2"] = await _cut(page, _message(page, "Not allowed"), _message(page, "T-9 created"))
    pictures["tasks-1"] = await _cut(page, _message(page, "T-9 · "))

    await become(page, "Ada")
    await command(page, "task new", brief="Suggest a name for the parser.", best_of="3")
    await expect(card(page, "T-10").get_by_test_id(re.compile("^button-Pick"))).to_have_count(3)
    return pictures | {"tasks-2": await _cut(page, _message(page, "T-10 · "))}


async def _ask(page: Page) -> dict[str, Image.Image]:
    """Have an agent that speaks ACP ask for permission."""
    await command(page, "task new", brief="Clean up the project.\nask: rm -rf build", agent="Agent-10")
    await thread_of(page, "T-14").click()
    asked = _message(page, "Agent-10 asks for permission")
    await expect(asked.get_by_test_id("button-Allow once")).to_be_visible()
    return {"acp-1": await _cut(page, asked)}


async def _own_page(demo: Demo, page: Page) -> dict[str, Image.Image]:
    """Show Octet's own page while the agent waits: wide in both themes, and on a phone."""
    link = await demo.until_told(re.compile(r"Octet's own page +(\S+)"))
    assert page.context.browser
    own = await page.context.browser.new_page(viewport={"width": 1280, "height": 900})
    await own.goto(link[1])
    await own.get_by_role("button", name="Log in as").click()
    await expect(own.locator("[data-need=needs_answer]").filter(has_text="rm -rf build").first).to_be_visible()
    pictures = dict[str, Image.Image]()
    for name, path, width, is_dark in OWN_LOOKS:
        await own.goto(f"{link[1].partition('#')[0]}{path}")
        await own.emulate_media(color_scheme="dark" if is_dark else "light")
        await own.set_viewport_size({"width": width, "height": 900 if width > 400 else 800})
        await expect(own.get_by_label("Loading")).to_have_count(0)
        await own.wait_for_timeout(1_500)  # until the pictures of the windows are there
        pictures[name] = await _frame(own)
    await own.close()
    return pictures


def _recorded_screens() -> dict[str, Image.Image]:
    """Draw the questions of the real Claude Code before its first start and before a command."""
    kind = in_pane(read_profiles(ROOT, []).kinds["claude_code"])
    assert isinstance(kind, PaneProfile)
    screens = [(SCREENS / f"claude_code_{name}.txt").read_text("utf-8") for name in ("trust", "question")]
    questions = [view(parse(screen.split("\n")), kind.terminal).crop for screen in screens]
    return {f"claude-code-{number}": drawn(question) for number, question in enumerate(questions, 1)}


def _message(page: Page, words: str) -> Locator:
    return page.get_by_test_id("message").filter(has_text=re.compile(re.escape(words))).last


async def _cut(page: Page, first: Locator, last: Locator | None = None) -> Image.Image:
    """Photograph the page from the top of one message to the bottom of another."""
    await first.evaluate("one => one.scrollIntoView({block: 'nearest'})")
    boxes = [await one.bounding_box() for one in (first, last or first)]
    begin, end = (box for box in boxes if box is not None)
    height = end["y"] + end["height"] - begin["y"]
    return await _frame(page, FloatRect(x=begin["x"], y=begin["y"], width=begin["width"], height=height))


async def _type(page: Page, brief: str, agent: str, *, line: str = "") -> None:
    """Type `/task new` by the keyboard, up to the last Enter."""
    await page.get_by_test_id("composer").click()
    await page.keyboard.type("/task n")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("option-brief")).to_be_focused()
    await page.keyboard.type(brief.removesuffix(line).strip())
    if line:
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type(line)
    await page.keyboard.press("Tab")
    await expect(page.get_by_test_id("option-more")).to_be_focused()
    await add_option(page, "agent")
    await page.keyboard.type(f"-{agent}")
    await expect(page.get_by_test_id("option-choice")).to_have_text([f"Agent-{agent}"])
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("option-agent")).to_have_value(f"Agent-{agent}")


async def _frame(page: Page, clip: FloatRect | None = None) -> Image.Image:
    picture = Image.open(io.BytesIO(await page.screenshot(clip=clip)))
    return picture.convert("RGB").quantize(COLOURS)


if __name__ == "__main__":
    asyncio.run(main())
