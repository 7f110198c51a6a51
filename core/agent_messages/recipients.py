"""Who gets a message: an address becomes the agents of this config that it means."""

from __future__ import annotations

from core.agent_messages.model import LeftOut
from core.agents.model import Agent, Job
from core.agents.service import Agents
from core.remedies import refused

EVERYONE = "everyone"
ALL = "all"  # the stored address of everyone


def is_several(to: str) -> bool:
    """Return whether this address means several agents."""
    return ":" in to or to.strip().casefold() == EVERYONE


def addresses(agents: Agents) -> list[str]:
    """List what means several agents, for autocomplete."""
    jobs = [f"job:{job.value}" for job in Job if any(agent.job is job for agent in agents.all())]
    return [EVERYONE, *(f"group:{name}" for name in _groups(agents)), *jobs]


def resolve(agents: Agents, to: str, *, but: str = "") -> tuple[str, tuple[Agent, ...], tuple[LeftOut, ...]]:
    """Return the address to store, the agents that can get a message, and those that cannot, without the agent `but`.
    Raises no_such_recipient, no_reachable_agent, agent_not_found, agent_without_window or agent_takes_no_messages."""
    kind, _, name = to.strip().partition(":")
    if kind.casefold() == EVERYONE and not name:
        address, meant = ALL, agents.all()
    elif kind == "group" and name in _groups(agents):
        address, meant = f"group:{name}", tuple(one for one in agents.all() if name in one.groups)
    elif kind == "job" and name in {job.value for job in Job}:
        address, meant = f"job:{name}", tuple(one for one in agents.all() if one.job == name)
    elif name:
        raise refused("no_such_recipient", id=to[:60], groups=", ".join(_groups(agents)) or "none")
    else:
        agent = agents.reachable(kind)
        if not agent.abilities.queues:
            raise refused("agent_takes_no_messages", id=agent.name)
        return f"agent:{agent.name}", (agent,), ()
    meant = [one for one in meant if one.name != but]
    out = tuple(LeftOut(agent=one.name, note=why) for one in meant if (why := _never_reason(one)))
    reached = tuple(one for one in meant if not _never_reason(one))
    if not reached:
        raise refused(
            "no_reachable_agent", why="; ".join(f"{one.agent}: {one.note}" for one in out) or "the config has none"
        )
    return address, reached, out


def _groups(agents: Agents) -> list[str]:
    return sorted({name for agent in agents.all() for name in agent.groups})


def _never_reason(agent: Agent) -> str:
    """Return why no message can ever reach this agent; empty if one can."""
    if not agent.is_reachable:
        return refused("agent_without_window", id=agent.name).message
    return "" if agent.abilities.queues else refused("agent_takes_no_messages", id=agent.name).message
