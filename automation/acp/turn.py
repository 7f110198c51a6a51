"""One turn of an agent: reduces the program's updates to what Octet reports. Pure; the texts are hostile."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import Any, cast

from automation.acp.messages import Fact
from automation.acp.program import Json, as_object, value_at
from core.deliveries.model import (
    DeliveryId,
    LaneAnswer,
    Outcome,
    PermissionAsk,
    PermissionChoice,
    StopReason,
    TurnAct,
    TurnEnd,
    TurnText,
    TurnUsage,
    Usage,
)
from core.limits import ANSWER
from core.reasons import Reason

WORK = frozenset({"agent_message_chunk", "agent_thought_chunk", "tool_call", "tool_call_update", "plan"})
"""The updates by which a program works on a prompt; all others may come unasked."""
SHOWN_CHARS = 4_000  # of a message so far; the whole comes with the end of the turn
MOST_ACTS = 500  # of one turn that are remembered
_MOST_TOKENS = 10**9  # a program that reports more is not believed
_STOPS = {one.value: one for one in StopReason if one not in {StopReason.FAILED, StopReason.LOST}}


class Turn:
    """What happened since one prompt was written."""

    def __init__(self, agent: str, delivery: DeliveryId, conversation: str, text: str, *, spent: float | None) -> None:
        """`spent` is what the conversation cost before, in dollars; None: unknown."""
        self.agent, self.delivery, self.conversation = agent, delivery, conversation
        self.is_written = False  # what came before proves nothing
        self.has_arrived = False  # the program began to work on our prompt
        self.is_exact = False  # it repeated our whole text
        self.refusal: Outcome | None = None  # why the prompt did not arrive, or may not have
        self.text, self._echo = text, ""
        self.spent, self._spent_before = spent, spent
        self._message: list[str] = []
        self._message_id: str = ""
        self._length, self._tail = 0, ""
        self._is_whole = True
        self._is_closed = False  # the next text begins a new message
        self._acts: dict[str, TurnAct] = {}
        self._news: dict[str, Fact] = {}
        self._usage: TurnUsage | None = None

    def note_written(self, method: str) -> None:
        self.is_written = self.is_written or method == "session/prompt"

    def take(self, update: Json) -> None:
        """Take an update of the turn's own conversation."""
        kind = update.get("sessionUpdate")
        self.has_arrived = self.has_arrived or as_text(kind) in WORK
        match kind:
            case "agent_message_chunk":
                self._add_text(as_text(value_at(update, "content", "text")), as_text(update.get("messageId")))
            case "tool_call" | "tool_call_update":
                self._is_closed = True
                self._take_act(update)
            case "plan":
                self._take_plan(update)
            case "user_message_chunk":
                self._echo += as_text(value_at(update, "content", "text"))
                self.is_exact = self.is_exact or self.text in self._echo
                self.has_arrived = self.has_arrived or self.is_exact
            case "usage_update":
                self._take_usage(update)
            case _:
                pass

    def take_news(self) -> list[Fact]:
        """Return what changed since the last call, the newest of each."""
        news = [*self._news.values()]
        self._news.clear()
        return news

    def ask(self, number: str, params: Json) -> PermissionAsk:
        """Return the question of a `session/request_permission`. What the request leaves out, its tool call says."""
        call = as_object(params.get("toolCall"))
        known = self._acts.get(as_text(call.get("toolCallId")))
        raw = call.get("rawInput")
        command = value_at(raw, "command")
        if isinstance(command, list):
            command = json.dumps(command)
        contents = [as_object(one) for one in as_list(call.get("content"))]
        paths = [as_text(as_object(one).get("path")) for one in [*as_list(call.get("locations")), *contents]]
        return PermissionAsk(
            **self._head,
            id=number,
            title=as_text(call.get("title")) or (known.title if known else ""),
            raw=as_text(command) or ("" if raw is None else as_text(json.dumps(raw, ensure_ascii=False))),
            paths=tuple(dict.fromkeys(filter(None, paths))),
            diff="".join(map(_diff, contents)),
            choices=tuple(
                PermissionChoice(
                    id=as_text(one.get("optionId")), name=as_text(one.get("name")), kind=as_text(one.get("kind"))
                )
                for one in map(as_object, as_list(params.get("options")))
            ),
        )

    def end(self, answer: Json) -> TurnEnd:
        """Return the end that the answer to the prompt reports."""
        stop = _STOPS.get(as_text(answer.get("stopReason")), StopReason.OTHER)
        return self.end_as(stop, usage=self._used(as_object(answer.get("usage"))))

    def end_as(
        self, stop: StopReason, *, usage: Usage | None = None, reason: Reason | None = None, note: str = ""
    ) -> TurnEnd:
        text = "".join(self._message)
        is_whole = self._is_whole and stop is StopReason.END_TURN
        return TurnEnd(
            **self._head,
            stop=stop,
            said=LaneAnswer(text=text, is_whole=is_whole, usage=usage),
            reason=reason,
            note=note,
        )

    def _add_text(self, text: str, message: str) -> None:
        if not text:
            return
        if self._is_closed or (message and self._message_id and message != self._message_id):
            self._message, self._length, self._tail, self._is_whole = [], 0, "", True
        self._is_closed, self._message_id = False, message or self._message_id
        self._is_whole = self._is_whole and self._length + len(text) <= ANSWER.most
        self._message.append(text[: ANSWER.most - self._length])
        self._length = min(self._length + len(text), ANSWER.most)
        self._tail = (self._tail + self._message[-1])[-SHOWN_CHARS:]
        self._note("text", TurnText(**self._head, text=self._tail))

    def _take_act(self, update: Json) -> None:
        number = as_text(update.get("toolCallId"))
        known = self._acts.get(number)
        if known is None and len(self._acts) >= MOST_ACTS:
            return
        act = TurnAct(
            **self._head,
            id=number,
            title=as_text(update.get("title")) or (known.title if known else ""),
            kind=as_text(update.get("kind")) or (known.kind if known else ""),
        )
        self._acts[number] = act
        if act != known:
            self._note(f"act {number}", act)

    def _take_plan(self, update: Json) -> None:
        entries = [as_object(one) for one in as_list(update.get("entries"))]
        done = [one for one in entries if one.get("status") == "completed"]
        now = next((one for one in entries if one.get("status") == "in_progress"), entries[-1] if entries else {})
        title, total = as_text(now.get("content")), len(entries)
        self._note("plan", TurnAct(**self._head, id="plan", title=title, kind="plan", done=len(done), total=total))

    def _take_usage(self, update: Json) -> None:
        cost = _number(value_at(update, "cost", "amount"))
        if cost is None or value_at(update, "cost", "currency") != "USD":
            return
        self.spent = cost
        if self._spent_before is not None:
            micros = round(max(0.0, cost - self._spent_before) * 1_000_000)
            self._usage = TurnUsage(**self._head, cost_micros=micros)
            self._note("usage", self._usage)

    def _used(self, reported: Json) -> Usage | None:
        """Return the tokens of the turn; what the program counts beside input and output belongs to one of them."""
        sent, made, thought, total = (
            _number(reported.get(f"{one}Tokens")) for one in ("input", "output", "thought", "total")
        )
        if sent is None or made is None:
            return None
        made += thought or 0
        cost = self._usage.cost_micros if self._usage else None
        return Usage(input_tokens=int(max(sent, (total or 0) - made)), output_tokens=int(made), cost_micros=cost)

    @property
    def _head(self) -> dict[str, Any]:
        return {"agent": self.agent, "delivery": self.delivery}

    def _note(self, key: str, fact: Fact) -> None:
        self._news.pop(key, None)
        self._news[key] = fact


