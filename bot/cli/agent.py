"""`octet agent`: who there is and what they do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from bot.cli.home import HomeOption, home_of
from bot.cli.task import JsonOption

if TYPE_CHECKING:
    from bot.web.schemas.answers import AgentAnswer

NameArgument = Annotated[str, typer.Argument(metavar="AGENT", help="Such as Agent-3.", show_default=False)]

app = typer.Typer(help="Agents: list, show, pause, drain, resume.", no_args_is_help=True)


@app.command("list")
def list_agents(json: JsonOption = False, home: HomeOption = None) -> None:
    """All agents of config/agents.toml with what is known of them now."""
    from bot.cli.operator import call, parsed_list, table, tell
    from bot.web.schemas.answers import AgentAnswer

    response = call(home_of(home), "GET", "/agents")

    def text() -> str:
        agents = parsed_list(AgentAnswer, response)
        return table([_columns(agent) for agent in agents]) if agents else "no agents; config/agents.toml names them"

    tell(response, json=json, text=text)


@app.command()
def show(
    name: NameArgument,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """One agent: its role, what it can do, where its window is, and what it works on."""
    from bot.cli.operator import call, parsed, tell
    from bot.web.schemas.answers import AgentAnswer

    response = call(home_of(home), "GET", f"/agents/{quote(name, safe='')}")
    tell(response, json=json, text=lambda: _page(parsed(AgentAnswer, response)))


@app.command()
def pause(name: NameArgument, json: JsonOption = False, home: HomeOption = None) -> None:
    """Give this agent nothing new. What it has goes on; what was only queued for it goes to others."""
    _told(home, name, "pause", json=json)


@app.command()
def drain(name: NameArgument, json: JsonOption = False, home: HomeOption = None) -> None:
    """Let this agent finish what it has, queued or begun; then it is paused."""
    _told(home, name, "drain", json=json)


@app.command()
def resume(name: NameArgument, json: JsonOption = False, home: HomeOption = None) -> None:
    """Give this agent tasks again after `pause` or `drain`."""
    _told(home, name, "resume", json=json)


def _told(home: Path | None, name: str, verb: str, *, json: bool) -> None:
    from bot.cli.operator import call, parsed, tell
    from bot.web.schemas.answers import AgentAnswer

    response = call(home_of(home), "POST", f"/agents/{quote(name, safe='')}/{verb}")
    tell(response, json=json, text=lambda: _page(parsed(AgentAnswer, response)))


def _page(agent: AgentAnswer) -> str:
    from bot.cli.operator import shown

    window = f", window {agent.desk}/{agent.window}" if agent.window else ""
    return "\n".join(
        (
            f"{shown(agent.name)} is {_state(agent)}: {shown(agent.role)}",
            f"can {', '.join(agent.capabilities) or 'nothing in particular'}",
            f"lane {agent.lane}{window}",
            f"task {agent.task or 'none'}",
        )
    )


def _columns(agent: AgentAnswer) -> tuple[str, ...]:
    where = f"{agent.desk}/{agent.window}" if agent.window else agent.lane
    return agent.name, _state(agent), agent.task or "-", where, agent.role


def _state(agent: AgentAnswer) -> str:
    from bot.cli.operator import shown

    return f"{agent.state} ({shown(agent.reason)})" if agent.reason else agent.state
