"""What agents say to each other: through the hub, which knows who speaks and what led to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from core.agent_messages.model import (
    AgentDraft,
    AgentMessageView,
    NewAgentMessage,
    Proof,
    RecipientMissing,
    SendOptions,
)
from core.agents.model import Agent, Job, Lane
from core.coordinator import Coordinator
from core.deliveries.model import DeliveryState
from core.desks.model import DeskNow, DeskState
from core.fleet.model import NeedKind
from core.kit.errors import NotFound, OctetError
from core.kit.from_attributes import from_attributes
from core.messages.model import EntryState, MessageKind, NewMessage, Source, label
from core.messages.prompts import FROM_AGENTS
from core.notices.model import NoticeKind, StoppedChain
from core.reasons import Reason
from core.settings.model import TalkLimits
from core.store import engine
from core.store.engine import Executable, Row, Tx
from core.tasks.model import ProgressTooLate, TaskId, TaskState
from tests.builders import (
    ADA,
    courier_of,
    make_desk,
    make_new_task,
    make_window_agent,
    open_coordinator,
    pending,
    refuses,
)
from tests.core.agent_messages.test_words import QUICK, say, stands
from tests.core.dispatch.test_loop import code_in, reach, running
from tests.core.store.test_transactions import writer_held
from tests.fakes.clock import FakeClock
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.lane import FakeLane

S = DeliveryState
NAMES = ("Ann", "Bob", "Cid")


def make_agents(names: Sequence[str] = NAMES) -> list[Agent]:
    agents = [make_window_agent(name, window=name.lower()) for name in names]
    groups = frozenset({"front"})
    return [replace(agents[0], job=Job.MANAGER), *(replace(agent, groups=groups) for agent in agents[1:])]


@asynccontextmanager
async def house(
    home: Path,
    lane: FakeLane | None = None,
    *,
    names: Sequence[str] = NAMES,
    clock: FakeClock | None = None,
    limits: TalkLimits | None = None,
) -> AsyncGenerator[Coordinator]:
    async with open_coordinator(
        home,
        agents=make_agents(names),
        desks=[make_desk(*(name.lower() for name in names))],
        lanes={(Lane.WINDOW, "main"): lane or FakeLane()},
        workers={"main": FakeDeskWorker()},
        policy=QUICK,
        clock=clock,
        talk=limits,
    ) as octet:
        await octet.dispatch.desk_changed("main", DeskNow(DeskState.READY))
        async with running(octet):
            yield octet


def of(agent: str, about: str = "", code: str = "") -> Proof:
    return Proof(agent=agent, about=about, code=code)


async def tell(
    octet: Coordinator, sender: str, to: str, text: str = "Reply with the file", **changes: object
) -> AgentMessageView:
    """Send a message as this agent, by its own key."""
    given: dict[str, object] = {"key": f"{text} {to}", **changes}
    draft = AgentDraft(text=text, to=to, **given)  # pyright: ignore[reportArgumentType] - any field
    return await octet.talk.send(draft, of(sender))


async def inbox(octet: Coordinator, agent: str) -> list[str]:
    return [one.text for one in (await octet.talk.read(of(agent))).messages]


async def states(octet: Coordinator, agent: str) -> list[tuple[EntryState, Reason | None]]:
    found = await octet.agent_messages.inbox(agent, limit=50, by=ADA)
    return [(one.state, one.reason) for one in found]


async def test_a_message_of_an_agent_is_typed_and_is_in_the_inbox_and_its_answer_comes_back(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        sent = await tell(octet, "Ann", "Bob", "Where is the parser?")
        (delivery,) = await stands(octet, sent, S.DELIVERED)
        assert (delivery.agent, label(sent.message), sent.message.source) == ("Bob", "A2A", Source.AGENT)
        assert await states(octet, "Bob") == [(EntryState.READ, None)]
        (entry,) = await octet.agent_messages.inbox("Bob", limit=9, by=ADA)
        assert entry.message == sent.message
        answers = octet.agent_messages.answers
        answer = await answers.accept(f"M-{sent.message.id}", code_in(lane.submitted[-1]), "In core.", agent="Bob")
        back = await octet.agent_messages.show(answer.id, by=ADA)
        await stands(octet, back, S.DELIVERED)
        assert lane.orders[-1].agent == "Ann"
        assert "octet reply" not in lane.submitted[-1], "an answer asks for no answer"
        assert (answer.recipient, answer.trace, answer.hop) == ("agent:Ann", sent.message.trace, 2)
        assert await states(octet, "Bob") == [(EntryState.ACKED, None)]
        with refuses("message_answered"):
            await answers.accept(f"M-{sent.message.id}", code_in(lane.submitted[0]), "Again.", agent="Bob")


async def test_octet_sets_the_sender_the_chain_and_the_hops_of_a_message(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        await octet.tasks.new(make_new_task(agent="Ann"), by=ADA)
        await reach(octet, TaskId("T-1"), TaskState.WORKING)
        first = (await tell(octet, "Ann", "Bob")).message
        brief = next(one for one in await octet.messages.list_for_task("T-1") if one.kind is MessageKind.TASK)
        assert (first.sender, first.cause, first.trace, first.thread) == ("agent:Ann", brief.id, brief.trace, "T-1")
        assert (first.hop, first.agents_before) == (1, ("Ann",))
        await inbox(octet, "Bob")
        second = (await tell(octet, "Bob", "Cid")).message
        assert (second.cause, second.trace, second.hop) == (first.id, brief.trace, 2)
        assert second.agents_before == ("Ann", "Bob")
        trace = await octet.traces.show(second.id, by=ADA)
        assert [(one.message.id, one.depth) for one in trace.steps] == [(brief.id, 0), (first.id, 1), (second.id, 2)]
        assert trace.texts == 2
        told = (await octet.agent_messages.send(say(agent="Cid"), by=ADA)).message
        assert (told.hop, told.trace) == (0, told.id), "a user's message begins a chain"


async def test_an_agent_is_known_by_its_own_key_or_by_a_code_of_its_prompt(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        await octet.tasks.new(make_new_task(agent="Ann"), by=ADA)
        await reach(octet, TaskId("T-1"), TaskState.WORKING)
        code, talk = code_in(lane.submitted[0]), octet.talk
        sent = await talk.send(AgentDraft(text="Reply", to="Bob", key="a"), of("", "T-1", code))
        assert sent.message.sender == "agent:Ann"
        for proof, error in (
            (of(""), "no_agent_known"),
            (of("Zoe"), "no_agent_known"),
            (of("Bob", "T-1", code), "wrong_agent"),
        ):
            with refuses(error):
                await talk.read(proof)
        await octet.tasks.accept_answer("T-1", code, "Done.", final=True, key="k")
        with pytest.raises(ProgressTooLate):
            await talk.read(of("", "T-1", code))


async def test_a_group_a_job_and_everyone_are_their_agents_without_the_sender(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        for to, names in (("group:front", ("Cid",)), ("job:manager", ("Ann",)), ("everyone", ("Ann", "Cid"))):
            sent = await tell(octet, "Bob", to)
            assert sent.recipients == names
        with refuses("no_such_recipient"):
            await tell(octet, "Bob", "group:back")
        sent = await octet.agent_messages.send(say(agent="group:front"), by=ADA)
        assert (sent.recipients, sent.message.recipient) == (("Bob", "Cid"), "group:front")


async def test_a_circle_of_requests_is_refused_and_a_direct_reply_never(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        await tell(octet, "Ann", "Bob")
        await inbox(octet, "Bob")
        await tell(octet, "Bob", "Cid")
        await inbox(octet, "Cid")
        with refuses("agent_may_not_talk") as refused:
            await tell(octet, "Cid", "Ann")
        assert refused.value.details["reason"] is Reason.LOOP
        back = await tell(octet, "Cid", "Bob", "Reply: done")
        assert back.message.in_reply_to is not None
        with refuses("agent_may_not_talk"):
            await tell(octet, "Cid", "Bob", "Reply: and another thing")
        some = await tell(octet, "Cid", "everyone", key="s", options=SendOptions(kind=MessageKind.STATUS))
        assert some.message.kind is MessageKind.STATUS


async def test_a_status_and_an_acknowledgement_wake_no_agent(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        sent = await tell(octet, "Ann", "Bob", options=SendOptions(kind=MessageKind.STATUS))
        assert (sent.deliveries, await inbox(octet, "Bob")) == ((), ["Reply with the file"])
        await octet.talk.ack(of("Bob"), (f"M-{sent.message.id}",))
        await octet.talk.ack(of("Bob"), (f"M-{sent.message.id}",))
        assert (await inbox(octet, "Bob"), await inbox(octet, "Ann"), lane.orders) == ([], [], [])
        steps = (await octet.traces.show(sent.message.id, by=ADA)).steps
        assert [one.message.kind for one in steps] == [MessageKind.STATUS, MessageKind.ACK]
        with refuses("not_in_inbox"):
            await octet.talk.ack(of("Cid"), (f"M-{sent.message.id}",))


async def test_an_agents_next_prompt_names_unread_statuses_and_it_still_works_on_its_brief(tmp_path: Path) -> None:
    lane, status = FakeLane(), SendOptions(kind=MessageKind.STATUS)
    async with house(tmp_path, lane) as octet:
        for number in range(1, 5):
            await tell(octet, "Bob", "Ann", f"File {number} is read.\nWhen finished: rm", options=status)
        await octet.tasks.new(make_new_task(agent="Ann"), by=ADA)
        await reach(octet, TaskId("T-1"), TaskState.WORKING)
        named = [line for line in lane.submitted[-1].splitlines() if line.startswith("> ")]
        assert named == [f"> {FROM_AGENTS}", *(f"> Bob: File {one} is read. When finished: rm" for one in (1, 2, 3))]
        assert [one for one, _ in await states(octet, "Ann")] == [EntryState.UNREAD, *[EntryState.READ] * 3]
        sent = (await tell(octet, "Ann", "Cid", "Reply with a bird.")).message
        assert sent.trace == (await octet.messages.list_for_task("T-1"))[0].trace
        assert "File 4" not in lane.submitted[-1]
        await stands(octet, await octet.agent_messages.send(say(agent="Ann"), by=ADA), S.DELIVERED)
        assert "> Bob: File 4 is read." in lane.submitted[-1]


async def test_a_prompt_that_is_made_again_names_the_same_statuses(tmp_path: Path) -> None:
    """Else Octet could not find out after a crash whether it arrived: another text proves nothing."""
    status = SendOptions(kind=MessageKind.STATUS)
    async with house(tmp_path, FakeLane()) as octet:
        await tell(octet, "Bob", "Ann", "File 1 is read.", options=status)
        await octet.availability.pause("Ann", by=ADA)
        sent = await octet.agent_messages.send(say(agent="Ann"), by=ADA)
        (delivery,) = sent.deliveries

        def made(tx: Tx, *, is_fixed: bool) -> str:
            return courier_of(octet, "Ann")._prompt(tx, delivery, is_fixed=is_fixed).text

        first = await octet.store.write(partial(made, is_fixed=False))
        await tell(octet, "Cid", "Ann", "File 2 is read.", options=status)
        assert await octet.store.write(partial(made, is_fixed=True)) == first
        again = await octet.store.write(partial(made, is_fixed=False))
        assert ("File 1" in again, "File 2" in again) == (True, True)


async def test_reading_an_inbox_loses_nothing_until_the_agent_confirms(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        for text in ("one", "two"):
            await tell(octet, "Ann", "Bob", text, options=SendOptions(kind=MessageKind.STATUS))
        read = octet.talk.read
        page = await read(of("Bob"))
        assert [one.text for one in page.messages] == ["one", "two"]
        assert (await read(of("Bob"))).messages == page.messages, "the response may have been lost"
        await tell(octet, "Ann", "Bob", "three", options=SendOptions(kind=MessageKind.STATUS))
        assert [one.text for one in (await read(of("Bob"), after=page.high_water)).messages] == ["three"]
        assert [one.text for one in (await read(of("Bob"), text="THR")).messages] == ["three"]


async def test_an_acknowledged_message_is_not_typed_any_more(tmp_path: Path) -> None:
    async with house(tmp_path, clock=FakeClock()) as octet:
        await octet.availability.pause("Bob", by=ADA)
        sent = await tell(octet, "Ann", "Bob")
        await octet.agent_messages.ack(f"M-{sent.message.id}", "Bob", by=ADA)
        with refuses("not_in_inbox"):
            await octet.agent_messages.ack("zzz", "Bob", by=ADA)
        await stands(octet, sent, S.CANCELLED, reason=Reason.ACKNOWLEDGED)
        assert await states(octet, "Bob") == [(EntryState.ACKED, None)]


async def test_a_message_is_held_until_its_time_and_dropped_after_it(tmp_path: Path) -> None:
    clock, lane = FakeClock(), FakeLane()
    async with house(tmp_path, lane, clock=clock) as octet:
        options = SendOptions(after_minutes=10, expires_minutes=5)
        sent = await tell(octet, "Ann", "Bob", "Reply later", options=options)
        now = await tell(octet, "Ann", "Bob", "Reply now")
        await stands(octet, now, S.DELIVERED)
        await stands(octet, sent, S.QUEUED, reason=Reason.HELD_UNTIL)
        assert (EntryState.HELD, None) in await states(octet, "Bob")
        await octet.availability.pause("Bob", by=ADA)
        clock.advance(10 * 60 + 1)
        await octet.store.write(octet.agent_messages.review_queue)
        await stands(octet, sent, S.QUEUED, reason=Reason.OFF_DUTY)
        assert await inbox(octet, "Bob") == ["Reply later"]
        clock.advance(5 * 60)
        await octet.store.write(octet.agent_messages.review_queue)
        await stands(octet, sent, S.EXPIRED)
        assert (await states(octet, "Bob"))[0] == (EntryState.DROPPED, Reason.EXPIRED)
        assert await inbox(octet, "Bob") == []


async def test_a_newer_message_takes_the_place_of_the_senders_earlier_one(tmp_path: Path) -> None:
    lane = FakeLane()
    async with house(tmp_path, lane) as octet:
        await octet.availability.pause("Bob", by=ADA)
        old = await tell(octet, "Ann", "Bob", "Reply: red?")
        named = f"M-{old.message.id}"
        with refuses("not_your_message"):
            await tell(octet, "Cid", "Bob", options=SendOptions(supersedes=named))
        new = await tell(octet, "Ann", "Bob", "Reply: blue?", options=SendOptions(supersedes=named))
        assert (await octet.agent_messages.show(old.message.id, by=ADA)).known[0].reason is Reason.SUPERSEDED
        assert (EntryState.DROPPED, Reason.SUPERSEDED) in await states(octet, "Bob")
        await octet.availability.resume("Bob", by=ADA)
        await stands(octet, new, S.DELIVERED)
        assert len(lane.submitted) == 1


async def test_the_same_key_sends_once(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        first, again = await tell(octet, "Ann", "Bob", key="k"), await tell(octet, "Ann", "Bob", key="k")
        assert first.message == again.message
        assert len(await states(octet, "Bob")) == 1


async def test_a_pair_may_send_only_so_often(tmp_path: Path) -> None:
    clock = FakeClock()
    async with house(tmp_path, clock=clock, limits=TalkLimits(per_pair_per_minute=2)) as octet:
        for number in range(2):
            await tell(octet, "Ann", "Bob", f"Reply {number}")
        with refuses("agent_may_not_talk") as refused:
            await tell(octet, "Ann", "Bob", "Reply 2")
        assert refused.value.details["reason"] is Reason.PAIR_TOO_OFTEN
        clock.advance(61)
        await tell(octet, "Ann", "Bob", "Reply 2")


async def talk_until_stopped(octet: Coordinator, names: Sequence[str]) -> int:
    """Let each agent answer all that it gets, and tell it on to everyone; return how many messages were accepted."""
    accepted = 1
    await tell(octet, names[0], "everyone", "Reply to all")
    while True:
        for name in names:
            for one in (await octet.talk.read(of(name))).messages:
                await octet.talk.ack(of(name), (one.name,))
                for to in (one.sender, "everyone"):
                    try:
                        await tell(octet, name, to, "Reply: thanks!", key=f"{one.name}{to}", in_reply_to=one.name)
                        accepted += 1
                    except OctetError as error:
                        if error.code == "chain_stopped":
                            return accepted
                        if error.code != "agent_may_not_talk":
                            raise


async def test_a_storm_of_eight_agents_ends_within_its_budget_and_users_decide(tmp_path: Path) -> None:
    names = [f"A{number}" for number in range(8)]
    limits = TalkLimits(per_trace=20, per_pair_per_minute=1000)
    async with house(tmp_path, names=names, limits=limits) as octet:
        await octet.tasks.new(make_new_task(agent="A0"), by=ADA)
        await reach(octet, TaskId("T-1"), TaskState.WORKING)
        assert await talk_until_stopped(octet, names) == 20
        (storm,) = [one for one in await pending(octet) if one.kind is NoticeKind.STORM]
        assert isinstance(storm.detail, StoppedChain)
        assert (storm.task, set(storm.detail.agents) <= set(names)) == ("T-1", True)
        assert [one.kind for one in (await octet.fleet.needs_me(by=ADA)).shown] == [NeedKind.STORM]
        for name in names:
            assert await inbox(octet, name) == [], "no agent gets what was still on its way"
            with refuses("chain_stopped"):
                await tell(octet, name, "everyone", key="again", options=SendOptions(kind=MessageKind.STATUS))
        stopped = await octet.traces.show(storm.subject, by=ADA)
        assert (stopped.stopped_by, stopped.texts, stopped.most) == ("hub", 20, 20)
        resumed = await octet.traces.resume(storm.subject, by=ADA)
        assert (resumed.stopped_by, resumed.most) == ("", 40)
        assert (await octet.fleet.needs_me(by=ADA)).shown == ()
        await tell(octet, "A0", "everyone", key="more", options=SendOptions(kind=MessageKind.STATUS))
        await octet.traces.stop(storm.subject, by=ADA)
        with refuses("chain_stopped"):
            await tell(octet, "A0", "everyone", key="most", options=SendOptions(kind=MessageKind.STATUS))
        assert (await octet.fleet.needs_me(by=ADA)).shown == (), "a user has decided"
        told = await octet.agent_messages.send(say(agent="A0"), by=ADA)
        await stands(octet, told, S.DELIVERED)


async def test_confirming_a_search_leaves_what_it_did_not_show_unread(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        for text in ("the parser waits", "the lexer is done"):
            await tell(octet, "Ann", "Bob", text, options=SendOptions(kind=MessageKind.STATUS))
        found = await octet.talk.read(of("Bob"), text="lexer")
        assert [one.text for one in found.messages] == ["the lexer is done"]
        rest = await octet.talk.read(of("Bob"), after=found.high_water)
        assert [one.text for one in rest.messages] == ["the parser waits"]
        assert await states(octet, "Bob") == [(EntryState.READ, None), (EntryState.UNREAD, None)]


STORED = ("all", "agent:Ann", "person:discord:1", "operator", "hub", "system:hub", "everyone:x", "group:", "job:")


@pytest.mark.parametrize("to", STORED)
async def test_no_stored_form_of_an_address_is_taken_from_outside(tmp_path: Path, to: str) -> None:
    async with house(tmp_path) as octet:
        for agent in (to, f" {to}", to.upper()):
            with pytest.raises(NotFound):
                await octet.agent_messages.send(NewAgentMessage(text="Stop", agent=agent), by=ADA)
            with pytest.raises(NotFound):
                await octet.agent_messages.broadcast(NewAgentMessage(text="Stop", agent=agent), by=ADA)
            with pytest.raises(NotFound):
                await tell(octet, "Ann", agent)


async def test_a_reply_to_what_no_agent_sent_needs_a_recipient(tmp_path: Path) -> None:
    async with house(tmp_path) as octet:
        sent = await octet.agent_messages.send(NewAgentMessage(text="Stop", agent="Bob"), by=ADA)
        with pytest.raises(RecipientMissing):
            await octet.agent_messages.send(NewAgentMessage(text="Wait", in_reply_to=sent.message.id), by=ADA)


async def test_statuses_that_wait_together_take_few_statements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two statements the event loop takes the interpreter: each one costs as much as the loop is busy."""
    monkeypatch.setattr(engine, "_TOGETHER_S", 60.0)
    statements: list[str] = []

    def trace(tx: Tx) -> None:
        tx.connection.set_trace_callback(statements.append)

    async with open_coordinator(
        tmp_path, agents=make_agents(), lanes={}, talk=TalkLimits(per_pair_per_minute=10)
    ) as octet:
        options = SendOptions(kind=MessageKind.STATUS)
        await octet.store.write(trace)
        with writer_held(octet.store):
            drafts = [AgentDraft(text="Read.", to="Bob", key=str(number), options=options) for number in range(10)]
            sending = [asyncio.ensure_future(octet.talk.send(draft, of("Ann"))) for draft in drafts]
            await asyncio.sleep(0)
        await asyncio.gather(*sending)
        assert len(statements) <= 8 * len(drafts) + 6, statements[-8:]


