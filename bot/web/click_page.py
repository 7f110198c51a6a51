"""/desks/{name}/calibration: a session of questions and answers; and /point: the page on which a user clicks at a
composer that Octet did not find. A link lets one browser in, once. `octet calibrate` serves the page alone."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Annotated, cast

from fastapi import APIRouter, Body, Depends, Header, Request, Response
from pydantic import BaseModel, Field
from starlette.types import ASGIApp

from bot.web import errors
from bot.web.guard import CSP, Access, By, Core, Guard, RequiredAccess
from bot.web.verbs import PngResponse
from core.calibration import texts
from core.calibration.model import (
    Answer,
    CalibrationOptions,
    CalibrationResult,
    CalibrationStep,
    ChooseWindows,
    ComposerPlace,
    Pick,
    PointAt,
)
from core.calibration.ports import CalibrationDialog
from core.limits import NAME, PIXELS
from core.profiles.model import Box
from core.remedies import refused

PAGE = "/point"
BODY_LIMIT = 10_000
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FILES = {"page.html": "text/html", "page.js": "text/javascript", "page.css": "text/css"}

router = APIRouter(prefix=PAGE, include_in_schema=False)
calibrations = APIRouter(prefix="/desks/{name}/calibration")
LASTS_S = 1800.0  # A page ends this long after its link was made
MOST = 8  # pages at once; a new one ends the oldest


@dataclass(slots=True)
class _Link:
    dialog: CalibrationDialog
    since_s: float
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))  # lets one browser in; empty afterwards
    key: str = ""  # that browser's own, from then on


class OneTimeLinks:
    """The pages of one process, in memory only."""

    def __init__(self, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._links: list[_Link] = []

    def open(self, dialog: CalibrationDialog) -> str:
        """Make the token that lets one browser in; it goes into the address's fragment, which no server gets."""
        link = _Link(dialog, self._now_s())
        self._links = [*self._links[1 - MOST :], link]
        return link.token

    def enter(self, token: str) -> str:
        link = self._find(token, lambda link: link.token)
        link.token, link.key = "", secrets.token_urlsafe(32)
        return link.key

    def dialog(self, key: str) -> CalibrationDialog:
        """Find the calibration that this key is for. Raises link_expired."""
        return self._find(key, lambda link: link.key).dialog

    def _find(self, given: str, of: Callable[[_Link], str]) -> _Link:
        self._links = [link for link in self._links if self._now_s() - link.since_s <= LASTS_S]
        for link in self._links:
            if of(link) and hmac.compare_digest(given.encode(), of(link).encode()):
                return link
        raise refused("link_expired")


class Token(BaseModel, frozen=True, extra="forbid"):
    """The end of the page's address."""

    token: Annotated[str, Field(max_length=NAME.most)]


