"""`/task new` without a prompt: the dialog that opens, and what becomes of what is written there."""

from __future__ import annotations

from typing import Any

import pytest

from core.security.model import OPERATOR
from core.tasks.model import TaskId
from sandbox.discord.views import InteractionAnswer
from tests.bot.discord.town import Town, text_of
from tests.builders import make_new_task


async def opened(town: Town, user: str = "Ada", **options: Any) -> InteractionAnswer:
    return await town.sandbox.slash(user, "#octet", "task new", options)


async def sent(town: Town, form: InteractionAnswer, text: str, user: str = "Ada") -> str:
    return text_of(await town.answered(await town.sandbox.submit_modal(user, form, {"brief": text})))


async def test_the_dialog_makes_the_task_with_the_options_of_the_command(owned: Town) -> None:
    form = await opened(owned, agent="Dry-1", priority=1, needs="python, docs")
    assert form.kind == "modal"
    assert form.modal is not None
    assert form.modal["title"] == "New task"
    text = "Count the birds\n\n" + "in the garden " * 200
    said = await sent(owned, form, text)
    assert said == f"T-1 created: see its card in <#{owned.sandbox.world.home.id}>."
    task = (await owned.coordinator.tasks.show(TaskId("T-1"), by=OPERATOR)).task
    assert (task.brief, task.wanted, task.priority) == (text.rstrip(), "Dry-1", 1)
    assert task.needs == {"python", "docs"}
    await owned.card(holds="sent (dry run)")


async def test_one_dialog_makes_one_task_however_often_it_arrives(owned: Town) -> None:
    form = await opened(owned, agent="Dry-1")
    assert "T-1 created: see its card" in await sent(owned, form, "Count the birds")
    again = make_new_task("Count the birds", key=f"discord:{form.interaction_id}")
    assert (await owned.coordinator.tasks.new(again, by=OPERATOR)).id == "T-1"
    second = await opened(owned, agent="Dry-1")
    assert "T-2 created: see its card" in await sent(owned, second, "Count the birds")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"agent": "Nobody-9"}, "no agent called Nobody-9"),
        ({"agent": "Nowhere"}, "has no window to deliver to"),
        ({"needs": "cooking"}, "No agent matches"),
    ],
)
async def test_wrong_options_are_told_before_anybody_writes_a_text(
    owned: Town, options: dict[str, Any], said: str
) -> None:
    answer = await opened(owned, **options)
    assert answer.kind != "modal"
    message = await owned.answered(answer)
    assert said in text_of(message)
    assert message["sandbox"]["only_for"] == str(owned.sandbox.world.ada.id)


async def test_a_text_that_cannot_be_taken_comes_back_with_the_reason(owned: Town) -> None:
    form = await opened(owned, agent="Dry-1")
    bad = "ring \x07 the bell"
    answer = await owned.answered(await owned.sandbox.submit_modal("Ada", form, {"brief": bad}))
    assert "control character" in text_of(answer)
    assert answer["sandbox"]["only_for"] == str(owned.sandbox.world.ada.id)
    [kept] = answer["sandbox"]["files"]
    assert owned.sandbox.world.attachments[int(kept["id"])].content.decode() == bad
    assert await owned.coordinator.tasks.list(by=OPERATOR) == ()


async def test_strangers_get_no_dialog(owned: Town) -> None:
    answer = await opened(owned, user="Ben")
    assert answer.kind != "modal"
    assert "Not allowed" in text_of(await owned.answered(answer))
