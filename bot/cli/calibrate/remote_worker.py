"""A calibration by the Octet that runs, asked over its HTTP: `octet calibrate` works while Octet does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import cast
from urllib.parse import quote

from bot.cli.client import HttpAnswer, NoOctet, exchange
from bot.cli.operator import OctetNotRunning, RequestRefused, TryLater
from bot.runfile import Run
from bot.web.schemas.calibrations import ANSWER, OPTIONS, STEP, PageAnswer
from core.calibration.model import Answer, CalibrationOptions, CalibrationStep
from core.desks.model import DeskNotFound, DeskWithoutHands

LONG_S = 1800.0  # an answer may lead to drafts in many windows, each behind a delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteCalibration:
    """One calibration (calibration.ports.CalibrationDialog) of one desk."""

    run: Run
    desk: str
    wishes: CalibrationOptions

    async def start(self) -> CalibrationStep:
        """Look at the display, and ask. Raises DeskNotFound or DeskWithoutHands where no worker of it types there."""
        return STEP.validate_json((await self._exchange("POST", "", OPTIONS.dump_python(self.wishes))).body)

    async def step(self) -> CalibrationStep:
        """Tell where it stands."""
        return STEP.validate_json((await self._exchange("GET", "")).body)

    async def answer(self, answer: Answer) -> CalibrationStep:
        """Answer the question. Raises Refused with the reason that Octet gave."""
        body = ANSWER.dump_python(answer, mode="json")
        return STEP.validate_json((await self._exchange("POST", "/answer", body)).body)

    async def picture(self, *, is_whole: bool = False) -> bytes:
        """Take a PNG for the question."""
        assert not is_whole, "its page is its own"
        return (await self._exchange("GET", "/picture")).body

    async def page(self) -> str:
        """Open the page on which a user clicks at the composer; its address."""
        path = PageAnswer.model_validate_json((await self._exchange("POST", "/page")).body).path
        address = f"[{self.run.address}]" if ":" in self.run.address else self.run.address
        return f"http://{address}:{self.run.port}{path}"

    async def _exchange(self, method: str, verb: str, body: object = None) -> HttpAnswer:
        path = f"/api/v2/desks/{quote(self.desk, safe='')}/calibration{verb}"
        headers = {"Authorization": f"Bearer {self.run.token}"}
        given = cast("dict[str, object] | None", body)
        try:
            response = await asyncio.to_thread(
                exchange, self.run, method, path, body=given, headers=headers, timeout_s=LONG_S
            )
        except NoOctet as trouble:
            raise OctetNotRunning(home=self.run.home) from trouble
        match response.error_code:
            case "desk_without_hands":
                raise DeskWithoutHands(id=self.desk)
            case "desk_not_found":
                raise DeskNotFound(id=self.desk)
            case _ if not response.is_good:
                raise (TryLater if response.status >= 500 else RequestRefused)(why=response.error_message)
            case _:
                return response
