"""`/msg` over the sandbox's sockets: what the sender is told, what everybody sees, and what follows it."""

from __future__ import annotations

from core.agent_messages.model import NewAgentMessage
from core.deliveries.model import DeliveryState, Outcome, Reason, Result
from core.dispatch.model import Decision
from core.reasons import ParkCause
from core.remedies import sentence
from core.security.model import OPERATOR
from tests.bot.discord.town import Town, text_of
from tests.fakes.lane import bounced
from tests.fakes.sandbox_client import wait_thread

BUSY = bounced(Reason.BUSY)
UNKNOWN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN)


async def test_words_in_a_tasks_thread_go_to_its_agent_and_are_shown_there(town: Town) -> None:
    await town.own()
    await town.ask("task new", brief="Count the birds", agent="Window-1")
    await town.card("T-1", "Window-1 is working on it")
    thread = await wait_thread(town.sandbox, lambda one: one["name"].startswith("T-1"))
    answer = await town.sandbox.slash("Ada", thread["id"], "msg send", {"text": "Stop, @everyone"})
    said = text_of(await town.answered(answer))
    assert said.startswith("Window-1: ")
    assert said.endswith("A message in the thread of T-1 shows its progress.")
    shown = await town.said("**Ada → Window-1** · T-1")
    assert shown["channel_id"] == thread["id"]
    shown = await town.said("Window-1: delivered (receipt)")
    assert "Stop, @everyone" in text_of(shown)
    assert (shown["sandbox"]["pings"], shown["mention_everyone"]) == ([], False)
    assert "octet reply T-1 --code" in town.lane.submitted[1]
    assert "--code" not in text_of(shown)


async def test_words_without_a_task_are_shown_where_they_were_sent_and_edited_in_place(town: Town) -> None:
    await town.own()
    town.lane.script.append(BUSY)
    assert "Window-1" in await town.ask("msg send", text="Hello", agent="Window-1")
    waits = await town.said(f"waits: {sentence(Reason.BUSY)}")
    await town.coordinator.dispatch.window_usable("main", "agent-1")
    there = await town.said("Window-1: delivered (receipt)")
    assert (there["id"], there["channel_id"]) == (waits["id"], waits["channel_id"])


async def test_nobody_named_and_strange_names_are_told_privately(town: Town) -> None:
    await town.own()
    assert "as the recipient" in await town.ask("msg send", text="Hello")
    assert "There is no agent called Nobody" in await town.ask("msg send", text="Hello", agent="Nobody")
    assert "There is no task T-9" in await town.ask("msg send", text="Hello", task="T-9")
    assert "has no window" in await town.ask("msg send", text="Hello", agent="Nowhere")


async def test_a_broadcast_says_whom_it_reaches_and_whom_not(town: Town) -> None:
    await town.own()
    said = await town.ask("msg broadcast", text="Fire drill")
    assert "Left out: Nowhere: Nowhere has no window to deliver to." in said
    shown = await town.said("**Ada → everyone**")
    done = await town.said("Window-1: delivered (receipt)")
    assert done["id"] == shown["id"]
    assert "Dry-1: sent (dry run): Octet typed nothing" in text_of(await town.said("Dry-1: sent (dry run)"))
    assert "Window-1" in await town.ask("msg broadcast", text="For the shell", needs="shell")


async def test_words_that_nobody_saw_arrive_mention_their_sender_in_a_new_message(town: Town) -> None:
    await town.own()
    town.lane.script.append(UNKNOWN)
    await town.ask("msg send", text="Hello there", agent="Window-1")
    news = await town.said("Your message to Window-1 needs your decision:** unconfirmed")
    assert news["sandbox"]["pings"] == [str(town.sandbox.world.ada.id)]
    assert "Hello there" in text_of(news)
    held = f"held ({sentence(ParkCause.DELIVERY_UNKNOWN)})"
    for verb in ("agent show", "agent resume"):
        assert held in await town.ask(verb, agent="Window-1")
    later = await town.ask("msg send", text="Later", agent="Window-1")
    assert sentence(Reason.EARLIER_UNKNOWN) in later
    (unknown,) = await town.coordinator.unknowns.list(by=OPERATOR)
    await town.said(f"`octet delivery resolve {unknown.id} arrived|again|drop`")
    await town.coordinator.unknowns.resolve(unknown.id, Decision.ARRIVED, by=OPERATOR)
    await town.said("Window-1: delivered (person)")
    assert ": free" in await town.ask("agent show", agent="Window-1")


async def test_words_from_the_command_line_are_shown_in_the_default_channel(town: Town) -> None:
    sent = await town.coordinator.agent_messages.send(
        NewAgentMessage(text="From the console", agent="Dry-1"), by=OPERATOR
    )
    shown = await town.said("**operator → Dry-1**")
    assert "From the console" in text_of(shown)
    assert sent.deliveries[0].state is DeliveryState.QUEUED


async def test_long_words_are_cut_and_name_where_all_of_them_are(town: Town) -> None:
    await town.own()
    await town.ask("msg send", text="long " * 780, agent="Dry-1")
    shown = text_of(await town.said("characters; `octet msg show"))
    assert len(shown) < 2000
