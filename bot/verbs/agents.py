"""`agent`: list agents and what they do; pause, resume and interrupt them; answer their windows."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Annotated

from bot.verbs.declare import Coordinator, On, Origin, ParameterKind, Verb
from bot.verbs.lists import Filter
from bot.verbs.types import AgentName, Capabilities, DeskName
from core import limits
from core.agent_actions.model import ActionResult, AgentDialog
from core.agents.model import LISTING, AgentState, AgentStatus, Lane
from core.calibration.model import AgentProposal
from core.fleet.model import AgentDetails
from core.kit.filters import Page
from core.maintenance.model import Reloaded
from core.profiles.model import Act
from core.security.model import Actor, Permission, require

ABOUT = "The agents and their work"


DialogName = Annotated[str, ParameterKind(help="The dialog's id, as needs-me shows it")]


class Answer(StrEnum):
    """What can be pressed in a window that waits for an answer."""

    APPROVE = Act.APPROVE.value
    DENY = Act.DENY.value
    CONTINUE = Act.CONTINUE.value


@Verb("agent", Permission.AGENT_READ, "GET /agents", name="list", discord="default")
async def list_agents(octet: Coordinator, *, where: Annotated[Filter, AgentState], by: Actor) -> Page[AgentStatus]:
    """List all agents.

    Each line says what the agent is doing."""
    return LISTING.page(await octet.agents.list(by=by), where.query(LISTING.known))


@Verb("agent", Permission.CONFIG_RELOAD, "POST /agents", is_slow=True, discord="group")
async def add(
    octet: Coordinator,
    name: Annotated[str, ParameterKind(help="The new agent's name")],
    *,
    about: Annotated[str, ParameterKind(help="What it is for, in a few words")],
    lane: Annotated[Lane, ParameterKind(help="How prompts reach it")],
    capabilities: Capabilities = frozenset(),
    desk: Annotated[DeskName | None, "The desk of its window or pane"] = None,
    window: Annotated[str | None, ParameterKind(help="Its window or pane on that desk")] = None,
    pane: Annotated[str | None, ParameterKind(help="A pane of your tmux server, such as work:1.0")] = None,
    profile: Annotated[str | None, ParameterKind(help="With a pane: the profile of its program")] = None,
    model: Annotated[str | None, ParameterKind(help="With lane `model`, the name of its model")] = None,
    program: Annotated[str | None, ParameterKind(help="With lane `acp`, the name of its program")] = None,
    folder: Annotated[str | None, ParameterKind(help="With lane `acp`, the folder in which it works")] = None,
    account: Annotated[str | None, ParameterKind(help="The subscription that it shares with other agents")] = None,
    by: Actor,
) -> Reloaded:
    """Add an agent to config/agents.toml.

    Octet uses it at once. With `pane`, it also adds the pane to the desk's file. `/desk calibrate` connects a window
    and adds its agent."""
    require(by, Permission.CONFIG_RELOAD)
    values = {
        "about": about,
        "capabilities": sorted(capabilities),
        "lane": lane.value,
        "desk": desk,
        "window": window,
        "model": model,
        "program": program,
        "folder": folder,
        "account": account,
    }
    agents = octet.maintenance.agents
    return await agents.add(name, values, pane=pane, profile=profile, by=by)


@Verb("agent", Permission.CONFIG_RELOAD, "POST /agents/{agent}/remove", is_slow=True, discord="group")
async def remove(octet: Coordinator, agent: AgentName, *, by: Actor) -> Reloaded:
    """Remove an agent from config/agents.toml.

    Its current prompt ends first; the tasks go to other agents. The file's comments stay."""
    require(by, Permission.CONFIG_RELOAD)
    agents = octet.maintenance.agents
    return await agents.remove(agent, by=by)


@Verb("agent", Permission.CONFIG_RELOAD, "POST /agents/{agent}/capabilities", is_slow=True, discord="group")
async def capabilities(octet: Coordinator, agent: AgentName, capabilities: Capabilities, *, by: Actor) -> Reloaded:
    """Set what an agent can do, in config/agents.toml.

    A level from 1 to 9 makes Octet prefer the agent: `code,python:3`."""
    require(by, Permission.CONFIG_RELOAD)
    agents = octet.maintenance.agents
    return await agents.set_capabilities(agent, capabilities, by=by)


@Verb("agent", Permission.DESK_SEE, "POST /agents/discover", is_slow=True, discord="group")
async def discover(octet: Coordinator, *, by: Actor) -> tuple[AgentProposal, ...]:
    """Find windows and panes that look like agents and that no agent has.

    Octet looks at all ready desks, and at your tmux server where a desk names its socket. Each line says how to accept
    one."""
    require(by, Permission.DESK_SEE)
    calibrate = octet.maintenance.calibrate
    return await calibrate.discover(by=by)


