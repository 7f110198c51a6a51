"""The four APIs that the scripted model speaks: how each asks, streams, ends and refuses. The script is `server`'s.

Chat completions (OpenCode, Qwen, Octet's own lane of models), Anthropic's messages (Claude Code), OpenAI's responses
(Codex), Google's generateContent (Gemini CLI).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MODEL = "scripted-1"
_SHELLS = {"Bash": "command", "bash": "command", "run_shell_command": "command", "exec_command": "cmd", "shell": "cmd"}
_ids = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One request. `texts` are the user's messages, oldest first; in a main turn the model may use tools."""

    model: str
    texts: tuple[str, ...]
    tools: tuple[str, ...]
    is_after_tool: bool  # it brings the result of a tool that the model called
    is_streamed: bool
    wants_usage: bool = True

    @property
    def prompt(self) -> str:
        return next((text for text in reversed(self.texts) if text.strip()), "")

    @property
    def shell(self) -> tuple[str, str] | None:
        """The tool that runs commands, and the name of its argument."""
        return next(((one, _SHELLS[one]) for one in self.tools if one in _SHELLS), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """What the model says: a text, and perhaps a call of a tool."""

    text: str
    tokens: tuple[int, int]  # asked, said: one token per word
    finish: str = "stop"  # or `length`
    tool: str = ""
    arguments: dict[str, Any] | None = None


class ChatDialect:
    """OpenAI's chat completions."""

    def read(self, body: dict[str, Any]) -> ModelRequest:
        messages = body["messages"]
        options: dict[str, Any] = body.get("stream_options") or {}
        return ModelRequest(
            model=str(body.get("model")),
            texts=tuple(_flat(one["content"]) for one in messages if one["role"] == "user"),
            tools=tuple(one["function"]["name"] for one in body.get("tools") or () if "function" in one),
            is_after_tool=messages[-1]["role"] == "tool",
            is_streamed=bool(body.get("stream")),
            wants_usage=bool(options.get("include_usage")),
        )

    def refuse(self, code: str, message: str, status: int) -> dict[str, Any]:
        return {"error": {"message": message, "type": "scripted", "param": None, "code": code}}

    def open(self) -> list[bytes]:
        return []

    def piece(self, text: str) -> bytes:
        return _data(self._chunk({"content": text}, None))

    def close(self, said: ModelAnswer, *, with_usage: bool) -> list[bytes]:
        events: list[bytes] = []
        if said.tool:
            events.append(_data(self._chunk({"role": "assistant", "tool_calls": [self._call(said)]}, None)))
        events.append(_data(self._chunk({}, "tool_calls" if said.tool else said.finish)))
        if with_usage:
            events.append(_data({**self._chunk({}, None), "choices": [], "usage": self._usage(said)}))
        return [*events, b"data: [DONE]\n\n"]

    def whole(self, said: ModelAnswer) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": said.text}
        if said.tool:
            message["tool_calls"] = [self._call(said)]
        choices = [{"index": 0, "message": message, "finish_reason": "tool_calls" if said.tool else said.finish}]
        head = {"id": "scripted", "object": "chat.completion", "created": 0, "model": MODEL}
        return {**head, "choices": choices, "usage": self._usage(said)}

    def _chunk(self, delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        return {"id": "scripted", "object": "chat.completion.chunk", "created": 0, "model": MODEL, "choices": choices}

    def _call(self, said: ModelAnswer) -> dict[str, Any]:
        function = {"name": said.tool, "arguments": json.dumps(said.arguments)}
        return {"index": 0, "id": f"call_{next(_ids)}", "type": "function", "function": function}

    def _usage(self, said: ModelAnswer) -> dict[str, int]:
        asked, answered = said.tokens
        return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}


class MessagesDialect:
    """Anthropic's messages."""

    def __init__(self) -> None:
        self._model = ""

    def read(self, body: dict[str, Any]) -> ModelRequest:
        self._model = str(body.get("model"))
        messages = body["messages"]
        last: str | list[dict[str, Any]] = messages[-1]["content"]
        return ModelRequest(
            model=MODEL,
            texts=tuple(_flat(one["content"]) for one in messages if one["role"] == "user"),
            tools=tuple(one.get("name", "") for one in body.get("tools") or ()),
            is_after_tool=isinstance(last, list) and any(part.get("type") == "tool_result" for part in last),
            is_streamed=bool(body.get("stream")),
        )

    def refuse(self, code: str, message: str, status: int) -> dict[str, Any]:
        kinds = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error", 529: "overloaded_error"}
        return {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": message}}

    def open(self) -> list[bytes]:
        usage = {"input_tokens": 1, "output_tokens": 1}
        message = {**self._message([], None), "usage": usage}
        block = {"type": "text", "text": ""}
        return [_event("message_start", message=message), _event("content_block_start", index=0, content_block=block)]

    def piece(self, text: str) -> bytes:
        return _event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})

    def close(self, said: ModelAnswer, *, with_usage: bool) -> list[bytes]:
        events = [_event("content_block_stop", index=0)]
        if said.tool:
            partial = {"type": "input_json_delta", "partial_json": json.dumps(said.arguments)}
            events += [
                _event("content_block_start", index=1, content_block={**self._call(said), "input": {}}),
                _event("content_block_delta", index=1, delta=partial),
                _event("content_block_stop", index=1),
            ]
        delta = {"stop_reason": self._stop(said), "stop_sequence": None}
        return [*events, _event("message_delta", delta=delta, usage=self._usage(said)), _event("message_stop")]

    def whole(self, said: ModelAnswer) -> dict[str, Any]:
        content: list[dict[str, Any]] = [{"type": "text", "text": said.text}]
        if said.tool:
            content.append(self._call(said))
        return {**self._message(content, self._stop(said)), "usage": self._usage(said)}

    def _message(self, content: list[dict[str, Any]], stop: str | None) -> dict[str, Any]:
        head = {"id": f"msg_{next(_ids)}", "type": "message", "role": "assistant", "model": self._model}
        return {**head, "content": content, "stop_reason": stop, "stop_sequence": None}

    def _stop(self, said: ModelAnswer) -> str:
        return "tool_use" if said.tool else {"stop": "end_turn", "length": "max_tokens"}[said.finish]

    def _call(self, said: ModelAnswer) -> dict[str, Any]:
        return {"type": "tool_use", "id": f"toolu_{next(_ids)}", "name": said.tool, "input": said.arguments}

    def _usage(self, said: ModelAnswer) -> dict[str, int]:
        return {"input_tokens": said.tokens[0], "output_tokens": said.tokens[1]}


