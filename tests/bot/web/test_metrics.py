"""/metrics: who gets them, what they count, and that the dashboard asks for what there is."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from bot.web.metrics import METRICS, LoopLag
from core.deliveries.model import Outcome, Result
from core.reasons import Reason
from core.security.model import OPERATOR, Permission
from core.tasks.model import NewTask, TaskId, TaskState
from tests.bot.web.conftest import Face

DASHBOARD = Path(__file__).parents[3] / "docs" / "inside" / "grafana.json"


async def figures(face: Face) -> dict[tuple[str, frozenset[str]], float]:
    """Return the value of each sample, by its name and the values of its labels."""
    answer = await face.operator.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.text)
    return {(one.name, frozenset(one.labels.values())): one.value for family in families for one in family.samples}


async def test_what_octet_has_is_counted_once(face: Face) -> None:
    await face.house.working()
    face.house.lane.script.append(Outcome(result=Result.REFUSED, reason=Reason.TEXT_REFUSED))
    failed = (await face.operator.post("/api/v2/tasks", json={"brief": "Refuse this"})).json()["id"]
    await face.house.until(TaskId(failed), TaskState.FAILED)
    found = await figures(face)

    def count(name: str, *labels: str) -> float | None:
        return found.get((name, frozenset(labels)))

    assert (count("octet_tasks", "working"), count("octet_tasks", "failed")) == (1, 1)
    assert (count("octet_agents", "busy"), count("octet_agents", "idle")) == (1, 3)
    assert (count("octet_deliveries_total", "delivered"), count("octet_deliveries_total", "failed")) == (1, 1)
    assert (count("octet_desks", "ready"), count("octet_store_writable")) == (1, 1)
    assert count("octet_notices", "discord", "pending") == 3, "two cards, and the end of one task"
    assert count("octet_discord_connected") is None, "this Octet has no Discord"
    assert count("octet_http_seconds_count", "POST", "/api/v2/tasks", "201") == 1
    assert count("octet_http_seconds_bucket", "POST", "/api/v2/tasks", "201", "+Inf") == 1
    assert (count("octet_journal_rows_total") or 0) > 2
    again = await figures(face)
    assert again["octet_http_seconds_count", frozenset({"GET", "/metrics", "200"})] == 1


async def test_the_age_of_the_queue_is_that_of_the_oldest_ready_task(face: Face) -> None:
    assert (await figures(face))["octet_queue_age_seconds", frozenset()] == 0
    for _ in range(4):
        await face.house.working()
    first, _ = [await face.house.core.tasks.new(NewTask(brief="Count"), by=OPERATOR) for _ in range(2)]
    found = await face.house.core.fleet.figures(by=OPERATOR)
    assert (found.oldest_ready_ms, found.tasks[TaskState.READY]) == (first.created_ms, 2)


async def test_only_who_may_read_the_fleet_gets_the_metrics(face: Face) -> None:
    assert (await face.stranger.get("/metrics")).status_code == 401
    assert (await face.agent.get("/metrics")).status_code == 401
    for scope, status in ((Permission.FLEET_READ, 200), (Permission.TASK_CREATE, 403)):
        new = await face.house.core.api_keys.make(scope.name, frozenset({scope}), days=1, by=OPERATOR)
        key = {"Authorization": f"Bearer {new.secret}"}
        assert (await face.stranger.get("/metrics", headers=key)).status_code == status


async def test_methods_that_a_client_invents_count_as_one(face: Face) -> None:
    for number in range(3):
        await face.stranger.request(f"INVENTED{number}", "/livez")
    assert (await figures(face))["octet_http_seconds_count", frozenset({"other", "/livez", "405"})] == 3


async def test_a_loop_that_is_held_up_shows_a_lag(monkeypatch) -> None:
    now_s, lag, rests = 0.0, LoopLag(), 0

    async def sleep(_: float) -> None:
        nonlocal now_s, rests
        rests += 1
        now_s += (1.0, 1.25, 1.0)[min(rests, 3) - 1]
        if rests > 3:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now_s)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    try:
        await lag.run()
    except asyncio.CancelledError:
        pass
    assert lag.worst_s == 0.25


def test_the_dashboard_asks_for_metrics_that_exist() -> None:
    asked = {
        name
        for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
        for target in panel["targets"]
        for name in re.findall(r"\b(?:octet|process)_\w+", target["expr"])
    }
    known = {one.name for one in METRICS} | {"process_resident_memory_bytes"}
    known |= {f"{one.name}_{part}" for one in METRICS if one.kind == "histogram" for part in ("bucket", "count", "sum")}
    assert asked - known == set()
    topics = ("octet_tasks", "octet_deliveries_total", "octet_agents", "octet_notices", "octet_http_seconds_count")
    assert {*topics, "octet_loop_lag_seconds", "octet_store_bytes"} <= asked
