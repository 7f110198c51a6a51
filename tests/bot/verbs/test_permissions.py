"""Each verb is refused to everyone who lacks its permission, whoever they are and whichever interface they use."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from bot.app import mcp_app
from bot.verbs.catalogue import VERBS
from bot.verbs.declare import On, Origin, Parameter, Verb
from bot.web.app import create_app
from core.agent_messages.model import NewAgentMessage, NewQuestion, Proof
from core.kit.errors import Conflict, Denied, Invalid, NotFound
from core.security.model import OPERATOR, ROLE_ALLOWS, Actor, ActorKind, HolderId, Permission, Role
from core.tasks.model import NewTask, TaskState
from tests.builders import make_person
from tests.fakes.clock import FakeClock
from tests.house import TOKEN, House, open_house

ADA = make_person(1, "Ada", Role.OPERATOR)
GIVEN: dict[str, Any] = {"task": "T-1", "agent": "Agent-1", "desk": "main", "window": "agent-1"}
VALUES = {**GIVEN, "after": "T-1", "who": "discord:7", "scopes": "viewer"}
GUARDED = [(one, one.permission) for one in VERBS if one.permission is not None]
HOLDER = HolderId("discord:2")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def house(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    async with open_house(tmp_path, clock=clock) as opened:
        task = (await opened.core.tasks.new(NewTask(brief="Mend the build", agent="Agent-1"), by=ADA)).id
        await opened.until(task, TaskState.WORKING)
        asked = await opened.core.questions.ask(NewQuestion(text="Which?", key="k"), Proof(agent="Agent-1"))
        monkeypatch.setitem(VALUES, "question", f"M-{asked.question.id}")
        sent = await opened.core.agent_messages.send(NewAgentMessage(text="Wait", agent="Agent-2"), by=ADA)
        for values in (GIVEN, VALUES):
            monkeypatch.setitem(values, "message", sent.message.id)
        yield opened


def given(verb: Verb) -> dict[str, Any]:
    required = {one.name: _value(one) for one in verb.parameters if one.is_required}
    names = {one.name for one in verb.parameters}
    named = next((name for name in GIVEN if name in names), None)
    return {**required, **({named: GIVEN[named]} if named and not set(required) & set(GIVEN) else {})}


def _value(one: Parameter) -> Any:
    if one.kind.choices:
        return next(iter(one.kind.choices))
    return VALUES.get(one.name, 1 if one.type is int else "something")


async def refused(house: House, by: Actor) -> set[str]:
    """Call every verb that `by` lacks the permission for; return those that do not deny it."""
    done = set[str]()
    for verb, permission in GUARDED:
        if permission not in by.permissions:
            try:
                await verb.run(house.core, given(verb), by=by, origin=Origin())
            except Denied:
                continue
            done.add(verb.full_name)
    return done


def named(verb: object) -> str:
    return verb.full_name if isinstance(verb, Verb) else ""


async def test_each_verb_is_refused_without_its_permission(house: House) -> None:
    for permission in Permission:
        eve = Actor(kind=ActorKind.PERSON, id="discord:2", name="Eve", permissions=frozenset(Permission) - {permission})
        assert await refused(house, eve) == set(), permission


@pytest.mark.parametrize("verb", [verb for verb, _ in GUARDED if verb.own], ids=named)
async def test_who_asked_may_do_it_without_the_permission(house: House, verb: Verb) -> None:
    assert verb.permission is not None
    ada = Actor(kind=ADA.kind, id=ADA.id, name="Ada", permissions=frozenset(Permission) - {verb.permission})
    with suppress(NotFound, Conflict, Invalid):  # it may refuse this task's state, not this person
        await verb.run(house.core, given(verb), by=ada, origin=Origin())


async def test_no_verb_takes_more_from_a_user_than_the_roles_that_count_now(house: House, clock: FakeClock) -> None:
    people = house.core.people

    async def eve(channel: str = "9") -> Actor:
        return await people.discord_actor("2", "Eve", role_ids=("5",), channel=channel)

    assert (await eve()).permissions == frozenset()
    assert await refused(house, await eve()) == set(), "a stranger"
    await people.bind(HolderId("discord-role:5"), Role.VIEWER, by=OPERATOR)
    assert (await eve()).permissions == ROLE_ALLOWS[Role.VIEWER]
    assert await refused(house, await eve()) == set(), "a viewer"
    await people.bind(HOLDER, Role.ADMIN, channel="8", by=OPERATOR)
    assert (await eve("8")).permissions == ROLE_ALLOWS[Role.ADMIN]
    assert await refused(house, await eve()) == set(), "an admin of another channel"
    await people.grant(HOLDER, Role.ADMIN, hours=1, reason="on call", by=OPERATOR)
    assert (await eve()).permissions == ROLE_ALLOWS[Role.ADMIN]
    clock.advance(3600)
    assert (await eve()).permissions == ROLE_ALLOWS[Role.VIEWER]
    assert await refused(house, await eve()) == set(), "one whose grant has expired"


async def test_every_route_refuses_a_key_without_its_scope_and_one_that_is_no_longer_valid(
    house: House, clock: FakeClock
) -> None:
    keys, wrong = house.core.api_keys, set[tuple[str, str]]()
    app = create_app(
        house.core,
        operator_token=SecretStr(TOKEN),
        version="0",
        is_discord_connected=lambda: False,
        mcp=mcp_app(house.core, version="0"),
    )
    routes = [(verb, permission) for verb, permission in GUARDED if On.HTTP in verb.on]
    secrets = {
        permission: (
            await keys.make(f"no-{number}", ROLE_ALLOWS[Role.OWNER] - {permission}, days=2, by=OPERATOR)
        ).secret
        for number, permission in enumerate(Permission)
    }
    viewer = (await keys.make("viewer", ROLE_ALLOWS[Role.VIEWER], days=2, by=OPERATOR)).secret
    revoked = (await keys.make("revoked", ROLE_ALLOWS[Role.OWNER], days=2, by=OPERATOR)).secret
    expired = (await keys.make("expired", ROLE_ALLOWS[Role.OWNER], days=1, by=OPERATOR)).secret

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:

        async def ask(verb: Verb, secret: str) -> tuple[int, str]:
            lists = {one.name: ["viewer"] for one in verb.parameters if one.is_required and one.type == list[str]}
            values = {**given(verb), **lists}
            method, path = verb.route.split()
            path = re.sub(r"{(\w+)}", lambda name: str(values.pop(name[1])), path)
            sent: dict[str, Any] = {"params": values} if method == "GET" else {"json": values} if values else {}
            headers = {"Authorization": f"Bearer {secret}"}
            answer = await client.request(method, f"/api/v2{path}", headers=headers, **sent)
            return answer.status_code, answer.json()["code"]

        for secret in (viewer, revoked, expired):
            found = await client.get("/api/v2/agents", headers={"Authorization": f"Bearer {secret}"})
            assert found.status_code == 200, "each works before"
        await keys.revoke("revoked", by=OPERATOR)
        clock.advance(24 * 3600)
        for verb, permission in routes:
            expected = [(secrets[permission], (403, "not_allowed"))]
            expected += [(one, (401, "api_key_refused")) for one in (revoked, expired, "octet_unknown")]
            if permission not in ROLE_ALLOWS[Role.VIEWER]:
                expected.append((viewer, (403, "not_allowed")))
            for secret, code in expected:
                if (was := await ask(verb, secret)) != code:
                    wrong.add((verb.full_name, str(was)))
        assert wrong == set()


def test_no_two_verbs_have_one_name_route_or_tool() -> None:
    for names in (
        [(one.group, one.name, on) for one in VERBS for on in On if on in one.on],
        [one.route for one in VERBS if one.route],
        [one.mcp for one in VERBS if one.mcp],
    ):
        assert len(names) == len(set(names))


def test_what_undoes_a_verb_is_a_verb_of_its_group() -> None:
    assert {(one.group, one.undo) for one in VERBS if one.undo} <= {(one.group, one.name) for one in VERBS}
