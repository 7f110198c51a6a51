"""/replies: an agent speaks to its task, ends it, or says that it is at work.

A reply key in the header and the code in the body are the right to.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

from fastapi import APIRouter, Request

from bot.web.auth import Core, Replier
from bot.web.schemas.answers import ProgressAnswer, ReceiptAnswer
from bot.web.schemas.requests import ProgressBody, ReplyBody
from core.security.model import WrongCode

router = APIRouter(prefix="/replies")


class WrongCodes:
    """Lets wrong codes wait in one queue, a quarter of a second each. Right ones never stand in it."""

    def __init__(self, *, pause_s: float = 0.25, longest_queue: int = 20) -> None:
        """Beyond `longest_queue` a wrong code is refused at once: nobody may pile up open requests here."""
        self._pause_s = pause_s
        self._longest_queue = longest_queue
        self._turn = asyncio.Lock()
        self._queue = 0

    async def wait(self) -> None:
        """Return when it is this one's turn to hear that it is wrong."""
        if self._queue >= self._longest_queue:
            return
        self._queue += 1
        try:
            async with self._turn:
                await asyncio.sleep(self._pause_s)
        finally:
            self._queue -= 1


@asynccontextmanager
async def _slow_to_guess(request: Request) -> AsyncGenerator[None]:
    try:
        yield
    except WrongCode:
        await cast("WrongCodes", request.app.state.wrong_codes).wait()
        raise


@router.post("")
async def report(body: ReplyBody, core: Core, by: Replier, request: Request) -> ReceiptAnswer:
    async with _slow_to_guess(request):
        receipt = await core.tasks.report(
            body.task, body.code, body.text, final=body.final, key=body.key, agent=by.agent
        )
    return ReceiptAnswer(task=receipt.task.id, state=receipt.task.state.value, message=receipt.message)


@router.post("/progress")
async def progress(body: ProgressBody, core: Core, by: Replier, request: Request) -> ProgressAnswer:
    async with _slow_to_guess(request):
        task, is_kept = await core.tasks.progress(body.task, body.code, body.text, agent=by.agent)
    return ProgressAnswer(task=task.id, state=task.state.value, kept=is_kept)
