"""/point: the page on which a user clicks at a composer that Octet did not find, its picture, and the clicks."""

from __future__ import annotations

from importlib import resources
from typing import Annotated, cast

from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import ASGIApp

from bot.web import errors
from bot.web.auth import Need
from bot.web.guard import CSP, Access, Guard
from bot.web.pointing.doors import OneTimeLinks
from core.calibration import texts
from core.calibration.model import CalibrationResult, ComposerPlace, PointAt
from core.calibration.ports import CalibrationDialog
from core.profiles.model import Box

PAGE = "/point"
BODY_LIMIT = 10_000
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FILES = {"page.js": "text/javascript", "page.css": "text/css"}

router = APIRouter(prefix=PAGE)


class Token(BaseModel):
    """What the address of the page ends with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: Annotated[str, Field(max_length=100)]


class Key(BaseModel):
    """What the browser that came by the address shows from then on."""

    model_config = ConfigDict(frozen=True)

    key: str


class Click(BaseModel):
    """A place of the picture, in its own pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    x: Annotated[int, Field(ge=-100_000, le=100_000)]
    y: Annotated[int, Field(ge=-100_000, le=100_000)]


class ClickPageState(BaseModel):
    """What the page shows."""

    model_config = ConfigDict(frozen=True)

    asks: str
    picture: int
    """Grows with each question about a window; 0: there is none."""
    box: Box | None
    """The window that is asked about, on the picture."""
    said: tuple[str, ...]
    is_over: bool


WAITS = "Octet asks for no composer just now. Keep this page."


def _doors(request: Request) -> OneTimeLinks:
    return cast("OneTimeLinks", request.app.state.doors)


def _let_in(request: Request, authorization: Annotated[str, Header()] = "") -> CalibrationDialog:
    return _doors(request).asking(authorization.removeprefix("Bearer ").strip())


LetIn = Annotated[CalibrationDialog, Depends(_let_in)]
"""Whose page it is; a route with this argument refuses whoever did not come by its address."""


@router.get("")
async def page() -> Response:
    return _file("page.html", "text/html")


@router.get("/files/{name}")
async def file(name: str) -> Response:
    if name not in _FILES:
        return Response(status_code=404)
    return _file(name, _FILES[name])


@router.post("/enter")
async def enter(asked: Token, request: Request) -> Key:
    return Key(key=_doors(request).enter(asked.token))


@router.get("/board")
async def board(asking: LetIn) -> ClickPageState:
    step = await asking.step()
    lines = step.lines
    match step.now:
        case PointAt() as question:
            asks = f"{texts.asks(question, {})} Click at its middle."
            return ClickPageState(asks=asks, picture=step.number, box=question.window.box, said=lines, is_over=False)
        case CalibrationResult() as result:
            said = (*lines, *texts.ended(result))
            return ClickPageState(
                asks="That is all. You can close this page.", picture=0, box=None, said=said, is_over=True
            )
        case _:
            return ClickPageState(asks=WAITS, picture=0, box=None, said=lines, is_over=False)


@router.get("/picture", response_class=Response)
async def picture(asking: LetIn) -> Response:
    return Response(await asking.picture(is_whole=True), media_type="image/png")


@router.post("/click", status_code=204)
async def click(at: Click, asking: LetIn) -> None:
    await asking.answer(ComposerPlace(point=(at.x, at.y)))


def _file(name: str, kind: str) -> Response:
    text = resources.files("bot.web.pointing").joinpath(name).read_text("utf-8")
    return Response(text, media_type=kind, headers={CSP: _CSP})


def create_page(doors: OneTimeLinks, *, allowed_hosts: frozenset[str]) -> ASGIApp:
    """An application that serves nothing but the page."""
    app = FastAPI(title="Octet", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.doors = doors
    errors.install(app)
    app.include_router(router)
    return Guard(app, allowed_hosts=allowed_hosts, access={"": Access(need=Need.NOTHING, body_limit=BODY_LIMIT)})
