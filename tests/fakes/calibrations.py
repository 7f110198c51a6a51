"""Calibrations of a display that exists only here, by the real sessions; and reloads that only remember."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from bot.cli.init.templates import copy_templates
from core.calibration.calibrator import Calibrator
from core.calibration.model import CalibratedWindow, CalibrationOptions, CalibrationStep, ConnectedWindow
from core.calibration.service import Calibrations
from core.calibration.session import CalibrationSession
from core.coordinator import Coordinator
from core.home import Home
from core.maintenance.model import Reloaded
from core.maintenance.ports import Reloads
from core.profiles.model import Box
from core.remedies import refused
from core.security.model import Actor, Permission, require
from tests.fakes.display_probe import FakeDisplayProbe

PNG = b"\x89PNG\r\n\x1a\n"
CONNECTED = ConnectedWindow(
    window="agent-1", title="chat", agent="Window-1", profile="demo_tk", read_by="copy", is_told=True
)


class FakeCalibrations(Calibrations):
    """Two chats of the demo on the display of the desk "main"."""

    def __init__(self, root: Path) -> None:
        self._home = Home(root=root)
        copy_templates(self._home.config)
        self.scout = FakeDisplayProbe("OctetChat", "OctetChat")
        self.taken_over: list[str] = []
        self._sessions: dict[str, CalibrationSession] = {}

    async def start(self, desk: str, options: CalibrationOptions | None = None, *, by: Actor) -> CalibrationStep:
        require(by, Permission.DESK_SEE)
        if desk != "main":
            raise refused("desk_without_worker", id=desk)

        async def rest(_: float) -> None: ...

        async def draw(png: bytes, part: Box | None, places: Mapping[int, Box]) -> bytes:
            return png

        async def take_over(connected: Sequence[CalibratedWindow]) -> None:
            self.taken_over += [one.agent for one in connected]

        session = self._sessions[desk] = CalibrationSession(
            Calibrator(home=self._home, scout=self.scout, rest=rest),
            desk=desk,
            display=":0",
            options=options or CalibrationOptions(),
            draw=draw,
            take_over=take_over,
        )
        return await session.start()

    def open(self, desk: str, *, by: Actor) -> CalibrationSession:
        require(by, Permission.DESK_SEE)
        if desk not in self._sessions:
            raise refused("no_open_calibration", id=desk)
        return self._sessions[desk]


def reload_by(octet: Coordinator, reload: Reloads, calibrate: Calibrations | None = None) -> None:
    """Have this coordinator reload and calibrate by these."""
    octet.maintenance._reload = reload
    octet.maintenance.calibrate = calibrate or octet.maintenance.calibrate


class FakeReload:
    """Reads nothing."""

    def __init__(self) -> None:
        self.desks: list[str] = []
        """Those whose workers had to begin again."""

    async def __call__(self, *, by: Actor, desks: Collection[str] = ()) -> Reloaded:
        del by
        self.desks += desks
        return Reloaded()
