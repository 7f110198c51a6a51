"""A disk that is really full, and grows again; a disk that is really write-protected."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path

import pytest

from core.coordinator import Coordinator
from core.deliveries.model import DeliveryRequest, DeliveryState, Outcome
from core.deliveries.ports import Progress
from core.store.errors import StoreFull
from core.tasks.model import TaskId, TaskState
from tests.as_root.disks import Small, cuttable, run, small
from tests.bot.cli.test_run import make_account, until_waiting
from tests.bot.test_storage_faults import is_ready, living, until
from tests.builders import ADA, make_new_task
from tests.core.dispatch.test_loop import reach, window_house
from tests.fakes.lane import ARRIVES, FakeLane
from tests.house import code_in

pytestmark = pytest.mark.timeout(180)
MANY = 3_000


@pytest.fixture
def disk(tmp_path: Path) -> Generator[Small]:
    with small(tmp_path / "home", megabytes=16) as made:
        yield made


async def test_a_full_disk_is_told_by_every_face_loses_nothing_and_everything_goes_on_when_it_grows(
    tmp_path: Path, disk: Small
) -> None:
    account = make_account(tmp_path)
    kept: set[str] = set()
    async with living(account) as octet:
        assert (await octet.new("Count the birds")).status_code == 201
        code = code_in((await until_waiting(account, octet.run, "T-1"))["prompt"])
        disk.fill()
        refused = None
        for number in range(MANY):  # what the log has room for is still taken, and must then be there
            answer = await octet.new(f"No. {number}\n" + "x" * 20_000)
            if answer.status_code != 201:
                refused = answer
                break
            kept.add(f"No. {number}")
        assert refused is not None
        assert (refused.status_code, refused.json()["code"]) == (507, "store_full")
        assert "disk that holds Octet's home is full" in refused.json()["detail"]
        status, problems = await octet.ready()
        assert (status, len(problems)) == (503, 1)
        assert "is full" in problems[0]
        said = await account.octet("task", "new", "Nor now")
        assert (said[0], len(said[2].splitlines())) == (75, 1)
        assert "is full" in said[2]
        (tmp_path / "person" / "answer.md").write_text("There were seven.")
        said = await account.octet("done", "T-1", "--code", code, "--file", "answer.md", "--wait", "0")
        assert said[0] == 75
        assert "is full" in said[2]
        assert "your text is still in answer.md" in said[2]
        assert octet.said("Traceback") == 0
        disk.grow(200)
        await until(lambda: is_ready(octet))
        assert (await octet.new("Now")).status_code == 201
        assert octet.said("store_unavailable") == 1
        assert octet.said("store_recovered") == 1
        said = await account.octet("done", "T-1", "--code", code, "--file", "answer.md")
        assert said[0] == 0, said
    assert (await account.octet("audit", "verify"))[0] == 0
    async with living(account) as octet:
        for number in range(len(kept)):
            shown = (await octet.http.get(f"/api/v2/tasks/T-{number + 2}")).json()["task"]
            assert shown["title"] in kept
        assert (await octet.http.get(f"/api/v2/tasks/T-{len(kept) + 2}")).json()["task"]["title"] == "Now"
        assert (await octet.http.get(f"/api/v2/tasks/T-{len(kept) + 3}")).status_code == 404


async def test_a_start_on_a_full_disk_is_one_sentence_and_75(tmp_path: Path, disk: Small) -> None:
    account = make_account(tmp_path)
    disk.fill()
    code, _, err = await account.octet("run")
    assert (code, len(err.strip().splitlines())) == (75, 1), err
    assert "is full" in err
    disk.grow(64)
    async with living(account) as octet:
        assert (await octet.new("Now")).status_code == 201


class Held(FakeLane):
    """Has pressed Enter, and tells how it ended when the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.tell = asyncio.Event(), asyncio.Event()

    async def _play(self, order: DeliveryRequest, progress: Progress, outcome: Outcome) -> Outcome:
        await progress.staging()
        await progress.staged(sha256=order.sha256)
        await progress.submitting()
        self.submitted.append(order.text)
        self.enter.set()
        await self.tell.wait()
        return ARRIVES


