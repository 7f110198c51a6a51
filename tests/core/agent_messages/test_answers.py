"""Answers to messages about no task: one from each agent, brought back to where the user asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.agent_messages.model import NewAgentMessage, SendOptions
from core.coordinator import Coordinator
from core.deliveries.model import Assurance, DeliveryState, Outcome, Reason, Result
from core.kit.clock import DAY_MS
from core.messages.model import Message, Requires, Source, label, read_evidence
from core.notices.model import BroadcastAnswers, NoticeKind, Place
from core.security.model import WrongCode
from tests.builders import ADA, make_new_task, pending, refuses
from tests.core.agent_messages.test_words import house, say, stands
from tests.core.dispatch.test_loop import code_in
from tests.fakes.clock import FakeClock
from tests.fakes.lane import FakeLane

S = DeliveryState
HERE = Place(channel="7", guild="1")


async def asked(octet: Coordinator, lane: FakeLane, draft: NewAgentMessage) -> tuple[str, str]:
    """Send a message; return its name and its code as its agent reads them."""
    sent = await octet.agent_messages.send(draft, by=ADA)
    await stands(octet, sent, S.DELIVERED)
    return f"M-{sent.message.id}", code_in(lane.submitted[-1])


async def posted(octet: Coordinator) -> list[tuple[str, Place]]:
    return [(one.subject, one.place) for one in await pending(octet) if one.kind is NoticeKind.ANSWER]


async def test_an_answer_is_stored_once_and_comes_back_to_the_place_of_the_question(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        here = Place(channel="7", guild="1")
        message, code = await asked(octet, lane, say("How many?", agent="Left", place=here))
        accept = octet.agent_messages.answers.accept
        answer = await accept(message, code, "Seven.")
        assert (answer.sender, answer.source, label(answer)) == ("agent:Left", Source.AGENT, "A2C")
        assert f"M-{answer.in_reply_to}" == f"M-{answer.thread}" == message
        assert (await accept(message.lower(), code, "Seven.")).id == answer.id
        with refuses("message_answered"):
            await accept(message, code, "Eight.")
        assert await posted(octet) == [(answer.id, here)]
        told = await octet.agent_messages.send(say("Which?", in_reply_to=answer.id, thread="88", place=here), by=ADA)
        assert (told.message.in_reply_to, told.message.thread) == (answer.id, answer.thread)
        assert told.message.recipient == "agent:Left"
        await stands(octet, told, S.DELIVERED)
        second = await accept(f"M-{told.message.id}", code_in(lane.submitted[-1]), "These.")
        assert (await posted(octet))[-1] == (second.id, Place(channel="88", guild="1"))


async def test_a_reply_without_the_evidence_that_was_asked_for_is_kept_and_gets_a_hint(tmp_path: Path) -> None:
    lane, proof = FakeLane(), read_evidence([{"kind": "commit", "text": "3fa81c"}])
    async with house(tmp_path, lane) as octet:
        answers, proved = octet.agent_messages.answers, SendOptions(requires=Requires.EVIDENCE)
        for options, evidence, hints in (
            (proved, (), (Reason.EVIDENCE_MISSING,)),
            (proved, proof, ()),
            (SendOptions(), (), ()),
        ):
            message, code = await asked(octet, lane, say("Is it built?", agent="Left", options=options))
            answer = await answers.accept(message, code, "Yes.", evidence=evidence)
            assert (answer.body, answer.evidence, await answers.hints(answer)) == ("Yes.", evidence, hints)


async def test_a_code_answers_its_own_message_only_and_for_a_day(tmp_path: Path) -> None:
    lane, clock = FakeLane(), FakeClock()
    async with house(tmp_path, lane, clock=clock) as octet:
        task = await octet.tasks.new(make_new_task(agent="Right"), by=ADA)
        message, code = await asked(octet, lane, say(agent="Left"))
        other, other_code = await asked(octet, lane, say("Go on", agent="Left"))
        answers = octet.agent_messages.answers
        for named, its_code, text, agent, error in (
            (other, code, "x", "", "wrong_message"),
            (message, f"{code}A", "x", "", "wrong_code"),
            (message, code, "x", "Right", "wrong_agent"),
            (message, code, " ", "", "empty_text"),
            ("M-1", code, "x", "", "invalid_message_name"),
        ):
            with refuses(error):
                await answers.accept(named, its_code, text, agent=agent)
        with pytest.raises(WrongCode):
            await octet.tasks.accept_answer(task.id, code, "x", final=True, key="k")
        clock.set_wall(2 * DAY_MS / 1000)  # as a user may: the code stays valid
        assert (await answers.accept(other, other_code, "Yes.")).body == "Yes."
        clock.advance(DAY_MS / 1000 + 1)
        with refuses("message_code_expired"):
            await answers.accept(message, code, "x")
        assert len(await posted(octet)) == 1


async def test_an_answer_proves_that_its_message_arrived(tmp_path: Path) -> None:
    lane = FakeLane(Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="not seen"))
    async with house(tmp_path, lane) as octet:
        sent = await octet.agent_messages.send(say(agent="Left"), by=ADA)
        await stands(octet, sent, S.UNKNOWN)
        await octet.agent_messages.answers.accept(f"M-{sent.message.id}", code_in(lane.orders[-1].text), "Here.")
        (delivery,) = await stands(octet, sent, S.DELIVERED)
        assert delivery.assurance is Assurance.ANSWERED


async def test_each_agent_answers_a_broadcast_once(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        sent = await octet.agent_messages.broadcast(say("Who is there?"), by=ADA)
        await stands(octet, sent, S.DELIVERED, S.DELIVERED)
        said = list[Message]()
        for prompt in lane.submitted:
            said.append(await octet.agent_messages.answers.accept(f"M-{sent.message.id}", code_in(prompt), "I."))
        assert sorted(one.sender for one in said) == ["agent:Left", "agent:Right"]


async def test_the_answers_to_a_broadcast_are_one_notice_that_fills_up(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        sent = await octet.agent_messages.broadcast(say("How many?", place=HERE), by=ADA)
        await stands(octet, sent, *[S.DELIVERED] * len(sent.recipients))
        found = list[str]()
        for agent, text in zip([one.agent for one in lane.orders], lane.submitted, strict=True):
            accept = octet.agent_messages.answers.accept
            found.append((await accept(f"M-{sent.message.id}", code_in(text), "Seven.", agent=agent)).id)
        (told,) = [one for one in await pending(octet) if one.kind is NoticeKind.ANSWER]
        assert (told.subject, told.place, told.detail) == (
            sent.message.id,
            HERE,
            BroadcastAnswers(messages=tuple(found)),
        )
        assert len(found) > 1
