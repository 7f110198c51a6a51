"""The operator's calls to the running Octet, and texts made safe for the console."""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import quote

from pydantic import TypeAdapter

from bot.cli.client import AnswerLost, HttpAnswer, NoOctet, exchange
from bot.runfile import running
from core.home import Home
from core.kit.console import CONTROLS
from core.kit.errors import Conflict, Unavailable

A = TypeVar("A")


class OctetNotRunning(Unavailable):
    """Octet isn't running in {home}. Start it with `octet run`, or name its home with `--home`. If you have not set it
    up yet, begin with `octet init`."""


class MayBeDone(Unavailable):
    """Octet may have carried out this command: it was sent, and the answer was lost. Check before you repeat it."""


class MayBeDoneOnce(Unavailable):
    """Octet may have carried out this command: it was sent twice, and the answer was lost. Repeat it with the option
    --key {key}; then it counts once."""


class AnswerLostTwice(Unavailable):
    """Octet took this request twice, and no complete answer arrived. Run `octet doctor`, then try again."""


class RequestRefused(Conflict):
    """{why}"""


class TryLater(Unavailable):
    """{why}"""


def call(
    home: Home,
    method: str,
    path: str,
    *,
    body: object = None,
    timeout_s: float = 30,
    key: str | None = None,
) -> HttpAnswer:
    """Call the running Octet. With `key` Octet carries the command out once, however often it is sent.

    Repeat it if the answer was lost and that does no harm. Raises OctetNotRunning, TryLater or RequestRefused with
    Octet's reason and code, or MayBeDone, MayBeDoneOnce or AnswerLostTwice if the answer stays lost."""
    headers = {} if key is None else {"Idempotency-Key": quote(key, safe="")}
    maybe = MayBeDone() if key is None else MayBeDoneOnce(key=key)

    def send() -> HttpAnswer:
        run = running(home.root)
        if run is None:
            raise NoOctet
        sent = {"Authorization": f"Bearer {run.token}", **headers}
        return exchange(run, method, f"/api/v2{path}", body=body, headers=sent, timeout_s=timeout_s)

    is_lost = False
    try:
        try:
            response = send()
        except AnswerLost:
            is_lost = method != "GET"
            if is_lost and key is None:
                raise
            response = send()
    except NoOctet as error:
        unheard = AnswerLostTwice() if isinstance(error, AnswerLost) else OctetNotRunning(home=home.root)
        raise (maybe if is_lost or (method != "GET" and isinstance(error, AnswerLost)) else unheard) from error
    if not response.is_good:
        if is_lost and response.status >= 500:
            raise maybe
        refusal = TryLater if response.status >= 500 else RequestRefused
        raise refusal(why=response.error_message, code=response.error_code)
    return response


def parse_answer(kind: type[A], response: HttpAnswer) -> A:
    return TypeAdapter(kind).validate_json(response.body)


def printable(text: str, *, keep_lines: bool = False) -> str:
    """Replace characters of `text` that would control the console or move the text beside it."""
    text = CONTROLS.sub("�", text)
    return text if keep_lines else text.replace("\n", "�").replace("\t", "�")


def table(rows: list[tuple[str, ...]]) -> str:
    """Align rows in columns as wide as their widest cell."""
    cells = [tuple(printable(cell) for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=True))]).rstrip() for row in cells)
    return "\n".join(lines)