async def ask_for_ever(octet: Coordinator, brief: str) -> None:
    for _ in range(MANY):
        await octet.tasks.new(make_new_task(brief), by=ADA)


@pytest.mark.parametrize("has_reserve", [True, False])
async def test_how_a_delivery_ended_is_written_down_on_the_full_disk_by_the_room_kept_back_and_not_without(
    tmp_path: Path, disk: Small, monkeypatch: pytest.MonkeyPatch, *, has_reserve: bool
) -> None:
    if not has_reserve:  # the control: the same without it must not get it written
        monkeypatch.setattr("core.store.disk_reserve.Reserve.keep", lambda _self: None)
    monkeypatch.setattr("core.store.engine._PROBE_S", 0.02)
    monkeypatch.setattr("core.tasks.quarantine.STORE_PAUSE_S", 0.02)
    lane = Held()
    async with window_house(disk.place, lane) as octet, asyncio.timeout(60):
        await octet.tasks.new(make_new_task(), by=ADA)
        await lane.enter.wait()
        disk.fill()
        with pytest.raises(StoreFull):
            await ask_for_ever(octet, "x" * 20_000)
        # And no smaller thing either, so that what is left of the log is not what takes the outcome.
        with pytest.raises(StoreFull):
            await ask_for_ever(octet, "x")
        lane.tell.set()
        if has_reserve:
            await reach(octet, TaskId("T-1"), TaskState.WORKING)
            with pytest.raises(StoreFull):
                await octet.store.ping()
        else:
            for _ in range(20):
                with pytest.raises(StoreFull):
                    await octet.tasks.new(make_new_task("x"), by=ADA)
                await asyncio.sleep(0.02)  # new tasks between the tries to write the outcome down, each refused
            (delivery,) = await octet.deliveries.list_for_task("T-1")
            assert delivery.state is DeliveryState.SUBMITTING
        disk.grow(64)
        await reach(octet, TaskId("T-1"), TaskState.WORKING)
        (delivery,) = await octet.deliveries.list_for_task("T-1")
        assert delivery.state is DeliveryState.DELIVERED
        assert len([text for text in lane.submitted if "T-1 " in text]) == 1


async def test_files_that_become_write_protected_are_told_and_used_again_when_they_no_longer_are(
    tmp_path: Path,
) -> None:
    with cuttable(tmp_path, tmp_path / "home") as disk:
        account = make_account(tmp_path)
        async with living(account) as octet:
            assert (await octet.new("Count the birds")).status_code == 201
            await until_waiting(account, octet.run, "T-1")
            protected = [str(path) for path in disk.place.glob("octet.db*")]
            run("chattr", "+i", *protected)
            try:
                answer = await octet.new("Not now")
                assert answer.status_code == 503
                assert (await octet.ready())[0] == 503
                said = await account.octet("task", "new", "Nor now")
                assert (said[0], len(said[2].splitlines())) == (75, 1)
            finally:
                run("chattr", "-i", *protected)
            await until(lambda: is_ready(octet))
            assert (await octet.new("Now")).status_code == 201
            assert await octet.titles() == {"Count the birds", "Now"}
            assert octet.said("store_unavailable") == 1
        assert (await account.octet("audit", "verify"))[0] == 0
        disk.power_off()


async def test_a_start_on_a_disk_that_can_only_be_read_is_one_sentence_and_75(tmp_path: Path) -> None:
    with cuttable(tmp_path, tmp_path / "home") as disk:
        account = make_account(tmp_path)
        async with living(account) as octet:
            assert (await octet.new("Count the birds")).status_code == 201
        disk.power_off()
        disk.power_on("loop,ro")
        code, _, err = await account.octet("run")
        assert (code, len(err.strip().splitlines())) == (75, 1), err
        assert "Read-only" in err
        disk.power_off()
        disk.power_on()
        async with living(account) as octet:
            assert await octet.titles() == {"Count the birds"}
        disk.power_off()
