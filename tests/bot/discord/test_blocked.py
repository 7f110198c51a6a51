"""A window that cannot be used in Discord: one message with a button that the owner alone may press."""

from __future__ import annotations

import pytest

from core.calibration.model import CalibrationOptions, CalibrationResult, CalibrationStep
from core.deliveries.model import Reason
from core.desks.model import WindowNotSeen
from core.security.model import Actor, Permission, require
from tests.bot.discord.test_unknown import buttons, now, press
from tests.bot.discord.town import Town, text_of
from tests.core.agent_actions.test_blocked_windows import USABLE, blocked
from tests.fakes.calibrations import CONNECTED, FakeCalibrations, FakeReload

BUTTON = "Recalibrate agent-1"


class Calibrates(FakeCalibrations):
    """Fails once, then recalibrates: the window can be used again."""

    def __init__(self, town: Town) -> None:
        super().__init__(town.home)
        self.town = town
        self.fails = True

    async def start(self, desk: str, options: CalibrationOptions | None = None, *, by: Actor) -> CalibrationStep:
        assert options is not None
        require(by, Permission.DESK_SEE)
        if self.fails:
            self.fails = False
            raise WindowNotSeen(id=options.only, why="no window has its class and title")
        await self.town.coordinator.dispatch.window_seen(desk, USABLE)
        return CalibrationStep(number=1, now=CalibrationResult(desk=desk, connected=(CONNECTED,)), lines=())


async def test_the_owner_recalibrates_by_the_button_and_the_same_message_says_what_became_of_it(owned: Town) -> None:
    owned.coordinator.maintenance.reloads_by(FakeReload(), Calibrates(owned))
    await owned.coordinator.dispatch.window_seen("main", blocked(Reason.RESIZED, "it is 1×1"))
    message = await owned.said("Octet cannot use the window agent-1 of Window-1 on desk main: resized: it is 1×1")
    assert message["sandbox"]["pings"] == [str(owned.sandbox.world.ada.id)]
    assert buttons(message) == [BUTTON]
    assert "Not allowed." in await press(owned, message, BUTTON, user="Ben")
    assert "no window has its class and title" in await press(owned, message, BUTTON)
    failed = await now(owned, message, "which failed: Octet cannot show the window agent-1")
    assert "`octet calibrate main agent-1`" in text_of(failed)
    assert buttons(failed) == [BUTTON]
    assert "Window-1: connected" in await press(owned, message, BUTTON)
    over = await now(owned, message, "works again")
    assert f"<@{owned.sandbox.world.ada.id}> had it recalibrated" in text_of(over)
    assert buttons(over) == []


async def test_needs_me_has_the_button_too(owned: Town) -> None:
    owned.coordinator.maintenance.reloads_by(FakeReload(), Calibrates(owned))
    await owned.coordinator.dispatch.window_seen("main", blocked(Reason.CHANGED))
    answer = await owned.answered(await owned.sandbox.slash("Ada", "#octet", "fleet needs-me", {}))
    assert "The window of Window-1 is not usable: changed" in text_of(answer)
    assert buttons(answer) == [BUTTON]
    assert "no window has its class and title" in await press(owned, answer, BUTTON)


@pytest.mark.parametrize("reason", [Reason.COVERED])
async def test_titles_of_other_windows_stay_out_of_the_channel(owned: Town, reason: Reason) -> None:
    await owned.coordinator.dispatch.window_seen("main", blocked(reason, "by “My diary”"))
    assert "diary" not in text_of(await owned.said("on desk main: covered"))
    assert "diary" in await owned.ask("fleet needs-me")
