"""The bodies of requests: read whole within a time limit, and all of them together within one budget of memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.types import Receive

from bot.web.errors import BodyIncomplete, BodyTooLarge, TooManyBodies

BUDGET = 32_000_000  # bytes of all bodies that Octet keeps at one time: eight of the longest answers
_BODY_S = 20  # how long a body may take to arrive


class Bodies:
    """The bodies of all requests of one server. A body counts from its first byte until its request has ended."""

    def __init__(self, budget: int = BUDGET) -> None:
        self._budget = budget
        self.held = 0  # Bytes that Octet keeps now

    @asynccontextmanager
    async def read(self, receive: Receive, limit: int) -> AsyncGenerator[bytearray]:
        """Read one body, and give its bytes back to the budget when the block ends.

        Raises BodyTooLarge, BodyIncomplete and TooManyBodies. What is not read yet, the connection discards.
        """
        body = bytearray()
        try:
            try:
                async with asyncio.timeout(_BODY_S):
                    await self._fill(body, receive, limit)
            except TimeoutError as error:
                raise BodyIncomplete from error
            yield body
        finally:
            self.held -= len(body)

    async def _fill(self, body: bytearray, receive: Receive, limit: int) -> None:
        """Count as the bytes come: a length may be announced wrongly, or not at all."""
        is_whole = False
        while not is_whole:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise BodyIncomplete
            piece: bytes = message.get("body", b"")
            if len(body) + len(piece) > limit:
                raise BodyTooLarge(limit=limit)
            if piece and self.held + len(piece) > self._budget:
                raise TooManyBodies
            self.held += len(piece)
            body += piece
            is_whole = not message.get("more_body", False)
