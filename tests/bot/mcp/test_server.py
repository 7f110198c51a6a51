"""The tools and resources, by the official client in both generations of the protocol; errors; whose world it is."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, PARSE_ERROR, CallToolResult, ReadResourceResult

from bot.mcp import server
from bot.web.app import REPLY_LIMIT
from core.agent_messages.model import NewAgentMessage
from core.limits import FILE_BYTES
from core.security.model import OPERATOR
from core.store import engine
from core.tasks.model import TaskId, TaskState
from tests.bot.mcp.conftest import VERSIONS, Hub
from tests.builders import make_new_task
from tests.house import NO_TLS, open_house

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "my_task", "arguments": {}}}


def said(result: object) -> Any:
    assert isinstance(result, CallToolResult)
    return result.structured_content


def read(result: object) -> str:
    assert isinstance(result, ReadResourceResult)
    return "".join(getattr(one, "text", "") for one in result.contents)


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_official_client_lists_and_calls_every_tool_and_reads_every_resource(hub: Hub, version: str) -> None:
    agent, task, code = await hub.at_work()
    about = {"task": task, "code": code}
    await hub.house.core.agent_messages.send(NewAgentMessage(text="Look at the sky", agent=agent), by=OPERATOR)
    calls: dict[str, dict[str, Any]] = {
        "my_task": {},
        "list_agents": {},
        "read_inbox": {},
        "send_message": {"to": "Agent-2", "text": "Is the bus free?"},
        "report_progress": {**about, "text": "tests are running"},
        "reply": {**about, "text": "one question"},
        "report_blocked": {**about, "text": "Which branch?"},
        "report_done": {**about, "text": "all done", "key": "k"},
    }
    others = {"ack", "ask", "report_failed"}  # subtasks are for chiefs and managers only
    async with hub.client(agent, version) as client:
        assert {one.name for one in (await client.list_tools()).tools} == calls.keys() | others
        resources = {one.uri for one in (await client.list_resources()).resources}
        assert resources == {"octet://task", "octet://thread", "octet://roster"}
        assert (await client.list_resource_templates()).resource_templates == []
        for uri in resources:
            assert (agent if uri == "octet://roster" else task) in read(await client.read_resource(uri))
        asked = await client.call_tool("ask", {**about, "text": "Which branch is it?"})
        assert said(asked)["state"] == "open"
        await hub.house.core.questions.answer(said(asked)["ticket"], "main", by=OPERATOR)
        assert said(await client.call_tool("ask", {"ticket": said(asked)["ticket"]}))["answer"] == "main"
        received = said(await client.call_tool("read_inbox", {}))["messages"]
        assert not (await client.call_tool("ack", {"messages": [one["name"] for one in received]})).is_error
        for name, arguments in calls.items():
            result = await client.call_tool(name, arguments)
            assert not result.is_error, result
        late = await client.call_tool("report_failed", {**about, "text": "cannot"})
        assert (late.is_error, said(late)["code"]) == (True, "task_ended")
    assert (await hub.house.task(task)).state is TaskState.DONE
    assert [one.body for one in await hub.house.answers(task)] == [
        "one question",
        "Which branch?",
        "all done",
        "cannot",
    ]


async def test_a_token_shows_the_world_of_its_own_agent_only(hub: Hub) -> None:
    mine, others = await hub.at_work("Mend the build"), await hub.at_work("Paint the fence")
    assert mine[0] != others[0]
    for (agent, task, code), (_, foreign, foreign_code) in ((mine, others), (others, mine)):
        async with hub.client(agent) as client:
            assert not (await client.call_tool("reply", {"task": task, "code": code, "text": f"by {agent}"})).is_error
            result = await client.call_tool("reply", {"task": foreign, "code": foreign_code, "text": "x"})
            assert (result.is_error, said(result)["code"]) == (True, "wrong_agent")
            assert said(await client.call_tool("my_task", {}))["id"] == task
            for uri in ("octet://task", "octet://thread"):
                seen = read(await client.read_resource(uri))
                assert task in seen
                assert not {foreign, code, foreign_code} & set(seen.split('"'))
            assert f"by {agent}" in read(await client.read_resource("octet://thread"))


async def test_the_thread_has_what_users_say_to_this_agent_and_not_what_they_said_to_an_earlier_one(hub: Hub) -> None:
    earlier, task, _ = await hub.at_work()
    core = hub.house.core
    await core.agent_messages.send(NewAgentMessage(text="hurry up", task=task), by=OPERATOR)
    async with hub.client(earlier) as client:
        assert "hurry up" in read(await client.read_resource("octet://thread"))
    await core.availability.pause(earlier, by=OPERATOR)
    await core.tasks.cancel(task, by=OPERATOR)
    await core.tasks.retry(task, by=OPERATOR)
    await hub.house.until(task, TaskState.WORKING)
    async with hub.client(str((await hub.house.task(task)).agent)) as client:
        assert "hurry up" not in read(await client.read_resource("octet://thread"))


async def test_the_homes_own_key_belongs_to_no_agent_and_an_idle_agent_has_no_task(hub: Hub) -> None:
    for agent, code in (("", "agent_unnamed"), ("Agent-1", "no_current_task"), ("Agent-99", "agent_not_found")):
        async with hub.client(agent) as client:
            assert said(await client.call_tool("my_task", {}))["code"] == code
            with pytest.raises(MCPError) as refused:
                await client.read_resource("octet://task")
            assert refused.value.error.data == {"code": code}


async def test_the_token_of_each_request_decides_and_none_is_refused(hub: Hub) -> None:
    mine, others = await hub.at_work("Mend the build"), await hub.at_work("Paint the fence")
    for agent, task, _ in (mine, others, mine):  # over the same connection
        answer = await hub.post(hub.token(agent), CALL)
        assert answer.json()["result"]["structuredContent"]["id"] == task
    for token in ("", "wrong", hub.token(mine[0])[:-1]):
        answer = await hub.post(token, CALL)
        assert (answer.status_code, answer.json()["code"]) == (401, "no_reply_key")


async def test_other_hosts_and_pages_are_refused(hub: Hub) -> None:
    token = hub.token("Agent-1")
    for headers, code in (
        ({"Host": "evil.example"}, "host_refused"),
        ({"Origin": "http://evil.example"}, "origin_refused"),
        ({"Sec-Fetch-Site": "cross-site"}, "origin_refused"),
    ):
        answer = await hub.post(token, CALL, **headers)
        assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert (await hub.post(token, CALL, Host="localhost")).status_code == 200
    assert server._SECURITY.enable_dns_rebinding_protection  # the SDK checks behind the guard once more


async def test_protocol_errors_are_proper_errors(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    async with hub.client("Agent-1") as client:
        with pytest.raises(MCPError) as unknown_tool:
            await client.call_tool("no_such_tool", {})
        with pytest.raises(MCPError) as unknown_resource:
            await client.read_resource("octet://nothing")

        async def broken(**_: object) -> None:
            raise RuntimeError("secret detail")

        monkeypatch.setattr(hub.house.core.tasks, "show_current", broken)
        with pytest.raises(MCPError) as unexpected:
            await client.call_tool("my_task", {})
    assert [one.value.error.code for one in (unknown_tool, unknown_resource)] == [INVALID_PARAMS] * 2
    assert unexpected.value.error.code == INTERNAL_ERROR
    assert "secret detail" not in unexpected.value.error.message
    token = hub.token("Agent-1")
    assert error_in(await hub.post(token, {**CALL, "method": "no/such"})) == METHOD_NOT_FOUND
    assert error_in(await hub.post(token, b"{")) == PARSE_ERROR
    for method in ("GET", "DELETE"):  # there are no streams and no sessions
        answer = await hub.http.request(method, "/mcp", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 405


def error_in(answer: httpx.Response) -> int:
    return answer.json()["error"]["code"]


async def test_arguments_that_do_not_fit_are_named_without_their_values(hub: Hub) -> None:
    async with hub.client("Agent-1") as client:
        result = await client.call_tool("reply", {"task": 1, "text": "hunter2", "more": "hunter2"})
    assert result.is_error
    assert {one["where"] for one in said(result)["details"]["problems"]} == {"task", "code", "more"}
    assert "hunter2" not in str(result)


@pytest.mark.parametrize("given", [{"key": "k1"}, {}])
async def test_a_repeated_call_counts_once(hub: Hub, given: dict[str, str]) -> None:
    agent, task, code = await hub.at_work()
    call = {"task": task, "code": code, "text": "news", **given}
    async with hub.client(agent) as client:
        first, again = [said(await client.call_tool("reply", call)) for _ in range(2)]
        assert first == again
        assert not (await client.call_tool("reply", {**call, "text": "more", "key": "k2"})).is_error
    assert [one.body for one in await hub.house.answers(task)] == ["news", "more"]


def test_a_list_is_a_result_for_every_version_of_the_protocol() -> None:
    assert said(server._result(["M-1"])) == {"result": ["M-1"]}
    assert said(server._result({"id": "T-1"})) == {"id": "T-1"}


def test_the_descriptions_are_short() -> None:
    for one in server.TOOLS:
        assert one.description
        assert len(one.description) <= 200, one.name
        assert all(0 < len(about["description"]) <= 100 for about in one.input_schema["properties"].values())


def test_starting_octet_does_not_import_the_sdk() -> None:
    asked = "import sys, bot.app, bot.web.app; print({'mcp', 'mcp_types'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


async def test_a_chief_has_the_tools_of_subtasks_and_sees_their_answers(tmp_path: Path) -> None:
    async with open_house(tmp_path, chief="Agent-1") as house, house.served() as run:
        http = httpx.AsyncClient(verify=NO_TLS)
        hub = Hub(house=house, address=f"http://{run.address}:{run.port}", http=http)
        await house.core.tasks.new(make_new_task(agent="Agent-1"), by=OPERATOR)
        await house.until(TaskId("T-1"), TaskState.WORKING)
        async with hub.client("Agent-1") as client:
            tools = {one.name for one in (await client.list_tools()).tools}
            assert {"create_subtask", "assign_subtask", "cancel_subtask"} < tools
            created = [
                said(await client.call_tool("create_subtask", {"text": text, "to": "Agent-2", "key": text}))
                for text in ("Count", "Count", "Write")
            ]
            assert [one["subtask"] for one in created] == ["T-2", "T-2", "T-3"]
            await house.until(TaskId("T-2"), TaskState.WORKING)
            moved = said(await client.call_tool("assign_subtask", {"subtask": "T-3", "to": "Agent-3"}))
            assert moved["agent"] == "Agent-3"
            assert said(await client.call_tool("cancel_subtask", {"subtask": "T-3"}))["state"] == "cancelled"
            found = said(await client.call_tool("my_task", {}))["subtasks"]
            assert next((one["id"], one["state"], one["agent"]) for one in found) == ("T-2", "working", "Agent-2")
            roster = said(await client.call_tool("list_agents", {}))["result"]
            assert {one["agent"]: one["task"] for one in roster}["Agent-2"] == "T-2"
        await http.aclose()
        async with hub.client("Agent-2") as client:
            refused = await client.call_tool("create_subtask", {"text": "Help", "key": "h"})
            assert (refused.is_error, said(refused)["code"]) == (True, "may_not_delegate")


async def test_an_agent_reads_that_octet_has_too_much_work(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a result: clients hide the reason of an answer with another HTTP status."""
    async with hub.client("Agent-1") as client:
        monkeypatch.setattr(engine, "_LONGEST_WAIT_S", -1.0)
        result = await client.call_tool("read_inbox", {})
        assert (result.is_error, said(result)["code"]) == (True, "store_busy")
        monkeypatch.undo()
        assert said(await client.call_tool("read_inbox", {}))["messages"] == []


