"""Which pane is an agent's, and which programs Octet may start and end: with a real tmux server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from automation.protocol.ports import PermanentFailure
from automation.terminal.panes import TAG
from automation.terminal.programs import PanePrograms
from automation.terminal.tmux import TmuxServer, TmuxSilent
from core.deliveries.model import Reason, Result
from core.desks.model import Pane, Window
from core.desks.model import Tmux as Place
from core.profiles.model import Box
from tests.fakes.desk import News, deliver, make_order, running
from tests.fakes.panes import SCRIPT, Terminals, environ, terminals

pytestmark = pytest.mark.contract
NOWHERE = Box(x=0, y=0, width=0, height=0)
TEXT = "first line\nsecond line\nthird line"


def own(name: str, target: str) -> Window:
    """Return a pane that a user made."""
    return Window(name=name, profile="cli", title="", box=NOWHERE, pane=Pane(target=target))


def agent(there: Terminals, name: str) -> list[str]:
    return ["env", sys.executable, str(SCRIPT), name, str(there.log(name))]


@contextmanager
def two_own_panes(folder: Path) -> Iterator[Terminals]:
    """Open a user's window with an agent in each of its two panes."""
    with terminals(folder) as there:
        there.tmux.ask(["new-session", "-d", "-s", "work", "-x", "90", "-y", "50", "--", *agent(there, "agent-1")])
        there.tmux.ask(["split-window", "-t", "work:0.0", "--", *agent(there, "agent-2")])
        there.windows += [own("agent-1", "work:0.0"), own("agent-2", "work:0.1")]
        yield there


@contextmanager
def one_pane(folder: Path) -> Iterator[Terminals]:
    """Open an agent in one of Octet's panes."""
    with terminals(folder) as there:
        there.add("agent-1")
        panes = there.panes()
        PanePrograms(panes, folder / "desk").keep_running(panes.look_at_all())
        there.until(lambda: there.is_up("agent-1"), "its program runs")
        yield there


async def test_a_pane_that_took_the_place_of_a_closed_one_gets_nothing_that_is_not_its_own(tmp_path: Path) -> None:
    with two_own_panes(tmp_path) as there:
        news = News()
        async with running(there.client(news), news) as desk:
            await news.until(lambda: {"agent-1", "agent-2"} <= set(news.usable))
            await asyncio.to_thread(there.tmux.ask, ["kill-pane", "-t", "work:0.0"])
            outcome = await deliver(desk.lane, make_order("agent-1", TEXT))
            assert (outcome.result, outcome.reason) == (Result.REFUSED, Reason.CLOSED), outcome
            assert "another agent" in outcome.note
            assert there.heard("agent-2") == []
            outcome = await deliver(desk.lane, make_order("agent-2", TEXT, delivery="D2"))
            assert outcome.result is Result.DELIVERED, outcome
            assert there.heard("agent-2") == [TEXT]


def test_where_the_pane_that_the_configuration_names_does_not_exist_no_other_one_is_taken(tmp_path: Path) -> None:
    with terminals(tmp_path) as there:
        there.tmux.ask(["new-session", "-d", "-s", "work", "--", "env", "cat"])
        there.windows.append(own("agent-1", "work:0.7"))
        with pytest.raises(PermanentFailure, match="can't find pane: 7"):
            there.panes().look("agent-1")


def test_a_pane_of_a_person_is_looked_for_anew_once_the_configuration_names_another(tmp_path: Path) -> None:
    with two_own_panes(tmp_path) as there:
        first = there.panes()
        PanePrograms(first, tmp_path / "desk").keep_running(first.look_at_all())
        before = {name: first.look(name).state.id for name in first.names()}
        there.tmux.ask(["swap-pane", "-s", "work:0.0", "-t", "work:0.1"])
        assert {name: there.panes().look(name).state.id for name in first.names()} == before, "known where they are now"
        there.windows[:] = [own("agent-2", "work:0.0"), own("agent-1", "work:0.1")]
        named = there.panes()
        at = {name: named.look(name).state.id for name in named.names()}
        assert at == {
            "agent-2": there.tmux.ask(["display-message", "-p", "-t", "work:0.0", "#{pane_id}"])[0],
            "agent-1": there.tmux.ask(["display-message", "-p", "-t", "work:0.1", "#{pane_id}"])[0],
        }
        assert PanePrograms(named, tmp_path / "desk").end_all() == 0, "what a person has made is never ended"


