"""Octet delivers or visibly holds every accepted message: once into each inbox, in order per pair, also over kills."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.agent_messages.model import AgentDraft, Proof, SendOptions
from core.coordinator import Coordinator
from core.kit.errors import OctetError
from core.messages.model import EntryState, InboxEntry, MessageKind
from core.reasons import Reason
from core.settings.model import TalkLimits
from tests.builders import ADA, make_agent, open_coordinator
from tests.fakes.clock import FakeClock
from tests.fakes.lane import FakeLane

NAMES = ("Ann", "Bob", "Cid")
LIMITS = TalkLimits(hops=20, per_pair_per_minute=1000, per_trace=6)
LISTED = 500


class Inboxes(RuleBasedStateMachine):
    """Three agents that talk, read and acknowledge, a clock, users that stop chains, and restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.runner, self.clock = asyncio.Runner(), FakeClock()
        self.folder = tempfile.TemporaryDirectory()
        self.accepted: dict[str, list[str]] = {name: [] for name in NAMES}  # by agent, in the order of acceptance
        self.late: set[str] = set()  # the messages that are held until a time
        self.confirmed: dict[str, int] = dict.fromkeys(NAMES, 0)
        self.sent: list[tuple[str, str]] = []
        self.open()

    def open(self) -> None:
        self.stack = AsyncExitStack()
        agents = [make_agent(name) for name in NAMES]
        lanes = {agent.route: FakeLane() for agent in agents}
        opened = open_coordinator(Path(self.folder.name), agents=agents, lanes=lanes, clock=self.clock, talk=LIMITS)
        self.octet: Coordinator = self.runner.run(self.stack.enter_async_context(opened))

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()

    def entries(self, agent: str) -> list[InboxEntry]:
        return list(self.runner.run(self.octet.agent_messages.inbox(agent, limit=LISTED, by=ADA)))

    @rule(
        sender=st.sampled_from(NAMES),
        to=st.sampled_from((*NAMES, "everyone")),
        kind=st.sampled_from((MessageKind.MESSAGE, MessageKind.STATUS)),
        after=st.sampled_from((0, 0, 0, 5)),
        replaces=st.booleans(),
    )
    def send(self, sender: str, to: str, kind: MessageKind, after: int, *, replaces: bool) -> None:
        own = [message for who, message in self.sent if who == sender]
        supersedes = f"M-{own[-1]}" if replaces and own else ""
        options = SendOptions(kind=kind, after_minutes=after, expires_minutes=20, supersedes=supersedes)
        draft = AgentDraft(text="Reply", to=to, key=str(len(self.sent)), options=options)
        if to == sender:
            return
        try:
            sent = self.runner.run(self.octet.talk.send(draft, Proof(agent=sender)))
        except OctetError as error:
            if error.code in {"agent_may_not_talk", "chain_stopped"}:
                return
            raise
        self.sent.append((sender, sent.message.id))
        self.late |= {sent.message.id} if after else set()
        out = {one.agent for one in sent.left_out}
        for name in [name for name in NAMES if name != sender and to in {name, "everyone"} and name not in out]:
            self.accepted[name].append(sent.message.id)

    @rule(agent=st.sampled_from(NAMES), confirms=st.booleans())
    def read(self, agent: str, *, confirms: bool) -> None:
        due = [one.message.id for one in reversed(self.entries(agent)) if one.state is EntryState.UNREAD]
        page = self.runner.run(self.octet.talk.read(Proof(agent=agent)))
        got = [one.name.removeprefix("M-") for one in page.messages]
        assert got[: len(due)] == due, "all that is unread, oldest first; then what was held until now"
        if confirms:
            self.confirmed[agent] = page.high_water
            again = self.runner.run(self.octet.talk.read(Proof(agent=agent), after=page.high_water))
            assert again.messages == ()

    @rule(agent=st.sampled_from(NAMES), place=st.integers(0, 10))
    def ack(self, agent: str, place: int) -> None:
        if self.accepted[agent]:
            message = self.accepted[agent][place % len(self.accepted[agent])]
            self.runner.run(self.octet.talk.ack(Proof(agent=agent), (f"M-{message}",)))
            entry = next(one for one in self.entries(agent) if one.message.id == message)
            assert entry.state is EntryState.ACKED

    @rule(minutes=st.integers(1, 30))
    def time_passes(self, minutes: int) -> None:
        self.clock.advance(minutes * 60)
        self.runner.run(self.octet.store.write(self.octet.agent_messages.review_queue))

    @precondition(lambda self: self.sent)
    @rule(place=st.integers(0, 10))
    def stop(self, place: int) -> None:
        self.runner.run(self.octet.traces.stop(self.sent[place % len(self.sent)][1], by=ADA))

    @rule()
    def restart(self) -> None:
        self.runner.run(self.stack.aclose())
        self.open()

    @invariant()
    def every_accepted_message_is_in_its_inboxes_once_and_says_how_far_it_is(self) -> None:
        for name in NAMES:
            found = self.entries(name)
            ids = [one.message.id for one in found]
            assert sorted(ids) == sorted(self.accepted[name])
            for one in found:
                assert (one.reason is not None) == (one.state is EntryState.DROPPED)
                assert one.state is not EntryState.HELD or one.message.id in self.late
                is_late = (one.message.expires_at_ms or 0) <= self.clock.now_ms()
                assert not (one.state is EntryState.UNREAD and is_late)
                assert one.reason is not Reason.EXPIRED or is_late
                if one.state is EntryState.UNREAD and one.seq is not None:
                    assert one.seq > self.confirmed[name]

    @invariant()
    def the_messages_of_a_pair_are_in_the_order_of_their_acceptance(self) -> None:
        for name in NAMES:
            placed: dict[str, int] = {one.message.id: one.seq for one in self.entries(name) if one.seq is not None}
            for sender in NAMES:
                order = [m for who, m in self.sent if who == sender and m in placed and m not in self.late]
                places = [placed[message] for message in order]
                assert places == sorted(places)
            assert len(set(placed.values())) == len(placed)


