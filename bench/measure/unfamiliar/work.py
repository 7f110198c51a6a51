"""Gives the agents of a desktop prompts through a real Octet, answers for them, and judges what became of each."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sqlite3
import time
import tomllib
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp

from bench.measure.octet import Octet, octet
from bench.measure.unfamiliar.desktop import KINDS, UnfamiliarDesktop
from tests.pace import patience

ANSWER_S = 3.0
"""An agent answers Octet so long after it heard a prompt: too late to be the proof that the prompt arrived."""
STILL_S = 40.0
"""When nothing has moved for so long, what is left is blocked."""
_DONE = re.compile(r" done (T-\d+) --code (\S+)")
_FILE = re.compile(r"^(/\S+)$", re.MULTILINE)
_ENDED = frozenset({"done", "cancelled", "failed", "expired"})


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRow:
    """What Octet says of one delivery."""

    id: str
    task: str
    kind: str
    """Of the window that it was for."""
    state: str
    assurance: str
    reason: str
    sha256: str
    text: str
    """What the user asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkResult:
    """What a run came to."""

    rows: tuple[WorkRow, ...] = ()
    heard: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """By kind, what its program really received."""
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    """By the prompts that name a file, what the file held when the agent heard them."""
    unknown: int = 0
    """How often Octet said that it does not know whether a prompt arrived, also where it learned it later."""
    blocked: tuple[str, ...] = ()
    """Kinds whose prompts did not come to an end, and why."""

    @property
    def delivered(self) -> list[WorkRow]:
        return [row for row in self.rows if row.state == "delivered"]

    @property
    def refused(self) -> list[WorkRow]:
        return [row for row in self.rows if row.state == "refused"]


def connected(home: Path) -> dict[str, str]:
    """Return the windows that the home's configuration names, by their agents, each with its kind."""
    kinds: dict[tuple[str, str], str] = {}
    for file in (home / "config/desks").glob("*.toml"):
        for window in tomllib.loads(file.read_text("utf-8")).get("windows", ()):
            for kind, of in KINDS.items():
                if re.search(window["title"], of.title):
                    kinds[file.stem, window["name"]] = kind
    agents = tomllib.loads((home / "config/agents.toml").read_text("utf-8")).get("agents", ())
    places = {agent["name"]: (agent.get("desk"), agent.get("window")) for agent in agents}
    return {name: kinds[place] for name, place in places.items() if place in kinds}


async def work(
    desktop: UnfamiliarDesktop, home: Path, environ: Mapping[str, str], asked: Mapping[str, Sequence[str]]
) -> WorkResult:
    """Run Octet, give each agent its prompts at once, and answer each one that its window heard; until all have ended,
    or nothing moves any more. `asked`: by agent."""
    kinds = connected(home)
    async with octet(home, environ) as running, aiohttp.ClientSession() as session:
        tasks: dict[str, tuple[str, str]] = {}
        for agent, texts in asked.items():
            for text in texts:
                made = await running.ask(session, "POST", "/api/v2/tasks", json={"brief": text, "agent": agent})
                tasks[made["id"]] = agent, text
        files = await _until_ended(desktop, home, running, session, len(tasks))
    return replace(_outcome(desktop, home, kinds, tasks), files=files)


async def _until_ended(
    desktop: UnfamiliarDesktop, home: Path, running: Octet, session: aiohttp.ClientSession, count: int
) -> dict[str, str]:
    """Answer until all tasks have ended, or nothing moves any more; return the files that prompts named."""
    files: dict[str, str] = {}
    seen, moved_at, answered = "", time.monotonic(), set[str]()
    due: list[tuple[float, str, str]] = []
    while time.monotonic() - moved_at < STILL_S:
        await asyncio.sleep(0.05)
        now = time.monotonic()
        for kind in desktop.windows:
            for text in desktop.heard(kind):
                if (found := _DONE.search(text)) and found[2] not in answered:
                    answered.add(found[2])
                    for file in map(Path, _FILE.findall(text)):
                        files[text] = file.read_text("utf-8")
                    due.append((now + ANSWER_S, found[1], found[2]))
        for one in [one for one in due if one[0] <= now]:
            due.remove(one)
            body = {"task": one[1], "code": one[2], "text": "It is done.", "final": True, "key": uuid.uuid4().hex}
            await running.ask(session, "POST", "/api/v2/replies", json=body)
        ended = _query(home, f"select count(*) from tasks where state in ({', '.join(map(repr, sorted(_ENDED)))})")
        if ended[0][0] >= count:
            break
        if (state := str(_query(home, "select max(seq) from journal where name like 'Delivery%'"))) != seen:
            seen, moved_at = state, now
    return files


