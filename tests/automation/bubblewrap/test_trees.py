"""Folders with whatever a command leaves: measured, handed over and removed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from automation.bubblewrap.trees import give, remove_tree, stored


def deep(folder: Path, levels: int) -> None:
    """Make folders in folders: their path gets longer than any path may be."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("deeper", dir_fd=here)
        below = os.open("deeper", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    (folder / "closed" / "inner").mkdir(parents=True)
    (folder / "closed" / "inner" / "file").write_text("x")
    (folder / "closed" / "inner" / "file").chmod(0)
    (folder / "closed" / "inner").chmod(0)
    (folder / "closed").chmod(0o500)
    (folder / "name\n\x1b[2J").write_text("x")
    (folder / "file").symlink_to(tmp_path / "precious" / "file")
    (folder / "folder").symlink_to(tmp_path / "precious")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("precious")
    (tmp_path / "precious" / "file").chmod(0o400)
    return folder


def test_a_hostile_tree_is_removed_and_no_link_is_followed(hostile: Path) -> None:
    deep(hostile, 3_000)
    with pytest.raises((RecursionError, OSError)):  # the control: what removes trees elsewhere does not remove this one
        shutil.rmtree(hostile)
    remove_tree(str(hostile))
    assert not hostile.exists()
    precious = hostile.parent / "precious" / "file"
    assert (precious.read_text(), precious.stat().st_mode & 0o777) == ("precious", 0o400)


def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "copy").symlink_to(tmp_path / "precious")
    with pytest.raises(NotADirectoryError):
        remove_tree(str(tmp_path / "copy"))
    assert (tmp_path / "precious").is_dir()


def test_a_tree_is_measured_with_its_empty_files_and_says_where_it_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(100_000))
    before, is_whole = stored(str(tmp_path))
    assert (100_000 <= before < 200_000, is_whole) == (True, True)
    for number in range(100):
        (tmp_path / f"empty-{number}").touch()
    assert stored(str(tmp_path))[0] >= before + 100 * 4_096
    deep(tmp_path, 1_000)
    assert not stored(str(tmp_path))[1]
    remove_tree(str(tmp_path))


def test_handing_over_changes_links_and_not_what_they_name(hostile: Path) -> None:
    mine = os.geteuid()
    other = 61_000 if mine == 0 else mine  # others can give nothing away
    give(str(hostile), other)
    assert {os.lstat(hostile).st_uid, os.lstat(hostile / "file").st_uid} == {other}
    assert (hostile.parent / "precious" / "file").stat().st_uid == mine
