"""Proof of done over a real repository and real confined commands: what agents claim, and what Octet then sees."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.agents.model import Lane
from core.coordinator import Coordinator
from core.kit.errors import Conflict
from core.kit.supervise import supervise
from core.proofs.model import CheckFault, CheckRun, CheckState, ControlResult
from core.reasons import ParkCause, WaitReason
from core.settings.projects import Check, CommandCheck, DiffCheck, FilesCheck, GitCheck, PersonCheck, Project, WorkMode
from core.tasks.model import ProofOfDone, TaskId, TaskState
from tests.builders import ADA, make_agent, make_new_task, open_coordinator
from tests.core.dispatch.test_loop import code_in, reach, until
from tests.fakes.lane import FakeLane

FIRST = TaskId("T-1")
TESTS = CommandCheck(kind="command", command=("python3", "-B", "test_sum.py"), protects=("test_*.py",), time_s=60.0)
BUG = "def add(a, b):\n    return a - b\n"
RIGHT = "def add(a, b):\n    return a + b\n"
TEST = "from total import add\nassert add(2, 2) == 4, 'add is wrong'\n"


def git(folder: Path, *args: str) -> str:
    author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    done = subprocess.run(["git", *author, *args], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def make_repository(folder: Path) -> Path:
    folder.mkdir()
    (folder / "total.py").write_text(BUG)
    (folder / "test_sum.py").write_text(TEST)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "Begin")
    return folder


@asynccontextmanager
async def shop(
    tmp_path: Path, lane: FakeLane, checks: Mapping[str, Check], *, mode: WorkMode | None = None
) -> AsyncGenerator[Coordinator]:
    """Open a coordinator with one project and one agent that speaks ACP, dispatch and checks at work."""
    repository = tmp_path / "shop"
    if not repository.exists():
        make_repository(repository)
    agent = replace(make_agent("Agent-1", lane=Lane.ACP), projects=frozenset({"shop"}))
    async with (
        open_coordinator(
            tmp_path / "home",
            agents=[agent],
            lanes={agent.route: lane},
            projects={"shop": Project(repository=str(repository), checks=tuple(checks), mode=mode)},
            checks=checks,
        ) as octet,
        asyncio.TaskGroup() as group,
    ):
        work = [supervise(group, "dispatch", octet.dispatch.run()), supervise(group, "checks", octet.proofs.run())]
        octet.dispatch.wake()
        yield octet
        for one in work:
            one.cancel()


async def begin(octet: Coordinator, lane: FakeLane, **fields: object) -> Path:
    """Give the agent a task of the project; return its folder."""
    await octet.tasks.new(make_new_task("Repair add", project="shop", **fields), by=ADA)
    await reach(octet, FIRST, TaskState.WORKING)
    return Path((await octet.workspaces.newest(FIRST)).folder)


async def say_done(octet: Coordinator, lane: FakeLane, key: str = "a") -> None:
    await octet.tasks.accept_answer("T-1", code_in(lane.submitted[0]), f"All tests pass. ({key})", final=True, key=key)


async def runs(octet: Coordinator) -> list[CheckRun]:
    return list(await octet.proofs.list_for_task(FIRST, by=ADA))


async def test_a_lie_goes_back_to_its_agent_and_the_repaired_work_is_proven(tmp_path: Path) -> None:
    lane = FakeLane()
    async with shop(tmp_path, lane, {"tests": TESTS}) as octet:
        folder = await begin(octet, lane)
        assert f"folder {folder}, on its branch octet/T-1" in lane.submitted[0]
        assert lane.orders[0].folder == str(folder)
        await say_done(octet, lane)
        await failed(octet, 1)
        await until(lambda: arrived(lane, 2), octet)
        assert "add is wrong" in lane.submitted[1], "the agent reads the check's output"
        (folder / "total.py").write_text(RIGHT)
        await say_done(octet, lane, "b")
        done = await reach(octet, FIRST, TaskState.DONE)
        assert done.proof is ProofOfDone.PROVEN
        first, second = await runs(octet)
        assert (first.state, first.exit_code, first.round) == (CheckState.FAILED, 1, 1)
        assert (second.state, second.exit_code, second.round) == (CheckState.PASSED, 0, 2)
        assert second.control is ControlResult.FAILED, "it failed before the work, so that passing shows something"
        diff = await octet.proofs.diff(FIRST, by=ADA)
        assert [(one.path, one.added, one.deleted) for one in diff.files] == [("total.py", 1, 1)]


async def test_work_that_changes_what_decides_a_check_fails_it_unrun(tmp_path: Path) -> None:
    lane = FakeLane()
    async with shop(tmp_path, lane, {"tests": TESTS}) as octet:
        folder = await begin(octet, lane)
        (folder / "test_sum.py").write_text("print('all tests pass')\n")
        await say_done(octet, lane)
        await failed(octet, 1)
        (run,) = await runs(octet)
        assert (run.state, run.fault, run.note) == (CheckState.FAILED, CheckFault.PROTECTED, "test_sum.py")
        assert run.exit_code is None


async def test_after_its_repairs_a_task_is_parked_and_a_user_accepts_it_on_the_record(tmp_path: Path) -> None:
    lane = FakeLane()
    async with shop(tmp_path, lane, {"tests": TESTS}) as octet:
        await begin(octet, lane)
        for number in (1, 2, 3):
            await say_done(octet, lane, f"k{number}")
            await failed(octet, number)
        parked = await reach(octet, FIRST, TaskState.PARKED, ParkCause.CHECKS_FAILED)
        assert parked.note == "tests"
        accepted = await octet.proofs.accept(FIRST, by=ADA)
        assert (accepted.state, accepted.proof) == (TaskState.DONE, ProofOfDone.ACCEPTED)
        assert all(one.state is CheckState.FAILED for one in await runs(octet)), "accepting makes no evidence"


async def test_a_person_decides_last_and_a_rejection_goes_back_with_its_reason(tmp_path: Path) -> None:
    lane = FakeLane()
    ask = PersonCheck(kind="person", question="Does it look right?")
    async with shop(tmp_path, lane, {"exists": FilesCheck(kind="files", exists=("*.py",)), "look": ask}) as octet:
        await begin(octet, lane)
        await say_done(octet, lane)
        parked = await reach(octet, FIRST, TaskState.PARKED, ParkCause.CHECK_ASKS)
        assert parked.note == "Does it look right?"
        await octet.proofs.reject(FIRST, "Say why it was wrong.", by=ADA)
        await reach(octet, FIRST, TaskState.WORKING)
        await octet.tasks.accept_answer("T-1", code_in(lane.submitted[-1]), "Because.", final=True, key="z")
        await reach(octet, FIRST, TaskState.PARKED, ParkCause.CHECK_ASKS)
        done = await octet.proofs.accept(FIRST, by=ADA)
        assert (done.state, done.proof) == (TaskState.DONE, ProofOfDone.PROVEN)
        assert [one.fault for one in await runs(octet) if one.name == "look"] == [CheckFault.REJECTED, None]


async def test_a_task_without_checks_ends_by_its_agents_claim(tmp_path: Path) -> None:
    lane = FakeLane()
    async with shop(tmp_path, lane, {}) as octet:
        await begin(octet, lane)
        await say_done(octet, lane)
        done = await reach(octet, FIRST, TaskState.DONE)
        assert done.proof is None


async def test_a_check_that_cannot_be_confined_waits_for_a_user_and_is_never_run_bare(tmp_path: Path) -> None:
    lane = FakeLane()
    async with shop(tmp_path, lane, {"tests": TESTS}) as octet:
        octet.proofs._sandbox.why_not = no_namespaces
        folder = await begin(octet, lane)
        (folder / "total.py").write_text(RIGHT)
        await say_done(octet, lane)
        parked = await reach(octet, FIRST, TaskState.PARKED, ParkCause.CHECKS_REFUSED)
        assert parked.note == "tests: no namespaces here"
        (run,) = await runs(octet)
        assert (run.state, run.fault, run.exit_code) == (CheckState.REFUSED, CheckFault.NO_SANDBOX, None)


async def test_a_merge_takes_the_checked_commit_and_leaves_the_owners_files(tmp_path: Path) -> None:
    lane = FakeLane()
    async with shop(tmp_path, lane, {"tests": TESTS}) as octet:
        folder = await begin(octet, lane)
        with pytest.raises(Conflict):
            await octet.proofs.merge(FIRST, squash=False, by=ADA)
        (folder / "total.py").write_text(RIGHT)
        await say_done(octet, lane)
        await reach(octet, FIRST, TaskState.DONE)
        (folder / "total.py").write_text("import os\n")  # after the check
        with pytest.raises(Conflict):
            await octet.proofs.merge(FIRST, squash=False, by=ADA)  # main is checked out at its owner's
        git(tmp_path / "shop", "checkout", "-qb", "other")
        await octet.proofs.merge(FIRST, squash=True, by=ADA)
        assert git(tmp_path / "shop", "show", "main:total.py") == RIGHT.strip()
        assert (tmp_path / "shop" / "total.py").read_text() == BUG


async def test_an_agents_own_folder_keeps_what_others_left_there(tmp_path: Path) -> None:
    lane = FakeLane()
    async with shop(tmp_path, lane, {}, mode=WorkMode.AGENT) as octet:
        folder = await begin(octet, lane)
        (folder / "total.py").write_text(RIGHT)
        await say_done(octet, lane)
        await reach(octet, FIRST, TaskState.DONE)
        (folder / "notes.txt").write_text("mine\n")
        await octet.tasks.new(make_new_task("The next one", project="shop"), by=ADA)
        second = TaskId("T-2")
        waits = await reach(octet, second, TaskState.WAITING, WaitReason.FOLDER)
        assert "total.py" in waits.note
        assert (folder / "notes.txt").read_text() == "mine\n"


async def test_runs_that_a_kill_interrupted_begin_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lane = FakeLane()
    async with shop(tmp_path, lane, {"tests": TESTS}) as octet:
        folder = await begin(octet, lane)
        (folder / "total.py").write_text(RIGHT)
        monkeypatch.setattr(octet.proofs, "_run_all", never)
        await say_done(octet, lane)
        await reach(octet, FIRST, TaskState.REVIEW)
        (run,) = await runs(octet)
        await octet.store.write(lambda tx: octet.proofs._step(tx, run=run, to=CheckState.RUNNING))
    monkeypatch.undo()
    async with shop(tmp_path, lane, {"tests": TESTS}) as octet:
        done = await reach(octet, FIRST, TaskState.DONE)
        assert done.proof is ProofOfDone.PROVEN


@pytest.mark.parametrize(
    ("check", "work", "fault"),
    [
        (DiffCheck(kind="diff", scope=("*.py",)), {"secret.txt": "x"}, CheckFault.OUT_OF_SCOPE),
        (DiffCheck(kind="diff", tests=("test_*.py",)), {"test_sum.py": None}, CheckFault.TESTS_REMOVED),
        (
            DiffCheck(kind="diff", tests=("test_*.py",)),
            {"test_sum.py": f"import pytest\npytest.skip('later')\n{TEST}"},
            CheckFault.TESTS_SKIPPED,
        ),
        (DiffCheck(kind="diff"), {"keys.py": f"KEY = 'AKIA{'Q' * 16}'\n"}, CheckFault.SECRET_FOUND),
        (DiffCheck(kind="diff", most_lines=3), {"big.py": "x = 1\n" * 9}, CheckFault.TOO_LARGE),
        (FilesCheck(kind="files", exists=("docs/*.md",)), {}, CheckFault.MISSING),
        (FilesCheck(kind="files", contains={"total.py": "a + b"}), {}, CheckFault.MISSING),
        (GitCheck(kind="git"), {"total.py": RIGHT}, CheckFault.NOT_CLEAN),
        (GitCheck(kind="git", clean=False), {"total.py": RIGHT}, CheckFault.FEW_COMMITS),
    ],
)
async def test_checks_that_look_say_what_speaks_against_the_work(
    tmp_path: Path, check: Check, work: Mapping[str, str | None], fault: CheckFault
) -> None:
    lane = FakeLane()
    async with shop(tmp_path, lane, {"look": check}) as octet:
        folder = await begin(octet, lane)
        for name, text in work.items():
            if text is None:
                (folder / name).unlink()
            else:
                (folder / name).write_text(text)
        await say_done(octet, lane)
        await failed(octet, 1)
        (run,) = await runs(octet)
        assert (run.state, run.fault) == (CheckState.FAILED, fault)
        assert "AKIA" not in run.note


async def arrived(lane: FakeLane, number: int) -> bool:
    return len(lane.submitted) >= number


async def failed(octet: Coordinator, number: int) -> None:
    """Return when so many runs have failed, and Octet has decided what follows."""

    async def there() -> bool:
        state = (await octet.tasks.show(FIRST, by=ADA)).task.state
        return (
            state is not TaskState.REVIEW
            and [one.state for one in await runs(octet)].count(CheckState.FAILED) >= number
        )

    await until(there, octet)


async def no_namespaces() -> str:
    return "no namespaces here"


async def never(*_: object) -> None:
    await asyncio.get_running_loop().create_future()
