"""An agent in a container that shares only the host's network: it sees no home, no run.json, no process of Octet."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from pathlib import Path

from core.tasks.model import TaskState
from tests.house import open_house

ROOT = Path(__file__).parents[2]
CONTAINER = ("unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--mount-proc", "--propagation", "private")


async def in_container(hidden: Path, *words: str, **environ: str) -> tuple[int, str]:
    """Run `octet` where an empty disk covers `hidden` and only its own processes are in /proc."""
    run = f"mount -t tmpfs none {shlex.quote(str(hidden))} && exec {shlex.join([sys.executable, '-m', 'bot', *words])}"
    child = await asyncio.create_subprocess_exec(
        *CONTAINER,
        *("sh", "-c", run),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(hidden), **environ},
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        _, err = await child.communicate(b"all done")
    return int(child.returncode or 0), err.decode()


async def test_an_agent_in_a_container_that_shares_the_hosts_network_answers_by_its_environment(tmp_path: Path) -> None:
    async with open_house(tmp_path / "home") as house, house.served({"HOME": str(tmp_path / "person")}) as run:
        task, code = await house.working()
        key = house.core.reply_keys.key(str((await house.task(task)).agent))
        command = ("done", task, "--code", code, "--wait", "0")
        ended, said = await in_container(tmp_path, *command)
        assert (ended, "No Octet on this machine knows the code" in said) == (75, True), said
        environ = {"OCTET_URL": f"http://{run.address}:{run.port}", "OCTET_AGENT_TOKEN": key}
        assert await in_container(tmp_path, *command, **environ) == (0, "")
        assert [one.body for one in await house.answers(task)] == ["all done"]
        assert (await house.task(task)).state is TaskState.DONE
