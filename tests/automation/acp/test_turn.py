"""What the updates of a program mean: pure, over updates as programs write them, and as none should."""

from __future__ import annotations

from typing import Any

import pytest

from automation.acp.turn import ReplayedHistory, Turn
from core.deliveries.model import DeliveryId, StopReason, TurnAct, TurnText
from core.limits import ANSWER


def make_turn(text: str = "Do it.", spent: float | None = 0.0) -> Turn:
    turn = Turn("agent-1", DeliveryId("D1"), "c1", text, spent=spent)
    turn.note_written("session/prompt")
    return turn


def chunk(text: object, kind: str = "agent_message_chunk", **more: Any) -> dict[str, Any]:
    return {"sessionUpdate": kind, "content": {"type": "text", "text": text}, **more}


@pytest.mark.parametrize(
    "update",
    [
        chunk("Hi"),
        chunk("Hm", "agent_thought_chunk"),
        {"sessionUpdate": "tool_call", "toolCallId": "t"},
        {"sessionUpdate": "tool_call_update", "toolCallId": "t"},
        {"sessionUpdate": "plan", "entries": []},
        chunk("Do it.", "user_message_chunk"),
    ],
)
def test_work_on_the_prompt_is_its_arrival(update: dict[str, Any]) -> None:
    turn = make_turn()
    turn.take(update)
    assert turn.has_arrived
    assert turn.is_exact == (update["sessionUpdate"] == "user_message_chunk")


@pytest.mark.parametrize(
    "update",
    [
        {"sessionUpdate": "available_commands_update", "availableCommands": []},
        {"sessionUpdate": "current_mode_update", "currentModeId": "plan"},
        {"sessionUpdate": "config_option_update", "configOptions": []},
        {"sessionUpdate": "usage_update", "used": 1, "size": 2},
        {"sessionUpdate": "something_of_next_year"},
        {"sessionUpdate": ["a", "list"]},
        {},
        chunk("Do", "user_message_chunk"),
        chunk("Do something else.", "user_message_chunk"),
    ],
)
def test_anything_else_proves_nothing(update: dict[str, Any]) -> None:
    turn = make_turn()
    turn.take(update)
    assert not turn.has_arrived


def test_an_echo_in_pieces_is_exact() -> None:
    turn = make_turn("Do it.")
    for piece in ("Do", " it."):
        turn.take(chunk(piece, "user_message_chunk"))
    assert turn.is_exact


def test_the_last_message_is_what_follows_the_last_act() -> None:
    turn = make_turn()
    for update in (
        chunk("I look."),
        {"sessionUpdate": "tool_call", "toolCallId": "t", "title": "ls"},
        chunk("It is "),
        {"sessionUpdate": "plan", "entries": []},
        chunk("done."),
    ):
        turn.take(update)
    assert turn.end({"stopReason": "end_turn"}).said.text == "It is done."


def test_a_message_with_another_id_is_another_message() -> None:
    turn = make_turn()
    turn.take(chunk("One", messageId="a"))
    turn.take(chunk("Two", messageId="b"))
    turn.take(chunk("!", messageId="b"))
    assert turn.end({"stopReason": "end_turn"}).said.text == "Two!"


def test_a_turn_that_ends_with_an_act_has_the_message_before_it() -> None:
    turn = make_turn()
    turn.take(chunk("I run it."))
    turn.take({"sessionUpdate": "tool_call", "toolCallId": "t"})
    assert turn.end({"stopReason": "end_turn"}).said.text == "I run it."


