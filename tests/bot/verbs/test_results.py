"""The lines of results: of agents on closed desks, and of the journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.discord.text import FORM
from bot.verbs import results
from core.fleet.model import Board
from core.journal.model import JournalRow
from core.maintenance.model import AuditReport
from core.security.model import HUB
from tests.builders import ADA
from tests.core.dispatch.test_loop import FakeLane, until, window_house


def row(name: str, subject: str, actor: str, *, seq: int = 1) -> JournalRow:
    return JournalRow(seq=seq, at_ms=1_700_000_000_000, name=name, subject=subject, actor=actor, data={}, hash="a")


async def test_a_stopped_desk_is_one_line_of_the_board_with_all_its_agents(tmp_path: Path) -> None:
    async with window_house(tmp_path, FakeLane(), agents=3) as octet:
        await octet.desks.stop("main", by=ADA)

        async def board() -> Board:
            return await octet.fleet.board(by=ADA)

        async def all_pause() -> bool:
            return results.at_works(await board(), FORM) == []

        await until(all_pause, octet)
        [line] = [line for line in results.work(await board(), FORM) if "Desk" in line]
        assert line == f"⏸️ Desk **main** stopped by {FORM.named(ADA.id)} · Agent-1…3 pause"
        await octet.desks.release("main", by=ADA)

        async def all_idle() -> bool:
            return len(results.at_works(await board(), FORM)) == 3

        await until(all_idle, octet)


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["Agent-2", "Agent-3", "Agent-4", "Agent-8"], "Agent-2…4, Agent-8"),
        (["Left", "Right", "a1", "b2"], "Left, Right, a1, b2"),
        ([], ""),
    ],
)
def test_names_in_a_row_are_written_in_short(names: list[str], short: str) -> None:
    assert results.short_list(names) == short


def test_the_journal_says_who_did_what_and_equal_rows_once() -> None:
    tried = [row("WindowTried", "desk:main", "discord:7", seq=number) for number in range(8)]
    others = [row("TaskMoved", "task:T-1", HUB.id), row("RoleBound", "person:discord:9", "discord:7")]
    report = AuditReport(rows=10, entries=(*tried, *others), is_posted=False)
    lines, _ = results.LINES[AuditReport]
    assert lines(report, FORM)[2:] == [
        "<@7> tested 8 windows (main) · <t:1700000000:f>",
        "Task moved (T-1) · <t:1700000000:f>",
        "<@7> gave 1 role (<@9>) · <t:1700000000:f>",
    ]
