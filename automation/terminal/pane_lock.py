"""A pane held for a moment: the server takes keys for it from Octet alone, and releases it after a while.

Input of the pane is switched off; each of our acts switches it on and off again in one command list. The server ends
the hold also when the worker was killed, or hangs."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from automation.protocol.ports import PermanentFailure, TransientFailure
from automation.terminal.panes import FORMAT, HOLD, PaneState, asked, literal, parse
from automation.terminal.tmux import FAILURES, NoServer, PaneGone, TmuxServer, TmuxSilent, block
from core.deliveries.model import Reason

LONGEST_S = 0.8  # then the server releases the pane. What a user types meanwhile is lost.
OURS_S = 0.6  # Octet counts on it for so long
_numbers = itertools.count(1)


class PaneLock:
    """Our hold on one pane, for the length of one delivery."""

    def __init__(self, tmux: TmuxServer) -> None:
        self._tmux = tmux
        self._pane = ""
        self._until_s = 0.0
        self.word = ""
        """Identifies our hold; empty without one."""

    @property
    def is_ours(self) -> bool:
        return bool(self.word) and time.monotonic() < self._until_s

    def take(self, state: PaneState, *, after: Sequence[Sequence[str]] = ()) -> list[str]:
        """Hold the pane if it is unchanged; return what `after` prints. Raises TransientFailure or PermanentFailure."""
        self.restore_user_state()
        word = f"{os.getpid()}.{next(_numbers)}"
        since_s = time.monotonic()
        lines = self._go(
            state,
            _parts(state, self.word),
            ["set-option", "-p", "-t", state.id, HOLD, word],
            ["select-pane", "-d", "-t", state.id],
            # Written double: run-shell would expand what follows a # sign at once, and not when its time comes.
            ["run-shell", "-b", "-d", f"{LONGEST_S:g}", "-C", block(_free(state.id, word)).replace("#", "##")],
            *after,
        )
        self._pane, self.word, self._until_s = state.id, word, since_s + OURS_S
        return lines

    def act(
        self,
        state: PaneState,
        *commands: Sequence[str],
        before: Sequence[Sequence[str]] = (),
        given: str | None = None,
        is_last: bool = False,
    ) -> None:
        """Carry these commands out if the pane is as in `state`, under our hold, with the same cursor, size, program in
        front and bracketed paste: nothing comes between the look and the act. `is_last`: the hold ends with it.

        `before` runs in any case; `given` is for its first. Raises TransientFailure or PermanentFailure with nothing
        done."""
        after = _unset(state.id) if is_last else ["select-pane", "-d", "-t", state.id]
        parts = _parts(state, self.word) | _sight(state)
        self._go(state, parts, ["select-pane", "-e", "-t", state.id], *commands, after, before=before, given=given)
        if is_last:
            self.word = ""

    def restore_user_state(self) -> None:
        """Release the pane. Raises nothing."""
        if not self.word:
            return
        pane, word, self.word = self._pane, self.word, ""
        with suppress(*FAILURES):  # the server ends it all the same
            self._tmux.ask(_free(pane, word))

    def _go(
        self,
        state: PaneState,
        parts: Mapping[str, str],
        *commands: Sequence[str],
        before: Sequence[Sequence[str]] = (),
        given: str | None = None,
    ) -> list[str]:
        have, want = "|".join(map(asked, parts)), "|".join(parts.values())
        do = block(*commands, ["display-message", "-p", "done"])
        tell = block(["display-message", "-p", "-t", state.id, FORMAT])
        look = ["if-shell", "-F", "-t", state.id, f"#{{==:{have},{want}}}", do, tell]
        try:
            answer = self._tmux.ask(*before, look, given=given)
        except PaneGone as gone:  # it was not there at the look: nothing was done
            raise PermanentFailure(Reason.CLOSED, "its pane is gone") from gone
        if answer and answer[-1] == "done":
            return answer[:-1]
        now = parse(answer[-1]) if answer else None
        if now is None or now.mark != state.mark or now.is_dead:
            raise PermanentFailure(Reason.CLOSED, "its program is another one now")
        if now.modes:
            raise TransientFailure(Reason.COVERED, "a user is scrolling in it (tmux's copy mode, which q ends)")
        if self.word and now.hold != self.word:
            raise TransientFailure(Reason.TOO_SLOW, "our hold on the pane was over")
        raise TransientFailure(Reason.CHANGED, "its cursor, its size or its program changed in the very moment")


def free_all(tmux: TmuxServer, states: Sequence[PaneState]) -> int:
    """End every hold of ours that an earlier worker left; return how many there were."""
    held = [state for state in states if state.hold]
    for state in held:
        with suppress(NoServer, TmuxSilent):
            tmux.ask(["select-pane", "-e", "-t", state.id], _unset(state.id))
    return len(held)


def _free(pane: str, word: str) -> list[str]:
    """End this hold on the pane, if it is still this one."""
    is_ours = "#{==:#{" + HOLD + "}," + word + "}"
    return ["if-shell", "-F", "-t", pane, is_ours, block(["select-pane", "-e", "-t", pane], _unset(pane))]


def _unset(pane: str) -> list[str]:
    return ["set-option", "-p", "-u", "-t", pane, HOLD]


def _parts(state: PaneState, hold: str) -> dict[str, str]:
    """Return what tmux must say of the pane: the same one, alive, under this hold and in no mode."""
    return {
        "pane_pid": str(state.pid),
        **dict.fromkeys(("pane_dead", "pane_in_mode", "pane_synchronized"), "0"),
        HOLD: hold,
    }


def _sight(state: PaneState) -> dict[str, str]:
    """Return the same for what it shows: its size, its cursor and the program in front."""
    return {
        "pane_width": str(state.size[0]),
        "pane_height": str(state.size[1]),
        "cursor_x": str(state.cursor[0]),
        "cursor_y": str(state.cursor[1]),
        "bracket_paste_flag": state.brackets,
        "pane_current_command": literal(state.command),
    }
