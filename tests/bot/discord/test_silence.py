"""A silent agent as people see it: on the card, in a message that mentions who asked, and what they can do about it."""

from __future__ import annotations

from sqlalchemy import text

from core.reasons import ParkCause
from core.remedies import sentence
from tests.bot.discord.town import Town, text_of


async def test_the_card_shows_the_last_sign_and_a_silent_agent_is_told_with_what_to_do(owned: Town) -> None:
    await owned.ask("task new", brief="Mend the build", agent="Window-1")
    await owned.card(holds="is working on it")
    code = owned.lane.submitted[0].partition("--code ")[2].split()[0]
    core = owned.coordinator
    await core.tasks.record_progress("T-1", code, "*tests* are running @everyone")
    shown = text_of(await owned.card(holds="Last sign: <t:"))
    assert "\n> \\*tests\\* are running @\u200beveryone" in shown, "what the agent said is quoted"
    await core.store.write(lambda tx: tx.execute(text("UPDATE tasks SET deadline_ms = 0")) and None)
    await core.dispatch.silence.check_all()
    card = text_of(await owned.card(holds="needs attention"))
    assert "silent for too long" in card
    assert "no sign of Window-1" in card
    told = await owned.said("T-1 needs attention")
    words = text_of(told)
    assert words.startswith(f"<@{owned.sandbox.world.ada.id}> ")
    assert all(verb in words for verb in ("/agent resume", "/task retry", "/task cancel"))
    assert f"unknown with T-1 ({sentence(ParkCause.SILENT)})" in await owned.ask("agent list")
    assert "busy with T-1" in await owned.ask("agent resume", agent="Window-1")
    await owned.card(holds="is working on it")
