"""What users and keys give away reaches no further than what they have: in which channel, and until when."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.coordinator import Coordinator
from core.journal.service import Journal
from core.kit.errors import OctetError
from core.kit.from_attributes import from_attributes
from core.kit.ids import Ids
from core.security import api_keys, service
from core.security.api_keys import ApiKeys
from core.security.model import OPERATOR, ROLE_ALLOWS, Actor, HolderId, Permission, Role
from core.security.service import People
from core.store.engine import Store
from tests.builders import make_agent, open_coordinator, refuses
from tests.fakes.clock import FakeClock

HOUR_S = 3600
DAY_S = 24 * HOUR_S
BEN, CREW = HolderId("discord:2"), HolderId("discord-role:5")
READS = frozenset({Permission.TASK_READ})
NONE = frozenset[Permission]()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def octet(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Coordinator]:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}, clock=clock) as opened:
        yield opened


async def ben(octet: Coordinator, channel: str = "", *roles: str) -> Actor:
    return await octet.people.discord_actor("2", "Ben", role_ids=roles, channel=channel)


async def test_an_admin_of_one_channel_gives_roles_there_only(octet: Coordinator) -> None:
    people = octet.people
    await people.bind(BEN, Role.ADMIN, channel="7", by=OPERATOR)
    await people.bind(CREW, Role.VIEWER, by=OPERATOR)
    by = await ben(octet, "7")
    for refused in (
        people.bind(BEN, Role.ADMIN, by=by),
        people.bind(CREW, Role.VIEWER, channel="8", by=by),
        people.grant(BEN, Role.VIEWER, hours=1, reason="x", by=by),
        people.unbind(CREW, by=by),
    ):
        with refuses("role_reaches_too_far"):
            await refused
    with refuses("key_reaches_too_far"):
        await octet.api_keys.make("mine", READS, days=1, by=by)
    await octet.api_keys.make("another", READS, days=1, by=OPERATOR)
    with refuses("key_reaches_too_far"):
        await octet.api_keys.revoke("another", by=by)
    await people.bind(CREW, Role.ADMIN, channel="7", by=by)
    await people.unbind(CREW, channel="7", by=by)


async def test_an_admin_for_some_hours_gives_nothing_that_lasts_longer(octet: Coordinator) -> None:
    people = octet.people
    await people.grant(BEN, Role.ADMIN, hours=25, reason="on call", by=OPERATOR)
    by = await ben(octet)
    for refused in (
        people.bind(BEN, Role.ADMIN, by=by),
        people.bind(CREW, Role.VIEWER, channel="7", by=by),
        people.grant(CREW, Role.VIEWER, hours=26, reason="x", by=by),
    ):
        with refuses("role_reaches_too_far"):
            await refused
    with refuses("key_reaches_too_far"):
        await octet.api_keys.make("mine", READS, days=2, by=by)
    await people.grant(CREW, Role.ADMIN, hours=25, reason="x", by=by)
    await octet.api_keys.make("mine", READS, days=1, by=by)
    await people.bind(BEN, Role.VIEWER, by=OPERATOR)
    by = await ben(octet)
    with refuses("role_reaches_too_far"):
        await people.bind(CREW, Role.VIEWER, by=by)
    with refuses("key_reaches_too_far"):
        await octet.api_keys.make("other", READS, days=2, by=by)


async def test_a_key_has_at_most_what_its_maker_has_at_each_use(octet: Coordinator, clock: FakeClock) -> None:
    people, keys = octet.people, octet.api_keys
    await people.bind(BEN, Role.ADMIN, by=OPERATOR)
    secret = (await keys.make("mine", READS | {Permission.TASK_END}, days=3650, by=await ben(octet))).secret

    async def may() -> frozenset[Permission]:
        actor = await keys.actor(secret)
        assert actor is not None
        return actor.permissions

    assert await may() == READS | {Permission.TASK_END}
    await people.bind(BEN, Role.MEMBER, by=OPERATOR)
    assert await may() == READS
    await people.bind(BEN, Role.ADMIN, channel="7", by=OPERATOR)
    assert await may() == READS, "a key is in no channel"
    await people.unbind(BEN, by=OPERATOR)
    assert await may() == NONE
    await people.grant(BEN, Role.OWNER, hours=1, reason="x", by=OPERATOR)
    assert await may() == READS | {Permission.TASK_END}
    clock.advance(HOUR_S)
    assert await may() == NONE


async def test_a_key_gives_nothing_that_outlives_it_and_makes_no_key(octet: Coordinator) -> None:
    made = await octet.api_keys.make("root", frozenset(Permission), days=2, by=OPERATOR)
    by = await octet.api_keys.actor(made.secret)
    assert by is not None
    await octet.people.grant(BEN, Role.ADMIN, hours=48, reason="x", by=by)
    with refuses("role_reaches_too_far"):
        await octet.people.grant(BEN, Role.ADMIN, hours=49, reason="x", by=by)
    with refuses("role_reaches_too_far"):
        await octet.people.bind(BEN, Role.VIEWER, by=by)
    with refuses("key_reaches_too_far"):
        await octet.api_keys.make("child", READS, days=1, by=by)


async def test_a_role_of_the_server_makes_no_key_because_octet_learns_of_its_end_too_late(octet: Coordinator) -> None:
    await octet.people.bind(CREW, Role.ADMIN, by=OPERATOR)
    with refuses("key_reaches_too_far"):
        await octet.api_keys.make("mine", READS, days=1, by=await ben(octet, "", "5"))


@pytest.mark.parametrize("held", [5, 50])
async def test_making_a_key_and_binding_a_user_read_no_others(
    octet: Coordinator, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(held):
        await octet.people.bind(HolderId(f"discord:{100 + number}"), Role.VIEWER, by=OPERATOR)
        await octet.api_keys.make(f"key-{number}", READS, days=1, by=OPERATOR)
    read = list[object]()

    def count(kind: type[Any], row: object, **more: Any) -> Any:
        read.append(row)
        return from_attributes(kind, row, **more)

    for module in (service, api_keys):
        monkeypatch.setattr(module, "from_attributes", count)
    await octet.people.bind(BEN, Role.ADMIN, by=OPERATOR)
    await octet.people.bind(BEN, Role.VIEWER, by=OPERATOR)
    await octet.people.unbind(BEN, by=OPERATOR)
    await octet.api_keys.make("mine", READS, days=1, by=OPERATOR)
    await octet.api_keys.revoke("mine", by=OPERATOR)
    assert len(read) <= 4


# Any sequence of verbs by any users, from any channel, with any keys.

USERS = {"1": (), "2": ("5",), "3": ()}
CHANNELS = ("", "7", "8")
KEYS = ("a", "b")
# `*key` acts by that key, `operator` by the operator's token.
GIVERS = [(user, channel) for user in USERS for channel in ("7", "8")] + [(f"*{key}", "") for key in KEYS]
HOLDERS = [*(HolderId(f"discord:{user}") for user in USERS), CREW]


def gives(roles: list[Role], holders: list[HolderId]) -> st.SearchStrategy[tuple[Any, ...]]:
    who, role, hours = st.sampled_from(holders), st.sampled_from(roles), st.sampled_from([1, 24, 49, 720])
    return st.one_of(
        st.tuples(st.just("bind"), who, role, st.sampled_from(CHANNELS)),
        st.tuples(st.just("grant"), who, role, hours),
        st.tuples(st.just("key"), st.sampled_from(KEYS), role, st.sampled_from([1, 2, 3650])),
    )


TAKES = st.one_of(
    st.tuples(st.just("unbind"), st.sampled_from(HOLDERS), st.sampled_from(CHANNELS)),
    st.tuples(st.just("revoke"), st.sampled_from(HOLDERS)),
    st.tuples(st.just("drop"), st.sampled_from(KEYS)),
)
FIRST = st.tuples(st.just(("operator", "")), gives([Role.ADMIN], HOLDERS[1:]))
THEN = st.one_of(
    st.tuples(st.sampled_from(GIVERS), gives([Role.VIEWER, Role.ADMIN], HOLDERS)),
    st.tuples(st.sampled_from(GIVERS), gives([Role.VIEWER, Role.ADMIN], HOLDERS)),
    st.tuples(st.sampled_from([*GIVERS, ("operator", "")]), TAKES),
    st.tuples(st.just(("", "")), st.tuples(st.just("wait"), st.sampled_from([1, 23, 25, 100]))),
)
STEPS = st.builds(operator.add, st.lists(FIRST, min_size=2, max_size=4), st.lists(THEN, min_size=4, max_size=10))
Who = tuple[str, str]  # a user or a key, in a channel
EVERYBODY: list[Who] = [(user, channel) for user in USERS for channel in CHANNELS]
EVERYBODY += [*((f"*{key}", "") for key in KEYS), ("operator", "")]
Rights = dict[tuple[Who, int], frozenset[Permission]]


@dataclass
class Story:
    people: People
    keys: ApiKeys
    clock: FakeClock
    secrets: dict[str, str] = field(default_factory=dict[str, str])
    makers: dict[str, str] = field(default_factory=dict[str, str])

    async def actor(self, who: Who) -> Actor | None:
        name, channel = who
        if name == "operator":
            return OPERATOR
        if name.startswith("*"):
            return await self.keys.actor(self.secrets.get(name[1:], ""))
        return await self.people.discord_actor(name, name, role_ids=USERS[name], channel=channel)

    async def rights(self, times_ms: list[int]) -> Rights:
        """Return who would have which permissions where and when, if no other step followed."""
        found, now_ms = Rights(), self.clock.at_ms
        for at_ms in times_ms:
            self.clock.at_ms = at_ms
            for who in EVERYBODY:
                actor = await self.actor(who)
                found[who, at_ms] = actor.permissions if actor else NONE
        self.clock.at_ms = now_ms
        return found

    async def take(self, by: Who, what: tuple[Any, ...]) -> None:
        actor = await self.actor(by)
        if actor is None:
            return
        with suppress(OctetError):
            match what:
                case ("bind", holder, role, channel):
                    await self.people.bind(holder, role, channel=channel, by=actor)
                case ("grant", holder, role, hours):
                    await self.people.grant(holder, role, hours=hours, reason="x", by=actor)
                case ("unbind", holder, channel):
                    await self.people.unbind(holder, channel=channel, by=actor)
                case ("revoke", holder):
                    await self.people.revoke(holder, by=actor)
                case ("key", name, role, days):
                    self.secrets[name] = (await self.keys.make(name, ROLE_ALLOWS[role], days=days, by=actor)).secret
                    self.makers[name] = by[0]
                case ("drop", name):
                    await self.keys.revoke(name, by=actor)
                case _:
                    pytest.fail(f"unknown step {what}")


async def gives_nothing_more(steps: list[tuple[Who, tuple[Any, ...]]]) -> None:
    clock = FakeClock()
    with TemporaryDirectory() as home:
        async with Store.open(Path(home) / "octet.db") as store:
            about: Any = {"store": store, "journal": Journal(store=store, key=b"k" * 32, clock=clock), "clock": clock}
            people = People(**about, ids=Ids())
            story = Story(people, ApiKeys(**about, ids=Ids(), key=b"k" * 32, rights_of=people.own_rights), clock)
            await people.name_owner("1", "Ada", by=OPERATOR)
            for by, what in steps:
                if what[0] == "wait":
                    clock.advance(what[1] * HOUR_S)
                    continue
                times_ms = [clock.at_ms + hours * HOUR_S * 1000 for hours in (0, 24, 48, 719, 90_000)]
                before = await story.rights(times_ms)
                await story.take(by, what)
                after = await story.rights(times_ms)
                for ((name, channel), at_ms), has in after.items():
                    giver = before[(by[0], channel) if by[0] in USERS else by, at_ms]
                    manages = Permission.KEY_MANAGE if name.startswith("*") else Permission.ROLE_MANAGE
                    more = has - before[(name, channel), at_ms]
                    assert not more or more | {manages} <= giver, (by, what, name, channel, at_ms - clock.at_ms)
                    if has and (maker := story.makers.get(name[1:])):
                        assert has <= after[(maker, ""), at_ms], (by, what, name)


@settings(max_examples=80)
@given(STEPS)
def test_no_sequence_of_verbs_gives_more_than_its_giver_had_there_and_then(
    steps: list[tuple[Who, tuple[Any, ...]]],
) -> None:
    asyncio.run(gives_nothing_more(steps))
