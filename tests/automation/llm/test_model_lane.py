"""What a model agent's lane says of each way in which a request can end, against a scripted API on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web
from pydantic import SecretStr

from automation.llm import client
from automation.llm.lane import ModelLane
from core.deliveries.model import Assurance, DeliveryId, Outcome, Reason, Result, TurnText, Usage
from core.deliveries.ports import TurnNews
from core.settings.model import Model
from sandbox.llm.server import MODEL, OPENING, ScriptedApi, serve
from tests.fakes.desk import Commits, make_order


@pytest.fixture
async def api() -> AsyncIterator[ScriptedApi]:
    async with serve() as running:
        yield running


def model_of(api: ScriptedApi, *, key: str = "", name: str = MODEL, timeout_s: float = 30) -> Model:
    model = Model(base_url=api.base_url, model=name, api_key_env="SCRIPTED_KEY", timeout_s=timeout_s)
    return model.model_copy(update={"key": SecretStr(key or api.key)})


async def deliver(model: Model, text: str) -> tuple[Outcome, list[str]]:
    commits = Commits()
    async with asyncio.timeout(30):
        return await ModelLane(model).deliver(make_order("Agent-9", text), commits), commits.steps


async def test_users_see_what_has_come_so_far(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TELL_EVERY_S", 0.0)
    heard = list[TurnText]()

    class Hears(TurnNews):
        async def turn_text(self, text: TurnText) -> None:
            heard.append(text)

    outcome = await ModelLane(model_of(api), Hears).deliver(make_order("Agent-9", "Say hello."), Commits())
    assert outcome.answer is not None
    assert len(heard) > 1
    assert all(one.agent == "Agent-9" and outcome.answer.text.startswith(one.text) for one in heard)


async def test_a_whole_answer_comes_with_the_outcome(api: ScriptedApi) -> None:
    outcome, steps = await deliver(model_of(api), "Say hello.")
    assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.ANSWERED)
    assert outcome.answer is not None
    assert outcome.answer.is_whole
    assert outcome.answer.text.startswith(OPENING)
    assert "Say hello." in outcome.answer.text
    assert steps == ["staging", "staged", "submitting"]
    assert api.heard == ["Say hello."]


@pytest.mark.parametrize(
    ("prices", "is_known"),
    [({}, False), ({"input_price": 2.5}, False), ({"input_price": 2.5, "output_price": 10}, True)],
)
async def test_an_answer_says_what_it_used_and_costs_what_the_prices_say(
    api: ScriptedApi, prices: dict[str, float], *, is_known: bool
) -> None:
    outcome, _ = await deliver(model_of(api).model_copy(update=prices), "Say hello.")
    assert outcome.answer is not None
    words = len(outcome.answer.text.split())
    cost = 5 + 10 * words if is_known else None
    assert outcome.answer.usage == Usage(input_tokens=2, output_tokens=words, cost_micros=cost)


async def test_also_an_answer_that_was_cut_off_says_what_it_used(api: ScriptedApi) -> None:
    outcome, _ = await deliver(model_of(api), "Many words\ndemo: length")
    assert outcome.answer is not None
    assert outcome.answer.usage is not None


async def test_an_api_that_is_not_asked_reports_no_usage_and_octet_invents_none(api: ScriptedApi) -> None:
    outcome, _ = await deliver(model_of(api).model_copy(update={"asks_usage": False}), "Say hello.")
    assert outcome.answer is not None
    assert outcome.answer.usage is None


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ('{"usage": {"prompt_tokens": 3, "completion_tokens": 4}}', Usage(input_tokens=3, output_tokens=4)),
        ('{"choices": [], "usage": {"prompt_tokens": "3", "completion_tokens": 4}}', None),
        ('{"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": -4}}', None),
        ('{"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1e30}}', None),
        ('{"choices": [], "usage": {}}', None),
    ],
    ids=["without choices", "a text", "negative", "huge", "empty"],
)
async def test_whatever_a_server_reports_as_usage_does_not_spoil_the_answer(usage: str, expected: Usage | None) -> None:
    said = '{"choices": [{"delta": {"content": "Hello"}, "finish_reason": "stop"}]}'
    async with plain_server(f"data: {said}\n\ndata: {usage}\n\ndata: [DONE]\n\n".encode()) as address:
        outcome, _ = await deliver(Model(base_url=address, model="any"), "Say hello.")
    assert outcome.answer is not None
    assert (outcome.answer.text, outcome.answer.usage) == ("Hello", expected)


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ("status 401", Reason.MODEL_DENIED),
        ("status 404", Reason.MODEL_DENIED),
        ("status 400", Reason.TEXT_REFUSED),
        ("status 413", Reason.TOO_LONG),
        ("status 500", Reason.UNREACHABLE),
        ("status 529", Reason.UNREACHABLE),
    ],
)
async def test_a_refused_request_did_not_arrive(api: ScriptedApi, wish: str, reason: Reason) -> None:
    outcome, _ = await deliver(model_of(api), f"demo: {wish}")
    assert (outcome.result, outcome.reason, outcome.answer) == (Result.NOT_ARRIVED, reason, None)


async def test_a_rate_limit_says_how_long_to_wait(api: ScriptedApi) -> None:
    outcome, _ = await deliver(model_of(api), "demo: limit 7")
    assert (outcome.result, outcome.reason) == (Result.NOT_ARRIVED, Reason.RATE_LIMITED)
    assert outcome.retry_after_s == 7


@pytest.mark.parametrize("wish", ["cut", "end"])
async def test_a_stream_cut_after_the_request_is_unknown(api: ScriptedApi, wish: str) -> None:
    outcome, _ = await deliver(model_of(api), f"Many words\ndemo: {wish}")
    assert (outcome.result, outcome.reason, outcome.answer) == (Result.UNKNOWN, Reason.ANSWER_LOST, None)
    assert len(api.heard) == 1


async def test_no_whole_answer_in_time_is_unknown(api: ScriptedApi) -> None:
    outcome, _ = await deliver(model_of(api, timeout_s=0.3), "demo: hang")
    assert (outcome.result, outcome.reason) == (Result.UNKNOWN, Reason.ANSWER_LOST)


async def test_an_answer_that_the_model_cut_off_is_not_whole(api: ScriptedApi) -> None:
    outcome, _ = await deliver(model_of(api), "Many words\ndemo: length")
    assert outcome.result is Result.DELIVERED
    assert outcome.answer is not None
    assert not outcome.answer.is_whole
    assert OPENING.startswith(outcome.answer.text[:10])


async def test_a_server_that_is_not_there_did_not_get_the_request(api: ScriptedApi) -> None:
    model = model_of(api).model_copy(update={"base_url": "http://127.0.0.1:9/v1"})
    outcome, steps = await deliver(model, "Say hello.")
    assert (outcome.result, outcome.reason) == (Result.NOT_ARRIVED, Reason.UNREACHABLE)
    assert steps[-1] == "submitting"


async def test_the_outcome_never_repeats_the_key_or_the_servers_words(api: ScriptedApi) -> None:
    outcome, _ = await deliver(model_of(api, key="sk-not-the-right-one"), "Say hello.")
    assert outcome.reason is Reason.MODEL_DENIED
    assert "sk-not" not in repr(outcome)
    assert outcome.note == "HTTP 401 invalid_api_key"
    assert "sk-not" not in repr(model_of(api, key="sk-not-the-right-one"))


async def test_a_stop_ends_the_wait_for_an_answer(api: ScriptedApi) -> None:
    lane, commits = ModelLane(model_of(api)), Commits()
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        delivering = group.create_task(lane.deliver(make_order("Agent-9", "demo: hang"), commits))
        await api.until_heard(1)
        await lane.give_up(DeliveryId("D1"))
        outcome = await delivering
    assert (outcome.result, outcome.reason) == (Result.UNKNOWN, Reason.ANSWER_LOST)


async def test_eight_requests_are_under_way_at_the_same_time(api: ScriptedApi) -> None:
    lane = ModelLane(model_of(api))
    orders = [make_order(f"Agent-{number}", "demo: hang", delivery=f"D{number}") for number in range(8)]
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        under_way = [group.create_task(lane.deliver(order, Commits())) for order in orders]
        await api.until_heard(len(orders))
        for order in orders:
            await lane.give_up(order.delivery)
    assert {task.result().result for task in under_way} == {Result.UNKNOWN}


async def test_an_interrupted_request_cannot_be_found_out(api: ScriptedApi) -> None:
    outcome = await ModelLane(model_of(api)).settle(make_order("Agent-9", "Say hello."), Commits())
    assert (outcome.result, outcome.reason) == (Result.UNKNOWN, Reason.ANSWER_LOST)
    assert api.heard == []


async def test_a_rehearsal_is_refused_before_anything_is_asked(api: ScriptedApi) -> None:
    commits = Commits()
    order = replace(make_order("Agent-9", "Say hello."), is_dry_run=True)
    outcome = await ModelLane(model_of(api)).deliver(order, commits)
    assert (outcome.result, commits.steps, api.heard) == (Result.FAILED, [], [])


@asynccontextmanager
async def plain_server(body: bytes) -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(body)
        return response

    app = web.Application()
    app.router.add_post("/chat/completions", answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"data: [DONE]\n\n",
        b"data: {broken\n\n",
        b'data: {"error": {"message": "x"}}\n\n',
        b"data: []\n\n",
        b'data: {"choices": [{"delta": {"content": 5}, "finish_reason": "stop"}]}\n\n',
    ],
    ids=["nothing", "done", "no json", "an error", "no object", "a number"],
)
async def test_whatever_a_server_streams_in_place_of_an_answer_is_unknown(body: bytes) -> None:
    async with plain_server(body) as address:
        outcome, _ = await deliver(Model(base_url=address, model="any"), "Say hello.")
    assert (outcome.result, outcome.reason) == (Result.UNKNOWN, Reason.ANSWER_LOST)
