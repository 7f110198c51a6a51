"""`octet agent`: who there is and what they do."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from bot.cli.home import HomeOption, home_of
from bot.cli.operator import ask, printable, table
from bot.cli.task import JsonOption

if TYPE_CHECKING:
    from bot.web.schemas.answers import AgentAnswer, PressedAnswer

NameArgument = Annotated[str, typer.Argument(metavar="AGENT", help="Such as Agent-3.", show_default=False)]

_PRESS_S = 120
"""An act ends within seconds or is given up; this is for a machine that is very busy."""


class Reply(StrEnum):
    """What can be pressed in a window that asks; core has the same."""

    APPROVE = "approve"
    DENY = "deny"
    CONTINUE = "continue"


app = typer.Typer(
    help="Agents: list, show, env, pause, drain, resume, interrupt, new-chat, answer.", no_args_is_help=True
)


@app.command("list")
def list_agents(json: JsonOption = False, home: HomeOption = None) -> None:
    """All agents of config/agents.toml with what is known of them now."""
    from bot.web.schemas.answers import AgentAnswer

    def text(agents: list[AgentAnswer]) -> str:
        return table([_columns(agent) for agent in agents]) if agents else "no agents; config/agents.toml names them"

    ask(home_of(home), "GET", "/agents", list[AgentAnswer], text, json=json)


@app.command()
def show(
    name: NameArgument,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """One agent: its role, what it can do, where its window is, and what it works on."""
    from bot.web.schemas.answers import AgentAnswer

    ask(home_of(home), "GET", f"/agents/{quote(name, safe='')}", AgentAnswer, _page, json=json)


@app.command()
def env(
    name: NameArgument,
    plain: Annotated[
        bool, typer.Option("--plain", help="Print NAME=value, for docker's --env-file and systemd.")
    ] = False,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Print the environment in which this agent answers under another account, or in a container.

    `eval "$(octet agent env Agent-3)"` sets it in a shell. It is as secret as a password. The container must share the
    host's network. The key stays the same; the address does as long as Octet gets the `port` of config/octet.toml.
    """
    before = "" if plain else "export "

    def text(values: dict[str, str]) -> str:
        return "\n".join(before + f"{one}={value}" for one, value in values.items())

    ask(home_of(home), "GET", f"/agents/{quote(name, safe='')}/env", dict[str, str], text, json=json)


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


@app.command()
def interrupt(name: NameArgument, json: JsonOption = False, home: HomeOption = None) -> None:
    """Stop what this agent does now, before anything that waits for its window. Exits 1 unless it was seen done."""
    _press(home, name, "interrupt", None, json=json)


@app.command("new-chat")
def new_chat(name: NameArgument, json: JsonOption = False, home: HomeOption = None) -> None:
    """Begin a new conversation in the window of an agent that rests. Exits 1 unless it was seen to be done."""
    _press(home, name, "new-chat", None, json=json)


@app.command()
def answer(
    name: NameArgument,
    reply: Annotated[Reply, typer.Argument(metavar="approve|deny|continue", help="What to press.", show_default=False)],
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Answer what this agent's window asks now. Exits 1 unless it was seen to be done."""
    _press(home, name, "answer", {"answer": reply.value}, json=json)


def _press(home: Path | None, name: str, verb: str, body: dict[str, object] | None, *, json: bool) -> None:
    from bot.web.schemas.answers import PressedAnswer

    path = f"/agents/{quote(name, safe='')}/{verb}"
    pressed = ask(home_of(home), "POST", path, PressedAnswer, _outcome, json=json, body=body, timeout_s=_PRESS_S)
    if pressed.state != "delivered":
        raise typer.Exit(1)


def _outcome(pressed: PressedAnswer) -> str:
    what = {
        "delivered": f"{pressed.act} was pressed for {pressed.agent}",
        "unknown": f"nobody knows whether {pressed.act} was pressed for {pressed.agent}; it is not pressed again",
    }.get(pressed.state, f"nothing was pressed for {pressed.agent}: {printable(pressed.reason)}")
    lines = [what, *([f"seen: {printable(pressed.seen)}"] if pressed.seen else [])]
    if pressed.pictures:
        lines.append(f"its window afterwards: octet receipt {printable(pressed.delivery)} --pictures DIR")
    return "\n".join(lines)


def _told(home: Path | None, name: str, verb: str, *, json: bool) -> None:
    from bot.web.schemas.answers import AgentAnswer

    ask(home_of(home), "POST", f"/agents/{quote(name, safe='')}/{verb}", AgentAnswer, _page, json=json)


def _page(agent: AgentAnswer) -> str:
    window = f", window {agent.desk}/{agent.window}" if agent.window else ""
    return "\n".join(
        (
            f"{printable(agent.name)} is {_state(agent)}: {printable(agent.role)}",
            f"can {', '.join(agent.capabilities) or 'nothing in particular'}",
            f"lane {agent.lane}{window}",
            f"task {agent.task or 'none'}",
            *([f"what to do: {printable(agent.cure)}"] if agent.cure else []),
        )
    )


def _columns(agent: AgentAnswer) -> tuple[str, ...]:
    where = f"{agent.desk}/{agent.window}" if agent.window else agent.lane
    return agent.name, _state(agent), agent.task or "-", where, agent.role


def _state(agent: AgentAnswer) -> str:
    return f"{agent.state} ({printable(agent.reason)})" if agent.reason else agent.state
