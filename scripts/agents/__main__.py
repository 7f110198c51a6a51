"""`make test-agents`: try each real program in both lanes, and write the table of docs/inside/agents-tested.md.

What was found is kept in .agents/found, so that a run that was ended goes on where it was; --fresh tries all again.
--name takes one program, --lane one lane, --checks some checks. What cannot be installed is NOT RUN.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import sys
from pathlib import Path

from scripts.agents.checks import CHECKS, Findings, warm_up
from scripts.agents.history import try_history
from scripts.agents.meeting import ACP, PANES, NeverCame, meet
from scripts.agents.programs import PLACE, PROGRAMS, NotInstalledError, install
from scripts.agents.table import write_table

FOUND = PLACE / "found"
CHECK_LIMIT_S = 1_800
HISTORY, HISTORY_LIMIT_S = "history", 7_200


def main() -> None:
    """Run what has no findings yet; exit 1 where something that must never happen did."""
    parser = argparse.ArgumentParser(prog="agents", description=__doc__)
    parser.add_argument("--name", choices=[*PROGRAMS], action="append", help="only this program")
    parser.add_argument("--lane", choices=(ACP, PANES), help="only this lane")
    parser.add_argument("--checks", default=" ".join((*CHECKS, HISTORY)), help="only these, separated by blanks")
    parser.add_argument("--fresh", action="store_true", help="try again what has findings already")
    given = parser.parse_args()
    for name in given.name or PROGRAMS:
        try:
            install(name)
        except NotInstalledError as why:
            print(f"NOT RUN: {name}: {why}")
            continue
        lanes = (ACP, PANES) if PROGRAMS[name].profile else (ACP,)
        for lane in set(lanes) & {given.lane} if given.lane else lanes:
            for check in given.checks.split():
                file = FOUND / f"{name}-{lane}-{check}.json"
                if (given.fresh or not file.exists()) and (lane, check) != (PANES, HISTORY):
                    _keep(file, asyncio.run(_try(name, lane, check)))
    sys.exit(bool(write_table(FOUND)))


async def _try(name: str, lane: str, check: str) -> Findings:
    """Run one check on an Octet and a program of its own."""
    print(f"{name}, {lane}: {check}", flush=True)
    try:
        if check == HISTORY:
            async with asyncio.timeout(HISTORY_LIMIT_S):
                return await try_history(name)
        async with asyncio.timeout(CHECK_LIMIT_S), meet(name, lane) as meeting:
            if not await meeting.is_usable():
                return {"failed": f"it was not usable: {meeting.seen()}"}
            if check != "texts":
                await warm_up(meeting)
            found = await CHECKS[check](meeting)
            print(f"  {json.dumps(found, ensure_ascii=False)}", flush=True)
            return found
    except (NeverCame, TimeoutError) as late:
        print(f"  FAILED: {late}", flush=True)
        return {"failed": str(late)}


def _keep(file: Path, found: Findings) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    today = datetime.datetime.now(datetime.UTC).date()
    file.write_text(json.dumps({"date": str(today), **found}, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
