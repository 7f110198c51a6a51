"""The couriers of all routes: at work in one task group, woken together; those of changed desks are replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from weakref import WeakKeyDictionary

from core.agents.model import Agent, Route
from core.deliveries.model import DeliveryId
from core.deliveries.ports import LanePort
from core.dispatch.delivery_worker import Courier
from core.dispatch.outcomes import Verdict
from core.dispatch.services import Services
from core.kit.supervise import supervise
from core.store.engine import Tx

ENDS_WITHIN_S = 10.0
"""So long a delivery under way may take when its desk is described otherwise; then it is given up before Enter."""


class Couriers:
    """One courier for each route."""

    def __init__(
        self,
        *,
        services: Services,
        verdict: Verdict,
        why_unusable: Callable[[str], str],
        window_is_back: Callable[[Tx, str, str], None],
        look: Callable[[str, str], Awaitable[None]],
    ) -> None:
        """`why_unusable` says of a desk why no delivery may begin there; the others are as Courier has them."""
        self._services = services
        self._verdict = verdict
        self._why_unusable = why_unusable
        self._window_is_back = window_is_back
        self._look = look
        self._agents: Sequence[Agent] = ()
        self._by_route: dict[Route, Courier] = {}
        self._slots = WeakKeyDictionary[LanePort, asyncio.Semaphore]()
        """How many deliveries each lane takes now, over all its routes."""
        self._group: asyncio.TaskGroup | None = None

    def serve(self, agents: Sequence[Agent], lanes: Mapping[Route, LanePort], *, anew: Collection[Route] = ()) -> None:
        """Have a courier on each of these routes from now on. Those there are stay, but those of the routes `anew`, who
        have retired."""
        self._agents = agents
        kept = {route: one for route, one in self._by_route.items() if route not in anew}
        added = {route: self._courier(route, lane) for route, lane in lanes.items() if route not in kept}
        self._by_route = {**kept, **added}
        self._begin(added.values())

    def work_in(self, group: asyncio.TaskGroup) -> None:
        """Let all of them work in this group, also those that come later."""
        self._group = group
        self._begin(self._by_route.values())

    def unlike(self, agents: Sequence[Agent], desks: Collection[str]) -> frozenset[Route]:
        """The routes on which other agents work now than by these, or in other windows; and those of these desks."""
        return frozenset(
            route
            for route in self._by_route
            if (route[0].abilities.has_window and route[1] in desks)
            or _places(self._agents, route) != _places(agents, route)
        )

    async def retire(self, routes: Collection[Route]) -> None:
        """Let what is under way on these routes end, or be given up before Enter, and begin nothing more there."""
        couriers = [self._by_route[route] for route in routes if route in self._by_route]
        async with asyncio.TaskGroup() as group:
            for courier in couriers:
                supervise(group, f"end of {courier.name}", courier.retire(within_s=ENDS_WITHIN_S))

    def wake(self) -> None:
        """Look again: something was queued, or a desk may be usable."""
        for courier in self._by_route.values():
            courier.wake()

    def came_back(self, desk: str, window: str) -> None:
        """This window can be used again; see Courier."""
        for courier in self._by_route.values():
            courier.came_back(desk, window)

    async def stop(self, delivery: DeliveryId, *, answered: bool = False) -> None:
        """Give this delivery up, or the watch for its proof if it was `answered`, whoever has it under way."""
        for courier in tuple(self._by_route.values()):
            await courier.stop(delivery, answered=answered)

    def of(self, agent: str) -> Courier:
        """Who brings this agent its prompts."""
        return next(courier for courier in self._by_route.values() if agent in courier.agents)

    def _begin(self, couriers: Collection[Courier]) -> None:
        if self._group is not None:
            for courier in couriers:
                supervise(self._group, courier.name, courier.run())

    def _courier(self, route: Route, lane: LanePort) -> Courier:
        kind, place = route
        agents = [agent for agent in self._agents if agent.route == route]
        desk = next((agent.desk for agent in agents), None)
        return Courier(
            name=f"courier {kind.value} {place or ''}".strip(),
            desk=desk,
            agents=[agent.name for agent in agents],
            lane=lane,
            slots=self._slots.setdefault(lane, asyncio.Semaphore(lane.at_once)),
            why_closed=lambda: "" if desk is None else self._why_unusable(desk),
            why_waits=lambda: "" if desk is None else self._services.desks.waits(desk),
            window_is_back=self._window_is_back,
            look=self._look,
            services=self._services,
            verdict=self._verdict,
        )


def _places(agents: Sequence[Agent], route: Route) -> list[tuple[str, str | None, str | None]]:
    return [(agent.name, agent.window, agent.model) for agent in agents if agent.route == route]
