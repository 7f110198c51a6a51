"""Reads and writes the few files of git directories that Octet must not let git open: git would follow their
configuration."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from core.kit.files import read_regular, write_private
from core.remedies import refused

_ID = re.compile(rb"[0-9a-f]{40}|[0-9a-f]{64}")
_MOST = 50_000_000
_MARK = "octet"  # a file in .git: Octet made this folder
_ATTRIBUTES = "* -text !eol !filter !ident !working-tree-encoding !diff !merge !whitespace !conflict-marker-size\n"
"""Of the highest precedence: no .gitattributes in a tree changes a byte, hides a difference or chooses a merge."""
_UNFINISHED = ("MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "CHERRY_PICK_HEAD", "REVERT_HEAD", "index.lock", "HEAD.lock")


def find_git_directory(source: str) -> Path:
    """Return the git directory of the owner's repository, whether `source` is its working tree, a linked one, or bare.
    Raises repository_unusable."""
    directory = Path(source, ".git") if Path(source, ".git").exists() else Path(source)
    if directory.is_file():
        directory = Path(source, _line(directory).removeprefix("gitdir: "))
    if common := _line(directory / "commondir"):
        directory = Path(os.path.normpath(directory / common))
    if not (directory / "HEAD").is_file() or not (directory / "objects").is_dir():
        raise refused("repository_unusable", path=source, why="it is not the folder of a git repository")
    for sign, why in (
        ("reftable", "it stores its branches as a reftable; run `git refs migrate --ref-format=files` there"),
        ("shallow", "it has only a part of its history; run `git fetch --unshallow` there"),
    ):
        if (directory / sign).exists():
            raise refused("repository_unusable", path=source, why=why)
    if any((directory / "objects" / "pack").glob("*.promisor")):
        raise refused("repository_unusable", path=source, why="it is a partial clone; use a whole one")
    return directory


def read_branch(directory: Path, branch: str) -> str:
    """Return the commit of a branch; empty if there is no such branch."""
    name = f"refs/heads/{branch}".encode()
    if _ID.fullmatch(text := _read(directory / "refs" / "heads" / branch).strip()):
        return text.decode()
    for line in _read(directory / "packed-refs").splitlines():
        commit, _, packed = line.partition(b" ")
        if packed == name and _ID.fullmatch(commit):
            return commit.decode()
    return ""


def find_checked_out(directory: Path, source: str, branch: str, *, is_bare: bool) -> str:
    """Return the owner's working tree that has this branch checked out, or rebases it; empty if there is none."""
    trees = [(directory, str(directory.parent) if directory.name == ".git" else source)] if not is_bare else []
    trees += [(one, str(Path(_line(one / "gitdir")).parent)) for one in (directory / "worktrees").glob("*")]
    name = f"refs/heads/{branch}"
    for place, folder in trees:
        rebased = (_line(place / step / "head-name") for step in ("rebase-merge", "rebase-apply"))
        if _line(place / "HEAD") == f"ref: {name}" or name in rebased:
            return folder
    return ""


def make_vault(vault: str, *, is_sha256: bool) -> None:
    """Make Octet's own bare repository, whole or not at all, if there is none."""
    if Path(vault).exists():
        return
    unfinished = Path(f"{vault}.new")
    remove_tree(str(unfinished))
    _make_repository(unfinished, is_bare=True, is_sha256=is_sha256)
    (unfinished / "info").mkdir()
    (unfinished / "info" / "attributes").write_text(_ATTRIBUTES, "utf-8")
    unfinished.rename(vault)


def make_git_directory(folder: str, *, is_sha256: bool) -> None:
    """Make the folder with a separate .git that has no commit yet. An earlier folder of Octet's is replaced; raises
    folder_not_ours for any other that contains a file."""
    git = Path(folder, ".git")
    if not (git / _MARK).is_file() and any(files for _, _, files in os.walk(folder)):
        raise refused("folder_not_ours", folder=folder)
    remove_tree(folder)
    git.mkdir(parents=True)
    (git / _MARK).write_text("Octet made this folder for an agent, and removes it with the agent's task.\n", "utf-8")
    _make_repository(git, is_bare=False, is_sha256=is_sha256)


def _make_repository(git: Path, *, is_bare: bool, is_sha256: bool) -> None:
    for part in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
        (git / part).mkdir(parents=True)
    version, extension = (1, "[extensions]\n\tobjectFormat = sha256\n") if is_sha256 else (0, "")
    core = f"[core]\n\trepositoryFormatVersion = {version}\n\tbare = {is_bare}\n\tlogAllRefUpdates = {not is_bare}\n"
    (git / "config").write_text(core + extension, "utf-8")
    (git / "HEAD").write_text("ref: refs/heads/main\n", "utf-8")


def point(folder: str, vault: str, *, branch: str, commit: str, index: str) -> None:
    """Let the folder's own repository have `branch` checked out at `commit`, with this index and the vault's objects.
    Raises folder_not_plain where its .git leads elsewhere."""
    git = Path(folder, ".git")
    require_plain(folder)
    try:
        (git / "refs" / "heads" / branch).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refused("folder_not_plain", folder=folder, what=f"refs/heads/{branch}") from error
    require_plain(folder, f"refs/heads/{branch}")
    for name in _UNFINISHED:
        (git / name).unlink(missing_ok=True)
    for name in ("rebase-merge", "rebase-apply"):
        shutil.rmtree(git / name, ignore_errors=True)
    write_private(git / "objects/info/alternates", f"{vault}/objects\n")
    write_private(git / "refs" / "heads" / branch, f"{commit}\n")
    write_private(git / "index", Path(index).read_bytes())
    write_private(git / "HEAD", f"ref: refs/heads/{branch}\n")


def require_plain(folder: str, *more: str) -> None:
    """Raise folder_not_plain unless the folder has a .git in which no link leads elsewhere."""
    git = os.path.join(os.path.realpath(folder), ".git")  # noqa: PTH118  Path would lose what realpath shows
    for name in ("", "objects/info", "refs/heads", *more):
        place = Path(git, name)
        is_right = place.is_dir() or name in more
        if str(place.resolve()) != str(place) or not is_right or (place.is_dir() and name in more):
            raise refused("folder_not_plain", folder=folder, what=name or ".git")
    if Path(git, "reftable").exists():
        raise refused("folder_not_plain", folder=folder, what="reftable")


def remove_tree(folder: str) -> None:
    """Remove a folder, if it is there, and nothing that its links point to; also what is protected from writing."""

    def unprotect(again: Callable[[str], object], path: str, _: object) -> None:
        if not Path(path).is_symlink():
            Path(path).chmod(0o700)
        Path(path).parent.chmod(0o700)
        again(path)

    if Path(folder).is_symlink():
        raise refused("folder_not_ours", folder=folder)
    try:
        if Path(folder).exists():
            shutil.rmtree(folder, onerror=unprotect)
    except OSError as error:  # a program that still writes there
        raise refused("folder_busy", folder=folder, why=(error.strerror or str(error)).lower()) from error


def _read(path: Path) -> bytes:
    try:
        return read_regular(path, _MOST, follows_links=False)
    except OSError:
        return b""  # an unreadable file names no branch


def _line(path: Path) -> str:
    return os.fsdecode(_read(path)).strip("\n")
