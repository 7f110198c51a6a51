"""Gives each attempt at a task of a project its folder and branch, and keeps every state of it as a snapshot."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from core.agents.model import Agent
from core.home import Home
from core.journal.service import Journal
from core.kit.clock import Clock
from core.kit.errors import OctetError
from core.messages.prompts import PromptPart
from core.remedies import refused
from core.security.model import HUB
from core.settings.projects import WorkMode
from core.store.engine import Store, Tx
from core.workspaces import _store
from core.workspaces.model import FolderReady, Merged, Repository, Workspace
from core.workspaces.plans import Plans
from core.workspaces.ports import GitPort

PATCH_BYTES = 1_000_000  # of a patch that users get


class Workspaces:
    """The folders of tasks. What touches files runs outside transactions; rows say how far it is."""

    def __init__(self, home: Home, store: Store, journal: Journal, clock: Clock, *, git: GitPort, plans: Plans) -> None:
        """`plans` are the projects and checks of the present configuration."""
        self._home, self._store, self._journal, self._clock = home, store, journal, clock
        self.git, self.plans = git, plans
        self._locks: dict[str, asyncio.Lock] = {}  # by folder: git works in it once at a time

    def repository(self, project: str) -> Repository:
        """Return the project with its places. Raises unknown_project."""
        found = self.plans.projects.get(project)
        if found is None:
            raise refused("unknown_project", name=project, known=", ".join(self.plans.projects) or "there are none")
        source = (self._home.root / Path(found.repository).expanduser()).resolve()
        return Repository(name=project, project=found, source=str(source), vault=str(self._home.vaults / project))

    def place(self, tx: Tx, task: str, fence: int, project: str, agent: Agent) -> Workspace:
        """Say where the agent works with this lease; its folder is made before the prompt goes out."""
        mode = self.plans.projects[project].mode
        mode = mode or (WorkMode.AGENT if agent.abilities.has_window else WorkMode.WORKTREE)
        folder = self._home.workspaces / project / (task if mode is WorkMode.WORKTREE else agent.name)
        if mode is WorkMode.AGENT and agent.folder:
            folder = self._home.root / Path(agent.folder).expanduser()
        row = {"project": project, "mode": mode.value, "folder": str(folder.resolve()), "branch": f"octet/{task}"}
        lease = {"task": task, "fence": fence, "agent": agent.name, "created_ms": self._clock.now_ms()}
        tx.execute(_store.ADD, {**row, **lease})
        return self.find(tx, task)[-1]

    def find(self, tx: Tx, task: str) -> list[Workspace]:
        """Find the workspaces of a task, one for each lease, oldest first."""
        return [_store.workspace_of(row) for row in tx.execute(_store.OF_TASK, {"of_task": task})]

    async def list_for_task(self, task: str) -> tuple[Workspace, ...]:
        return tuple(map(_store.workspace_of, await self._store.fetch(_store.OF_TASK, {"of_task": task})))

    async def newest(self, task: str) -> Workspace:
        """Return the workspace of the task's newest lease. Raises no_workspace."""
        found = await self.list_for_task(task)
        if not found:
            raise refused("no_workspace", id=task)
        return found[-1]

    async def why_not_ready(self, folder: str) -> str:
        """Make the folder ready for the newest lease that works there; return why that failed, or nothing."""
        try:
            rows = await self._store.fetch(_store.NEWEST_IN, {"place": folder})
            await self.prepare(rows[0].task)
        except OctetError as error:
            return error.message
        return ""

    async def prepare(self, task: str) -> Workspace:
        """Make the folder of the task's newest lease ready, on its branch, with what earlier attempts left; keep all
        that was there as a snapshot. Raises folder_not_clean, repository_unusable or git_failed."""
        now = await self.newest(task)
        async with self._locked(now):
            if now.head:
                return now
            repository = self.repository(now.project)
            earlier = [one for one in await self.list_for_task(task) if one.head]
            base = earlier[-1].base if earlier else await self.git.fetch(repository)
            wanted = earlier[-1].head if earlier else base
            last = await self._store.fetch(_store.LAST_IN, {"place": now.folder})
            is_there = await asyncio.to_thread(Path(now.folder).is_dir)
            if last and last[0].removed_ms is None and is_there:
                known = _store.workspace_of(last[0])
                before = await self.git.snapshot(
                    repository, now.folder, parent=known.head, subject=f"Before {task}, attempt {now.fence}"
                )
                if known.task == task:
                    wanted = before.commit  # the same folder: what its agent did since stays
                else:
                    await self.git.switch(repository, now.folder, now=known.head, commit=wanted, branch=now.branch)
            else:
                await self.git.make_folder(repository, now.folder, commit=wanted, branch=now.branch)
            return await self._store.write(lambda tx: self._ready(tx, now, base=base, before=wanted))

    def _ready(self, tx: Tx, now: Workspace, *, base: str, before: str) -> Workspace:
        row = self._update(tx, now, base=base, before=before, head=before)
        self._journal.append(tx, FolderReady(task=now.task, fence=now.fence, commit=before), by=HUB.id)
        return row

    async def snapshot(self, task: str, *, subject: str) -> Workspace:
        """Keep the files of the task's folder as they are now. Raises no_workspace or git_failed."""
        now = await self.newest(task)
        async with self._locked(now):
            if not now.head:
                raise refused("no_workspace", id=task)
            kept = await self.git.snapshot(
                self.repository(now.project), now.folder, parent=now.head, subject=f"{task}: {subject}"
            )
            return await self._store.write(lambda tx: self._update(tx, now, head=kept.commit))

    async def patch(self, workspace: Workspace, *, paths: Sequence[str] = ()) -> tuple[bytes, bool]:
        """Return the patch from the base to the newest snapshot, and whether that is all of it."""
        return await self.git.patch(
            self.repository(workspace.project),
            base=workspace.base,
            head=workspace.head,
            most=PATCH_BYTES,
            paths=tuple(paths),
        )

    async def merge(self, workspace: Workspace, commit: str, *, squash: bool, subject: str) -> Merged:
        """Bring a commit of the task into the owner's base branch, if nothing conflicts; else change nothing. Raises
        base_moved, branch_checked_out or git_failed."""
        repository = self.repository(workspace.project)
        onto = await self.git.fetch(repository)
        merged = await self.git.merge(
            repository,
            base=workspace.base,
            head=commit,
            onto=onto,
            how="squash" if squash else "merge",
            subject=subject,
        )
        if not merged.conflicts:
            await self.git.publish(repository, commit=merged.commit, branch=repository.project.base, expected=onto)
        return merged

    async def list_kept(self) -> tuple[Workspace, ...]:
        """List the folders that are for one task alone and still there."""
        return tuple(map(_store.workspace_of, await self._store.fetch(_store.KEPT)))

    async def remove(self, kept: Sequence[Workspace]) -> None:
        """Remove these folders; their snapshots stay in the vault."""
        for folder in dict.fromkeys(one.folder for one in kept):
            async with self._locks.setdefault(folder, asyncio.Lock()):
                await self.git.remove_folder(folder)
                at = {"place": folder, "at": self._clock.now_ms()}
                await self._store.write(partial(_mark_removed, at=at))

    def _update(self, tx: Tx, workspace: Workspace, **values: object) -> Workspace:
        rows = tx.execute(_store.OF_TASK, {"of_task": workspace.task})
        (row_id,) = [row.id for row in rows if row.fence == workspace.fence]
        return _store.workspace_of(tx.update_row(_store.workspaces.c.id, row_id, **values))

    def _locked(self, workspace: Workspace) -> asyncio.Lock:
        return self._locks.setdefault(workspace.folder, asyncio.Lock())


def _mark_removed(tx: Tx, at: Mapping[str, object]) -> None:
    tx.execute(_store.REMOVED, at)


def say_where(workspace: Workspace, checks: Sequence[str]) -> Sequence[PromptPart]:
    """Tell the agent where it works, and which checks decide."""
    lines = [f"Work only in the folder {workspace.folder}, on its branch {workspace.branch}. Commit there if you like."]
    if checks:
        lines.append(f"When you say done, Octet runs these checks on the folder: {', '.join(checks)}.")
    return [PromptPart(text="\n".join(lines))]