@Verb("agent", Permission.AGENT_READ, "GET /agents/{agent}", discord="default")
async def show(octet: Coordinator, agent: AgentName, *, by: Actor) -> AgentDetails:
    """Show one agent.

    Its job, capabilities, window, state and task, and the first ten messages and tasks that wait for it alone."""
    found = await octet.fleet.agent(agent, by=by)
    return replace(found, program=await octet.turns.about(found.agent.name))


@Verb("agent", Permission.KEY_MANAGE, "GET /agents/{agent}/env", on=On.HTTP, discord="off")
async def env(octet: Coordinator, agent: AgentName, *, origin: Origin, by: Actor) -> dict[str, str]:
    """Print the environment in which this agent answers under another account, in a container, or over MCP.

    `eval "$(octet agent env Agent-3)"` sets it in a shell. Keep it as secret as a password."""
    require(by, Permission.KEY_MANAGE)
    name = octet.agents.get(agent).name
    return {"OCTET_URL": origin.url, "OCTET_AGENT_TOKEN": octet.reply_keys.key(name)}


@Verb("agent", Permission.AGENT_USE, "POST /agents/{agent}/pause", undo="resume", discord="default")
async def pause(octet: Coordinator, agent: AgentName, *, by: Actor) -> AgentStatus:
    """Pause an agent: it finishes the task and gets no new ones.

    Its queued tasks go to other agents. Tasks that only it can do wait, and say so. The pause survives a restart."""
    return await octet.availability.pause(agent, by=by)


@Verb("agent", Permission.AGENT_USE, "POST /agents/{agent}/drain", undo="resume", discord="group")
async def drain(octet: Coordinator, agent: AgentName, *, by: Actor) -> AgentStatus:
    """Pause an agent when it has finished its tasks and messages."""
    return await octet.availability.drain(agent, by=by)


@Verb("agent", Permission.AGENT_USE, "POST /agents/{agent}/resume", undo="pause", discord="default")
async def resume(octet: Coordinator, agent: AgentName, *, by: Actor) -> AgentStatus:
    """Give a paused agent tasks again.

    For a silent agent it means that you saw it work: the task continues."""
    return await octet.availability.resume(agent, by=by)


@Verb("agent", Permission.AGENT_INTERRUPT, "POST /agents/{agent}/interrupt", is_slow=True, discord="default")
async def interrupt(octet: Coordinator, agent: AgentName, *, by: Actor) -> ActionResult:
    """Interrupt an agent.

    This goes before everything that waits for its window. The owner of the machine must allow it (`allowed_actions` in
    config/agents.toml)."""
    return await octet.agent_actions.interrupt(agent, by=by)


@Verb("agent", Permission.AGENT_NEW_CHAT, "POST /agents/{agent}/new-chat", is_slow=True, discord="group")
async def new_chat(octet: Coordinator, agent: AgentName, *, by: Actor) -> ActionResult:
    """Start a new conversation in an idle agent's window.

    The owner of the machine must allow it (`allowed_actions` with `"new_chat"` in config/agents.toml)."""
    return await octet.agent_actions.new_chat(agent, by=by)


@Verb("agent", Permission.TASK_READ, "GET /dialogs/{dialog}", discord="off")
async def dialog(octet: Coordinator, dialog: DialogName, *, by: Actor) -> AgentDialog:
    """Show the whole of what an agent's window asks, or of what an agent asks permission for."""
    return (await octet.agent_actions.show_dialog(dialog, by=by)).dialog


@Verb(
    "agent",
    Permission.AGENT_ANSWER,
    "POST /dialogs/{dialog}/choose",
    discord="off",
    says=lambda it: f"{it.agent} gets the answer: {it.choices[0].name}",
)
async def choose(
    octet: Coordinator,
    dialog: DialogName,
    number: Annotated[int, ParameterKind(help="Which of its choices, from 1"), limits.CHOICE_NUMBER],
    *,
    by: Actor,
) -> AgentDialog:
    """Answer an agent that asks for permission with one of the choices that it offers.

    Choices that decide more than this one question are for owners."""
    return await octet.turns.choose(dialog, number, by=by)


@Verb("agent", Permission.AGENT_ANSWER, "POST /agents/{agent}/answer", is_slow=True, discord="group")
async def answer(
    octet: Coordinator,
    agent: AgentName,
    answer: Annotated[
        Answer, ParameterKind(help="What to press", choices={one.value: one.value.title() for one in Answer})
    ],
    *,
    dialog: Annotated[str, ParameterKind(help="Only if it still shows this dialog", for_programs=True)] = "",
    by: Actor,
) -> ActionResult:
    """Answer the question in an agent's window.

    Octet presses the answer only if the window has not changed since its message, and says what it saw afterwards.
    The owner of the machine must allow it (`allowed_actions` in config/agents.toml)."""
    if dialog:
        return await octet.agent_actions.answer_dialog(dialog, Act(answer.value), by=by)
    return await octet.agent_actions.answer_agent(agent, Act(answer.value), by=by)
