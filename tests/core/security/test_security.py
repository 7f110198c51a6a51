"""Who may do what: roles, the first owner, the codes agents answer with, the key files."""

from __future__ import annotations

import inspect
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from core.coordinator import Coordinator, open_people
from core.dispatch.model import Decision
from core.home import Home
from core.kit.errors import Denied
from core.kit.filters import Query
from core.security.codes import ReplyKeys, TaskCodes
from core.security.keys import load_key
from core.security.model import (
    EVERY_AGENT,
    OPERATOR,
    ROLE_ALLOWS,
    Actor,
    HolderId,
    NotAllowed,
    Permission,
    Role,
    WrongClaim,
    WrongCode,
    require,
)
from core.store.engine import Store
from core.tasks.model import OnFailure, TaskChanges, TaskId
from tests.builders import (
    BEN,
    entries_of,
    list_tasks,
    make_agent,
    make_desk,
    make_new_task,
    make_person,
    make_window_agent,
    open_coordinator,
    pending,
    refuses,
)
from tests.fakes.clock import FakeClock
from tests.fakes.desk_worker import FakeDeskWorker

OWNERS = ROLE_ALLOWS[Role.OWNER]
MEMBER_MAY = {
    Permission.TASK_READ,
    Permission.MESSAGE_READ,
    Permission.AGENT_READ,
    Permission.DESK_READ,
    Permission.FLEET_READ,
    Permission.VERSION_READ,
    Permission.TASK_CREATE,
}


def actor(role: Role) -> Actor:
    return make_person(9, "Nine", role)


def test_every_role_may_what_the_one_below_may_and_nobody_may_nothing() -> None:
    assert set(ROLE_ALLOWS) == set(Role)
    assert BEN.permissions == frozenset()
    assert ROLE_ALLOWS[Role.MEMBER] == MEMBER_MAY
    for lower, higher in zip(list(Role), list(Role)[1:], strict=False):
        assert ROLE_ALLOWS[lower] <= ROLE_ALLOWS[higher]
    assert ROLE_ALLOWS[Role.OWNER] == frozenset(Permission)


def test_only_the_owner_sees_a_screen() -> None:
    assert [role for role in Role if Permission.DESK_SEE in ROLE_ALLOWS[role]] == [Role.OWNER]


@pytest.mark.parametrize("permission", Permission)
def test_a_refusal_names_the_role_and_not_the_permission(permission: Permission) -> None:
    with pytest.raises(NotAllowed, match=f"the role {permission.least.value}") as refused:
        require(BEN, permission)
    assert refused.value.details["permission"] == permission.value
    assert permission.value not in refused.value.message


ARGUMENTS: dict[str, object] = {
    "limit": 5,
    "draft": make_new_task(""),  # also wrong: whoever may not ask is not told what is wrong
    "like": make_new_task(""),
    "message": "01H",
    "task": "T-1",
    "text": "",
    "name": "Agent-1",
    "user_id": "1",
    "agent": "Nobody",
    "priority": 9,
    "desk": "main",
    "window": "agent-1",
    "known": "",
    "before": "",
    "number": 1,
    "delivery": "nothing",
    "delivery_or_task": "T-1",
    "decision": Decision.DROP,
    "holder": HolderId("discord:2"),
    "role": Role.OWNER,
    "hours": 0,
    "needs": TaskId("T-1"),
    "on_failure": OnFailure.WAIT,
    "changes": TaskChanges(),
    "query": Query(sort="nonsense"),
    "why": "",
    "reason": "",
    "scopes": frozenset(Permission),
    "days": 0,
    "permission": Permission.TASK_END,
    "change": lambda *_: pytest.fail("it changes a task"),
}


async def test_every_verb_of_every_room_refuses_nobody_before_anything_happens(tmp_path: Path) -> None:
    worker = FakeDeskWorker()
    async with open_coordinator(
        tmp_path, agents=[make_window_agent()], desks=[make_desk("agent-1")], lanes={}, workers={"main": worker}
    ) as octet:
        await octet.tasks.new(make_new_task(), by=OPERATOR)
        before = await rows_of(octet)
        verbs = [verb for room in rooms(octet) for verb in verbs_with_actor(room)]
        names = {verb.__qualname__ for verb in verbs}
        assert {
            "Tasks.new",
            "Tasks.cancel",
            "Tasks.done",
            "Desks.stop",
            "Desks.screenshot",
            "Agents.list",
            "AgentAvailability.pause",
            "Tasks.retry",
            "AgentMessages.send",
            "AgentMessages.broadcast",
            "AgentMessages.show",
            "UnknownDeliveries.resolve",
        } <= names
        for verb in verbs:
            wanted = [name for name, p in inspect.signature(verb).parameters.items() if p.default is p.empty]
            with pytest.raises(Denied):
                await verb(**{name: ARGUMENTS[name] for name in wanted if name != "by"}, by=BEN)
        assert await rows_of(octet) == before
        assert worker.told == []


