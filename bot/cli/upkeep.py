"""`octet desk test|arrange|doctor|calibrate` and `octet reload`: looking after the desks of a running Octet."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from bot.cli.home import HomeOption, home_of
from bot.cli.task import JsonOption

if TYPE_CHECKING:
    from bot.web.schemas.upkeep import (
        DiagnosisAnswer,
        JoinedAnswer,
        PlacedAnswer,
        ReloadedAnswer,
        SurveyedAnswer,
        TriedAnswer,
    )
    from core.home import Home

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
    from bot.cli.operator import call, parsed_list, tell
    from bot.web.schemas.upkeep import TriedAnswer

    if agent is not None:
        path = f"/desks/test?agent={quote(agent, safe='')}"
    else:
        path = f"/desks/{quote(desk, safe='')}/test" if desk else "/desks/test"
    response = call(home_of(home), "POST", path, timeout_s=LONG_S)
    rows = parsed_list(TriedAnswer, response)
    tell(response, json=json, text=lambda: "\n".join(map(_tried, rows)))
    if not all(row.good for row in rows):
        raise typer.Exit(1)


def arrange(desk: OneDesk, json: JsonOption = False, home: HomeOption = None) -> None:
    """Put a desk's windows back to their places. Exit code 1 if one does not stand there afterwards."""
    from bot.cli.operator import call, parsed_list, tell
    from bot.web.schemas.upkeep import PlacedAnswer

    response = call(home_of(home), "POST", f"/desks/{quote(desk, safe='')}/arrange", timeout_s=LONG_S)
    rows = parsed_list(PlacedAnswer, response)
    tell(response, json=json, text=lambda: "\n".join(map(_placed, rows)))
    if not all(row.right for row in rows):
        raise typer.Exit(1)


def doctor(desk: DeskOrAll = None, json: JsonOption = False, home: HomeOption = None) -> None:
    """Say what is wrong with desks and their windows, and what to do about each. Exit code 1 if anything stops work."""
    from bot.cli.operator import call, parsed_list, tell
    from bot.web.schemas.upkeep import DiagnosisAnswer

    path = f"/desks/{quote(desk, safe='')}/doctor" if desk else "/desks/doctor"
    response = call(home_of(home), "GET", path, timeout_s=LONG_S)
    rows = parsed_list(DiagnosisAnswer, response)
    tell(response, json=json, text=lambda: "\n".join(map(_diagnosis, rows)) or "no desks; config/desks describes them")
    if any(one.stops for row in rows for one in row.ailments):
        raise typer.Exit(1)


