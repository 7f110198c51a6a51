"""`/fleet health` as the owner sees it."""

from __future__ import annotations

from core.desks.model import DeskNow, DeskState
from core.fleet.model import Ping
from core.reasons import Reason
from tests.bot.discord.town import Town


async def test_health_says_whether_all_is_well_and_how_the_ping_does(owned: Town) -> None:
    shown = await owned.ask("fleet health")
    assert "Everything works." in shown
    assert "Outage alerts are off" in shown
    owned.coordinator.desks.worker_is(
        "main", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "its display went away")
    )
    owned.coordinator.fleet.health.pinged(Ping(is_wanted=True, where="https://hc.example.org/…", note="status 500"))
    shown = await owned.ask("fleet health")
    for words in ("its display went away", "may pass without action", "`octet doctor`", "fails: status 500"):
        assert words in shown
