"""`octet receipt`: what is kept of a delivery that passed Enter, and what that rests on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from bot.cli.home import HomeOption, home_of
from bot.cli.operator import ask, call, printable
from bot.cli.task import JsonOption
from core.kit.errors import Conflict

if TYPE_CHECKING:
    from bot.web.schemas.receipts import DeliveryReceiptAnswer


class PicturesNotWritten(Conflict):
    """The pictures cannot be written to {folder}: {why}. Nothing was overwritten; name an empty folder or a new one."""


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
    """What is kept of the deliveries of a task: what was seen, how it was read, when, by whom, in which window."""
    from bot.web.schemas.receipts import DeliveryReceiptAnswer

    def text(found: list[DeliveryReceiptAnswer]) -> str:
        return "\n\n".join(map(_page, found))

    path = f"/receipts/{quote(named, safe='')}"
    found = ask(home_of(home), "GET", path, list[DeliveryReceiptAnswer], text, json=json)
    if pictures is not None:
        _write(home, found, pictures, quiet=json)


def _write(home: Path | None, found: list[DeliveryReceiptAnswer], folder: Path, *, quiet: bool) -> None:
    """Fetch every picture that is still there; files are for this account only, and none is overwritten."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for one in found:
            for shot in one.pictures:
                if shot.deleted_ms is not None:
                    continue
                path = f"/receipts/{one.delivery.id}/{one.fence}/pictures/{shot.name}"
                png = call(home_of(home), "GET", path).body
                file = folder / f"{one.delivery.id}-{one.fence}-{shot.name}.png"
                with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
                    opened.write(png)
                if not quiet:
                    print(f"wrote {file}")
    except OSError as error:
        raise PicturesNotWritten(folder=folder, why=(error.strerror or str(error)).lower()) from error


def _page(one: DeliveryReceiptAnswer) -> str:
    from core.kit.clock import as_datetime

    what = f"Delivery {one.delivery.id}, attempt {one.fence}, to {printable(one.delivery.agent)}"
    about = f" for {one.delivery.task}" if one.delivery.task else ""
    verdict = f"{one.state}{f' ({one.assurance})' if one.assurance else ''}"
    lines = [f"{what}{about}: {verdict} at {as_datetime(one.at_ms):%Y-%m-%d %H:%M:%S} UTC", f"  {one.claim}"]
    lines += [f"  {part}" for part in (one.before_enter, f"Seen: {printable(one.note)}" if one.note else "") if part]
    lines.append(f"  sha256 of the text asked for: {one.sha256}")
    if one.timings_ms:
        lines.append(
            "  "
            + " · ".join(f"{name} {value:g}" for name, value in one.timings_ms.items())
            + " (ms; grabs, requests: how many)"
        )
    lines += [f"  {line}" for line in _where(one)]
    lines += [f"  picture {shot.name}: {shot.shows}" for shot in one.pictures] or ["  no pictures"]
    return "\n".join(lines)


def _where(one: DeliveryReceiptAnswer) -> list[str]:
    lines: list[str] = []
    if one.evidence is not None and one.evidence.sha256:
        lines.append(f"sha256 of the text read: {one.evidence.sha256}")
    if one.evidence is not None and one.evidence.target is not None:
        target = one.evidence.target
        lines.append(
            f"window {printable(one.delivery.window or '-')} of desk {printable(one.delivery.desk or '-')}: "
            f"class {printable(target.kind)}, id {target.id}, at {list(target.place)}, "
            f"sha256 of its title {target.title_sha256[:16]}…"
        )
    if one.evidence is not None and one.evidence.hand is not None:
        hand = one.evidence.hand
        path = f" ({hand.path})" if hand.path else ""
        lines.append(f"typed by process {hand.pid} on host {hand.host}, Octet {hand.version}{path}")
    return lines
