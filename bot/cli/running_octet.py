"""The hands of the Octet that runs in a home, asked over its HTTP: `octet calibrate` works while Octet does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, cast
from urllib.parse import quote

from bot.cli.client import NobodyAnswers, Response, exchange
from bot.cli.operator import Later, NotRunning, Refused
from bot.runfile import Run
from core.calibration.model import Connected, Measured, NotMeasured, Point, Pointer, Survey, Tried
from core.desks.model import DeskNotFound, DeskUnavailable, DeskWithoutHands
from core.profiles.model import Box, Profile

if TYPE_CHECKING:
    from bot.web.schemas.scouting import Asked, Said
    from core.desks.model import Window

LONG_S = 300.0
"""A trial may lie behind a delivery, and then wait for an agent that works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningOctet:
    """The eyes and hands (calibration.ports.Scout) that a running Octet has on one desk's display."""

    run: Run
    desk: str

    async def survey(self) -> Survey:
        """What stands there now."""
        from bot.web.schemas.scouting import AskSurvey

        said = (await self._asked(AskSurvey())).survey
        assert said is not None
        return said

    async def pointer(self) -> Pointer:
        """Where the pointer is now."""
        from bot.web.schemas.scouting import AskPointer

        said = (await self._asked(AskPointer())).pointer
        assert said is not None
        return said

    async def whole_picture(self) -> bytes:
        """A PNG of the whole display."""
        return (await self._exchange("GET", "scout/picture")).body

    async def measure(self, window: int, point: Point | None, avoid: tuple[Box, ...] = ()) -> Measured:
        """What is seen of this window. Raises NotMeasured."""
        from bot.web.schemas.scouting import AskMeasure

        said = (await self._asked(AskMeasure(window=window, point=point, avoid=avoid))).measured
        assert said is not None
        return said

    async def trial(
        self,
        window: Window,
        profile: Profile,
        *,
        anchors: tuple[Box, ...],
        text: str,
        send: bool = False,
        known: int = 0,
    ) -> Tried:
        """Stage a draft in this window, read it back and clear it."""
        from bot.web.schemas.scouting import AskTrial

        asked = AskTrial(window=window, profile=profile, anchors=anchors, text=text, send=send, known=known)
        said = (await self._asked(asked)).tried
        assert said is not None
        return said

    async def take_over(self, connected: Sequence[Connected]) -> None:
        """Let it work by what was written about these windows."""
        windows = [{"window": one.window.name, "agent": one.agent, "profile": one.window.profile} for one in connected]
        await self._exchange("POST", "written", {"windows": windows})

    async def _asked(self, asked: Asked) -> Said:
        from bot.web.schemas.scouting import ASKED, Said

        body = cast("Mapping[str, object]", ASKED.dump_python(asked, mode="json"))
        return Said.model_validate_json((await self._exchange("POST", "scout", body)).body)

    async def _exchange(self, method: str, verb: str, body: Mapping[str, object] | None = None) -> Response:
        path = f"/api/v2/desks/{quote(self.desk, safe='')}/{verb}"
        headers = {"Authorization": f"Bearer {self.run.token}"}
        try:
            response = await asyncio.to_thread(
                exchange, self.run, method, path, body=body, headers=headers, timeout_s=LONG_S
            )
        except NobodyAnswers as trouble:
            raise NotRunning(home=self.run.home) from trouble
        if not response.is_good:
            self._refuse(response)
        return response

    def _refuse(self, response: Response) -> NoReturn:
        """As the hands themselves would have said it."""
        error = cast("dict[str, Any]", cast("dict[str, Any]", response.json() or {}).get("error", {}))
        why = str(error.get("details", {}).get("why", ""))
        match response.error_code:
            case "not_measured":
                raise NotMeasured(why=why)
            case "desk_unavailable":
                raise DeskUnavailable(id=self.desk, why=why)
            case "desk_without_hands":
                raise DeskWithoutHands(id=self.desk)
            case "desk_not_found":
                raise DeskNotFound(id=self.desk)
            case _:
                pass
        raise (Later if response.status >= 500 else Refused)(why=response.error_message)
