"""Each stored time either follows a clock that is set or does not, and this table says why."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Integer, LargeBinary, Table, insert, select

from core.store.engine import Tx
from core.store.tables import metadata
from tests.builders import ADA, make_new_task
from tests.core.supervision.test_clock_steps import FIRST, HOUR_S, octet_at
from tests.fakes.clock import FakeClock

Both, Back, Stays = "both", "back", "stays"  # follows all steps; follows only a clock that is set back; follows none
HISTORY, SINCE = (Stays, "history that users read"), (Stays, "since when, for users")
TIMES: Mapping[str, tuple[str, str]] = {
    "account_limits.until_ms": (Stays, "a moment that the provider named; a longest limit bounds it"),
    "agents.forgiven_ms": (Stays, "compared with the ends of attempts only"),
    "agents.since_ms": SINCE,
    "agents.until_ms": (Stays, "a moment that the provider named; a longest limit bounds it"),
    "api_keys.expires_ms": (Back, "a right never lasts longer than its giver said"),
    "api_keys.revoked_ms": HISTORY,
    "api_keys.since_ms": SINCE,
    "api_keys.used_ms": HISTORY,
    "check_runs.began_ms": HISTORY,
    "check_runs.ended_ms": HISTORY,
    "workspaces.created_ms": HISTORY,
    "workspaces.removed_ms": HISTORY,
    "attempts.began_ms": HISTORY,
    "attempts.ended_ms": (Stays, "the record of an agent; its order is off for as long as the step"),
    "bindings.expires_ms": (Back, "a right never lasts longer than its giver said"),
    "bindings.since_ms": SINCE,
    "boards.since_ms": SINCE,
    "deliveries.bounced_since_ms": (Both, "how long a window may refuse"),
    "deliveries.changed_ms": HISTORY,
    "deliveries.created_ms": (Both, "how long a prompt waits; of an act only back, for it was meant for that moment"),
    "deliveries.not_before_ms": (Both, "a pause"),
    "desks.since_ms": SINCE,
    "inbox.acked_ms": HISTORY,
    "inbox.added_ms": (Both, "the limit between two agents counts those of the last minute"),
    "inbox.due_ms": (Both, "the sender gave a duration"),
    "inbox.read_ms": HISTORY,
    "inbox.shown_ms": (Back, "what an agent got last is what its message follows from; it becomes the present moment"),
    "journal.at_ms": HISTORY,
    "locks.over_ms": HISTORY,
    "locks.since_ms": SINCE,
    "log_ins.ends_ms": (Back, "a right never lasts longer than its giver said"),
    "log_ins.since_ms": (Back, "a right never lasts longer than its giver said"),
    "mention_choices.since_ms": SINCE,
    "message_codes.expires_ms": (Both, "how long an answer is taken"),
    "messages.created_ms": HISTORY,
    "messages.expired_ms": HISTORY,
    "messages.expires_at_ms": (Both, "the sender gave a duration"),
    "messages.not_before_ms": (Both, "the sender gave a duration"),
    "notices.created_ms": HISTORY,
    "notice_posts.since_ms": (Back, "the outbox looks for its message from here on, and Discord's clock ran on"),
    "notice_posts.not_before_ms": (Both, "a pause"),
    "questions.due_ms": (Both, "the agent gave a duration"),
    "questions.since_ms": SINCE,
    "receipt_pictures.at_ms": (Stays, "kept for days"),
    "receipt_pictures.deleted_ms": HISTORY,
    "receipts.at_ms": (Stays, "kept for days"),
    "receipts.settled_ms": HISTORY,
    "standstills.since_ms": SINCE,
    "tasks.changed_ms": (Both, "of a task that was cancelled within the minute in which a user may undo that"),
    "tasks.created_ms": (Both, "of a goal whose agents may create subtasks for `goal_hours`"),
    "tasks.deadline_ms": (Both, "how long an agent may be silent"),
    "tasks.due_ms": (Stays, "a moment for users; it decides nothing"),
    "tasks.idle_ms": SINCE,
    "tasks.last_seen_ms": HISTORY,
    "tasks.not_before_ms": (Both, "where a user gave a duration"),
    "tasks.rank": (Both, "new tasks get their places by the clock"),
    "tasks.text_expired_ms": HISTORY,
    "traces.since_ms": SINCE,
}
PRESENT: Mapping[str, object] = {
    "agents.name": "Agent-2",
    "api_keys.scopes": "task.read",
    "bindings.role": "member",
    "deliveries.act": None,
    "deliveries.cuts": "[]",
    "deliveries.drafts": "[]",
    "deliveries.assurance": "",
    "deliveries.message": "unread",
    "deliveries.reason": "",
    "deliveries.task": None,
    "deliveries.state": "queued",
    "deliveries.timings": "{}",
    "inbox.agent": "Agent-1",
    "inbox.dropped": "",
    "inbox.read_ms": None,
    "inbox.sender": "agent:Agent-1",
    "inbox.seq": None,
    "messages.id": "unread",
    "inbox.message": "unread",
    "notices.kind": "card",
    "notice_posts.state": "pending",
    "questions.state": "open",
    "tasks.is_delay": 1,
    "tasks.parts": "delegated",
    "tasks.state": "waiting",
    "traces.stopped_by": "hub",
}
"""What a row has that waits for something; its times are within the minute, and it expires soon."""
AGO_MS = 10_000


def times(table: Table) -> list[Column[Any]]:
    return [one for one in table.columns if one.name.endswith("_ms") or one.name == "rank"]


def present(table: Table, now_ms: int) -> dict[str, object]:
    row = dict[str, object]()
    for one in table.columns:
        if (known := f"{table.name}.{one.name}") in PRESENT:
            row[one.name] = PRESENT[known]
        elif one in set(times(table)):
            row[one.name] = now_ms + (AGO_MS if one.name.startswith("expires") else -AGO_MS)
        else:
            row[one.name] = {Integer: 77, Boolean: True, LargeBinary: b"x"}.get(type(one.type), "x")
    return row


def test_the_table_names_each_stored_time() -> None:
    found = {f"{table.name}.{one.name}" for table in metadata.sorted_tables for one in times(table)}
    assert found == TIMES.keys()


@pytest.mark.parametrize("by_s", [-HOUR_S, HOUR_S])
async def test_exactly_these_times_follow(tmp_path: Path, by_s: int) -> None:
    clock = FakeClock()
    tables = [table for table in metadata.sorted_tables if times(table)]
    async with octet_at(tmp_path, clock) as octet:
        await octet.tasks.new(make_new_task(), by=ADA)
        await octet.tasks.cancel(FIRST, by=ADA)
        before = dict[str, dict[str, object]]()

        def fill(tx: Tx) -> None:
            for table in tables:
                if table.name != "journal":
                    before[table.name] = present(table, clock.now_ms())
                    tx.execute(insert(table).values(**before[table.name]))

        def follows(tx: Tx) -> dict[str, int]:
            found = {"tasks.changed_ms": octet.tasks.repository.find(tx, FIRST).changed_ms - first_ms}
            for table in tables:
                key = [one for one in table.primary_key.columns if table.name in before]
                if key:
                    row = tx.execute(select(table).where(*(one == before[table.name][one.name] for one in key))).one()
                    for one in times(table):
                        was, now = before[table.name][one.name], getattr(row, one.name)
                        if was != now:
                            found[f"{table.name}.{one.name}"] = now - was
            return {name: by_ms for name, by_ms in found.items() if by_ms}

        first_ms = (await octet.tasks.show(FIRST, by=ADA)).task.changed_ms
        await octet.store.write(fill)
        clock.set_wall(by_s)
        await octet.store.ping()
        moved = await octet.store.write(follows)
    which = {Both, Back} if by_s < 0 else {Both}
    assert moved.keys() == {name for name, (how, _) in TIMES.items() if how in which}
    present_ms = by_s * 1000 + AGO_MS  # what an agent got counts as got just now
    assert {by_ms for name, by_ms in moved.items() if name != "inbox.shown_ms"} == {by_s * 1000}
    assert moved.get("inbox.shown_ms", present_ms) == present_ms
