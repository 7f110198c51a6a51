"""Each problem of a wrong configuration is reported with its file, line, key and code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.config.loader import load
from core.home import Home
from core.kit.problems import ConfigWrong
from tests.broken_homes import HOMES, make_home


def test_there_are_enough_broken_homes() -> None:
    assert len(HOMES) >= 30


@pytest.mark.parametrize("name", sorted(HOMES))
def test_every_problem_has_its_place_and_its_code(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [one for one in os.environ if one.startswith("OCTET_")]:
        monkeypatch.delenv(variable)
    make_home(name, tmp_path)

    with pytest.raises(ConfigWrong) as wrong:
        load(Home(root=tmp_path))

    found = [f"{one.file}:{one.line or ''}: {one.key}: {one.code}" for one in wrong.value.problems]
    assert found == HOMES[name].problems
