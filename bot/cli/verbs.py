"""Makes the commands from the verbs of `bot.verbs`: arguments, the call to the running Octet, its answer."""

from __future__ import annotations

import inspect
import re
import secrets
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer

from bot.cli.answers import Unusable, read_words
from bot.cli.client import HttpAnswer
from bot.cli.home import HomeOption, JsonOption, home_of
from bot.cli.operator import call, parse_answer, printable
from bot.cli.present import FAILED, PRESENT
from bot.cli.terminal import show
from bot.verbs.catalogue import ABOUT, VERBS
from bot.verbs.declare import On, Parameter, Verb
from core.home import Home

_SLOW_S, _QUICK_S = 900.0, 30.0
_MOST_CHARS = 1_000_000
FileOption = Annotated[
    str | None, typer.Option("--file", metavar="FILE", help="Take the text from this file; `-`: from standard input.")
]
KeyOption = Annotated[str | None, typer.Option(help="Octet carries out the same key only once.")]


def add_commands(groups: dict[str, typer.Typer]) -> None:
    for verb in VERBS:
        if On.CLI in verb.on:
            if verb.group not in groups:
                groups[verb.group] = typer.Typer(help=f"{ABOUT[verb.group]}.", no_args_is_help=True)
            groups[verb.group].command(verb.name)(command_of(verb))


def command_of(verb: Verb) -> Callable[..., None]:
    def run(*, json: bool = False, home: Path | None = None, **given: Any) -> None:
        for one in verb.parameters:
            if one.kind.is_text:
                given[one.name] = _text(given[one.name], given.pop("file"))
        text, result = ask(verb, home_of(home), given)
        tell(verb, text, result, json=json)
        if verb.result in FAILED and FAILED[verb.result](result):
            raise typer.Exit(1)

    taken = [_parameter(one) for one in verb.parameters]
    if any(one.kind.is_text for one in verb.parameters):
        taken.append(_option("file", FileOption, None))
    if verb.wants_origin:
        taken.append(_option("key", KeyOption, None))
    taken += [_option("json", JsonOption, default=False), _option("home", HomeOption, None)]
    taken.sort(key=lambda one: one.kind)
    run.__signature__ = inspect.Signature(taken)  # pyright: ignore[reportFunctionMemberAccess] - what Typer reads
    run.__annotations__ = {one.name: one.annotation for one in taken}
    run.__doc__ = verb.help
    return run


def ask(verb: Verb, home: Home, given: dict[str, Any]) -> tuple[str, Any]:
    """Call the running Octet. Return its answer unchanged, and as the verb's type of result."""
    response = send(verb, home, given)
    return response.body.decode("utf-8"), parse_answer(verb.result, response)


def send(verb: Verb, home: Home, given: dict[str, Any]) -> HttpAnswer:
    key = given.pop("key", None) or (secrets.token_hex(16) if verb.wants_origin else None)
    sent = {name: value.value if isinstance(value, Enum) else value for name, value in given.items()}
    method, path = verb.route.split()
    for name in re.findall(r"{(\w+)}", path):
        path = path.replace(f"{{{name}}}", quote(str(sent.pop(name)), safe=""))
    rest = {name: value for name, value in sent.items() if value is not None}
    query = f"?{urlencode(rest, doseq=True)}" if rest and method == "GET" else ""
    body = rest if rest and method != "GET" else None
    return call(home, method, path + query, body=body, timeout_s=_SLOW_S if verb.is_slow else _QUICK_S, key=key)


def tell(verb: Verb, text: str, result: Any, *, json: bool) -> None:
    """Print the answer unchanged, the verb's own sentence, or the table's presentation of the result."""
    words = verb.sentence(result, printable) if verb.says and not json else ""
    if json:
        print(text)
    else:
        show(words or PRESENT[verb.result](result))


def _parameter(one: Parameter) -> inspect.Parameter:
    kind: Any = one.type
    help_ = one.help
    if one.kind.choices and one.type is str:
        named: Any = Enum(one.name, {value: value for value in one.kind.choices}, type=str)
        kind = named
    elif one.kind.choices:
        help_ += f" ({', '.join(one.kind.choices.values())})"
    default = one.default
    if one.kind.is_text or not one.is_required:  # a text that is left out comes from a file or standard input
        kind, default = kind | None, None if one.is_required else default or None
    if one.is_option:
        return _option(one.name, Annotated[kind, typer.Option(help=help_)], default)
    argument = Annotated[kind, typer.Argument(metavar=one.name.upper(), help=help_, show_default=False)]
    return inspect.Parameter(one.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=argument, default=default)


def _option(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _text(text: str | None, file: str | None) -> str:
    """Read a verb's text from its argument, a file, or standard input."""
    if text is not None and file is not None:
        raise typer.BadParameter("Give the text as an argument or by --file, not both.")
    if text is not None and text != "-":
        return text
    try:
        return read_words(file, limit=_MOST_CHARS)
    except Unusable as problem:
        raise typer.BadParameter(str(problem)) from problem
