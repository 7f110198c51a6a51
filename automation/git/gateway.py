"""`Git`, the one gateway to git: Octet's own repository of each project (the vault), and the folders of agents.

Git opens the vault alone. Of other repositories Octet reads objects by their names, and the few files in
`directories`; `publish` lets git open the owner's repository to move one branch, with hooks off.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from automation.git.command import GitCommand
from automation.git.directories import (
    find_checked_out,
    find_git_directory,
    make_git_directory,
    make_vault,
    point,
    read_branch,
    remove_tree,
    require_plain,
)
from core.kit.errors import Unavailable
from core.remedies import refused
from core.workspaces.model import ChangeKind, Commit, FileChange, Merged, Repository, Snapshot

_LINK, _FILES = b"160000", (b"100644", b"100755")
_KINDS = {b"A": ChangeKind.ADDED, b"D": ChangeKind.DELETED, b"R": ChangeKind.RENAMED}


class Git:
    """Git for one machine: implements `core.workspaces.ports.GitPort`, where each method is described."""

    def __init__(self) -> None:
        self._git = GitCommand()
        self._fetching = asyncio.Lock()

    async def fetch(self, repository: Repository) -> str:
        base, vault = repository.project.base, repository.vault
        async with self._fetching:
            await self._git.require()
            owners = find_git_directory(repository.source)
            if not (commit := read_branch(owners, base)):
                raise refused("repository_unusable", path=repository.source, why=f"it has no branch {base}")
            await asyncio.to_thread(make_vault, vault, is_sha256=len(commit) == 64)
            ref = f"refs/octet/base/{base}"
            if (known := await self._resolve(vault, ref)) != commit:
                await self._copy(vault, commit, *([known] if known else []), source=f"{owners}/objects", into=vault)
                await self._require_supported(vault, commit, where=repository.source)
                await self._git.run(vault, "update-ref", ref, commit)
        return commit

    async def make_folder(self, repository: Repository, folder: str, *, commit: str, branch: str) -> None:
        await self._require_branch(repository.vault, branch)
        await asyncio.to_thread(make_git_directory, folder, is_sha256=len(commit) == 64)
        with _temporary_index() as index:
            await self._check_out(repository.vault, commit, folder, index)
            point(folder, repository.vault, branch=branch, commit=commit, index=index)

    async def switch(self, repository: Repository, folder: str, *, now: str, commit: str, branch: str) -> None:
        vault = repository.vault
        await self._require_branch(vault, branch)
        require_plain(folder)
        with _temporary_index() as index:
            files = await self._store(vault, folder, index, parent=now)
            # A file that already is as in `commit` comes from a switch that was interrupted.
            changed = await self._differing(vault, now, files) & await self._differing(vault, commit, files)
            if changed:
                raise refused("folder_not_clean", folder=folder, paths=_some(changed))
            await self._git.run(vault, "read-tree", "-m", "-u", files, commit, within=_places(folder, index))
            point(folder, vault, branch=branch, commit=commit, index=index)

    async def snapshot(self, repository: Repository, folder: str, *, parent: str, subject: str) -> Snapshot:
        with _temporary_index() as index:
            tree = await self._store(repository.vault, folder, index, parent=parent)
        commit = await self._commit(repository.vault, tree, parent, subject=subject)
        return Snapshot(commit=commit, tree=tree)

    async def export(self, repository: Repository, commit: str, into: str) -> None:
        await asyncio.to_thread(os.makedirs, into, exist_ok=True)
        with _temporary_index() as index:
            await self._check_out(repository.vault, commit, into, index)

    async def changes(self, repository: Repository, *, base: str, head: str) -> tuple[FileChange, ...]:
        output = await self._git.run(
            repository.vault, "diff-tree", "-r", "-z", "-M", "--raw", "--numstat", "--no-ext-diff", base, head
        )
        return tuple(sorted(_changes(output.data), key=lambda change: change.path))

    async def patch(
        self, repository: Repository, *, base: str, head: str, most: int, paths: tuple[str, ...] = ()
    ) -> tuple[bytes, bool]:
        options = ("-r", "-p", "-M", "--binary", "--full-index", "--no-ext-diff", "--no-textconv")
        named = [raw for path in paths if (raw := _raw(path))]
        if paths and not named:
            return b"", True
        output = await self._git.run(
            repository.vault, "diff-tree", *options, base, head, "--", *named, most=most, is_cut=True
        )
        return output.data, output.is_whole

    async def read_file(self, repository: Repository, commit: str, path: str, *, most: int) -> bytes | None:
        raw = _raw(path)
        for mode, name, found in await self._entries(repository.vault, commit, raw) if raw else ():
            if mode in _FILES and found == raw:
                return (await self._git.run(repository.vault, "cat-file", "blob", name, most=most, is_cut=True)).data
        return None

    async def list_files(self, repository: Repository, commit: str) -> tuple[str, ...]:
        entries = await self._entries(repository.vault, commit)
        return tuple(_shown(path) for mode, _, path in entries if mode in _FILES)

    async def log(
        self, repository: Repository, folder: str, *, branch: str, base: str, most: int
    ) -> tuple[tuple[Commit, ...], bool]:
        vault = repository.vault
        tip = read_branch(Path(folder, ".git"), branch)
        with _temporary_index() as index:
            files = await self._store(vault, folder, index, parent=base)
        # Git reads the agent's objects from the vault: it neither opens the agent's repository nor copies from it.
        quoted = f"{folder}/.git/objects".replace("\\", "\\\\").replace('"', '\\"')
        objects = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": f'"{quoted}"'}
        tree = await self._resolve(vault, f"{tip}^{{tree}}", objects) if tip else ""
        if not tree:  # there is no such branch, or its commit is nowhere
            return (), True
        form = "--format=%H%x00%an <%ae>%x00%s"
        options = ("-z", f"--max-count={most}", "--no-show-signature", "--no-notes", "--no-decorate", form)
        output = await self._git.run(vault, "log", *options, tip, f"^{base}", "--", within=objects)
        words = [_readable(word) for word in output.data.split(b"\0")]
        commits = zip(words[::3], words[1::3], words[2::3], strict=False)  # git ends the last one, or does not
        return tuple(
            Commit(id=name, author=author, subject=subject) for name, author, subject in commits
        ), tree != files

    async def merge(
        self, repository: Repository, *, base: str, head: str, onto: str, how: Literal["merge", "squash"], subject: str
    ) -> Merged:
        vault = repository.vault
        # The snapshots between the two are Octet's own affair: the history of the owner gets the work as one commit.
        work = await self._commit(vault, f"{head}^{{tree}}", base, subject=subject)
        output = await self._git.run(
            vault, "merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", onto, work, accepts=(0, 1)
        )
        tree, *conflicts = output.data.rstrip(b"\0").split(b"\0")
        if output.code:
            return Merged(conflicts=tuple(map(_shown, conflicts)))
        if tree.decode() == await self._resolve(vault, f"{onto}^{{tree}}"):
            return Merged(commit=onto)  # it is merged already
        parents = (onto, work) if how == "merge" else (onto,)
        return Merged(commit=await self._commit(vault, tree.decode(), *parents, subject=subject))

    async def publish(self, repository: Repository, *, commit: str, branch: str, expected: str = "") -> None:
        vault, source = repository.vault, repository.source
        await self._require_branch(vault, branch)
        owners = find_git_directory(source)
        bare = await self._git.run(vault, "config", "--file", f"{owners}/config", "--get", "core.bare", accepts=(0, 1))
        if tree := find_checked_out(owners, source, branch, is_bare=bare.data.strip() == b"true"):
            raise refused("branch_checked_out", branch=branch, folder=tree)
        now = read_branch(owners, branch)
        ours = f"refs/octet/published/{branch}"
        if expected and now != expected:
            raise _moved(branch, now)
        if not expected and now and not await self._resolve(vault, f"{ours}/{now}"):
            raise refused("branch_exists", branch=branch, path=source)
        tips = {now, read_branch(owners, repository.project.base)} - {""}
        known = [tip for tip in tips if await self._resolve(vault, f"{tip}^{{commit}}")]
        await self._copy(vault, commit, *known, source=f"{vault}/objects", into=str(owners))
        if not expected:
            await self._git.run(vault, "update-ref", f"{ours}/{commit}", commit)
        try:
            await self._git.run(
                str(owners),
                "update-ref",
                "-m",
                "octet: publish",
                f"refs/heads/{branch}",
                commit,
                now or "0" * len(commit),
            )
        except Unavailable:
            if (then := read_branch(owners, branch)) != now:
                raise _moved(branch, then) from None
            raise

    async def remove_folder(self, folder: str) -> None:
        await asyncio.to_thread(remove_tree, folder)

    async def _copy(self, vault: str, commit: str, *known: str, source: str, into: str) -> None:
        """Copy a commit with its history, but for that of `known`, as one pack."""
        stdin = "\n".join((commit, *(f"^{one}" for one in known), "")).encode()
        await self._git.run(
            vault,
            *(
                "pack-objects",
                "--revs",
                "--quiet",
                "--non-empty",
                "--window=0",
                "--delta-base-offset",
                f"{into}/objects/pack/pack",
            ),
            stdin=stdin,
            within={"GIT_OBJECT_DIRECTORY": f"{into}/objects", "GIT_ALTERNATE_OBJECT_DIRECTORIES": source},
        )

    async def _store(self, vault: str, folder: str, index: str, *, parent: str) -> str:
        """Store the folder's files in the vault, return their tree, and leave them in the index. Reads each file:
        neither the agent's index nor a time stamp can hide a change."""
        places = _places(folder, index)
        await self._git.run(vault, "read-tree", parent, within=places)  # so that ignored files that it has stay
        others = await self._git.run(vault, "ls-files", "--others", "--exclude-standard", "-z", within=places)
        if repositories := [path for path in others.data.split(b"\0") if path.endswith(b"/")]:
            raise refused("submodules_refused", where=folder, paths=_some(repositories))
        await self._git.run(vault, "add", "--all", "--", ".", within=places)
        tree = (await self._git.run(vault, "write-tree", within=places)).data.decode().strip()
        await self._require_supported(vault, tree, where=folder)
        return tree

    async def _require_supported(self, vault: str, tree: str, *, where: str) -> None:
        """Raise submodules_refused or lfs_refused."""
        if links := [path for mode, _, path in await self._entries(vault, tree) if mode == _LINK]:
            raise refused("submodules_refused", where=where, paths=_some(links))
        pattern = ("grep", "-z", "--name-only", "--text", "--extended-regexp", "-e", "^[^#]*filter=lfs")
        found = await self._git.run(
            vault,
            *pattern,
            tree,
            "--",
            ":(glob)**/.gitattributes",
            accepts=(0, 1),
            within={"GIT_LITERAL_PATHSPECS": "0"},
        )
        if paths := [line.partition(b":")[2] for line in found.data.split(b"\0") if line]:
            raise refused("lfs_refused", where=where, paths=_some(paths))

    async def _check_out(self, vault: str, commit: str, folder: str, index: str) -> None:
        await self._git.run(vault, "read-tree", "--reset", "-u", commit, within=_places(folder, index))

    async def _commit(self, vault: str, tree: str, *parents: str, subject: str) -> str:
        named = [word for parent in parents for word in ("-p", parent)]
        output = await self._git.run(vault, "commit-tree", tree, *named, "-F", "-", stdin=f"{subject}\n".encode())
        return output.data.decode().strip()

    async def _resolve(self, vault: str, name: str, within: Mapping[str, str] | None = None) -> str:
        output = await self._git.run(vault, "rev-parse", "--verify", "--quiet", name, accepts=(0, 1), within=within)
        return output.data.decode().strip()

    async def _require_branch(self, vault: str, branch: str) -> None:
        name = await self._git.run(vault, "check-ref-format", "--branch", branch, accepts=(0, 1, 128))
        if not branch or name.data.decode("utf-8", "replace").strip() != branch:
            raise refused("bad_branch", branch=branch)

    async def _entries(self, vault: str, tree: str, *paths: bytes) -> list[tuple[bytes, str, bytes]]:
        """List mode, object and path of all files and links of a tree, or of those at these paths."""
        output = await self._git.run(vault, "ls-tree", "-r", "-z", "--full-tree", tree, "--", *paths)
        rows = (line.partition(b"\t") for line in output.data.split(b"\0") if line)
        return [(words[:6], words.split(b" ")[2].decode(), path) for words, _, path in rows]

    async def _differing(self, vault: str, one: str, other: str) -> set[bytes]:
        output = await self._git.run(vault, "diff-tree", "-r", "-z", "--name-only", "--no-renames", one, other)
        return {path for path in output.data.split(b"\0") if path}


