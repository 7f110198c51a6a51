"""`delivery`: unconfirmed deliveries, and a user's decision about each."""

from __future__ import annotations

from typing import Annotated

from bot.verbs.declare import Coordinator, ParameterKind, Verb
from bot.verbs.lists import Filter, Page, paged
from core.deliveries.model import Delivery, DeliveryState
from core.dispatch.model import Decision
from core.security.model import Actor, Permission

ABOUT = "Unconfirmed deliveries"


@Verb("delivery", Permission.TASK_READ, "GET /deliveries", name="list", discord="off")
async def list_deliveries(octet: Coordinator, *, where: Annotated[Filter, DeliveryState], by: Actor) -> Page[Delivery]:
    """List unconfirmed deliveries; the agent of each waits for your decision.

    With a state it lists the newest deliveries in that state."""
    state = DeliveryState(where.state or DeliveryState.UNKNOWN)
    found = await octet.unknowns.list(by=by, states=frozenset({state}))
    rows = [row for row in found if (where.agent or row.agent) == row.agent]
    return paged(rows, where, id_of=lambda row: row.id, text_of=lambda row: f"{row.task} {row.note}")


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
