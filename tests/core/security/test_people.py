"""Roles bound to users and to roles of the server: what counts where and until when, and who may give what."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from core.coordinator import Coordinator
from core.kit.errors import OctetError
from core.limits import EmptyText, OutOfRange, TextTooLong
from core.security.model import OPERATOR, ROLE_ALLOWS, HolderId, Role
from core.security.service import People
from scripts.release_home import RELEASES, read_release
from tests.builders import entries_of, make_agent, make_person, open_coordinator, refuses
from tests.fakes.clock import FakeClock

ADMIN = make_person(4, "Dora", Role.ADMIN)
BEN, CREW = HolderId("discord:2"), HolderId("discord-role:5")
NONE = frozenset[object]()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def octet(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Coordinator]:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}, clock=clock) as opened:
        yield opened


@pytest.fixture
def people(octet: Coordinator) -> People:
    return octet.people


async def ben_may(people: People, *roles: str, channel: str = "") -> frozenset[object]:
    return (await people.discord_actor("2", "Ben", role_ids=roles, channel=channel)).permissions


async def test_a_user_may_what_all_roles_that_count_here_allow_together(people: People) -> None:
    await people.bind(CREW, Role.VIEWER, by=OPERATOR)
    await people.bind(BEN, Role.MEMBER, channel="7", by=OPERATOR)
    assert await ben_may(people) == NONE
    assert await ben_may(people, "5", "6") == ROLE_ALLOWS[Role.VIEWER]
    assert await ben_may(people, channel="7") == ROLE_ALLOWS[Role.MEMBER]
    assert await ben_may(people, "5", channel="8") == ROLE_ALLOWS[Role.VIEWER]
    assert (await people.discord_actor("5", "Eve")).permissions == NONE, "a role's id is no user's"


async def test_a_second_binding_replaces_the_first_in_that_channel_only(people: People) -> None:
    for role, channel in ((Role.OPERATOR, ""), (Role.MEMBER, "7"), (Role.VIEWER, "")):
        await people.bind(BEN, role, channel=channel, by=OPERATOR)
    assert {(one.role, one.channel) for one in await people.bindings(by=OPERATOR)} == {
        (Role.VIEWER, ""),
        (Role.MEMBER, "7"),
    }
    await people.unbind(BEN, by=OPERATOR)
    assert await ben_may(people) == NONE
    with refuses("binding_not_found"):
        await people.unbind(BEN, by=OPERATOR)
    assert await ben_may(people, channel="7") == ROLE_ALLOWS[Role.MEMBER]


async def test_a_grant_ends_by_the_clock_or_earlier_and_leaves_what_the_user_has_anyway(
    people: People, clock: FakeClock
) -> None:
    await people.bind(BEN, Role.VIEWER, by=OPERATOR)
    await people.grant(BEN, Role.OPERATOR, hours=2, reason=" on call ", by=OPERATOR)
    (granted,) = (one for one in await people.bindings(by=OPERATOR) if one.expires_ms)
    assert granted.purpose == "on call"
    clock.advance(2 * 3600 - 1)
    assert await ben_may(people) == ROLE_ALLOWS[Role.OPERATOR]
    clock.advance(1)
    assert await ben_may(people) == ROLE_ALLOWS[Role.VIEWER]
    assert [one.role for one in await people.bindings(by=OPERATOR)] == [Role.VIEWER]
    with refuses("binding_not_found"):
        await people.revoke(BEN, by=OPERATOR)
    await people.grant(BEN, Role.MEMBER, hours=1, reason="again", by=OPERATOR)
    await people.revoke(BEN, by=OPERATOR)
    assert await ben_may(people) == ROLE_ALLOWS[Role.VIEWER]


async def test_a_grant_needs_a_period_and_a_reason(people: People) -> None:
    for hours in (0, -1, 721):
        with pytest.raises(OutOfRange):
            await people.grant(BEN, Role.VIEWER, hours=hours, reason="on call", by=OPERATOR)
    for reason in ("", "  ", "x" * 201):
        with pytest.raises((EmptyText, TextTooLong)):
            await people.grant(BEN, Role.VIEWER, hours=1, reason=reason, by=OPERATOR)
    assert not people.has_others


async def test_users_give_and_take_at_most_what_they_may_do_themselves(people: People) -> None:
    await people.bind(BEN, Role.OWNER, by=OPERATOR)
    await people.bind(HolderId("discord:3"), Role.OWNER, by=OPERATOR)
    for attempt in (
        people.bind(CREW, Role.OWNER, by=ADMIN),
        people.grant(CREW, Role.OWNER, hours=1, reason="x", by=ADMIN),
        people.bind(BEN, Role.VIEWER, by=ADMIN),
        people.unbind(BEN, by=ADMIN),
    ):
        with refuses("role_too_high"):
            await attempt
    await people.bind(CREW, Role.ADMIN, by=ADMIN)
    assert await ben_may(people) == ROLE_ALLOWS[Role.OWNER]


async def test_the_last_owner_stays(people: People) -> None:
    await people.bind(BEN, Role.OWNER, by=OPERATOR)
    await people.bind(CREW, Role.OWNER, by=OPERATOR)
    await people.bind(HolderId("discord:3"), Role.OWNER, channel="7", by=OPERATOR)
    await people.grant(HolderId("discord:3"), Role.OWNER, hours=1, reason="x", by=OPERATOR)
    for attempt in (people.unbind(BEN, by=OPERATOR), people.bind(BEN, Role.ADMIN, by=OPERATOR)):
        with refuses("last_owner"):
            await attempt
    await people.bind(HolderId("discord:3"), Role.OWNER, by=OPERATOR)
    both = await asyncio.gather(
        people.unbind(BEN, by=OPERATOR), people.unbind(HolderId("discord:3"), by=OPERATOR), return_exceptions=True
    )
    assert [one.code for one in both if isinstance(one, OctetError)] == ["last_owner"]
    assert people.claim_code() is None


async def test_roles_survive_a_restart_and_each_change_is_in_the_journal(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        await octet.people.bind(CREW, Role.MEMBER, by=OPERATOR)
        await octet.people.bind(CREW, Role.ADMIN, channel="7", by=OPERATOR)
        await octet.people.unbind(CREW, channel="7", by=OPERATOR)
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        assert await ben_may(octet.people, "5", channel="7") == ROLE_ALLOWS[Role.MEMBER]
        entries = await entries_of(octet.journal, f"person:{CREW}")
    assert [(one.name, one.actor, one.data["role"], one.data["channel"]) for one in entries] == [
        ("RoleBound", "operator", "member", ""),
        ("RoleBound", "operator", "admin", "7"),
        ("RoleUnbound", "operator", "admin", "7"),
    ]


async def test_others_than_owners_have_a_role_only_while_one_counts(people: People, clock: FakeClock) -> None:
    await people.bind(BEN, Role.OWNER, by=OPERATOR)
    assert not people.has_others
    await people.grant(CREW, Role.VIEWER, hours=1, reason="x", by=OPERATOR)
    assert people.has_others
    clock.advance(3600)
    assert not people.has_others


async def test_the_owner_of_a_home_of_0_2_0_stays_its_owner(tmp_path: Path) -> None:
    home = tmp_path / "home"
    read_release(RELEASES / "0.2.0", home)
    with closing(sqlite3.connect(home / "octet.db")) as connection, connection:
        connection.execute("INSERT INTO people VALUES ('discord:1', 'Ada', 'owner', 5)")
    async with open_coordinator(home, agents=[make_agent()], lanes={}) as octet:
        (owner,) = await octet.people.bindings(by=OPERATOR)
        assert (owner.holder, owner.name, owner.role, owner.since_ms) == ("discord:1", "Ada", Role.OWNER, 5)
        assert octet.people.claim_code() is None
