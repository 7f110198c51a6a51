"""`octet msg`: words to agents from the command line, as the owner of this machine."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from bot.cli.home import HomeOption, home_of
from bot.cli.operator import ask, printable
from bot.cli.task import FileOption, JsonOption, text_of

if TYPE_CHECKING:
    from bot.web.schemas.answers import DeliveryAnswer, WordsAnswer

app = typer.Typer(help="Words to agents: send, broadcast, show.", no_args_is_help=True)

TextArgument = Annotated[str | None, typer.Argument(metavar="TEXT", help="What is to be said.")]
KeyOption = Annotated[str | None, typer.Option(help="The same key never says it twice.")]


@app.command()
def send(
    text: TextArgument = None,
    *,
    agent: Annotated[str | None, typer.Option(help="To this agent, such as Agent-3.")] = None,
    task: Annotated[str | None, typer.Option(help="About this task, to whoever has it, such as T-142.")] = None,
    file: FileOption = None,
    key: KeyOption = None,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Say something to an agent, or to whoever has a task. The text is the argument, a file, or standard input."""
    _say(home, "/messages", {"agent": agent, "task": task}, text=text, file=file, key=key, json=json)


@app.command()
def broadcast(
    text: TextArgument = None,
    *,
    needs: Annotated[list[str] | None, typer.Option(help="Only to agents that can do this; repeat it.")] = None,
    file: FileOption = None,
    key: KeyOption = None,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Say something to all agents that can be reached. The text is the argument, a file, or standard input."""
    _say(home, "/messages/broadcast", {"needs": needs or []}, text=text, file=file, key=key, json=json)


@app.command()
def show(
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="Its id, as `send` prints it.", show_default=False)],
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """The whole text of what was said, and how far it has come."""
    from bot.web.schemas.answers import WordsAnswer
    from core.messages.model import text_for_people

    def page(words: WordsAnswer) -> str:
        return f"{_page(words)}\n\n{printable(text_for_people(words.body, words.expired_ms), keep_lines=True)}"

    ask(home_of(home), "GET", f"/messages/{quote(message, safe='')}", WordsAnswer, page, json=json)


def _say(
    home: Path | None,
    path: str,
    to: dict[str, object],
    *,
    text: str | None,
    file: str | None,
    key: str | None,
    json: bool,
) -> None:
    from bot.web.schemas.answers import WordsAnswer
    from core.messages.model import MAX_BRIEF_CHARS

    body = {"text": text_of(text, file, MAX_BRIEF_CHARS), **to}
    ask(home_of(home), "POST", path, WordsAnswer, _page, json=json, body=body, key=key or secrets.token_hex(16))


def _page(words: WordsAnswer) -> str:
    about = f" about {words.task}" if words.task else ""
    lines = [f"{words.id} from {printable(words.sender_name)}{about}:"]
    lines += [f"  {printable(one.agent)}: {_state(one)}" for one in words.deliveries]
    lines += [f"  {printable(one.agent)}: left out: {printable(one.why)}" for one in words.left_out]
    return "\n".join(lines)


def _state(delivery: DeliveryAnswer) -> str:
    why = ": ".join(part for part in (delivery.reason, delivery.assurance or "", delivery.note) if part)
    how = " ".join(filter(None, (delivery.part, delivery.state)))
    return f"{how} ({printable(why)})" if why else how
