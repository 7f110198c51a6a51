"""What people see in Discord is what the golden files say. `make golden` writes them anew; review the difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden import files
from tests.golden.scenes import SCENES


@pytest.mark.parametrize("scene", SCENES)
async def test_what_people_see_is_what_the_golden_files_say(scene: str, tmp_path: Path) -> None:
    record = await SCENES[scene](tmp_path)
    assert record.structure == files.structure()[scene], "components, colours, buttons or counts changed"
    assert record.sentences == files.sentences()[scene], "the words changed: run `make golden` and review its diff"


def test_the_golden_files_have_each_scene_and_no_other() -> None:
    assert list(files.structure()) == list(files.sentences()) == list(SCENES)
