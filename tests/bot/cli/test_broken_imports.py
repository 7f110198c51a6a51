"""An old file of coordinates that is wrong is told whole, with its places, and touches nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli import commands

BROKEN = Path(__file__).parents[2] / "data" / "broken_imports"
FILES = sorted(path.stem for path in BROKEN.glob("*.json"))


def test_there_are_broken_files_of_another_shape_and_of_its_own() -> None:
    assert {"nested", "list"} < set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_every_problem_of_an_old_file_is_told(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = BROKEN / f"{name}.json"
    code = commands.main(["desk", "import", str(file), "--home", str(tmp_path / "home")])
    told = capsys.readouterr()
    expected = (BROKEN / f"{name}.txt").read_text(encoding="utf-8")
    assert (told.err.replace(str(file), file.name), told.out, code) == (expected, "", 2)
    assert list(tmp_path.iterdir()) == []
