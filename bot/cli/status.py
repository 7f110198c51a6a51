"""`octet status`, one screen, and `octet top`, the same agents live."""

from __future__ import annotations

import json as json_text
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import verbs
from bot.cli.errors import EXIT_LATER
from bot.cli.home import HomeOption, JsonOption, home_of
from bot.cli.operator import OctetNotRunning, printable, table
from bot.cli.present import PRESENT, at_work, time_of
from bot.cli.terminal import console, is_terminal, show
from bot.runfile import running
from bot.verbs import desks, fleet
from bot.verbs.results import DESK_STATES
from core.agents.model import Agent
from core.desks.model import DeskStatus
from core.fleet.model import Board, Overview
from core.home import Home
from core.remedies import explain

if TYPE_CHECKING:
    from rich.table import Table

Rows = list[tuple[str, ...]]
_HEAD = ("AGENT", "STATE", "FOR", "TASK", "WINDOW")


def status(json: JsonOption = False, home: HomeOption = None) -> None:
    """Show on one screen whether Octet runs and where, its agents, the queue, what needs a user, and Discord."""
    place = home_of(home)
    run = running(place.root)
    if run is None and json:
        print(json_text.dumps({"running": False, "home": str(place.root)}))
        raise typer.Exit(EXIT_LATER)
    if run is None:
        raise OctetNotRunning(home=place.root)
    text, now = verbs.ask(fleet.status, place, {})
    where = {"running": True, "home": str(place.root), "pid": run.pid, "address": f"http://{run.address}:{run.port}"}
    if json:
        print(json_text.dumps({**where, **json_text.loads(text)}, ensure_ascii=False))
        return
    show(f"Octet {now.version} runs in {place.root}")
    show(f"process {run.pid}, since {time_of(run.started_ms)}, {where['address']}")
    show(PRESENT[Overview](now))


def top(
    once: Annotated[bool, typer.Option("--once", help="Show it once.")] = False,
    every: Annotated[float, typer.Option("--every", metavar="SECONDS", min=0.5, help="How often Octet looks.")] = 2.0,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show all agents and the state of their windows, live, until Ctrl-C. Without a terminal: plain lines."""
    place, rest = home_of(home), threading.Event()
    with suppress(KeyboardInterrupt):
        if is_terminal() and not once and not json:
            _live(place, every, rest)
            return
        while True:
            text, rows = _look(place)
            print(text if json else table(rows), flush=True)
            if once or rest.wait(every):
                return


def _live(place: Home, every: float, rest: threading.Event) -> None:
    from rich.live import Live

    _, rows = _look(place)
    with Live(_table(rows), console=console(), auto_refresh=False) as live:
        while not rest.wait(every):
            _, rows = _look(place)
            live.update(_table(rows), refresh=True)


def _table(rows: Rows) -> Table:
    from rich.table import Table

    shown = Table(*rows[0], box=None, pad_edge=False, header_style="bold")
    for row in rows[1:]:
        shown.add_row(*map(printable, row))
    return shown


def _look(place: Home) -> tuple[str, Rows]:
    """Return what Octet answers, as JSON, and as rows of a table."""
    agents, board = verbs.ask(fleet.board, place, {})
    windows, known = verbs.ask(desks.status, place, {})
    return f'{{"board": {agents}, "desks": {windows}}}', [_HEAD, *_rows(board, known)]


def _rows(board: Board, known: tuple[DeskStatus, ...]) -> Rows:
    of_desk = {one.desk.name: one for one in known}
    return [
        (*at_work(one), _window(one.status.agent, of_desk.get(one.status.agent.desk or ""))) for one in board.agents
    ]


def _window(agent: Agent, desk: DeskStatus | None) -> str:
    if desk is None:
        return "-"
    window = next((one for one in desk.windows if one.name == agent.window), None)
    if window is None:
        return f"desk {DESK_STATES[desk.state][1]}"
    why = explain(window.reason, window.note) or "not looked at yet"
    return "usable" if window.usable else f"not usable: {why}"[:80]