TestInboxes = Inboxes.TestCase
TestInboxes.settings = settings(max_examples=settings().max_examples // 4, stateful_step_count=20, deadline=None)

CHILD = """
import asyncio, sys
from pathlib import Path
from tests.core.agent_messages.test_inbox_model import send_for_ever
asyncio.run(send_for_ever(Path(sys.argv[1]), sys.argv[2]))
"""


async def send_for_ever(home: Path, run: str) -> None:
    """Send messages from one agent to another, and say which were accepted; until the process is killed."""
    agents = [make_agent(name) for name in NAMES]
    lanes = {agent.route: FakeLane() for agent in agents}
    limits = TalkLimits(per_pair_per_minute=1000, per_trace=100_000)
    async with open_coordinator(home, agents=agents, lanes=lanes, talk=limits) as octet:
        for number in range(100_000):
            draft = AgentDraft(text=f"Reply {run}.{number}", to="Bob", key=f"{run}.{number}")
            sent = await octet.talk.send(draft, Proof(agent="Ann"))
            sys.stdout.write(f"{sent.message.id}\n")
            sys.stdout.flush()


async def test_a_killed_octet_has_every_accepted_message_once_and_in_order(tmp_path: Path) -> None:
    told, chance = list[str](), random.Random(7)
    for run in range(3):
        words = [sys.executable, "-c", CHILD, str(tmp_path), str(run)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as child:  # noqa: ASYNC220 - the test has nothing else to do
            assert child.stdout is not None
            for _ in range(chance.randrange(3, 12)):
                told.append(child.stdout.readline().decode().strip())
            child.kill()
            told += [line.decode().strip() for line in child.stdout if line.endswith(b"\n")]
    agents = [make_agent(name) for name in NAMES]
    async with open_coordinator(tmp_path, agents=agents, lanes={agents[0].route: FakeLane()}) as octet:
        found = await octet.agent_messages.inbox("Bob", limit=LISTED, by=ADA)
        ids = [one.message.id for one in reversed(found)]
        assert [one for one in ids if one in set(told)] == told
        assert len(ids) - len(told) <= 3, "a message may be stored whose acceptance was not told any more"
        assert [one.seq for one in reversed(found)] == list(range(1, len(found) + 1))
        for one in found:
            assert len(await octet.deliveries.list_for_message(one.message.id)) == 1
