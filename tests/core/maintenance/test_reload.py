"""config/ read anew while Octet runs: whole or not at all, and nothing under way is lost."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.app import work_tools
from core.agents.model import Route
from core.calibration.model import FoundPane
from core.config.loader import Config, load
from core.coordinator import Coordinator
from core.deliveries.model import DeliveryId, DeliveryState
from core.deliveries.ports import LanePort
from core.desks.model import DeskMode, DeskNow, DeskState, DeskUnavailable
from core.dispatch import delivery_worker
from core.home import Home
from core.journal.model import Event
from core.kit.supervise import supervise
from core.maintenance.model import ConfigReloaded, NotReloaded, Reloaded
from core.profiles.model import Box
from core.reasons import Reason
from core.security.model import NotAllowed
from core.settings.model import CommandGroup
from core.store.engine import Tx
from core.store.errors import StoreLocked, StoreUnavailable
from core.tasks import quarantine
from core.tasks.model import TaskId, TaskState
from tests.builders import ADA, CAROL, entries_of, make_new_task, refuses
from tests.fakes.desk_worker import FakeDeskWorker
from tests.fakes.display_probe import FakeDisplayProbe
from tests.fakes.lane import FakeLane

PROFILES = Path(__file__).parents[3] / "config/profiles"
PROFILE = (PROFILES / "demo_tk.toml").read_text("utf-8")


def agent(name: str, desk: str = "", window: str = "") -> str:
    lane = f'lane = "window"\ndesk = "{desk}"\nwindow = "{window}"' if desk else 'lane = "dryrun"'
    return f'[[agents]]\nname = "{name}"\nrole = "works"\ncapabilities = ["code"]\n{lane}\n\n'


def desk(number: int, *windows: str) -> str:
    head = f'display = ":{number}"\n\n'
    return head + "".join(
        f'[[windows]]\nname = "{name}"\nprofile = "demo_tk"\ntitle = "{name}"\n'
        f"box = {{ x = {400 * place}, y = 0, width = 386, height = 413 }}\n\n"
        for place, name in enumerate(windows)
    )


@dataclass
class FakeDeskWorkers:
    """Workers that only remember, one lane for each desk."""

    config: Config
    workers: dict[str, FakeDeskWorker] = field(default_factory=dict[str, FakeDeskWorker])
    by_desk: dict[str, FakeLane] = field(default_factory=dict[str, FakeLane])
    replaced: list[list[str]] = field(default_factory=list[list[str]])
    starts: int = 0
    drawn_by: list[threading.Thread] = field(default_factory=list[threading.Thread])
    probes: dict[str, FakeDisplayProbe] = field(default_factory=dict[str, FakeDisplayProbe])

    def __post_init__(self) -> None:
        self._make(self.config, self._used(self.config))

    def desks_to_restart(self, config: Config) -> frozenset[str]:
        before = {one.name: (one, config.profiles) for one in self.config.desks if one.name in self.workers}
        now = {one.name: (one, config.profiles) for one in config.desks if one.name in self._used(config)}
        return frozenset(name for name in {*before, *now} if before.get(name) != now.get(name))

    async def replace(self, config: Config, desks: Collection[str]) -> None:
        self.replaced.append(sorted(desks))
        for name in desks:
            assert not self.by_desk[name].under_way if name in self.by_desk else True
            self.workers.pop(name, None)
            self.by_desk.pop(name, None)
        self._make(config, [name for name in desks if name in self._used(config)])
        self.config = config

    def start_missing(self) -> None:
        self.starts += 1

    def probe(self, desk: str) -> FakeDisplayProbe:
        return self.probes[desk]

    def number_places(self, png: bytes, part: Box | None, places: Mapping[int, Box]) -> bytes:
        assert png.startswith(b"\x89PNG")
        self.drawn_by.append(threading.current_thread())
        return f"numbered {','.join(map(str, places))} of {part}".encode()

    def lanes(self, config: Config) -> Mapping[Route, LanePort]:
        return {
            (one.lane, one.desk): self.by_desk.get(one.desk or "", self.by_desk["dry"])
            for one in config.agents
            if one.desk is None or one.desk in self.by_desk
        }

    def _make(self, config: Config, desks: Collection[str]) -> None:
        del config
        self.by_desk.setdefault("dry", FakeLane())
        for name in desks:
            self.workers[name], self.by_desk[name] = FakeDeskWorker(name), FakeLane()

    def _used(self, config: Config) -> set[str]:
        return {one.desk for one in config.agents if one.desk}


@dataclass
class Place:
    """A home's files, and the coordinator that works by them."""

    root: Path
    octet: Coordinator
    workers: FakeDeskWorkers

    def write(self, name: str, text: str) -> None:
        write(self.root, name, text)

    async def up(self, name: str) -> None:
        await self.octet.dispatch.desk_changed(name, DeskNow(DeskState.READY))

    async def until(self, task: str, state: TaskState, reason: str | None = None) -> None:
        """Until the task is there, within a minute."""
        news = asyncio.Event()
        self.octet.journal.listen(Event, lambda _: news.set())
        async with asyncio.timeout(60):
            while True:
                found = (await self.octet.tasks.show(TaskId(task), by=ADA)).task
                if found.state is state and reason in {None, found.reason}:
                    return
                await news.wait()
                news.clear()


