"""`octet fleet`: everything at a glance."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.home import HomeOption, home_of
from bot.cli.operator import ask, printable, table
from bot.cli.task import JsonOption

if TYPE_CHECKING:
    from bot.web.schemas.fleet import AtWorkAnswer, BoardAnswer, HealthAnswer, NeedAnswer, NeedsAnswer

app = typer.Typer(help="The whole fleet: needs-me, board, health.", no_args_is_help=True)


@app.command("needs-me")
def needs_me(
    limit: Annotated[int, typer.Option(help="How many to show at most.", min=1, max=1000)] = 50,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Everything that waits for a person, worst and oldest first, each with what to do next."""
    from bot.web.schemas.fleet import NeedsAnswer

    ask(home_of(home), "GET", f"/fleet/needs-me?limit={limit}", NeedsAnswer, _needs, json=json)


@app.command()
def board(json: JsonOption = False, home: HomeOption = None) -> None:
    """What each agent does now, the desks, the queue, and how much waits for a person."""
    from bot.web.schemas.fleet import BoardAnswer

    ask(home_of(home), "GET", "/fleet/board", BoardAnswer, _board, json=json)


@app.command()
def health(json: JsonOption = False, home: HomeOption = None) -> None:
    """Whether all is well: the database, Discord, the desks; and how the dead man's ping does. 1 if not all is well."""
    from bot.web.schemas.fleet import HealthAnswer

    if not ask(home_of(home), "GET", "/fleet/health", HealthAnswer, _health, json=json).is_well:
        raise typer.Exit(1)


def _health(now: HealthAnswer) -> str:
    lines = ["All is well." if now.is_well else "Not all is well."]
    for one in now.troubles:
        passing = "" if one.counts else ", which may pass by itself"
        lines += [f"{printable(one.what)} (for {_ago(one.since_ms)}{passing})", f"  -> {printable(one.next)}"]
    return "\n".join([*lines, _ping(now)])


def _ping(now: HealthAnswer) -> str:
    ping = now.ping
    if ping is None:
        return "Nobody is pinged: OCTET_ALARM__PING_URL in .env names who should hear that all is well."
    last = f"{_ago(ping.last_ms)} ago" if ping.last_ms else "never yet"
    if ping.is_held_back:
        return f"The ping to {ping.where} is held back until all is well; it went out last {last}."
    if ping.why:
        return f"The ping to {ping.where} is not taken: {ping.why} (for {_ago(ping.failing_since_ms)}; last {last})."
    return f"The ping to {ping.where} was taken {last}."


def _needs(found: NeedsAnswer) -> str:
    if not found.total:
        return "Nothing needs a person."
    left = found.total - len(found.needs)
    blocks = [_need(need) for need in found.needs]
    return "\n\n".join([*blocks, *([f"… and {left} more; --limit shows more"] if left else [])])


def _need(need: NeedAnswer) -> str:
    more = f" and {need.more} more" if need.more else ""
    who = f"{need.task}{more} ({printable(need.title)})" if need.task else ""
    agent = f"agent {need.agent}" if need.agent else ""
    when = f"since {_ago(need.since_ms)}" if need.since_ms else ""
    head = ", ".join(part for part in (who, agent, when) if part)
    lines = [
        f"{printable(need.what)[:1].upper()}{printable(need.what)[1:]}",
        head,
        printable(need.seen),
        f"-> {printable(need.next)}",
    ]
    return "\n  ".join(line for line in lines if line)


def _board(board: BoardAnswer) -> str:
    agents = (
        table([_agent(one) for one in board.agents]) if board.agents else "no agents; config/agents.toml names them"
    )
    counts = ", ".join(f"{number} {state}" for state, number in board.tasks.items())
    lines = [agents, f"tasks: {counts or 'none yet'}"]
    if board.queue:
        lines.append("next: " + ", ".join(f"{one.id} ({printable(one.title)}, P{one.priority})" for one in board.queue))
    lines += [
        f"desk {one.name}: {one.state}{f' ({printable(one.reason)})' if one.reason else ''}" for one in board.desks
    ]
    needs = "1 thing needs" if board.needs == 1 else f"{board.needs} things need" if board.needs else "nothing needs"
    return "\n".join([*lines, f"{needs} a person" + (": octet fleet needs-me" if board.needs else "")])


def _agent(one: AtWorkAnswer) -> tuple[str, ...]:
    state = one.state.replace("_", " ")
    since = f"since {_ago(one.since_ms)}" if one.since_ms else ""
    heard = f", last sign {_ago(one.heard_ms)} ago" if one.heard_ms is not None else ""
    doing = f"{one.task} ({one.task_state}{heard}) {one.title}" if one.task else one.reason
    return one.name, state, since, doing or "-"


def _ago(since_ms: int) -> str:
    """`3 min`: how long ago, for people."""
    seconds = max(0, time.time_ns() // 1_000_000 - since_ms) // 1000
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
