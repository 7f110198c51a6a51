"""`octet desk test|arrange|doctor|calibrate` and `octet reload`: looking after the desks of a running Octet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar
from urllib.parse import quote

import typer

from bot.cli.home import HomeOption, home_of
from bot.cli.operator import ask, printable
from bot.cli.task import JsonOption

if TYPE_CHECKING:
    from bot.web.schemas.upkeep import PlacedAnswer, TriedAnswer
    from core.upkeep.model import Diagnosis, Reloaded

T = TypeVar("T")

LONG_S = 900.0
"""Many windows are tried one after the other, and each may wait for somebody who types."""

DeskOrAll = Annotated[
    str | None, typer.Argument(metavar="DESK", help="Its name in config/desks; left out: all.", show_default=False)
]
OneDesk = Annotated[str, typer.Argument(metavar="DESK", help="Its name in config/desks.", show_default=False)]


def try_out(
    desk: DeskOrAll = None,
    agent: Annotated[str | None, typer.Option("--agent", help="Only the window of this agent.")] = None,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Try windows out: a harmless line is pasted, read back and cleared, never sent. Exit code 1 if one went wrong."""
    from bot.web.schemas.upkeep import TriedAnswer

    if agent is not None:
        path = f"/desks/test?agent={quote(agent, safe='')}"
    else:
        path = f"/desks/{quote(desk, safe='')}/test" if desk else "/desks/test"
    rows = ask(home_of(home), "POST", path, list[TriedAnswer], _each(_tried), json=json, timeout_s=LONG_S)
    if not all(row.good for row in rows):
        raise typer.Exit(1)


def arrange(desk: OneDesk, json: JsonOption = False, home: HomeOption = None) -> None:
    """Put a desk's windows back to their places. Exit code 1 if one does not stand there afterwards."""
    from bot.web.schemas.upkeep import PlacedAnswer

    path = f"/desks/{quote(desk, safe='')}/arrange"
    rows = ask(home_of(home), "POST", path, list[PlacedAnswer], _each(_placed), json=json, timeout_s=LONG_S)
    if not all(row.right for row in rows):
        raise typer.Exit(1)


def doctor(desk: DeskOrAll = None, json: JsonOption = False, home: HomeOption = None) -> None:
    """Say what is wrong with desks and their windows, and what to do about each. Exit code 1 if anything stops work."""
    from core.upkeep.model import Diagnosis

    path = f"/desks/{quote(desk, safe='')}/doctor" if desk else "/desks/doctor"
    text = _each(_diagnosis, "no desks; config/desks describes them")
    rows = ask(home_of(home), "GET", path, list[Diagnosis], text, json=json, timeout_s=LONG_S)
    if any(one.stops for row in rows for one in row.ailments):
        raise typer.Exit(1)


def reload(json: JsonOption = False, home: HomeOption = None) -> None:
    """Let the Octet that runs in this home work by what config/ says now. What is wrong there changes nothing."""
    from core.upkeep.model import Reloaded

    ask(home_of(home), "POST", "/config/reload", Reloaded, _reloaded, json=json, timeout_s=LONG_S)


def _each(page: Callable[[T], str], nothing: str = "") -> Callable[[list[T]], str]:
    return lambda rows: "\n".join(map(page, rows)) or nothing


def _reloaded(what: Reloaded) -> str:
    others = [name for name in what.agents if name not in what.gone]
    parts = {
        "agents that are new or different": others,
        "agents that are gone": what.gone,
        "desks whose workers begin anew": what.desks,
        "needs a restart of Octet to count": what.restart,
    }
    lines = [f"{said}: {printable(', '.join(names))}" for said, names in parts.items() if names]
    return "\n".join(lines) or "nothing in config/ differs from what Octet works by"


def _tried(row: TriedAnswer) -> str:
    whose = printable(f"{row.desk} {row.window}" + (f" ({row.agent})" if row.agent else ""))
    if row.good:
        again = f", at the {row.tries}. try" if row.tries > 1 else ""
        return f"ok       {whose}: read back ({row.read_by}) and cleared in {row.took_ms:.0f} ms{again}"
    return f"problem  {whose}: {printable(row.why)}\n         → {row.cure}"


def _placed(row: PlacedAnswer) -> str:
    whose = printable(f"{row.desk} {row.window}" + (f" ({row.agent})" if row.agent else ""))
    done = printable(", ".join(row.done))
    if row.right:
        return f"ok       {whose}: {f'{done}; ' if done else ''}stands at its place"
    return f"problem  {whose}: {f'{done}; ' if done else ''}{printable(row.why)}\n         → {row.cure}"


def _diagnosis(row: Diagnosis) -> str:
    head = f"{printable(row.desk)} is {row.state}, {row.windows} windows looked at"
    lines = [head if row.ailments else f"{head}: all is well"]
    for one in row.ailments:
        whose = printable(one.agent or one.window)
        level = "problem" if one.stops else "warning"
        lines += [f"{level:<8} {f'{whose}: ' if whose else ''}{printable(one.what)}", f"         → {one.cure}"]
    return "\n".join(lines)