def write(root: Path, name: str, text: str) -> None:
    path = root / "config" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@asynccontextmanager
async def place(root: Path) -> AsyncGenerator[Place]:
    """Two desks with a window each, and dispatch at work."""
    write(root, "octet.toml", "")
    write(root, "profiles/demo_tk.toml", PROFILE)
    write(root, "desks/one.toml", desk(1, "left", "right"))
    write(root, "desks/two.toml", desk(2, "other"))
    write(root, "agents.toml", agent("A", "one", "left") + agent("B", "two", "other"))
    config = load(Home(root=root))
    workers = FakeDeskWorkers(config)
    async with Coordinator.open(config, workers, work_tools(config.home)) as octet, asyncio.TaskGroup() as group:
        dispatch = supervise(group, "dispatch", octet.dispatch.run())
        there = Place(root=root, octet=octet, workers=workers)
        for name in ("one", "two"):
            await there.up(name)
        yield there
        dispatch.cancel()


async def test_what_is_as_before_changes_nothing(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        assert (await at.octet.maintenance.reload(by=ADA)).is_nothing
        assert at.workers.replaced == []
        assert await entries_of(at.octet.journal, "config:home") == ()


async def test_a_group_of_commands_is_switched_in_the_file_and_at_once(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        switch = at.octet.configuration.switch_group
        assert (await switch(CommandGroup.DESK, is_on=True, by=ADA)).groups == ("desk",)
        (entry,) = await entries_of(at.octet.journal, "config:home")
        assert (entry.actor, entry.data["groups"]) == (ADA.id, ["desk"])
        assert at.octet.configuration.command_groups == {CommandGroup.DESK}
        assert (await switch(CommandGroup.DESK, is_on=True, by=ADA)).is_nothing
        assert 'groups = ["desk"]' in (tmp_path / "config/octet.toml").read_text("utf-8")
        reloaded = await switch(CommandGroup.DESK, is_on=False, by=ADA)
        assert (reloaded.groups, reloaded.restart) == (("desk",), ())
        assert at.octet.configuration.command_groups == set()


async def test_what_is_wrong_is_refused_with_every_line_and_nothing_changes(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        at.write("agents.toml", agent("A", "one", "left") + agent("New", "attic", "left"))
        at.write("desks/two.toml", "display = 7\n")
        with pytest.raises(NotReloaded) as refused:
            await at.octet.maintenance.reload(by=ADA)
        assert [line.partition(":")[0] for line in refused.value.lines] == [
            "config/agents.toml",
            "config/desks/two.toml",
        ]
        assert refused.value.message.count("\n") == 2
        assert [one.agent.name for one in await at.octet.agents.list(by=ADA)] == ["A", "B"]
        assert at.workers.replaced == []


async def test_a_new_agent_at_a_new_window_gets_tasks(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        at.write("agents.toml", agent("A", "one", "left") + agent("B", "two", "other") + agent("C", "one", "right"))
        reloaded = await at.octet.maintenance.reload(by=ADA)
        assert (reloaded.agents, reloaded.gone, reloaded.desks) == (("C",), (), ())
        await at.octet.tasks.new(make_new_task(agent="C"), by=ADA)
        await at.until("T-1", TaskState.WORKING)
        (entry,) = await entries_of(at.octet.journal, "config:home")
        assert (entry.name, entry.actor, entry.data["agents"]) == ("ConfigReloaded", ADA.id, ["C"])
        assert at.workers.replaced == [[]]


async def test_what_waited_for_an_agent_that_is_gone_goes_to_others_or_says_why(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        await at.octet.dispatch.desk_changed("one", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "gone"))
        await at.octet.tasks.new(make_new_task(agent="A"), by=ADA)
        await at.until("T-1", TaskState.WAITING)
        at.write("agents.toml", agent("B", "two", "other"))
        reloaded = await at.octet.maintenance.reload(by=ADA)
        assert (reloaded.gone, reloaded.desks) == (("A",), ("one",))
        with refuses("agent_not_found"):
            at.octet.agents.get("A")
        await at.until("T-1", TaskState.WAITING, "agent")
        await at.octet.tasks.assign_to(TaskId("T-1"), "B", by=ADA)
        await at.until("T-1", TaskState.WORKING)


async def test_a_delivery_under_way_ends_before_its_desk_is_another(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        lane = at.workers.by_desk["one"]
        lane.gate.clear()
        await at.octet.tasks.new(make_new_task(agent="A"), by=ADA)
        async with asyncio.timeout(60):
            await lane.began.wait()
        at.write("desks/one.toml", desk(1, "left"))
        async with asyncio.TaskGroup() as group:
            reload = group.create_task(at.octet.maintenance.reload(by=ADA))
            await at.octet.tasks.new(make_new_task(agent="B"), by=ADA)
            await at.until("T-2", TaskState.WORKING)  # the other desk goes on meanwhile
            assert not reload.done()
            assert at.workers.replaced == []
            lane.gate.set()
        assert reload.result().desks == ("one",)
        assert (await at.octet.tasks.show(TaskId("T-1"), by=ADA)).task.state is TaskState.WORKING
        assert lane.submitted != []


async def test_one_that_does_not_end_is_given_up_before_enter_and_brought_by_the_new_hands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_worker, "ENDS_WITHIN_S", 0.05)
    async with place(tmp_path) as at:
        lane = at.workers.by_desk["one"]
        lane.gate.clear()
        await at.octet.tasks.new(make_new_task(agent="A"), by=ADA)
        async with asyncio.timeout(60):
            await lane.began.wait()
        at.write("desks/one.toml", desk(1, "left"))
        await at.octet.maintenance.reload(by=ADA)
        assert (len(lane.stopped), lane.submitted) == (1, [])
        (delivery,) = await at.octet.deliveries.list_for_task("T-1")
        assert delivery.state is DeliveryState.QUEUED
        await at.up("one")
        await at.until("T-1", TaskState.WORKING)
        assert len(at.workers.by_desk["one"].submitted) == 1


async def test_a_store_that_refuses_changes_nothing_and_all_work_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.store.engine._BUSY_MS", 1)
    monkeypatch.setattr("core.store.engine._PROBE_S", 0.02)
    async with place(tmp_path) as at:
        at.write("desks/one.toml", desk(1, "left"))
        with closing(sqlite3.connect(tmp_path / "octet.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable):
                await at.octet.maintenance.reload(by=ADA)
            other.execute("ROLLBACK")
        assert at.workers.replaced == []
        await at.octet.tasks.new(make_new_task(agent="A"), by=ADA)
        await at.until("T-1", TaskState.WORKING)
        assert (await at.octet.maintenance.reload(by=ADA)).desks == ("one",)


async def test_a_lane_that_cannot_be_told_to_stop_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_worker, "ENDS_WITHIN_S", 0.05)
    async with place(tmp_path) as at:
        lane = at.workers.by_desk["one"]
        lane.gate.clear()
        was_asked = asyncio.Event()

        async def gone(_: DeliveryId, *, answered: bool = False) -> None:
            was_asked.set()
            raise DeskUnavailable("one", Reason.WORKER_LOST)

        lane.give_up = gone  # pyright: ignore[reportAttributeAccessIssue] - a lane of its own
        await at.octet.tasks.new(make_new_task(agent="A"), by=ADA)
        async with asyncio.timeout(60):
            await lane.began.wait()
        at.write("desks/one.toml", desk(1, "left"))
        async with asyncio.TaskGroup() as group:
            reload = group.create_task(at.octet.maintenance.reload(by=ADA))
            async with asyncio.timeout(60):
                await was_asked.wait()
            lane.gate.set()
        assert reload.result().desks == ("one",)
        assert len(lane.submitted) == 1


async def test_dispatch_goes_on_at_any_moment_while_an_agent_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with place(tmp_path) as at:
        await at.octet.desks.hold("two", by=ADA)
        is_told, may_go_on = asyncio.Event(), asyncio.Event()

        async def slow(_: FakeDeskWorker, _mode: DeskMode) -> None:
            is_told.set()
            await may_go_on.wait()

        monkeypatch.setattr(FakeDeskWorker, "set_mode", slow)
        at.write("agents.toml", agent("B", "two", "other"))
        at.write("desks/two.toml", desk(2, "other", "more"))
        async with asyncio.TaskGroup() as group:
            reload = group.create_task(at.octet.maintenance.reload(by=ADA))
            async with asyncio.timeout(60):
                await is_told.wait()
            await at.octet.store.write(at.octet.dispatch.assigner.assign_ready)
            may_go_on.set()
        assert reload.result().gone == ("A",)


async def test_what_was_taken_over_is_not_told_as_refused_when_the_journal_must_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "STORE_PAUSE_S", 0.01)
    async with place(tmp_path) as at:
        append, refusals = at.octet.journal.append, [StoreLocked(why="another program")]

        def once_refused(tx: Tx, event: Event, *, by: str) -> None:
            if isinstance(event, ConfigReloaded) and refusals:
                raise refusals.pop()
            append(tx, event, by=by)

        monkeypatch.setattr(at.octet.journal, "append", once_refused)
        at.write("desks/one.toml", desk(1, "left"))
        assert (await at.octet.maintenance.reload(by=ADA)).desks == ("one",)
        assert [entry.name for entry in await entries_of(at.octet.journal, "config:home")] == ["ConfigReloaded"]


async def test_an_agent_that_moved_to_another_window_gets_what_was_queued_for_it_there(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        for name in ("one", "two"):
            await at.octet.desks.hold(name, by=ADA)
        await at.octet.tasks.new(make_new_task(agent="A"), by=ADA)
        at.write("agents.toml", agent("A", "two", "other"))
        reloaded = await at.octet.maintenance.reload(by=ADA)
        assert (reloaded.agents, reloaded.gone) == (("A", "B"), ("B",))
        assert at.octet.desks.state("two")[0] is DeskState.HELD, "what people want of a desk stays"
        await at.octet.desks.release("two", by=ADA)
        await at.until("T-1", TaskState.WORKING)
        assert len(at.workers.by_desk["two"].submitted) == 1


async def test_an_agent_that_moves_while_a_prompt_is_queued_for_it_is_free_for_the_prompt_at_its_new_window(
    tmp_path: Path,
) -> None:
    async with place(tmp_path) as at:
        for name in ("one", "two"):
            await at.octet.dispatch.desk_waits(name, Reason.PERSON_TYPING)
        await at.octet.tasks.new(make_new_task(agent="A"), by=ADA)
        await at.until("T-1", TaskState.ASSIGNED)
        at.write("agents.toml", agent("A", "two", "other"))
        await at.octet.maintenance.reload(by=ADA)
        states = [entry.data["now"] for entry in await entries_of(at.octet.journal, "agent:A")]
        assert states[states.index("busy") + 1] == "idle"
        await at.octet.dispatch.desk_waits("two", None)
        await at.until("T-1", TaskState.WORKING)
        assert len(at.workers.by_desk["two"].submitted) == 1


async def test_new_hands_know_what_people_want_of_their_desk(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        await at.octet.desks.stop("one", by=ADA)
        at.write("desks/one.toml", desk(1, "left"))
        await at.octet.maintenance.reload(by=ADA)
        assert at.workers.workers["one"].told == ["stopped"]
        assert at.workers.starts == 1
        assert at.octet.desks.state("one")[0] is DeskState.STARTING


async def test_a_desk_whose_anchors_were_cut_anew_begins_anew(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        reloaded = await at.octet.maintenance.reload(by=ADA, desks=["two"])
        assert (reloaded.desks, at.workers.replaced) == (("two",), [["two"]])


async def test_a_desk_that_is_gone_is_not_known_any_more(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        at.write("agents.toml", agent("B", "two", "other") + agent("Dry"))
        (tmp_path / "config/desks/one.toml").unlink()
        await at.octet.maintenance.reload(by=ADA)
        with refuses("desk_not_found"):
            at.octet.desks.find("one")
        await at.octet.tasks.new(make_new_task(agent="Dry"), by=ADA)
        await at.until("T-1", TaskState.WORKING)


async def test_settings_that_need_a_restart_are_named(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        at.write("octet.toml", "[http]\nport = 1234\n[dispatch]\nretry_window_s = 5.0\n")
        reloaded = await at.octet.maintenance.reload(by=ADA)
        assert reloaded.restart == ("[http] port", "[dispatch] retry_window_s")
        assert (await at.octet.maintenance.reload(by=ADA)).is_nothing


async def test_what_a_reload_would_change_is_shown_and_nothing_changes(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        found = await at.octet.configuration.show(by=ADA)
        assert found.change == Reloaded()
        assert {one.name for one in found.items} >= {"[http] port", "OCTET_DISCORD_TOKEN", "A", "one"}
        at.write("octet.toml", "[http]\nport = 1234\n")
        for _ in range(2):
            found = await at.octet.configuration.show(by=ADA)
            assert found.change == Reloaded(restart=("[http] port",))
        at.write("octet.toml", "[http]\nport = 70000\n")
        found = await at.octet.configuration.show(by=ADA)
        assert found.change is None
        assert [one.partition(": ")[0] for one in found.problems] == ["config/octet.toml:2"]
        with pytest.raises(NotAllowed):
            await at.octet.configuration.show(by=CAROL)


async def test_only_admins_and_up_may(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        await at.octet.agents.list(by=ADA)
        with pytest.raises(NotAllowed):
            await at.octet.maintenance.reload(by=CAROL)


async def test_agents_are_added_changed_and_removed_in_their_file_and_its_comments_stay(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        file = tmp_path / "config/agents.toml"
        file.write_text(f"# mine\n{file.read_text()}# the end\n")
        agents = at.octet.maintenance.agents
        values = {"about": "writes", "capabilities": ["go"], "lane": "dryrun", "desk": None}
        assert (await agents.add("New", values, by=ADA)).agents == ("New",)
        await agents.set_capabilities("new", frozenset({"go", "python:3"}), by=ADA)
        assert at.octet.agents.get("New").levels == {"go": 1, "python": 3, "job:worker": 1}
        text = file.read_text()
        assert text.startswith("# mine\n")
        assert "# the end\n" in text
        before = text
        with pytest.raises(NotReloaded):
            await agents.add("New", values, by=ADA)
        with pytest.raises(NotAllowed):
            await agents.remove("New", by=CAROL)
        with refuses("agent_not_found"):
            await agents.remove("Other", by=ADA)
        assert file.read_text() == before
        assert (await agents.remove("New", by=ADA)).gone == ("New",)
        assert '"New"' not in file.read_text()
        assert "# mine\n" in file.read_text()
        known = next(iter(await at.octet.agents.list(by=ADA))).agent.name
        file.write_text("")
        with refuses("agent_not_found"):  # an editor removed the agent, and Octet has not read that yet
            async with asyncio.timeout(60):
                await agents.remove(known, by=ADA)
        with refuses("agent_not_found"):
            at.octet.agents.get("New")


async def test_windows_that_look_like_agents_are_proposed_to_the_owner_and_nothing_changes(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        await at.octet.agents.list(by=ADA)  # dispatch has begun
        name = next(iter(at.workers.workers))
        await at.up(name)
        at.workers.probes = {one: FakeDisplayProbe() for one in at.workers.workers} | {
            name: FakeDisplayProbe("OctetChat", "Unknown")
        }
        before = (tmp_path / "config/agents.toml").read_text()
        found = await at.octet.maintenance.calibrate.discover(by=ADA)
        assert [(one.desk, one.title, one.profile) for one in found] == [(name, "chat — apollo", "demo_tk")]
        assert (tmp_path / "config/agents.toml").read_text() == before
        with pytest.raises(NotAllowed):
            await at.octet.maintenance.calibrate.discover(by=CAROL)


async def test_a_pane_that_looks_like_an_agent_is_proposed_and_a_user_adds_it_with_its_agent(tmp_path: Path) -> None:
    shutil.copytree(PROFILES, tmp_path / "config/profiles")
    window = '[[windows]]\nname = "first"\nprofile = "codex"\npane = "work:0.0"\n'
    write(tmp_path, "desks/panes.toml", f'[tmux]\nsocket = "/tmp/mine"\n\n# mine\n{window}')
    async with place(tmp_path) as at:
        agents, file = at.octet.maintenance.agents, tmp_path / "config/desks/panes.toml"
        values = {"about": "writes", "capabilities": [], "lane": "terminal", "desk": "panes"}
        await agents.add("C", {**values, "window": "first"}, by=ADA)
        await at.up("panes")
        looks = [
            ("✳ Claude Code", "node", ("gemini_cli",)),
            ("apollo", "claude", ()),
            ("apollo", "python3", ("generic_terminal", "codex")),
            ("apollo", "python3", ("generic_terminal",)),
            ("apollo", "vim", ()),
        ]
        probe = FakeDisplayProbe()
        probe.found_panes = tuple(
            FoundPane(place=f"work:{number}.0", title=title, program=program, fits=fits)
            for number, (title, program, fits) in enumerate(looks, start=1)
        )
        at.workers.probes = {"panes": probe, "one": FakeDisplayProbe("X"), "two": FakeDisplayProbe("X")}
        found = await at.octet.maintenance.calibrate.discover(by=ADA)
        assert [(one.desk, one.pane, one.profile) for one in found] == [
            ("panes", "work:1.0", "claude_code"),
            ("panes", "work:2.0", "claude_code"),
            ("panes", "work:3.0", "codex"),
        ]
        before = file.read_text()
        for error, wrong, profile, by in (
            ("incomplete_pane", {**values, "desk": None}, "codex", ADA),
            ("incomplete_pane", values, None, ADA),
            ("desk_not_found", {**values, "desk": "../x"}, "codex", ADA),
            ("not_reloaded", values, "none", ADA),
            ("not_allowed", values, "codex", CAROL),
        ):
            with refuses(error):
                await agents.add("New", wrong, pane="work:1.0", profile=profile, by=by)
        assert file.read_text() == before
        added = await agents.add("New", values, pane="work:1.0", profile=found[0].profile, by=ADA)
        assert added.agents == ("New",)
        assert file.read_text().startswith(before)
        new = at.octet.desks.find("panes").windows[-1]
        assert (new.name, new.profile, new.pane and new.pane.target) == ("new", "claude_code", "work:1.0")
