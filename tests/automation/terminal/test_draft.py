"""Keys go to what was seen, and delete only what is known to be ours: one pane, with a real tmux server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from automation.protocol.ports import ClearResult, PermanentFailure, TransientFailure
from automation.protocol.text import mark
from automation.terminal import panes, screen
from automation.terminal.pane import PaneAction, TmuxPane
from automation.terminal.pane_lock import PaneLock
from automation.terminal.programs import PanePrograms
from core.deliveries.model import Reason
from core.desks.model import Pane, Window
from core.profiles.model import Activity, Box, Normalise, Press
from tests.fakes.panes import Terminals, terminals

pytestmark = pytest.mark.contract
TEXT = "first line\nsecond line\nthird line"


class Pace:
    """Time as it is; nobody stops anything."""

    def now_s(self) -> float:
        return time.monotonic()

    def rest(self, seconds: float) -> None:
        raise AssertionError("a pane does not rest by it")

    def check(self) -> None:
        """Nobody asked to stop."""


@contextmanager
def one_pane(folder: Path) -> Iterator[tuple[Terminals, TmuxPane]]:
    """Open an agent in a pane, and one delivery's view of it."""
    with terminals(folder) as there:
        there.add("agent-1")
        there_are = there.panes()
        PanePrograms(there_are, folder / "desk").keep_running(there_are.look_at_all())
        there.until(lambda: there.panes().look("agent-1").view.is_empty, "its prompt is there")
        yield there, TmuxPane(name="agent-1", panes=there_are, pace=Pace(), idle_s=0.0)


def staged(there: Terminals, pane: TmuxPane) -> None:
    """Bring the text into the composer; on a busy machine a hold may be over before that: then once more."""
    pane.look()

    def is_staged() -> bool:
        pane.focus()
        pane.stage(TEXT)
        return True

    there.until(is_staged, "it is pasted")
    there.until(lambda: there.panes().look("agent-1").view.composer == TEXT, "it stands there")


def test_letters_of_a_person_who_came_when_a_hold_was_over_are_not_deleted(tmp_path: Path) -> None:
    with one_pane(tmp_path) as (there, pane):
        pane.look()
        pane.focus()
        there.until(lambda: not there.panes().look("agent-1").state.hold, "the hold is over")
        there.tmux.ask(["send-keys", "-t", there.panes().find("agent-1"), "-l", "first"])  # as our text begins
        there.until(lambda: there.panes().look("agent-1").view.composer == "first", "typed")
        with pytest.raises(TransientFailure):
            pane.stage(TEXT)
        assert pane.clear() is ClearResult.FAILED
        pane.restore_user_state()
        assert there.panes().look("agent-1").view.composer == "first"


def test_what_a_person_wrote_between_the_first_look_and_the_paste_is_seen(tmp_path: Path) -> None:
    with one_pane(tmp_path) as (there, pane):
        pane.look()
        there.tmux.ask(["send-keys", "-t", there.panes().find("agent-1"), "-l", "half"])
        there.until(lambda: there.panes().look("agent-1").view.composer == "half", "typed")
        there.until(lambda: pane.focus() is None, "it is held")
        with pytest.raises((PermanentFailure, TransientFailure)):
            pane.stage(TEXT)
        pane.restore_user_state()
        assert there.panes().look("agent-1").view.composer == "half"


def test_what_a_person_added_to_a_draft_of_ours_keeps_it_from_being_deleted(tmp_path: Path) -> None:
    with one_pane(tmp_path) as (there, pane):
        staged(there, pane)
        there.until(lambda: not there.panes().look("agent-1").state.hold, "the hold is over")
        there.tmux.ask(["send-keys", "-t", there.panes().find("agent-1"), "-l", ", and mine"])
        there.until(lambda: "mine" in str(there.panes().look("agent-1").view.composer), "typed")
        assert pane.clear() is ClearResult.FAILED
        pane.restore_user_state()
        assert there.panes().look("agent-1").view.composer == f"{TEXT}, and mine"


def test_a_draft_that_was_known_again_is_sent_or_cleared_only_while_it_is_just_that(tmp_path: Path) -> None:
    with one_pane(tmp_path) as (there, pane):
        there.tmux.ask(["send-keys", "-t", there.panes().find("agent-1"), "-l", "one of ours"])
        there.until(lambda: there.panes().look("agent-1").view.composer == "one of ours", "typed")
        assert pane.matches_draft((mark("one of ours", Normalise.BLANKS),))
        there.tmux.ask(["send-keys", "-t", there.panes().find("agent-1"), "-l", "!"])
        there.until(lambda: there.panes().look("agent-1").view.composer == "one of ours!", "typed")
        pane.focus()
        with pytest.raises(
            TransientFailure
        ):  # its words do not matter: a hold that was over keeps the key away as well
            pane.guard()
        assert pane.clear() is ClearResult.FAILED
        pane.restore_user_state()
        assert there.panes().look("agent-1").view.composer == "one of ours!"


