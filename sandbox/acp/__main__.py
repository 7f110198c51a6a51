"""`python -m sandbox.acp`: one scripted agent on standard input and output, until its input ends.

Lines `demo: WORD` of a prompt say what happens in its turn (`agent`), `--faults` or the variable ACP_FAULTS what is
wrong with the program (`faults`): `ACP_FAULTS="start=3 forgets" python -m sandbox.acp`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path
from typing import cast

from acp import Agent, run_agent

from sandbox.acp.agent import ScriptedAcpAgent
from sandbox.acp.faults import ProgramFaults
from sandbox.acp.history import History


async def run(agent: ScriptedAcpAgent, faults: ProgramFaults) -> None:
    await run_agent(cast("Agent", agent), use_unstable_protocol=True)
    if faults.outlives:
        await asyncio.sleep(faults.outlives)
        agent.write_late()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.acp", description="A scripted agent that speaks ACP.")
    parser.add_argument("--name", default="agent", help="how it signs its answers")
    parser.add_argument("--history", type=Path, default=Path("acp"), help="the folder of its conversations")
    parser.add_argument("--faults", default="", help="what is wrong with it, as in ACP_FAULTS")
    given = parser.parse_args()
    faults = ProgramFaults.read(f"{os.environ.get('ACP_FAULTS', '')} {given.faults}")
    asyncio.run(run(ScriptedAcpAgent(given.name, History(given.history), faults), faults))


if __name__ == "__main__":
    main()
