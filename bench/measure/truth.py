"""Holds what a database and its journal say against what the windows really heard: the invariants I1 to I7."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from bench.measure.town import Town

_DONE_LINE = re.compile(r"When finished: +\S.* done (T-\d+) --code ")
_OWN_LINES = ("When finished:", "While you work:", "To share the work:", "If stuck:", "No shell?")
_OPEN_DELIVERY = "('queued', 'leased', 'staging', 'staged', 'submitting', 'unknown')"
_ENDED_TASK = "('done', 'cancelled', 'failed', 'expired')"
_STILL_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthRow:
    """A delivery as its row has it at the end."""

    id: str
    task: str
    window: str
    state: str
    sha256: str
    assurance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardPrompt:
    """One prompt that a window heard."""

    window: str
    text: str

    @property
    def task(self) -> str:
        """The task its last line names; empty when it has no such line."""
        found = _DONE_LINE.findall(self.text)
        return str(found[-1]) if found else ""

    @property
    def body(self) -> str:
        """Without the first line and the last ones, which are Octet's."""
        lines = self.text.partition("\n")[2].split("\n")
        while lines and lines[-1].startswith(_OWN_LINES):
            lines.pop()
        return "\n".join(lines)

    @property
    def sha256(self) -> str:
        """As a delivery's row has it."""
        return hashlib.sha256(self.text.encode()).hexdigest()


async def violations(town: Town, *, is_drained: bool = True, is_audited: bool = True) -> list[str]:
    """Everything that should not be, each with the invariant it breaks. Octet may run, but is idle or stopped. With
    `is_audited` False the journal's chain is not verified."""
    rows = [
        TruthRow(id=id_, task=task or "", window=window or "", state=state, sha256=sha256, assurance=assurance or "")
        for id_, task, window, state, sha256, assurance in town.lives.rows(
            "select id, task, window, state, sha256, assurance from deliveries order by created_ms, id"
        )
    ]
    heard = [HeardPrompt(window=window, text=text) for window, texts in (await town.heard()).items() for text in texts]
    found = [*_accepted(town), *_windows(rows, heard), *_once(heard), *_letters(town, rows, heard)]
    found += [*_claims(rows, heard), *_denials(town, rows, heard), *_order(town, heard)]
    found += _silent_waits(town)
    if is_drained:
        found += [*_drained(town), *await _left_for_good(town), *await _devices(town)]
    return found + (await _chain(town) if is_audited else [])


def _accepted(town: Town) -> list[str]:
    """I1: all that was acknowledged exists, as it was asked for, and once."""
    there = {f"T-{number}": text for number, text in town.lives.rows("select number, brief from tasks")}
    lost = [f"I1 {task} was acknowledged and is not there" for task in town.briefs.keys() - there.keys()]
    changed = [f"I1 {task} has another brief" for task, text in town.briefs.items() if there.get(task, text) != text]
    briefs = Counter(there.values())
    twice = [f"I1 asked for once, there {count} times: {text[:40]!r}" for text, count in briefs.items() if count > 1]
    return [*lost, *changed, *twice, *(f"I1 one key, two tasks: {line}" for line in town.doubled_keys)]


def _windows(rows: list[TruthRow], heard: list[HeardPrompt]) -> list[str]:
    """I2: every prompt stands in a window to which a delivery of its task was directed."""
    directed = {(row.task, row.window) for row in rows}
    return [
        f"I2 {one.window} heard a prompt of {one.task or 'nobody'}: {one.text[:40]!r}"
        for one in heard
        if (one.task, one.window) not in directed
    ]


def _once(heard: list[HeardPrompt]) -> list[str]:
    """I3: no prompt was submitted twice, in whichever windows."""
    counted = Counter(one.text for one in heard)
    return [f"I3 heard {count} times: {text[:60]!r}" for text, count in counted.items() if count > 1]


def _letters(town: Town, rows: list[TruthRow], heard: list[HeardPrompt]) -> list[str]:
    """I4: what was heard is what the journal says was asked, and holds what the person asked, letter for letter."""
    asked = {(row.task, row.sha256) for row in rows}
    found = [
        f"I4 {one.window} heard other letters for {one.task}" for one in heard if (one.task, one.sha256) not in asked
    ]
    return found + [
        f"I4 {one.task} was asked as {town.briefs[one.task][:40]!r} and brought as {one.body[:40]!r}"
        for one in heard
        if one.task in town.briefs and one.body != town.briefs[one.task]
    ]


