"""A pane is calibrated by the same questions and answers as windows, and its profile learns."""

from __future__ import annotations

import asyncio
import re
import shutil
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from core.calibration import texts
from core.calibration.model import (
    CalibrationFailed,
    CalibrationResult,
    ChooseWindows,
    Chosen,
    FoundWindow,
    NotProposed,
    NotTheQuestion,
    Pick,
)
from core.calibration.session import QuestionSession, calibrate_pane
from core.home import Home
from core.profiles.model import Box, Terminal
from core.reasons import Reason

ROOT = Path(__file__).parents[3]
FOUND = Terminal(prompt=r"^\s*┃", bar="^it's", busy="not learned here")
PANE = FoundWindow(
    id=0, kind="node", title="work:1.0", program="node", box=Box(x=0, y=0, width=90, height=30), is_shown=True
)


class Pane:
    """A home, and a pane in which drafts go as `trouble` says."""

    def __init__(self, root: Path) -> None:
        shutil.copytree(ROOT / "config", root / "config")
        file = root / "config/profiles/opencode.toml"
        text = re.sub(r"(?m)^(?:bar|prompt|end|placeholder) = .*\n", "", file.read_text("utf-8"))
        file.write_text(f'{text}"terminal.prompt" = "what begins the composer\'s first line"\n', "utf-8")
        self.home = Home(root=root)
        self.trouble: CalibrationFailed | None = None
        self.drafts: list[tuple[str, Sequence[str]]] = []

    async def learn(self, draft: str, clear: Sequence[str]) -> Terminal:
        self.drafts.append((draft, clear))
        if self.trouble:
            raise self.trouble
        return FOUND

    def steps(self, profile: str = "opencode") -> QuestionSession:
        lines: list[str] = []
        return QuestionSession(calibrate_pane(self.home, PANE, profile, self.learn, lines), lines)

    def profile(self) -> dict[str, Any]:
        return tomllib.loads((self.home.config / "profiles/opencode.toml").read_text("utf-8"))


@pytest.fixture
def pane(tmp_path: Path) -> Pane:
    return Pane(tmp_path)


def answered(steps: QuestionSession, *picks: Pick) -> CalibrationResult:
    async def work() -> CalibrationResult:
        await steps.start()
        ended = await steps.answer(Chosen(picks=picks))
        assert isinstance(ended.now, CalibrationResult)
        return ended.now

    return asyncio.run(work())


def test_a_yes_tries_a_draft_and_writes_the_patterns_into_the_profile(pane: Pane) -> None:
    file = pane.home.config / "profiles/opencode.toml"
    file.write_text(
        file.read_text("utf-8").replace("[terminal]\n", "[terminal]\nmargin = '^x'\nend = '^old'\n"), "utf-8"
    )
    before, steps = pane.profile(), pane.steps()
    result = answered(steps, Pick(number=1))
    [(draft, clear)] = pane.drafts
    assert draft.startswith("octet calibration ")
    assert list(clear) == before["clear"]
    after = pane.profile()
    kept = {name: value for name, value in before["terminal"].items() if name not in {"margin", "end"}}
    assert after["terminal"] == {**kept, "prompt": FOUND.prompt, "bar": FOUND.bar}
    assert "terminal.prompt" in before["calibrate"]
    assert "terminal.prompt" not in after["calibrate"]
    assert f"prompt = {FOUND.prompt}" in asyncio.run(steps.step()).lines
    assert texts.ended(result) == [
        "work:1.0: typed a draft, read it from the screen and deleted it; opencode now describes its composer",
        f"wrote {file}",
    ]


@pytest.mark.parametrize("trouble", [None, CalibrationFailed(Reason.NO_COMPOSER)], ids=["no", "no draft"])
def test_nothing_is_written_without_a_yes_or_a_draft_that_worked(pane: Pane, trouble: CalibrationFailed | None) -> None:
    before, pane.trouble = pane.profile(), trouble
    result = answered(pane.steps(), *[Pick(number=1)] * bool(trouble))
    assert (result.connected, result.files, bool(result.code), bool(pane.drafts)) == ((), (), *[bool(trouble)] * 2)
    assert pane.profile() == before


def test_without_a_profile_the_pane_is_listed_and_the_answer_may_name_one(pane: Pane) -> None:
    first = asyncio.run(pane.steps("").start())
    assert isinstance(first.now, ChooseWindows)
    assert [one.why_not for one in first.now.candidates] == [NotProposed.NO_PROFILE]
    assert "no_such" in answered(pane.steps(""), Pick(number=1, profile="no_such")).note
    assert not pane.drafts
    assert answered(pane.steps(""), Pick(number=1, profile="opencode")).connected


def test_there_is_no_picture_of_a_pane(pane: Pane) -> None:
    with pytest.raises(NotTheQuestion):
        asyncio.run(pane.steps().picture())
