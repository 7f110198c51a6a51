"""/fleet over a real socket: what needs a person, and the board."""

from __future__ import annotations

from core.deliveries.model import Outcome, Reason, Result
from core.desks.model import DeskNow, DeskState
from core.fleet.model import Ping
from core.tasks.model import TaskId, TaskState
from tests.bot.web.conftest import Face

UNKNOWN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="the box was empty")


async def test_what_needs_a_person_is_told_with_what_to_do(face: Face) -> None:
    assert (await face.operator.get("/api/v2/fleet/needs-me")).json() == {"total": 0, "shown": []}
    face.house.lane.script.append(UNKNOWN)
    await face.operator.post("/api/v2/tasks", json={"brief": "Mend the build"})
    await face.house.until(TaskId("T-1"), TaskState.PARKED)
    found = (await face.operator.get("/api/v2/fleet/needs-me")).json()
    assert found["total"] == 1
    [need] = found["shown"]
    assert (need["kind"], need["task"], need["title"]) == ("delivery_unknown", "T-1", "Mend the build")
    assert (need["agent"], need["seen"]) == ("Agent-1", "the box was empty")
    assert need["next"]


async def test_no_more_is_shown_than_was_asked_for_and_all_is_counted(face: Face) -> None:
    face.house.lane.script.extend([UNKNOWN, UNKNOWN])
    for number in (1, 2):
        await face.operator.post("/api/v2/tasks", json={"brief": "Mend the build"})
        await face.house.until(TaskId(f"T-{number}"), TaskState.PARKED)
    found = (await face.operator.get("/api/v2/fleet/needs-me", params={"limit": 1})).json()
    assert (found["total"], [need["task"] for need in found["shown"]]) == (2, ["T-1"])
    assert (await face.operator.get("/api/v2/fleet/needs-me", params={"limit": 0})).status_code == 422


async def test_the_board_shows_all_agents_in_the_order_of_the_config(face: Face) -> None:
    task, _ = await face.house.working()
    board = (await face.operator.get("/api/v2/fleet/board")).json()
    assert [one["status"]["agent"]["name"] for one in board["agents"]] == ["Agent-1", "Agent-2", "Agent-3", "Agent-4"]
    first = board["agents"][0]
    assert (first["status"]["state"], first["status"]["task"]) == ("busy", task)
    assert (first["task"]["state"], first["task"]["title"]) == ("working", "Mend the build")
    assert {state: number for state, number in board["tasks"].items() if number} == {"working": 1}
    assert [(one["desk"]["name"], one["state"]) for one in board["desks"]] == [("main", "ready")]
    assert (board["queue"], board["needs"]) == ([], 0)


async def test_health_says_what_is_not_well_and_how_the_ping_does(face: Face) -> None:
    now = (await face.operator.get("/api/v2/fleet/health")).json()
    assert (now["is_well"], now["troubles"], now["ping"]["is_wanted"]) == (True, [], False)
    face.house.core.desks.worker_is("main", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "its display went away"))
    face.house.core.fleet.health.pinged(Ping(is_wanted=True, where="https://hc.example.org/…", note="status 500"))
    now = (await face.operator.get("/api/v2/fleet/health")).json()
    [trouble] = now["troubles"]
    assert (trouble["part"], trouble["name"], trouble["counts"]) == ("desk", "main", False)
    assert now["ping"]["note"] == "status 500"


async def test_home_offers_the_requests_that_settle_what_waits_and_no_older_attempt(face: Face) -> None:
    face.house.lane.script.append(UNKNOWN)
    await face.operator.post("/api/v2/tasks", json={"brief": "Mend the build"})
    await face.house.until(TaskId("T-1"), TaskState.PARKED)
    [need] = (await face.operator.get("/api/v2/fleet/home")).json()["needs"]
    offers = {one["label"]: one for one in need["offers"]}
    assert (list(offers), need["next"]) == (["Arrived", "Not arrived, send again", "Drop"], "")
    method, path = offers["Arrived"]["call"].split()
    older = path.replace("%3A1/", "%3A0/")
    assert older != path
    for called, status in ((older, 409), (path, 200)):
        answer = await face.operator.request(method, f"/api/v2{called}", json=offers["Arrived"]["body"])
        assert answer.status_code == status
    assert (await face.operator.get("/api/v2/fleet/home")).json()["needs"] == []


async def test_octet_says_who_asks_and_keeps_their_views(face: Face) -> None:
    me = (await face.operator.get("/api/v2/me")).json()
    assert (me["id"], me["name"], me["views"], me["discord"]) == ("operator", "operator", [], "")
    assert "task.create" in me["permissions"]
    view = {"name": "Late", "address": "/tasks?state=failed"}
    assert (await face.operator.post("/api/v2/me/views", json=view)).json() == [view]
    assert (await face.operator.get("/api/v2/me")).json()["views"] == [view]