def _claims(rows: list[TruthRow], heard: list[HeardPrompt]) -> list[str]:
    """I6: what is called delivered was heard in its window, and what was heard is called delivered."""
    there = {(one.window, one.sha256) for one in heard}
    found = [
        f"I6 {row.id} ({row.task}) is delivered ({row.assurance}), but {row.window} never heard it"
        for row in rows
        if row.state == "delivered" and (row.window, row.sha256) not in there
    ]
    claimed = {(row.window, row.sha256) for row in rows if row.state in {"delivered", "submitting", "unknown"}}
    return found + [
        f"I6 {one.window} heard {one.task}, but no row says so"
        for one in heard
        if (one.window, one.sha256) not in claimed
    ]


def _denials(town: Town, rows: list[TruthRow], heard: list[HeardPrompt]) -> list[str]:
    """I6: what went back to the queue from `submitting` had not arrived: brought again, it was heard once."""
    by_id = {row.id: row for row in rows}
    count = Counter((one.window, one.sha256) for one in heard)
    found: list[str] = []
    for (data,) in town.lives.rows("select data from journal where name = 'DeliveryMoved'"):
        moved = json.loads(data)
        row = by_id[moved["delivery"]]
        if (moved["was"], moved["now"]) == ("submitting", "queued") and count[row.window, row.sha256] > 1:
            found.append(f"I6 {row.id} was called not arrived, and had arrived")
    return found


def _order(town: Town, heard: list[HeardPrompt]) -> list[str]:
    """Each agent hears its tasks in the order in which they were given to it."""
    windows: dict[str, str] = dict(town.lives.rows("select distinct agent, window from deliveries"))
    given: dict[str, list[str]] = {}
    for (data,) in town.lives.rows("select data from journal where name = 'TaskMoved' order by seq"):
        moved = json.loads(data)
        if moved["now"] == "assigned":
            given.setdefault(windows.get(moved["agent"], ""), []).append(moved["task"])
    found: list[str] = []
    for window, tasks in given.items():
        listened = [one.task for one in heard if one.window == window]
        places = [len(tasks) - 1 - tasks[::-1].index(task) for task in listened if task in tasks]
        if places != sorted(places):
            found.append(f"order {window} heard {listened}, was given {tasks}")
    return found


def _drained(town: Town) -> list[str]:
    """I5, when faults have stopped and everything had its time: nothing is left open."""
    found = [
        f"I5 {task} is still {state} ({reason or 'no reason'}; {note})"
        for task, state, reason, note in town.lives.rows(
            f"select number, state, reason, note from tasks where state not in {_ENDED_TASK}"
        )
    ]
    return found + [
        f"I5 delivery {id_} of {task} is still {state} ({reason})"
        for id_, task, state, reason in town.lives.rows(
            f"select id, task, state, reason from deliveries where state in {_OPEN_DELIVERY}"
        )
    ]


def _silent_waits(town: Town) -> list[str]:
    """I5, at every moment of the run: what was held, or went back, said why."""
    found: list[str] = []
    for name, data in town.lives.rows("select name, data from journal where name in ('TaskMoved', 'DeliveryMoved')"):
        moved = json.loads(data)
        is_held = name == "TaskMoved" and moved["now"] in {"waiting", "parked"}
        came_back = name == "DeliveryMoved" and moved["now"] == "queued" and moved["was"] not in {"", "unknown"}
        if (is_held or came_back) and not moved["reason"]:
            found.append(f"I5 {moved['task']} went from {moved['was']} to {moved['now']} without a reason")
    return found


async def _left_for_good(town: Town) -> list[str]:
    """Look again at a window that still draws what was said last."""
    end, found = time.monotonic() + _STILL_S, ["not looked"]
    while found and time.monotonic() < end:
        found = await left_behind(town)
    return found


async def left_behind(town: Town) -> list[str]:
    """I2, of what was not submitted: no window holds letters, or is otherwise not as an agent leaves it."""
    desks = await town.lives.ask("GET", "/desks")
    if desks is None:
        return ["Octet is not there to look"]
    windows = [window for desk in desks for window in desk["windows"]]
    return [f"I2 {window['name']} was left {window['reason']}" for window in windows if not window["usable"]]


async def _devices(town: Town) -> list[str]:
    """I7: keys, buttons and clipboards are as if nobody had been there."""
    seen: dict[str, Any] = json.loads(await _told(town, "bench.measure.devices"))
    return [f"I7 {name}: {value}" for name, value in seen.items() if value]


async def _chain(town: Town) -> list[str]:
    """Check that the journal's chain verifies."""
    said = await _told(town, "bot", "audit", "verify", "--home", str(town.lives.home), wanted=False)
    return [f"chain {said.strip()[-200:]}"] if said else []


async def _told(town: Town, *words: str, wanted: bool = True) -> str:
    """Return what a program prints; with `wanted` False only what it prints when it fails."""
    environ = {**town.lives.environ, **town.desktop.environment}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *words),
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    if wanted:
        assert process.returncode == 0, out.decode()
        return out.decode()
    return "" if process.returncode == 0 else out.decode() or "it failed"