def calibrate(
    desk: OneDesk,
    window: Annotated[int | None, typer.Argument(metavar="NUMBER", help="Of the window on the picture.")] = None,
    *,
    agent: Annotated[str, typer.Option("--agent", help="Whose window it shall be; left out: whose it is.")] = "",
    profile: Annotated[str, typer.Option("--profile", help="How it is driven; left out: what fits first.")] = "",
    place: Annotated[str, typer.Option("--place", help="Where one writes in it, by its number on the picture.")] = "",
    picture: Annotated[Path | None, typer.Option("--picture", help="Where the picture goes; a new file.")] = None,
    click: Annotated[bool, typer.Option("--click", help="All by clicks on a page, whose address is printed.")] = False,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Connect a window by the Octet that runs: alone, the windows of the display with their numbers; with NUMBER, that
    one is measured, tried by a draft and kept. `octet calibrate` does the same with questions, also without it."""
    from bot.cli.operator import call, parsed, tell
    from bot.web.schemas.upkeep import JoinedAnswer, SurveyedAnswer

    path = f"/desks/{quote(desk, safe='')}/calibration"
    if click:
        _print_page(home_of(home), desk)
        return
    if window is None:
        response = call(home_of(home), "POST", path, timeout_s=LONG_S)
        surveyed = parsed(SurveyedAnswer, response)
        tell(response, json=json, text=lambda: _surveyed(surveyed))
        _keep(surveyed.picture, None if json else picture)
        return
    body = {"agent": agent, "profile": profile, "place": place}
    response = call(home_of(home), "POST", f"{path}/{window}", body=body, timeout_s=LONG_S)
    joined = parsed(JoinedAnswer, response)
    tell(response, json=json, text=lambda: _joined(joined))
    _keep(joined.picture, None if json else picture)
    if not joined.connected:
        raise typer.Exit(1)


def _print_page(home: Home, desk: str) -> None:
    from bot.cli.operator import NotRunning, call, parsed
    from bot.runfile import running
    from bot.web.schemas.scouting import PageAnswer

    page = parsed(PageAnswer, call(home, "POST", f"/desks/{quote(desk, safe='')}/pointing"))
    run = running(home.root)
    if run is None:
        raise NotRunning(home=home.root)
    address = f"[{run.address}]" if ":" in run.address else run.address
    print(f"Open this page; it lets one browser in, within half an hour:\nhttp://{address}:{run.port}{page.path}")


def _keep(png: str, file: Path | None) -> None:
    from bot.cli.pictures import write_picture

    if png and file is not None:
        write_picture(file, base64.b64decode(png))


def _surveyed(what: SurveyedAnswer) -> str:
    from bot.cli.operator import shown, table

    rows = [
        (str(one.number), one.title or one.kind, one.agent or "nobody's", ", ".join(one.profiles) or "no profile fits")
        for one in what.windows
    ]
    return table(rows) if rows else f"there is no window on the display of {shown(what.desk)}"


def _joined(what: JoinedAnswer) -> str:
    from bot.cli.operator import shown

    if what.connected:
        head = f"{shown(what.agent)} has the window {shown(what.window)} now, read back by {shown(what.read_by)}"
        return "\n".join([head, *(f"wrote {shown(file)}" for file in what.files)])
    within = f" within place {shown(what.within)}" if what.within else ""
    how = f"name where one writes by --place, one of the {what.places} numbers{within} on the picture (--picture FILE)"
    return f"not connected: {shown(what.why)}\n{how}"


def reload(json: JsonOption = False, home: HomeOption = None) -> None:
    """Let the Octet that runs in this home work by what config/ says now. What is wrong there changes nothing."""
    from bot.cli.operator import call, parsed, tell
    from bot.web.schemas.upkeep import ReloadedAnswer

    response = call(home_of(home), "POST", "/config/reload", timeout_s=LONG_S)
    tell(response, json=json, text=lambda: _reloaded(parsed(ReloadedAnswer, response)))


def _reloaded(what: ReloadedAnswer) -> str:
    from bot.cli.operator import shown

    others = [name for name in what.agents if name not in what.gone]
    parts = {
        "agents that are new or different": others,
        "agents that are gone": what.gone,
        "desks whose workers begin anew": what.desks,
        "needs a restart of Octet to count": what.restart,
    }
    lines = [f"{said}: {shown(', '.join(names))}" for said, names in parts.items() if names]
    return "\n".join(lines) or "nothing in config/ differs from what Octet works by"


def _tried(row: TriedAnswer) -> str:
    from bot.cli.operator import shown

    whose = shown(f"{row.desk} {row.window}" + (f" ({row.agent})" if row.agent else ""))
    if row.good:
        again = f", at the {row.tries}. try" if row.tries > 1 else ""
        return f"ok       {whose}: read back ({row.read_by}) and cleared in {row.took_ms:.0f} ms{again}"
    return f"problem  {whose}: {shown(row.why)}\n         → {row.cure}"


def _placed(row: PlacedAnswer) -> str:
    from bot.cli.operator import shown

    whose = shown(f"{row.desk} {row.window}" + (f" ({row.agent})" if row.agent else ""))
    done = shown(", ".join(row.done))
    if row.right:
        return f"ok       {whose}: {f'{done}; ' if done else ''}stands at its place"
    return f"problem  {whose}: {f'{done}; ' if done else ''}{shown(row.why)}\n         → {row.cure}"


def _diagnosis(row: DiagnosisAnswer) -> str:
    from bot.cli.operator import shown

    head = f"{shown(row.desk)} is {row.state}, {row.windows} windows looked at"
    lines = [head if row.ailments else f"{head}: all is well"]
    for one in row.ailments:
        whose = shown(one.agent or one.window)
        level = "problem" if one.stops else "warning"
        lines += [f"{level:<8} {f'{whose}: ' if whose else ''}{shown(one.what)}", f"         → {one.cure}"]
    return "\n".join(lines)
