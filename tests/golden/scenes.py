"""The scenes of the tour: all commands, cards, threads, dialogs, buttons and errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import text

from core.agent_messages.model import NewAgentMessage
from core.agents.model import AgentState
from core.calibration.model import CalibrationOptions, CalibrationResult, CalibrationStep
from core.deliveries.model import Assurance, Moment, Outcome, Picture, PictureArea, Reason, Result
from core.desks.model import Arranged, DeskNow, DeskState, Shown, WindowNotSeen, WindowStatus
from core.dispatch.model import Decision
from core.fleet.model import Ping
from core.kit.errors import Conflict
from core.kit.problems import ConfigWrong, Problem
from core.maintenance.model import NotReloaded, Reloaded
from core.profiles.model import Act, Activity
from core.security.model import OPERATOR, Actor
from core.store.errors import StoreUnavailable
from core.tasks.model import TaskState
from tests.bot.discord.test_access import COMMANDS
from tests.bot.discord.test_unknown import png
from tests.bot.discord.town import Town, settings_for
from tests.builders import make_agent, make_learned, make_new_task, make_window_agent
from tests.fakes.calibrations import CONNECTED, FakeCalibrations, FakeReload
from tests.fakes.lane import bounced, refused
from tests.fakes.sandbox_client import wait_thread
from tests.golden.recording import Recording
from tests.golden.tour import Tour, board_is_shown, tour

Scene = Callable[[Path], Awaitable[Recording]]

SHOTS = (Picture(moment=Moment.STAGED, png=png("white")), Picture(moment=Moment.LAST_SEEN, png=png("black")))
UNKNOWN = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="the box is empty", pictures=SHOTS)
BLIND = Outcome(result=Result.UNKNOWN, reason=Reason.NOT_SEEN, note="the box is empty")
PRESSED = Outcome(result=Result.DELIVERED, assurance=Assurance.RECEIPT, note="the dialog is gone, the agent works")
CHANGED = Outcome(result=Result.REFUSED, reason=Reason.CHANGED, note="another dialog stands there")
ASKS = Shown(
    window="agent-1",
    activity=Activity.NEEDS_INPUT,
    answers=(Act.APPROVE, Act.DENY),
    text="Run this command?\nrm -rf build",
    mark="one",
    png=png("purple"),
)
_BIRDS = ("owls", "gulls", "wrens", "larks")
_LONG_AGO = text("UPDATE notices SET created_ms = 1000")
_SILENT = text("UPDATE tasks SET deadline_ms = 0 WHERE state = 'working'")
BUSY = Shown(window="agent-1", activity=Activity.BUSY)
ALLOWED = (
    make_agent("Dry-1"),
    make_window_agent("Window-1", window="agent-1", allowed_actions="interrupt approve deny continue new_chat"),
)
W1, DRY = "Window-1", "Dry-1"


async def commands(home: Path) -> Recording:
    """What Octet offers: each command with its options."""
    async with tour(home) as here:
        groups = await here.town.sandbox.commands()
        found = {f"{group['name']} {one['name']}": one for group in groups for one in group["options"]}
        for name, command in sorted(found.items()):
            here.record.command(name, command)
        return here.record


async def access(home: Path) -> Recording:
    """Who is refused, how the first owner is made, and what an error looks like that Octet did not expect."""
    async with tour(home, is_owned=False) as here:
        core = here.town.coordinator
        await here.slash("task list")
        code = str(core.people.claim_code())
        here.record.hidden[code] = "<claim code>"
        await here.slash("admin claim", code="guess")
        await here.slash("admin claim", code=code)
        await here.slash("admin claim", user="Ben", code=code)
        here.record.hidden[core.version] = "<version>"
        await here.slash("admin version")
        for command, options in COMMANDS:
            await here.slash(command, user="Ben", **options)
        await here.complete("task new", "agent", "", user="Ben", brief="x")

        async def write(_work: object, *, is_last_word: bool = False) -> None:
            raise StoreUnavailable(why="the disk is full")

        core.store.write = write  # pyright: ignore[reportAttributeAccessIssue] - a fault, put in by hand
        here.is_steady = False
        await here.slash("task new", brief="Count the birds")
        del core.store.write

        async def broken(**_: object) -> None:
            raise RuntimeError("secret")

        real = core.agents.list
        core.agents.list = broken  # pyright: ignore[reportAttributeAccessIssue] - a fault, put in by hand
        answer = await here.town.sandbox.slash("Ada", "#octet", "agent list")
        said = (await here.town.answered(answer))["content"]
        here.record.hidden[said.rstrip(".").split()[-1]] = "<error number>"
        core.agents.list = real  # pyright: ignore[reportAttributeAccessIssue] - as above
        here.record.say("Ada /agent list, and it breaks", here.record.plain(said))
        return here.record


async def dry_runs(home: Path) -> Recording:
    """Tasks for an agent without a window: made, shown, changed, answered, ended."""
    async with tour(home) as here:
        core = here.town.coordinator
        await here.slash("task list")
        await here.slash("task new", brief="Count the birds", agent=DRY, needs="python, docs", priority=1)
        await here.task("T-1", TaskState.WAITING)
        await here.slash("task show", task="T-1")
        await here.slash("task priority", task="t1", priority=0)
        await here.form("task new", {"brief": "Count the bees\n\n" + "in the garden " * 60}, agent=DRY)
        await here.task("T-2", TaskState.WAITING)
        await here.form("task new", {"brief": "ring \x07 the bell"}, agent=DRY)
        await here.slash("task new", agent="Nowhere")
        await here.slash("task new", brief="x" * 5000, agent=DRY)
        await here.task("T-3", TaskState.WAITING)
        await here.complete("task show", "task", "t-")
        await here.complete("task new", "agent", "dry", brief="x")
        await here.slash("task done", task="T-1", text="I counted: seven")
        await here.task("T-1", TaskState.DONE)
        card = await here.with_button("v1:task:cancel:T-2")
        await here.press(card, "v1:task:cancel", user="Ben")
        await here.press(card, "v1:task:cancel")
        await here.task("T-2", TaskState.CANCELLED)
        await here.slash("task list")
        await here.slash("task list", state="all")
        await here.slash("task list", state="ended")
        await here.slash("task cancel", task="T-2")
        await here.slash("task show", task="T-2")
        await core.tasks.new(make_new_task("From the command line " * 10, agent=DRY), by=OPERATOR)
        await here.task("T-4", TaskState.WAITING)
        await here.look()
        return here.record


async def window_tasks(home: Path) -> Recording:
    """Tasks for an agent with a window: delivered, told of, answered, late, failed, tried again, given to another."""
    async with tour(home) as here:
        town, core = here.town, here.town.coordinator
        shot = Picture(moment=Moment.STAGED, part=PictureArea.COMPOSER, png=b"\x89PNG\r\n\x1a\n")
        town.lane.script.append(
            Outcome(result=Result.DELIVERED, assurance=Assurance.WEAK, note="composer empty", pictures=(shot,))
        )
        await here.slash("task new", brief="Count the birds", agent=W1)
        await here.task("T-1", TaskState.WORKING)
        code = here.code()
        await core.tasks.record_progress("T-1", code, "*tests* are running @everyone")
        await here.slash("task show", task="T-1")
        await here.slash("agent show", agent=W1)
        await here.slash("task retry", task="T-1")
        await here.slash("task assign", task="T-1", agent=DRY)
        await core.tasks.accept_answer("T-1", code, "Four so far.", final=False, key="a")
        await here.told()
        await core.tasks.accept_answer("T-1", code, "Seven birds.\n- two owls", final=True, key="b")
        await here.task("T-1", TaskState.DONE)
        await here.slash("task show", task="T-1")
        try:
            await core.tasks.accept_answer("T-1", code, "One more.", final=True, key="c")
        except Conflict:
            await here.told()
        await here.slash("task new", brief="Count the bees", agent=W1)
        await here.task("T-2", TaskState.WORKING)
        await core.tasks.accept_answer("T-2", here.code(), "Bees:\n" + "a bee\n" * 900, final=True, key="d")
        await here.task("T-2", TaskState.DONE)
        town.lane.script.append(Outcome(result=Result.REFUSED, reason=Reason.TEXT_REFUSED))
        await here.slash("task new", brief="Count the cats", agent=W1)
        await here.task("T-3", TaskState.FAILED)
        await here.slash("task show", task="T-3")
        await here.slash("task retry", task="T-3")
        await here.task("T-3", TaskState.WORKING)
        await here.slash("task cancel", task="T-3")
        await here.task("T-3", TaskState.CANCELLED)
        await here.slash("task new", brief="Count the dogs", agent=DRY)
        await here.task("T-4", TaskState.WAITING)
        await here.slash("task assign", task="T-4", agent=W1)
        await here.task("T-4", TaskState.WORKING)
        await here.look()
        return here.record


async def waits(home: Path) -> Recording:
    """Why tasks wait: the window, the desk, the agent, the screen; and an agent that is silent."""
    async with tour(home) as here:
        town, core = here.town, here.town.coordinator
        town.lane.script.append(refused(Reason.COVERED, "by “Mail”"))
        await here.slash("task new", brief="List the files", agent=W1)
        await here.task("T-1", TaskState.WAITING)
        await here.slash("agent show", agent=W1)
        await here.slash("task show", task="T-1")
        await here.slash("task cancel", task="T-1")
        await core.dispatch.window_usable("main", "agent-1")
        await here.agent(W1, AgentState.IDLE)
        await here.slash("agent pause", agent="window-1")
        await here.slash("task new", brief="Sort the files", agent=W1)
        await here.task("T-2", TaskState.WAITING)
        await here.slash("agent list")
        await here.slash("agent resume", agent=W1)
        await here.task("T-2", TaskState.WORKING)
        await here.slash("agent drain", agent=W1)
        await here.slash("agent list")
        await here.slash("task done", task="T-2", text="Sorted")
        await here.agent(W1, AgentState.PAUSED)
        await here.slash("agent show", agent=W1)
        await here.slash("agent resume", agent=W1)
        await here.slash("desk hold")
        await here.slash("task new", brief="Print the files", agent=W1)
        await here.task("T-3", TaskState.WAITING)
        await here.slash("desk stop")
        await here.told()
        await here.slash("desk release", desk="main")
        await here.task("T-3", TaskState.WORKING)
        code = here.code()
        await core.tasks.record_progress("T-3", code, "printing")
        await core.store.write(
            lambda tx: tx.execute(text("UPDATE tasks SET deadline_ms = 0 WHERE state = 'working'")) and None
        )
        await core.dispatch.silence.check_all()
        await here.task("T-3", TaskState.PARKED)
        await here.slash("agent list")
        await here.slash("fleet needs-me")
        await here.slash("agent resume", agent=W1)
        await here.task("T-3", TaskState.WORKING)
        await here.slash("task cancel", task="T-3")
        await here.task("T-3", TaskState.CANCELLED)
        await here.look()
        return here.record


async def locked(home: Path) -> Recording:
    """A screen that is locked, and that is not any more."""
    async with tour(home) as here:
        here.town.lane.script.extend([bounced(Reason.LOCKED)] * 10_000)
        here.is_steady = False
        await here.slash("task new", brief="Count the birds", agent=W1)
        await here.until(lambda: _has_orders(here))
        await here.town.coordinator.dispatch.desk_locked("main", is_locked=True)
        await here.until(lambda: _says(here, "e0a800"))
        await here.look()
        await here.town.coordinator.dispatch.desk_locked("main", is_locked=False)
        await here.until(lambda: _says(here, "80848e"))
        here.town.lane.script.clear()
        await here.task("T-1", TaskState.WORKING)
        await here.look()
        return here.record


async def unknown(home: Path) -> Recording:
    """Nobody saw a prompt arrive: the question with its pictures, each answer to it, and what comes from elsewhere."""
    async with tour(home) as here:
        core = here.town.coordinator
        for number, kind in enumerate(("arrived", "again", "drop"), 1):
            await _ask_unknown(here, number)
            await here.slash("task show", task=f"T-{number}")
            await here.slash("task retry", task=f"T-{number}")
            await here.slash("agent show", agent=W1)
            message = await here.with_button(f"v1:unknown:{kind}")
            if number == 1:
                await here.slash("fleet needs-me")
                await here.look()
                await here.press(message, f"v1:unknown:{kind}", user="Ben")
            await here.press(message, f"v1:unknown:{kind}")
            await here.task(f"T-{number}", TaskState.CANCELLED if kind == "drop" else TaskState.WORKING)
            await here.press(message, f"v1:unknown:{kind}") if _has_buttons(await here.public(), message) else None
            if kind != "drop":
                await here.slash("task done", task=f"T-{number}", text="Seven")
                await here.task(f"T-{number}", TaskState.DONE)
        await _ask_unknown(here, 4, BLIND)
        await here.slash("task cancel", task="T-4")
        await here.task("T-4", TaskState.CANCELLED)
        await here.agent(W1, AgentState.IDLE)
        await _ask_unknown(here, 5)
        await core.tasks.accept_answer("T-5", here.code(), "Seven.", final=True, key="a")
        await here.task("T-5", TaskState.DONE)
        await _ask_unknown(here, 6)
        await core.unknowns.resolve("T-6", Decision.ARRIVED, by=OPERATOR)
        await here.task("T-6", TaskState.WORKING)
        await here.slash("task cancel", task="T-6")
        await here.task("T-6", TaskState.CANCELLED)
        await _ask_unknown(here, 7, BLIND)
        await here.look()
        return here.record


async def without_pictures(home: Path) -> Recording:
    """The same questions where pictures are switched off."""
    async with tour(home, agents=ALLOWED, change=lambda sandbox: settings_for(sandbox, pictures=False)) as here:
        await _ask_unknown(here, 1)
        await here.press(await here.with_button("v1:unknown:arrived"), "v1:unknown:arrived")
        await here.task("T-1", TaskState.WORKING)
        await here.town.coordinator.dispatch.window_shows("main", ASKS)
        await here.with_button("v1:press")
        await here.look()
        return here.record


async def messages(home: Path) -> Recording:
    """What people say to agents: in a thread, to one, to all; what waits, arrives, or may not have arrived."""
    async with tour(home) as here:
        town, core = here.town, here.town.coordinator
        await here.slash("msg send", text="Hello")
        await here.slash("msg send", text="Hello", agent="Nobody")
        await here.slash("msg send", text="Hello", task="T-9")
        await here.slash("msg send", text="Hello", agent="Nowhere")
        await here.slash("task new", brief="Count the birds", agent=W1)
        await here.task("T-1", TaskState.WORKING)
        thread = await wait_thread(town.sandbox, lambda one: one["name"].startswith("T-1"))
        await here.slash("msg send", where=thread["id"], text="Stop, @everyone")
        await here.told()
        town.lane.script.append(bounced(Reason.BUSY))
        await here.slash("msg send", text="Hello", agent=W1)
        await here.told()
        await here.look()
        await core.dispatch.window_usable("main", "agent-1")
        await here.told()
        await here.slash("msg send", text="long " * 780, agent=DRY)
        await here.slash("msg broadcast", text="Fire drill")
        await here.told()
        await here.slash("msg broadcast", text="For the shell", needs="shell")
        await here.told()
        for kind in ("arrived", "again", "drop"):
            town.lane.script.append(UNKNOWN)
            await here.slash("msg send", text=f"Say {kind}", agent=W1)
            message = await here.with_button(f"v1:unknown:{kind}")
            if kind == "arrived":
                await here.slash("msg send", text="Later", agent=W1)
                await here.slash("agent show", agent=W1)
                await here.slash("agent resume", agent=W1)
                await here.slash("fleet needs-me")
                await here.look()
            await here.press(message, f"v1:unknown:{kind}")
            await here.told()
        town.lane.script.append(BLIND)
        await here.slash("msg send", text="Do it", task="T-1")
        await here.with_button("v1:unknown")
        await here.slash("task cancel", task="T-1")
        await here.task("T-1", TaskState.CANCELLED)
        town.lane.script.append(refused(Reason.TEXT_REFUSED, "a bell"))
        await here.slash("msg send", text="Ring", agent=W1)
        await here.told()
        await core.agent_messages.send(NewAgentMessage(text="From the console", agent=DRY), by=OPERATOR)
        await here.look()
        return here.record


async def standstills(home: Path) -> Recording:
    """A window that waits: the dialog, each answer to it, and everything else that can become of it."""
    async with tour(home, agents=ALLOWED) as here:
        town, core = here.town, here.town.coordinator
        await here.slash("task new", brief="Count the birds", agent=W1)
        await here.task("T-1", TaskState.WORKING)
        shot = Picture(moment=Moment.AFTERWARDS, png=png("green"))
        for number, act in enumerate(("approve", "deny")):
            await core.dispatch.window_shows("main", replace(ASKS, mark=f"first {number}"))
            message = await here.with_button(f"v1:press:{act}")
            if number == 0:
                await here.look()
                await here.slash("fleet needs-me")
                await here.slash("agent list")
                for kind in ("v1:press:approve", "v1:press:deny", "v1:look"):
                    await here.press(message, kind, user="Ben")
                await here.press(message, "v1:look")
            town.lane.script.append(replace(PRESSED, pictures=(shot,)))
            await here.press(message, f"v1:press:{act}")
            await here.task("T-1", TaskState.WORKING)
            await core.dispatch.window_shows("main", BUSY)
            await here.told()
        await core.dispatch.window_shows("main", replace(ASKS, mark="two"))
        town.lane.script.append(CHANGED)
        town.hands.shown["agent-1"] = replace(ASKS, mark="three", text="Push to main?")
        await here.press(await here.with_button("v1:press:approve"), "v1:press:approve")
        await here.told()
        await core.dispatch.window_shows("main", BUSY)
        await here.told()
        await core.dispatch.window_shows("main", replace(ASKS, mark="four"))
        town.lane.script.append(BLIND)
        await here.press(await here.with_button("v1:press:approve"), "v1:press:approve")
        doubt = await here.with_button("v1:unknown:arrived")
        await here.slash("fleet needs-me")
        await here.look()
        await here.press(doubt, "v1:unknown:arrived")
        await here.told()
        for activity in (Activity.ERROR, Activity.LIMITED):
            await core.dispatch.window_shows("main", BUSY)
            await here.told()
            await core.dispatch.window_shows("main", replace(ASKS, activity=activity, answers=(Act.CONTINUE,)))
            await here.told()
            await here.slash("agent list")
            await here.look()
            town.lane.script.append(PRESSED)
            await here.slash("agent answer", agent=W1, answer="continue")
            await here.told()
        await core.dispatch.window_shows("main", BUSY)
        await here.told()
        await here.slash("agent answer", agent=W1, answer="approve")
        town.lane.script.append(PRESSED)
        await here.slash("agent interrupt", agent=W1)
        await here.slash("agent new-chat", agent=W1)
        await here.slash("agent interrupt", agent=DRY)
        await here.slash("task done", task="T-1", text="Seven")
        await core.dispatch.window_shows("main", replace(BUSY, activity=Activity.IDLE))
        await here.agent(W1, AgentState.IDLE)
        town.lane.script.append(PRESSED)
        await here.slash("agent new-chat", agent=W1)
        await here.told()
        town.lane.script.append(BLIND)
        await here.slash("agent interrupt", agent=W1)
        await here.press(await here.with_button("v1:unknown:drop"), "v1:unknown:drop")
        await here.told()
        await core.dispatch.window_shows("main", replace(ASKS, mark="five"))
        await here.told()
        await here.look()
        return here.record


async def not_allowed(home: Path) -> Recording:
    """Acts that the owner does not allow have no button."""
    agents = (make_agent(DRY), make_window_agent(W1, window="agent-1", allowed_actions="deny"))
    async with tour(home, agents=agents) as here:
        await here.slash("task new", brief="Count the birds", agent=W1)
        await here.task("T-1", TaskState.WORKING)
        await here.town.coordinator.dispatch.window_shows("main", ASKS)
        await here.with_button("v1:press:deny")
        await here.slash("agent interrupt", agent=W1)
        await here.look()
        return here.record


async def fleet(home: Path) -> Recording:
    """The fleet: its health, its live board, and what needs a person."""
    async with tour(home) as here:
        town, core = here.town, here.town.coordinator
        await here.slash("fleet health")
        await here.slash("fleet needs-me")
        await here.slash("fleet board")
        await board_is_shown(here)
        await here.look()
        await here.slash("task new", brief="Count the birds", agent=W1)
        await here.task("T-1", TaskState.WORKING)
        await here.slash("task new", brief="Count the bees", agent=W1)
        await here.slash("task new", brief="Count the cats", agent=DRY)
        await here.task("T-3", TaskState.WAITING)
        await board_is_shown(here)
        await here.look()
        await here.slash("agent pause", agent=DRY)
        town.lane.script.append(UNKNOWN)
        await here.slash("task done", task="T-1", text="Seven")
        await here.task("T-2", TaskState.PARKED)
        core.desks.worker_is("main", DeskNow(DeskState.UNAVAILABLE, Reason.NO_DISPLAY, "its display went away"))
        core.fleet.health.pinged(Ping(is_wanted=True, where="https://hc.example.org/…", note="status 500"))
        await here.slash("fleet health")
        await here.slash("fleet needs-me")
        await here.slash("agent list")
        await board_is_shown(here)
        await here.look()
        await here.press(await here.with_button("v1:fleet:board:remove"), "v1:fleet:board:remove", user="Ben")
        await here.press(await here.with_button("v1:fleet:board:remove"), "v1:fleet:board:remove")
        await here.slash("fleet board", remove=True)
        return here.record


async def desks(home: Path) -> Recording:
    """The desks: status, switches, pictures, trials, arranging, the doctor, what was learned, reloading."""
    async with tour(home) as here:
        town, core = here.town, here.town.coordinator
        await here.slash("desk status")
        await here.slash("desk hold", desk="main")
        await here.slash("desk stop")
        await here.slash("desk release")
        await here.slash("desk stop", desk="attic")
        await here.complete("desk stop", "desk", "MA")
        await here.slash("desk screenshot", agent=W1)
        await here.slash("desk screenshot", agent=DRY)
        await here.slash("desk screenshot", agent="Gone")
        await here.slash("desk screenshot", desk="main")
        await here.slash("desk screenshot")
        await here.slash("desk test")
        town.lane.script.append(refused(Reason.COMPOSER_NOT_EMPTY, "what stands there was left"))
        await here.slash("desk test", agent=W1)
        await here.slash("desk arrange", desk="main")
        town.hands.arranged = {"agent-1": Arranged(window="agent-1", done=("moved from 1,1 to 0,0",))}
        await here.slash("desk arrange", desk="main")
        town.hands.arranged = {"agent-1": Arranged(window="agent-1", reason=Reason.CLOSED)}
        await here.slash("desk arrange", desk="main")
        await here.slash("desk doctor")
        town.hands.windows = (WindowStatus(name="agent-1", usable=False, reason=Reason.COVERED),)
        await here.slash("desk status")
        await here.slash("desk doctor", desk="main")
        await here.slash("desk screenshot", agent=W1)
        await here.slash("admin reload")
        await here.slash("desk calibrate", desk="main")
        core.maintenance.reloads_by(FakeReload())
        await core.dispatch.window_learned(make_learned())
        await here.slash("desk status")
        await here.slash("desk forget", desk="main", window="agent-1")
        await here.slash("desk forget", desk="main", window="agent-1")
        (home / "learned/main.json").write_bytes(b"{")
        await here.slash("desk status")
        core.maintenance.reloads_by(_Files())
        for _ in range(3):
            await here.slash("admin reload")
        return here.record


async def displays(home: Path) -> Recording:
    """A desk with a display of its own can be seen whole, by the owner."""
    async with tour(home, is_virtual=True) as here:
        await here.slash("desk screenshot", desk="main")
        await here.slash("desk screenshot", user="Ben", desk="main")
        return here.record


async def calibration(home: Path) -> Recording:
    """Windows are connected by buttons, numbers and pictures."""
    async with tour(home) as here:
        here.town.coordinator.maintenance.reloads_by(FakeReload(), FakeCalibrations(here.town.home))
        asked = await here.slash("desk calibrate", desk="main")
        await here.press_and_fill(asked, "v1:calibrate:type", {"said": "the second"})
        pointed = await here.press_and_fill(asked, "v1:calibrate:type", {"said": "2=New"})
        await here.press(asked, "v1:calibrate:yes")
        await here.press_and_fill(pointed, "v1:calibrate:type", {"said": "99"})
        await here.press_and_fill(pointed, "v1:calibrate:type", {"said": "45"})
        again = await here.slash("desk calibrate", desk="main")
        await here.press(again, "v1:calibrate:no")
        await here.slash("desk calibrate", desk="attic")
        return here.record


async def blocked_windows(home: Path) -> Recording:
    """A window that cannot be used: its message, its button, and what became of it."""
    async with tour(home) as here:
        town, core = here.town, here.town.coordinator
        core.maintenance.reloads_by(FakeReload(), _FailsOnce(here))
        why = WindowStatus(name="agent-1", usable=False, reason=Reason.RESIZED, note="it is 1×1")
        await core.dispatch.window_seen("main", why)
        message = await here.with_button("v1:recalibrate")
        await here.look()
        needs = await here.slash("fleet needs-me")
        await here.press(message, "v1:recalibrate", user="Ben")
        await here.press(message, "v1:recalibrate")
        await here.told()
        await here.look()
        await here.press(needs, "v1:recalibrate")
        await here.told()
        covered = WindowStatus(name="agent-1", usable=False, reason=Reason.COVERED, note="by “My diary”")
        await core.dispatch.window_seen("main", covered)
        await here.with_button("v1:recalibrate")
        await here.slash("fleet needs-me")
        await here.look()
        del town
        return here.record


async def away(home: Path) -> Recording:
    """What Octet says after weeks without Discord: one summary of what ended, and the cards of what did not."""

    async def weeks(town: Town) -> None:
        core = town.coordinator
        made = [await core.tasks.new(make_new_task(f"Count {what}", agent=DRY), by=OPERATOR) for what in _BIRDS]
        for task in made[:-1]:
            await core.tasks.cancel(task.id, by=OPERATOR)
        await core.store.write(lambda tx: tx.execute(_LONG_AGO) and None)

    async with tour(home, before=weeks) as here:
        await here.look()
        return here.record


async def refusals(home: Path) -> Recording:
    """What cannot be accepted or is not there, family by family."""
    async with tour(home) as here:
        for prompt in (" ", "ring \x07 the bell"):
            await here.slash("task new", brief=prompt)
        for agent in ("Nobody-9", "@everyone", "Nowhere"):
            await here.slash("task new", brief="x", agent=agent)
        await here.slash("task new", brief="x", needs="cooking, python")
        for command in ("task show", "task cancel", "task retry"):
            for task in ("T-99", "birds"):
                await here.slash(command, task=task)
        await here.slash("task done", task="T-99", text="x")
        await here.slash("task priority", task="birds", priority=1)
        for command in ("agent show", "agent pause", "agent interrupt", "agent new-chat"):
            await here.slash(command, agent="Gone")
        await here.slash("agent answer", agent="Gone", answer="approve")
        await here.slash("task new", brief="Count the birds", agent=DRY, needs="python")
        await here.task("T-1", TaskState.WAITING)
        for agent in (W1, "Nobody", "Nowhere"):
            await here.slash("task assign", task="T-1", agent=agent)
        await here.slash("task cancel", task="T-1")
        await here.task("T-1", TaskState.CANCELLED)
        await here.slash("task priority", task="T-1", priority=1)
        await here.slash("task done", task="T-1", text="x")
        return here.record


SCENES: dict[str, Scene] = {
    one.__name__.replace("_", " "): one
    for one in (
        commands,
        access,
        dry_runs,
        window_tasks,
        waits,
        locked,
        unknown,
        without_pictures,
        messages,
        standstills,
        not_allowed,
        fleet,
        desks,
        displays,
        calibration,
        blocked_windows,
        away,
        refusals,
    )
}


class _Files:
    """Reloads whose results are three, in their order."""

    profiles = ()

    def __init__(self) -> None:
        self.answers: list[Reloaded | Exception] = [
            Reloaded(),
            Reloaded(agents=("New", "Old"), gone=("Old",), desks=("main",), restart=("[http] port",)),
            NotReloaded(ConfigWrong([Problem(file="config/agents.toml", line=7, text="there is no desk `attic`")])),
        ]

    async def __call__(self, *, by: Actor, desks: Collection[str] = ()) -> Reloaded:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class _FailsOnce(FakeCalibrations):
    """Calibrations of which the first finds no window, and the second makes it usable."""

    def __init__(self, here: Tour) -> None:
        super().__init__(here.town.home)
        self._here = here
        self._fails = True

    async def start(self, desk: str, options: CalibrationOptions | None = None, *, by: Actor) -> CalibrationStep:
        assert options is not None
        if self._fails:
            self._fails = False
            raise WindowNotSeen(id=options.only, why="no window has its class and title")
        usable = WindowStatus(name="agent-1", usable=True)
        await self._here.town.coordinator.dispatch.window_seen(desk, usable)
        return CalibrationStep(number=1, now=CalibrationResult(desk=desk, connected=(CONNECTED,)), lines=())


async def _ask_unknown(here: Tour, number: int, outcome: Outcome = UNKNOWN) -> None:
    """Give Window-1 a task whose prompt nobody sees arrive."""
    here.town.lane.script.append(outcome)
    await here.slash("task new", brief=f"Count the birds of garden {number}", agent=W1)
    await here.task(f"T-{number}", TaskState.PARKED)


async def _has_orders(here: Tour) -> bool:
    return bool(here.town.lane.orders)


async def _says(here: Tour, colour: str) -> bool:
    return any(part.get("accent_color") == int(colour, 16) for one in await here.public() for part in one["components"])


def _has_buttons(shown: list[Any], message: Any) -> bool:
    return any(one["id"] == message["id"] and "custom_id" in str(one["components"]) for one in shown)
