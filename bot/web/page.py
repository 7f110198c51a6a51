"""/page: the built page (its source is in web/), and how a browser logs in on it.

The page and its files are public and hold no data. Loading it uses nothing up: the code is the address's fragment,
which no server gets, until the page exchanges it."""

from __future__ import annotations

from importlib import resources
from pathlib import PurePosixPath
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from bot.web.guard import COOKIE, CSP, Core
from core.limits import NAME, REASON
from core.security.model import LOG_IN_LASTS_MS

PAGE, LOG_IN = "/page", "/log-in"
BODY_LIMIT = 10_000
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
    response.set_cookie(COOKIE, new.cookie, max_age=LOG_IN_LASTS_MS // 1000, httponly=True, samesite="strict")
    return {"id": new.log_in.id, "secret": new.secret}
