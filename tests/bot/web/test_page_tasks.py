"""The screens about tasks, in a real browser: the form, several at once, the best of, the receipt, the timeline."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from playwright.async_api import Page, expect

from core.deliveries.model import Assurance, Moment, Outcome, Picture, PictureArea, Result
from core.messages.model import NewFile
from core.security.model import OPERATOR
from core.tasks.model import NewTask, TaskId, TaskState
from tests.bot.web import test_page
from tests.builders import list_tasks
from tests.house import House

house, context, page = test_page.house, test_page.context, test_page.page  # one start of Octet for this file
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]


async def test_a_task_is_created_with_a_parameter_that_few_need(page: Page, house: House) -> None:
    await page.goto("/page/tasks")
    await page.get_by_role("textbox", name="New task").fill("Count the birds")
    await page.get_by_role("combobox", name="Agent").first.select_option("Agent-2")
    await page.get_by_role("combobox", name="Priority").select_option("P1, urgent")
    await page.get_by_text("More", exact=True).first.click()
    await page.get_by_role("textbox", name="Labels").fill("birds, spring")
    await page.get_by_role("button", name="Create").click()
    await expect(page.get_by_role("heading", name="T-1", exact=True)).to_be_visible()
    task = await house.task(TaskId("T-1"))
    assert (task.labels, task.wanted, task.priority) == ({"birds", "spring"}, "Agent-2", 1)
    await expect(page.get_by_text("Agent-2 (the task names it)")).to_be_visible()


async def test_a_template_fills_the_form_again(page: Page, house: House) -> None:
    await page.goto("/page/tasks")
    await page.get_by_role("textbox", name="New task").fill("Count & weigh the birds")
    await page.get_by_text("More", exact=True).first.click()
    await page.get_by_role("textbox", name="Labels").fill("birds")
    await page.get_by_role("textbox", name="Save as a template").fill("Birds")
    await page.get_by_role("button", name="Save the template").click()
    await page.get_by_role("combobox", name="Template").select_option("Birds")
    await expect(page.get_by_role("textbox", name="New task")).to_have_value("Count & weigh the birds")
    await page.get_by_role("button", name="Create").click()
    await expect(page.get_by_text("Count & weigh the birds").first).to_be_visible()
    (task,) = [one for one in await list_tasks(house.core, by=OPERATOR) if one.title == "Count & weigh the birds"]
    assert task.labels == {"birds"}


async def test_several_tasks_are_cancelled_after_one_question(page: Page, house: House) -> None:
    made = [await house.core.tasks.new(NewTask(brief=f"Bird {number}"), by=OPERATOR) for number in range(2)]
    await page.goto("/page/tasks?filter=Bird&sort=-created")
    for task in made:
        await page.get_by_role("checkbox", name=f"Select {task.id}", exact=True).check()
    bulk = page.get_by_role("region", name="Selected tasks")
    await bulk.get_by_role("button", name="Cancel").click()
    await bulk.get_by_role("button", name="Cancel 2 tasks?").click()
    await expect(page.get_by_role("status").filter(has_text="2 of 2 done")).to_be_visible()
    assert {(await house.task(task.id)).state for task in made} == {TaskState.CANCELLED}


async def test_answers_lie_side_by_side_and_the_user_picks_one(page: Page, house: House) -> None:
    parent = await house.core.tasks.new(NewTask(brief="How many birds?", best_of=2), by=OPERATOR)
    parts = (await house.core.tasks.show(parent.id, by=OPERATOR)).parts
    for part, answer in zip(parts, ("Twelve", "Thirteen"), strict=True):
        await house.until(part.id, TaskState.WORKING)
        await house.core.tasks.done(part.id, answer, by=OPERATOR)
    await page.goto(f"/page/tasks/{parent.id}")
    answers = page.get_by_role("region", name="Answers side by side")
    await expect(answers.get_by_text("Thirteen")).to_be_visible()
    await answers.get_by_role("button", name=f"Pick {parts[1].id}").click()
    await expect(answers.get_by_text("picked")).to_be_visible()
    assert (await house.core.tasks.show(parent.id, by=OPERATOR)).answers[-1].body == "Thirteen"


async def test_the_receipt_has_what_octet_saw_with_its_pictures(page: Page, house: House) -> None:
    png = io.BytesIO()
    Image.new("RGB", (40, 20), "green").save(png, "PNG")
    shot = Picture(moment=Moment.STAGED, part=PictureArea.WINDOW, png=png.getvalue())
    house.lane.script.append(Outcome(result=Result.DELIVERED, assurance=Assurance.EXACT, pictures=(shot,)))
    made = await house.core.tasks.new(
        NewTask(brief="Mend the build", attach=NewFile(name="log.txt", content=b"It failed")), by=OPERATOR
    )
    await house.until(made.id, TaskState.WORKING)
    await house.core.tasks.done(made.id, "Mended", by=OPERATOR)
    await page.goto(f"/page/tasks/{made.id}")
    receipt = page.get_by_role("region", name="Receipt")
    await expect(receipt.get_by_text("Octet saw that the window shows the whole text")).to_be_visible()
    picture = receipt.get_by_role("img")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("one => one.decode().then(() => one.naturalWidth)") == 40
    async with page.expect_download() as download:
        await receipt.get_by_role("button", name="log.txt, 1 KB").click()
    assert (await (await download.value).path()).read_bytes() == b"It failed"
    attempts = page.get_by_role("table")
    await expect(attempts.get_by_role("cell", name="set by hand")).to_be_visible()
    await expect(attempts.get_by_role("cell", name="Done")).to_be_visible()


async def test_the_timeline_shows_an_attempt_and_why_an_agent_waits(page: Page, house: House) -> None:
    await house.core.availability.pause("Agent-4", by=OPERATOR)
    await page.goto("/page/timeline?hours=1")
    await expect(page.get_by_role("link", name="T-1 Count the birds · under way")).to_be_visible()
    await expect(page.get_by_role("img", name="paused")).to_be_visible()
    await page.get_by_text("As a table").click()
    await expect(page.get_by_role("cell", name="paused")).to_be_visible()
    await page.goto("/page/agents/Agent-2")
    attempts = page.get_by_role("region", name="Attempts")
    await expect(attempts.get_by_role("link", name="T-1 Count the birds")).to_be_visible()
    await expect(attempts.get_by_text("under way").first).to_be_visible()
