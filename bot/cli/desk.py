"""`octet desk`: the displays that prompts are typed on, and the worker that types."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bot.cli import displays, pictures, selftest
from bot.cli.calibrate.legacy_coordinates import import_file
from bot.verbs.desks import ABOUT

app = typer.Typer(help=f"{ABOUT}.", no_args_is_help=True)
app.command()(displays.up)
app.command()(displays.down)
app.command("list")(displays.show)
app.command()(displays.picture)
app.command()(pictures.screenshot)
app.command("import")(import_file)
app.command()(selftest.selftest)


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
