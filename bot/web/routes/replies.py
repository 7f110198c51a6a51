"""/replies: an agent speaks to its task, ends it, or says that it is at work.

A reply key in the header and the code in the body are the right to.
"""

from __future__ import annotations

from fastapi import APIRouter

from bot.web.auth import Core, Replier
from bot.web.schemas.answers import ProgressAnswer, ReceiptAnswer
from bot.web.schemas.requests import ProgressBody, ReplyBody

router = APIRouter(prefix="/replies")


@router.post("")
async def report(body: ReplyBody, core: Core, by: Replier) -> ReceiptAnswer:
    receipt = await core.tasks.report(body.task, body.code, body.text, final=body.final, key=body.key, agent=by.agent)
    return ReceiptAnswer(task=receipt.task.id, state=receipt.task.state.value, message=receipt.message)


@router.post("/progress")
async def progress(body: ProgressBody, core: Core, by: Replier) -> ProgressAnswer:
    task, is_kept = await core.tasks.progress(body.task, body.code, body.text, agent=by.agent)
    return ProgressAnswer(task=task.id, state=task.state.value, kept=is_kept)