def test_a_message_beyond_the_limit_is_cut_and_said_to_be() -> None:
    turn = make_turn()
    for _ in range(11):
        turn.take(chunk("x" * (ANSWER.most // 10)))
    said = turn.end({"stopReason": "end_turn"}).said
    assert (len(said.text), said.is_whole) == (ANSWER.most, False)
    (text,) = (one for one in turn.take_news() if isinstance(one, TurnText))
    assert len(text.text) <= 4_000


def test_only_the_newest_of_each_is_reported() -> None:
    turn = make_turn()
    for title in ("ls", "ls -a", "ls -al"):
        turn.take({"sessionUpdate": "tool_call_update", "toolCallId": "t", "title": title})
    turn.take({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed"})
    (act,) = turn.take_news()
    assert isinstance(act, TurnAct)
    assert act.title == "ls -al"
    assert turn.take_news() == []


def test_the_cost_is_what_the_turn_added() -> None:
    turn = make_turn(spent=1.5)
    turn.take({"sessionUpdate": "usage_update", "used": 9, "size": 10, "cost": {"amount": 1.75, "currency": "USD"}})
    used = turn.end({"stopReason": "end_turn", "usage": {"inputTokens": 3, "outputTokens": 4, "totalTokens": 17}}).said
    assert used.usage is not None
    assert (used.usage.input_tokens, used.usage.output_tokens, used.usage.cost_micros) == (13, 4, 250_000)


@pytest.mark.parametrize(
    "usage", [None, "many", {}, {"inputTokens": -1, "outputTokens": 1}, {"inputTokens": True, "outputTokens": 1}]
)
def test_numbers_that_cannot_be_true_are_no_usage(usage: object) -> None:
    assert make_turn().end({"stopReason": "end_turn", "usage": usage}).said.usage is None


@pytest.mark.parametrize("reason", ["failed", "lost", "of_next_year", None, {}])
def test_a_reason_that_octet_does_not_know_is_another_one(reason: object) -> None:
    assert make_turn().end({"stopReason": reason}).stop is StopReason.OTHER


@pytest.mark.parametrize("wrong", [None, 7, [], "text", {"a": 1}])
@pytest.mark.parametrize("key", ["content", "toolCallId", "title", "entries", "cost", "used"])
@pytest.mark.parametrize("kind", ["agent_message_chunk", "tool_call", "plan", "usage_update", "user_message_chunk"])
def test_no_shape_of_an_update_breaks_it(kind: str, key: str, wrong: object) -> None:
    turn = make_turn()
    turn.take({"sessionUpdate": kind, key: wrong})
    for params in (
        {"toolCall": wrong, "options": wrong},
        {"toolCall": {key: wrong, "rawInput": wrong}, "options": [wrong]},
    ):
        turn.ask("q", params)
    turn.end({"stopReason": "end_turn"})


def test_half_a_surrogate_pair_is_replaced() -> None:
    turn = make_turn()
    turn.take(chunk("\ud83d"))
    assert turn.end({"stopReason": "end_turn"}).said.text == "?"


def test_a_question_says_what_its_tool_call_said_before() -> None:
    turn = make_turn()
    turn.take({"sessionUpdate": "tool_call", "toolCallId": "t", "title": "Delete", "kind": "delete"})
    command = ["rm", "-rf", "a b"]
    ask = turn.ask("q", {"sessionId": "c1", "toolCall": {"toolCallId": "t", "rawInput": {"command": command}}})
    assert (ask.title, ask.raw) == ("Delete", '["rm", "-rf", "a b"]')
    other = turn.ask("q", {"sessionId": "c2", "toolCall": {"rawInput": {"path": "/etc", "mode": 7}}})
    assert other.raw == '{"path": "/etc", "mode": 7}'


def _history(text: str, *updates: dict[str, Any]) -> tuple[int, bool]:
    history = ReplayedHistory(text)
    for update in updates:
        history.take(update)
    history.close()
    return history.times, history.is_exact


def test_a_history_has_the_text_in_pieces_of_one_message_only() -> None:
    def said(text: str) -> dict[str, Any]:
        return chunk(text, "user_message_chunk")

    assert _history("Do it.", said("Do"), said(" it.")) == (1, True)
    assert _history("Do it.", said("<note>x</note>Do it."), chunk("Ok"), said("Do it.")) == (2, True)
    assert _history("Do it.", said("Do"), chunk("Ok"), said(" it.")) == (0, False)
    assert _history("a\tb", said("a    b")) == (1, False), "a program may turn tabs into blanks"
    assert _history("Do it.", chunk("Do it.")) == (0, False), "the agent repeated it"
