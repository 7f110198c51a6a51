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
from core.remedies import refused

A = TypeVar("A")


class OctetNotRunning(Unavailable):
    """Octet isn't running in {home}. Start it with `octet run`, or name its home with `--home`. If you have not set it
    up yet, begin with `octet init`."""


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
    Octet's reason and code, or may_be_done, may_be_done_once or answer_lost_twice if the answer stays lost."""
    headers = {} if key is None else {"Idempotency-Key": quote(key, safe="")}
    maybe = refused("may_be_done") if key is None else refused("may_be_done_once", key=key)

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
        unheard = refused("answer_lost_twice") if isinstance(error, AnswerLost) else OctetNotRunning(home=home.root)
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
