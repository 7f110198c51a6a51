"""`/msg` over the sandbox's sockets: what the sender reads, what all users see, and what follows it."""

from __future__ import annotations

from bot.discord.errors import sentence_of
from bot.verbs.news import STATES
from core.agent_messages.model import NewAgentMessage, RecipientMissing
from core.agents.model import AgentState
from core.deliveries.model import DeliveryState, Outcome, Reason, Result
from core.dispatch.model import Decision
from core.reasons import ParkCause
from core.remedies import next_step, refused, sentence
from core.security.model import OPERATOR
from core.tasks.model import TaskId, TaskNotFound, TaskState
from tests.bot.discord.town import Message, Town, bot_at_work, buttons, settings_for, text_of
from tests.core.dispatch.test_loop import reach
from tests.fakes.lane import bounced
from tests.fakes.sandbox_client import wait_thread

BUSY = bounced(Reason.BUSY)
UNKNOWN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN)
DELIVERED = f"Window-1: {STATES[DeliveryState.DELIVERED]}"


async def test_a_message_in_a_tasks_thread_goes_to_its_agent_and_is_shown_there(owned: Town) -> None:
    await owned.ask("task new", brief="Count the birds", agent="Window-1")
    await owned.card("T-1", TaskState.WORKING)
    thread = (await wait_thread(owned.sandbox))["id"]
    assert (await owned.ask("msg send", where=thread, text="Stop, @everyone")).startswith("Window-1: ")
    shown = await owned.said("**Ada → Window-1** · T-1", "Stop, @everyone", DELIVERED)
    assert shown["channel_id"] == thread
    assert (shown["sandbox"]["pings"], shown["mention_everyone"]) == ([], False)
    assert "octet reply T-1 --code" in owned.lane.submitted[1]
    assert "--code" not in text_of(shown)


async def test_plain_words_in_a_tasks_thread_go_to_its_agent_once_the_intent_allows_it(quiet_town: Town) -> None:
    town, say = quiet_town, quiet_town.sandbox.say
    town.sandbox.world.privileged = 1 << 19
    async with bot_at_work(town, settings_for(town.sandbox, thread_messages=True)):
        await town.own()
        await town.ask("task new", brief="Count the birds", agent="Window-1")
        await town.card("T-1", TaskState.WORKING)
        thread = (await wait_thread(town.sandbox))["id"]
        await say("Ada", "#octet", "Not in a thread")
        await say("Ben", thread, "From a stranger")
        await say("Ada", thread, "The blue ones, @everyone")
        shown = await town.said("**Ada → Window-1** · T-1", "The blue ones", DELIVERED)
        assert (shown["channel_id"], shown["mention_everyone"]) == (thread, False)
        assert [text.splitlines()[1] for text in town.lane.submitted] == ["Count the birds", "The blue ones, @everyone"]
        await town.ask("task cancel", task="T-1")
        late = await say("Ada", thread, "Too late")
        answer = await town.said(
            sentence_of(refused("recipient_task_ended", id="T-1", state=TaskState.CANCELLED.value))
        )
        assert answer["message_reference"]["message_id"] == late["id"]
        assert answer["sandbox"]["pings"] == []


async def test_reply_a_command_and_plain_words_continue_a_task_that_is_done(quiet_town: Town) -> None:
    town = quiet_town
    town.sandbox.world.privileged = 1 << 19

    async def end(answer: str) -> Message:
        await reach(town.coordinator, TaskId("T-1"), TaskState.WORKING)
        code = town.lane.submitted[-1].partition("--code ")[2].split()[0]
        await town.coordinator.tasks.accept_answer("T-1", code, answer, final=True, key=answer)
        return await town.said("**Window-1 finished T-1**", f"> {answer}")

    async with bot_at_work(town, settings_for(town.sandbox, thread_messages=True)):
        await town.own()
        await town.ask("task new", brief="Count the birds", agent="Window-1")
        answer = await end("Seven birds.")
        assert "Press Reply to say more." in text_of(answer)
        opened = await town.sandbox.click("Ada", answer["id"], "Reply")
        pressed = await town.answered(await town.sandbox.submit_modal("Ada", opened, {"text": "And the cats?"}))
        assert text_of(pressed) == "Window-1 continues T-1."
        shown = await town.said("**Ada → Window-1** · T-1", "And the cats?", "Window-1 continues T-1.")
        assert (shown["channel_id"], shown["sandbox"]["pings"]) == (answer["channel_id"], [])
        assert "Press Reply" not in text_of(await end("Two cats.")), "Ada knows it by now"
        assert await town.ask("msg send", where=answer["channel_id"], text="And dogs?") == "Window-1 continues T-1."
        await end("No dog.")
        await town.sandbox.say("Ada", answer["channel_id"], "And fish?")
        await end("One fish.")
        assert "Reply" in buttons(await town.card("T-1", TaskState.DONE))
    said_now = [text.partition("says now:\n")[2].partition("\n")[0] for text in town.lane.submitted]
    assert said_now == ["", "And the cats?", "And dogs?", "And fish?"]


