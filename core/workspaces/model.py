"""What a workspace is: the folder and branch of one attempt at a task, and the commits that Octet keeps of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.journal.model import Event
from core.settings.projects import Project, WorkMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A project with its name and its places."""

    name: str
    project: Project
    source: str  # the owner's repository, an absolute folder
    vault: str  # Octet's own bare repository, an absolute folder. No agent works with its configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """One row: where the agent of one lease works, and from which commit on."""

    task: str
    fence: int
    agent: str
    project: str
    mode: WorkMode
    folder: str  # absolute
    branch: str  # for example `octet/T-142`
    base: str  # the commit that the work began from; empty until the folder is ready
    before: str  # the snapshot before the present attempt; empty until the folder is ready
    head: str  # the newest snapshot; empty until the folder is ready
    created_ms: int
    removed_ms: int | None = None  # when Octet removed the folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The files of a folder at one moment, as a commit in the vault."""

    commit: str
    tree: str  # equal trees have equal files


class ChangeKind(StrEnum):
    """What happened to a file."""

    ADDED = "added"
    CHANGED = "changed"
    DELETED = "deleted"
    RENAMED = "renamed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One file that differs between two commits."""

    path: str
    kind: ChangeKind
    was: str = ""  # its path before, if it was renamed
    added: int | None = None  # lines; None for files that are not text
    deleted: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit that an agent made on the task's branch."""

    id: str
    author: str  # `NAME <ADDRESS>`, as the commit claims
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderReady(Event):
    """The folder of a task is ready for its agent."""

    SUBJECT = "task:{0.task}"
    task: str
    fence: int
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The result of a merge: its commit, or the paths that conflict."""

    commit: str = ""
    conflicts: tuple[str, ...] = ()
