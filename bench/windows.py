"""Whether Octet's own tools connect windows for which nobody tuned it, and deliver into them without a fault.

A fresh desktop, a fresh home by `octet init`, then `octet calibrate` on a console with a user who answers its questions
(bench/measure/unfamiliar/person.py), then `octet run`. No file is edited. `person_s` is the time for which that user
sits there: the seconds that the command takes, and five for each question, to read it and to answer. Each window gets
twenty prompts of 30 to 20,000 characters. Its agent answers Octet three seconds after it heard one: too late to be the
proof that the prompt arrived. What a program received is the truth.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure.octet import environment
from bench.measure.report import Report, at_least, below
from bench.measure.unfamiliar.desktop import KINDS, UnfamiliarDesktop, desktop
from bench.measure.unfamiliar.person import Talk, talk
from bench.measure.unfamiliar.prompts import prompts
from bench.measure.unfamiliar.work import WorkResult, broken_variants, connected, violations, work
from core.reasons import Reason

N = int(os.environ.get("N", "20"))
"""Prompts for each window."""
WINDOWS = tuple(os.environ.get("WINDOWS", " ".join(KINDS)).split())
"""Only these; for looking closer."""
ROOT = Path(__file__).resolve().parents[1]
CANNOT_TAKE = frozenset({Reason.TEXT_REFUSED, Reason.TOO_LONG})
"""Reasons of refusals that are the program's, not Octet's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsBench:
    """One desktop, from fresh windows to the end."""

    talk: Talk
    kinds: dict[str, str]
    """The connected agents' windows."""
    outcome: WorkResult


async def run(folder: Path, kinds: Sequence[str], count: int) -> WindowsBench:
    """Connect windows of these kinds, and give each so many prompts."""
    home = folder / "home"
    home.mkdir()
    with desktop(folder, kinds) as opened:
        environ = environment(os.environ, home) | {"PYTHONPATH": str(ROOT)} | opened.session
        await asyncio.to_thread(_init, home, environ)
        argv = [sys.executable, "-m", "bot", "calibrate", "--home", str(home)]
        talked = await asyncio.to_thread(talk, argv, environ)
        found = connected(home)
        asked = {agent: prompts(count, seed=kind) for agent, kind in found.items()}
        outcome = await work(opened, home, environ, asked) if asked else WorkResult()
        _keep_picture(opened)
    return WindowsBench(talk=talked, kinds=found, outcome=outcome)


def _init(home: Path, environ: dict[str, str]) -> None:
    argv = [sys.executable, "-m", "bot", "init", "--home", str(home)]
    subprocess.run(argv, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)


def _keep_picture(opened: UnfamiliarDesktop) -> None:
    """Write what the desktop looks like at the end to the file that PICTURE names, if it does."""
    if file := os.environ.get("PICTURE"):
        Path(file).write_bytes(opened.picture())


def main() -> None:
    """Measure, say what was seen, and end with the line of figures."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as folder:
        one = asyncio.run(run(Path(folder), WINDOWS, N))
    outcome, harm = one.outcome, violations(one.outcome)
    print(one.talk.words)
    print(f"questions answered: {len(one.talk.answers)}; exit code {one.talk.code}")
    print(f"not connected: {', '.join(kind for kind in WINDOWS if kind not in one.kinds.values()) or 'none'}")
    print(f"delivered by: {dict(Counter((row.kind, row.assurance) for row in outcome.delivered))}")
    for row in outcome.refused:
        print(f"refused: {row.kind} {row.task}: {row.reason}")
    for line in (*outcome.blocked, *harm):
        print(line)
    refused = [row for row in outcome.refused if row.reason not in CANNOT_TAKE]
    print(f"refused because the program cannot take the text, not counted: {len(outcome.refused) - len(refused)}")
    variants = broken_variants(outcome) if outcome.delivered else {}
    seen = [name for name, variant in variants.items() if violations(variant)]
    report, count = Report(name="windows"), len(outcome.rows)
    report.add("connected", len(one.kinds), "windows", n=len(WINDOWS), target=at_least(len(WINDOWS)))
    report.add("person_s", one.talk.person_s, "s", n=1, target=below(180))
    report.add("deliveries", len(outcome.delivered), "", n=max(1, count), target=at_least(N * len(WINDOWS)))
    report.add("blocked", len(outcome.blocked), "windows", n=1, target=below(1))
    report.add("refused", len(refused), "", n=1, target=below(1))
    report.add("unknown", outcome.unknown, "", n=1, target=below(1))
    report.add("violations", len(harm), "", n=1, target=below(1))
    report.add("controls_failed", len(seen), "", n=1, target=at_least(5))
    print(report.line(n=count, seconds=time.perf_counter() - began))


if __name__ == "__main__":
    main()
