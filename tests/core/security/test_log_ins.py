"""Log-ins on the page: a code lets one browser in, and only both secrets together count, for as long as they may."""

from __future__ import annotations

from pathlib import Path

from core.coordinator import Coordinator
from core.kit.clock import DAY_MS
from core.security import _store, log_ins
from core.security.model import LOG_IN_LASTS_MS, OPERATOR, Actor, HolderId, NewLogIn, Permission, Role
from tests.builders import ADA, entries_of, make_agent, make_person, open_coordinator, refuses
from tests.fakes.clock import FakeClock

VIEWER = make_person(7, "Vic", Role.VIEWER)
DAY_S = DAY_MS // 1000


async def entered(octet: Coordinator, who: str = OPERATOR.id) -> NewLogIn:
    return await octet.log_ins.enter(octet.log_ins.invite(who, by=OPERATOR), browser="Chromium")


async def of(octet: Coordinator, new: NewLogIn) -> Actor | None:
    return await octet.log_ins.actor(new.cookie, new.secret)


async def test_a_code_lets_one_browser_in_once_and_within_ten_minutes(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}, clock=clock) as octet:
        code = octet.log_ins.invite(OPERATOR.id, by=OPERATOR)
        assert octet.log_ins.invited(code).name == octet.log_ins.invited(code).name == "operator"
        await octet.log_ins.enter(code, browser="Chromium")
        late = octet.log_ins.invite(OPERATOR.id, by=OPERATOR)
        clock.advance(log_ins.CODE_S + 1)
        for refused in (code, late, "", "\ud800"):
            with refuses("link_expired"):
                await octet.log_ins.enter(refused, browser="Chromium")


async def test_a_new_code_ends_the_oldest_of_too_many(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        codes = [octet.log_ins.invite(OPERATOR.id, by=OPERATOR) for _ in range(log_ins.MOST_CODES + 1)]
        with refuses("link_expired"):
            octet.log_ins.invited(codes[0])
        assert octet.log_ins.invited(codes[1]) is OPERATOR


async def test_only_both_secrets_together_count_also_after_a_restart(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        new, other = await entered(octet), await entered(octet)
        entries = await entries_of(octet.journal, "person:operator")
    assert [one.name for one in entries] == ["LoggedIn", "LoggedIn"]
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        assert await of(octet, new) is OPERATOR
        for cookie, secret in (
            (new.cookie, ""),
            ("", new.secret),
            (new.cookie, other.secret),
            (new.secret, new.cookie),
        ):
            assert await octet.log_ins.actor(cookie, secret) is None
    stored = (tmp_path / "octet.db").read_bytes()
    assert new.log_in.id.encode() in stored, "the test reads what Octet writes"
    assert new.cookie.encode() not in stored
    assert new.secret.encode() not in stored


async def test_a_log_in_ends_after_a_week_without_use_and_after_thirty_days(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}, clock=clock) as octet:
        idle, used = await entered(octet), await entered(octet)
        for _ in range(4):
            clock.advance(6 * DAY_S)
            assert await of(octet, used) is OPERATOR
        assert await of(octet, idle) is None
        clock.advance(LOG_IN_LASTS_MS // 1000 - 24 * DAY_S)
        assert await of(octet, used) is None


async def test_a_role_that_changes_counts_at_once(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        vic = HolderId(VIEWER.id)
        with refuses("log_in_without_role"):
            octet.log_ins.invite(vic, by=OPERATOR)
        await octet.people.bind(vic, Role.ADMIN, channel="7", by=OPERATOR)
        with refuses("log_in_without_role"):  # a role of one channel is none on the page
            octet.log_ins.invite(vic, by=OPERATOR)
        await octet.people.bind(vic, Role.VIEWER, by=OPERATOR)
        new = await entered(octet, vic)
        before = await of(octet, new)
        await octet.people.bind(vic, Role.OPERATOR, by=OPERATOR)
        after = await of(octet, new)
        assert before
        assert after
        assert Permission.TASK_END not in before.permissions
        assert Permission.TASK_END in after.permissions


async def test_users_log_in_themselves_and_end_their_own_log_ins_only(tmp_path: Path) -> None:
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}) as octet:
        await octet.people.bind(HolderId(VIEWER.id), Role.VIEWER, by=OPERATOR)
        own, others = await entered(octet, VIEWER.id), await entered(octet)
        octet.log_ins.invite(VIEWER.id, by=VIEWER)
        for who in (OPERATOR.id, ADA.id):
            with refuses("not_allowed"):
                octet.log_ins.invite(who, by=VIEWER)
        assert [one.id for one in await octet.log_ins.list(by=VIEWER)] == [own.log_in.id]
        with refuses("log_in_not_found"):
            await octet.log_ins.end(others.log_in.id, by=VIEWER)
        await octet.log_ins.end(own.log_in.id, by=VIEWER)
        assert await of(octet, own) is None
        assert await of(octet, others) is OPERATOR


async def test_what_was_used_or_ended_is_so_after_a_restart(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}, clock=clock) as octet:
        used, ended, idle = await entered(octet), await entered(octet), await entered(octet)
        clock.advance(5 * DAY_S)
        assert await of(octet, used) is await of(octet, ended) is OPERATOR
        await octet.log_ins.end(ended.log_in.id, by=OPERATOR)
        clock.advance(5 * DAY_S)
        fresh = await entered(octet)
        assert idle.log_in.id not in {row.id for row in await octet.store.fetch(_store.LOG_INS)}, "it is forgotten"
    async with open_coordinator(tmp_path, agents=[make_agent()], lanes={}, clock=clock) as octet:
        found = [await of(octet, one) for one in (used, fresh, ended, idle)]
    assert found == [OPERATOR, OPERATOR, None, None]
