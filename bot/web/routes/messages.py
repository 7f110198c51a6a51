"""/messages: send, broadcast, show."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header

from bot.web.auth import Core, Operator
from bot.web.schemas.answers import WordsAnswer
from bot.web.schemas.requests import BroadcastBody, Key, WordsBody
from core.agent_messages.model import NewAgentMessage

router = APIRouter(prefix="/messages")
Once = Annotated[Key | None, Header(alias="Idempotency-Key")]


@router.post("", status_code=201)
async def send(body: WordsBody, core: Core, by: Operator, once: Once = None) -> WordsAnswer:
    draft = NewAgentMessage(text=body.text, agent=body.agent, task=body.task, key=_key(once))
    return WordsAnswer.of(await core.agent_messages.send(draft, by=by))


@router.post("/broadcast", status_code=201)
async def broadcast(body: BroadcastBody, core: Core, by: Operator, once: Once = None) -> WordsAnswer:
    draft = NewAgentMessage(text=body.text, key=_key(once))
    return WordsAnswer.of(await core.agent_messages.broadcast(draft, needs=frozenset(body.needs), by=by))


@router.get("/{message}")
async def show(message: str, core: Core, by: Operator) -> WordsAnswer:
    return WordsAnswer.of(await core.agent_messages.show(message, by=by))


def _key(once: str | None) -> str | None:
    return f"http:{once}" if once else None
