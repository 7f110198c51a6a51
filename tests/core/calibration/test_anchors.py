"""By which part a window is known while drafts come and go: never by one that the composer turns out to reach."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.calibration.calibrator import Calibrator, WindowChoice
from core.calibration.model import Measurement, Point, TrialResult
from core.desks.model import Window
from core.home import Home
from core.profiles.model import Box, Profile
from tests.fakes.display_probe import FakeDisplayProbe

ROOT = Path(__file__).parents[3]
REACHED = Box(x=0, y=290, width=200, height=16)
"""An anchor right above what was measured as the composer, which begins 20 pixels lower."""
HEADER = Box(x=0, y=0, width=300, height=30)


class Taller(FakeDisplayProbe):
    """Its composer is taller than it looks while it is empty: the first draft shows above what was measured."""

    anchors: tuple[Box, ...] = ()

    async def measure(self, window: int, point: Point | None, avoid: tuple[Box, ...] = ()) -> Measurement:
        return replace(await super().measure(window, point, avoid), anchors=self.anchors)

    async def trial(
        self,
        window: Window,
        profile: Profile,
        *,
        anchors: tuple[Box, ...],
        text: str,
        known: int = 0,
    ) -> TrialResult:
        if profile.composer.box.y == 310:
            return TrialResult(ok=False, note="it does not show there", drawn=Box(x=10, y=298, width=80, height=14))
        assert not any(anchor.overlaps(profile.composer.box) for anchor in anchors)
        return await super().trial(window, profile, anchors=anchors, text=text, known=known)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return Home(root=tmp_path)


@pytest.mark.parametrize("others", [(HEADER,), ()], ids=["another is left", "none is left"])
async def test_an_anchor_that_a_taller_composer_reaches_gives_way(home: Home, others: tuple[Box, ...]) -> None:
    scout = Taller("Octetdemo")
    scout.anchors = (REACHED, *others)
    calibration = Calibrator(home=home, scout=scout)
    await calibration.look()
    wanted = WindowChoice(window=1, profile="demo_tk", name="agent-1", agent="Agent-1", point=(100, 350))
    done = await calibration.connect(wanted, "apollo")
    assert (done.measured.anchors, done.measured.composer.y) == (others, 298)
    assert ("anchor" in done.calibrated) is bool(others)
