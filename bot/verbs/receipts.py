"""`receipt`: the records of deliveries that passed Enter."""

from __future__ import annotations

from typing import Annotated

from bot.verbs.declare import Coordinator, On, ParameterKind, Verb
from bot.verbs.desks import Png
from core.limits import COUNTER
from core.receipts.model import Receipt
from core.security.model import Actor, Permission

ABOUT = "Records of deliveries"
Named = Annotated[str, ParameterKind(help="A task, such as T-142, or a delivery's own id")]


@Verb("receipt", Permission.TASK_READ, "GET /receipts/{named}", on=On.HTTP, discord="off")
async def show(octet: Coordinator, named: Named, *, by: Actor) -> tuple[Receipt, ...]:
    """Show the receipts of a task's deliveries.

    Each says what Octet saw, how it read it, when, and in which window."""
    return await octet.receipts.show(named, by=by)


@Verb("receipt", Permission.DESK_SEE, "GET /receipts/{named}/{attempt}/pictures/{picture}", on=On.HTTP, discord="off")
async def picture(
    octet: Coordinator,
    named: Named,
    attempt: Annotated[int, ParameterKind(help="The delivery's attempt, its `fence`"), COUNTER],
    picture: Annotated[str, ParameterKind(help="The picture's name")],
    *,
    by: Actor,
) -> Png:
    """Show one picture of a receipt."""
    return Png(name=f"{picture}.png", of=picture, png=await octet.receipts.picture(named, attempt, picture, by=by))
