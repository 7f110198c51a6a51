"""`octet calibrate`: connects the windows of a display, with a person who points, or by options alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.home import HomeOption, home_of


def calibrate(
    desk: Annotated[str | None, typer.Argument(metavar="[DESK]", help="Its name in config/desks.")] = None,
    only: Annotated[str | None, typer.Argument(metavar="[WINDOW]", help="Only this window of the desk.")] = None,
    *,
    desk_option: Annotated[str | None, typer.Option("--desk", metavar="NAME", help="The same as DESK.")] = None,
    display: Annotated[str, typer.Option("--display", help="The display; default: the desk's, else $DISPLAY.")] = "",
    window: Annotated[
        list[str] | None,
        typer.Option(
            "--window",
            metavar="SPEC",
            help='A window, without questions: "title=…,profile=…,composer=x,y,agent=…". Can be given again.',
        ),
    ] = None,
    list_only: Annotated[bool, typer.Option("--list", help="Say which windows there are, and do nothing.")] = False,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="Write a picture with a number on each window.")
    ] = None,
    send: Annotated[
        str,
        typer.Option(
            "--send", metavar="TEXT", help="Then send this to one window of each kind, to see how it looks at work."
        ),
    ] = "",
    by_place: Annotated[
        bool, typer.Option("--by-place", help="Know windows of equal titles by their places, while they live.")
    ] = False,
    click: Annotated[
        bool, typer.Option("--click", help="Show where one writes by clicks on a page in your browser.")
    ] = False,
    untried: Annotated[bool, typer.Option("--untried", help="Write also what took no draft.")] = False,
    pane: Annotated[
        str,
        typer.Option(
            "--pane",
            metavar="PANE",
            help="Instead: learn how the composer looks in this pane of tmux, such as work:1.0.",
        ),
    ] = "",
    socket: Annotated[str, typer.Option("--socket", help="With --pane: the tmux server; default: the one here.")] = "",
    profile: Annotated[str, typer.Option("--profile", help="With --pane: the profile that learns it.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
    home: HomeOption = None,
) -> None:
    """Connect your agents' windows: where each stands, where one writes in it, how it is known again.

    A draft is put into each, read back and deleted; nothing is sent unless you say so. What works goes into config/.
    """
    from bot.cli.choosing import Wishes
    from bot.cli.connecting import connect_windows, finished
    from bot.cli.pointing import Asker

    asker = Asker(is_person=sys.stdin.isatty() and not window, yes=yes or bool(window))
    if pane:
        from bot.cli.learning_pane import learn_pane

        sys.exit(finished(learn_pane(home_of(home), pane, socket, profile, asker)))
    wishes = Wishes(
        desk=desk_option or desk or "",
        display=display,
        specs=tuple(window or ()),
        only=only or "",
        list_only=list_only,
        picture=picture,
        send=send,
        asks_to_send=True,
        untried=untried,
        by_place=by_place,
        click=click,
    )
    sys.exit(finished(connect_windows(home_of(home), wishes, asker)))
