"""/agents: list, show, env, pause, drain, resume, interrupt, new-chat, answer."""

from __future__ import annotations

from fastapi import APIRouter, Request

from bot.web.auth import Core, Operator
from bot.web.schemas.answers import AgentAnswer, PressedAnswer
from bot.web.schemas.requests import AgentAnswerBody
from core.agent_actions.model import ActionResult
from core.profiles.model import Act

router = APIRouter(prefix="/agents")


@router.get("")
async def list_agents(core: Core, by: Operator) -> list[AgentAnswer]:
    return [AgentAnswer.of(status) for status in await core.agents.list(by=by)]


@router.get("/{name}")
async def show(name: str, core: Core, by: Operator) -> AgentAnswer:
    return AgentAnswer.of(await core.agents.show(name, by=by))


@router.get("/{name}/env")
async def env(name: str, core: Core, by: Operator, request: Request) -> dict[str, str]:
    agent = (await core.agents.show(name, by=by)).agent.name
    return {"OCTET_URL": str(request.base_url).rstrip("/"), "OCTET_REPLY_KEY": core.reply_keys.key(agent)}


@router.post("/{name}/pause")
async def pause(name: str, core: Core, by: Operator) -> AgentAnswer:
    return AgentAnswer.of(await core.availability.pause(name, by=by))


@router.post("/{name}/drain")
async def drain(name: str, core: Core, by: Operator) -> AgentAnswer:
    return AgentAnswer.of(await core.availability.drain(name, by=by))


@router.post("/{name}/resume")
async def resume(name: str, core: Core, by: Operator) -> AgentAnswer:
    return AgentAnswer.of(await core.availability.resume(name, by=by))


@router.post("/{name}/interrupt")
async def interrupt(name: str, core: Core, by: Operator) -> PressedAnswer:
    return await _answer(await core.agent_actions.interrupt(name, by=by), core, by)


@router.post("/{name}/new-chat")
async def new_chat(name: str, core: Core, by: Operator) -> PressedAnswer:
    return await _answer(await core.agent_actions.new_chat(name, by=by), core, by)


@router.post("/{name}/answer")
async def answer(name: str, body: AgentAnswerBody, core: Core, by: Operator) -> PressedAnswer:
    return await _answer(await core.agent_actions.answer_agent(name, Act(body.answer), by=by), core, by)


async def _answer(pressed: ActionResult, core: Core, by: Operator) -> PressedAnswer:
    return PressedAnswer.of(pressed, await core.receipts.afterwards(pressed.delivery, by=by))
