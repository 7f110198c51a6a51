"""Each verb is refused to everyone who lacks its permission, whoever they are and whichever interface they use."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
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
from core.tasks.model import NewTask, TaskId, TaskState
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


@asynccontextmanager
async def web(house: House) -> AsyncGenerator[Callable[..., Awaitable[tuple[int, str]]]]:
    """Return a function that makes a real request and returns its status and the code of its error."""
    app = create_app(
        house.core,
        operator_token=SecretStr(TOKEN),
        version="0",
        mcp=mcp_app(house.core, version="0"),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:

        async def ask(method: str, path: str, secret: str, values: dict[str, Any]) -> tuple[int, str]:
            sent: dict[str, Any] = {"params": values} if method == "GET" else {"json": values} if values else {}
            headers = {"Authorization": f"Bearer {secret}"} if secret else {}
            headers["Accept"] = "application/json, text/event-stream"
            answer = await client.request(method, path, headers=headers, **sent)
            found = answer.json()
            if isinstance(found, dict) and "jsonrpc" in found:
                error, result = found.get("error", {}), found.get("result", {})
                found = error.get("data", {}) or result.get("structuredContent") or {}
            return answer.status_code, found.get("code", "") if isinstance(found, dict) else ""

        yield ask


def in_json(verb: Verb, **others: Any) -> dict[str, Any]:
    """Return what a request for this verb brings: all that is required, and what others are given."""
    lists = {
        one.name: [f"M-{VALUES['message']}"] for one in verb.parameters if one.is_required and one.name == "messages"
    }
    names = {one.name for one in verb.parameters}
    return {**given(verb), **lists, **{name: value for name, value in others.items() if name in names}}


def tool_call(verb: Verb, values: dict[str, Any]) -> dict[str, Any]:
    params = {"name": verb.mcp, "arguments": values}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


AGENTS = [one for one in VERBS if one.permission is None and On.HTTP in one.on]
TOOLS = [one for one in VERBS if one.mcp]


async def test_agents_secrets_open_no_users_route_and_users_secrets_no_agents_route_tool_or_resource(
    house: House,
) -> None:
    core, wrong = house.core, set[tuple[str, str]]()
    root = (await core.api_keys.make("root", frozenset(Permission), days=2, by=OPERATOR)).secret
    tokens = (core.reply_keys.key("Agent-1"), core.reply_keys.key(), "octet-reply.Agent-1.0", "")
    async with web(house) as ask:
        for verb in (one for one, _ in GUARDED if On.HTTP in one.on):
            method, path = verb.route.split()
            for token in tokens:
                if (was := await ask(method, f"/api/v2{path}", token, {})) != (401, "no_token"):
                    wrong.add((verb.full_name, str(was)))
        resources = [one.resource for one in VERBS if one.resource]
        reads = {"jsonrpc": "2.0", "id": 1, "method": "resources/read"}
        requests = [(*one.route.split(), in_json(one)) for one in AGENTS]
        requests = [(method, f"/api/v2{path}", values) for method, path, values in requests]
        requests += [("POST", "/mcp", tool_call(one, in_json(one))) for one in TOOLS]
        requests += [("POST", "/mcp", {**reads, "params": {"uri": uri}}) for uri in resources]
        assert len(requests) > 2 * len(TOOLS)
        for method, path, values in requests:
            for secret, code in ((root, "no_reply_key"), ("octet_unknown", "api_key_refused"), ("", "no_reply_key")):
                if (was := await ask(method, path, secret, values)) != (401, code):
                    wrong.add((f"{path} {values.get('params', '')}", str(was)))
    assert wrong == set()


async def test_no_tool_or_route_of_agents_takes_the_code_of_another_agent_or_a_secret_of_none(house: House) -> None:
    """The operator's token and the home's own key name no agent; the code of T-1 belongs to Agent-1."""
    core, wrong = house.core, set[tuple[str, str]]()
    task = await core.tasks.show(TaskId("T-1"), by=OPERATOR)
    code = core.tasks.briefs._codes.code("T-1", task.task.fence)
    other, home = core.reply_keys.key("Agent-2"), core.reply_keys.key()
    refusals = {"wrong_agent", "agent_unnamed", "wrong_code", "no_agent_known"}
    async with web(house) as ask:
        for verb in {*AGENTS, *TOOLS}:
            method, path = verb.route.split()
            taken = {one.name for one in verb.parameters}
            for secret, proof in ((other, code), (home, ""), (TOKEN, ""), (home, f"{code}A"), (TOKEN, f"{code}A")):
                if secret == other and "code" not in taken:
                    continue  # an agent may see its own world
                needs_task = any(one.name == "task" and one.is_required for one in verb.parameters)
                values = in_json(verb, task="T-1" if proof or needs_task else "", code=proof, text="Why?")
                asked = [await ask(method, f"/api/v2{path}", secret, values)] if verb in AGENTS else []
                asked += [await ask("POST", "/mcp", secret, tool_call(verb, values))] if verb.mcp else []
                for was in asked:
                    if was[1] not in refusals:
                        wrong.add((verb.full_name, f"{secret[:14]} {proof[:6]} {was}"))
    assert wrong == set()
    assert (await house.task(task.task.id)).state is TaskState.BLOCKED


def test_no_two_verbs_have_one_name_route_or_tool() -> None:
    for names in (
        [(one.group, one.name, on) for one in VERBS for on in On if on in one.on],
        [one.route for one in VERBS if one.route],
        [one.mcp for one in VERBS if one.mcp],
    ):
        assert len(names) == len(set(names))


def test_what_undoes_a_verb_is_a_verb_of_its_group() -> None:
    assert {(one.group, one.undo) for one in VERBS if one.undo} <= {(one.group, one.name) for one in VERBS}
