"""Who asks: the holder of the operator's token, compared in constant time. Agents answer by code and need none."""

from __future__ import annotations

import hmac
from typing import Annotated, cast

from fastapi import Depends, Header, Request
from pydantic import SecretStr

from bot.web.errors import NoToken
from core.coordinator import Coordinator
from core.security.model import OPERATOR, Actor


async def _coordinator(request: Request) -> Coordinator:
    return cast("Coordinator", request.app.state.coordinator)


async def _operator(request: Request, authorization: Annotated[str, Header()] = "") -> Actor:
    token = cast("SecretStr", request.app.state.operator_token).get_secret_value()
    scheme, _, shown = authorization.partition(" ")
    right = hmac.compare_digest(shown.strip().encode(), token.encode())
    if scheme.lower() != "bearer" or not right:
        raise NoToken
    return OPERATOR


Core = Annotated[Coordinator, Depends(_coordinator)]
"""The coordinator, as a route's argument."""
Operator = Annotated[Actor, Depends(_operator)]
"""Whoever holds the operator's token; a route with this argument refuses everybody else."""
