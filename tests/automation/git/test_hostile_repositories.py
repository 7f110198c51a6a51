"""What agents and owners can put into repositories, and what Octet's git makes of it. Each attack has its control: the
same thing done with plain git, or with the rule left out, has the effect."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from automation.git import command
from automation.git.directories import read_branch
from core.kit.errors import Conflict, Invalid, OctetError
from tests.automation.git.conftest import World, commit, git, write

HOOKS = ("reference-transaction", "post-checkout", "pre-commit", "post-commit", "post-index-change", "post-merge")


def arm(folder: Path, marks: Path, git_directory: Path) -> None:
    """Let the repository start a program wherever git's configuration can name one."""
    marks.mkdir(exist_ok=True)

    def program(name: str, then: str = "") -> str:
        path = marks.parent / f"{folder.name}-{name}"
        path.write_text(f"#!/bin/sh\ntouch {marks}/{name}\n{then}\n")
        path.chmod(0o755)
        return str(path)

    for name, value in {
        "core.fsmonitor": program("fsmonitor", "exit 1"),
        "core.hooksPath": str(git_directory / "hooks"),
        "core.alternateRefsCommand": program("alternate-refs"),
        "core.sshCommand": program("ssh"),
        "core.editor": program("editor"),
        "core.pager": program("pager"),
        "filter.evil.clean": program("clean", "cat"),
        "filter.evil.smudge": program("smudge", "cat"),
        "filter.evil.required": "true",
        "diff.external": program("external-diff"),
        "diff.evil.textconv": program("textconv", 'cat "$1"'),
        "merge.evil.driver": program("merge-driver"),
        "gpg.program": program("gpg"),
        "log.showSignature": "true",
        "uploadpack.packObjectsHook": program("pack-objects-hook"),
        "remote.evil.url": str(marks.parent),
        "remote.evil.promisor": "true",
        "remote.evil.uploadpack": program("lazy-fetch"),
        "extensions.partialClone": "evil",
        "core.repositoryFormatVersion": "1",
    }.items():
        git(git_directory, "config", "--file", str(git_directory / "config"), name, value)
    (git_directory / "hooks").mkdir(exist_ok=True)
    for name in HOOKS:
        (git_directory / "hooks" / name).symlink_to(program(name))


async def live(world: World, base: str) -> None:
    """Do everything that Octet does with a folder."""
    octet, repository, folder = world.octet, world.repository, str(world.folder)
    write(world.folder, {"a.txt": "mine\n", "new.txt": "new\n"})
    head = await world.save(base)
    await octet.changes(repository, base=base, head=head)
    await octet.patch(repository, base=base, head=head, most=100_000)
    await octet.log(repository, folder, branch="octet/T-1", base=base, most=9)
    await octet.export(repository, head, f"{world.root}/copy")
    await octet.switch(repository, folder, now=head, commit=base, branch="octet/T-2")
    await octet.switch(repository, folder, now=base, commit=head, branch="octet/T-1")
    onto = await octet.fetch(repository)
    merged = await octet.merge(repository, base=base, head=head, onto=onto, how="merge", subject="Merge")
    await octet.publish(repository, commit=merged.commit, branch="octet/T-1")
    await octet.publish(repository, commit=merged.commit, branch="base", expected=onto)


async def test_no_program_that_a_repository_names_runs(world: World) -> None:
    marks = world.root / "marks"
    commit(world.owner, {".gitattributes": "*.txt filter=evil diff=evil merge=evil\n"})
    git(world.owner, "branch", "base")
    arm(world.owner, marks, world.owner / ".git")
    base = await world.begin()
    arm(world.folder, marks, world.folder / ".git")
    await live(world, base)
    assert sorted(path.name for path in marks.iterdir()) == []

    write(world.folder, {"a.txt": "again\n"})
    for plain in (
        ("status",),
        ("add", "-A"),
        ("commit", "-m", "x"),
        ("checkout", "-f", "HEAD~", "--", "."),
        ("diff", "HEAD"),
    ):
        git(world.folder, *plain, check=False)
    git(world.folder, "config", "--unset", "diff.external")
    git(world.folder, "diff", "HEAD", "HEAD~", check=False)
    git(world.folder, "cat-file", "-e", "1" * 40, check=False, GIT_NO_LAZY_FETCH="0")
    seen = {path.name for path in marks.iterdir()}
    assert {"fsmonitor", "clean", "smudge", "external-diff", "textconv", "reference-transaction", "lazy-fetch"} <= seen
    (marks / "reference-transaction").unlink()
    git(world.owner, "update-ref", "refs/heads/control", base)
    assert (marks / "reference-transaction").exists(), "publish moves a branch as this does, and starts no hook"


