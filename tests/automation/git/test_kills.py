"""An Octet that is killed between two steps, or in one, leaves nothing half: the next call finishes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from automation.git.command import GitCommand
from automation.git.directories import remove_tree
from automation.git.gateway import Git
from tests.automation.git.conftest import World, commit, git, write

ROOT = Path(__file__).resolve().parents[3]
_MAKE = """
import asyncio, sys
from automation.git.gateway import Git
from core.settings.projects import Project
from core.workspaces.model import Repository
source, vault, folder, base = sys.argv[1:]
repository = Repository(name="apollo", project=Project(repository=source), source=source, vault=vault)
asyncio.run(Git().make_folder(repository, folder, commit=base, branch="octet/T-1"))
"""


class Killed(BaseException):
    """The end of Octet's process: no code of Octet's catches it."""


async def killed_at_each_step(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[Git], Awaitable[object]], check: Callable[[], Awaitable[object]]
) -> int:
    """End Octet before the first call of git, then before the second, and so on; check what is left, and repeat with
    a new Octet. Return how many calls there are."""
    run = GitCommand.run
    for step in range(100):
        calls = 0

        async def ending(self: GitCommand, *arguments: Any, last: int = step, **named: Any) -> object:
            nonlocal calls
            calls += 1
            if calls > last:
                raise Killed
            return await run(self, *arguments, **named)

        monkeypatch.setattr(GitCommand, "run", ending)
        try:
            await act(Git())
        except Killed:
            monkeypatch.setattr(GitCommand, "run", run)
            await check()
            continue
        finally:
            monkeypatch.setattr(GitCommand, "run", run)
        return step
    raise AssertionError("it never ended")


async def test_a_fetch_and_a_folder_are_whole_after_any_kill(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(octet: Git) -> None:
        base = await octet.fetch(world.repository)
        await octet.make_folder(world.repository, str(world.folder), commit=base, branch="octet/T-1")

    async def check() -> None:
        await act(Git())
        assert git(world.folder, "status", "--porcelain", "--branch") == "## octet/T-1"
        git(world.vault, "fsck", "--strict", "--connectivity-only")
        for made in (world.vault, world.folder):
            remove_tree(str(made))

    assert await killed_at_each_step(monkeypatch, act, check) > 5


async def test_a_merge_is_with_the_owner_or_not_after_any_kill(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    base = await world.begin()
    write(world.folder, {"a.txt": "mine\n"})
    head = await world.save(base)
    onto = commit(world.owner, {"lib/b.py": "x = 2\n"})
    git(world.owner, "checkout", "-q", "--detach")
    states: set[str] = set()

    async def act(octet: Git) -> None:
        newest = await octet.fetch(world.repository)
        merged = await octet.merge(world.repository, base=base, head=head, onto=newest, how="squash", subject="Merge")
        await octet.publish(world.repository, commit=merged.commit, branch="main", expected=newest)

    async def check() -> None:
        main = git(world.owner, "rev-parse", "main")
        states.add(main)
        assert main == onto or git(world.owner, "show", "main:a.txt") == "mine"
        assert int(git(world.owner, "rev-list", "--count", "main")) <= 3, "no repetition merges twice"
        git(world.owner, "fsck", "--strict")
        assert git(world.owner, "status", "--porcelain") == ""

    steps = await killed_at_each_step(monkeypatch, act, check)
    assert steps >= 8
    assert states == {onto}, "the last call is the one that moves the branch"
    assert git(world.owner, "show", "main:a.txt") == "mine"


async def test_a_branch_of_octets_stays_octets_after_any_kill(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = [await world.begin()]
    for text in ("first\n", "second\n"):
        write(world.folder, {"a.txt": text})
        commits.append(await world.save(commits[-1]))
    await world.octet.publish(world.repository, commit=commits[1], branch="octet/T-1")

    async def act(octet: Git) -> None:
        await octet.publish(world.repository, commit=commits[2], branch="octet/T-1")

    async def check() -> None:
        assert git(world.owner, "rev-parse", "octet/T-1") == commits[1]

    assert await killed_at_each_step(monkeypatch, act, check) > 3
    assert git(world.owner, "rev-parse", "octet/T-1") == commits[2]


async def test_a_folder_whose_making_was_killed_in_the_middle_is_replaced(world: World) -> None:
    commit(world.owner, {f"many/{number}.txt": f"{number}\n" * 2000 for number in range(1500)})
    base = await world.octet.fetch(world.repository)
    names = (world.repository.source, world.repository.vault, str(world.folder), base)
    octet = subprocess.Popen(  # noqa: ASYNC220  the test watches it
        [sys.executable, "-c", _MAKE, *names], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    while not (world.folder / "many").is_dir():
        assert octet.poll() is None
    octet.send_signal(signal.SIGKILL)
    octet.wait()
    index = world.folder / ".git/index"
    assert not index.exists(), "the kill came too late to show anything"
    await world.begin()
    assert git(world.folder, "status", "--porcelain", "--branch") == "## octet/T-1"
    assert len(list((world.folder / "many").iterdir())) == 1500
    assert index.exists()
