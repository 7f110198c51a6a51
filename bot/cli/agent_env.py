"""`octet agent env`: the environment in which an agent answers from elsewhere, in the two forms that programs read."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.home import HomeOption, JsonOption, home_of
from bot.cli.verbs import ask
from bot.verbs.agents import env as verb


def env(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="Such as Agent-3.", show_default=False)],
    *,
    plain: Annotated[
        bool, typer.Option("--plain", help="Print NAME=value, for docker's --env-file and systemd.")
    ] = False,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    text, values = ask(verb, home_of(home), {"agent": agent})
    before = "" if plain else "export "
    print(text if json else "\n".join(f"{before}{name}={value}" for name, value in values.items()))


env.__doc__ = verb.help
