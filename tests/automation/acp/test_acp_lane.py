"""The lane of ACP agents over a real worker and scripted programs: what is delivered, and what a turn reports."""

from __future__ import annotations

from pathlib import Path

from core.deliveries.model import Assurance, DeliveryId, Result, StopReason
from tests.fakes.acp import Turns, scripted, serving
from tests.fakes.desk import Commits, make_order


async def test_a_prompt_arrives_and_its_turn_ends_with_the_last_message(tmp_path: Path) -> None:
    news, one = Turns(), scripted(tmp_path)
    text = "Count the words\ndemo: plan\ndemo: tool Read notes"
    async with serving(one, news=news) as lane:
        commits = Commits()
        outcome = await lane.deliver(make_order("agent-1", text), commits)
        assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.RECEIPT), outcome
        assert commits.steps == ["staging", "staged", "submitting"]
        await news.until(lambda: bool(news.ends))
    (end,) = news.ends
    assert (end.agent, end.delivery, end.stop) == ("agent-1", DeliveryId("D1"), StopReason.END_TURN)
    assert end.said.is_whole
    assert "agent-1" in end.said.text
    assert end.said.usage is not None
    assert (end.said.usage.input_tokens, end.said.usage.cost_micros) == (len(text.split()), news.usages[-1].cost_micros)
    assert {(one.id, one.status) for one in news.acts} >= {("plan", "in_progress"), ("call-1", "completed")}
    assert one.heard == [text]
