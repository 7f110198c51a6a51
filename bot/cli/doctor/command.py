"""`octet doctor`: looks at this machine and this home, and says of each thing whether it is right, and its cure.

What is looked at stands in `checkups`, one function per thing; here is their order, and how they are told.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.autostart.command import autostart_backend
from bot.cli.doctor import away, desks, discord, home, machine, running
from bot.cli.doctor.model import Finding, FindingLevel, problem
from bot.cli.home import HomeOption, JsonOption, home_of
from bot.cli.operator import printable

if TYPE_CHECKING:
    from core.home import Home

Checkup = tuple[str, Callable[[], Finding | Iterable[Finding]]]  # what it is about, in one word, and the look at it


def doctor(
    online: Annotated[
        bool, typer.Option("--online", help="Show the token to Discord, and see what the bot may do there.")
    ] = False,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Look at this machine and this home: each line says ok, warning or problem, and how to mend it."""
    found: list[tuple[str, Finding]] = []
    for about, finding in _all(home_of(home), online=online):
        found.append((about, finding))
        if not json:
            _tell(finding)
    if json:
        print(_as_json(found))
    if any(finding.level is FindingLevel.PROBLEM for _, finding in found):
        raise typer.Exit(1)


def _tell(finding: Finding) -> None:
    print(f"{finding.level.value:<8} {printable(finding.what)}")
    if finding.cure:
        print(f"{'':<8} → {finding.cure}", flush=True)


def _as_json(found: Iterable[tuple[str, Finding]]) -> str:
    rows = [{"about": about, "level": one.level.value, "what": one.what, "cure": one.cure} for about, one in found]
    return json.dumps({"findings": rows}, indent=2, ensure_ascii=False)


def _all(place: Home, *, online: bool) -> Iterator[tuple[str, Finding]]:
    from core.config.loader import load
    from core.kit.problems import ConfigWrong

    yield from _look(_of_machine())
    yield from _look([("home", lambda: home.modes(place)), ("home", lambda: home.room(place))])
    try:
        config = load(place)
    except ConfigWrong as wrong:
        yield from (("home", one) for one in home.wrong(place, list(wrong.problems)))
        return
    yield from _look(
        [
            ("home", lambda: home.right(config)),
            ("machine", lambda: machine.programs(config)),
            ("desks", lambda: desks.displays(config)),
            ("away", lambda: away.survey(config)),
            ("away", lambda: away.inhibitor(config)),
            ("away", lambda: away.at_login(autostart_backend(place))),
            ("away", lambda: away.ping(config.settings)),
            ("away", lambda: home.open_ping_url(place)),
            ("running", lambda: running.port(place, config.settings)),
            ("running", lambda: running.at_work(place)),
            ("discord", lambda: discord.token(config.settings, online=online)),
            ("discord", lambda: discord.look(config.settings) if online else ()),
        ]
    )


def _of_machine() -> list[Checkup]:
    from core.store.schema import library_version

    return [
        ("machine", lambda: machine.python(sys.version_info[:3])),
        ("machine", lambda: machine.sqlite(library_version())),
        ("machine", machine.xlib),
        ("machine", lambda: machine.pyautogui(machine.installed("pyautogui"))),
        ("machine", machine.tkinter),
        ("machine", machine.zones),
    ]


def _look(checkups: Iterable[Checkup]) -> Iterator[tuple[str, Finding]]:
    """What each says. A look that breaks off is told as one, and the others go on."""
    for about, look in checkups:
        try:
            said = look()
            yield from ((about, one) for one in ([said] if isinstance(said, Finding) else said))
        except Exception as error:  # noqa: BLE001 - the edge of one look: whatever it met, the rest is worth telling
            yield (
                about,
                problem(f"{about} could not be looked at: {type(error).__name__}: {error}", "Please report it."),
            )
