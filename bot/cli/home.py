"""The options that many commands share: --home and --json."""

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
        help="The folder this Octet lives in. Default: $OCTET_HOME, else this folder if it holds config/octet.toml, "
        "else your data folder.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON, for programs.")]


def home_of(option: Path | None) -> Home:
    """The home that the option, the environment and the current folder name."""
    from core.config.settings import environment

    return find_home(option, environment(), Path.cwd())
