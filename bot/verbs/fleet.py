"""`fleet`: everything that needs a user, the board, and Octet's health."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from bot.verbs.declare import Coordinator, On, Origin, ParameterKind, Verb
from bot.verbs.lists import Limit
from bot.verbs.naming import on_the_page
from bot.verbs.offers import OfferedNeed, offered
from core.fleet.model import Board, BoardKind, Needs, Overview, Timeline, Trouble, Wellness
from core.limits import TIMELINE_HOURS
from core.security.model import Actor, Permission

ABOUT = "Everything at a glance"
_KIND = ParameterKind(
    help="What it shows; default: the fleet",
    choices={BoardKind.FLEET: "the fleet", BoardKind.NEEDS_ME: "what needs you, pinned"},
)


@Verb("fleet", Permission.FLEET_READ, "GET /fleet/needs-me", discord="default")
async def needs_me(octet: Coordinator, *, limit: Limit = 50, by: Actor) -> Needs:
    """Show everything that waits for you, worst and oldest first.

    Each entry says why it waits, since when and what to do next, with a link to its thread."""
    return await octet.fleet.needs_me(by=by, limit=limit)


@Verb("fleet", Permission.FLEET_READ, "GET /fleet/board", discord="off")
async def board(octet: Coordinator, *, by: Actor) -> Board:
    """Show each agent's work, the desks, the queue, and how many things need attention."""
    return await octet.fleet.board(by=by)


@Verb("fleet", Permission.FLEET_READ, "GET /fleet/status", on=On.HTTP, discord="off")
async def status(octet: Coordinator, *, by: Actor) -> Overview:
    """Show each agent with the task, the queue, what needs attention, and Discord on one screen."""
    return await octet.fleet.overview(octet.version, by=by)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstScreen:
    """What the page shows first."""

    needs: tuple[OfferedNeed, ...]
    more: int  # how many further things need attention
    board: Board
    troubles: tuple[Trouble, ...]


@Verb("fleet", Permission.FLEET_READ, "GET /fleet/home", on=On.HTTP, discord="off")
async def home(octet: Coordinator, *, limit: Limit = 50, by: Actor) -> FirstScreen:
    """Show what needs attention with what you can do about it, each agent's work, and Octet's troubles.

    An offer is a request that you may make; `asks` names the field of its body that you write."""
    known, needs = octet.fleet.health, await octet.fleet.needs_me(by=by, limit=limit)
    found = tuple(offered(one, by) for one in needs.shown)
    troubles = tuple(replace(one, next=on_the_page(one.next)) for one in (await known.look(by=by)).troubles)
    board, more = await octet.fleet.board(by=by), needs.total - len(found)
    return FirstScreen(needs=found, more=more, board=board, troubles=troubles)


@Verb("fleet", Permission.FLEET_READ, "GET /fleet/timeline", on=On.HTTP, discord="off")
async def timeline(
    octet: Coordinator,
    *,
    hours: Annotated[int, ParameterKind(help="How far back, 1 to 168; default: 6"), TIMELINE_HOURS] = 6,
    by: Actor,
) -> Timeline:
    """Show which agent had which task when, and why agents waited."""
    return await octet.fleet.timeline(hours, by=by)


@Verb(
    "fleet",
    Permission.FLEET_BOARD,
    name="board",
    on=On.NO_PROGRAM,
    undo="board",
    says=lambda stays: "The board appears below and stays up to date." if stays else REMOVED,
    discord="default",
)
async def place_board(
    octet: Coordinator,
    kind: Annotated[BoardKind, _KIND] = BoardKind.FLEET,
    *,
    remove: Annotated[bool, ParameterKind(help="Remove the board from this channel instead")] = False,
    origin: Origin,
    by: Actor,
) -> bool:
    """Keep a live board in this channel.

    It shows each agent's work, the queue and the desks; or what needs you, pinned. A channel has one of each kind:
    run it again to move it down, or with `remove`."""
    boards = octet.fleet.boards
    if remove:
        await boards.remove(origin.place.channel, kind, by=by)
    else:
        await boards.place(origin.place, kind, by=by)
    return not remove


REMOVED = "Octet removes the board from this channel. `/fleet board` brings it back."


@Verb("fleet", Permission.FLEET_READ, "GET /fleet/health", discord="group")
async def health(octet: Coordinator, *, by: Actor) -> Wellness:
    """Check the database, Discord, the desks and the heartbeat ping.

    On the command line the exit code is 1 if something is wrong."""
    known = octet.fleet.health
    return await known.look(by=by)
