"""`octet desk`: the displays that prompts are typed on, and the worker that types."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from bot.cli import displays, selftest, upkeep
from bot.cli.calibrate.legacy_coordinates import import_file
from bot.cli.home import HomeOption, home_of
from bot.cli.operator import ask, call, printable, table
from bot.cli.pictures import write_picture
from bot.cli.task import JsonOption

if TYPE_CHECKING:
    from bot.web.schemas.answers import DeskAnswer

app = typer.Typer(
    help="Desks: status, test, arrange, doctor, up, down, list, import, selftest, hold, release, stop, "
    "forget, screenshot, picture, run.",
    no_args_is_help=True,
)
app.command()(displays.up)
app.command()(displays.down)
app.command("list")(displays.show)
app.command()(displays.picture)
app.command("test")(upkeep.try_out)
app.command()(upkeep.arrange)
app.command()(upkeep.doctor)
app.command("import")(import_file)
app.command()(selftest.selftest)

DeskArgument = Annotated[str, typer.Argument(metavar="DESK", help="Its name in config/desks.", show_default=False)]


@app.command()
def status(json: JsonOption = False, home: HomeOption = None) -> None:
    """Every desk with its windows, looked at now."""
    from bot.web.schemas.answers import DeskAnswer

    def text(desks: list[DeskAnswer]) -> str:
        return "\n".join(_page(desk) for desk in desks) if desks else "no desks; config/desks describes them"

    ask(home_of(home), "GET", "/desks", list[DeskAnswer], text, json=json)


@app.command()
def hold(desk: DeskArgument, json: JsonOption = False, home: HomeOption = None) -> None:
    """Begin nothing new on this desk; what is under way is finished."""
    _told(home, desk, "hold", json=json)


@app.command()
def release(desk: DeskArgument, json: JsonOption = False, home: HomeOption = None) -> None:
    """Let deliveries begin again after `hold` or `stop`."""
    _told(home, desk, "release", json=json)


@app.command()
def stop(desk: DeskArgument, json: JsonOption = False, home: HomeOption = None) -> None:
    """Stop this desk before the next key, until it is released."""
    _told(home, desk, "stop", json=json)


@app.command()
def forget(
    desk: DeskArgument,
    window: Annotated[str, typer.Argument(metavar="WINDOW", help="Its name in the desk's file.", show_default=False)],
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Forget what Octet learned of a window automatically; `status` shows what that is."""
    from bot.web.schemas.answers import LearnedAnswer

    path = f"/desks/{quote(desk, safe='')}/windows/{quote(window, safe='')}/forget"

    def text(forgotten: list[LearnedAnswer]) -> str:
        gone = ", ".join(one.what.words for one in forgotten) or "what it could not read"
        return f"Octet forgot {gone} and restarted the desk's worker"

    ask(home_of(home), "POST", path, list[LearnedAnswer], text, json=json)


@app.command()
def screenshot(
    desk: DeskArgument,
    window: Annotated[str, typer.Argument(metavar="WINDOW", help="Its name in the desk's file.", show_default=False)],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the PNG goes; a new file.", show_default=False)],
    home: HomeOption = None,
) -> None:
    """A picture of one window, and of nothing else on the screen."""
    path = f"/desks/{quote(desk, safe='')}/windows/{quote(window, safe='')}/picture"
    picture = call(home_of(home), "GET", path).body
    write_picture(file, picture)


@app.command(hidden=True)
def run(
    desk: Annotated[str, typer.Option("--desk", help="The desk to work on.")],
    tmux: Annotated[bool, typer.Option("--tmux", help="Its windows are panes of tmux.")] = False,
    portable: Annotated[bool, typer.Option("--portable", help="For the self-test alone.")] = False,
) -> None:
    """Be a desk's worker. `octet run` starts one for each desk and speaks to it over its pipes."""
    from automation.desktop.worker_selection import find_worker
    from bot.cli.logs import log_to_stderr

    log_to_stderr("info")  # structlog's own way would print each frame's variables: a prompt with its code among them
    if tmux:
        from automation.terminal import worker

        sys.exit(worker.run(desk))
    sys.exit(find_worker("darwin" if portable else sys.platform)(desk))


def _told(home: Path | None, desk: str, verb: str, *, json: bool) -> None:
    from bot.web.schemas.answers import DeskAnswer

    ask(home_of(home), "POST", f"/desks/{quote(desk, safe='')}/{verb}", DeskAnswer, _page, json=json)


def _page(desk: DeskAnswer) -> str:
    why = f": {printable(desk.reason)}" if desk.reason else ""
    head = f"{printable(desk.name)} ({printable(desk.display)}) is {desk.state}{why}"
    rows = [
        (f"  {window.name}", "usable" if window.usable else window.reason or "not usable") for window in desk.windows
    ]
    more = [f"  {one.window}: learned {one.what.words} on {_date(one.at_ms)}" for one in desk.learned]
    more += [f"  {printable(said)}" for said in (desk.unread, desk.awake) if said]
    return "\n".join([head, *([table(rows)] if rows else []), *more])


def _date(at_ms: int) -> str:
    """`22 Nov, 14:03`, in the time of this machine."""
    return time.strftime("%d %b, %H:%M", time.localtime(at_ms / 1000))
