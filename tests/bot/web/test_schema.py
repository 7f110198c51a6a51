"""Schemathesis sends what the description of the API allows: Octet never fails, and answers as described."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from tests.bot.web.conftest import Face
from tests.golden.__main__ import openapi
from tests.house import TOKEN
from tests.pace import patience

ENDLESS = {"GET /api/v2/events"}
UNAVAILABLE = {503}
"""The statuses above 500 by which Octet says that it cannot do this now."""
CHECKS = [not_a_server_error, response_schema_conformance, status_code_conformance]


def send_all(described: dict[str, Any], address: str, keys: dict[str, str], examples: int) -> list[str]:
    """Send `examples` requests for each operation; return what was wrong."""
    wrong = list[str]()
    schema: Any = schemathesis.openapi.from_dict(described)
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.label in ENDLESS:
            continue
        agents = operation.path.startswith(("/api/v2/replies", "/hooks"))
        headers = {"Authorization": f"Bearer {keys['agent' if agents else 'operator']}"}

        @given(case=operation.as_strategy())
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        )
        def send(case: Any) -> None:
            answer = case.call(base_url=address, headers=headers, timeout=patience(60))  # noqa: B023 - it is called at once
            case.validate_response(answer, checks=CHECKS if answer.status_code not in UNAVAILABLE else CHECKS[1:])

        try:
            send()
        except (FailureGroup, Exception) as error:  # noqa: BLE001 - each operation is tried; the test names all that failed
            said = "; ".join(map(str, getattr(error, "exceptions", [error])))
            wrong.append(f"{operation.label}: {said[:900]}")
    return wrong


async def check(face: Face, examples: int) -> None:
    described = json.loads(await openapi())
    keys = {"operator": TOKEN, "agent": face.house.core.reply_keys.key("Agent-1")}
    address = f"http://127.0.0.1:{face.port}"
    assert await asyncio.to_thread(send_all, described, address, keys, examples) == []


async def test_octet_answers_two_requests_for_each_operation_as_described(face: Face) -> None:
    await face.house.working()
    await check(face, 2)


@pytest.mark.long(short="test_octet_answers_two_requests_for_each_operation_as_described")
@pytest.mark.timeout(1800)
async def test_octet_answers_many_requests_for_each_operation_as_described(face: Face) -> None:
    await face.house.working()
    await check(face, 100)