def test_a_person_s_window_that_is_called_like_an_agent_is_left_alone(tmp_path: Path) -> None:
    with terminals(tmp_path) as there:
        there.add("agent-1")
        theirs = there.tmux.ask(
            ["new-session", "-d", "-s", "octet", "-n", "agent-1", "-P", "-F", "#{pane_id}", "--", "env", "cat"]
        )[0]
        panes = there.panes()
        PanePrograms(panes, tmp_path / "desk").keep_running(panes.look_at_all())
        there.until(lambda: there.is_up("agent-1"), "its program runs")
        look = ["display-message", "-p", "-t", theirs, f"#{{pane_current_command}}|#{{{TAG}}}"]
        there.until(lambda: there.tmux.ask(look) == ["cat|"], "theirs runs, and is nobody's")


def test_a_pane_that_was_made_for_an_agent_is_used_after_an_interrupted_start(tmp_path: Path) -> None:
    with terminals(tmp_path) as there:
        there.add("agent-1")
        there.tmux.ask(["new-session", "-d", "-s", "octet", "-n", "agent-1", "--", "env", "sleep", "600"])
        panes = there.panes()
        PanePrograms(panes, tmp_path / "desk").keep_running(panes.look_at_all())
        there.until(lambda: there.is_up("agent-1"), "its program runs")
        assert len(there.panes().all()) == 1


def test_a_program_that_a_person_started_where_one_had_ended_is_not_ended(tmp_path: Path) -> None:
    with one_pane(tmp_path) as there:
        panes = there.panes()
        pane = panes.find("agent-1")
        there.tmux.ask(["send-keys", "-t", pane, "C-d"])
        there.until(lambda: there.panes().look("agent-1").state.is_dead, "it ended")
        dead = panes.look("agent-1").state
        there.tmux.ask(["respawn-pane", "-t", pane, "--", "env", "cat"])
        with pytest.raises(TmuxSilent, match="active"):
            PanePrograms(panes, tmp_path / "desk").start("agent-1", dead)
        there.until(lambda: there.panes().look("agent-1").state.command == "cat", "theirs runs")


@pytest.mark.parametrize("others", [0, 1], ids=["the server goes with it", "the server stays"])
def test_a_pane_that_somebody_ends_at_the_same_time_has_ended(tmp_path: Path, others: int) -> None:
    """As the desk's worker does while `octet desk down` does it."""

    class Overtaken(TmuxServer):
        def ask(self, *commands: Sequence[str], given: str | None = None) -> list[str]:
            if "kill-pane" in commands[0][-1]:
                super().ask(*commands)
                told = there.panes().all
                there.until(lambda: len(told()) == others, "it is gone")
            return super().ask(*commands, given=given)

    with one_pane(tmp_path) as there:
        if others:
            there.tmux.ask(["new-session", "-d", "-s", "mine", "--", "env", "cat"])
        there.tmux = Overtaken(there.place, environ())
        assert PanePrograms(there.panes(), tmp_path / "desk").end_all() == 1


def test_of_a_server_that_does_not_answer_it_is_said_of_each_pane(tmp_path: Path) -> None:
    class Silent(TmuxServer):
        def ask(self, *_: object, given: str | None = None) -> list[str]:
            raise TmuxSilent(why="it took longer than 5 s")

    there = Terminals(folder=tmp_path, tmux=Silent(Place(server="nowhere"), {}))
    there.add("agent-1")
    there.windows.append(own("agent-2", "work:0.0"))
    looks = there.panes().look_at_all()
    for name in ("agent-1", "agent-2"):
        seen = looks[name]
        assert isinstance(seen, PermanentFailure)
        assert "longer than 5 s" in seen.note


def test_a_folder_is_taken_as_it_is_called_and_no_part_of_its_name_is_run(tmp_path: Path) -> None:
    folder = tmp_path / "c# ## #{pid} #(touch ran)"
    folder.mkdir()
    with terminals(tmp_path) as there:
        there.add("agent-1")
        window = there.windows[0]
        assert window.pane is not None
        there.windows[:] = [replace(window, pane=replace(window.pane, directory=str(folder)))]
        panes = there.panes()
        PanePrograms(panes, tmp_path / "desk").keep_running(panes.look_at_all())
        there.until(lambda: there.is_up("agent-1"), "its program runs")
        state = there.panes().look("agent-1").state
        assert Path(f"/proc/{state.pid}/cwd").readlink() == folder
