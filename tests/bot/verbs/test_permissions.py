"""Each verb is refused to an actor who has every permission but its own, and who asked for nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bot.verbs.catalogue import VERBS
from bot.verbs.declare import On, Origin, Parameter, Verb
from core.agent_messages.model import NewAgentMessage
from core.kit.errors import Conflict, Denied, Invalid, NotFound
from core.security.model import ROLE_ALLOWS, Actor, ActorKind, Permission, Role
from core.tasks.model import NewTask
from tests.house import House, open_house

ADA = Actor(kind=ActorKind.PERSON, id="discord:1", name="Ada", role=Role.OPERATOR)
EVE = Actor(kind=ActorKind.PERSON, id="discord:2", name="Eve", role=Role.OPERATOR)
GIVEN: dict[str, Any] = {"task": "T-1", "agent": "Agent-1", "desk": "main", "window": "agent-1"}
GUARDED = [one for one in VERBS if one.permission is not None]


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    async with open_house(tmp_path) as opened:
        await opened.core.tasks.new(NewTask(brief="Mend the build"), by=ADA)
        sent = await opened.core.agent_messages.send(NewAgentMessage(text="Wait", agent="Agent-2"), by=ADA)
        monkeypatch.setitem(GIVEN, "message", sent.message.id)
        yield opened


def given(verb: Verb) -> dict[str, Any]:
    required = {one.name: _value(one) for one in verb.parameters if one.is_required}
    names = {one.name for one in verb.parameters}
    named = next((name for name in GIVEN if name in names), None)
    return {**required, **({named: GIVEN[named]} if named and not set(required) & set(GIVEN) else {})}


def _value(one: Parameter) -> Any:
    if one.kind.choices:
        return next(iter(one.kind.choices))
    return GIVEN.get(one.name, 1 if one.type is int else "something")


def named(verb: Verb) -> str:
    return f"{verb.group} {verb.name}"


@pytest.mark.parametrize("verb", GUARDED, ids=named)
async def test_a_verb_is_refused_without_its_permission(
    house: House, verb: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verb.permission is not None
    monkeypatch.setitem(ROLE_ALLOWS, Role.OPERATOR, frozenset(Permission) - {verb.permission})
    with pytest.raises(Denied):
        await verb.run(house.core, given(verb), by=EVE, origin=Origin())


@pytest.mark.parametrize("verb", [one for one in GUARDED if one.own], ids=named)
async def test_who_asked_may_do_it_without_the_permission(
    house: House, verb: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verb.permission is not None
    monkeypatch.setitem(ROLE_ALLOWS, Role.OPERATOR, frozenset(Permission) - {verb.permission})
    with suppress(NotFound, Conflict, Invalid):  # it may refuse this task's state, not this person
        await verb.run(house.core, given(verb), by=ADA, origin=Origin())


def test_no_two_verbs_have_one_name_route_or_tool() -> None:
    for names in (
        [(one.group, one.name, on) for one in VERBS for on in On if on in one.on],
        [one.route for one in VERBS if one.route],
        [one.mcp for one in VERBS if one.mcp],
    ):
        assert len(names) == len(set(names))


def test_what_undoes_a_verb_is_a_verb_of_its_group() -> None:
    assert {(one.group, one.undo) for one in VERBS if one.undo} <= {(one.group, one.name) for one in VERBS}
