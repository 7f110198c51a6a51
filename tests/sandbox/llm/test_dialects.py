"""Each API of the scripted model has the shapes that its program reads, and one script drives all four."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession

from sandbox.llm.server import OPENING, ScriptedApi, serve

PROMPT = "[C2A] hub → A · T-1\nCount  these\twords."


def chat(text: str, *, streams: bool = True, tools: bool = True) -> dict[str, Any]:
    messages = [{"role": "system", "content": "be"}, {"role": "user", "content": text}]
    offered = [{"type": "function", "function": {"name": "bash", "parameters": {}}}] if tools else None
    return {"model": "scripted-1", "messages": messages, "stream": streams, "tools": offered}


def messages(text: str, *, streams: bool = True, tools: bool = True) -> dict[str, Any]:
    content = [{"type": "text", "text": text}]
    offered = [{"name": "Bash", "input_schema": {}}] if tools else []
    asked = [{"role": "user", "content": content}]
    return {"model": "claude-any", "max_tokens": 9, "messages": asked, "stream": streams, "tools": offered}


def responses(text: str, *, streams: bool = True, tools: bool = True) -> dict[str, Any]:
    given = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}]
    offered = [{"type": "function", "name": "exec_command"}, {"type": "web_search"}] if tools else []
    return {"model": "scripted-1", "input": given, "stream": streams, "tools": offered}


def gemini(text: str, *, tools: bool = True) -> dict[str, Any]:
    offered = [{"functionDeclarations": [{"name": "run_shell_command"}]}] if tools else []
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], "tools": offered}


API: dict[str, tuple[str, Any, str]] = {
    "chat": ("/v1/chat/completions", chat, "Authorization"),
    "messages": ("/v1/messages?beta=true", messages, "x-api-key"),
    "responses": ("/v1/responses", responses, "Authorization"),
    "gemini": ("/v1beta/models/any:streamGenerateContent?alt=sse", gemini, "x-goog-api-key"),
}
EVERY = pytest.mark.parametrize("api", API)


@pytest.fixture(name="model")
async def _model() -> AsyncGenerator[ScriptedApi]:
    async with serve() as running:
        yield running


async def asked(model: ScriptedApi, api: str, body: dict[str, Any], *, path: str = "") -> ClientResponse:
    address, _, header = API[api]
    key = f"Bearer {model.key}" if header == "Authorization" else model.key
    async with ClientSession() as session:
        url = model.base_url.removesuffix("/v1") + (path or address)
        response = await session.post(url, json=body, headers={header: key})
        await response.read()
        return response


def events(text: str) -> list[dict[str, Any]]:
    data = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(one) for one in data if one != "[DONE]"]


def pieces(api: str, found: list[dict[str, Any]]) -> str:
    """Return the text as the program of this API puts it together."""
    if api == "chat":
        return "".join(one["choices"][0]["delta"].get("content", "") for one in found if one["choices"])
    if api == "messages":
        return "".join(one["delta"].get("text", "") for one in found if one["type"] == "content_block_delta")
    if api == "responses":
        return "".join(one["delta"] for one in found if one["type"] == "response.output_text.delta")
    return "".join(part.get("text", "") for one in found for part in one["candidates"][0]["content"]["parts"])


def end(api: str, found: list[dict[str, Any]]) -> object:
    """Return how the answer ended, in the API's own word."""
    if api == "chat":
        return found[-1]["choices"][0]["finish_reason"]
    if api == "messages":
        return found[-2]["delta"]["stop_reason"]
    if api == "responses":
        return found[-1]["response"]["status"]
    return found[-1]["candidates"][0]["finishReason"]


def call(api: str, found: list[dict[str, Any]]) -> object:
    """Return the tool's arguments as the program of this API puts them together."""
    if api == "chat":
        return json.loads(found[-2]["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"])
    if api == "messages":
        return json.loads(found[-4]["delta"]["partial_json"])
    if api == "responses":
        return json.loads(found[-1]["response"]["output"][1]["arguments"])
    return found[-1]["candidates"][0]["content"]["parts"][0]["functionCall"]["args"]


