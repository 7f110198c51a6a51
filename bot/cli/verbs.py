"""Makes the commands from the verbs of `bot.verbs`: arguments, the call to the running Octet, its answer."""

from __future__ import annotations

import inspect
import re
import secrets
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from enum import Enum
from json import dumps, loads
from pathlib import Path
from typing import Annotated, Any, get_origin
from urllib.parse import quote, urlencode

import typer

from bot.cli.answers import Unusable, read_files, read_given_text
from bot.cli.client import HttpAnswer
from bot.cli.home import HomeOption, JsonOption, home_of
from bot.cli.operator import call, parse_answer, printable
from bot.cli.present import FAILED, PRESENT
from bot.cli.terminal import show, waiting
from bot.verbs.catalogue import ABOUT, VERBS
from bot.verbs.declare import On, Parameter, Verb
from core.home import Home
from core.kit.filters import Page
from core.limits import IMPORT, ROWS
from core.tasks.model import Export

_ROWS = 20  # of a list, on a screen
_SLOW_S, _QUICK_S = 900.0, 30.0
FileOption = Annotated[
    str | None, typer.Option("--file", metavar="FILE", help="Take the text from this file; `-`: from standard input.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Show all rows.")]
PageOption = Annotated[int, typer.Option("--page", min=1, help="Show this page, 20 rows each.")]
KeyOption = Annotated[str | None, typer.Option(help="Octet carries out the same key only once.")]


def add_commands(groups: dict[str, typer.Typer]) -> None:
    for verb in VERBS:
        if On.CLI in verb.on:
            if verb.group not in groups:
                groups[verb.group] = typer.Typer(help=f"{ABOUT[verb.group]}.", no_args_is_help=True)
            groups[verb.group].command(verb.name)(command_of(verb))


def command_of(verb: Verb) -> Callable[..., None]:
    is_list = get_origin(verb.result) is Page

    def run(*, json: bool = False, home: Path | None = None, **given: Any) -> None:
        screen = _Screen(every=given.pop("all", False), page=given.pop("page", 1))
        try:
            for one in verb.parameters:
                if one.kind.is_text:
                    given[one.name] = _text(given[one.name], given.pop("file"))
                if one.kind.is_file and given[one.name] is not None:
                    (given[one.name],) = read_files([given[one.name]])
        except Unusable as problem:
            raise typer.BadParameter(str(problem)) from problem
        if is_list and (screen.every or not json) and not given["limit"] and not given["cursor"]:
            text, result, left = _fetch(verb, home_of(home), given, screen)
        else:
            (text, result), left = ask(verb, home_of(home), given), ""
        tell(verb, text, result, json=json)
        if left and not json:
            show(left)
        if verb.result in FAILED and FAILED[verb.result](result):
            raise typer.Exit(1)

    taken = [_parameter(one) for one in verb.parameters]
    if is_list:  # without --limit Octet fills the screen, and counts the rest
        taken = [one.replace(default=None) if one.name == "limit" else one for one in taken]
        taken += [_option("all", AllOption, default=False), _option("page", PageOption, 1)]
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
    text = response.body.decode("utf-8")
    return text, text if verb.result is Export else parse_answer(verb.result, response)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Screen:
    """Which rows of a list to show."""

    every: bool
    page: int


def _fetch(verb: Verb, home: Home, given: dict[str, Any], screen: _Screen) -> tuple[str, Page[Any], str]:
    """Fetch the rows of a screen, or all; return them as JSON and as a page, and a line about the rest."""
    last = screen.page * _ROWS
    raw, items, cursor = list[object](), tuple[Any, ...](), None
    while cursor != "" and (screen.every or len(items) <= last):
        text, found = ask(verb, home, {**given, "limit": ROWS.most, "cursor": cursor})
        raw, items, cursor = [*raw, *loads(text)["items"]], (*items, *found.items), found.next
    if screen.every:
        return dumps({"items": raw, "next": ""}, ensure_ascii=False), Page(items=items), ""
    rest = len(items) - last
    more = f"{'more than ' if cursor else ''}{rest} more"
    left = f"… and {more} (--all / --page {screen.page + 1})" if rest > 0 else ""
    return "", Page(items=items[last - _ROWS : last]), left


def send(verb: Verb, home: Home, given: dict[str, Any]) -> HttpAnswer:
    key = given.pop("key", None) or (secrets.token_hex(16) if verb.wants_origin else None)
    sent = {name: value.value if isinstance(value, Enum) else value for name, value in given.items()}
    method, path = verb.route.split()
    for name in re.findall(r"{(\w+)}", path):
        path = path.replace(f"{{{name}}}", quote(str(sent.pop(name)), safe=""))
    rest = {name: value for name, value in sent.items() if value is not None}
    query = f"?{urlencode(rest, doseq=True)}" if rest and method == "GET" else ""
    body = rest if rest and method != "GET" else None
    limit_s = _SLOW_S if verb.is_slow else _QUICK_S
    with waiting(f"{verb.summary} …") if verb.is_slow else nullcontext():
        return call(home, method, path + query, body=body, timeout_s=limit_s, key=key)


def tell(verb: Verb, text: str, result: Any, *, json: bool) -> None:
    """Print the answer unchanged, the verb's own sentence, or the table's presentation of the result."""
    words = verb.sentence(result, printable) if verb.says and not json else ""
    if json:
        print(text)
    else:
        show(words or PRESENT[verb.result](result))


def _parameter(one: Parameter) -> inspect.Parameter:
    kind: Any = Path if one.kind.is_file else one.type
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
    """Read a verb's text from its argument, a file, or standard input. Raises Unusable."""
    if text is not None and file is not None:
        raise Unusable("Give the text as an argument or by --file, not both.")
    return text if text is not None and text != "-" else read_given_text(file, limit=IMPORT.most)