@contextmanager
def _temporary_index() -> Generator[str]:
    with tempfile.TemporaryDirectory(prefix="octet-git-") as folder:
        yield f"{folder}/index"


def _places(folder: str, index: str) -> dict[str, str]:
    return {"GIT_WORK_TREE": folder, "GIT_INDEX_FILE": index}


def _moved(branch: str, now: str) -> Exception:
    return refused("base_moved", branch=branch, now=now[:12] or "gone")


def _changes(data: bytes) -> Iterator[FileChange]:
    """Read what `diff-tree --raw --numstat -z` wrote: all raw rows, then all counts in the same order."""
    words = iter(data.split(b"\0")[:-1])
    rows: list[tuple[ChangeKind, bytes, bytes]] = []
    for word in words:
        if word.startswith(b":"):
            kind = _KINDS.get(word.split(b" ")[4][:1], ChangeKind.CHANGED)
            was = next(words) if kind is ChangeKind.RENAMED else b""
            rows.append((kind, was, next(words)))
            continue
        added, deleted, path = word.split(b"\t", 2)
        kind, was, at = rows.pop(0)
        if not path:  # of a renamed file both paths follow
            _ = next(words), next(words)
        counts = (None, None) if added == b"-" else (int(added), int(deleted))
        yield FileChange(path=_shown(at), kind=kind, was=_shown(was), added=counts[0], deleted=counts[1])


def _shown(path: bytes) -> str:
    r"""Write a path so that it hides nothing and can be stored: a line break is `\n`, an undecodable byte `\udcff`,
    a backslash two. `_raw` turns it back."""
    text = path.decode("utf-8", "surrogateescape")
    return "".join(
        one if one.isprintable() and one != "\\" else one.encode("unicode_escape").decode("ascii") for one in text
    )


def _raw(path: str) -> bytes:
    """Return the bytes of a path that was shown; none for an invalid path."""
    try:
        text = re.sub(r"\\(\\|[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})", _unescape, path)
        is_inside = "\0" not in text and not text.startswith("/") and ".." not in text.split("/")
        return text.encode("utf-8", "surrogateescape") if is_inside else b""
    except UnicodeError:
        return b""


def _unescape(found: re.Match[str]) -> str:
    return found[0].encode("ascii").decode("unicode_escape")


def _readable(text: bytes) -> str:
    return "".join(one if one.isprintable() else "\ufffd" for one in text.decode("utf-8", "replace"))


def _some(paths: Iterable[bytes]) -> str:
    shown = sorted(map(_shown, paths))
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
