"""Prompts into panes of tmux, with a real server, a real agent program and a real worker."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from automation.desktop.worker.connection import WorkerTimeouts
from automation.terminal import programs
from automation.terminal.panes import TAG
from core.deliveries.model import Assurance, DeliveryRequest, Outcome, PictureArea, Reason, Result
from core.desks.model import DeskState, Pane, UserActivityPolicy, Window
from core.kit import faults
from core.profiles.model import Act, Activity, Box, PaneReadback, Press
from tests.fakes.desk import Commits, Leftovers, News, RunningDesk, deliver, make_order, running
from tests.fakes.panes import CLI, SCRIPT, Terminals, terminals

pytestmark = pytest.mark.contract
TEXT = "\n".join(
    [
        "[D2A] hub → Agent-1 · task T-1 · P1",
        "",
        "    indented by four, and far too long for a pane of this width: " + "word " * 60,
        "> quoted; with a semicolon;",
        "漢字 and Ω, ‘quotes’ $HOME `ls` \\n #{pane_id} %0",
        "/slash !bang",
    ]
)
BEFORE_ENTER = (
    "worker.held",
    "worker.pasted",
    "worker.staged-granted",
)
"""Enter was not asked for: what stands there is cleared by the next worker."""
SOON = WorkerTimeouts(first_pause_s=0.05, silence_s=60.0, obey_s=30.0)


@dataclass(slots=True)
class Scene:
    there: Terminals
    desk: RunningDesk
    leftovers: Leftovers
    faults: Path
    commits: Commits = field(default_factory=Commits)

    @property
    def heard(self) -> list[str]:
        return self.there.heard("agent-1")

    def order(self, text: str = TEXT, *, fence: int = 1) -> DeliveryRequest:
        return make_order("agent-1", text, fence=fence)

    async def deliver(self, text: str = TEXT, *, about: Collection[Reason] = ()) -> Outcome:
        return await deliver(self.desk.lane, self.order(text), self.commits, about=about)

    async def act(self, order: DeliveryRequest) -> Outcome:
        return await deliver(self.desk.lane, order, self.commits)

    async def until_usable(self) -> None:
        self.desk.news.usable.clear()
        await self.desk.news.until(lambda: "agent-1" in self.desk.news.usable)

    async def killed_at(self, point: str, text: str = TEXT) -> Outcome:
        if point in BEFORE_ENTER:
            self.leftovers.commits["agent-1"] = self.commits
        (self.faults / point).write_text("kill")
        outcome = await self.deliver(text)
        assert not (self.faults / point).exists(), f"nobody came by {point}"
        return outcome

    async def is_back(self, times: int = 2) -> None:
        await self.desk.news.until(lambda: [one.state for one in self.desk.news.states].count(DeskState.READY) >= times)

    async def drafted(self) -> str | None:
        look = await asyncio.to_thread(self.there.panes().look, "agent-1")
        return look.view.composer

    def tmux(self, *words: str) -> list[str]:
        return self.there.tmux.ask(list(words))

    @property
    def pane(self) -> str:
        return self.there.panes().find("agent-1")


@asynccontextmanager
async def scene(
    folder: Path,
    *options: str,
    idle_s: float = 0.0,
    confirm_timeout_ms: int = CLI.confirm_timeout_ms,
    idle_ms: int = CLI.idle_ms,
    acts: Mapping[Act, Press] = CLI.acts,
    **terminal: object,
) -> AsyncIterator[Scene]:
    """One agent in a pane, and hands that have seen that it can be used."""
    points = folder / "points"
    points.mkdir(mode=0o700, parents=True)
    with (
        faults.armed_with(points),
        terminals(
            folder / "panes", confirm_timeout_ms=confirm_timeout_ms, idle_ms=idle_ms, acts=acts, **terminal
        ) as there,
    ):
        there.add("agent-1", *options)
        news, leftovers = News(), Leftovers()
        client = there.client(news, limits=SOON, leftovers=leftovers, user_activity=UserActivityPolicy(idle_s=idle_s))
        async with running(client, news) as desk:
            await news.until(lambda: "agent-1" in news.usable)
            yield Scene(there=there, desk=desk, leftovers=leftovers, faults=points)


async def test_a_text_of_several_lines_arrives_whole_with_its_receipt(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        outcome = await on.deliver()
        assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.EXACT), outcome
        assert on.heard == [TEXT]
        assert outcome.evidence is not None
        assert (outcome.evidence.readback, outcome.evidence.normalise) == (PaneReadback.SCREEN, "blanks")
        assert outcome.evidence.hand is not None
        assert outcome.evidence.hand.path == "terminal"
        assert {picture.part for picture in outcome.pictures} == {PictureArea.COMPOSER}
        assert len(outcome.pictures) == 2, "before Enter, and after it"
        assert on.tmux("list-buffers") == [], "no buffer of ours is left"
        state = on.there.panes().look("agent-1").state
        assert (state.is_off, state.hold) == (False, ""), "the pane is everybody's again"


async def test_a_pane_in_copy_mode_bounces_and_takes_nothing(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        on.tmux("copy-mode", "-t", on.pane)
        outcome = await on.deliver()
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.COVERED), outcome
        assert on.commits.steps == []
        on.tmux("send-keys", "-t", on.pane, "-X", "cancel")
        await on.until_usable()
        assert (await on.deliver()).result is Result.DELIVERED
        assert on.heard == [TEXT]


@pytest.mark.parametrize(
    ("step", "trouble"),
    [
        ("staging", "copy"),
        ("submitting", "copy"),
        ("staging", "resize"),
        ("submitting", "resize"),
        ("staged", "sync"),
        ("submitting", "gone"),
    ],
)
async def test_whatever_comes_between_the_steps_nothing_arrives_twice_or_elsewhere(
    tmp_path: Path, step: str, trouble: str
) -> None:
    async with scene(tmp_path) as on:
        pane = on.pane
        words = {
            "copy": ["copy-mode", "-t", pane],
            "resize": ["resize-window", "-t", pane, "-x", "61", "-y", "17"],
            "sync": ["set-option", "-p", "-t", pane, "synchronize-panes", "on"],
            "gone": ["respawn-pane", "-k", "-t", pane, "--", "env", "cat"],
        }[trouble]

        async def happen() -> None:
            on.commits.when.clear()
            await asyncio.to_thread(on.tmux, *words)

        on.commits.when[step] = happen
        outcome = await on.deliver("\n".join(["a line of several words"] * 4))
        while trouble == "resize" and outcome.result in {Result.BOUNCED, Result.NOT_ARRIVED}:
            assert on.heard == []  # its program drew itself anew just before the key, which was not pressed then
            outcome = await on.deliver("\n".join(["a line of several words"] * 4))
        if outcome.result is Result.DELIVERED:
            assert on.heard == ["\n".join(["a line of several words"] * 4)]
        else:
            assert outcome.result in {Result.BOUNCED, Result.REFUSED, Result.NOT_ARRIVED}, outcome
            assert on.heard == []
        assert (outcome.result is Result.DELIVERED) is (trouble == "resize"), outcome


async def test_what_others_type_during_a_delivery_does_not_get_into_it(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:

        async def type_too() -> None:
            await asyncio.to_thread(on.tmux, "send-keys", "-t", on.pane, "-l", "a stranger's words")

        on.commits.when["staged"] = on.commits.when["submitting"] = type_too
        while (outcome := await on.deliver()).result is not Result.DELIVERED:
            assert on.heard == []  # the hold was over, and they wrote before Enter: it was not pressed then
            assert outcome.result in {Result.BOUNCED, Result.REFUSED, Result.NOT_ARRIVED}, outcome
            await asyncio.to_thread(on.tmux, "send-keys", "-t", on.pane, "C-u")
        assert on.heard == [TEXT]
        await asyncio.to_thread(on.tmux, "send-keys", "-t", on.pane, "-l", "mine again")
        await asyncio.to_thread(on.there.until, lambda: "mine again" in str(on.there.screen("agent-1")), "typed")


async def test_a_stranger_s_draft_is_left_as_it_is(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        on.tmux("send-keys", "-t", on.pane, "-l", "half a thought")
        await asyncio.to_thread(on.there.until, lambda: "half" in str(on.there.screen("agent-1")), "typed")
        outcome = await on.deliver()
        assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.COMPOSER_NOT_EMPTY)
        assert on.commits.steps == [], "it was not even begun"
        assert await on.drafted() == "half a thought"


async def test_of_a_program_that_sends_at_each_newline_it_is_never_said_that_the_text_arrived(tmp_path: Path) -> None:
    async with scene(tmp_path, "plain", "busy=1") as on:
        outcome = await on.deliver("one\ntwo\nthree")
        assert outcome.result is Result.UNKNOWN, outcome
        assert "newline" in outcome.note
        assert on.heard == ["one", "two"]


async def test_an_answer_ends_the_watch_over_a_pane_that_shows_nothing(tmp_path: Path) -> None:
    async with scene(tmp_path, confirm_timeout_ms=200_000, busy="never shown") as on, asyncio.TaskGroup() as group:
        delivering = group.create_task(on.deliver())
        await asyncio.to_thread(on.there.until, lambda: on.heard == [TEXT], "Enter was pressed")
        assert not delivering.done()
        await on.desk.lane.give_up(on.order().delivery)
        await on.desk.lane.give_up(on.order().delivery, answered=True)
        outcome = await delivering
        assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.ANSWERED), outcome
        assert on.heard == [TEXT]


async def test_a_long_paste_that_is_shown_by_a_sign_counts_only_with_the_right_number(tmp_path: Path) -> None:
    async with scene(tmp_path, "collapse=4") as on:
        outcome = await on.deliver()
        assert (outcome.result, outcome.assurance) == (Result.DELIVERED, Assurance.EXACT), outcome
        assert outcome.evidence is not None
        assert outcome.evidence.readback == PaneReadback.PLACEHOLDER
        assert on.heard == [TEXT]
    wrong = (r"\[Pasted text #(?P<lines>\d+) \+\d+ lines\]",)
    async with scene(tmp_path / "wrong", "collapse=4", paste_placeholders=wrong) as on:
        outcome = await on.deliver(about={Reason.PASTE_NOT_READ})
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.PASTE_NOT_READ), outcome
        assert on.heard == []
        assert await on.drafted() == "", "our own draft is cleared"


async def test_a_question_is_told_with_its_text_and_answered_once_as_it_was_shown(tmp_path: Path) -> None:
    async with scene(tmp_path, "asks", confirm_timeout_ms=500) as on:
        await on.deliver("ask first")  # it asks in place of showing that it has it
        await on.desk.news.until(lambda: on.desk.news.shown[-1].activity is Activity.NEEDS_INPUT)
        shown = on.desk.news.shown[-1]
        assert "rm -rf build" in shown.text
        assert shown.png.startswith(b"\x89PNG")
        refused = await on.deliver()
        assert (refused.result, refused.reason) == (Result.REFUSED, Reason.DIALOG)
        stale = replace(on.order("", fence=2), act=Act.APPROVE, expected_dialog="another")
        outcome = await on.act(stale)
        assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.CHANGED)
        act = replace(on.order("", fence=3), act=Act.DENY, expected_dialog=shown.mark)
        outcome = await on.act(act)
        assert outcome.result is Result.DELIVERED, outcome
        assert on.there.panes().look("agent-1").view.dialog is None


async def test_an_interruption_goes_to_an_agent_at_work_only(tmp_path: Path) -> None:
    async with scene(tmp_path, "busy=3600") as on:
        act = replace(on.order(""), act=Act.INTERRUPT)
        assert (await on.act(act)).reason is Reason.NOT_AT_WORK
        assert (await on.deliver("a long piece of work")).result is Result.DELIVERED
        anew = replace(act, act=Act.NEW_CHAT)
        at_work = await on.act(replace(anew, fence=2))
        assert (at_work.result, at_work.reason) == (Result.REFUSED, Reason.BUSY), at_work
        outcome = await on.act(replace(act, fence=3))
        assert outcome.result is Result.DELIVERED, outcome
        assert any("a long piece of work" in line for line in on.there.panes().look("agent-1").view.lines)
        outcome = await on.act(replace(anew, fence=4))
        assert (outcome.result, outcome.note.partition(",")[0]) == (
            Result.DELIVERED,
            "the window shows something else than before",
        ), outcome
        assert not any("a long piece of work" in line for line in on.there.panes().look("agent-1").view.lines)


async def test_an_act_of_two_presses_is_one_act(tmp_path: Path) -> None:
    twice = {**CLI.acts, Act.INTERRUPT: Press(chord="esc", times=2)}
    async with scene(tmp_path, "busy=3600", "twice", acts=twice) as on:
        await on.deliver("work")
        outcome = await on.act(replace(on.order("", fence=2), act=Act.INTERRUPT))
        assert outcome.result is Result.DELIVERED, outcome
        keys = [json.loads(line) for line in on.there.log("agent-1").with_suffix(".keys").read_text().splitlines()]
        assert keys[-2:] == ["\x1b", "\x1b"]


async def test_an_agent_that_writes_its_answer_without_a_busy_sign_is_at_work_until_its_text_rests(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path, "streams=3600", idle_ms=1500) as on:
        assert (await on.deliver()).result is Result.DELIVERED
        await on.desk.news.until(lambda: on.desk.news.shown[-1].activity is Activity.BUSY)
        outcome = await on.deliver(about={Reason.BUSY})
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.BUSY), outcome
        stopped = await on.act(replace(on.order("", fence=2), act=Act.INTERRUPT))
        assert stopped.result is Result.DELIVERED, stopped
        await on.desk.news.until(lambda: on.desk.news.shown[-1].activity is Activity.IDLE)
        assert on.heard == [TEXT]


async def test_what_it_shows_is_told_as_it_changes(tmp_path: Path) -> None:
    async with scene(tmp_path, "busy=3600") as on:
        news = on.desk.news
        await news.until(lambda: news.shown[-1].activity is Activity.IDLE)
        await on.deliver("work")
        await news.until(lambda: news.shown[-1].activity is Activity.BUSY)
        await asyncio.to_thread(on.tmux, "send-keys", "-t", on.pane, "Escape")
        await news.until(lambda: news.shown[-1].activity is Activity.IDLE)
        await on.deliver("limit")
        await asyncio.to_thread(on.tmux, "send-keys", "-t", on.pane, "Escape")
        await news.until(lambda: news.shown[-1].activity is Activity.LIMITED)
        assert "until 3pm" in news.shown[-1].text


async def test_a_program_that_ends_is_started_again_and_one_put_down_is_not(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        on.tmux("send-keys", "-t", on.pane, "C-d")
        await on.until_usable()
        assert (await on.deliver()).result is Result.DELIVERED
        assert on.heard == [TEXT]
        kept = programs.PanePrograms(on.there.panes(), on.there.folder / "anchors/desk")
        kept.want(up=False)
        assert kept.end_all() in {0, 1}, "the worker may be faster"
        await on.desk.news.until(lambda: on.desk.news.shown[-1].activity is Activity.UNKNOWN)
        await asyncio.to_thread(on.there.until, lambda: on.there.panes().all() == (), "no pane is left")
        kept.want(up=True)
        await on.until_usable()


async def test_a_rehearsal_is_staged_read_back_and_cleared_and_nothing_is_sent(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        outcome = await on.act(replace(on.order(), is_dry_run=True))
        assert outcome.result is Result.REHEARSED, outcome
        assert "submitting" not in on.commits.steps
        assert (await on.drafted(), on.heard) == ("", [])


async def test_nothing_begins_while_a_person_types_into_this_very_pane(tmp_path: Path) -> None:
    async with scene(tmp_path / "typing", idle_s=3600.0) as on, a_person_has_typed(on):
        outcome = await on.deliver()
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.PERSON_TYPING), outcome
        assert on.commits.steps == []
    async with scene(tmp_path / "resting", idle_s=0.5) as on, a_person_has_typed(on):
        await asyncio.to_thread(on.there.until, lambda: on.there.panes().look("agent-1").typed_s > 0.6, "rests")
        assert (await on.deliver()).result is Result.DELIVERED


@asynccontextmanager
async def a_person_has_typed(on: Scene) -> AsyncIterator[None]:
    """Type a letter and delete it, with the user still there."""
    inner, outer = pty.openpty()
    environ = {name: value for name, value in os.environ.items() if name != "TMUX"} | {"TERM": "xterm"}
    argv = ["tmux", "-L", on.there.place.server, "attach"]
    client = await asyncio.create_subprocess_exec(
        *argv, stdin=outer, stdout=outer, stderr=outer, env=environ, start_new_session=True
    )
    try:
        await asyncio.to_thread(on.there.until, lambda: on.tmux("list-clients"), "somebody is attached")
        os.write(inner, b"a")
        await asyncio.to_thread(on.there.until, lambda: "❯ a" in on.there.screen("agent-1"), "typed")
        os.write(inner, b"\x15")
        await asyncio.to_thread(on.there.until, lambda: on.there.panes().look("agent-1").view.is_empty, "empty")
        yield
    finally:
        client.kill()
        await client.wait()
        os.close(inner)
        os.close(outer)


async def test_a_person_s_own_pane_is_used_where_it_is_and_neither_started_nor_ended(tmp_path: Path) -> None:
    with terminals(tmp_path / "panes") as there:
        script = [sys.executable, str(SCRIPT), "agent-1", str(there.log("agent-1"))]
        there.tmux.ask(["new-session", "-d", "-s", "work", "-x", "90", "-y", "30", "--", "env", *script])
        nowhere, mine = Box(x=0, y=0, width=0, height=0), Pane(target="work:0.0")
        there.windows.append(Window(name="agent-1", profile="cli", title="", box=nowhere, pane=mine))
        news = News()
        async with running(there.client(news, limits=SOON), news) as desk:
            await news.until(lambda: "agent-1" in news.usable)
            assert (await deliver(desk.lane, make_order("agent-1", TEXT))).result is Result.DELIVERED
            assert there.heard("agent-1") == [TEXT]
            assert programs.PanePrograms(there.panes(), there.folder / "desk").end_all() == 0
            await asyncio.to_thread(there.tmux.ask, ["kill-session", "-t", "work"])
            outcome = await desk.lane.deliver(make_order("agent-1", TEXT, delivery="D2"), Commits())
            assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.CLOSED), outcome


async def test_a_server_that_is_killed_comes_back_with_its_programs(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        on.desk.news.usable.clear()
        await asyncio.to_thread(on.tmux, "kill-server")
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        assert (await on.deliver()).result is Result.DELIVERED
        assert on.heard == [TEXT]


CODED = "[D2A] hub → Agent-1 · task T-7 · P2\nMend `it`.\n\nWhen finished:  octet done T-7 --code k3v9x2." + "A2" * 13
OLDER = CODED.replace("A2", "B3")


async def test_a_prompt_that_its_program_draws_in_its_own_way_is_found_by_its_first_line_and_its_code(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path, "renders") as on:
        assert (await on.deliver(OLDER)).assurance is Assurance.RECEIPT
        await on.killed_at("worker.key-pressed", CODED)
        await on.is_back()
        order = replace(on.order(CODED, fence=2), drafts=tuple(on.commits.drafts))
        settled = await on.desk.lane.settle(order, on.commits)
        assert (settled.result, settled.assurance) == (Result.DELIVERED, Assurance.RECEIPT), settled
        assert on.heard == [OLDER, CODED]


async def test_the_first_line_of_an_older_attempt_proves_nothing(tmp_path: Path) -> None:
    async with scene(tmp_path, "renders") as on:
        assert (await on.deliver(OLDER)).result is Result.DELIVERED
        settled = await on.desk.lane.settle(on.order(CODED, fence=2), on.commits)
        assert settled.result is Result.UNKNOWN, settled


AROUND_ENTER = ("worker.submitting-asked", "worker.key-down", "worker.key-pressed")


@pytest.mark.parametrize("point", BEFORE_ENTER)
async def test_a_worker_killed_before_enter_leaves_a_pane_that_the_next_one_tidies(tmp_path: Path, point: str) -> None:
    async with scene(tmp_path) as on:
        outcome = await on.killed_at(point)
        assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.WORKER_LOST)
        on.desk.news.usable.clear()
        await on.is_back()
        await on.desk.news.until(lambda: "agent-1" in on.desk.news.usable)
        assert await on.drafted() == ""
        state = on.there.panes().look("agent-1").state
        assert (state.is_off, state.hold) == (False, "")
        assert (await deliver(on.desk.lane, on.order(fence=2))).result is Result.DELIVERED
        assert on.heard == [TEXT]


@pytest.mark.parametrize("point", AROUND_ENTER)
async def test_a_worker_killed_around_enter_leaves_a_prompt_that_is_found_or_sent_once(
    tmp_path: Path, point: str
) -> None:
    async with scene(tmp_path) as on:
        outcome = await on.killed_at(point)
        assert outcome.draft_left
        await on.is_back()
        settled = await on.desk.lane.settle(replace(on.order(fence=2), drafts=tuple(on.commits.drafts)), on.commits)
        assert settled.result is Result.DELIVERED, settled
        assert on.heard == [TEXT]


LINE = "Count the words of this line."


@pytest.mark.parametrize(("text", "assurance"), [(LINE, Assurance.EXACT), (TEXT, Assurance.WEAK)])
async def test_without_any_sign_a_prompt_arrived_that_stands_above_or_that_was_taken_under_the_hold(
    tmp_path: Path, text: str, assurance: Assurance
) -> None:
    """Of the longer one this program shows each line with a sign of its own before it."""
    async with scene(tmp_path, "busy=0", busy="", echo="") as on:
        outcome = await on.deliver(text)
        assert (outcome.result, outcome.assurance) == (Result.DELIVERED, assurance), outcome
        again = await deliver(on.desk.lane, on.order(text, fence=2), on.commits)
        assert again.result is Result.DELIVERED, again
        assert on.heard == [text, text]


async def test_without_any_sign_a_prompt_that_stays_in_the_composer_is_unknown(tmp_path: Path) -> None:
    async with scene(tmp_path, "keeps=9", confirm_timeout_ms=1500, busy="", echo="") as on:
        outcome = await on.deliver(LINE)
        assert (outcome.result, outcome.draft_left) == (Result.UNKNOWN, True), outcome


async def test_without_a_mark_in_its_transcript_a_prompt_in_doubt_stays_in_doubt(tmp_path: Path) -> None:
    async with scene(tmp_path, echo="") as on:
        await on.killed_at("worker.key-pressed")
        await on.is_back()
        order = replace(on.order(fence=2), drafts=tuple(on.commits.drafts))
        settled = await on.desk.lane.settle(order, on.commits)
        assert settled.result is Result.UNKNOWN, settled
        assert on.heard == [TEXT]
        assert {picture.part for picture in settled.pictures} == {PictureArea.COMPOSER, PictureArea.WINDOW}


async def test_a_pane_is_given_back_by_its_server_when_the_worker_stands_still_in_a_hold(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        worker = on.desk.client.worker_pid
        assert worker is not None

        looks, held = on.there.panes(), list[bool]()

        async def freeze() -> None:
            if True in held:
                return
            os.kill(worker, signal.SIGSTOP)
            try:
                held.append(await asyncio.to_thread(lambda: looks.look("agent-1").state.is_off))
                await asyncio.to_thread(on.there.until, lambda: not looks.look("agent-1").state.is_off, "it is free")
            finally:
                os.kill(worker, signal.SIGCONT)

        on.commits.when["staged"] = freeze
        while True not in held:  # on a busy machine the hold is over before it is looked at
            assert (await on.deliver()).result is Result.DELIVERED
        assert set(on.heard) == {TEXT}
        assert len(on.heard) == len(held)


async def test_the_panes_that_no_octet_uses_are_found_with_the_profiles_that_their_screens_fit(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        free = ["env", sys.executable, str(SCRIPT), "free", str(on.there.log("free"))]
        on.tmux("new-session", "-d", "-s", "work", "-x", "90", "-y", "40", "--", *free)
        on.tmux("new-window", "-t", "work:", "--", "env", "PS1=❯ ", "bash", "--norc")
        on.tmux("new-window", "-t", "work:", "--", "sleep", "1000")
        theirs = on.tmux("new-window", "-t", "work:", "-P", "-F", "#{pane_id}", "--", *free)[0]
        on.tmux("set-option", "-p", "-t", theirs, TAG, "another-desk/agent-1")
        former = on.tmux("new-window", "-t", "work:", "-P", "-F", "#{pane_id}", "--", *free)[0]
        on.tmux("set-option", "-p", "-t", former, TAG, "yours:desk/agent-9 work:4.0")
        on.tmux("select-pane", "-t", former, "-T", "Claude | Code")

        panes = await on.desk.client.panes()
        async with asyncio.timeout(60):
            while [one.fits for one in panes] != [("cli",), (), ("cli",)]:
                panes = await on.desk.client.panes()
        assert [one.place for one in panes] == ["work:0.0", "work:2.0", "work:4.0"]
        assert (panes[1].program, panes[2].title) == ("sleep", "Claude ? Code")