class ResponsesDialect:
    """OpenAI's responses, streamed as Codex reads them."""

    def __init__(self) -> None:
        self._id = f"resp_{next(_ids)}"
        self._item = f"msg_{next(_ids)}"

    def read(self, body: dict[str, Any]) -> ModelRequest:
        asked: str | list[dict[str, Any]] = body["input"]
        given = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
        return ModelRequest(
            model=MODEL,
            texts=tuple(_flat(one.get("content", "")) for one in given if one.get("role") == "user"),
            tools=tuple(one.get("name", "") for one in body.get("tools") or ()),
            is_after_tool=str(given[-1].get("type", "")).endswith("_call_output"),
            is_streamed=bool(body.get("stream")),
        )

    def refuse(self, code: str, message: str, status: int) -> dict[str, Any]:
        kind = "usage_limit_reached" if status == 429 else code
        return {"error": {"message": message, "type": kind, "code": code, "resets_in_seconds": 5}}

    def open(self) -> list[bytes]:
        item: dict[str, Any] = {**self._message("", "in_progress"), "content": []}
        return [
            _event("response.created", response=self._response("in_progress", [])),
            _event("response.output_item.added", output_index=0, item=item),
        ]

    def piece(self, text: str) -> bytes:
        return _event("response.output_text.delta", item_id=self._item, output_index=0, content_index=0, delta=text)

    def close(self, said: ModelAnswer, *, with_usage: bool) -> list[bytes]:
        items = self._items(said)
        done = [_event("response.output_item.done", output_index=at, item=item) for at, item in enumerate(items)]
        return [*done, _event(f"response.{self._status(said)}", response=self.whole(said))]

    def whole(self, said: ModelAnswer) -> dict[str, Any]:
        asked, answered = said.tokens
        usage = {
            "input_tokens": asked,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": answered,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": asked + answered,
        }
        why = {"incomplete_details": {"reason": "max_output_tokens"}} if said.finish == "length" else {}
        return {**self._response(self._status(said), self._items(said)), "usage": usage, **why}

    def _status(self, said: ModelAnswer) -> str:
        return "incomplete" if said.finish == "length" else "completed"

    def _response(self, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": self._id, "object": "response", "created_at": 0, "status": status, "output": output}

    def _items(self, said: ModelAnswer) -> list[dict[str, Any]]:
        items = [self._message(said.text, "completed")]
        if said.tool:
            call = {"type": "function_call", "id": f"fc_{next(_ids)}", "call_id": f"call_{next(_ids)}"}
            items.append({**call, "name": said.tool, "arguments": json.dumps(said.arguments), "status": "completed"})
        return items

    def _message(self, text: str, status: str) -> dict[str, Any]:
        content: list[dict[str, Any]] = [{"type": "output_text", "text": text, "annotations": []}]
        return {"type": "message", "id": self._item, "role": "assistant", "status": status, "content": content}


class GeminiDialect:
    """Google's generateContent and streamGenerateContent; the address says which."""

    def __init__(self, *, is_streamed: bool) -> None:
        self._is_streamed = is_streamed

    def read(self, body: dict[str, Any]) -> ModelRequest:
        contents = body["contents"]
        groups = [one.get("functionDeclarations") or () for one in body.get("tools") or ()]
        return ModelRequest(
            model=MODEL,
            texts=tuple(_flat(one["parts"]) for one in contents if one.get("role", "user") == "user"),
            tools=tuple(one["name"] for group in groups for one in group),
            is_after_tool=any("functionResponse" in part for part in contents[-1]["parts"]),
            is_streamed=self._is_streamed,
        )

    def refuse(self, code: str, message: str, status: int) -> dict[str, Any]:
        kinds = {401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}
        return {"error": {"code": status, "message": message, "status": kinds.get(status, "INTERNAL")}}

    def open(self) -> list[bytes]:
        return []

    def piece(self, text: str) -> bytes:
        return _data(self._body([{"text": text}]))

    def close(self, said: ModelAnswer, *, with_usage: bool) -> list[bytes]:
        return [_data(self._body(self._call(said) or [{"text": ""}], said))]

    def whole(self, said: ModelAnswer) -> dict[str, Any]:
        return self._body([{"text": said.text}, *self._call(said)], said)

    def _call(self, said: ModelAnswer) -> list[dict[str, Any]]:
        return [{"functionCall": {"name": said.tool, "args": said.arguments}}] if said.tool else []

    def _body(self, parts: list[dict[str, Any]], said: ModelAnswer | None = None) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
        if said is None:
            return {"candidates": [candidate]}
        asked, answered = said.tokens
        usage = {"promptTokenCount": asked, "candidatesTokenCount": answered, "totalTokenCount": asked + answered}
        candidate["finishReason"] = "MAX_TOKENS" if said.finish == "length" else "STOP"
        return {"candidates": [candidate], "usageMetadata": usage}


Dialect = ChatDialect | MessagesDialect | ResponsesDialect | GeminiDialect


def _flat(content: str | Sequence[dict[str, Any]]) -> str:
    """Return the text of a message, whose parts each API writes in its own way."""
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content if "text" in part)


def _data(data: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


def _event(kind: str, **data: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode()
