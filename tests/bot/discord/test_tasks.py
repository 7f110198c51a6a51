"""`/task` as people use it, over real sockets."""

from __future__ import annotations

import shlex

from tests.bot.discord.town import Town, text_of


async def test_a_new_task_goes_from_the_command_to_the_answer_in_its_thread(owned: Town) -> None:
    said = await owned.ask("task new", prompt="Count the birds", agent="Dry-1")
    assert said == f"T-1 is accepted. Its card appears in <#{owned.sandbox.world.home.id}>."
    card = await owned.card(holds="sent (dry run)")
    line = next(line for line in text_of(card).splitlines() if "octet done" in line)
    words = shlex.split(line.partition("octet ")[2])
    code = words[words.index("--code") + 1]
    await owned.coordinator.tasks.report("T-1", code, "Seven birds.", final=True, key="k")
    answer = await owned.said("Seven birds.")
    ended = await owned.said("T-1 is done")
    thread = await owned.sandbox.wait_thread(lambda one: one["name"] == "T-1 · Count the birds")
    assert answer["channel_id"] == ended["channel_id"] == thread["id"]
    assert [one["id"] for one in await owned.sandbox.pings("Ada")] == [ended["id"]]
    await owned.card(holds="done, as reported (not checked)")
