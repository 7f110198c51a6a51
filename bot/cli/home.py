"""The common options of many commands, --home and --json, and the check that a folder is a home."""

from __future__ import annotations

import inspect
import io
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import wraps
from json import dumps
from pathlib import Path
from typing import Annotated, Any, cast, get_type_hints

import typer

from core.home import Home, find_home
from core.remedies import refused

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="DIR",
        help="Octet's home. Default: $OCTET_HOME, else this folder if it contains config/octet.toml, "
        "else your data folder.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON, for programs.")]


def home_of(option: Path | None) -> Home:
    from core.config.settings import environment

    return find_home(option, environment(), Path.cwd())


def must_be_home(home: Home) -> Home:
    if not (home.config / "octet.toml").is_file():
        raise refused("no_home", home=home.root)
    return home


def with_json(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that prints lines the option --json: then it prints them as one object, also when it exits."""

    @wraps(command)
    def run(*, json: bool = False, **given: Any) -> None:
        if not json:
            command(**given)
            return
        ended: BaseException | None = None
        with redirect_stdout(io.StringIO()) as output:
            try:
                command(**given)
            except (typer.Exit, SystemExit) as end:
                ended = end
        print(dumps({"lines": output.getvalue().splitlines()}, ensure_ascii=False), file=sys.stdout)
        if ended is not None:
            raise ended

    option = inspect.Parameter("json", inspect.Parameter.KEYWORD_ONLY, annotation=JsonOption, default=False)
    hints = get_type_hints(command, include_extras=True)
    known = inspect.signature(command).parameters.values()
    parameters = [*(one.replace(annotation=hints[one.name]) for one in known), option]
    cast("Any", run).__signature__ = inspect.Signature(parameters)  # what Typer reads
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run
