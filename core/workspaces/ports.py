"""What workspaces need from git. automation/git has the real one. Each method trusts no configuration, hook, filter or
attribute of any repository but the vault, and raises git_failed (Unavailable), or what it names."""

from __future__ import annotations

from typing import Literal, Protocol

from core.workspaces.model import Commit, FileChange, Merged, Repository, Snapshot


class GitPort(Protocol):
    """Git for one machine. Folders are absolute; commits are whole ids in the vault."""

    # Make the vault if there is none, fetch the base branch of the owner's repository into it, return its commit.
    # Raises repository_unusable: no repository, no such branch; or it uses submodules or LFS, by name.
    async def fetch(self, repository: Repository) -> str: ...
    # Make `folder`, a separate repository that shares the vault's objects, with `commit` checked out on `branch`.
    # An earlier folder of Octet's there is replaced, whole or not. Raises folder_not_ours where there are other files.
    async def make_folder(self, repository: Repository, folder: str, *, commit: str, branch: str) -> None: ...
    # Bring an agent's folder from the files of `now`, its snapshot, to those of `commit` on `branch`. Ignored files
    # stay. An interrupted switch is finished by the same call. Raises folder_not_clean where files are neither those of
    # `now` nor of `commit`, and folder_not_plain where its .git leads elsewhere.
    async def switch(self, repository: Repository, folder: str, *, now: str, commit: str, branch: str) -> None: ...
    # Store all files, but those that the folder's .gitignore names and `parent` lacks, as a commit on top of `parent`.
    # Raises submodules_refused (a repository inside the folder) or lfs_refused.
    async def snapshot(self, repository: Repository, folder: str, *, parent: str, subject: str) -> Snapshot: ...
    # Write the plain files of `commit`, without .git, into `into`, a new or empty folder.
    async def export(self, repository: Repository, commit: str, into: str) -> None: ...
    # List what differs between two commits, by path.
    async def changes(self, repository: Repository, *, base: str, head: str) -> tuple[FileChange, ...]: ...
    # Return at most `most` bytes of the patch between two commits, and whether that is all of it.
    async def patch(
        self, repository: Repository, *, base: str, head: str, most: int, paths: tuple[str, ...] = ()
    ) -> tuple[bytes, bool]: ...
    # Return at most `most` bytes of a file of a commit; None where it has none. Symbolic links do not count.
    async def read_file(self, repository: Repository, commit: str, path: str, *, most: int) -> bytes | None: ...
    # List the files of a commit, without links.
    async def list_files(self, repository: Repository, commit: str) -> tuple[str, ...]: ...
    # List the commits that the agent made in the folder on `branch` since `base`, newest first, at most `most`; and
    # whether the folder has uncommitted changes. These commits are not in the vault.
    async def log(
        self, repository: Repository, folder: str, *, branch: str, base: str, most: int
    ) -> tuple[tuple[Commit, ...], bool]: ...
    # Join `head`, which began from `base`, with the newest `onto`, in the vault alone. `squash` makes one commit with
    # one parent. Nothing outside the vault changes. Work that `onto` has already returns `onto`.
    async def merge(
        self, repository: Repository, *, base: str, head: str, onto: str, how: Literal["merge", "squash"], subject: str
    ) -> Merged: ...
    # Bring `commit` into the owner's repository as `branch`. With `expected` the branch must still be at that commit
    # (base_moved, a Conflict); without it the branch must be new or ours (branch_exists). Raises branch_checked_out
    # for a branch that a working tree of the owner has checked out.
    async def publish(self, repository: Repository, *, commit: str, branch: str, expected: str = "") -> None: ...
    # Remove a folder that `make_folder` made, and nothing that its links point to.
    async def remove_folder(self, folder: str) -> None: ...