async def test_a_message_without_a_task_is_in_its_channel_and_edited_in_place(owned: Town) -> None:
    owned.lane.script.append(BUSY)
    await owned.ask("msg send", text="Hello", agent="Window-1")
    waits = await owned.said(sentence(Reason.BUSY), next_step(Reason.BUSY))
    await owned.coordinator.dispatch.window_usable("main", "agent-1")
    await owned.now(waits, DELIVERED)
    assert waits["channel_id"] == str(owned.sandbox.world.home.id)


async def test_an_answer_comes_back_to_the_channel_and_can_be_answered(owned: Town) -> None:
    await owned.ask("msg send", text="Which bird?", agent="Window-1")
    await owned.said("**Ada → Window-1**", DELIVERED)
    named, _, code = owned.lane.submitted[0].partition(" reply ")[2].split()[:3]
    await owned.coordinator.agent_messages.answers.accept(named, code, "The @everyone-bird.\n# Loud")
    answer = await owned.said("**Window-1 answers**", "> The")
    assert answer["channel_id"] == str(owned.sandbox.world.home.id)
    assert (answer["sandbox"]["pings"], answer["mention_everyone"]) == ([owned.ada], False)
    opened = await owned.sandbox.click("Ada", answer["id"], "Reply")
    await owned.answered(await owned.sandbox.submit_modal("Ada", opened, {"text": "Thanks"}))
    await owned.said("**Ada → Window-1**", "Thanks", DELIVERED)
    assert owned.lane.submitted[1].splitlines()[1] == "Thanks"


async def test_a_message_without_a_possible_recipient_is_refused_privately(owned: Town) -> None:
    for options, error in (
        ({}, RecipientMissing()),
        ({"agent": "Gone"}, refused("agent_not_found", id="Gone")),
        ({"task": "T-9"}, TaskNotFound(id="T-9")),
        ({"agent": "Nowhere"}, refused("agent_without_window", id="Nowhere")),
    ):
        assert await owned.ask("msg send", text="Hello", **options) == sentence_of(error)


async def test_a_broadcast_names_the_agents_that_get_it_and_those_that_do_not(owned: Town) -> None:
    assert "Nowhere: Nowhere" in await owned.ask("msg broadcast", text="Fire drill")
    shown = await owned.said("**Ada → everyone**")
    await owned.now(shown, DELIVERED, "Dry-1: sent")
    some = await owned.ask("msg broadcast", text="For the shell", needs="shell")
    assert "Window-1" in some
    assert "Dry-1" not in some.splitlines()[0]


async def test_an_unknown_message_holds_its_agent_until_a_decision(owned: Town) -> None:
    owned.lane.script.append(UNKNOWN)
    await owned.ask("msg send", text="Hello there", agent="Window-1")
    await owned.question("Drop")
    assert sentence(ParkCause.DELIVERY_UNKNOWN) in await owned.ask("agent resume", agent="Window-1")
    assert sentence(Reason.EARLIER_UNKNOWN) in await owned.ask("msg send", text="Later", agent="Window-1")
    (unknown,) = await owned.coordinator.unknowns.list(by=OPERATOR)
    shown = await owned.said("**Ada → Window-1**", "Hello there")
    await owned.coordinator.unknowns.resolve(unknown.id, Decision.ARRIVED, by=OPERATOR)
    await owned.now(shown, DELIVERED)
    assert await owned.agent_state() is AgentState.IDLE


async def test_a_message_from_the_command_line_is_in_the_default_channel(town: Town) -> None:
    await town.coordinator.agent_messages.send(NewAgentMessage(text="long " * 780, agent="Dry-1"), by=OPERATOR)
    shown = await town.said("**operator → Dry-1**", "-# The beginning of 3,899 characters.")
    assert shown["channel_id"] == str(town.sandbox.world.home.id)
    assert len(text_of(shown)) < 2000
