"""Who asks, by `Authorization: Bearer …` alone: a holder of the operator's token or of a reply key, or no one.

The guard asks `Callers` before it reads a body, and hands the caller to the routes.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, cast

from fastapi import Depends, Request
from pydantic import SecretStr

from bot.web.errors import NoReplyKey, NoToken
from core.coordinator import Coordinator
from core.security.model import EVERY_AGENT, OPERATOR, Actor, ActorKind, Role

CALLER = "caller"  # where the guard leaves the caller, in the state of a request


class Need(Enum):
    """The secret that a route needs."""

    NOTHING = "nothing"
    REPLY_KEY = "a reply key or the operator's token"
    OPERATOR = "the operator's token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who showed a secret."""

    is_operator: bool
    agent: str = EVERY_AGENT  # whose codes count in this request


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


def require(need: Need, caller: Caller | None) -> None:
    """Raise NoToken or NoReplyKey if this caller does not have what is needed."""
    if need is Need.OPERATOR and not (caller and caller.is_operator):
        raise NoToken
    if need is Need.REPLY_KEY and caller is None:
        raise NoReplyKey


async def _caller(request: Request) -> Caller | None:
    return cast("Caller | None", getattr(request.state, CALLER))


async def _operator(caller: Annotated[Caller | None, Depends(_caller)]) -> Actor:
    require(Need.OPERATOR, caller)
    return OPERATOR


async def _replier(caller: Annotated[Caller | None, Depends(_caller)]) -> Caller:
    require(Need.REPLY_KEY, caller)
    return cast("Caller", caller)


async def _replying(caller: Annotated[Caller, Depends(_replier)]) -> Actor:
    return Actor(kind=ActorKind.AGENT, id=f"agent:{caller.agent}", name=caller.agent, role=Role.NOBODY)


Core = Annotated[Coordinator, Depends(_coordinator)]  # the coordinator, as a route's argument
Asker = Annotated[Caller | None, Depends(_caller)]
"""The caller, if there is one; a route with this argument answers requests without a secret, too."""
Operator = Annotated[Actor, Depends(_operator)]
"""Whoever holds the operator's token; a route with this argument refuses everybody else."""
Replier = Annotated[Actor, Depends(_replying)]
"""A holder of a reply key or of the operator's token; a route with this argument refuses every other caller."""
