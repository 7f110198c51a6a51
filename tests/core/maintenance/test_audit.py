"""The journal for admins: verified, shown, and its head posted once a day."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from core.coordinator import Coordinator
from core.kit.clock import SteadyClock
from core.maintenance.service import Audit
from core.notices.model import DISCORD, JournalHead, NoticeKind
from core.security.model import OPERATOR, HolderId, NotAllowed, Role
from tests.builders import make_agent, make_person, open_coordinator, refuses
from tests.fakes.clock import FakeClock


@asynccontextmanager
async def at_work(home: Path, clock: FakeClock) -> AsyncGenerator[tuple[Coordinator, Audit]]:
    async with open_coordinator(home, agents=[make_agent()], lanes={}, clock=clock) as octet:
        yield octet, Audit(octet.store, octet.journal, octet.notices, SteadyClock(clock), admin_channel="7")


async def posted(octet: Coordinator) -> list[str]:
    return [one.subject for one in await octet.notices.on(DISCORD).due(100) if one.kind is NoticeKind.JOURNAL]


async def test_the_head_is_posted_once_a_day_also_over_a_restart(tmp_path: Path) -> None:
    clock = FakeClock(now_ms=1_700_000_000_000)  # 2023-11-14, 22:13 UTC
    async with at_work(tmp_path, clock) as (octet, audit):
        await audit.post()
        assert await posted(octet) == [], "an empty journal has no head"
        await octet.people.bind(HolderId("discord:2"), Role.VIEWER, by=OPERATOR)
        await audit.post()
        await octet.people.bind(HolderId("discord:2"), Role.MEMBER, by=OPERATOR)
        await audit.post()
        (notice,) = await octet.notices.on(DISCORD).due(100)
        (first, *_) = await octet.journal.newest(2)
        assert (notice.subject, notice.place.channel) == ("2023-11-14", "7")
        assert notice.detail == JournalHead(row=1, hash=first.hash)
    async with at_work(tmp_path, clock) as (octet, audit):
        await audit.post()
        assert await posted(octet) == ["2023-11-14"]
        clock.advance(2 * 3600)
        await audit.post()
        assert await posted(octet) == ["2023-11-14", "2023-11-15"]


async def test_the_report_has_the_newest_rows_and_says_whether_the_head_is_posted(tmp_path: Path) -> None:
    async with at_work(tmp_path, FakeClock()) as (octet, audit):
        for number in range(12):
            await octet.people.bind(HolderId(f"discord:{number}"), Role.VIEWER, by=OPERATOR)
        report = await audit.show(by=make_person(4, "Dora", Role.ADMIN))
        assert (report.rows, report.is_posted) == (12, True)
        assert [one.seq for one in report.entries] == list(range(3, 13))
        assert (12, report.head) == await octet.store.write(octet.journal.last)
        assert not (await octet.audit.show(by=OPERATOR)).is_posted
        with pytest.raises(NotAllowed):
            await audit.show(by=make_person(4, "Otto", Role.OPERATOR))


async def test_a_changed_row_is_reported_and_not_shown_as_complete(tmp_path: Path) -> None:
    async with at_work(tmp_path, FakeClock()) as (octet, audit):
        await octet.people.bind(HolderId("discord:2"), Role.VIEWER, by=OPERATOR)
        await octet.store.write(
            lambda tx: tx.execute(text("UPDATE journal SET actor = 'discord:9' WHERE seq = 1")) and None
        )
        with refuses("chain_broken"):
            await audit.show(by=OPERATOR)
