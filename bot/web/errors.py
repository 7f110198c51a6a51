"""Turns errors into HTTP: a status per family, and one shape for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from bot.verbs.naming import on_the_page
from bot.verbs.schemas import problems_in, sentence_of
from bot.web.description import DescribedApp
from core.kit.errors import Conflict, Denied, Invalid, NoRoom, NotFound, OctetError, Unavailable
from core.tasks.model import AnswerRateExceeded

PAGE_HEADER = "octet-log-in"  # which only the page sends


class NoToken(Denied):
    """This needs an API key or the operator's token, as `Authorization: Bearer …`. An admin makes a key with
    `octet admin key-new`; the token is in run.json in this Octet's home."""


class ApiKeyRefused(NoToken):
    """This API key is unknown, revoked or expired. Ask an admin of this Octet for a new one (`octet admin key-new`)."""


class NotLoggedIn(NoToken):
    """This browser is not logged in any more. Run `octet page` for a new link."""


class NoReplyKey(NoToken):
    """This needs a reply key, as `Authorization: Bearer …`: a code alone is not enough. `octet done` reads it from
    run.json. If the agent may not read that file, the owner of this Octet runs `octet agent env` for it."""


class TooManyRequests(Unavailable):
    """This log-in or API key has reached its limit of {limit} {unit} within a minute. Try again in {after_s} s."""


class BodyTooLarge(Invalid):
    """This request is larger than {limit} bytes. Send less."""


_STATUS: tuple[tuple[type[OctetError], int], ...] = (
    (NoToken, 401),
    (BodyTooLarge, 413),
    (AnswerRateExceeded, 429),
    (TooManyRequests, 429),
    (NotFound, 404),
    (Conflict, 409),
    (Denied, 403),
    (Invalid, 422),
    (NoRoom, 507),
    (Unavailable, 503),
)
"""The first that fits counts."""


def status_of(error: OctetError) -> int:
    return next((status for family, status in _STATUS if isinstance(error, family)), 500)


def answer(error: OctetError, words: Callable[[str], str] = str) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, NoToken) else {}
    if "after_s" in error.details:
        headers["Retry-After"] = str(error.details["after_s"])
    details = {name: value if isinstance(value, int) else str(value) for name, value in error.details.items()}
    return _shaped(status_of(error), error.code, words(error.message), details, headers)


def make_app() -> FastAPI:
    """Make an application without routes, in which every error has the same shape."""
    app = DescribedApp(title="Octet", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(OctetError, _octet_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected_error)
    return app


def _shaped(
    status: int, code: str, message: str, details: Mapping[str, object], headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Write problem details (RFC 9457): programs decide by `code` and `details`, users read `detail`."""
    content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": message}
    content |= {"code": code, "details": details}
    return JSONResponse(content, status_code=status, headers=headers, media_type="application/problem+json")


async def _octet_error(request: Request, error: Exception) -> JSONResponse:
    return answer(cast("OctetError", error), words=on_the_page if PAGE_HEADER in request.headers else str)


async def _invalid_request(_request: Request, error: Exception) -> JSONResponse:
    problems = problems_in(cast("RequestValidationError", error).errors())
    return _shaped(422, "invalid", sentence_of(problems), {"problems": problems})


async def _http_error(_request: Request, error: Exception) -> JSONResponse:
    refused = cast("HTTPException", error)
    if refused.status_code == 400:
        return _shaped(422, "invalid", "This request's body is not JSON in UTF-8. Correct it and send it again.", {})
    code = {404: "not_found", 405: "method_not_allowed"}.get(refused.status_code, "refused")
    return _shaped(refused.status_code, code, f"{refused.detail}.", {}, refused.headers)


async def _unexpected_error(_request: Request, _error: Exception) -> JSONResponse:
    return answer(OctetError())  # the guard logs it
