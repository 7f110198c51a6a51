"""The common options of many commands: --home and --json."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.home import Home, find_home

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
