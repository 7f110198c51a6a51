"""The one place that turns errors into HTTP: a status per family, and one shape for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from core.kit.errors import Conflict, Denied, Invalid, NoRoom, NotFound, OctetError, Unavailable
from core.tasks.model import AnswerRateExceeded


class NoToken(Denied):
    """This needs the operator's token, as `Authorization: Bearer …`. It stands in run.json in this Octet's home."""


class NoReplyKey(NoToken):
    """This needs a reply key, as `Authorization: Bearer …`: a code alone is not enough. `octet done` takes it from
    run.json; an agent that may not read that file gets one by `octet agent env`, run by the owner of this Octet."""


class HostRefused(Denied):
    """Octet does not answer to this Host. Use the address that `octet run` printed."""


class OriginRefused(Denied):
    """Octet does not take requests that another web page makes."""


class BodyTooLarge(Invalid):
    """This request is larger than {limit} bytes. Send less."""


class BodyIncomplete(Invalid):
    """This request's body did not arrive whole. Send it again."""


class TooManyBodies(Unavailable):
    """Octet is receiving too many large requests at one time. Send this again in a few seconds."""


_STATUS: tuple[tuple[type[OctetError], int], ...] = (
    (NoToken, 401),
    (BodyTooLarge, 413),
    (AnswerRateExceeded, 429),
    (NotFound, 404),
    (Conflict, 409),
    (Denied, 403),
    (Invalid, 422),
    (NoRoom, 507),
    (Unavailable, 503),
)
"""The first that fits counts."""


def status_of(error: OctetError) -> int:
    """The HTTP status that says the same as the error's family."""
    return next((status for family, status in _STATUS if isinstance(error, family)), 500)


def answer(error: OctetError) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, NoToken) else {}
    if isinstance(error, AnswerRateExceeded):
        headers["Retry-After"] = str(error.details["after_s"])
    details = {name: value if isinstance(value, int) else str(value) for name, value in error.details.items()}
    return _shaped(status_of(error), error.code, error.message, details, headers)


def install(app: FastAPI) -> None:
    """Give every error that a route can raise the same shape."""
    app.add_exception_handler(OctetError, _ours)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _of_the_framework)
    app.add_exception_handler(Exception, _unforeseen)


def _shaped(
    status: int, code: str, message: str, details: Mapping[str, object], headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Problem details (RFC 9457): programs decide by `code` and `details`, people read `detail`."""
    content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": message}
    content |= {"code": code, "details": details}
    return JSONResponse(content, status_code=status, headers=headers, media_type="application/problem+json")


async def _ours(_request: Request, error: Exception) -> JSONResponse:
    return answer(cast("OctetError", error))


async def _malformed(_request: Request, error: Exception) -> JSONResponse:
    """What pydantic found. Its copy of the input is left out: an input may be a code or an answer."""
    found = cast("RequestValidationError", error).errors()
    problems = [{"where": ".".join(str(part) for part in one["loc"]), "what": str(one["msg"])} for one in found]
    why = "; ".join(f"{one['where']}: {one['what']}" for one in problems)
    return _shaped(422, "invalid", f"This request cannot be used: {why}.", {"problems": problems})


async def _of_the_framework(_request: Request, error: Exception) -> JSONResponse:
    refused = cast("HTTPException", error)
    if refused.status_code == 400:
        return _shaped(422, "invalid", "This request's body is not JSON in UTF-8. Correct it and send it again.", {})
    code = {404: "not_found", 405: "method_not_allowed"}.get(refused.status_code, "refused")
    return _shaped(refused.status_code, code, f"{refused.detail}.", {}, refused.headers)


async def _unforeseen(_request: Request, _error: Exception) -> JSONResponse:
    return answer(OctetError())  # the guard logs it
