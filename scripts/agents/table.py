"""Writes docs/inside/agents-tested.md from the findings of `make test-agents`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
- *stop*: whether the request to the model ended after *Stop*. *limit*: what Octet showed of the agent after HTTP 429.
- *Octet killed*, *program killed*: `kill -9` at ten moments of a delivery: how often the model heard the prompt, and
  what Octet claimed. *unknown*: Octet asks a person.

`make test-agents NAME=codex LANE=panes CHECKS="texts stop"` runs a part. A run continues where the last one ended;
with `FRESH=1` it starts again.

"""
HEADINGS = ("program", "lane", "tried on", "texts", "approve, deny", "stop", "limit", "Octet killed", "program killed")


def write_table(found: Path) -> list[str]:
    """Write the page; return what must never happen and did."""
    rows = [f"| {' | '.join(HEADINGS)} |", "|---" * len(HEADINGS) + "|"]
    notes: list[str] = []
    wrong: list[str] = []
    for name, program in PROGRAMS.items():
        for lane in (ACP, PANES):
            got = {check: _read(found / f"{name}-{lane}-{check}.json") for check in _CELLS}
            dates = sorted({one["date"] for one in got.values() if one})
            cells = [
                cell(one) if one else "NOT RUN" for (_, cell), one in zip(_CELLS.items(), got.values(), strict=True)
            ]
            rows.append(
                " | ".join([f"| {program.title} {program.version}", lane, dates[-1] if dates else "–", *cells]) + " |"
            )
            for check, one in got.items():
                if one and one.get("notes"):
                    notes += [f"- {program.title}, {lane}, {check}: {note}" for note in one["notes"]]
                if one and (bad := _wrong(one)):
                    wrong.append(f"{program.title}, {lane}, {check}: {bad}")
    text = BEFORE + "\n".join(rows) + "\n"
    text += "\n## What was not as it should be\n\n" + "\n".join(notes or ["- nothing"]) + "\n"
    PAGE.write_text(text, encoding="utf-8")
    print("\n".join([*rows, *notes, *(f"WRONG: {one}" for one in wrong)]))
    return wrong


def _read(file: Path) -> dict[str, Any] | None:
    return json.loads(file.read_text()) if file.exists() else None


def _wrong(found: dict[str, Any]) -> str:
    """Name what must never happen: a text doubled or altered, a command that ran though no person allowed it."""
    bad = [word for word in found if word.startswith(("doubled", "altered")) or "never, delivered" in word]
    bad += [word for word in ("approve: ran unasked", "deny: ran unasked", "deny: ran") if found.get(word)]
    return ", ".join(bad)


def _texts(found: dict[str, Any]) -> str:
    counts = {word: count for word, count in found.items() if isinstance(count, int)}
    same = sum(count for word, count in counts.items() if word.startswith("same"))
    tabs = counts.get("tabs became blanks", 0)
    rest = len(TEXTS) - same - tabs
    parts = [f"{same} same"] + [f"{tabs} with blanks for tabs"] * bool(tabs) + [f"{rest} not brought"] * bool(rest)
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


def _crash(found: dict[str, Any]) -> str:
    counts = {word: count for word, count in found.items() if isinstance(count, int)}
    return ", ".join(f"{count} × {word}" for word, count in counts.items()) or "failed"


_CELLS = {
    "texts": _texts,
    "permission": _permission,
    "stop": _stop,
    "limit": _limit,
    "crash_octet": _crash,
    "crash_program": _crash,
}