async def test_a_chain_of_twelve_hundred_replies_ends_and_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = TalkLimits(per_trace=1_200, per_pair_per_minute=1_000, hops=20)
    async with open_coordinator(tmp_path, agents=make_agents(), lanes={}, clock=FakeClock(), talk=most) as octet:
        sent = await tell(octet, "Ann", "Bob")
        messages = octet.messages

        def reply(tx: Tx) -> None:
            last = sent.message
            for number in range(1, most.per_trace):
                new = from_attributes(NewMessage, last, in_reply_to=last.id, cause=last.id, idempotency_key=str(number))
                last = messages.add(tx, replace(new, hop=last.hop + 1), by="agent:Ann")

        await octet.store.write(reply)
        fetch, fetched = octet.store.fetch, list[object]()

        async def counted(statement: Executable, parameters: Mapping[str, object] | None = None) -> Sequence[Row]:
            fetched.append(statement)
            return await fetch(statement, parameters)

        monkeypatch.setattr(octet.store, "fetch", counted)
        shown = await octet.traces.show(sent.message.id, by=ADA)
        assert len(fetched) < 10
        assert shown.steps[0].inboxes == (("Bob", EntryState.UNREAD, None),)
        assert [one.depth for one in shown.steps] == list(range(most.per_trace))
        with refuses("chain_stopped"):
            await tell(octet, "Bob", "Ann", "once more", in_reply_to=f"M-{sent.message.id}")
        assert (await octet.traces.show(sent.message.id, by=ADA)).stopped_by == "hub"