@EVERY
async def test_it_streams_the_answer_and_remembers_the_whole_prompt(model: ScriptedApi, api: str) -> None:
    response = await asked(model, api, API[api][1](PROMPT))
    found = events(await response.text())
    assert pieces(api, found).startswith(OPENING)
    assert end(api, found) in {"stop", "end_turn", "completed", "STOP"}
    assert len(found) > 5
    assert model.heard == [PROMPT]
    assert [one.prompt for one in model.turns] == [PROMPT]


@EVERY
async def test_without_its_key_it_refuses(model: ScriptedApi, api: str) -> None:
    async with ClientSession() as session:
        url = model.base_url.removesuffix("/v1") + API[api][0]
        assert (await session.post(url, json=API[api][1](PROMPT))).status == 401


@EVERY
@pytest.mark.parametrize(
    ("words", "expected"),
    [("demo: length", {"length", "max_tokens", "incomplete", "MAX_TOKENS"}), ("demo: empty", None)],
)
async def test_one_script_ends_the_answer_early(
    model: ScriptedApi, api: str, words: str, expected: set[str] | None
) -> None:
    found = events(await (await asked(model, api, API[api][1](f"Hello\n{words}"))).text())
    if expected is None:
        assert pieces(api, found) == ""
    else:
        assert end(api, found) in expected


async def test_what_a_prompt_asked_that_was_cut_off_before_is_not_done_again(model: ScriptedApi) -> None:
    """Programs send the prompt of an interrupted turn again, with the next one."""
    answer = await asked(model, "chat", chat(f"[C2A] hub → A · T-0\ndemo: status 429\n\n{PROMPT}"))
    assert answer.status == 200


@EVERY
async def test_it_calls_the_shell_that_the_program_offers_once(model: ScriptedApi, api: str) -> None:
    body = API[api][1]("demo: tool touch '/tmp/a b' && true")
    found = events(await (await asked(model, api, body)).text())
    arguments = call(api, found)
    assert isinstance(arguments, dict)
    assert "touch '/tmp/a b' && true" in arguments.values()
    result: dict[str, Any] = {
        "chat": {"role": "tool", "tool_call_id": "x", "content": "done"},
        "messages": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "x", "content": "done"}]},
        "responses": {"type": "function_call_output", "call_id": "x", "output": "done"},
        "gemini": {"role": "user", "parts": [{"functionResponse": {"name": "run_shell_command", "response": {}}}]},
    }[api]
    body[{"responses": "input", "gemini": "contents"}.get(api, "messages")].append(result)
    after = events(await (await asked(model, api, body)).text())
    assert pieces(api, after).startswith(OPENING)
    assert len(model.turns) == 1


@EVERY
async def test_it_calls_no_tool_where_the_program_offers_none(model: ScriptedApi, api: str) -> None:
    found = events(await (await asked(model, api, API[api][1]("demo: tool ls", tools=False))).text())
    assert pieces(api, found).startswith(OPENING)
    assert model.turns == []


@EVERY
async def test_a_limit_is_an_error_of_that_api_once(model: ScriptedApi, api: str) -> None:
    body = API[api][1]("demo: limit 7")
    refused = await asked(model, api, body)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "7")
    told = (await refused.json())["error"]
    assert {"rate_limit_exceeded", "rate_limit_error", "usage_limit_reached", "RESOURCE_EXHAUSTED"} & {*told.values()}
    assert (await asked(model, api, body)).status == 200


@pytest.mark.parametrize("api", ["chat", "messages", "responses"])
async def test_it_answers_in_one_piece_where_the_program_does_not_stream(model: ScriptedApi, api: str) -> None:
    found = await (await asked(model, api, API[api][1](PROMPT, streams=False))).json()
    text = {
        "chat": lambda: found["choices"][0]["message"]["content"],
        "messages": lambda: found["content"][0]["text"],
        "responses": lambda: found["output"][0]["content"][0]["text"],
    }[api]()
    assert text.startswith(OPENING)


async def test_gemini_asks_for_one_piece_and_for_tokens_by_its_address(model: ScriptedApi) -> None:
    whole = await (await asked(model, "gemini", gemini(PROMPT), path="/v1beta/models/any:generateContent")).json()
    assert whole["candidates"][0]["content"]["parts"][0]["text"].startswith(OPENING)
    counted = await asked(model, "gemini", gemini(PROMPT), path="/v1beta/models/any:countTokens")
    assert (await counted.json())["totalTokens"] > 0
