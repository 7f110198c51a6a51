"""`octet delivery`: prompts that nobody saw arrive, and a person's word about them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from bot.cli.home import HomeOption, home_of
from bot.cli.operator import ask, printable, table
from bot.cli.task import JsonOption

if TYPE_CHECKING:
    from bot.web.schemas.answers import DeliveryAnswer

app = typer.Typer(help="Prompts that nobody saw arrive: list, resolve.", no_args_is_help=True)


class Word(StrEnum):
    """What a person may say; core has the same."""

    ARRIVED = "arrived"
    AGAIN = "again"
    DROP = "drop"


@app.command("list")
def list_deliveries(json: JsonOption = False, home: HomeOption = None) -> None:
    """Prompts of which nobody knows whether they arrived: each waits for your word, and its agent with it."""
    from bot.web.schemas.answers import DeliveryAnswer

    def text(found: list[DeliveryAnswer]) -> str:
        return table([_columns(one) for one in found]) if found else "nothing waits for a word"

    ask(home_of(home), "GET", "/deliveries?state=unknown", list[DeliveryAnswer], text, json=json)


@app.command()
def resolve(
    delivery: Annotated[
        str, typer.Argument(metavar="TASK|ID", help="Such as T-142, or the delivery's own id.", show_default=False)
    ],
    word: Annotated[
        Word,
        typer.Argument(
            help="arrived: it stands in the window. again: it does not, send it again. drop: end its task.",
            show_default=False,
        ),
    ],
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Say what became of a prompt that nobody saw arrive. Look at its window first: `octet desk screenshot`."""
    from bot.web.schemas.answers import DeliveryAnswer

    body = {"decision": word.value}
    path = f"/deliveries/{quote(delivery, safe='')}/resolve"
    ask(home_of(home), "POST", path, DeliveryAnswer, lambda after: _told(after, word), json=json, body=body)


def _told(delivery: DeliveryAnswer, word: Word) -> str:
    what = delivery.task or delivery.id
    return {
        Word.ARRIVED: f"{what} arrived, by your word; {printable(delivery.agent)} has it",
        Word.AGAIN: f"{what} is sent again, as soon as a window can be used",
        Word.DROP: f"{what} is dropped",
    }[word]


def _columns(delivery: DeliveryAnswer) -> tuple[str, ...]:
    where = f"{delivery.desk}/{delivery.window}" if delivery.window else "-"
    return delivery.task or "-", delivery.agent, where, delivery.id, delivery.note or delivery.reason
