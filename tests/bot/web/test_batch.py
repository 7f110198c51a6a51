"""Several requests in one: in order, each with its own result, rights and key; and how many a minute takes."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bot.web.errors import TooManyRequests
from bot.web.guard import Rates
from core.limits import BATCH, CHANGES, REQUESTS, Limit
from core.security.model import OPERATOR, Permission
from tests.bot.web.conftest import Face
from tests.fakes.clock import FakeClock


async def results(client: httpx.AsyncClient, *calls: dict[str, Any], **headers: Any) -> list[tuple[int, Any]]:
    answer = await client.post("/api/v2/batch", json={"calls": calls}, **headers)
    assert answer.status_code == 200, answer.text
    return [(one["status"], one["body"]) for one in answer.json()]


async def as_viewer(face: Face) -> dict[str, str]:
    made = await face.house.core.api_keys.make("ci", frozenset({Permission.TASK_READ}), days=1, by=OPERATOR)
    return {"Authorization": f"Bearer {made.secret}"}


async def test_each_request_of_a_batch_has_its_own_result_in_order(face: Face) -> None:
    new = {"path": "/tasks", "body": {"brief": "Count the birds", "agent": "Agent-1"}, "key": "one"}
    made, again, bad, missing, wrong, read = await results(
        face.operator,
        new,
        new,
        {"path": "/tasks", "body": {"brief": "", "colour": "red"}},
        {"path": "/nonsense"},
        {"path": "/tasks/T-9/cancel"},
        {"path": "/agents/Agent-1"},
    )
    assert (made[0], made[1]["id"], again[1]["id"]) == (201, "T-1", "T-1")
    assert [(one[0], one[1]["code"]) for one in (bad, missing, wrong, read)] == [
        (422, "invalid"),
        (404, "not_found"),
        (404, "task_not_found"),
        (405, "method_not_allowed"),
    ]


async def test_a_batch_takes_no_batch_and_no_agents_request(face: Face) -> None:
    for path in ("/batch", "/%62atch", "/batch/", "/replies", "/replies/done"):
        ((status, body),) = await results(face.operator, {"path": path, "body": {}})
        assert (status, body["code"]) == (422, "not_in_batch"), path
    for calls in ([], [{"path": "/tasks"}] * (BATCH.most + 1), [{"path": "tasks"}], [{"path": "/tasks?x"}]):
        assert (await face.operator.post("/api/v2/batch", json={"calls": calls})).status_code == 422


async def test_a_failure_of_one_request_stops_no_other(face: Face) -> None:
    async def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("inside words")

    face.house.core.availability.pause = break_down  # pyright: ignore[reportAttributeAccessIssue] - a fault
    broken, made = await results(
        face.operator, {"path": "/agents/Agent-1/pause"}, {"path": "/tasks", "body": {"brief": "x"}}
    )
    assert (broken[0], broken[1]["code"], made[0]) == (500, "octet_error", 201)


async def test_the_rights_of_each_request_are_checked(face: Face) -> None:
    found = await results(
        face.stranger,
        {"path": "/tasks", "body": {"brief": "x"}},
        {"path": "/agents/Agent-1/pause"},
        headers=await as_viewer(face),
    )
    assert [(status, body["code"]) for status, body in found] == [(403, "not_allowed")] * 2
    assert await face.house.count() == 0


async def test_a_key_has_a_limit_of_changes_and_the_requests_of_a_batch_count(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.web.guard.CHANGES", Limit("changes", 3, "changes"))
    key = await as_viewer(face)
    found = await results(face.stranger, *[{"path": "/desks/stop"}] * 4, headers=key)
    assert [status for status, _ in found] == [403, 403, 429, 429]
    answer = await face.stranger.post("/api/v2/desks/stop", headers=key)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert 1 <= int(answer.headers["Retry-After"]) <= 20
    assert (await face.stranger.get("/api/v2/tasks", headers=key)).status_code == 200
    assert [status for status, _ in await results(face.operator, *[{"path": "/desks/stop"}] * 5)] == [200] * 5


def test_what_is_left_of_a_limit_grows_with_time_and_each_has_its_own() -> None:
    clock = FakeClock()
    rates = Rates(clock.monotonic_s)

    def is_taken(who: str = "a") -> bool:
        try:
            rates.count(who, CHANGES)
        except TooManyRequests:
            return False
        return True

    assert all(is_taken() for _ in range(CHANGES.most))
    with pytest.raises(TooManyRequests, match="in 1 s"):
        rates.count("a", CHANGES)
    assert is_taken("b")
    assert is_taken("")
    rates.count("a", REQUESTS)
    clock.advance(0.25)
    assert [is_taken() for _ in range(3)] == [True, True, False]
    clock.advance(3_600)
    assert sum(is_taken() for _ in range(CHANGES.most + 5)) == CHANGES.most
