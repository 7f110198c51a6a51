"""Whether Octet is alive and ready, and who is told why not."""

from __future__ import annotations

from core.desks.model import DeskNow, DeskState
from core.reasons import Reason
from tests.bot.web.conftest import Face


async def test_the_bot_is_ready_without_discord_and_without_a_desk(face: Face) -> None:
    await face.house.core.dispatch.desk_changed(
        "main", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "there is no display")
    )
    answer = await face.operator.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "problems": [],
        "version": "0.0.test",
        "discord_connected": False,
        "desks": {"main": "unavailable"},
    }


async def test_a_database_that_cannot_be_written_is_not_ready_but_alive(face: Face) -> None:
    face.house.lose_the_database()
    answer = await face.operator.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert "the test took it away" in answer.json()["problems"][0]
    assert (await face.stranger.get("/livez")).json() == {"alive": True}


async def test_without_the_operators_token_readyz_says_only_ready_or_not(face: Face) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    for status, is_ready in ((200, True), (503, False)):
        for answer in (
            await face.stranger.get("/readyz"),
            await face.stranger.get("/readyz", headers=wrong),
            await face.agent.get("/readyz"),
        ):
            assert (answer.status_code, answer.json()) == (status, {"ready": is_ready})
        face.house.lose_the_database()
