"""Changing files of config/ for a person: comments kept, all of it or nothing."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from bot.cli.init.templates import copy_templates
from core.config import editor
from core.config.editor import Edit, change
from core.home import Home
from core.kit.files import write_whole
from core.kit.problems import ConfigWrong
from tests.builders import refuses


@pytest.fixture
def home(tmp_path: Path) -> Home:
    copy_templates(tmp_path / "home" / "config")
    return Home(root=tmp_path / "home")


def everything(home: Home) -> dict[str, bytes]:
    return {str(file.relative_to(home.root)): file.read_bytes() for file in home.root.rglob("*") if file.is_file()}


def rename(edit: Edit) -> None:
    agents: Any = edit.document("agents.toml")["agents"]
    agents[0]["name"] = "Ada"


def lines(home: Home, name: str) -> list[str]:
    return (home.config / name).read_text("utf-8").splitlines()


def test_a_change_touches_its_own_lines_alone_and_keeps_every_comment(home: Home) -> None:
    before = lines(home, "agents.toml")

    changed = change(home, rename)

    after = lines(home, "agents.toml")
    assert [(old, new) for old, new in zip(before, after, strict=True) if old != new] == [
        ('name = "Agent-1"', 'name = "Ada"')
    ]
    assert changed.files == (home.config / "agents.toml",)
    assert changed.config.home == home
    assert changed.config.agents[0].name == "Ada"


def test_what_makes_no_right_configuration_is_told_whole_and_never_written(home: Home) -> None:
    before = everything(home)

    def work(edit: Edit) -> None:
        rename(edit)
        agents: Any = edit.document("agents.toml")["agents"]
        agents[1]["desk"] = "nowhere"
        edit.document("desks/main.toml")["display"] = "screen"

    with pytest.raises(ConfigWrong) as wrong:
        change(home, work)

    assert [problem.file for problem in wrong.value.problems] == ["config/agents.toml", "config/desks/main.toml"]
    assert everything(home) == before


def test_new_files_are_made_in_the_same_change(home: Home) -> None:
    def work(edit: Edit) -> None:
        assert not edit.has("desks/second.toml")
        rename(edit)
        edit.write("desks/second.toml", 'display = ":7"\n')

    changed = change(home, work)

    assert {desk.name for desk in changed.config.desks} == {"main", "second"}
    assert len(changed.files) == 2


def test_a_change_that_changes_nothing_writes_nothing(home: Home) -> None:
    file = home.config / "agents.toml"
    stamp = file.stat().st_mtime_ns

    assert change(home, lambda edit: edit.document("agents.toml").update({})).files == ()
    assert file.stat().st_mtime_ns == stamp


def test_what_somebody_wrote_meanwhile_is_not_overwritten(home: Home) -> None:
    def work(edit: Edit) -> None:
        rename(edit)
        with (home.config / "agents.toml").open("a") as file:
            file.write("# mine\n")

    with refuses("changed_meanwhile", match=r"agents\.toml"):
        change(home, work)

    assert lines(home, "agents.toml")[-1] == "# mine"


def test_when_the_disk_refuses_the_second_file_the_first_is_put_back(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(home)

    def full(path: Path, text: str) -> None:
        if path.name == "main.toml" and path.is_relative_to(home.root):
            raise OSError(28, "No space left on device")
        write_whole(path, text)

    monkeypatch.setattr(editor, "write_whole", full)

    def work(edit: Edit) -> None:
        rename(edit)
        edit.write("desks/second.toml", 'display = ":7"\n')
        edit.document("desks/main.toml")["block_user_input"] = False

    with refuses("not_writable", match=r"cannot write .*main\.toml: no space left"):
        change(home, work)

    assert everything(home) == before


def test_a_file_that_is_no_toml_is_named(home: Home) -> None:
    (home.config / "agents.toml").write_text("[[agents")

    with refuses("not_changeable", match=r"cannot change .*agents\.toml: it is not TOML"):
        change(home, rename)


def test_who_may_read_a_file_stays_as_it_is_and_a_link_stays_a_link(home: Home, tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles.toml"
    file = home.config / "agents.toml"
    kept.write_bytes(file.read_bytes())
    kept.chmod(0o640)
    file.unlink()
    file.symlink_to(kept)

    change(home, rename)

    assert file.is_symlink()
    assert 'name = "Ada"' in kept.read_text("utf-8")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640
