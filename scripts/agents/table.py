"""Writes docs/inside/agents-tested.md from the findings of `make test-agents`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.agents.history import HEARD, MISSING
from scripts.agents.meeting import ACP, PANES
from scripts.agents.programs import PROGRAMS, ROOT
from scripts.agents.texts import TEXTS

PAGE = ROOT / "docs/inside/agents-tested.md"
BEFORE = """\
# Programs that were tried

`make test-agents` runs Octet with the real programs of the command line, each in a fixed version from npm. Their
model is the scripted one of the sandbox, on loopback. It writes this page.

- *texts*: twenty awkward ones. *Same*: the model received what Octet rendered, compared by SHA-256.
- *approve, deny*: whether Octet showed the agent's question about a command, and the person's answer did what it says.
  Codex over ACP is in its mode `read-only`: in the others it asks no person.
- *stop*: whether the request to the model ended after *Stop*. *limit*: what Octet showed of the agent after HTTP 429.
- *Octet killed*, *program killed*: `kill -9` at ten moments of a delivery: how often the model heard the prompt, and
  what Octet claimed. *unknown*: Octet asks a person.
- *history*: up to a hundred kills between a prompt and its answer. *Missing*: the model had the prompt, and the
  program's history had not. Only where none is missing, Octet sends a prompt again that the history lacks after a crash
  (`writes_history_first`).

`make test-agents NAME=codex LANE=panes CHECKS="texts stop"` runs a part. A run continues where the last one ended;
with `FRESH=1` it starts again. What was not tried again keeps its cell.

"""


def write_table(found: Path) -> list[str]:
    """Write the page; return what must never happen and did. What has no findings here stays as the page has it."""
    headings = ("program", "lane", "tried on", *(heading for heading, _ in _CELLS.values()))
    before, notes_before = _read_page()
    rows = [f"| {' | '.join(headings)} |", "|---" * len(headings) + "|"]
    notes, wrong = list[str](), list[str]()
    for name, program in PROGRAMS.items():
        notes += [f"- {program.title}, {PANES}: NOT RUN: {program.no_panes}"] * bool(program.no_panes)
        for lane in (ACP, PANES) if program.profile else (ACP,):
            kept = before.get((f"{program.title} {program.version}", lane), {})
            cells, dates = list[str](), {kept.get("tried on", "–")} - {"–"}
            for check, (heading, cell) in _CELLS.items():
                about = f"- {program.title}, {lane}, {check}: "
                one = _read(found / f"{name}-{lane}-{check}.json")
                if one is None:
                    cells.append("–" if (lane, check) == (PANES, "history") else kept.get(heading, "NOT RUN"))
                    notes += [line for line in notes_before if line.startswith(about)]
                    continue
                cells.append(cell(one))
                dates.add(one["date"])
                notes += [f"{about}{note}" for note in one.get("notes", ())]
                if bad := _wrong(one):
                    wrong.append(f"{about}{bad}")
            row = (f"{program.title} {program.version}", lane, max(dates, default="–"), *cells)
            rows.append(f"| {' | '.join(row)} |")
    text = BEFORE + "\n".join(rows) + "\n"
    text += "\n## What was not as it should be\n\n" + "\n".join(notes or ["- nothing"]) + "\n"
    PAGE.write_text(text, encoding="utf-8")
    print("\n".join([*rows, *notes, *(f"WRONG: {one}" for one in wrong)]))
    return wrong


def _read_page() -> tuple[dict[tuple[str, str], dict[str, str]], list[str]]:
    """Return the page's cells by program and lane, each by its heading, and its notes."""
    lines = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.exists() else []
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    cells = {(row[0], row[1]): dict(zip(table[0], row, strict=False)) for row in table[2:]}
    return cells, [line for line in lines if line.startswith("- ") and ", " in line]


def _read(file: Path) -> dict[str, Any] | None:
    return json.loads(file.read_text()) if file.exists() else None


def _wrong(found: dict[str, Any]) -> str:
    """Name what must never happen: a text doubled or altered, a command that ran though no person allowed it."""
    bad = [word for word in found if word.startswith(("doubled", "altered")) or "never, delivered" in word]
    bad += [MISSING] * (found.get("is trusted", False) and MISSING in found)
    bad += [word for word in ("approve: ran unasked", "deny: ran unasked", "deny: ran") if found.get(word)]
    return ", ".join(bad)


def _texts(found: dict[str, Any]) -> str:
    counts = {word: count for word, count in found.items() if isinstance(count, int)}
    same = sum(count for word, count in counts.items() if word.startswith("same"))
    tabs, marks = counts.get("tabs became blanks", 0), counts.get("own mark escaped", 0)
    rest = len(TEXTS) - same - tabs - marks
    parts = [f"{same} same"] + [f"{tabs} with blanks for tabs"] * bool(tabs)
    parts += [f"{marks} with its own mark escaped"] * bool(marks) + [f"{rest} not brought"] * bool(rest)
    return "failed" if "failed" in found else ", ".join(parts)


def _permission(found: dict[str, Any]) -> str:
    def word(answer: str, *, expected: bool) -> str:
        if answer in found or f"{answer}: ran" not in found:
            return "no"
        return "yes" if found[f"{answer}: ran"] is expected else "wrong"

    shows = "" if found.get("approve: shows the command") else " (command not shown)"
    return f"{word('approve', expected=True)}, {word('deny', expected=False)}{shows}"


def _stop(found: dict[str, Any]) -> str:
    return f"{'yes' if found.get('the request ended') else 'no'}; next text {found.get('next text', 'not tried')[:30]}"


def _limit(found: dict[str, Any]) -> str:
    if "failed" in found:
        return "failed"
    return f"{found['agent']} {found['reason'] or ''}; next text {found['next text'][:30]}"


def _history(found: dict[str, Any]) -> str:
    if "failed" in found:
        return "failed"
    heard = {word: count for word, count in found.items() if word.startswith("heard")}
    hidden = sum(count for word, count in heard.items() if word not in {HEARD, MISSING})
    said = f"{found['kills']} kills, {sum(heard.values())} after the model had it: {heard.get(MISSING, 0)} missing"
    return said + (f", {hidden} not shown" if hidden else "")


def _crash(found: dict[str, Any]) -> str:
    counts = {word: count for word, count in found.items() if isinstance(count, int)}
    return ", ".join(f"{count} × {word}" for word, count in counts.items()) or "failed"


_CELLS: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "texts": ("texts", _texts),
    "permission": ("approve, deny", _permission),
    "stop": ("stop", _stop),
    "limit": ("limit", _limit),
    "crash_octet": ("Octet killed", _crash),
    "crash_program": ("program killed", _crash),
    "history": ("history", _history),
}
