"""`/agent pause`, `drain` and `resume` as people use them."""

from __future__ import annotations

from core.reasons import WaitReason
from core.remedies import sentence
from tests.bot.discord.town import Town, text_of


async def test_an_agent_is_paused_and_the_card_of_what_waits_for_it_says_so(owned: Town) -> None:
    assert "**Window-1**: paused (by Ada)" in await owned.ask("agent pause", agent="window-1")
    await owned.ask("task new", brief="List the files", agent="Window-1")
    card = await owned.card(holds=sentence(WaitReason.PAUSED))
    assert "Window-1: paused by Ada" in text_of(card)
    told = await owned.said("T-1 waits:")
    assert "/agent resume" in told["content"]
    for command, options in (("agent list", {}), ("agent show", {"agent": "Window-1"})):
        assert "paused (by Ada)" in await owned.ask(command, **options)
    assert "**Window-1**: free" in await owned.ask("agent resume", agent="Window-1")
    await owned.card(holds="Window-1 is working on it")


async def test_an_agent_finishes_what_it_has_and_is_paused_then(owned: Town) -> None:
    await owned.ask("task new", brief="List the files", agent="Window-1")
    await owned.card(holds="Window-1 is working on it")
    drained = await owned.ask("agent drain", agent="Window-1")
    assert "gets no new tasks, still with T-1 (by Ada)" in drained
    await owned.ask("task done", task="T-1", text="There are none")
    assert "paused (by Ada)" in await owned.ask("agent show", agent="Window-1")


async def test_strangers_and_agents_that_are_not_there_are_told_so(owned: Town) -> None:
    for command in ("agent pause", "agent drain", "agent resume"):
        assert "no agent called Gone" in await owned.ask(command, agent="Gone")
        answer = await owned.sandbox.slash("Ben", "#octet", command, {"agent": "Dry-1"})
        assert "Not allowed" in text_of(await owned.answered(answer))
        found = await owned.sandbox.autocomplete("Ada", "#octet", command, {"agent": "dr"}, "agent")
        assert [one["value"] for one in found] == ["Dry-1"]
    assert "**Dry-1**: free" in await owned.ask("agent list")
