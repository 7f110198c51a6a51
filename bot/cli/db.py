"""`octet db`: the database's schema, brought to the present version."""

from __future__ import annotations

import typer

from bot.cli.home import HomeOption, home_of

app = typer.Typer(help="The database.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """The database."""


@app.command()
def upgrade(home: HomeOption = None) -> None:
    """Bring the database of an older Octet to the present schema. Octet must not be running in this home."""
    from core.store.engine import upgrade_file
    from core.store.lock import home_lock

    place = home_of(home)
    with home_lock(place.lock):
        was, now = upgrade_file(place.db)
    print(f"{place.db} has schema {now} already" if was == now else f"{place.db}: schema {was} is now {now}")
