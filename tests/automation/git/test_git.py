"""What Octet does with git: fetch, folders, snapshots, differences, merges, publishing. Real repositories."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from automation.git.gateway import Git, _raw, _shown
from core.kit.errors import Conflict, Invalid, OctetError
from core.settings.projects import Project
from core.workspaces.model import ChangeKind, FileChange, Repository
from tests.automation.git.conftest import World, commit, git, write


def files_of(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if ".git" not in path.relative_to(folder).parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.is_file()}


async def test_a_fetch_returns_the_base_and_follows_it(world: World) -> None:
    first = await world.octet.fetch(world.repository)
    assert first == git(world.owner, "rev-parse", "main")
    git(world.owner, "pack-refs", "--all")
    git(world.owner, "gc", "-q")
    assert await world.octet.fetch(world.repository) == first
    second = commit(world.owner, {"a.txt": "two\n"})
    assert await world.octet.fetch(world.repository) == second
    assert await world.octet.read_file(world.repository, second, "a.txt", most=100) == b"two\n"
    git(world.vault, "fsck", "--strict")


@pytest.mark.parametrize("kind", ["linked", "bare", "sha256"])
async def test_each_kind_of_owners_repository_works(tmp_path: Path, world: World, kind: str) -> None:
    source = tmp_path / kind
    if kind == "linked":
        git(world.owner, "worktree", "add", "-q", str(source), "-b", "other")
    elif kind == "bare":
        git(tmp_path, "clone", "-q", "--bare", str(world.owner), str(source))
    else:
        source.mkdir()
        git(source, "init", "-q", "-b", "main", "--object-format=sha256")
        commit(source, {"a.txt": "one\n"})
    name = "apollo" if kind != "sha256" else "sha256"
    repository = Repository(
        name=name, project=Project(repository=str(source)), source=str(source), vault=str(tmp_path / f"vault-{kind}")
    )
    octet = Git()
    base = await octet.fetch(repository)
    assert base == git(source, "rev-parse", "main")
    await octet.make_folder(repository, str(world.folder), commit=base, branch="octet/T-1")
    assert git(world.folder, "status", "--porcelain", "--branch") == "## octet/T-1"
    write(world.folder, {"new.txt": "new\n"})
    head = (await octet.snapshot(repository, str(world.folder), parent=base, subject="Save")).commit
    await octet.publish(repository, commit=head, branch="octet/T-1")
    assert git(source, "show", "octet/T-1:new.txt") == "new"


async def test_what_octet_cannot_work_with_is_refused_by_name(tmp_path: Path, world: World) -> None:
    async def refusal(source: Path, base: str = "main") -> OctetError:
        project = Project(repository=str(source), base=base)
        with pytest.raises(Invalid) as caught:
            await world.octet.fetch(
                Repository(name="x", project=project, source=str(source), vault=str(tmp_path / "other-vault"))
            )
        return caught.value

    (tmp_path / "nothing").mkdir()
    assert "not the folder of a git repository" in (await refusal(tmp_path / "nothing")).message
    assert "no branch trunk" in (await refusal(world.owner, "trunk")).message
    commit(world.owner, {"a.txt": "two\n"})
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{world.owner}", "shallow")
    assert "fetch --unshallow" in (await refusal(tmp_path / "shallow")).message
    git(world.owner, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--filter=blob:none", f"file://{world.owner}", "partial")
    assert "partial clone" in (await refusal(tmp_path / "partial")).message
    commit(world.owner, {"docs/.gitattributes": "# filter=lfs\n"})
    assert await world.octet.fetch(world.repository), "a comment stores nothing in LFS"
    commit(world.owner, {"docs/.gitattributes": "*.psd filter=lfs diff=lfs\n"})
    found = await refusal(world.owner)
    assert (found.code, found.details["paths"]) == ("lfs_refused", "docs/.gitattributes")
    commit(world.owner, {"docs/.gitattributes": ""})
    git(world.owner, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(tmp_path / "shallow"), "sub")
    git(world.owner, "commit", "-q", "-m", "Add a submodule")
    found = await refusal(world.owner)
    assert (found.code, found.details["paths"]) == ("submodules_refused", "sub")


async def test_a_folder_is_a_plain_repository_in_which_git_works(world: World) -> None:
    base = await world.begin()
    assert files_of(world.folder) == files_of(world.owner)
    assert git(world.folder, "status", "--porcelain", "--branch") == "## octet/T-1"
    assert git(world.folder, "rev-parse", "HEAD") == base
    commit(world.folder, {"a.txt": "mine\n"}, "Mine")
    git(world.folder, "gc", "-q", "--prune=now")
    git(world.folder, "fsck", "--strict")
    assert git(world.folder, "log", "--format=%s") == "Mine\nFirst"
    assert git(world.vault, "for-each-ref", "--format=%(refname)") == "refs/octet/base/main"


async def test_an_earlier_folder_is_replaced_and_a_users_is_not(world: World) -> None:
    await world.begin()
    write(world.folder, {"left.txt": "left"})
    await world.begin()
    assert not (world.folder / "left.txt").exists()
    (world.folder / ".git/octet").unlink()
    with pytest.raises(Conflict) as caught:
        await world.begin()
    assert caught.value.code == "folder_not_ours"
    assert (world.folder / "a.txt").exists()


@pytest.mark.parametrize("branch", ["../../x", "-b", "a..b", "", "a b", "x.lock", "a/\nb", "HEAD^{tree}", "@{-1}"])
async def test_a_name_that_is_no_branch_is_refused(world: World, branch: str) -> None:
    with pytest.raises(Invalid) as caught:
        await world.begin(branch)
    assert caught.value.code == "bad_branch"
    assert not world.folder.exists()


async def test_a_snapshot_has_all_files_but_the_ignored(world: World) -> None:
    commit(world.owner, {".gitignore": "*.log\nbuild/\n", "kept.log": "tracked\n"})
    base = await world.begin()
    write(world.folder, {"new/c.txt": "c\n", "noise.log": "no\n", "build/x": "no\n"})
    (world.folder / "a.txt").unlink()
    (world.folder / "run.sh").chmod(0o755)
    head = await world.save(base)
    assert set(await world.octet.list_files(world.repository, head)) == {
        ".gitignore", "kept.log", "lib/b.py", "new/c.txt", "run.sh",
    }  # fmt: skip
    assert git(world.vault, "ls-tree", head, "run.sh").startswith("100755")
    same = await world.octet.snapshot(world.repository, str(world.folder), parent=head, subject="Again")
    assert same.tree == git(world.vault, "rev-parse", f"{head}^{{tree}}")
    assert git(world.folder, "status", "--porcelain").splitlines()[0] == "D a.txt", "the agent's index is its own"


async def test_changes_and_patch_say_what_differs(world: World) -> None:
    commit(world.owner, {"long.txt": "".join(f"{n}\n" for n in range(50)), "old.txt": "old\n"})
    base = await world.begin()
    (world.folder / "long.txt").rename(world.folder / "moved.txt")
    (world.folder / "old.txt").unlink()
    write(
        world.folder,
        {"a.txt": "one\ntwo\n", "b.bin": b"\0\1", "moved.txt": "x\n" + (world.folder / "moved.txt").read_text()},
    )
    head = await world.save(base)
    assert await world.octet.changes(world.repository, base=base, head=head) == (
        FileChange(path="a.txt", kind=ChangeKind.CHANGED, added=1, deleted=0),
        FileChange(path="b.bin", kind=ChangeKind.ADDED),
        FileChange(path="moved.txt", kind=ChangeKind.RENAMED, was="long.txt", added=1, deleted=0),
        FileChange(path="old.txt", kind=ChangeKind.DELETED, added=0, deleted=1),
    )
    patch, is_whole = await world.octet.patch(world.repository, base=base, head=head, most=100_000)
    assert is_whole
    (world.root / "work.patch").write_bytes(patch)
    git(world.owner, "apply", "--index", str(world.root / "work.patch"))
    assert git(world.owner, "write-tree") == git(world.vault, "rev-parse", f"{head}^{{tree}}")
    part, is_whole = await world.octet.patch(world.repository, base=base, head=head, most=20)
    assert (part, is_whole) == (patch[:20], False)
    one, _ = await world.octet.patch(world.repository, base=base, head=head, most=9999, paths=("a.txt",))
    assert b"+two" in one
    assert b"moved" not in one
    assert await world.octet.patch(world.repository, base=base, head=head, most=9, paths=("\\x00",)) == (b"", True)


async def test_a_file_is_read_by_its_name_alone(world: World) -> None:
    base = await world.begin()
    (world.folder / "link.txt").symlink_to("expected text")
    write(world.folder, {"*.py": "star\n", "big": b"x" * 200_000})
    head = await world.save(base)

    async def read(path: str, most: int = 100) -> bytes | None:
        return await world.octet.read_file(world.repository, head, path, most=most)

    assert await read("lib/b.py") == b"x = 1\n"
    assert await read("*.py") == b"star\n"
    assert await read("big", 7) == b"x" * 7
    for path in (
        "lib",
        "none",
        "link.txt",
        "",
        ":/a.txt",
        "./a.txt",
        "../a.txt",
        "/a.txt",
        "a.txt/",
        "\\x00",
        "\\ud800",
    ):
        assert await read(path) is None, path
    assert "link.txt" not in await world.octet.list_files(world.repository, head)


async def test_a_switch_brings_the_folder_to_the_next_task_and_keeps_ignored_files(world: World) -> None:
    commit(world.owner, {".gitignore": ".venv/\n"})
    base = await world.begin()
    write(world.folder, {".venv/lib": "kept\n", "mine.txt": "mine\n", "a.txt": "mine\n"})
    git(world.folder, "checkout", "-q", "-b", "side")
    git(world.folder, "merge", "--no-ff", "--no-commit", "octet/T-1", check=False)
    (world.folder / ".git/MERGE_HEAD").write_text(base)
    now = await world.save(base)
    then = commit(world.owner, {"lib/b.py": "x = 2\n"})
    assert await world.octet.fetch(world.repository) == then
    await world.octet.switch(world.repository, str(world.folder), now=now, commit=then, branch="octet/T-2")
    assert files_of(world.folder) == files_of(world.owner) | {".venv/lib": b"kept\n"}
    assert git(world.folder, "status", "--porcelain", "--branch") == "## octet/T-2"
    await world.octet.switch(world.repository, str(world.folder), now=then, commit=now, branch="octet/T-1")
    assert (world.folder / "mine.txt").read_text() == "mine\n"


async def test_a_switch_loses_nothing_that_was_not_saved(world: World) -> None:
    base = await world.begin()
    write(world.folder, {"a.txt": "mine\n"})
    now = await world.save(base)
    write(world.folder, {"later.txt": "later\n"})
    with pytest.raises(Conflict) as caught:
        await world.octet.switch(world.repository, str(world.folder), now=now, commit=base, branch="octet/T-2")
    assert (caught.value.code, caught.value.details["paths"]) == ("folder_not_clean", "later.txt")
    assert (world.folder / "a.txt").read_text() == "mine\n"
    assert git(world.folder, "symbolic-ref", "HEAD") == "refs/heads/octet/T-1"


async def test_an_interrupted_switch_is_finished_by_the_next_call(world: World) -> None:
    base = await world.begin()
    write(world.folder, {"a.txt": "mine\n", "mine.txt": "mine\n"})
    now = await world.save(base)
    (world.folder / "mine.txt").unlink()  # as the switch to the base does it first
    await world.octet.switch(world.repository, str(world.folder), now=now, commit=base, branch="octet/T-2")
    assert files_of(world.folder) == files_of(world.owner)


async def test_the_log_lists_the_agents_commits_and_what_is_not_committed(world: World) -> None:
    base = await world.begin()
    options = {"branch": "octet/T-1", "base": base, "most": 2}
    assert await world.octet.log(world.repository, str(world.folder), **options) == ((), False)
    ids = [commit(world.folder, {"a.txt": f"{n}\n"}, f"Step {n}\n\nMore") for n in range(3)]
    git(world.folder, "gc", "-q")
    found, is_changed = await world.octet.log(world.repository, str(world.folder), **options)
    assert [(one.id, one.author, one.subject) for one in found] == [
        (ids[2], "Ada <ada@example.org>", "Step 2"),
        (ids[1], "Ada <ada@example.org>", "Step 1"),
    ]
    assert not is_changed
    write(world.folder, {"new.txt": "new\n"})
    assert (await world.octet.log(world.repository, str(world.folder), **options))[1]
    git(world.folder, "checkout", "-q", "--detach")
    git(world.folder, "branch", "-q", "-D", "octet/T-1")
    assert await world.octet.log(world.repository, str(world.folder), **options) == ((), True)


@pytest.mark.parametrize(("how", "parents"), [("merge", 2), ("squash", 1)])
async def test_a_merge_joins_the_work_with_the_newest_base_and_goes_to_the_owner(
    world: World, how: Literal["merge", "squash"], parents: int
) -> None:
    base = await world.begin()
    write(world.folder, {"a.txt": "mine\n"})
    first = await world.save(base)
    write(world.folder, {"b.txt": "mine\n"})
    head = await world.save(first)
    git(world.owner, "checkout", "-q", "--detach")
    git(world.owner, "checkout", "-q", "main")
    commit(world.owner, {"lib/b.py": "x = 2\n"})
    git(world.owner, "checkout", "-q", "-b", "elsewhere")
    onto = await world.octet.fetch(world.repository)
    merged = await world.octet.merge(world.repository, base=base, head=head, onto=onto, how=how, subject="Merge T-1")
    await world.octet.publish(world.repository, commit=merged.commit, branch="main", expected=onto)
    assert git(world.owner, "rev-parse", "main") == merged.commit
    assert len(git(world.owner, "show", "-s", "--format=%P", "main").split()) == parents
    assert git(world.owner, "log", "-1", "--format=%s by %an", "main") == "Merge T-1 by Octet"
    assert int(git(world.owner, "rev-list", "--count", f"{onto}..main")) == parents
    assert git(world.owner, "ls-tree", "-r", "--name-only", "main").split() == ["a.txt", "b.txt", "lib/b.py", "run.sh"]
    assert git(world.owner, "status", "--porcelain") == ""
    git(world.owner, "fsck", "--strict")
    again = await world.octet.merge(
        world.repository, base=base, head=head, onto=merged.commit, how=how, subject="Merge T-1"
    )
    assert again.commit == merged.commit, "a merge that is repeated after a crash adds nothing"


async def test_conflicts_are_listed_and_nothing_changes(world: World) -> None:
    base = await world.begin()
    write(world.folder, {"a.txt": "mine\n", "lib/b.py": "x = 3\n", "run.sh": "#!/bin/bash\n"})
    head = await world.save(base)
    onto = commit(world.owner, {"a.txt": "theirs\n", "lib/b.py": "x = 2\n"})
    await world.octet.fetch(world.repository)
    merged = await world.octet.merge(world.repository, base=base, head=head, onto=onto, how="merge", subject="Merge")
    assert (merged.commit, merged.conflicts) == ("", ("a.txt", "lib/b.py"))
    assert git(world.owner, "rev-parse", "main") == onto


async def test_a_branch_that_moved_or_is_checked_out_stays(world: World) -> None:
    base = await world.begin()
    write(world.folder, {"a.txt": "mine\n"})
    head = await world.save(base)

    async def refusal(branch: str, expected: str = "") -> OctetError:
        before = git(world.owner, "for-each-ref")
        with pytest.raises(Conflict) as caught:
            await world.octet.publish(world.repository, commit=head, branch=branch, expected=expected)
        assert git(world.owner, "for-each-ref") == before
        return caught.value

    found = await refusal("main", base)
    assert (found.code, found.details["folder"]) == ("branch_checked_out", str(world.owner))
    git(world.owner, "worktree", "add", "-q", str(world.root / "linked"), "-b", "side")
    found = await refusal("side", base)
    assert (found.code, found.details["folder"]) == ("branch_checked_out", str(world.root / "linked"))
    git(world.owner, "branch", "theirs")
    assert (await refusal("theirs")).code == "branch_exists"
    git(world.owner, "checkout", "-q", "-b", "elsewhere")
    git(world.owner, "branch", "-f", "main", commit(world.owner, {"c.txt": "c\n"}))
    assert (await refusal("main", base)).code == "base_moved"
    git(world.owner, "branch", "-D", "main")
    assert (await refusal("main", base)).code == "base_moved"


async def test_a_branch_that_octet_made_moves_on_until_its_owner_changes_it(world: World) -> None:
    base = await world.begin()
    write(world.folder, {"a.txt": "mine\n"})
    first = await world.save(base)
    await world.octet.publish(world.repository, commit=first, branch="octet/T-1")
    write(world.folder, {"a.txt": "more\n"})
    second = await world.save(base)
    await world.octet.publish(world.repository, commit=second, branch="octet/T-1")
    assert git(world.owner, "rev-parse", "octet/T-1") == second
    git(world.owner, "branch", "-f", "octet/T-1", base)
    with pytest.raises(Conflict) as caught:
        await world.octet.publish(world.repository, commit=second, branch="octet/T-1")
    assert caught.value.code == "branch_exists"


async def test_a_branch_that_is_rebased_counts_as_checked_out(world: World) -> None:
    base = await world.begin()
    commit(world.owner, {"a.txt": "main\n"})
    git(world.owner, "checkout", "-q", "-b", "topic", base)
    commit(world.owner, {"a.txt": "topic\n"})
    git(world.owner, "rebase", "main", check=False)
    with pytest.raises(Conflict) as caught:
        await world.octet.publish(world.repository, commit=base, branch="topic", expected="0" * 40)
    assert caught.value.code == "branch_checked_out"


async def test_an_export_has_the_files_and_no_git(world: World) -> None:
    base = await world.octet.fetch(world.repository)
    await world.octet.export(world.repository, base, str(world.root / "copy"))
    assert files_of(world.root / "copy") == files_of(world.owner)
    assert not (world.root / "copy/.git").exists()


async def test_removing_a_folder_leaves_what_its_links_point_to(world: World) -> None:
    await world.begin()
    write(world.root, {"precious/x": "x"})
    (world.folder / "link").symlink_to(world.root / "precious")
    locked = world.folder / "locked"
    locked.mkdir()
    (locked / "x").write_text("x")
    locked.chmod(0o500)
    await world.octet.remove_folder(str(world.folder))
    assert not world.folder.exists()
    assert (world.root / "precious/x").read_text() == "x"
    await world.octet.remove_folder(str(world.folder))
    world.folder.symlink_to(world.root / "precious")
    with pytest.raises(Conflict):
        await world.octet.remove_folder(str(world.folder))
    assert (world.root / "precious/x").exists()


async def test_git_that_fails_or_says_too_much_is_an_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    base = await world.begin()
    with pytest.raises(OctetError) as caught:
        await world.octet.changes(world.repository, base=base, head="0" * 40)
    assert caught.value.code == "git_failed"
    with pytest.raises(OctetError, match="more than 3 bytes"):
        await world.octet._git.run(str(world.vault), "cat-file", "blob", f"{base}:a.txt", most=3)
    monkeypatch.setattr("automation.git.command.OLDEST", (99, 0))
    with pytest.raises(OctetError) as caught:
        await Git().fetch(world.repository)
    assert caught.value.code == "git_missing"


@pytest.mark.parametrize(
    "name", [b"plain", "ümlaut".encode(), b"a\nb", b"\xff\xfe", b"back\\slash", b"\\n", "\u202e".encode()]
)
def test_a_path_is_shown_without_what_hides_in_it_and_found_again(name: bytes) -> None:
    assert _shown(name).isprintable()
    assert _raw(_shown(name)) == name


async def test_no_index_is_left_behind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (world.root / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(world.root / "temporary"))
    base = await world.begin()
    await world.save(base)
    assert not any((world.root / "temporary").iterdir())
