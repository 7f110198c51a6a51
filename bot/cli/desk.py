"""`octet desk`: the displays that prompts are typed on, and the worker that types."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli import displays, pictures
from bot.cli.calibrate.legacy_coordinates import import_file
from bot.verbs.desks import ABOUT

app = typer.Typer(help=f"{ABOUT}.", no_args_is_help=True)
app.command()(displays.up)
app.command()(displays.down)
app.command("list")(displays.show)
app.command()(displays.picture)
app.command()(pictures.screenshot)
app.command("import")(import_file)


@app.command()
def selftest(
    *,
    count: Annotated[int, typer.Option("--count", min=4, help="How many deliveries.")] = 200,
    report: Annotated[
        Path, typer.Option("--report", metavar="FILE", help="Where the report goes: FILE.txt and FILE.json.")
    ] = Path("octet-selftest"),
    portable: Annotated[
        bool, typer.Option("--portable", help="Try the portable way, also where there is a better one.")
    ] = False,
) -> None:
    """Try on this machine how safely Octet types: a window of its own, and thieves of focus, clipboard and view.

    Types into that window and nowhere else. Touch nothing meanwhile: it takes some minutes. The report says what was
    claimed and what the window really received. Exit code 0: clean; 1: not so; 75: it could not begin."""
    if sys.platform.startswith("linux"):
        from automation.desktop.x11.wayland import refuse_wayland
        from core.config.settings import environment

        refuse_wayland(environment(), environment().get("DISPLAY", ""))
    from bot.cli.selftest import keep, run_selftest

    done = run_selftest(count, portable=portable)
    print(f"\n{done.as_text()}")
    print(f"written: {', '.join(map(str, keep(done, report)))}")
    if not done.is_clean:
        raise typer.Exit(1)


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
