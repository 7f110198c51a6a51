"""Every route over a real socket: what it answers, and what it answers when something is wrong."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from unittest.mock import AsyncMock

import httpx
import pytest
from pydantic import SecretStr

from bot.verbs.declare import On, Origin, Verb
from bot.web import verbs
from bot.web.app import create_app
from bot.web.errors import status_of
from core.coordinator import Coordinator
from core.deliveries.model import (
    Assurance,
    Evidence,
    Moment,
    Outcome,
    Picture,
    PictureArea,
    Reason,
    Result,
    WorkerIdentity,
)
from core.desks.model import Shown, WindowStatus
from core.kit.errors import Conflict, Denied, Invalid, NotFound, Unavailable
from core.limits import ANSWER, BRIEF, FILE_BYTES
from core.profiles.model import Act, Activity
from core.security.model import Actor, NotAllowed, Permission
from core.settings.model import AnswerLimits
from core.store import engine
from core.tasks.model import TaskEnded, TaskId, TaskState
from tests.bot.web.conftest import Face
from tests.house import TOKEN, open_house
from tests.pace import patience

HOSTILE = [
    "@everyone look",
    "```\ncode\n``` and `more`",
    "👩‍👩‍👧‍👦 emoji",
    "漢字 かな 한글",
    "\u202eright to left\u202c שלום",
    '"; DROP TABLE task; -- <script>alert(1)</script>',
    "line\nbreaks\tand tabs",
]


async def new_task(face: Face, brief: str = "Mend the build") -> str:
    answer = await face.operator.post("/api/v2/tasks", json={"brief": brief})
    assert answer.status_code == 201
    return answer.json()["id"]


async def test_a_task_is_made_listed_shown_and_cancelled(face: Face) -> None:
    body = {"brief": "Mend the build", "agent": "Agent-1", "needs": ["python"], "priority": 1}
    made = (await face.operator.post("/api/v2/tasks", json=body)).json()
    assert (made["id"], made["priority"], made["needs"], made["requester"]) == ("T-1", 1, ["python"], "operator")

    assert [task["id"] for task in (await face.operator.get("/api/v2/tasks")).json()["items"]] == ["T-1"]
    shown = (await face.operator.get("/api/v2/tasks/t1")).json()
    fixed = ("id", "title", "brief", "priority", "wanted", "needs", "requester", "created_ms")
    assert [shown["task"][name] for name in fixed] == [made[name] for name in fixed]
    assert shown["answers"] == []

    cancelled = await face.operator.post("/api/v2/tasks/T-1/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    again = await face.operator.post("/api/v2/tasks/T-1/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "task_already_ended")
    assert again.json()["details"] == {"id": "T-1", "state": "cancelled"}


async def test_a_person_ends_a_task_with_words(face: Face) -> None:
    task, _ = await face.house.working()
    ended = await face.operator.post(f"/api/v2/tasks/{task}/done", json={"text": "I did it myself"})
    assert (ended.status_code, ended.json()["state"]) == (200, "done")
    shown = (await face.operator.get(f"/api/v2/tasks/{task}")).json()
    assert [(one["body"], one["final"], one["late"]) for one in shown["answers"]] == [("I did it myself", True, False)]
    assert [one["state"] for one in shown["deliveries"]] == ["delivered"]


async def test_a_task_is_made_urgent_given_to_an_agent_and_tried_again(face: Face) -> None:
    face.house.lane.script.append(Outcome(result=Result.REFUSED, reason=Reason.TEXT_REFUSED))
    task = await new_task(face)
    await face.house.until(TaskId(task), TaskState.FAILED)
    early = await face.operator.post(f"/api/v2/tasks/{task}/assign", json={"agent": "Agent-1"})
    assert (early.status_code, early.json()["code"]) == (409, "task_already_ended")
    again = await face.operator.post(f"/api/v2/tasks/{task}/retry")
    assert (again.status_code, again.json()["attempt"]) == (200, 2)
    await face.house.until(TaskId(task), TaskState.WORKING)
    urgent = await face.operator.post(f"/api/v2/tasks/{task}/priority", json={"priority": 0})
    assert (urgent.status_code, urgent.json()["priority"]) == (200, 0)
    for verb, body, code in (
        ("retry", None, "task_not_stopped"),
        ("assign", {"agent": "Agent-2"}, "task_already_running"),
        ("assign", {}, "invalid"),
        ("priority", {"priority": 7}, "priority_out_of_range"),
        ("priority", {"priority": "1"}, "invalid"),
    ):
        refused = await face.operator.post(f"/api/v2/tasks/{task}/{verb}", json=body)
        assert refused.json()["code"] == code


async def test_words_are_sent_once_for_a_key_and_looked_at(face: Face) -> None:
    task, code = await face.house.working()
    body, once = {"text": "Stop\nand wait", "task": task}, {"Idempotency-Key": "k"}
    sent = await face.operator.post("/api/v2/messages", json=body, headers=once)
    assert sent.status_code == 201
    made = sent.json()
    assert (made["label"], made["message"]["task"], made["message"]["recipient"]) == ("C2A", task, "agent:Agent-1")
    again = await face.operator.post("/api/v2/messages", json=body, headers=once)
    assert again.json()["message"]["id"] == made["message"]["id"]
    shown = await face.operator.get(f"/api/v2/messages/{made['message']['id']}")
    assert (shown.json()["message"]["body"], [one["agent"] for one in shown.json()["deliveries"]]) == (
        body["text"],
        ["Agent-1"],
    )
    assert code not in shown.text
    everybody = await face.operator.post("/api/v2/messages/broadcast", json={"text": "Fire drill"})
    assert (everybody.json()["label"], len(everybody.json()["deliveries"])) == ("BROADCAST", 4)
    for path, wrong, status, error in (
        ("", {"text": "x"}, 422, "recipient_missing"),
        ("", {"text": "x", "task": "T-99"}, 404, "task_not_found"),
        ("", {"text": "x", "agent": "Agent-2", "task": task}, 409, "agent_mismatch"),
        ("", {"text": ""}, 422, "empty_text"),
        ("", {"text": "x", "to": "y"}, 422, "invalid"),
        ("/broadcast", {"text": "x", "needs": ["juggling"]}, 409, "no_reachable_agent"),
    ):
        refused = await face.operator.post(f"/api/v2/messages{path}", json=wrong)
        assert (refused.status_code, refused.json()["code"]) == (status, error)
    assert (await face.operator.get("/api/v2/messages/nothing")).status_code == 404


async def test_a_task_that_waits_is_given_to_another_agent(face: Face) -> None:
    face.house.lane.script.append(Outcome(result=Result.REFUSED, reason=Reason.CLOSED))
    made = await face.operator.post("/api/v2/tasks", json={"brief": "Mend the build", "agent": "Agent-1"})
    task = made.json()["id"]
    await face.house.until(TaskId(task), TaskState.WAITING)
    given = await face.operator.post(f"/api/v2/tasks/{task}/assign", json={"agent": "agent-2"})
    assert (given.status_code, given.json()["wanted"]) == (200, "Agent-2")
    await face.house.until(TaskId(task), TaskState.WORKING)


async def test_the_code_in_a_window_prompt_is_not_shown(face: Face) -> None:
    task, code = await face.house.working()
    answer = await face.operator.get(f"/api/v2/tasks/{task}")
    assert "octet done" in answer.json()["prompt"]
    assert code not in answer.text


async def test_the_list_can_be_narrowed_to_a_state_an_agent_a_text_and_a_number(face: Face) -> None:
    first, second, third = [(await face.house.working(brief))[0] for brief in ("Count birds", "Bees", "More birds")]
    await face.operator.post(f"/api/v2/tasks/{second}/cancel")

    async def listed(**params: str) -> list[str]:
        return [task["id"] for task in (await face.operator.get("/api/v2/tasks", params=params)).json()["items"]]

    assert await listed() == await listed(state="open") == await listed(state="working") == [third, first]
    assert await listed(state="ended") == [second]
    assert await listed(state="all", limit="2") == [third, second]
    assert await listed(state="all", text="BIRDS") == [third, first]
    assert await listed(agent="Agent-1") == [first]
    for wrong in ({"state": "nonsense"}, {"limit": "0"}, {"limit": "501"}, {"cursor": "?"}):
        assert (await face.operator.get("/api/v2/tasks", params=wrong)).status_code == 422, wrong


async def test_the_list_goes_on_where_its_cursor_says(face: Face) -> None:
    for _ in range(3):
        await face.operator.post("/api/v2/tasks", json={"brief": "one of many", "agent": "Agent-1"})
    seen: list[str] = []
    page: dict[str, str] = {}
    while True:
        answer = (await face.operator.get("/api/v2/tasks", params={"limit": 2, **page})).json()
        seen += [task["id"] for task in answer["items"]]
        if not answer["next"]:
            break
        page = {"cursor": answer["next"]}
        await face.operator.post("/api/v2/tasks", json={"brief": "newer than every page", "agent": "Agent-1"})
    assert seen == ["T-3", "T-2", "T-1"]


async def test_the_same_idempotency_key_makes_one_task(face: Face) -> None:
    answers = [
        await face.operator.post("/api/v2/tasks", json={"brief": "once"}, headers={"Idempotency-Key": "a-1"})
        for _ in range(3)
    ]
    assert {answer.json()["id"] for answer in answers} == {"T-1"}
    assert await face.house.count() == 1
    other = await face.operator.post("/api/v2/tasks", json={"brief": "once"}, headers={"Idempotency-Key": "a-2"})
    assert other.json()["id"] == "T-2"


@Verb("", None, "POST /replies/probe", on=On.HTTP, discord="off")
async def probe(octet: Coordinator, *, origin: Origin, by: Actor) -> str:
    """Return the key under which Octet carries the request out once."""
    return origin.key or ""


async def test_the_same_key_of_two_agents_is_two_keys(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs, "VERBS", (probe,))
    core = face.house.core
    app = create_app(core, operator_token=SecretStr(TOKEN), version="", mcp=AsyncMock())
    found = list[str]()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        for agent in ("Agent-1", "Agent-2", "Agent-1"):
            headers = {"Authorization": f"Bearer {core.reply_keys.key(agent)}", "Idempotency-Key": "k"}
            found.append((await client.post("/api/v2/replies/probe", headers=headers)).json())
    assert found == ["http:agent:Agent-1:k", "http:agent:Agent-2:k", "http:agent:Agent-1:k"]


async def test_a_file_that_is_not_one_is_refused_and_the_largest_one_is_taken(face: Face) -> None:
    largest = {"name": "x", "content": base64.b64encode(bytes(FILE_BYTES.most)).decode()}
    for attach, status in (
        ({"name": "x", "content": "no base64!"}, 422),
        ({"name": "x", "content": base64.b64encode(bytes(FILE_BYTES.most + 1)).decode()}, 422),
        ({"name": "x"}, 422),
        ({"name": "\ud800", "content": ""}, 422),
        (largest, 201),
    ):
        body = json.dumps({"brief": "Count", "attach": attach})
        made = await face.operator.post("/api/v2/tasks", content=body, headers={"Content-Type": "application/json"})
        assert made.status_code == status, attach.keys()
    assert await face.house.count() == 1


async def test_hostile_texts_come_back_as_they_went_in(face: Face) -> None:
    for text in HOSTILE:
        task = await new_task(face, text)
        assert (await face.operator.get(f"/api/v2/tasks/{task}")).json()["task"]["brief"] == text


UNUSABLE: list[tuple[object, str]] = [
    ({"brief": ""}, "empty_text"),
    ({"brief": " \n "}, "empty_text"),
    ({"brief": "x" * (BRIEF.most + 1)}, "text_too_long"),
    ({"brief": "esc \x1b[2J"}, "control_characters"),
    ({"brief": "x", "priority": 9}, "priority_out_of_range"),
    ({"brief": "x", "needs": ["wings"]}, "no_capable_agent"),
    ({"brief": "x", "priority": "1"}, "invalid"),
    ({"brief": "x", "priorty": 1}, "invalid"),
    ({"brief": 5}, "invalid"),
    ([], "invalid"),
]


async def test_a_draft_that_cannot_be_used_is_told_why_and_makes_nothing(face: Face) -> None:
    for body, code in UNUSABLE:
        answer = await face.operator.post("/api/v2/tasks", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert answer.json()["detail"]
    assert await face.house.count() == 0


async def test_a_brief_at_the_limit_is_taken(face: Face) -> None:
    await new_task(face, "漢" * BRIEF.most)


async def test_a_body_that_is_no_json_is_told_and_is_no_failure_of_ours(face: Face) -> None:
    headers = {"Content-Type": "application/json"}
    for content in (b"{", b'{"brief": "\xff"}', b"", b"[" * 100_000):
        answer = await face.operator.post("/api/v2/tasks", content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), content[:20]
    for name in ("task", "code", "text"):
        half = json.dumps({"task": "T-1", "code": "c", "text": "t", "final": True, "key": "k", name: "\ud800"})
        answer = await face.agent.post("/api/v2/replies", content=half, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "broken_character"), name
    half = b'{"brief": "x", "labels": ["\\ud800"]}'
    answer = await face.operator.post("/api/v2/tasks", content=half, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "broken_character")
    assert await face.house.count() == 0


async def test_what_does_not_exist_is_404_in_the_one_shape(face: Face) -> None:
    for method, path, code in (
        ("GET", "/api/v2/tasks/T-99", "task_not_found"),
        ("POST", "/api/v2/tasks/T-99/cancel", "task_not_found"),
        ("GET", "/api/v2/agents/Nobody", "agent_not_found"),
        ("POST", "/api/v2/desks/attic/arrange", "desk_not_found"),
        ("GET", "/api/v2/desks/screenshot?desk=attic&window=one", "desk_not_found"),
        ("GET", "/api/v2/desks/screenshot?desk=main&window=attic", "window_not_found"),
        ("GET", "/api/v2/nonsense", "not_found"),
        ("GET", "/", "not_found"),
        ("GET", "/openapi.json", "not_found"),
    ):
        answer = await face.operator.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (404, code)
        assert set(answer.json()) == {"type", "title", "status", "detail", "code", "details"}


async def test_a_task_id_that_is_none_is_told_so(face: Face) -> None:
    answer = await face.operator.get("/api/v2/tasks/../../etc")
    assert answer.status_code in {404, 422}
    answer = await face.operator.get("/api/v2/tasks/nonsense")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_task_id")


async def test_a_receipt_is_shown_with_its_pictures_and_says_what_it_does_not_have(face: Face) -> None:
    seen = Outcome(
        result=Result.DELIVERED,
        assurance=Assurance.WEAK,
        note="composer empty",
        timings_ms={"submit": 2.5},
        pictures=(Picture(moment=Moment.STAGED, part=PictureArea.COMPOSER, png=b"png"),),
        evidence=Evidence(readback="pixels", hand=WorkerIdentity(pid=7, host="ab", version="1")),
    )
    face.house.lane.script.append(seen)
    task = TaskId(await new_task(face))
    await face.house.until(task, TaskState.WORKING)
    (receipt,) = (await face.operator.get(f"/api/v2/receipts/{task}")).json()
    assert (receipt["state"], receipt["assurance"], receipt["delivery"]["task"]) == ("delivered", "weak", task)
    assert receipt["claim"].startswith("Not proven:")
    assert (receipt["evidence"]["hand"]["pid"], receipt["evidence"]["target"]) == (7, None)
    (picture,) = receipt["pictures"]
    path = f"/api/v2/receipts/{receipt['delivery']['id']}/{receipt['fence']}/pictures"
    got = await face.operator.get(f"{path}/{picture['name']}")
    assert (got.status_code, got.headers["content-type"], got.content) == (200, "image/png", b"png")
    missing = await face.operator.get(f"{path}/afterwards-window")
    assert (missing.status_code, missing.json()["code"]) == (404, "no_picture")
    none = await face.operator.get("/api/v2/receipts/nothing")
    assert (none.status_code, none.json()["code"]) == (404, "no_receipt")


async def test_a_delivery_that_nobody_saw_arrive_is_listed_and_resolved(face: Face) -> None:
    face.house.lane.script.append(Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="the box is empty"))
    task = TaskId(await new_task(face))
    await face.house.until(task, TaskState.PARKED)
    (found,) = (await face.operator.get("/api/v2/deliveries?state=unknown")).json()["items"]
    assert (found["task"], found["state"], found["note"]) == (task, "unknown", "the box is empty")
    path = f"/api/v2/deliveries/{found['id']}/resolve"
    wrong = await face.operator.post(path, json={"decision": "perhaps"})
    assert wrong.status_code == 422
    settled = await face.operator.post(path, json={"decision": "arrived"})
    assert (settled.status_code, settled.json()["state"], settled.json()["assurance"]) == (200, "delivered", "person")
    again = await face.operator.post(f"/api/v2/deliveries/{task}/resolve", json={"decision": "drop"})
    assert (again.status_code, again.json()["code"]) == (409, "no_unknown_delivery")
    gone = await face.operator.post("/api/v2/deliveries/nothing/resolve", json={"decision": "drop"})
    assert (gone.status_code, gone.json()["code"]) == (404, "delivery_not_found")
    assert (await face.operator.get("/api/v2/deliveries")).json() == {"items": [], "next": ""}
    delivered = (await face.operator.get("/api/v2/deliveries?state=delivered")).json()["items"]
    assert [one["id"] for one in delivered] == [found["id"]]


async def test_an_agent_is_listed_and_shown(face: Face) -> None:
    listed = (await face.operator.get("/api/v2/agents")).json()["items"][0]
    assert (await face.operator.get("/api/v2/agents/Agent-1")).json() == {
        **listed,
        "queue": [],
        "program": None,
        "hook": None,
        "shows": "unknown",
    }
    agent = listed["agent"]
    assert (agent["name"], listed["state"], agent["lane"], agent["window"]) == ("Agent-1", "idle", "window", "agent-1")


async def test_an_agent_is_interrupted_and_its_window_answered(face: Face) -> None:
    shot = Picture(moment=Moment.AFTERWARDS, png=b"png")
    done = Outcome(result=Result.DELIVERED, note="its agent rests", pictures=(shot,))
    face.house.lane.script.append(done)
    pressed = await face.operator.post("/api/v2/agents/agent-1/interrupt")
    assert pressed.status_code == 200
    made = pressed.json()
    delivery = made["delivery"]
    (receipt,) = (await face.operator.get(f"/api/v2/receipts/{delivery['id']}")).json()
    assert receipt["pictures"][0]["shows"] == "the window afterwards"
    kept = f"/api/v2/receipts/{delivery['id']}/{delivery['fence']}/pictures/{receipt['pictures'][0]['name']}"
    assert (await face.operator.get(kept)).content == b"png"
    assert (made["agent"], made["act"], delivery["state"], delivery["note"]) == (
        "Agent-1",
        "interrupt",
        "delivered",
        "its agent rests",
    )
    face.house.lane.script.append(done)
    anew = await face.operator.post("/api/v2/agents/agent-1/new-chat")
    assert (anew.status_code, anew.json()["act"], anew.json()["delivery"]["state"]) == (200, "new_chat", "delivered")
    path, body = "/api/v2/agents/Agent-1/answer", {"answer": "approve"}
    nothing = await face.operator.post(path, json=body)
    assert (nothing.status_code, nothing.json()["code"]) == (409, "no_open_dialog")
    asks = Shown(window="agent-1", activity=Activity.NEEDS_INPUT, answers=(Act.APPROVE,), mark="one")
    await face.house.core.dispatch.window_shows("main", asks)
    needs = (await face.operator.get("/api/v2/fleet/needs-me")).json()["shown"]
    assert [(one["kind"], one["agent"]) for one in needs] == [("needs_answer", "Agent-1")]
    wrong = await face.operator.post(path, json={"answer": "deny"})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "answer_not_offered")
    assert (await face.operator.post(path, json={"answer": "interrupt"})).status_code == 422
    face.house.lane.script.append(Outcome(result=Result.REFUSED, reason=Reason.CHANGED))
    changed = (await face.operator.post(path, json=body)).json()
    assert (changed["delivery"]["state"], changed["delivery"]["reason"]) == ("refused", "changed")
    forbidden = await face.operator.post("/api/v2/agents/Agent-3/interrupt")
    assert (forbidden.status_code, forbidden.json()["code"]) == (403, "action_not_allowed")
    assert "allowed_actions" in forbidden.json()["detail"]
    assert (await face.stranger.post("/api/v2/agents/Agent-1/interrupt")).status_code == 401


async def test_an_agent_is_paused_drained_and_resumed(face: Face) -> None:
    await face.house.working()
    for verb, state in (("drain", "draining"), ("pause", "paused"), ("resume", "busy")):
        answer = await face.operator.post(f"/api/v2/agents/agent-1/{verb}")
        assert (answer.status_code, answer.json()["state"], answer.json()["task"]) == (200, state, "T-1")
    assert (await face.operator.post("/api/v2/agents/Nobody/pause")).json()["code"] == "agent_not_found"


async def test_a_desk_is_held_released_and_stopped(face: Face) -> None:
    for verb, state, mode in (("hold", "held", "held"), ("release", "ready", "open"), ("stop", "stopped", "stopped")):
        for body in ({"desk": "main"}, {}):
            answer = await face.operator.post(f"/api/v2/desks/{verb}", json=body)
            assert (answer.status_code, [one["state"] for one in answer.json()]) == (200, [state])
        assert face.house.worker.told[-1] == mode
        (desk,) = (await face.operator.get("/api/v2/desks")).json()
        assert (desk["desk"]["name"], desk["state"], desk["windows"][0]["usable"]) == ("main", state, True)


async def test_the_picture_of_a_window_is_a_png_and_a_covered_one_is_a_conflict(face: Face) -> None:
    path = "/api/v2/desks/screenshot?desk=main&window=agent-1"
    seen = await face.operator.get(path)
    assert (seen.status_code, seen.headers["content-type"]) == (200, "image/png")
    assert seen.content.startswith(b"\x89PNG")
    face.house.worker.windows = (WindowStatus(name="agent-1", usable=False, reason=Reason.COVERED),)
    covered = await face.operator.get(path)
    assert (covered.status_code, covered.json()["code"]) == (409, "window_not_seen")


async def test_a_whole_display_is_shown_if_it_is_the_desks_own_and_refused_if_people_use_it(
    face: Face, tmp_path: Path
) -> None:
    shared = await face.operator.get("/api/v2/desks/screenshot?desk=main")
    assert (shared.status_code, shared.json()["code"]) == (409, "desk_is_shared")
    assert (await face.operator.get("/api/v2/desks/screenshot?desk=attic")).status_code == 404
    async with open_house(tmp_path / "own", is_virtual=True) as house, house.served() as run:
        path = f"http://{run.address}:{run.port}/api/v2/desks/screenshot?desk=main"
        async with httpx.AsyncClient(timeout=patience(60)) as client:
            assert (await client.get(path)).status_code == 401
            seen = await client.get(path, headers={"Authorization": f"Bearer {TOKEN}"})
    assert (seen.status_code, seen.headers["content-type"]) == (200, "image/png")
    assert seen.content.startswith(b"\x89PNG")


async def test_an_answer_needs_the_code_and_a_reply_key(face: Face) -> None:
    task, code = await face.house.working()
    body = {"task": task, "code": code, "text": "half way", "final": False, "key": "k1"}
    said = await face.agent.post("/api/v2/replies", json=body)
    assert said.status_code == 200
    assert (said.json()["task"], said.json()["state"]) == (task, "working")
    ended = await face.agent.post("/api/v2/replies", json={**body, "text": "all of it", "final": True, "key": "k2"})
    assert ended.json()["state"] == "done"
    assert [one.body for one in await face.house.answers(task)] == ["half way", "all of it"]


async def test_a_word_of_progress_needs_the_code_and_shows_on_the_task(face: Face) -> None:
    task, code = await face.house.working()
    body = {"task": task, "code": code, "text": "tests are running"}
    said = await face.agent.post("/api/v2/replies/progress", json=body)
    assert (said.status_code, said.json()) == (200, {"task": task, "state": "working", "kept": True})
    shown = (await face.operator.get(f"/api/v2/tasks/{task}")).json()
    assert (shown["task"]["progress"], shown["answers"]) == ("tests are running", [])
    assert shown["task"]["last_seen_ms"] < shown["task"]["deadline_ms"]
    for text, error in (("", "empty_text"), ("x" * 301, "text_too_long"), ("a\u0007b", "control_characters")):
        wrong = await face.agent.post("/api/v2/replies/progress", json={**body, "text": text})
        assert (wrong.status_code, wrong.json()["code"]) == (422, error)
    await face.operator.post(f"/api/v2/tasks/{task}/cancel")
    late = await face.agent.post("/api/v2/replies/progress", json=body)
    assert (late.status_code, late.json()["code"]) == (409, "progress_too_late")


async def test_the_same_answer_twice_is_stored_once(face: Face) -> None:
    task, code = await face.house.working()
    body = {"task": task, "code": code, "text": "done", "final": True, "key": "k"}
    first, second = [await face.agent.post("/api/v2/replies", json=body) for _ in range(2)]
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert len(await face.house.answers(task)) == 1


async def test_a_late_answer_and_one_for_the_wrong_task_are_conflicts_whose_text_was_kept(face: Face) -> None:
    (first, first_code), (second, second_code) = await face.house.working(), await face.house.working()
    body = {"task": first, "code": first_code, "text": "late", "final": True, "key": "k"}
    await face.operator.post(f"/api/v2/tasks/{first}/cancel")
    late = await face.agent.post("/api/v2/replies", json=body)
    assert (late.status_code, late.json()["code"]) == (409, "task_ended")
    body = {"task": first, "code": second_code, "text": "astray", "final": True, "key": "k2"}
    astray = await face.agent.post("/api/v2/replies", json=body)
    assert (astray.status_code, astray.json()["code"]) == (409, "wrong_task")
    assert [(one.body, one.late) for one in await face.house.answers(second)] == [("astray", True)]


async def test_hostile_and_longest_answers_arrive_unchanged(face: Face) -> None:
    for text in [*HOSTILE, "漢" * ANSWER.most, '"' * ANSWER.most]:
        task, code = await face.house.working()
        body = {"task": task, "code": code, "text": text, "final": True, "key": "k"}
        assert (await face.agent.post("/api/v2/replies", json=body)).status_code == 200
        assert [one.body for one in await face.house.answers(task)] == [text]


async def test_an_error_of_the_family_unavailable_is_503(face: Face) -> None:
    task, code = await face.house.working()
    face.house.lose_the_database()
    body = {"task": task, "code": code, "text": "x", "final": True, "key": "k"}
    answer = await face.agent.post("/api/v2/replies", json=body)
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    face.house.find_the_database()
    assert (await face.agent.post("/api/v2/replies", json=body)).status_code == 200


def test_each_family_has_its_status_and_its_children_have_the_same() -> None:
    assert [status_of(family()) for family in (NotFound, Conflict, Denied, Invalid, Unavailable)] == [
        404,
        409,
        403,
        422,
        503,
    ]
    assert (status_of(TaskEnded()), status_of(NotAllowed(permission=Permission.TASK_CREATE))) == (409, 403)


async def test_texts_that_come_too_fast_may_come_again_and_those_that_are_too_many_may_not(face: Face) -> None:
    task, code = await face.house.working()
    body = {"task": task, "code": code, "text": "news", "final": False}
    limited = face.house.core.tasks.answers
    limited._limits = AnswerLimits(texts_per_minute=1)
    assert (await face.agent.post("/api/v2/replies", json={**body, "key": "a"})).status_code == 200
    fast = await face.agent.post("/api/v2/replies", json={**body, "key": "b"})
    assert (fast.status_code, fast.json()["code"]) == (429, "answer_rate_exceeded")
    assert int(fast.headers["Retry-After"]) == fast.json()["details"]["after_s"] in range(1, 62)
    limited._limits = AnswerLimits(texts=1)
    many = await face.agent.post("/api/v2/replies", json={**body, "key": "b"})
    assert (many.status_code, many.json()["code"]) == (409, "answer_quota_exceeded")
    assert "Retry-After" not in many.headers


async def test_a_request_that_would_wait_too_long_is_refused_at_the_door(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_LONGEST_WAIT_S", -1.0)
    status = {"to": "Agent-2", "text": "Read.", "kind": "status", "key": "1"}
    for answer in (
        await face.operator.post("/api/v2/tasks", json={"brief": "Count the birds"}),
        await face.agent.post("/api/v2/replies/messages", json=status),
        await face.operator.post("/api/v2/tasks", content=b"not read"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "store_busy")
        assert answer.headers["Retry-After"].isdecimal()
        assert answer.headers["Content-Type"] == "application/problem+json"
    listed = await face.operator.get("/api/v2/tasks")
    assert (listed.status_code, "Count the birds" in listed.text) == (200, False)


async def test_the_api_describes_itself_to_those_who_may_use_it(face: Face) -> None:
    described = (await face.operator.get("/api/v2/openapi.json")).json()
    assert "/api/v2/tasks/{task}/cancel" in described["paths"]
    assert (await face.stranger.get("/api/v2/openapi.json")).status_code == 401
