"""Looking after desks over HTTP: tried out, put back, looked over, connected."""

from __future__ import annotations

import base64
import json

from core.desks.model import WindowStatus
from tests.bot.web.conftest import Face
from tests.builders import make_learned
from tests.fakes.calibrates import JOINED, PNG, POINTING, FakeCalibrates, FakeReload


async def test_windows_are_tried_out_put_back_and_looked_over(face: Face) -> None:
    tried = (await face.operator.post("/api/v2/desks/main/test")).json()
    assert [(one["window"], one["good"], one["read_by"]) for one in tried][:1] == [("agent-1", True, "copy")]
    (one,) = (await face.operator.post("/api/v2/desks/test", params={"agent": "Agent-2"})).json()
    assert (one["agent"], one["good"]) == ("Agent-2", True)
    assert face.house.lane.submitted == []
    placed = (await face.operator.post("/api/v2/desks/main/arrange")).json()
    assert {row["right"] for row in placed} == {True}
    face.house.hands.windows = (
        WindowStatus(name="agent-1", usable=False, reason="covered: by “Notes”", code="covered"),
    )
    for path in ("/api/v2/desks/doctor", "/api/v2/desks/main/doctor"):
        (desk,) = (await face.operator.get(path)).json()
        assert (desk["desk"], desk["ailments"][0]["what"]) == ("main", "covered: by “Notes”")
        assert "/desk arrange" in desk["ailments"][0]["cure"]


async def test_what_is_tried_or_arranged_must_be_there(face: Face) -> None:
    for verb, path in (("POST", "attic/test"), ("POST", "attic/arrange"), ("GET", "attic/doctor")):
        answer = await face.operator.request(verb, f"/api/v2/desks/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "desk_not_found")
        assert (await face.stranger.request(verb, f"/api/v2/desks/{path}")).status_code == 401


async def test_windows_are_connected_by_numbers_and_places(face: Face) -> None:
    none = await face.operator.post("/api/v2/desks/main/calibration")
    assert (none.status_code, none.json()["error"]["code"]) == (503, "nobody_reloads")
    ways = FakeCalibrates(POINTING, JOINED)
    face.house.core.upkeep.reloads_by(FakeReload(), ways)
    looked = (await face.operator.post("/api/v2/desks/main/calibration")).json()
    assert [one["number"] for one in looked["windows"]] == [1, 2]
    assert base64.b64decode(looked["picture"]) == PNG
    asked = (await face.operator.post("/api/v2/desks/main/calibration/2", json={"agent": "New"})).json()
    assert (asked["connected"], asked["places"], base64.b64decode(asked["picture"])) == (False, 48, PNG)
    done = (await face.operator.post("/api/v2/desks/main/calibration/2", json={"place": "45"})).json()
    assert (done["connected"], done["window"], done["reloaded"]["desks"]) == (True, "new", ["main"])
    for body in ({"agent": "\ud800"}, {"place": 45}, {"agnet": "New"}, {"agent": "x" * 101}):
        answer = await face.operator.post("/api/v2/desks/main/calibration/2", content=json.dumps(body))
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid"), body
    assert ways.asked == [(2, "New", "", ""), (2, "", "", "45")]
    assert (await face.stranger.post("/api/v2/desks/main/calibration")).status_code == 401
    assert (await face.operator.post("/api/v2/config/reload")).json() == {
        "agents": [],
        "gone": [],
        "desks": [],
        "restart": [],
    }


async def test_what_octet_learned_is_shown_and_forgotten(face: Face) -> None:
    face.house.core.upkeep.reloads_by(FakeReload())
    await face.house.core.dispatch.window_learned(make_learned())
    fact = {"window": "agent-1", "what": "busy_sign", "at_ms": make_learned().at_ms}
    (desk,) = (await face.operator.get("/api/v2/desks")).json()
    assert (desk["learned"], desk["unread"]) == ([fact], "")
    path = "/api/v2/desks/main/windows/agent-1/forget"
    assert (await face.stranger.post(path)).status_code == 401
    assert (await face.operator.post(path)).json() == [fact]
    answer = await face.operator.post(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "nothing_learned")
    (face.house.home / "learned/main.json").write_bytes(b"{")
    (desk,) = (await face.operator.get("/api/v2/desks")).json()
    assert "cannot be read" in desk["unread"]