class ReplayedHistory:
    """The user's messages of a conversation that a program replays; keeps no more than it needs to find one."""

    def __init__(self, text: str) -> None:
        self._text, self._words, self._message, self._id = text, _words(text), "", ""
        self.times = 0  # how many messages have the whole text, blanks apart: a program may change those
        self.is_exact = False  # one has it as it is

    def take(self, update: Json) -> None:
        kind, number = update.get("sessionUpdate"), as_text(update.get("messageId"))
        if as_text(kind) in WORK or number != self._id:
            self.close()
        if kind == "user_message_chunk":
            self._id = number
            self._message += as_text(value_at(update, "content", "text"))

    def close(self) -> None:
        """Note that the message is complete."""
        self.is_exact = self.is_exact or self._text in self._message
        self.times += self._words in _words(self._message)
        self._message = ""


def _words(text: str) -> str:
    return " ".join(text.split())


def as_text(found: object) -> str:
    """Return a text that can be written anywhere: half of a surrogate pair is replaced."""
    return found.encode("utf-8", "replace").decode() if isinstance(found, str) else ""


def as_list(found: object) -> list[object]:
    """Return `found` if it is a list, else an empty one."""
    return cast("list[object]", found) if isinstance(found, list) else []


def _number(found: object) -> float | None:
    """Return a number that may be true, else None."""
    return found if isinstance(found, int | float) and found is not True and 0 <= found <= _MOST_TOKENS else None


def _diff(content: Json) -> str:
    if content.get("type") != "diff":
        return ""
    path, old, new = (as_text(content.get(key)) for key in ("path", "oldText", "newText"))
    lines: Iterable[str] = difflib.unified_diff(old.splitlines(), new.splitlines(), path, path, lineterm="")
    return "".join(f"{line}\n" for line in lines)
