"""`octet desk screenshot` and `octet receipt`: write pictures as new files for this account only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.errors import writing
from bot.cli.home import HomeOption, JsonOption, home_of
from bot.cli.verbs import ask, send, tell
from bot.verbs import desks, receipts


def write_picture(file: Path, png: bytes) -> None:
    """Write it to a new file and say so. Raises FileNotWritten."""
    with writing(file, "Octet overwrites nothing: name a new file or an empty folder."):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as opened:
        opened.write(png)
    print(f"wrote {file}")


def screenshot(
    desk: Annotated[str, typer.Argument(metavar="DESK", help="Its name in config/desks.", show_default=False)],
    window: Annotated[str, typer.Argument(metavar="WINDOW", help="Its name in the desk's file.", show_default=False)],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the PNG goes; a new file.", show_default=False)],
    home: HomeOption = None,
) -> None:
    """Save a picture of one window, and of nothing else on the screen."""
    write_picture(file, send(desks.screenshot, home_of(home), {"desk": desk, "window": window}).body)


def receipt(
    named: Annotated[
        str, typer.Argument(metavar="TASK|DELIVERY", help="Such as T-142, or a delivery's own id.", show_default=False)
    ],
    pictures: Annotated[
        Path | None, typer.Option("--pictures", metavar="DIR", help="Write its pictures into this folder too.")
    ] = None,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    place = home_of(home)
    text, found = ask(receipts.show, place, {"named": named})
    tell(receipts.show, text, found, json=json)
    for one in found if pictures else ():
        for shot in (one for one in one.pictures if one.deleted_ms is None):
            given = {"named": one.delivery.id, "attempt": one.fence, "picture": shot.name}
            png = send(receipts.picture, place, given).body
            write_picture(Path(pictures or "") / f"{one.delivery.id}-{one.fence}-{shot.name}.png", png)


receipt.__doc__ = receipts.show.help