def _outcome(
    desktop: UnfamiliarDesktop, home: Path, kinds: Mapping[str, str], tasks: Mapping[str, tuple[str, str]]
) -> WorkResult:
    rows = [
        WorkRow(
            **dict(zip(("id", "task", "state", "assurance", "reason", "sha256"), map(str, row), strict=True)),
            kind=kinds[tasks[row[1]][0]],
            text=tasks[row[1]][1],
        )
        for row in _query(
            home, "select id, task, state, coalesce(assurance, ''), coalesce(reason, ''), sha256 from deliveries"
        )
    ]
    moved = [json.loads(data) for (data,) in _query(home, "select data from journal where name = 'DeliveryMoved'")]
    refused = {row.task for row in rows if row.state == "refused"}
    blocked: dict[str, str] = {}
    for number, state, reason, note in _query(home, "select number, state, reason, coalesce(note, '') from tasks"):
        if state not in _ENDED and (task := f"T-{number}") not in refused:
            blocked.setdefault(kinds[tasks[task][0]], f"{task} is {state} ({reason}) {note}"[:200])
    return WorkResult(
        rows=tuple(rows),
        heard={kind: desktop.heard(kind) for kind in desktop.windows},
        unknown=sum(one["now"] == "unknown" for one in moved),
        blocked=tuple(f"{kind}: {why}" for kind, why in blocked.items()),
    )


def _query(home: Path, statement: str) -> list[tuple]:
    with closing(sqlite3.connect(f"file:{home / 'octet.db'}?mode=ro", uri=True, timeout=patience(60))) as database:
        return database.execute(statement).fetchall()


def violations(outcome: WorkResult) -> list[str]:
    """Everything that must never happen, held against what the programs really received."""
    found: list[str] = []
    rows = {row.task: row for row in outcome.rows}
    count = Counter(text for texts in outcome.heard.values() for text in texts)
    for kind, texts in outcome.heard.items():
        for text in texts:
            named = _DONE.search(text)
            row = rows.get(named[1]) if named else None
            if row is None:
                found.append(f"garbled: {kind} heard what no task asked: {text[:60]!r}")
                continue
            if row.kind != kind:
                found.append(f"wrong window: {kind} heard {row.task}, which was for {row.kind}")
            if _sha256(text) != row.sha256 or (row.text not in text and row.text not in outcome.files.get(text, "")):
                found.append(f"garbled: {kind} heard other letters for {row.task}")
            if row.state not in {"delivered", "unknown", "submitting"}:
                found.append(f"untrue: {row.task} is {row.state}, and {kind} heard it")
    found += [f"doubled: heard {times} times: {text[:60]!r}" for text, times in count.items() if times > 1]
    arrived = {(kind, _sha256(text)) for kind, texts in outcome.heard.items() for text in texts}
    return found + [
        f"untrue: {row.task} is delivered ({row.assurance}), and {row.kind} did not hear it"
        for row in outcome.delivered
        if (row.kind, row.sha256) not in arrived
    ]


def broken_variants(outcome: WorkResult) -> dict[str, WorkResult]:
    """Return what the run would have looked like if Octet had done harm: `violations` must see each of these."""
    first = outcome.delivered[0]
    others = [kind for kind in outcome.heard if kind != first.kind]
    [text] = [one for one in outcome.heard[first.kind] if f" done {first.task} " in one]

    def with_heard(**heard: list[str]) -> WorkResult:
        return replace(outcome, heard={**outcome.heard, **heard})

    without = [one for one in outcome.heard[first.kind] if one != text]
    return {
        "wrong window": with_heard(**{first.kind: without, others[0]: [*outcome.heard[others[0]], text]}),
        "doubled": with_heard(**{first.kind: [*outcome.heard[first.kind], text]}),
        "garbled": with_heard(**{first.kind: [*without, f"x{text}"]}),
        "untrue claim": with_heard(**{first.kind: without}),
        "untrue denial": replace(
            outcome,
            rows=tuple(replace(row, state="refused") if row is first else row for row in outcome.rows),
        ),
    }


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