async def test_what_octets_own_environment_says_about_git_has_no_effect(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = world.root / "other"
    for name, value in {
        "GIT_DIR": str(other),
        "GIT_INDEX_FILE": str(other),
        "GIT_EXTERNAL_DIFF": "/bin/false",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.bare",
        "GIT_CONFIG_VALUE_0": "nonsense",
        "HOME": str(world.root),
    }.items():
        monkeypatch.setenv(name, value)
    (world.root / ".gitconfig").write_text("[core]\n\tautocrlf = true\n\texcludesFile = ~/all\n")
    (world.root / "all").write_text("*\n")
    git(world.owner, "branch", "base")
    base = await world.begin()
    await live(world, base)
    assert not other.exists()
    assert git(world.owner, "show", "base:new.txt") == "new"


async def test_a_link_out_of_the_folder_is_stored_as_a_link_and_never_followed(world: World) -> None:
    base = await world.begin()
    outside = world.root / "outside"
    write(outside, {"b.py": "secret\n"})
    (world.folder / "lib/b.py").unlink()
    (world.folder / "lib").rmdir()
    (world.folder / "lib").symlink_to(outside)
    assert (world.folder / "lib/b.py").read_text() == "secret\n", "whoever follows the link reads outside"
    head = await world.save(base)
    assert git(world.vault, "ls-tree", head, "lib").startswith("120000")
    assert await world.octet.read_file(world.repository, head, "lib/b.py", most=100) is None
    await world.octet.switch(world.repository, str(world.folder), now=head, commit=base, branch="octet/T-2")
    assert (world.folder / "lib/b.py").read_text() == "x = 1\n"
    assert (outside / "b.py").read_text() == "secret\n"


async def test_a_repository_inside_the_folder_is_refused_by_name(world: World) -> None:
    commit(world.owner, {".gitignore": "ignored/\n"})
    base = await world.begin()
    for name in ("empty", "deep/full", "ignored/full"):
        (world.folder / name).mkdir(parents=True)
        git(world.folder / name, "init", "-q")
    commit(world.folder / "deep/full", {"x": "hidden\n"})
    commit(world.folder / "ignored/full", {"x": "hidden\n"})
    with pytest.raises(Invalid) as caught:
        await world.save(base)
    assert (caught.value.code, caught.value.details["paths"]) == ("submodules_refused", "deep/full/, empty/")
    git(world.folder, "add", "deep", "-f")
    assert git(world.folder, "ls-files", "--stage", "deep").startswith("160000"), "plain git stores none of its files"


async def test_a_git_directory_beside_stored_files_hides_none_of_them(world: World) -> None:
    base = await world.begin()
    git(world.folder / "lib", "init", "-q")
    write(world.folder, {"lib/new.py": "new\n", "lib/b.py": "x = 9\n"})
    head = await world.save(base)
    changes = await world.octet.changes(world.repository, base=base, head=head)
    assert [one.path for one in changes] == ["lib/b.py", "lib/new.py"]


async def test_files_in_lfs_are_refused_by_name(world: World) -> None:
    base = await world.begin()
    write(world.folder, {"art/.gitattributes": "*.psd filter=lfs\n"})
    with pytest.raises(Invalid) as caught:
        await world.save(base)
    assert (caught.value.code, caught.value.details["paths"]) == ("lfs_refused", "art/.gitattributes")


_NAMES = [b"a\nb", b"-rf", b"--help", b"\xff\xfe", b"tab\there", b"\x1b[31mred", b":(exclude)*", b"*", b"back\\slash"]
_NAMES += [b"100644 blob x", b" ", "\u202egnp.exe".encode(), b":100644", b'"quoted"', b"-", b"a => b"]


async def test_hostile_names_are_files_like_others(world: World) -> None:
    base = await world.begin()
    for name in _NAMES:
        write(world.folder, {os.fsdecode(name): name})
    head = await world.save(base)
    changes = await world.octet.changes(world.repository, base=base, head=head)
    assert len(changes) == len(_NAMES)
    assert all(one.path.isprintable() and one.added is not None for one in changes)
    read = [await world.octet.read_file(world.repository, head, one.path, most=100) for one in changes]
    assert sorted(text or b"" for text in read) == sorted(_NAMES)
    patch, _ = await world.octet.patch(world.repository, base=base, head=head, most=100_000, paths=("*",))
    assert patch.count(b"diff --git") == 1, "a path is no pattern"
    await world.octet.switch(world.repository, str(world.folder), now=head, commit=base, branch="octet/T-2")
    await world.octet.switch(world.repository, str(world.folder), now=base, commit=head, branch="octet/T-1")
    assert {os.fsencode(path.name) for path in world.folder.iterdir()} >= set(_NAMES)


@pytest.mark.parametrize("name", [".GIT", ".Git", "git~1", ".g\u200cit"])
async def test_a_name_that_another_system_takes_for_git_is_refused(world: World, name: str) -> None:
    base = await world.begin()
    write(world.folder, {f"sub/{name}/config": "[core]\n"})
    with pytest.raises(OctetError) as caught:
        await world.save(base)
    assert caught.value.code == "git_failed"


async def test_a_commit_in_anothers_name_is_shown_as_it_claims_and_without_what_hides(world: World) -> None:
    base = await world.begin()
    write(world.folder, {"a.txt": "mine\n"})
    git(
        world.folder,
        "commit",
        "-qam",
        "Fix\x1b[2K\u202e it",
        GIT_AUTHOR_NAME="Octet\x1b[31m",
        GIT_AUTHOR_EMAIL="octet@localhost",
    )
    (found,), _ = await world.octet.log(world.repository, str(world.folder), branch="octet/T-1", base=base, most=9)
    assert (found.author, found.subject) == ("Octet\ufffd[31m <octet@localhost>", "Fix\ufffd[2K\ufffd it")
    assert "\x1b" in git(world.folder, "log", "-1", "--format=%an")


async def test_attributes_of_the_tree_change_no_byte_and_hide_no_difference(world: World) -> None:
    attributes = (
        "* text=auto eol=crlf ident\n*.u16 working-tree-encoding=UTF-16\n*.py binary\n*.md -diff\n*.tar export-ignore\n"
    )
    files = {
        "dos.txt": b"a\r\nb\r\n",
        "unix.txt": b"a\n$Id$\n",
        "x.u16": b"plain\n",
        "x.py": b"x = 1\n",
        "x.md": b"x\n",
        "x.tar": b"x",
    }
    base = await world.begin()
    write(world.folder, {".gitattributes": attributes, **files})
    head = await world.save(base)
    for name, text in files.items():
        assert await world.octet.read_file(world.repository, head, name, most=100) == text
    await world.octet.export(world.repository, head, str(world.root / "copy"))
    assert {name: (world.root / "copy" / name).read_bytes() for name in files} == files
    changes = await world.octet.changes(world.repository, base=base, head=head)
    assert all(one.added is not None for one in changes)
    patch, _ = await world.octet.patch(world.repository, base=base, head=head, most=100_000)
    assert b"+x = 1" in patch
    git(world.folder, "add", "dos.txt", "x.py")
    assert git(world.folder, "cat-file", "blob", ":dos.txt") == "a\nb", "plain git stores other bytes"
    assert "Binary files" in git(world.folder, "diff", "--cached", "--", "x.py")


async def test_merge_attributes_of_the_tree_hide_no_conflict(world: World) -> None:
    commit(world.owner, {".gitattributes": "* merge=union\n"})
    base = await world.begin()
    write(world.folder, {"a.txt": "mine\n"})
    head = await world.save(base)
    onto = commit(world.owner, {"a.txt": "theirs\n"})
    await world.octet.fetch(world.repository)
    merged = await world.octet.merge(world.repository, base=base, head=head, onto=onto, how="merge", subject="Merge")
    assert merged.conflicts == ("a.txt",)
    git(world.owner, "fetch", "-q", str(world.folder), base)
    git(world.owner, "checkout", "-q", "-b", "plain", base)
    commit(world.owner, {"a.txt": "mine\n"})
    git(world.owner, "merge", "-q", "main")
    assert (world.owner / "a.txt").read_text() == "mine\ntheirs\n"


async def test_neither_time_stamps_nor_the_agents_index_hide_a_change(world: World) -> None:
    base = await world.begin()
    path = world.folder / "lib/b.py"
    before = path.stat()
    git(world.folder, "update-index", "--assume-unchanged", "lib/b.py")
    git(world.folder, "update-index", "--skip-worktree", "a.txt")
    write(world.folder, {"lib/b.py": "x = 2\n", "a.txt": "two\n"})
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert git(world.folder, "status", "--porcelain") == "", "plain git sees nothing"
    head = await world.save(base)
    changes = await world.octet.changes(world.repository, base=base, head=head)
    assert [one.path for one in changes] == ["a.txt", "lib/b.py"]
    assert (await world.octet.log(world.repository, str(world.folder), branch="octet/T-1", base=base, most=9))[1]


async def test_what_the_folders_own_exclude_file_names_is_stored(world: World) -> None:
    base = await world.begin()
    write(world.folder, {".git/info/exclude": "*.sneaky\n", "x.sneaky": "x\n"})
    assert git(world.folder, "status", "--porcelain") == ""
    head = await world.save(base)
    assert "x.sneaky" in await world.octet.list_files(world.repository, head)


@pytest.mark.parametrize("place", ["", "refs/heads", "refs/heads/octet", "refs/heads/octet/T-2", "objects/info"])
async def test_a_git_directory_that_leads_elsewhere_is_refused_and_nothing_is_written_there(
    world: World, place: str
) -> None:
    base = await world.begin()
    outside = world.root / "outside"
    git_directory = world.folder / ".git"
    (git_directory / place).parent.mkdir(exist_ok=True, parents=True)
    if (git_directory / place).exists():
        (git_directory / place).rename(outside)
    else:
        write(world.root, {"outside": "precious\n"})
    (git_directory / place).symlink_to(outside)
    before = {str(path): path.read_bytes() for path in [outside, *outside.rglob("*")] if path.is_file()}
    assert (git_directory / place).exists(), "a program that follows the link writes outside"
    with pytest.raises(Conflict) as caught:
        await world.octet.switch(world.repository, str(world.folder), now=base, commit=base, branch="octet/T-2")
    assert caught.value.code == "folder_not_plain"
    assert {str(path): path.read_bytes() for path in [outside, *outside.rglob("*")] if path.is_file()} == before


async def test_the_folders_git_is_never_read_for_a_snapshot(world: World) -> None:
    base = await world.begin()
    evil = world.root / "evil"
    evil.mkdir()
    git(evil, "init", "-q")
    commit(evil, {"evil.txt": "evil\n"})
    (world.folder / ".git").rename(world.root / "away")
    (world.folder / ".git").write_text(f"gitdir: {evil}/.git\n")
    assert git(world.folder, "ls-files") == "evil.txt"
    head = await world.save(base)
    assert await world.octet.changes(world.repository, base=base, head=head) == ()
    assert (await world.octet.log(world.repository, str(world.folder), branch="octet/T-1", base=base, most=9)) == (
        (),
        True,
    )


async def test_an_agents_ref_can_name_no_other_file_and_stops_nothing(world: World) -> None:
    base = await world.begin()
    ref = world.folder / ".git/refs/heads/octet/T-1"
    write(world.root, {"secret": base})
    options = {"branch": "octet/T-1", "base": base, "most": 9}
    for make in (
        lambda: os.mkfifo(ref),
        lambda: ref.symlink_to(world.root / "secret"),
        lambda: ref.write_text("1" * 40),
    ):
        ref.unlink()
        make()
        assert await world.octet.log(world.repository, str(world.folder), **options) == ((), True)
    assert read_branch(world.folder / ".git", "octet/T-1") == "1" * 40


async def test_the_agent_cannot_make_octet_read_objects_as_refs_of_the_vault(world: World) -> None:
    base = await world.begin()
    write(world.folder, {"a.txt": "mine\n"})
    git(world.folder, "commit", "-qam", "Mine")
    tip = git(world.folder, "rev-parse", "HEAD")
    (world.folder / ".git/objects/info/alternates").write_text("/nonexistent\n")
    (found,), _ = await world.octet.log(world.repository, str(world.folder), branch="octet/T-1", base=base, most=9)
    assert found.id == tip
    git(world.vault, "cat-file", "-e", base)
    with pytest.raises(OctetError):
        await world.octet.changes(world.repository, base=base, head=tip)
    await world.octet.switch(world.repository, str(world.folder), now=await world.save(base), commit=base, branch="b")
    assert git(world.folder, "status", "--porcelain") == "", "the vault's objects are named again"


async def test_a_pipe_among_the_files_stops_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    base = await world.begin()
    os.mkfifo(world.folder / "pipe")
    head = await world.save(base)
    assert await world.octet.changes(world.repository, base=base, head=head) == ()
    os.mkfifo(world.folder / ".gitignore")
    monkeypatch.setattr(command, "_LIMIT_S", 0.5)  # git itself waits for the pipe's writer for ever
    with pytest.raises(OctetError, match="took longer"):
        await world.save(base)
