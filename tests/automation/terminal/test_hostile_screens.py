"""What a screen may show to stop Octet: one pane is not readable then, and the others go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from automation.desktop.accessibility import reader
from automation.desktop.accessibility.bus import NoBusReply
from automation.desktop.x11 import windows
from automation.protocol.activity import ActivityClassifier
from automation.protocol.ports import PermanentFailure, TransientFailure
from automation.terminal import panes, screen
from automation.terminal.activity import sight_of
from automation.terminal.pane import PaneAction, TmuxPane
from automation.terminal.panes import Panes, PaneSnapshot
from automation.terminal.programs import PanePrograms
from automation.terminal.tmux import TmuxServer, TmuxSilent
from bot.cli.panes import _states
from core import remedies
from core.config import pattern_timing
from core.deliveries.model import Reason
from core.desks.model import Tmux as Place
from core.profiles.model import LONGEST_TITLE, Activity
from tests.automation.terminal.test_draft import Pace
from tests.automation.terminal.test_shipped_screens import pane
from tests.fakes.panes import CLI, Terminals

SLOW = replace(CLI.terminal, busy="✻|(?:b+)+!")
"""Its search for the sign of work never ends on a line of many b."""
BAIT = ["b" * 60, "❯ "]
GOOD = ["you: hello", "❯ "]
TERMINALS = {name: pane(name).terminal for name in ("claude_code", "codex", "gemini_cli")}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "LIMIT_S", 0.05)


class Shows(TmuxServer):
    """A server with two panes that show this; without `row` it describes them in another way."""

    def __init__(self, **screens: Sequence[str]) -> None:
        super().__init__(Place(server="nowhere"), {})
        self.screens = dict(screens)
        self.asked: list[str] = []
        self.odd = ""

    def ask(self, *commands: Sequence[str], given: str | None = None) -> list[str]:
        self.asked += [command[0] for command in commands]
        return [line for command in commands for line in self._said(command)]

    def _said(self, command: Sequence[str]) -> list[str]:
        rows = {f"%{number}": name for number, name in enumerate(self.screens)}
        match command[0]:
            case "list-panes":
                return [self._row(pane) for pane in rows]
            case "display-message":
                pane = command[command.index("-t") + 1]
                begins = command[-1].partition("#")[0]
                return [begins + (self.odd if rows[pane] == "evil" and self.odd else self._row(pane))]
            case "capture-pane":
                return list(self.screens[rows[command[-1]]])
            case _:
                return []

    def _row(self, pane: str) -> str:
        name = list(self.screens)[int(pane[1:])]
        values = {"pane_id": pane, "pane_height": "50", panes.TAG: f"desk/{name}", "pane_current_command": "python3"}
        return "|".join(values.get(part, "") for part in panes._PARTS)


def two(tmux: Shows, terminal: screen.Terminal = SLOW) -> Panes:
    there = Terminals(folder=Path(), tmux=tmux, profile=replace(CLI, terminal=terminal))
    for name in tmux.screens:
        there.add(name)
    return there.panes()


def look(found: Panes, name: str) -> PaneSnapshot:
    seen = found.look_at_all()[name]
    assert isinstance(seen, PaneSnapshot)
    return seen


def test_a_search_that_never_ends_makes_one_pane_unreadable_and_no_other(tmp_path: Path) -> None:
    tmux = Shows(evil=BAIT, good=GOOD)
    found = two(tmux)
    found.preflight("good", look(found, "good"))
    with pytest.raises(TransientFailure) as bounced:
        found.preflight("evil", look(found, "evil"))
    assert (bounced.value.reason, bounced.value.note) == (Reason.PANE_NOT_READABLE, screen.SLOW)
    unusable = found.why_unusable("evil", look(found, "evil"))
    assert unusable is not None
    assert (
        remedies.explain(unusable.reason, unusable.note)
        == f"{remedies.sentence(Reason.PANE_NOT_READABLE)}: {screen.SLOW}"
    ), "as the status of a desk says"
    assert list(_states(found)) == [("evil", True, f"not readable: {screen.SLOW}"), ("good", True, "")]
    assert screen.SLOW in found.shown(), "a picture says so too"
    judge = ActivityClassifier()
    judge.note_sight(sight_of(look(found, "evil"), found.profile("evil")), 0.0)
    judge.note_sight(sight_of(look(found, "evil"), found.profile("evil")), 10.0)
    verdict = judge.reading(10.0)
    assert verdict is not None
    assert (verdict.activity, verdict.note) == (Activity.UNKNOWN, screen.SLOW)
    PanePrograms(found, tmp_path).keep_running(found.look_at_all())
    assert not {"new-window", "respawn-pane"} & set(tmux.asked), "both programs run"


def test_a_pane_whose_search_took_too_long_rests_before_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, searched = 0.0, list[str]()

    def view(_lines: object, _terminal: object) -> screen.PaneScreen:
        searched.append("")
        raise TransientFailure(Reason.PANE_NOT_READABLE, screen.SLOW)

    monkeypatch.setattr(panes.time, "monotonic", lambda: now_s)
    monkeypatch.setattr(screen, "view", view)
    found = two(Shows(evil=BAIT))
    found.look_at_all()
    now_s = panes.REST_S - 0.1
    assert look(found, "evil").view.why_unread == screen.SLOW
    assert len(searched) == 1
    now_s = panes.REST_S
    found.look_at_all()
    assert len(searched) == 2


def test_an_unexpected_error_in_an_inspection_is_a_bounce(monkeypatch: pytest.MonkeyPatch) -> None:
    def view(lines: Sequence[screen.ScreenLine], terminal: screen.Terminal) -> screen.PaneScreen:
        if any(line.text == BAIT[0] for line in lines):
            raise IndexError("no such group")
        return whole(lines, terminal)

    whole: Callable[..., screen.PaneScreen] = screen.view
    monkeypatch.setattr(screen, "view", view)
    found = two(Shows(evil=BAIT, good=GOOD))
    found.preflight("good", look(found, "good"))
    with pytest.raises(TransientFailure, match="IndexError"):
        found.preflight("evil", look(found, "evil"))


def test_a_pane_that_tmux_describes_oddly_is_not_readable_and_gets_no_second_program(tmp_path: Path) -> None:
    tmux = Shows(evil=GOOD, good=GOOD)
    found = two(tmux)
    found.look_at_all()
    tmux.odd = "%0|x"
    looks = found.look_at_all()
    assert isinstance(looks["good"], PaneSnapshot)
    evil = looks["evil"]
    assert isinstance(evil, PermanentFailure)
    assert evil.reason is Reason.PANE_NOT_READABLE
    PanePrograms(found, tmp_path).keep_running(looks)
    assert not {"new-window", "new-session", "respawn-pane"} & set(tmux.asked)
    for said in ([], ["%0|x"], ["1|", "%0|x"]):
        with pytest.raises(TmuxSilent):
            found.seen("evil", said)


def test_a_dialog_is_searched_for_on_the_visible_screen_only() -> None:
    above = ["Run this command?", "❯ 1. Yes", *["b" * 60] * 50]
    found = two(Shows(evil=[*above, *["line"] * 48, *GOOD]))
    seen = found.look("evil", history=5_000).view
    assert (seen.dialog, seen.composer, seen.why_unread) == (None, "", "")
    assert seen.lines[: len(above)] == seen.around[: len(above)] == tuple(above)


def test_no_answer_is_read_and_no_question_answered_in_a_pane_that_is_not_readable() -> None:
    found, pace = two(Shows(evil=BAIT)), Pace()
    with pytest.raises(TransientFailure, match="too long"):
        TmuxPane(name="evil", panes=found, pace=pace).shown_text()
    with pytest.raises(TransientFailure, match="too long"):
        PaneAction(name="evil", panes=found, pace=pace).look_at_dialog()


def test_masks_that_take_too_long_cover_everything() -> None:
    slow = replace(CLI.terminal, masks=("(?:b+)+!",))
    assert screen.hidden(("secret", BAIT[0]), slow) == (screen.SLOW,)


@pytest.mark.parametrize("search", [screen.transcript, screen.without_sign])
def test_every_search_of_a_screen_has_its_limit(search: Callable[..., object]) -> None:
    with pytest.raises(TransientFailure) as bounced:
        search((BAIT[0],), replace(SLOW, echo="(?:b+)+!"))
    assert bounced.value.reason is Reason.PANE_NOT_READABLE


def test_a_search_in_what_a_window_tells_has_its_limit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "SEARCH_S", 0.05)
    with pytest.raises(NoBusReply, match="octet check"):
        reader._has("(?:b+)+!", BAIT[0])
    assert reader._has("b.b", "b\nb")
    assert len(windows._text(b"b" * 5_000)) == LONGEST_TITLE


@pytest.mark.parametrize("name", TERMINALS)
def test_the_profiles_that_ship_read_every_hostile_screen(name: str) -> None:
    terminal = TERMINALS[name]
    baits = {one for dialog in terminal.dialogs for one in pattern_timing.screens(dialog.text) if len(one) == 50}
    for lines in sorted(baits):
        seen = screen.view(screen.parse(["\x1b[2m" + lines[0], *lines[1:], "\x1b[", "\x1b]8;;", "❯ "]), terminal)
        assert seen.lines[-1].startswith("❯")
