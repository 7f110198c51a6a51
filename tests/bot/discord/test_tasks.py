"""`/task` as users see it: the real bot, real sockets, a real coordinator."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.discord.errors import sentence_of
from bot.discord.render import priority_words
from bot.discord.views import buttons as buttons_of_octet
from core.deliveries.model import Assurance, Moment, Outcome, Picture, PictureArea, Reason, Result
from core.desks.model import Shown
from core.kit.errors import OctetError
from core.limits import ControlCharacters, EmptyText
from core.messages.model import NewFile
from core.profiles.model import Activity
from core.reasons import IdleSource
from core.remedies import next_step, refused
from core.security.model import OPERATOR, Permission
from core.tasks.model import AgentTrouble, InvalidTaskId, TaskEnded, TaskNotFound, TaskState
from sandbox.discord.model import ChatPermission
from sandbox.discord.views import InteractionAnswer
from tests.bot.discord.town import DRY_RUN, Town, buttons, pictures, text_of
from tests.builders import make_new_task
from tests.fakes.lane import refused as window_refused
from tests.fakes.sandbox_client import wait_thread

HOSTILE = [
    "@everyone @here look <@1> <@&2>",
    "```\n**fence** `tick` ```",
    "שלום עולם مرحبا \u202eevil\u202c",
    "# head\n- list\n> quote [a](https://x.example) ||s||",
]
UNKNOWN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN)


async def asked(town: Town, agent: str = "Dry-1", brief: str = "Count the birds", task: str = "T-1") -> dict[str, Any]:
    """Create a task and return its card, when its agent has the prompt."""
    await town.ask("task new", brief=brief, agent=agent)
    return await town.card(task, DRY_RUN if agent == "Dry-1" else TaskState.WORKING)


def code_on(text: str) -> str:
    return text.partition("--code ")[2].split()[0]


def content(town: Town, message: dict[str, Any]) -> str:
    """Read the first file of a message."""
    return town.sandbox.world.attachments[int(message["sandbox"]["files"][0]["id"])].content.decode()


async def test_a_new_task_gets_a_card_and_its_answer_a_message_in_its_thread(owned: Town) -> None:
    card = await asked(owned)
    code = code_on(text_of(card))
    await owned.coordinator.tasks.accept_answer("T-1", code, "Seven birds.", final=True, key="k")
    ended = await owned.said("**Dry-1 finished T-1**\n> Seven birds.")
    thread = await wait_thread(owned.sandbox, lambda one: one["name"] == "T-1 · Count the birds")
    assert (ended["channel_id"], buttons(ended)) == (thread["id"], ["Reply", "Run again", "Wrong"])
    assert [one["id"] for one in await owned.sandbox.pings("Ada")] == [ended["id"]]
    assert code not in text_of(await owned.card("T-1", TaskState.DONE))
    mark = owned.coordinator.home_mark
    sends = [
        one.request
        for one in owned.sandbox.record.exchanges
        if one.method == "POST" and one.route.endswith("/messages") and "channels" in one.route
    ]
    assert [(one["nonce"], one["enforce_nonce"]) for one in sends] == [(f"o{mark}{n}", True) for n in (1, 2, 3)]


async def test_the_files_of_an_answer_are_posted_with_it(owned: Town) -> None:
    code = code_on(text_of(await asked(owned)))
    files = [NewFile(name="../nests.csv", content=b"wren,7"), NewFile(name="other.csv", content=b"x")]
    await owned.coordinator.tasks.accept_answer("T-1", code, "At it.", final=False, key="j", files=files)
    posted = await owned.said("> At it.")
    assert pictures(posted) == ["_nests.csv", "other.csv"]
    sent = [owned.sandbox.world.attachments[int(one["id"])].content for one in posted["attachments"]]
    assert sent == [b"wren,7", b"x"]


async def test_a_window_agent_gets_the_code_and_discord_never_shows_it(owned: Town) -> None:
    shot = Picture(moment=Moment.STAGED, part=PictureArea.COMPOSER, png=b"\x89PNG\r\n\x1a\n")
    owned.lane.script.append(Outcome(result=Result.DELIVERED, assurance=Assurance.WEAK, pictures=(shot,)))
    await asked(owned, "Window-1")
    code = code_on(owned.lane.orders[0].text)
    shown = await owned.press(await owned.answer("task show", task="T-1"), "Details")
    assert pictures(shown) == ["T-1-prompt.txt", "T-1-staged-composer.png"]
    assert "--code ••••" in content(owned, shown)
    assert code not in content(owned, shown) + "".join(str(message) for message in await owned.sandbox.messages())


async def test_hostile_text_reaches_the_card_and_the_answer_and_pings_the_requester_only(owned: Town) -> None:
    owned.sandbox.world.bot_role |= ChatPermission.MENTION_EVERYONE  # else Discord itself would prevent it
    for number, prompt in enumerate(HOSTILE, 1):
        task = f"T-{number}"
        card = await asked(owned, brief=prompt, task=task)
        shown = content(owned, card) if pictures(card) else text_of(card)  # a code block cannot show all of them
        assert prompt in shown
        await owned.coordinator.tasks.accept_answer(task, code_on(shown), f"So: {prompt}", final=True, key="k")
        ended = await owned.said(f"finished {task}**\n> So: ")
        _head, *quoted, _hint = text_of(ended).splitlines()
        assert all(line.startswith("> ") for line in quoted), quoted
        pinged = [m for m in await owned.sandbox.messages() if m["sandbox"]["pings"] or m["mention_everyone"]]
        assert len(pinged) == number
        assert (pinged[-1]["id"], pinged[-1]["sandbox"]["pings"]) == (ended["id"], [owned.ada])


async def test_what_octet_refuses_is_answered_privately_with_the_error_and_changes_nothing(owned: Town) -> None:
    await asked(owned)
    gone, nowhere = refused("agent_not_found", id="Gone"), refused("agent_without_window", id="Nowhere")
    refusals: list[tuple[str, dict[str, Any], OctetError]] = [
        ("task new", {"brief": " "}, EmptyText(field="text")),
        ("task new", {"brief": "x", "agent": "Gone"}, gone),
        ("task new", {"brief": "x", "agent": "Nowhere"}, nowhere),
        ("task new", {"agent": "Gone"}, gone),  # before the dialog opens
        ("task new", {"agent": "Nowhere"}, nowhere),
        ("task assign", {"task": "T-1", "agent": "Gone"}, gone),
        ("task retry", {"task": "T-1"}, refused("task_not_stopped", id="T-1", state="waiting")),
        *((f"task {verb}", {"task": "T-99"}, TaskNotFound(id="T-99")) for verb in ("show", "cancel", "retry")),
        *((f"task {verb}", {"task": "birds"}, InvalidTaskId(text="birds")) for verb in ("show", "cancel", "retry")),
    ]
    for command, options, error in refusals:
        answer = await owned.answer(command, **options)
        assert (text_of(answer), answer["sandbox"]["only_for"]) == (sentence_of(error), owned.ada), (command, options)
        assert answer["sandbox"]["pings"] == []
    await owned.ask("task cancel", task="T-1")
    assert await owned.ask("task priority", task="T-1", priority=1) == sentence_of(
        refused("task_already_ended", id="T-1", state="cancelled")
    )
    assert await owned.tasks() == ["T-1"]


async def test_a_failed_task_is_retried_and_a_prompt_that_may_have_arrived_is_not(owned: Town) -> None:
    owned.lane.script += [Outcome(result=Result.REFUSED, reason=Reason.TEXT_REFUSED), UNKNOWN]
    await owned.ask("task new", brief="List the files", agent="Window-1")
    await owned.card("T-1", TaskState.FAILED)
    await owned.ask("task retry", task="T-1")
    await owned.card("T-1", TaskState.PARKED)
    assert (await owned.task()).attempt == 2
    assert await owned.ask("task retry", task="T-1") == sentence_of(refused("delivery_unresolved", id="T-1"))
    assert len(owned.lane.orders) == 2


async def test_the_card_shows_another_agent_and_another_priority(owned: Town) -> None:
    await asked(owned)
    await owned.ask("task priority", task="T-1", priority=0)
    card = await owned.card("T-1", holds=priority_words(0))
    assert card["sandbox"]["pings"] == []
    await owned.ask("task assign", task="t1", agent="window-1")
    await owned.card("T-1", TaskState.WORKING)
    running = refused("task_already_running", agent="Window-1", id="T-1", state="working")
    assert await owned.ask("task assign", task="T-1", agent="Dry-1") == sentence_of(running)


async def test_long_texts_are_attached_whole(owned: Town) -> None:
    brief, body = "x" * 100_000, "Birds:\n" + "seven\n" * 30_000
    await owned.coordinator.tasks.new(make_new_task(brief, agent="Dry-1"), by=OPERATOR)
    card = await owned.card("T-1", DRY_RUN)
    assert card["channel_id"] == str(owned.sandbox.world.home.id)
    assert brief in content(owned, card)
    await owned.coordinator.tasks.accept_answer("T-1", code_on(content(owned, card)), body, final=True, key="k")
    answer = await owned.said("finished T-1**", "> Birds:")
    assert pictures(answer) == ["T-1-answer.md"]
    assert content(owned, answer) == body


async def test_an_answer_after_the_end_is_shown_and_pings_no_user(owned: Town) -> None:
    code = code_on(text_of(await asked(owned)))
    await owned.ask("task cancel", task="T-1")
    with pytest.raises(TaskEnded):
        await owned.coordinator.tasks.accept_answer("T-1", code, "Too late", final=True, key="k")
    assert (await owned.said("> Too late"))["sandbox"]["pings"] == []


async def test_the_cancel_button_ends_the_task_for_who_may_end_it(owned: Town) -> None:
    card = await asked(owned)
    denied = await owned.press(card, "Cancel", user="Ben")
    assert text_of(denied) == owned.refuses(Permission.TASK_END)
    assert denied["sandbox"]["only_for"] == str(owned.sandbox.world.ben.id)
    assert (await owned.task()).state is TaskState.WAITING
    await owned.press(card, "Cancel")
    await owned.said("cancelled T-1.")
    await owned.press(await owned.card("T-1", TaskState.CANCELLED), "Undo")
    await owned.said("put T-1 back.")
    await owned.card("T-1", DRY_RUN)
    await owned.press(card, "Cancel")
    assert "Cancel" not in buttons(await owned.card("T-1", TaskState.CANCELLED))


async def test_the_welcome_offers_examples_and_help_names_the_commands(owned: Town) -> None:
    welcome = await owned.said("Welcome to Octet")
    await owned.press(welcome, "Ask for a sum")
    assert "17 × 23" in text_of(await owned.card("T-1"))
    denied = await owned.press(welcome, "Ask for a joke", user="Ben")
    assert text_of(denied) == owned.refuses(Permission.TASK_CREATE)
    assert "/task new" in await owned.ask("help")
    assert "/desk stop" in await owned.ask("help", topic="desk")


async def test_a_reply_to_an_agent_goes_to_it_and_appears_in_the_thread(owned: Town) -> None:
    await asked(owned, agent="Window-1")
    code = code_on(owned.lane.orders[-1].text)
    await owned.coordinator.tasks.accept_answer("T-1", code, "Which birds?", final=False, key="k")
    question = await owned.said("> Which birds?")
    opened = await owned.sandbox.click("Ada", question["id"], "Reply")
    await owned.answered(await owned.sandbox.submit_modal("Ada", opened, {"text": "The blue ones."}))
    told = await owned.said("**Ada → Window-1** · T-1", "The blue ones.")
    assert told["channel_id"] == question["channel_id"]
    opened = await owned.sandbox.click("Ben", question["id"], "Reply")
    denied = await owned.answered(await owned.sandbox.submit_modal("Ben", opened, {"text": "Stop."}))
    assert owned.refuses(Permission.MESSAGE_SEND) in text_of(denied)


async def test_a_time_without_a_zone_is_shown_back_with_a_button_for_another_one(owned: Town) -> None:
    shown = await owned.answer("task new", brief="Count the birds", agent="Dry-1", due="2030-05-31 18:00")
    due_ms = (await owned.task("T-1")).due_ms
    assert due_ms is not None
    assert f"Octet understood <t:{due_ms // 1000}:f>, in its machine's time zone." in text_of(shown)
    opened = await owned.sandbox.click("Ada", shown["id"], "Another time zone")
    said_so = await owned.answered(await owned.sandbox.submit_modal("Ada", opened, {"text": "Asia/Tokyo"}))
    assert "write in Asia/Tokyo" in text_of(said_so)
    assert "Octet understood" not in await owned.ask("task edit", task="T-1", due="2030-05-31 18:00")
    assert (await owned.task("T-1")).due_ms != due_ms
    assert "its machine's time zone" in await owned.ask("notify", zone="machine")
    assert "Octet understood" in await owned.ask("task edit", task="T-1", due="2030-05-31 18:00")
    assert "Octet understood" not in await owned.ask("task edit", task="T-1", due="2h")


async def test_a_time_counts_in_the_zone_that_its_user_chose_and_the_card_shows_it(owned: Town) -> None:
    assert "write in Asia/Tokyo" in await owned.ask("notify", zone="Asia/Tokyo")
    await owned.ask("task new", brief="Count the birds", due="2099-05-31 18:00")
    assert f"<t:{datetime(2099, 5, 31, 9, tzinfo=UTC).timestamp():.0f}:F>" in text_of(
        await owned.said("Count the birds")
    )


async def test_a_user_who_wants_silence_is_not_pinged(owned: Town) -> None:
    await owned.ask("notify", mode="silence")
    await asked(owned)
    code = code_on(text_of(await owned.card("T-1", DRY_RUN)))
    await owned.coordinator.tasks.accept_answer("T-1", code, "Seven birds.", final=True, key="k")
    ended = await owned.said("finished T-1**")
    assert ended["sandbox"]["pings"] == []


async def test_tasks_are_listed_and_completed_by_what_can_be_done_with_them(owned: Town) -> None:
    for brief in ("Count the birds " * 12, "Count the bees"):
        await owned.ask("task new", brief=brief, agent="Dry-1")
    await owned.card("T-2", DRY_RUN)
    await owned.ask("task done", task="2", text="I counted: seven")
    await owned.said(f"<@{owned.ada}>", "> I counted: seven")
    for state, listed in ((None, ["T-1"]), ("all", ["T-2", "T-1"]), ("ended", ["T-2"])):
        lines = (await owned.ask("task list", **({"state": state} if state else {}))).splitlines()
        assert [line.removeprefix("**[").partition("]")[0] for line in lines] == listed
    every, opened = ["T-1", "T-2"], ["T-1"]
    others: dict[str, Any]
    for command, others, values in (
        ("task show", {}, every),
        ("task retry", {}, every),
        ("task cancel", {}, opened),
        ("task done", {"text": "x"}, opened),
        ("task assign", {"agent": "x"}, opened),
        ("task priority", {"priority": 1}, opened),
    ):
        assert await owned.complete(command, "task", "t-", **others) == values, command
    assert await owned.complete("task new", "agent", "dry", brief="x") == ["Dry-1"]
    assert await owned.complete("desk stop", "desk", "MA") == ["main"]


async def test_a_refused_window_is_reported_once_in_the_thread_with_what_to_do(owned: Town) -> None:
    owned.lane.script.append(window_refused(Reason.COVERED, "by “Mail”"))
    await owned.ask("task new", brief="List the files", agent="Window-1")
    cure = f"Next: {next_step(Reason.COVERED)}"
    await owned.card("T-1", TaskState.WAITING, "by “Mail”")
    held = await owned.said(f"<@{owned.ada}> **T-1", cure)
    assert (held["sandbox"]["pings"], held["channel_id"]) == ([owned.ada], (await wait_thread(owned.sandbox))["id"])
    assert cure in await owned.ask("agent show", agent="Window-1")


async def test_a_task_created_in_a_thread_has_its_card_in_the_channel(owned: Town) -> None:
    await asked(owned)
    thread = await wait_thread(owned.sandbox)
    await owned.ask("task new", where=thread["id"], brief="And the bees", agent="Dry-1")
    assert (await owned.card("T-2"))["channel_id"] == str(owned.sandbox.world.home.id)


async def form(town: Town, **options: Any) -> InteractionAnswer:
    """Open the dialog of `/task new` without a brief."""
    opened = await town.sandbox.slash("Ada", "#octet", "task new", options)
    assert opened.kind == "modal"
    return opened


async def sent(town: Town, opened: InteractionAnswer, text: str) -> dict[str, Any]:
    return await town.answered(await town.sandbox.submit_modal("Ada", opened, {"brief": text}))


async def test_the_dialog_makes_the_task_with_the_options_of_the_command(owned: Town) -> None:
    opened = await form(owned, agent="Dry-1", priority=1, needs="python, docs")
    brief = "Count the birds\n\n" + "in the garden " * 200
    await sent(owned, opened, brief)
    task = await owned.task()
    assert (task.brief, task.wanted, task.priority) == (brief.rstrip(), "Dry-1", 1)
    assert task.needs == {"python", "docs"}
    await owned.card("T-1", DRY_RUN)


async def test_a_user_follows_a_window_until_its_task_ends(owned: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buttons_of_octet, "FOLLOW_EVERY_S", 0.01)
    await owned.ask("task new", brief="Count the birds", agent="Window-1")
    card = await owned.card("T-1", TaskState.WORKING)
    owned.worker.said["agent-1"] = "counting @everyone ```"
    pressed = await owned.sandbox.click("Ada", card["id"], "Follow")
    shown = await owned.answered(pressed)
    assert "counting @everyone" in text_of(shown)
    assert not shown["mention_everyone"]
    owned.worker.said["agent-1"] = "counted: seven"
    await owned.now(shown, "The window of Window-1, kept up to date until", "counted: seven")
    await owned.ask("task done", task="T-1", text="Seven.")
    await owned.now(shown, "What the window of T-1 showed last", "counted: seven")


IDLE_BUTTONS = ["Screenshot", "Ask for the answer", "Read the answer in the window", "Retry", "Done"]


async def looks_idle(town: Town, activity: Activity = Activity.IDLE) -> None:
    """Show this in the window of the agent at work; where it rests, it has done so for long enough."""
    core = town.coordinator
    await core.dispatch.window_shows("main", Shown(window="agent-1", activity=activity))
    if activity is Activity.IDLE:
        task = await core.tasks.repository.get("T-1")
        since_ms = core.clock.now_ms()
        set_idle = core.tasks.repository.set_idle
        await core.store.write(lambda tx: set_idle(tx, task, IdleSource.SCREEN, since_ms=since_ms))


async def test_an_agent_that_looks_idle_is_in_its_thread_with_one_ping_and_on_the_card_until_it_works(
    owned: Town,
) -> None:
    await asked(owned, "Window-1")
    await looks_idle(owned)
    said = await owned.said("**Window-1 looks idle but has not answered T-1.**", "-# its screen became idle <t:")
    assert (said["sandbox"]["pings"], buttons(said)) == ([owned.ada], IDLE_BUTTONS)
    card = await owned.card("T-1", "Looks idle, no answer yet", "its screen became idle <t:")
    assert buttons(card)[1:] == [*IDLE_BUTTONS, "Reply", "Cancel"]
    needs = await owned.answered(await owned.sandbox.slash("Ada", "#octet", "fleet needs-me", {}))
    assert "**Window-1 looks idle but has not answered**: [T-1]" in text_of(needs)
    assert buttons(needs)[:5] == IDLE_BUTTONS
    agent = await owned.answered(await owned.sandbox.slash("Ada", "#octet", "agent show", {"agent": "Window-1"}))
    assert buttons(agent) == IDLE_BUTTONS, "as from the board's menu"
    await looks_idle(owned, Activity.BUSY)
    over = await owned.now(said, "**Window-1** no longer looks idle on T-1.")
    assert buttons(over) == []
    assert "Stop" in buttons(await owned.card("T-1", TaskState.WORKING))
    await looks_idle(owned)
    again = await owned.now(said, "looks idle but has not answered")
    assert buttons(again) == IDLE_BUTTONS
    assert [one["id"] for one in await owned.sandbox.pings("Ada")] == [said["id"]]


async def test_the_buttons_of_an_agent_that_looks_idle(owned: Town) -> None:
    await asked(owned, "Window-1")
    await looks_idle(owned)
    said = await owned.said("looks idle but has not answered")
    asking = await owned.answered(await owned.sandbox.click("Ada", said["id"], "Ask for the answer"))
    assert text_of(asking) == "Asking Window-1 for its answer to T-1."
    owned.worker.said["agent-1"] = "There are seven birds."
    shown = await owned.answered(await owned.sandbox.click("Ada", said["id"], "Read the answer in the window"))
    assert "There are seven birds." in text_of(shown)
    opened = await owned.sandbox.click("Ada", said["id"], "Done")
    ended = await owned.answered(await owned.sandbox.submit_modal("Ada", opened, {"text": "Seven birds."}))
    assert text_of(ended) == "Marked T-1 as done."
    assert (await owned.task("T-1")).state is TaskState.DONE


async def test_a_message_becomes_a_task_by_its_menu(owned: Town) -> None:
    asked = await owned.sandbox.say("Ben", "#octet", "Could somebody count the birds?")
    opened = await owned.sandbox.use_on_message("Ada", asked, "Make a task of this")
    assert opened.modal is not None
    assert "Could somebody count the birds?" in str(opened.modal)
    await owned.answered(await owned.sandbox.submit_modal("Ada", opened, {}))
    assert (await owned.task("T-1")).brief == "Could somebody count the birds?"
    card = await owned.sandbox.use_on_message("Ada", await owned.card("T-1", DRY_RUN), "Make a task of this")
    assert "Could somebody count the birds?" in str(card.modal), "a card's text is in its components"
    await owned.ask("task done", task="T-1", text="Seven birds,\nand a *bee*.")
    answer = await owned.said("finished T-1**")
    again = await owned.sandbox.use_on_message("Ada", answer, "Make a task of this")
    assert again.modal is not None
    assert again.modal["components"][0]["component"]["value"] == "Seven birds,\nand a *bee*."
    denied = await owned.answered(await owned.sandbox.use_on_message("Ben", asked, "Make a task of this"))
    assert text_of(denied) == owned.stranger


async def test_one_command_and_one_dialog_make_one_task_however_often_they_arrive(owned: Town) -> None:
    await asked(owned)
    opened = await form(owned, agent="Dry-1")
    await sent(owned, opened, "Count the bees")
    commands = [one["interaction_id"] for one in await owned.sandbox.timings()]
    for interaction, task in ((commands[1], "T-1"), (opened.interaction_id, "T-2")):
        again = make_new_task("Count again", key=f"discord:{interaction}")
        assert (await owned.coordinator.tasks.new(again, by=OPERATOR)).id == task
    assert sorted(await owned.tasks()) == ["T-1", "T-2"]


async def test_a_text_of_the_dialog_that_octet_refuses_comes_back_as_a_file_with_the_error(owned: Town) -> None:
    bad = "ring \x07 the bell"
    answer = await sent(owned, await form(owned, agent="Dry-1"), bad)
    assert text_of(answer) == sentence_of(ControlCharacters(field="text", code="0007", position=5))
    assert (answer["sandbox"]["only_for"], content(owned, answer)) == (owned.ada, bad)
    assert await owned.tasks() == []


async def test_cards_show_what_comes_before_a_task_and_its_parts(owned: Town) -> None:
    await asked(owned)
    assert "T-2 created" in await owned.ask("task new", brief="Add them", after="T-1", labels="birds, sums", due="2h")
    card = await owned.card("T-2", TaskState.WAITING)
    for words in ("another task comes first", "after T-1", "labels: birds, sums", "due <t:"):
        assert words in text_of(card)
    await owned.do("task split", task="T-2", parts="one")
    await owned.card("T-2", holds="**T-3** Waiting")
    await owned.card("T-3", holds="part of T-2")
    listed = await owned.ask("task list", label="sums")
    assert "[T-2]" in listed
    assert "[T-1]" not in listed
    await owned.do("task import", text="TASK: Feed them\nPRIORITY: high")
    assert "P1" in text_of(await owned.card("T-4"))


async def test_the_best_answer_is_picked_on_the_card_and_a_wrong_one_is_marked(owned: Town) -> None:
    await owned.ask("task new", brief="Name the bird", best_of=2)
    dry = await owned.card("T-2", DRY_RUN)
    await owned.coordinator.tasks.accept_answer("T-2", code_on(text_of(dry)), "A wren.", final=True, key="k")
    card = await owned.card("T-1", holds="> A wren.")
    assert "T-1 is done" in text_of(await owned.press(card, "Pick T-2"))
    await owned.card("T-2", holds="(chosen)")
    await owned.card("T-3", holds="(not chosen)")
    done = await owned.card("T-1", TaskState.DONE)
    assert "T-1" in text_of(await owned.press(done, "Wrong"))
    await owned.card("T-1", holds="Marked as wrong")


async def test_a_question_of_an_agent_has_a_field_for_the_answer(owned: Town) -> None:
    await asked(owned, "Window-1")
    code = code_on(owned.lane.orders[0].text)
    accept = owned.coordinator.tasks.accept_answer
    await accept("T-1", code, "Which birds?", final=False, key="k", trouble=AgentTrouble.BLOCKED)
    question = await owned.said("**Window-1** asks:", "> Which birds?")
    assert buttons(question) == ["Answer", "Cancel"]
    assert "Needs an answer" in text_of(await owned.card("T-1", TaskState.BLOCKED))