@pytest.mark.parametrize(
    "words",
    [
        ["copy-mode", "-t", "{}"],
        ["respawn-pane", "-k", "-t", "{}", "--", "env", "cat"],
        ["set-option", "-p", "-t", "{}", "synchronize-panes", "on"],
        ["resize-window", "-t", "{}", "-x", "61", "-y", "17"],
        ["set-option", "-p", "-t", "{}", "@octet_hold", "another"],
        ["set-option", "-p", "-u", "-t", "{}", "@octet_hold"],
    ],
    ids=lambda words: f"{words[0]} {words[-1]}",
)
def test_what_changes_between_the_last_look_and_the_key_keeps_it_from_being_pressed(
    tmp_path: Path, words: list[str]
) -> None:
    with one_pane(tmp_path) as (there, pane):
        staged(there, pane)
        pane.focus()
        there.tmux.ask([word.format(pane.seen_last().state.id) for word in words])
        with pytest.raises((TransientFailure, PermanentFailure)):
            pane.submit(by_s=time.monotonic() + 5)
        pane.restore_user_state()
        assert there.heard("agent-1") == []


@pytest.mark.parametrize("name", ["a,b", "c#d", "e}f", "plain"])
def test_no_key_goes_to_another_program_than_the_one_that_was_seen(tmp_path: Path, name: str) -> None:
    """One that runs in a shell is no process of tmux's own: its pane and the number there stay the same."""
    link = tmp_path / name
    link.symlink_to("/bin/cat")
    with terminals(tmp_path / "panes") as there:
        nowhere, mine = Box(x=0, y=0, width=0, height=0), Pane(target="work:0.0")
        there.windows.append(Window(name="agent-1", profile="cli", title="", box=nowhere, pane=mine))
        there.tmux.ask(["new-session", "-d", "-s", "work", "--", "env", str(link)])
        looks = there.panes()
        there.until(lambda: looks.look("agent-1").state.command == name, "it runs")
        seen = looks.look("agent-1").state
        hold = PaneLock(there.tmux)

        def is_pressed() -> bool:
            hold.take(looks.look("agent-1").state)
            hold.act(looks.look("agent-1").state, ["send-keys", "-t", seen.id, "x"], is_last=True)
            return True

        there.until(is_pressed, "a key goes to the program that was seen")
        seen = looks.look("agent-1").state
        for other in (
            replace(seen, command="another"),
            replace(seen, brackets="1"),
            replace(seen, pid=seen.pid + 1),
            replace(seen, cursor=(0, 0)),
        ):
            hold.take(seen)
            with pytest.raises((TransientFailure, PermanentFailure)):
                hold.act(other, ["send-keys", "-t", seen.id, "y"])
            hold.restore_user_state()
        assert "y" not in str(there.screen("agent-1"))


def test_of_a_program_that_takes_no_brackets_now_nothing_of_several_lines_is_pasted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which a newer tmux than this one may tell."""
    tell = panes.parse
    with one_pane(tmp_path) as (_, pane):
        monkeypatch.setattr(panes, "parse", lambda line: replace(tell(line), brackets="0"))  # type: ignore[misc] a line
        pane.look()
        pane.focus()
        with pytest.raises(PermanentFailure, match="bracketed paste"):
            pane.stage(TEXT)
        pane.restore_user_state()
        assert pane.seen().view.is_empty


def test_no_key_goes_into_a_question_that_came_up_after_the_text_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = screen.view
    with one_pane(tmp_path) as (there, pane):
        staged(there, pane)
        monkeypatch.setattr(screen, "view", lambda lines, terminal: replace(tell(lines, terminal), dialog=1))  # type: ignore[misc] two words

        def is_kept_away() -> bool:
            pane.focus()
            with pytest.raises(TransientFailure) as why:
                pane.guard()
            return why.value.reason is Reason.DIALOG

        there.until(is_kept_away, "it is seen")
        pane.restore_user_state()


def why_not(act: PaneAction, chord: str, *, by_s: float) -> Reason:
    """Why it was not pressed: on a busy machine also because the hold was over, then it is tried again."""
    with pytest.raises((TransientFailure, PermanentFailure)) as why:
        act.press(Press(chord=chord), by_s=by_s)
    act.restore_user_state()
    return why.value.reason


def test_a_key_that_comes_too_late_is_not_pressed(tmp_path: Path) -> None:
    with one_pane(tmp_path) as (there, pane):
        staged(there, pane)
        pane.focus()
        with pytest.raises(TransientFailure) as why:
            pane.submit(by_s=time.monotonic() - 0.001)
        assert why.value.reason is Reason.LATE
        pane.restore_user_state()
        act = PaneAction(name="agent-1", panes=there.panes(), pace=Pace())
        act.look_at_dialog()
        there.until(lambda: why_not(act, "enter", by_s=time.monotonic() - 0.001) is Reason.LATE, "it is too late")
        assert there.heard("agent-1") == []


def test_an_answer_is_not_pressed_into_another_question_than_the_one_that_was_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell, shown = screen.view, ["Run rm -rf build?"]
    with one_pane(tmp_path) as (there, _):
        monkeypatch.setattr(
            screen,
            "view",
            lambda lines, terminal: replace(tell(lines, terminal), dialog=0, crop=tuple(shown)),  # type: ignore[misc] two words
        )
        act = PaneAction(name="agent-1", panes=there.panes(), pace=Pace())
        assert act.look_at_dialog().shows is Activity.NEEDS_INPUT
        shown[:] = ["Run rm -rf /?"]
        there.until(lambda: why_not(act, "1", by_s=time.monotonic() + 60) is Reason.CHANGED, "it is another one")
        monkeypatch.undo()
        assert there.panes().look("agent-1").view.is_empty, "no key came"