class Click(BaseModel, frozen=True, extra="forbid"):
    """A place of the picture, in its own pixels."""

    x: Annotated[int, Field(ge=PIXELS.least, le=PIXELS.most)]
    y: Annotated[int, Field(ge=PIXELS.least, le=PIXELS.most)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickPageState:
    """The content of the page."""

    asks: str
    lines: tuple[str, ...]
    picture: int = 0  # grows with each question about a window; 0: there is none
    box: Box | None = None  # the window that is asked about, on the picture
    is_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationWords:
    """What a calibration asks, what Octet has done, and why it proposes some windows not, by their numbers."""

    lines: tuple[str, ...]
    asks: str = ""
    why_not: Mapping[int, str] = field(default_factory=dict[int, str])


WAITS = "Octet asks for no composer now. Keep this page open."


_Name = Annotated[str, Field(max_length=NAME.most)]


def _links(request: Request) -> OneTimeLinks:
    return cast("OneTimeLinks", request.app.state.click_links)


def _let_in(request: Request, authorization: Annotated[str, Header()] = "") -> CalibrationDialog:
    return _links(request).dialog(authorization.removeprefix("Bearer ").strip())


LetIn = Annotated[CalibrationDialog, Depends(_let_in)]
"""The page's calibration; a route with this argument refuses a browser without the page's key."""


@calibrations.post("")
async def start(name: str, options: CalibrationOptions, core: Core, by: By) -> CalibrationStep:
    """Begin the calibration of a desk, and return its first step."""
    calibrate = core.maintenance.calibrate
    return await calibrate.start(name, options, by=by)


@calibrations.get("")
async def show_step(name: str, core: Core, by: By) -> CalibrationStep:
    """Show the present step of the calibration of a desk."""
    return await core.maintenance.calibrate.open(name, by=by).step()


@calibrations.post("/answer")
async def answer(
    name: str, given: Annotated[Answer, Body(discriminator="kind")], core: Core, by: By
) -> CalibrationStep:
    """Answer the present step, and return the next one."""
    return await core.maintenance.calibrate.open(name, by=by).answer(given)


@calibrations.get("/picture", response_class=PngResponse)
async def numbered_picture(name: str, core: Core, by: By) -> PngResponse:
    """Show the display with a number on each window that the present step asks about."""
    return PngResponse(await core.maintenance.calibrate.open(name, by=by).picture())


@calibrations.get("/words")
async def words(name: str, core: Core, by: By) -> CalibrationWords:
    """Say what the calibration asks and has done, for the page."""
    step = await core.maintenance.calibrate.open(name, by=by).step()
    match step.now:
        case None:
            return CalibrationWords(lines=step.lines)
        case CalibrationResult() as result:
            return CalibrationWords(lines=(*step.lines, *texts.ended(result)))
        case ChooseWindows() as question:
            picks = {one.number: Pick(number=one.number) for one in question.proposed}
            why_not = {one.number: texts.why_not(one) for one in question.candidates if one.why_not}
            return CalibrationWords(asks=texts.asks(question, picks), lines=step.lines, why_not=why_not)
        case question:
            return CalibrationWords(asks=texts.asks(question, {}), lines=step.lines)


@calibrations.post("/page")
async def open_page(name: str, request: Request, core: Core, by: By) -> dict[str, str]:
    """Make the address of the page, on this very host. It lets one browser in, once."""
    return {"path": f"{PAGE}#{_links(request).open(core.maintenance.calibrate.open(name, by=by))}"}


@router.get("")
@router.get("/files/{name}")
async def file(name: _Name = "page.html") -> Response:
    if name not in _FILES:
        return Response(status_code=404)
    text = resources.files("bot.web").joinpath("click_page_files", name).read_text("utf-8")
    return Response(text, media_type=_FILES[name], headers={CSP: _CSP})


@router.post("/enter")
async def enter(asked: Token, request: Request) -> dict[str, str]:
    return {"key": _links(request).enter(asked.token)}


@router.get("/board")
async def board(asking: LetIn) -> ClickPageState:
    step = await asking.step()
    lines = step.lines
    match step.now:
        case PointAt() as question:
            asks = f"{texts.asks(question, {})} Click at its middle."
            return ClickPageState(asks=asks, picture=step.number, box=question.window.box, lines=lines)
        case CalibrationResult() as result:
            lines = (*lines, *texts.ended(result))
            return ClickPageState(asks="That is all. You can close this page.", lines=lines, is_over=True)
        case _:
            return ClickPageState(asks=WAITS, lines=lines)


@router.get("/picture", response_class=Response)
async def picture(asking: LetIn) -> Response:
    return Response(await asking.picture(is_whole=True), media_type="image/png")


@router.post("/click", status_code=204)
async def click(at: Click, asking: LetIn) -> None:
    await asking.answer(ComposerPlace(point=(at.x, at.y)))


def create_page(links: OneTimeLinks, *, allowed_hosts: frozenset[str]) -> ASGIApp:
    app = errors.make_app()
    app.state.click_links = links
    app.include_router(router)
    return Guard(
        app, allowed_hosts=allowed_hosts, access={"": Access(need=RequiredAccess.NOTHING, body_limit=BODY_LIMIT)}
    )
