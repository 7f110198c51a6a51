"""The description of the API: each operation explains itself, and its example does what the description says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.bot.web.conftest import Face
from tests.golden.__main__ import openapi

REFUSED = {
    "GET /api/v2/desks/{name}/calibration": "no_open_calibration",
    "GET /api/v2/desks/{name}/calibration/picture": "no_open_calibration",
    "GET /api/v2/desks/{name}/calibration/words": "no_open_calibration",
    "GET /api/v2/dialogs/{dialog}": "dialog_not_found",
    "GET /api/v2/conversation": "name_one",
    "GET /api/v2/messages/{message}": "message_not_found",
    "GET /api/v2/messages/{message}/files/{number}": "message_not_found",
    "GET /api/v2/messages/{message}/trace": "trace_not_found",
    "GET /api/v2/tasks/{task}/diff": "no_workspace",
    "GET /api/v2/tasks/{task}/files/{number}": "file_not_found",
    "GET /api/v2/receipts/{named}/{attempt}/pictures/{picture}": "no_picture",
    "GET /api/v2/replies/task": "agent_unnamed",
    "GET /api/v2/replies/thread": "agent_unnamed",
    "POST /api/v2/admin/commands": "not_reloaded",
    "POST /api/v2/agents": "not_reloaded",
    "POST /api/v2/agents/discover": "desk_without_worker",
    "POST /api/v2/agents/{agent}/answer": "no_open_dialog",
    "POST /api/v2/agents/{agent}/capabilities": "agent_not_found",
    "POST /api/v2/agents/{agent}/inbox/{message}/ack": "not_in_inbox",
    "POST /api/v2/agents/{agent}/remove": "agent_not_found",
    "POST /api/v2/config/reload": "not_reloaded",
    "POST /api/v2/deliveries/{delivery}/resolve": "no_unknown_delivery",
    "POST /api/v2/desks/{desk}/windows/{window}/forget": "nothing_learned",
    "POST /api/v2/desks/{name}/calibration": "desk_without_worker",
    "POST /api/v2/desks/{name}/calibration/answer": "no_open_calibration",
    "POST /api/v2/dialogs/{dialog}/choose": "dialog_not_found",
    "POST /api/v2/log-ins/{log_in}/end": "log_in_not_found",
    "POST /api/v2/messages/{message}/cancel": "message_not_found",
    "POST /api/v2/messages/{message}/trace/resume": "trace_not_found",
    "POST /api/v2/messages/{message}/trace/stop": "trace_not_found",
    "POST /api/v2/push/{log_in}": "log_in_not_found",
    "POST /api/v2/questions/{question}/answer": "question_not_found",
    "POST /api/v2/replies": "wrong_code",
    "POST /api/v2/replies/ack": "no_agent_known",
    "POST /api/v2/replies/agents": "no_agent_known",
    "POST /api/v2/replies/blocked": "wrong_code",
    "POST /api/v2/replies/done": "wrong_code",
    "POST /api/v2/replies/failed": "wrong_code",
    "POST /api/v2/replies/inbox": "no_agent_known",
    "POST /api/v2/replies/messages": "no_agent_known",
    "POST /api/v2/replies/progress": "wrong_code",
    "POST /api/v2/replies/questions": "no_agent_known",
    "POST /api/v2/replies/subtasks": "no_agent_known",
    "POST /api/v2/replies/subtasks/assign": "no_agent_known",
    "POST /api/v2/replies/subtasks/cancel": "no_agent_known",
    "POST /api/v2/tasks/{task}/depend": "task_already_ended",
    "POST /api/v2/tasks/{task}/done": "task_already_ended",
    "POST /api/v2/tasks/{task}/edit": "task_already_ended",
    "POST /api/v2/tasks/{task}/nudge": "task_not_working",
    "POST /api/v2/tasks/{task}/pick": "not_a_part",
    "POST /api/v2/tasks/{task}/priority": "task_already_ended",
    "POST /api/v2/tasks/{task}/undo": "undo_too_late",
    "POST /api/v2/tasks/{task}/wrong": "not_done",
    "POST /log-in": "link_expired",
    "POST /log-in/discord": "no_log_in_with_discord",
    "POST /log-in/discord/confirm": "log_in_begun_elsewhere",
    "POST /log-in/look": "link_expired",
    "POST /api/v2/tasks/{task}/accept": "not_in_review",
    "POST /api/v2/tasks/{task}/checks": "not_in_review",
    "POST /api/v2/tasks/{task}/merge": "not_done",
    "POST /api/v2/tasks/{task}/reject": "not_in_review",
}
"""Operations whose example is refused in this house, and why."""


async def operations() -> dict[str, Any]:
    paths = json.loads(await openapi())["paths"]
    return {f"{method.upper()} {path}": one for path, found in paths.items() for method, one in found.items()}


def request_of(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
    """Return the example of this operation, as a client takes it."""
    method, path = name.split()
    query = {}
    for part in one.get("parameters", []):
        if part["in"] == "path":
            path = path.replace(f"{{{part['name']}}}", str(part["example"]))
        elif "example" in part:
            query[part["name"]] = part["example"]
    body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
    return {"method": method, "url": path, "params": query, "json": body}


async def test_each_operation_has_a_description_and_its_refusals() -> None:
    for name, one in (await operations()).items():
        assert one["summary"], name
        assert one["description"] or not name.startswith(("GET /api", "POST /api")), name
        assert one["responses"]["4XX"]["content"].keys() == {"application/problem+json"}, name


async def test_each_example_is_run_and_answers_as_described(face: Face) -> None:
    await face.house.working()
    found = dict[str, str]()
    for name, one in (await operations()).items():
        if name == "GET /api/v2/events":
            continue  # it never ends; test_live.py reads it
        client = face.agent if " /api/v2/replies" in name or " /hooks" in name else face.operator
        answer = await client.request(**request_of(name, one))
        assert answer.status_code != 500, (name, answer.text)
        if answer.status_code < 400:
            assert str(answer.status_code) in one["responses"], name
        else:
            found[name] = answer.json()["code"]
    assert found == REFUSED
