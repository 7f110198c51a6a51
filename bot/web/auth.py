"""Who asks, by `Authorization: Bearer …` alone: a holder of the operator's token or of a reply key, or no one."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Header, Request
from pydantic import SecretStr

from bot.web.errors import NoReplyKey, NoToken
from core.coordinator import Coordinator
from core.security.model import EVERY_AGENT, OPERATOR, Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who showed a secret."""

    is_operator: bool
    agent: str = EVERY_AGENT
    """Whose codes count in this request."""


class Callers:
    """Recognises callers. Compares in constant time, and needs nothing of a request but its header."""

    def __init__(self, operator_token: SecretStr, *, agent_of: Callable[[str], str | None]) -> None:
        """`agent_of` names the agent whose reply key a text is; None if it is none."""
        self._token = operator_token
        self._agent_of = agent_of

    def who(self, authorization: str) -> Caller | None:
        """Return who shows this value of `Authorization`; None where it holds no secret of this Octet."""
        scheme, _, shown = authorization.partition(" ")
        shown = shown.strip() if scheme.lower() == "bearer" else ""
        if hmac.compare_digest(shown.encode(), self._token.get_secret_value().encode()):
            return Caller(is_operator=True)
        agent = self._agent_of(shown)
        return None if agent is None else Caller(is_operator=False, agent=agent)


async def _coordinator(request: Request) -> Coordinator:
    return cast("Coordinator", request.app.state.coordinator)


async def _caller(request: Request, authorization: Annotated[str, Header()] = "") -> Caller | None:
    return cast("Callers", request.app.state.callers).who(authorization)


async def _operator(caller: Annotated[Caller | None, Depends(_caller)]) -> Actor:
    if caller is None or not caller.is_operator:
        raise NoToken
    return OPERATOR


async def _replier(caller: Annotated[Caller | None, Depends(_caller)]) -> Caller:
    if caller is None:
        raise NoReplyKey
    return caller


Core = Annotated[Coordinator, Depends(_coordinator)]
"""The coordinator, as a route's argument."""
Operator = Annotated[Actor, Depends(_operator)]
"""Whoever holds the operator's token; a route with this argument refuses everybody else."""
Replier = Annotated[Caller, Depends(_replier)]
"""A holder of a reply key or of the operator's token; a route with this argument refuses every other caller."""
