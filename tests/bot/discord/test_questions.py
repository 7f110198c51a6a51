"""Agents' questions and stopped chains over the sandbox's sockets: buttons, the form, and what is left of them."""

from __future__ import annotations

from core.agent_messages.model import AgentDraft, NewQuestion, Proof, SendOptions
from core.messages.model import MessageKind
from core.security.model import HUB, Permission
from core.tasks.model import TaskState
from tests.bot.discord.town import Town, buttons, text_of
from tests.builders import refuses

AGENT = Proof(agent="Window-1")


async def ask(owned: Town, text: str) -> None:
    await owned.coordinator.questions.ask(NewQuestion(text=text, key=text, choices=("Red", "Blue")), AGENT)


async def test_a_question_mentions_its_user_and_disappears_everywhere_once_it_is_answered(owned: Town) -> None:
    await owned.ask("task new", brief="Paint the bird", agent="Window-1")
    await owned.card("T-1", TaskState.WORKING)
    await ask(owned, "Red or blue?")
    question = await owned.said("**Window-1 asks**", "> Red or blue?", "If you do not answer, Window-1 decides")
    assert question["sandbox"]["pings"] == [owned.ada]
    await owned.card("T-1", TaskState.BLOCKED)
    needs = await owned.answer("fleet needs-me")
    assert f"/{question['channel_id']}/{question['id']})" in text_of(needs), "a link to the very message"
    assert {"Red", "Blue", "Answer …"} <= set(buttons(needs))
    assert "/msg answer" not in text_of(needs)
    denied = await owned.press(question, "Blue", user="Ben")
    assert text_of(denied) == owned.refuses(Permission.MESSAGE_SEND)
    assert text_of(await owned.press(needs, "Blue")) == "Window-1 gets your answer."
    await owned.now(await owned.without_buttons(question), f"**Answered: Blue** · <@{owned.ada}>")
    await owned.card("T-1", TaskState.WORKING)
    assert "Red or blue?" not in await owned.ask("fleet needs-me")

    await ask(owned, "Which bird?")
    question = await owned.said("> Which bird?")
    opened = await owned.sandbox.click("Ada", question["id"], "Answer …")
    await owned.answered(await owned.sandbox.submit_modal("Ada", opened, {"text": "The small one."}))
    await owned.now(await owned.without_buttons(question), "**Answered: The small one.**")
    assert not [one for one in await owned.sandbox.messages() if "Ada → Window-1" in text_of(one)], "nothing more"


async def test_a_stopped_chain_asks_its_owner_who_decides(owned: Town) -> None:
    await owned.ask("task new", brief="Paint the bird", agent="Window-1")
    await owned.card("T-1", TaskState.WORKING)
    options = SendOptions(kind=MessageKind.STATUS)
    sent = await owned.coordinator.talk.send(AgentDraft(text="News", to="Dry-1", key="a", options=options), AGENT)
    await owned.coordinator.store.write(lambda tx: owned.coordinator.traces.stop_in(tx, sent.message.trace, by=HUB))
    storm = await owned.said("Octet stopped a chain of messages between agents", "Window-1")
    assert sent.message.id in await owned.ask("msg trace", message=f"M-{sent.message.id}")
    assert "dropped" in await owned.ask("msg inbox", agent="Dry-1")
    again = AgentDraft(text="News", to="Dry-1", key="b", options=options)
    with refuses("chain_stopped"):
        await owned.coordinator.talk.send(again, AGENT)
    await owned.press(storm, "Let them continue")
    await owned.now(await owned.without_buttons(storm), "let its agents continue")
    await owned.coordinator.talk.send(again, AGENT)
    shown = await owned.answer("msg trace", message=f"M-{sent.message.id}")
    await owned.press(shown, "Stop the chain")
    shown = await owned.answer("msg trace", message=f"M-{sent.message.id}")
    assert "stopped by hand" in text_of(shown)
    assert "Let them continue" in buttons(shown)
