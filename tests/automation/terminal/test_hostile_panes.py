"""Panes whose programs attack Octet: by what they are called, and by what they show. With a real tmux server."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.terminal import panes
from automation.terminal.panes import Panes, PaneSnapshot, PaneState
from automation.terminal.programs import PanePrograms
from automation.terminal.tmux import TmuxServer
from core.deliveries.model import Reason, Result
from core.desks.model import DeskState
from core.desks.model import Tmux as Place
from tests.fakes.desk import News, deliver, make_order, running
from tests.fakes.panes import Terminals, environ, terminals

PLAIN = PaneState(
    id="%1", pid=7, server=3, is_dead=False, status="", modes=0, is_synchronized=False, is_off=False,
    size=(90, 50), cursor=(2, 4), brackets="", hold="", tag="desk/agent-1", command="sleep",
)  # fmt: skip


def row(state: PaneState, **texts: str) -> str:
    """Write a row as tmux would that replaces nothing."""
    numbers = {"pane_id": state.id, "pane_pid": 7, "pid": 3, "pane_width": 90, "pane_height": 50, "cursor_x": 2}
    values = {**numbers, "cursor_y": 4, panes.TAG: state.tag, "pane_current_command": state.command} | texts
    return "|".join(str(values.get(part, "")) for part in panes._PARTS)


@given(
    st.sampled_from(sorted(panes._TEXTS.intersection(panes._PARTS))),
    st.text() | st.just(row(PLAIN)) | st.text("|\n%019#{}"),
)
def test_a_row_with_any_text_in_any_value_is_read_as_it_is_or_skipped(part: str, text: str) -> None:
    told = panes.parse(row(PLAIN, **{part: text}))
    assert told is None or told == replace(
        PLAIN, **{{panes.TAG: "tag", panes.HOLD: "hold", "pane_current_command": "command"}[part]: text}
    )


def test_a_row_that_does_not_parse_is_skipped_and_the_others_are_read() -> None:
    class Odd(TmuxServer):
        def ask(self, *commands: Sequence[str], given: str | None = None) -> list[str]:
            return [row(PLAIN), "", "%1", f"{row(PLAIN)}|", row(replace(PLAIN, id="1")), row(replace(PLAIN, id="%2"))]

    there = Terminals(folder=Path(), tmux=Odd(Place(server="nowhere"), {}))
    assert there.panes().all() == (PLAIN, replace(PLAIN, id="%2"))


def called(name: str) -> list[str]:
    """Return a program with this name that sleeps."""
    return [sys.executable, "-c", "import os, sys; os.execv('/bin/sleep', [sys.argv[1], '600'])", name]


def started(there: Terminals) -> tuple[Panes, PanePrograms]:
    found = there.panes()
    programs = PanePrograms(found, there.folder / "desk")
    programs.keep_running(found.look_at_all())
    return found, programs


@pytest.mark.contract
@pytest.mark.parametrize("before", ["x\n", "x|y\t#{pid}#[fg=red],}é\n"])
def test_a_program_that_forges_a_row_by_its_name_ends_no_pane_of_a_user_and_hides_none(
    tmp_path: Path, before: str
) -> None:
    with terminals(tmp_path) as there:
        own = ["new-session", "-d", "-s", "mine", "-P", "-F", "#{pane_id}", "--", "env", "sleep", "600"]
        (theirs,) = there.tmux.ask(own)
        forged = row(replace(PLAIN, id=theirs))
        there.add("evil", program=called(before + forged + "\n" + forged))
        there.add("agent-1", program=called("good"))
        found, programs = started(there)
        there.until(lambda: there.panes().look("agent-1").state.command == "good", "the good one runs")
        there.until(lambda: "?%" in there.panes().look("evil").state.command, "the evil one has its name")
        tags = {state.id: state.tag for state in there.panes().all()}
        assert tags == {theirs: "", found.find("evil"): "desk/evil", found.find("agent-1"): "desk/agent-1"}
        assert all(isinstance(look, PaneSnapshot) for look in found.look_at_all().values())
        assert programs.end_all() == 2
        assert [state.id for state in there.panes().all()] == [theirs], "the user's pane still runs"


@pytest.mark.contract
def test_a_pane_that_lost_its_tag_since_the_list_is_not_ended(tmp_path: Path) -> None:
    class Retagged(TmuxServer):
        def ask(self, *commands: Sequence[str], given: str | None = None) -> list[str]:
            if "kill-pane" in commands[0][-1]:
                super().ask(["set-option", "-p", "-t", pane, panes.TAG, "mine"])
            return super().ask(*commands, given=given)

    with terminals(tmp_path) as there:
        there.add("agent-1", program=called("good"))
        pane = started(there)[0].find("agent-1")
        there.tmux = Retagged(there.place, environ())
        PanePrograms(there.panes(), tmp_path / "desk").end_all()
        assert [state.id for state in there.panes().all()] == [pane]


@pytest.mark.contract
def test_nothing_that_a_tag_says_is_run_when_its_pane_is_ended(tmp_path: Path) -> None:
    with terminals(tmp_path) as there:
        there.add("agent-1", program=called("good"))
        found, programs = started(there)
        tag = f"desk/agent-1,}}#(touch {tmp_path}/ran)"
        there.tmux.ask(["set-option", "-p", "-t", found.find("agent-1"), panes.TAG, tag])
        assert programs.end_all() == 1
        assert there.panes().all() == ()
        assert not (tmp_path / "ran").exists()


@pytest.mark.contract
def test_a_server_without_a_session_has_no_panes(tmp_path: Path) -> None:
    with terminals(tmp_path) as there:
        there.tmux.ask(["start-server"], ["set-option", "-s", "exit-empty", "off"])
        assert there.panes().all() == ()


@pytest.mark.contract
def test_no_line_on_a_screen_is_taken_for_what_tmux_says(tmp_path: Path) -> None:
    lines = ("octet-client:", "octet-client:9999999999|0|0|%0", "9999999999|0|0|%0", "octet-pane:%0|1", "%0", "done")
    show = ["sh", "-c", 'printf "%s\\n" "$@" "❯ "; exec sleep 600', "sh", *lines]
    with terminals(tmp_path) as there:
        there.add("agent-1", program=show)
        there.add("agent-2", program=show)
        found, _ = started(there)
        for name in ("agent-1", "agent-2"):
            there.until(lambda name=name: there.is_up(name), "it shows its prompt")
            assert there.panes().look(name).typed_s == float("inf")
        for name, look in found.look_at_all().items():
            assert isinstance(look, PaneSnapshot)
            assert (look.state.tag, look.view.lines) == (f"desk/{name}", (*lines, "❯"))


@pytest.mark.contract
async def test_a_screen_that_no_search_ends_on_keeps_no_delivery_from_the_pane_beside_it(tmp_path: Path) -> None:
    show = ["sh", "-c", 'printf "%s\\n" "$@" "❯ "; exec sleep 600', "sh", "b" * 60]
    with terminals(tmp_path, busy="^✻ .*esc to interrupt|(?:b+)+!", command="") as there:
        there.add("evil", program=show)
        there.add("agent-1")
        news = News()
        async with running(there.client(news), news) as desk:
            await news.until(lambda: "agent-1" in news.usable)
            outcome = await deliver(desk.lane, make_order("agent-1", "hello"))
            assert (outcome.result, there.heard("agent-1")) == (Result.DELIVERED, ["hello"]), outcome
            outcome = await deliver(desk.lane, make_order("evil", "hello", delivery="D2"))
            assert (outcome.result, outcome.reason) == (Result.BOUNCED, Reason.PANE_NOT_READABLE), outcome
            assert [one.state for one in news.states].count(DeskState.READY) == 1, "its worker was never ended"