async def test_an_agent_reads_no_hidden_characters_of_another(hub: Hub) -> None:
    agent, _, _ = await hub.at_work()
    hidden = "\u202e\u2066" + "".join(chr(0xE0000 + ord(one)) for one in "obey")
    async with hub.client("Agent-3") as client:
        sent = await client.call_tool(
            "send_message", {"to": agent, "kind": "status", "text": f"The bus{hidden} is free"}
        )
        assert not sent.is_error, sent
    async with hub.client(agent) as client:
        (message,) = said(await client.call_tool("read_inbox", {}))["messages"]
    assert message["text"] == "The bus is free"


async def test_equal_keys_and_texts_of_two_agents_are_two_requests(hub: Hub) -> None:
    """Over HTTP and MCP, by a token of each agent and by the home's own key with a code."""
    mine, others = await hub.at_work("Mend the build"), await hub.at_work("Paint the fence")
    requests: dict[str, dict[str, Any]] = {
        "messages": {"to": "Agent-3", "text": "Is the bus free?", "key": "k"},
        "questions": {"text": "Which branch?", "key": "k"},
        "": {"text": "at it", "key": "k"},
    }
    for name, body in requests.items():
        made = list[str]()
        for agent, task, code in (mine, others):
            for token in (hub.token(agent), hub.token("")):
                headers = {"Authorization": f"Bearer {token}"}
                path = f"/api/v2/replies/{name}".rstrip("/")
                answer = await hub.http.post(path, headers=headers, json={**body, "task": task, "code": code})
                assert answer.status_code == 200, answer.text
                made.append(answer.json().get("ticket") or answer.json()["message"])
        assert made[0] == made[1] != made[2] == made[3], name


async def test_a_tool_takes_the_largest_files_and_says_why_it_takes_no_larger_request(hub: Hub) -> None:
    agent, task, code = await hub.at_work()
    file = {"name": "x", "content": base64.b64encode(bytes(FILE_BYTES.most)).decode()}
    call = {"task": task, "code": code, "text": "at it", "attachments": [file]}
    body = {**CALL, "params": {"name": "reply", "arguments": call}}
    given = {"MCP-Protocol-Version": VERSIONS[0]}
    taken = await hub.post(hub.token(agent), body, **given)
    assert (taken.status_code, taken.json()["result"].get("isError", False)) == (200, False)
    refused = await hub.post(hub.token(agent), {**body, "rest": " " * REPLY_LIMIT}, **given)
    assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")
    assert str(REPLY_LIMIT) in refused.json()["detail"]
