"""`/task` as people use it: the real bot, real sockets, a real coordinator."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from bot.discord import text
from core.deliveries.model import Assurance, Moment, Outcome, Picture, PictureArea, Reason, Result
from core.remedies import next_step
from core.security.model import OPERATOR
from core.tasks.model import TaskId, TaskState
from tests.bot.discord.town import Town, text_of
from tests.builders import make_new_task
from tests.fakes.lane import refused
from tests.fakes.sandbox_client import wait_thread

HOSTILE = [
    "@everyone @here look <@1> <@&2>",
    "```\n**fence** `tick` ```",
    "漢字かな交じり文と한국어",
    "שלום עולם مرحبا \u202eevil\u202c",
    "👩‍👩‍👧‍👦🏳️‍🌈👍🏽 party",
    "# head\n- list\n> quote [a](https://x.example) ||s||",
    "$(rm -rf /) `id` ; DROP TABLE tasks; --",
]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"brief": " "}, "The text is empty"),
    ({"brief": "ring \x07 the bell"}, "control character (U+0007 at position 5)"),
    ({"brief": "x", "agent": "Nobody-9"}, "no agent called Nobody-9"),
    ({"brief": "x", "agent": "@everyone"}, "no agent called"),
    ({"brief": "x", "agent": "Nowhere"}, "has no window to deliver to"),
    ({"brief": "x", "needs": "cooking, python"}, "No agent matches"),
]


def code_on(card: dict[str, Any]) -> str:
    line = next(line for line in text_of(card).splitlines() if "octet done" in line)
    words = shlex.split(line.partition("octet ")[2])
    return words[words.index("--code") + 1]


async def report(town: Town, body: str, *, final: bool = True, key: str = "k") -> None:
    code = code_on(await town.card(holds="sent (dry run)"))
    await town.coordinator.tasks.accept_answer("T-1", code, body, final=final, key=key)


async def state(town: Town, task: str = "T-1") -> TaskState:
    return (await town.coordinator.tasks.show(TaskId(task), by=OPERATOR)).task.state


async def tasks_there_are(town: Town) -> int:
    return len(await town.coordinator.tasks.list(by=OPERATOR))


async def test_a_new_task_goes_from_the_command_to_the_answer_in_its_thread(owned: Town) -> None:
    said = await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    assert said == f"T-1 created: see its card in <#{owned.sandbox.world.home.id}>."
    await report(owned, "Seven birds.")
    answer = await owned.said("Seven birds.")
    ended = await owned.said("T-1 is done")
    thread = await wait_thread(owned.sandbox, lambda one: one["name"] == "T-1 · Count the birds")
    assert answer["channel_id"] == ended["channel_id"] == thread["id"]
    assert [one["id"] for one in await owned.sandbox.pings("Ada")] == [ended["id"]]
    card = await owned.card(holds="done, says its agent (not checked)")
    assert "octet done" not in text_of(card)


async def test_each_public_message_ends_with_its_marker_and_bears_its_nonce(owned: Town) -> None:
    await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    await report(owned, "Seven birds.")
    await owned.said("T-1 is done")
    mark = owned.coordinator.home_mark
    public = [m for m in await owned.sandbox.messages() if m["author"].get("bot") and m["sandbox"]["only_for"] is None]
    written = [m for m in public if text_of(m)]
    assert [text_of(m).splitlines()[-1] for m in written] == [f"-# o{mark}·{number}" for number in (1, 2, 3)]
    sends = [
        one.request
        for one in owned.sandbox.record.exchanges
        if one.route.endswith("/messages") and one.method == "POST" and "channels" in one.route
    ]
    assert [(one["nonce"], one["enforce_nonce"]) for one in sends] == [
        (f"o{mark}{number}", True) for number in (1, 2, 3)
    ]


async def test_a_task_shows_its_receipt_and_pictures_only_to_those_who_may_see_windows(owned: Town) -> None:
    shot = Picture(moment=Moment.STAGED, part=PictureArea.COMPOSER, png=b"\x89PNG\r\n\x1a\n")
    owned.lane.script.append(
        Outcome(result=Result.DELIVERED, assurance=Assurance.WEAK, note="composer empty", pictures=(shot,))
    )
    await owned.ask("task new", brief="List the files", agent="Window-1")
    await owned.card(holds="Window-1 is working on it")
    shown = await owned.ask("task show", task="T-1")
    assert "delivered (weak)" in shown
    assert "Weak: after Enter Octet saw the composer empty" in shown
    names = [one.filename for one in owned.sandbox.world.attachments.values()]
    assert "T-1-staged-composer.png" in names


async def test_a_window_agent_gets_the_prompt_and_the_card_never_shows_its_code(owned: Town) -> None:
    await owned.ask("task new", brief="List the files", agent="Window-1")
    await owned.card(holds="Window-1 is working on it")
    [order] = owned.lane.orders
    code = order.text.partition("--code ")[2].split()[0]
    shown = await owned.ask("task show", task="T-1")
    assert "Window-1 is working on it" in shown
    everything = "".join(str(message) for message in await owned.sandbox.messages())
    assert code not in everything
    files = [attachment.content.decode() for attachment in owned.sandbox.world.attachments.values()]
    assert files
    assert all("--code" in file and code not in file for file in files)


async def test_hostile_text_reaches_the_card_and_the_answer_and_pings_nobody_but_the_requester(owned: Town) -> None:
    for number, prompt in enumerate(HOSTILE, 1):
        task = f"T-{number}"
        await owned.ask("task new", brief=prompt, agent="Dry-1")
        card = await owned.card(task, holds="sent (dry run)")
        shown = text_of(card)
        if card["sandbox"]["files"]:  # a code block would not show it as it is
            shown = owned.sandbox.world.attachments[int(card["sandbox"]["files"][0]["id"])].content.decode()
        assert prompt in shown
        code = shown.partition("--code ")[2].split()[0]
        await owned.coordinator.tasks.accept_answer(task, code, f"Answer: {prompt}", final=True, key="k")
        ended = await owned.said(f"{task} is done")
        head, *quoted, _marker = text_of(await owned.said(f"ends {task} and says")).splitlines()
        assert head == f"**Dry-1** ends {task} and says:"
        assert quoted
        assert all(line.startswith("> ") for line in quoted), quoted
        pinged = [m for m in await owned.sandbox.messages() if m["sandbox"]["pings"] or m["mention_everyone"]]
        assert len(pinged) == number
        assert pinged[-1]["id"] == ended["id"]
        assert ended["sandbox"]["pings"] == [str(owned.sandbox.world.ada.id)]


async def test_what_cannot_be_taken_is_refused_privately_and_leaves_nothing(owned: Town) -> None:
    for options, said in REFUSED:
        before = len(await owned.sandbox.messages())
        assert said in await owned.ask("task new", **options)
        [answer] = (await owned.sandbox.messages())[before:]
        assert answer["sandbox"]["only_for"] == str(owned.sandbox.world.ada.id)
        assert answer["sandbox"]["pings"] == []
    assert await tasks_there_are(owned) == 0


async def test_a_prompt_of_the_longest_length_is_taken_whole(owned: Town) -> None:
    prompt = "wörter " * 857 + "x"
    assert len(prompt) == 6000
    assert "T-1 created: see its card" in await owned.ask("task new", brief=prompt, agent="Dry-1")
    await owned.card(holds="sent (dry run)")
    [attachment] = owned.sandbox.world.attachments.values()
    assert prompt in attachment.content.decode()
    assert (await owned.coordinator.tasks.show(TaskId("T-1"), by=OPERATOR)).task.brief == prompt


async def test_a_brief_of_a_hundred_thousand_characters_from_the_command_line_has_a_card_too(owned: Town) -> None:
    await owned.coordinator.tasks.new(make_new_task("x" * 100_000, agent="Dry-1"), by=OPERATOR)
    card = await owned.card(holds="sent (dry run)")
    assert card["channel_id"] == str(owned.sandbox.world.home.id)
    assert len(card["sandbox"]["files"]) == 1


async def test_an_answer_of_180_kilobytes_is_attached_whole(owned: Town) -> None:
    await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    body = "Birds:\n" + "seven\n" * 30_000
    await report(owned, body)
    answer = await owned.said("The whole answer is attached")
    [attachment] = answer["sandbox"]["files"]
    assert attachment["filename"] == "T-1-answer.md"
    assert owned.sandbox.world.attachments[int(attachment["id"])].content.decode() == body
    assert text.size(answer["content"]) <= 2000


async def test_words_that_come_after_the_end_are_shown_as_late(owned: Town) -> None:
    await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    code = code_on(await owned.card(holds="sent (dry run)"))
    await owned.ask("task cancel", task="T-1")
    with pytest.raises(Exception, match="ended"):
        await owned.coordinator.tasks.accept_answer("T-1", code, "Too late", final=True, key="k")
    late = await owned.said("Too late")
    assert "answered" in text_of(late)
    assert late["sandbox"]["pings"] == []


async def test_the_cancel_button_ends_the_task_and_then_says_that_it_is_over(owned: Town) -> None:
    await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    card = await owned.card(holds="sent (dry run)")
    pressed = await owned.sandbox.click("Ada", card, "Cancel")
    assert text_of(await owned.answered(pressed)) == "Cancelled T-1."
    assert await state(owned) is TaskState.CANCELLED
    after = await owned.card(holds="**cancelled**")
    assert "v1:task:cancel" not in str(after["components"])


async def test_a_stranger_who_presses_cancel_is_refused_privately(owned: Town) -> None:
    await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    card = await owned.card(holds="sent (dry run)")
    answer = await owned.answered(await owned.sandbox.click("Ben", card, "Cancel"))
    assert "may not" in text_of(answer)
    assert answer["sandbox"]["only_for"] == str(owned.sandbox.world.ben.id)
    assert await state(owned) is TaskState.WAITING


async def test_list_shows_open_tasks_and_all_on_request(owned: Town) -> None:
    assert await owned.ask("task list") == "No tasks. Create one with `/task new`."
    assert "T-1 created: see its card" in await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    assert "T-2 created: see its card" in await owned.ask("task new", brief="Count the bees", agent="Dry-1")
    assert await owned.ask("task cancel", task="1") == "Cancelled T-1."
    shown = await owned.ask("task list")
    assert "**T-2** Count the bees" in shown
    assert "T-1" not in shown
    everything = await owned.ask("task list", state="all")
    assert everything.index("T-2") < everything.index("T-1")
    assert "T-2" not in await owned.ask("task list", state="ended")


async def test_a_task_that_is_not_there_is_said_to_be_so(owned: Town) -> None:
    for command in ("task show", "task cancel", "task done"):
        for task, said in (("T-99", "no task T-99"), ("birds", "is not a task")):
            options = {"text": "x"} if command == "task done" else {}
            assert said in await owned.ask(command, task=task, **options)


async def test_a_person_ends_a_task_with_words(owned: Town) -> None:
    await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    await owned.card(holds="sent (dry run)")
    assert await owned.ask("task done", task="T-1", text="I counted: seven") == "Marked T-1 as done."
    words = await owned.said("I counted: seven")
    assert f"<@{owned.sandbox.world.ada.id}>" in words["content"]
    await owned.said("T-1 is done")
    assert "has ended already (done)" in await owned.ask("task cancel", task="T-1")


async def test_a_refused_window_is_told_once_in_the_thread(owned: Town) -> None:
    owned.lane.script.append(refused(Reason.COVERED, "by “Mail”"))
    await owned.ask("task new", brief="List the files", agent="Window-1")
    held = await owned.said("T-1 waits:")
    assert held["sandbox"]["pings"] == [str(owned.sandbox.world.ada.id)]
    assert "window is not usable" in held["content"]
    thread = await wait_thread(owned.sandbox)
    assert held["channel_id"] == thread["id"]
    await owned.card(holds="Seen: covered: by “Mail”")
    cure = f"Next: {next_step(Reason.COVERED)}"
    await owned.card(holds=cure)
    assert cure in held["content"]
    assert cure in await owned.ask("agent show", agent="Window-1")


async def test_a_task_asked_for_in_a_thread_has_its_card_in_the_channel(owned: Town) -> None:
    await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    thread = await wait_thread(owned.sandbox)
    answer = await owned.sandbox.slash("Ada", thread["id"], "task new", {"brief": "And the bees", "agent": "Dry-1"})
    assert "T-2 created: see its card" in text_of(await owned.answered(answer))
    card = await owned.card("T-2")
    assert card["channel_id"] == str(owned.sandbox.world.home.id)


async def test_autocomplete_offers_agents_and_tasks(owned: Town) -> None:
    sandbox = owned.sandbox
    found = await sandbox.autocomplete("Ada", "#octet", "task new", {"brief": "x", "agent": "dry"}, "agent")
    assert [one["value"] for one in found] == ["Dry-1"]
    await owned.ask("task new", brief="Count the birds " * 12, agent="Dry-1")
    await owned.ask("task new", brief="Bees", agent="Dry-1")
    await owned.ask("task cancel", task="T-2")
    for command, values in (("task show", ["T-2", "T-1"]), ("task cancel", ["T-1"]), ("task done", ["T-1"])):
        found = await sandbox.autocomplete("Ada", "#octet", command, {"task": "t-"}, "task")
        assert sorted(one["value"] for one in found) == sorted(values)
        assert all(len(one["name"]) <= 100 for one in found)


async def test_autocomplete_offers_strangers_nothing(owned: Town) -> None:
    await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    for command, option in (("task show", "task"), ("agent show", "agent")):
        assert await owned.sandbox.autocomplete("Ben", "#octet", command, {option: ""}, option) == []


async def test_the_same_interaction_twice_makes_one_task(owned: Town) -> None:
    await owned.ask("task new", brief="Count the birds", agent="Dry-1")
    key = f"discord:{(await owned.sandbox.timings())[-1]['interaction_id']}"
    again = await owned.coordinator.tasks.new(make_new_task("Count the birds", key=key), by=OPERATOR)
    assert again.id == "T-1"
    assert await tasks_there_are(owned) == 1