async def test_autocomplete_tells_nobody_anything(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        await octet.tasks.new(make_new_task(), by=OPERATOR)
        assert octet.tasks.suggest("", by=BEN) == []
        assert list(octet.agents.suggest("", by=BEN)) == []
        assert octet.tasks.suggest("", by=OPERATOR) == [("T-1", "Count the birds")]


def rooms(octet: Coordinator) -> list[object]:
    below: list[object] = [octet.people, octet.notices, octet.agents, octet.desks, octet.messages, octet.deliveries]
    below += [octet.api_keys, octet.audit]
    return [*below, octet.tasks, octet.agent_messages, octet.availability, octet.unknowns]


def verbs_with_actor(room: object) -> list[Callable[..., Awaitable[object]]]:
    methods = [method for name, method in inspect.getmembers(room, inspect.iscoroutinefunction) if name[0] != "_"]
    return [method for method in methods if "by" in inspect.signature(method).parameters]


async def rows_of(octet: Coordinator) -> list[object]:
    entries = [*await entries_of(octet.journal, "task:T-1"), *await entries_of(octet.journal, "desk:main")]
    return [*entries, *await pending(octet), await list_tasks(octet, by=OPERATOR)]


async def test_the_consoles_code_makes_one_owner_and_no_second(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        code = octet.people.claim_code()
        assert code is not None
        with pytest.raises(WrongClaim):
            await octet.people.claim("guess", user_id="1", name="Ada")
        assert not (await octet.people.discord_actor("1", "Ada")).permissions
        ada = await octet.people.claim(f" {code}\n", user_id="1", name="Ada")
        assert (ada.id, ada.permissions) == ("discord:1", OWNERS)
        assert octet.people.claim_code() is None
        with refuses("owner_exists"):
            await octet.people.claim(code, user_id="2", name="Ben")
        assert [entry.name for entry in await entries_of(octet.journal, "person:discord:1")] == [
            "OwnerCodeRefused",
            "OwnerClaimed",
        ]
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        assert (await octet.people.discord_actor("1", "Ada")).permissions == OWNERS
        assert octet.people.claim_code() is None


async def test_wrong_owner_codes_are_recorded_without_the_code_and_slowed_for_each_user_and_for_all(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}, clock=clock) as octet:
        people, code = octet.people, octet.people.claim_code()
        assert code is not None

        async def refusal(user: str, given: str = "guessed-code") -> str:
            with pytest.raises(Denied) as refused:
                await people.claim(given, user_id=user, name="x")
            return f"{refused.value.code}: {refused.value.message}"

        with capture_logs() as lines:
            first = [await refusal("1") for _ in range(5)]
        assert {said.split(":")[0] for said in first} == {"wrong_claim"}
        entries = await entries_of(octet.journal, "person:discord:1")
        assert [entry.name for entry in entries] == ["OwnerCodeRefused"] * 5
        assert [line["event"] for line in lines] == ["owner_code_refused"] * 5
        assert "guessed-code" not in str([entries, lines])

        clock.advance(60)
        slowed = await refusal("1", code)
        assert slowed.startswith("too_many_claims:"), "not even the right code"
        assert "840 s" in slowed
        assert "octet init" in slowed
        assert len(await entries_of(octet.journal, "person:discord:1")) == 5, "what was not compared is not recorded"
        for user in ("2", "3", "4"):
            assert (await refusal(user)).startswith("wrong_claim:"), "one user does not slow another"
            for _ in range(4):
                await refusal(user)
        assert (await refusal("5", code)).startswith("too_many_claims:"), "twenty of all users slow everyone"

        clock.advance(841)
        assert (await people.claim(code, user_id="5", name="Eve")).permissions == OWNERS


async def test_whoever_holds_the_machine_names_one_owner_before_the_first_start(tmp_path: Path) -> None:
    async with open_people(Home(root=tmp_path)) as people:
        assert await people.owner(by=OPERATOR) is None
        with pytest.raises(NotAllowed):
            await people.name_owner("1", "Ada", by=actor(Role.ADMIN))
        ada = await people.name_owner("1", "Ada", by=OPERATOR)
        assert (ada.id, ada.permissions) == ("discord:1", OWNERS)
        with refuses("owner_exists"):
            await people.name_owner("2", "Ben", by=OPERATOR)
        assert await people.owner(by=OPERATOR) == ada
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        assert (await octet.people.discord_actor("1", "Ada")).permissions == OWNERS
        assert octet.people.claim_code() is None
        (entry,) = await entries_of(octet.journal, "person:discord:1")
        assert (entry.name, entry.actor) == ("OwnerNamed", "operator")


async def test_a_code_opens_its_task_and_attempt_only_and_is_stored_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "octet.db"
    async with Store.open(path) as store:
        codes = TaskCodes(home_id="k3", key=b"k" * 32)
        code = codes.code("T-1", 1)
        with pytest.raises(WrongCode):
            await store.write(lambda tx: codes.holder(tx, code, agent=EVERY_AGENT))
        await store.write(lambda tx: codes.grant(tx, "T-1", 1, agent="Agent-1"))
        await store.write(lambda tx: codes.grant(tx, "T-1", 1, agent="Agent-1"))
        holder = await store.write(lambda tx: codes.holder(tx, f"  {code}\n", agent="Agent-1"))
        assert (holder.task, holder.fence, holder.agent) == ("T-1", 1, "Agent-1")
        others = [codes.code("T-2", 1), codes.code("T-1", 2), code[:-1], code.lower(), "", "\ud800", "' OR 1=1"]
        others.append(TaskCodes(home_id="k3", key=b"x" * 32).code("T-1", 1))
        for other in others:
            with pytest.raises(WrongCode):
                await store.write(lambda tx, other=other: codes.holder(tx, other, agent=EVERY_AGENT))
        assert code.partition(".")[2] not in codes.masked()
    written = b"".join(part.read_bytes() for part in sorted(tmp_path.iterdir()))  # noqa: ASYNC240 - two small files
    assert b"T-1" in written
    assert code.partition(".")[2].encode() not in written


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", fullmatch=True) | st.just(EVERY_AGENT), st.text())
def test_a_reply_key_names_its_agent_and_nothing_else_is_one(agent: str, other: str) -> None:
    keys, others = ReplyKeys(key=b"k" * 32), ReplyKeys(key=b"x" * 32)
    key = keys.key(agent)
    assert keys.holder(key) == agent
    assert keys.holder(others.key(agent)) is None
    for wrong in (other, other + key, key + other, key.replace(f".{agent}.", f".{agent}{other}."), key[12:]):
        assert keys.holder(wrong) is None or wrong == key


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    key = load_key(path)
    assert len(key) == 32
    assert load_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["audit.key"]


@pytest.mark.parametrize("content", ["", "abcd", "no hex at all"])
def test_half_a_key_is_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "audit.key"
    path.write_text(content)
    with refuses("key_damaged", match="audit"):
        load_key(path)
    assert path.read_text() == content


async def test_a_home_keeps_its_id(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        first = octet.home_id
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        assert octet.home_id == first
        assert octet.home_mark == first[:4]


def test_a_key_that_others_can_read_is_closed_to_them_and_that_is_said(tmp_path: Path) -> None:
    key = load_key(tmp_path / "audit.key")
    (tmp_path / "audit.key").chmod(0o644)
    with capture_logs() as lines:
        assert load_key(tmp_path / "audit.key") == key
    assert stat.S_IMODE((tmp_path / "audit.key").stat().st_mode) == 0o600
    assert [line["event"] for line in lines] == ["secret_file_was_readable"]


async def test_a_lost_key_of_codes_is_made_anew_and_that_is_said_loudly(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}):
        pass
    with capture_logs() as lines:
        async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}):
            pass
        assert lines == []
        (tmp_path / "codes.key").unlink()
        async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}):
            pass
    assert [(line["event"], line["log_level"]) for line in lines] == [("codes_key_replaced", "error")]
