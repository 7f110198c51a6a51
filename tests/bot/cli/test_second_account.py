"""A second account of the machine against a served home: what it can do with a code, and what with its agent's key.

Only root can start programs under another account, so `make test` runs these as root, and `make test-root` always.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.answer_spool import FOLDER
from bot.runfile import Run
from core.tasks.model import TaskId, TaskState
from tests import forked
from tests.house import House, open_house

ACCOUNT = 65_534
"""An account that owns nothing here; it need not exist."""


@dataclass
class Machine:
    """A served home whose folders everyone may enter, so that only the modes of its files keep others out."""

    house: House
    run: Run
    owner: Path
    theirs: Path
    """A folder of the other account's own."""

    async def octet(self, *words: str, text: str = "", **environ: str) -> tuple[int, str]:
        """Run `octet` as the other account, which knows where the owner's pointers lie; its exit code and errors."""
        known = {"HOME": str(self.owner), "TMPDIR": str(self.theirs), "PATH": os.environ["PATH"], **environ}
        child = await forked.start(words, environ=known, cwd=self.theirs, text=text.encode(), account=ACCOUNT)
        _, err = await child.communicate()
        return int(child.returncode or 0), err.decode()

    def environment(self, agent: str) -> dict[str, str]:
        """Return what `octet agent env` prints."""
        url = f"http://{self.run.address}:{self.run.port}"
        return {"OCTET_URL": url, "OCTET_AGENT_TOKEN": self.house.core.reply_keys.key(agent)}

    async def agent_of(self, task: TaskId) -> str:
        return str((await self.house.task(task)).agent)


@pytest.fixture
async def machine() -> AsyncGenerator[Machine]:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for folder in (place, place / "home", place / "owner", place / "theirs"):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
        os.chown(place / "theirs", ACCOUNT, ACCOUNT)
        environ = {"HOME": str(place / "owner")}
        async with open_house(place / "home") as house, house.served(environ) as run:
            for path in (place / "owner").rglob("*"):
                path.chmod(path.stat().st_mode | 0o055)  # worse than Octet leaves them
            yield Machine(house=house, run=run, owner=place / "owner", theirs=place / "theirs")


async def test_a_code_is_worthless_to_another_account_that_knows_where_everything_lies(machine: Machine) -> None:
    task, code = await machine.house.working()
    before = await machine.house.task(task)
    for verb in (("done", task, "--code", code), ("reply", task, "--code", code)):
        ended, said = await machine.octet(*verb, "--wait", "0", text="forged")
        assert (ended, "Octet does not answer" in said) == (75, True), said
    ended, said = await machine.octet("progress", task, "--code", code, "--wait", "0", "forged")
    assert ended == 75, said
    forged = {**machine.environment(""), "OCTET_AGENT_TOKEN": machine.environment("")["OCTET_AGENT_TOKEN"][:-1] + "x"}
    ended, said = await machine.octet("done", task, "--code", code, "--wait", "0", text="forged", **forged)
    assert (ended, "does not know your reply key" in said) == (75, True), said
    assert await machine.house.task(task) == before
    assert await machine.house.answers(task) == []
    assert not (machine.house.home / FOLDER).exists()


async def test_another_account_reads_no_secret_of_the_home(machine: Machine) -> None:
    task, code = await machine.house.working()
    secrets = [path for path in machine.house.home.iterdir() if path.name.startswith(("run.json", "codes.", "audit."))]
    assert len(secrets) >= 3
    for path in secrets:
        ended, said = await machine.octet("done", task, "--code", code, "--wait", "0", "--file", str(path))
        assert (ended, "Permission denied" in said) == (2, True), said


async def test_an_agent_under_another_account_answers_by_its_environment(machine: Machine) -> None:
    task, code = await machine.house.working()
    environ = machine.environment(await machine.agent_of(task))
    assert await machine.octet("progress", task, "--code", code, "half way", **environ) == (0, "")
    assert (await machine.house.task(task)).progress == "half way"
    assert await machine.octet("reply", task, "--code", code, text="a question", **environ) == (0, "")
    assert await machine.octet("done", task, "--code", code, text="all done", **environ) == (0, "")
    assert [one.body for one in await machine.house.answers(task)] == ["a question", "all done"]
    assert (await machine.house.task(task)).state is TaskState.DONE
    assert list(machine.theirs.iterdir()) == []


async def test_an_agents_own_key_does_not_answer_with_a_code_that_it_saw_in_a_process_list(machine: Machine) -> None:
    task, code = await machine.house.working()
    other = "Agent-2" if await machine.agent_of(task) == "Agent-1" else "Agent-1"
    before = await machine.house.task(task)
    ended, said = await machine.octet("done", task, "--code", code, text="forged", **machine.environment(other))
    assert (ended, f"does not belong to {other}" in said) == (1, True), said
    assert await machine.house.task(task) == before
    assert await machine.house.answers(task) == []


async def test_when_octet_is_silent_the_text_is_in_a_file_of_the_other_account(machine: Machine) -> None:
    task, code = await machine.house.working()
    environ = {**machine.environment("Agent-1"), "OCTET_URL": "http://127.0.7.4:9"}
    ended, said = await machine.octet("done", task, "--code", code, "--wait", "0", text="for later", **environ)
    assert ended == 75
    (kept,) = machine.theirs.iterdir()
    assert f"is in {kept}" in said
    about = kept.stat()
    assert (kept.read_text(), about.st_uid, stat.S_IMODE(about.st_mode)) == ("for later", ACCOUNT, 0o600)
