"""Looking after desks over HTTP: tried out, put back, looked over, connected."""

from __future__ import annotations

from core.desks.model import WindowStatus
from core.reasons import Reason
from tests.bot.web.conftest import Face
from tests.builders import make_learned
from tests.fakes.calibrations import PNG, FakeCalibrations, FakeReload, reload_by


async def test_windows_are_tried_out_put_back_and_looked_over(face: Face) -> None:
    tried = (await face.operator.post("/api/v2/desks/test", json={"desk": "main"})).json()
    assert [(one["window"], one["is_good"], one["by"]) for one in tried][:1] == [("agent-1", True, "copy")]
    (one,) = (await face.operator.post("/api/v2/desks/test", json={"agent": "Agent-2"})).json()
    assert (one["agent"], one["is_good"]) == ("Agent-2", True)
    assert face.house.lane.submitted == []
    placed = (await face.operator.post("/api/v2/desks/main/arrange")).json()
    assert {row["is_right"] for row in placed} == {True}
    face.house.worker.windows = (WindowStatus(name="agent-1", usable=False, reason=Reason.COVERED, note="by “Notes”"),)
    for path in ("/api/v2/desks/doctor", "/api/v2/desks/doctor?desk=main"):
        (desk,) = (await face.operator.get(path)).json()
        ailment = desk["ailments"][0]
        assert (desk["desk"], ailment["reason"], ailment["note"]) == ("main", "covered", "by “Notes”")


async def test_what_is_tried_or_arranged_must_be_there(face: Face) -> None:
    for verb, path, body in (
        ("POST", "test", {"desk": "attic"}),
        ("POST", "attic/arrange", None),
        ("GET", "doctor?desk=attic", None),
    ):
        answer = await face.operator.request(verb, f"/api/v2/desks/{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "desk_not_found")
        assert (await face.stranger.request(verb, f"/api/v2/desks/{path}")).status_code == 401


async def test_windows_are_connected_by_questions_and_answers(face: Face) -> None:
    path = "/api/v2/desks/main/calibration"
    ways = FakeCalibrations(face.house.home)
    reload_by(face.house.core, FakeReload(), ways)
    assert (await face.operator.get(path)).json()["code"] == "no_open_calibration"
    asked = (await face.operator.post(path, json={})).json()
    assert [one["number"] for one in asked["now"]["candidates"]] == [1, 2]
    assert (await face.operator.get(f"{path}/picture")).content.startswith(PNG)
    words = (await face.operator.get(f"{path}/words")).json()
    assert words["asks"].startswith("Octet types a draft into")
    chosen = {"kind": "chosen", "picks": [{"number": 2, "agent": "New"}]}
    pointed = (await face.operator.post(f"{path}/answer", json=chosen)).json()
    assert (pointed["number"], pointed["now"]["kind"], pointed["now"]["agent"]) == (2, "point_at", "New")
    for wrong in ({"kind": "pointed", "place": 45}, {"kind": "type", "text": "rm"}, {}):
        answer = await face.operator.post(f"{path}/answer", json=wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), wrong
    refused = await face.operator.post(f"{path}/answer", json={"kind": "pointed", "place": "99"})
    assert refused.json()["code"] == "unknown_grid_place"
    done = (await face.operator.post(f"{path}/answer", json={"kind": "pointed", "place": "45"})).json()
    assert (done["now"]["kind"], [one["agent"] for one in done["now"]["connected"]]) == ("result", ["New"])
    assert (await face.operator.get(path)).json() == done
    assert "New: connected" in " ".join((await face.operator.get(f"{path}/words")).json()["lines"])
    assert ways.taken_over == ["New"]
    for method, verb in (
        ("POST", ""),
        ("GET", ""),
        ("POST", "/answer"),
        ("GET", "/picture"),
        ("GET", "/words"),
        ("POST", "/page"),
    ):
        assert (await face.stranger.request(method, f"{path}{verb}", json={})).status_code == 401
    assert (await face.operator.post("/api/v2/config/reload")).json() == {
        "agents": [],
        "gone": [],
        "desks": [],
        "restart": [],
        "groups": [],
        "is_nothing": True,
    }


async def test_what_octet_learned_is_shown_and_forgotten(face: Face) -> None:
    reload_by(face.house.core, FakeReload())
    await face.house.core.dispatch.window_learned(make_learned())
    (desk,) = (await face.operator.get("/api/v2/desks")).json()
    (fact,) = desk["learned"]
    assert (fact["window"], fact["what"], fact["at_ms"]) == ("agent-1", "busy_sign", make_learned().at_ms)
    assert desk["unread"] == ""
    path = "/api/v2/desks/main/windows/agent-1/forget"
    assert (await face.stranger.post(path)).status_code == 401
    assert (await face.operator.post(path)).json() == [fact]
    answer = await face.operator.post(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "nothing_learned")
    (face.house.home / "learned/main.json").write_bytes(b"{")
    (desk,) = (await face.operator.get("/api/v2/desks")).json()
    assert "is unreadable" in desk["unread"]
