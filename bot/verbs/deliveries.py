"""`delivery`: unconfirmed deliveries, and a user's decision about each."""

from __future__ import annotations

from typing import Annotated

from bot.verbs.declare import Coordinator, ParameterKind, Verb
from bot.verbs.lists import Filter
from core.deliveries.model import LISTING, Delivery, DeliveryState
from core.dispatch.model import Decision
from core.kit.filters import Page
from core.security.model import Actor, Permission

ABOUT = "Unconfirmed deliveries"


@Verb("delivery", Permission.TASK_READ, "GET /deliveries", name="list", discord="off")
async def list_deliveries(octet: Coordinator, *, where: Annotated[Filter, DeliveryState], by: Actor) -> Page[Delivery]:
    """List unconfirmed deliveries; the agent of each waits for your decision.

    With a state it lists the newest deliveries in that state."""
    query = where.query(LISTING.known, state="unknown")
    states = frozenset(map(DeliveryState, dict(query.terms)["state"]))
    return LISTING.page(await octet.unknowns.list(by=by, states=states), query)


@Verb("delivery", Permission.DELIVERY_RESOLVE, "POST /deliveries/{delivery}/resolve", discord="off")
async def resolve(
    octet: Coordinator,
    delivery: Annotated[str, ParameterKind(help="The task, such as T-142, or the delivery's own id")],
    decision: Annotated[
        Decision,
        ParameterKind(help="arrived: it is in the window. again: it is not, send it again. drop: end the task"),
    ],
    *,
    by: Actor,
) -> Delivery:
    """Decide about an unconfirmed delivery.

    Look at its window first: `octet desk screenshot`."""
    named, _, fence = delivery.partition(":")  # needs-me names the very attempt, `ID:fence`
    return await octet.unknowns.resolve(named, decision, by=by, fence=int(fence) if fence.isdecimal() else None)
