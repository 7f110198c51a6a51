"""/page: the built page (its source is in web/), and how a browser logs in on it.

The page and its files are public and hold no data. Loading it uses nothing up: the code is the address's fragment,
which no server gets, until the page exchanges it."""

from __future__ import annotations

from importlib import resources
from pathlib import PurePosixPath
from typing import Annotated, cast

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from bot.web.discord_log_in import LASTS_S, DiscordLogIn
from bot.web.guard import COOKIE, CSP, PAGE, SECURE, Callers, Core, PublicAddress
from core.limits import NAME, REASON
from core.remedies import refused
from core.security.model import LOG_IN_LASTS_MS, NewLogIn

LOG_IN = "/log-in"
BODY_LIMIT = 10_000
_BEGUN = "octet-log-in-begun"  # the cookie of a browser that a user sent to Discord
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
_FOREVER = "public, max-age=31536000, immutable"  # the names of these files hold a hash of their content
_NOT_BUILT = "The page is not built yet. In a checkout run `make page`, and load this again.\n"

router = APIRouter()


class Code(BaseModel, frozen=True, extra="forbid"):
    """The end of the page's address."""

    code: Annotated[str, Field(max_length=NAME.most)]


class FromDiscord(BaseModel, frozen=True, extra="forbid"):
    """With what Discord sent the browser back."""

    code: Annotated[str, Field(max_length=NAME.most)]
    state: Annotated[str, Field(max_length=NAME.most)]


@router.get(PAGE, include_in_schema=False)
@router.get(PAGE + "/{path:path}", include_in_schema=False)
async def file(path: Annotated[str, Field(max_length=NAME.most)] = "") -> Response:
    """Return a file of the built page; any other path below /page is a view of the page itself."""
    built = resources.files("bot.web").joinpath("static")
    name = path if PurePosixPath(path).suffix in _TYPES and ".." not in path else "index.html"
    try:
        content = built.joinpath(name).read_bytes()
    except OSError:
        text = _NOT_BUILT if name == "index.html" else ""
        return Response(text, status_code=404, media_type="text/plain", headers={CSP: _CSP})
    kept = {"Cache-Control": _FOREVER} if name.startswith("assets/") else {}
    kept |= {"Service-Worker-Allowed": PAGE} if name == "sw.js" else {}
    return Response(content, media_type=_TYPES[PurePosixPath(name).suffix], headers={CSP: _CSP, **kept})


@router.post(LOG_IN + "/look")
async def look(asked: Code, core: Core) -> dict[str, str]:
    """Say whom this code logs in, without using it up."""
    return {"who": core.log_ins.invited(asked.code).name}


@router.post(LOG_IN)
async def enter(asked: Code, request: Request, response: Response, core: Core) -> dict[str, str]:
    """Exchange the code for a cookie and a second secret; Octet takes only both together."""
    browser = request.headers.get("user-agent", "")[: REASON.most]
    new = await core.log_ins.enter(asked.code, browser=browser)
    return _let_in(new, request, response)


@router.get(LOG_IN + "/ways")
async def ways(request: Request) -> dict[str, bool]:
    """Say how one logs in at this address, beside by a link."""
    return {"discord": _discord(request).is_offered and _public(request).serves(request.headers)}


@router.post(LOG_IN + "/discord")
async def begin_with_discord(request: Request, response: Response) -> dict[str, str]:
    """Begin a log-in with Discord in this browser, which then opens the address."""
    if not (await ways(request))["discord"]:
        raise refused("no_log_in_with_discord")
    address, browser = _discord(request).begin()
    set_cookie(request, response, _BEGUN, browser, max_age_s=int(LASTS_S))
    return {"address": address}


@router.post(LOG_IN + "/discord/confirm")
async def enter_with_discord(came: FromDiscord, request: Request, response: Response, core: Core) -> dict[str, str]:
    """Log in the user whom Discord names for the code that it gave this browser."""
    begun = _public(request).cookie_in(request.headers, _BEGUN)
    person = await _discord(request).confirm(came.code, came.state, begun)
    browser = request.headers.get("user-agent", "")[: REASON.most]
    return _let_in(await core.log_ins.enter_as(f"discord:{person}", browser=browser), request, response)


def _discord(request: Request) -> DiscordLogIn:
    return cast("DiscordLogIn", request.app.state.discord_log_in)


def _public(request: Request) -> PublicAddress:
    return cast("Callers", request.app.state.callers).public


def _let_in(new: NewLogIn, request: Request, response: Response) -> dict[str, str]:
    set_cookie(request, response, COOKIE, new.cookie, max_age_s=LOG_IN_LASTS_MS // 1000)
    return {"id": new.log_in.id, "secret": new.secret}


def set_cookie(request: Request, response: Response, name: str, value: str, *, max_age_s: int) -> None:
    """Set a cookie for this very address, which scripts cannot read; `__Host-` and Secure where it is https."""
    name = _public(request).cookie(request.headers, name)
    is_secure = name.startswith(SECURE)
    response.set_cookie(name, value, max_age=max_age_s, httponly=True, secure=is_secure, samesite="strict")
