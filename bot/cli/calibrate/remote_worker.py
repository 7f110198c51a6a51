"""A calibration by the Octet that runs, asked over its HTTP: `octet calibrate` works while Octet does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import quote

from bot.cli.client import HttpAnswer
from bot.cli.operator import call
from bot.runfile import Run
from bot.web.calibrations import ANSWER, OPTIONS, STEP, PageAnswer
from core.calibration.model import Answer, CalibrationOptions, CalibrationStep
from core.home import Home

LONG_S = 1800.0  # an answer may lead to drafts in many windows, each behind a delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteCalibration:
    """One calibration (calibration.ports.CalibrationDialog) of one desk."""

    home: Home
    run: Run
    desk: str
    wishes: CalibrationOptions

    async def start(self) -> CalibrationStep:
        """Look at the display, and ask. Raises RequestRefused or TryLater where no worker of Octet types there."""
        return STEP.validate_json((await self._call("POST", "", OPTIONS.dump_python(self.wishes))).body)

    async def step(self) -> CalibrationStep:
        """Tell where it stands."""
        return STEP.validate_json((await self._call("GET", "")).body)

    async def answer(self, answer: Answer) -> CalibrationStep:
        """Answer the question. Raises RequestRefused with the reason that Octet gave."""
        return STEP.validate_json((await self._call("POST", "/answer", ANSWER.dump_python(answer, mode="json"))).body)

    async def picture(self, *, is_whole: bool = False) -> bytes:
        """Take a PNG for the question."""
        assert not is_whole, "its page is its own"
        return (await self._call("GET", "/picture")).body

    async def page(self) -> str:
        """Open the page on which a user clicks at the composer; its address."""
        path = PageAnswer.model_validate_json((await self._call("POST", "/page")).body).path
        address = f"[{self.run.address}]" if ":" in self.run.address else self.run.address
        return f"http://{address}:{self.run.port}{path}"

    async def _call(self, method: str, verb: str, body: object = None) -> HttpAnswer:
        path = f"/desks/{quote(self.desk, safe='')}/calibration{verb}"
        return await asyncio.to_thread(call, self.home, method, path, body=body, timeout_s=LONG_S)
