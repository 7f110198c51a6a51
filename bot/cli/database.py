"""`octet db` and `octet audit`: upgrade the database's schema, and verify that its journal is complete."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from bot.cli.home import HomeOption, home_of, with_json
from core.home import Home
from core.kit.clock import SystemClock
from core.remedies import refused

# The callbacks keep the groups' own names, though each has one command.
db = typer.Typer(help="The database.", no_args_is_help=True, callback=lambda: None)
audit = typer.Typer(help="The journal.", no_args_is_help=True, callback=lambda: None)


@db.command()
@with_json
def upgrade(home: HomeOption = None) -> None:
    """Upgrade the database of an older Octet to the current schema. Octet must not be running in this home."""
    from core.store.engine import upgrade_file
    from core.store.lock import home_lock

    place = home_of(home)
    with home_lock(place.lock):
        was, now = upgrade_file(place.db)
    print(f"{place.db} has schema {now} already" if was == now else f"{place.db}: schema {was} is now {now}")


@audit.command()
@with_json
def verify(home: HomeOption = None) -> None:
    """Check every row of the journal against its chain, and its end against journal.head. Octet may run meanwhile."""
    import asyncio

    rows, head = asyncio.run(_verify(home_of(home)))
    print(f"the journal is complete, rows: {rows}")
    if not head.exists():
        print(f"octet: {head} is missing: rows removed from the journal's end would not be detected.", file=sys.stderr)


async def _verify(home: Home) -> tuple[int, Path]:
    from core.journal.service import Journal
    from core.security.keys import load_key
    from core.store.engine import Store

    if not home.db.exists():
        raise refused("no_database", id=home.db)
    if not home.audit_key.exists():
        raise refused("audit_key_missing", path=home.audit_key)
    async with Store.open(home.db) as store:
        journal = Journal(store=store, key=load_key(home.audit_key), clock=SystemClock())
        return await journal.verify(), journal.head
