"""A pane held for a moment: the server takes no key for it from anyone but Octet, and gives it back after a while.

Input of the pane is switched off; each act of ours switches it on and off again within one go of the server. The server
ends the hold also when the worker that took it was killed, or hangs."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from automation.protocol.ports import PermanentFailure, TransientFailure
from automation.terminal.panes import FORMAT, HOLD, PaneState, asked, literal, parse
from automation.terminal.tmux import NoServer, TmuxMissing, TmuxServer, TmuxSilent, block
from core.deliveries.model import Reason

LONGEST_S = 0.8  # after so long the server gives the pane back. What a person types meanwhile is lost.
OURS_S = 0.6  # for so long it is counted on
_numbers = itertools.count(1)


class PaneLock:
    """Our hold on one pane, for the length of one delivery."""

    def __init__(self, tmux: TmuxServer) -> None:
        self._tmux = tmux
        self._pane = ""
        self._until_s = 0.0
        self.word = ""
        """By which our hold is known; empty without one."""

    @property
    def is_ours(self) -> bool:
        return bool(self.word) and time.monotonic() < self._until_s

    def take(self, stand: PaneState, *, after: Sequence[Sequence[str]] = ()) -> list[str]:
        """Hold the pane, if it stands as it did; what the commands `after` that print. Raises TransientFailure or
        PermanentFailure."""
        self.restore_user_state()
        word = f"{os.getpid()}.{next(_numbers)}"
        since_s = time.monotonic()
        said = self._go(
            stand,
            _parts(stand, self.word),
            ["set-option", "-p", "-t", stand.id, HOLD, word],
            ["select-pane", "-d", "-t", stand.id],
            # Written double, as run-shell would look at once what stands behind a # sign, and not when its time comes.
            ["run-shell", "-b", "-d", f"{LONGEST_S:g}", "-C", block(_free(stand.id, word)).replace("#", "##")],
            *after,
        )
        self._pane, self.word, self._until_s = stand.id, word, since_s + OURS_S
        return said

    def act(
        self,
        stand: PaneState,
        *commands: Sequence[str],
        before: Sequence[Sequence[str]] = (),
        given: str | None = None,
        is_last: bool = False,
    ) -> None:
        """Carry these commands out if the pane stands as in `stand`, under our hold, and its cursor, its size, the
        program in front and whether that takes pastes in brackets are the same: nothing comes between the look and the
        act. `is_last`: the hold ends with it.

        `before` goes ahead in any case; `given` is for its first. Raises TransientFailure or PermanentFailure with
        nothing done."""
        after = _unset(stand.id) if is_last else ["select-pane", "-d", "-t", stand.id]
        parts = _parts(stand, self.word) | _sight(stand)
        self._go(stand, parts, ["select-pane", "-e", "-t", stand.id], *commands, after, before=before, given=given)
        if is_last:
            self.word = ""

    def restore_user_state(self) -> None:
        """The pane is everybody's again. Raises nothing."""
        if not self.word:
            return
        pane, word, self.word = self._pane, self.word, ""
        with suppress(NoServer, TmuxSilent, TmuxMissing):  # the server ends it all the same
            self._tmux.ask(_free(pane, word))

    def _go(
        self,
        stand: PaneState,
        parts: Mapping[str, str],
        *commands: Sequence[str],
        before: Sequence[Sequence[str]] = (),
        given: str | None = None,
    ) -> list[str]:
        have, want = "|".join(map(asked, parts)), "|".join(parts.values())
        do = block(*commands, ["display-message", "-p", "done"])
        tell = block(["display-message", "-p", "-t", stand.id, FORMAT])
        look = ["if-shell", "-F", "-t", stand.id, f"#{{==:{have},{want}}}", do, tell]
        try:
            said = self._tmux.ask(*before, look, given=given)
        except TmuxSilent as trouble:
            if "can't find pane" in trouble.message:  # it was not there at the look: nothing was done
                raise PermanentFailure(Reason.CLOSED, "its pane is gone") from trouble
            raise
        if said and said[-1] == "done":
            return said[:-1]
        now = parse(said[-1]) if said else None
        if now is None or now.mark != stand.mark or now.is_dead:
            raise PermanentFailure(Reason.CLOSED, "its program is another one now")
        if now.modes:
            raise TransientFailure(Reason.COVERED, "somebody scrolls in it (tmux's copy mode, which q ends)")
        if self.word and now.hold != self.word:
            raise TransientFailure(Reason.TOO_SLOW, "our hold on the pane was over")
        raise TransientFailure(Reason.CHANGED, "its cursor, its size or its program changed in the very moment")


def free_all(tmux: TmuxServer, stands: Sequence[PaneState]) -> int:
    """End every hold of ours that an earlier worker left; how many there were."""
    held = [stand for stand in stands if stand.hold]
    for stand in held:
        with suppress(NoServer, TmuxSilent):
            tmux.ask(["select-pane", "-e", "-t", stand.id], _unset(stand.id))
    return len(held)


def _free(pane: str, word: str) -> list[str]:
    """End this hold on the pane, if it is still this one."""
    is_ours = "#{==:#{" + HOLD + "}," + word + "}"
    return ["if-shell", "-F", "-t", pane, is_ours, block(["select-pane", "-e", "-t", pane], _unset(pane))]


def _unset(pane: str) -> list[str]:
    return ["set-option", "-p", "-u", "-t", pane, HOLD]


def _parts(stand: PaneState, hold: str) -> dict[str, str]:
    """What tmux must say of the pane for it to be that one still, alive, under this hold and in no mode."""
    return {
        "pane_pid": str(stand.pid),
        **dict.fromkeys(("pane_dead", "pane_in_mode", "pane_synchronized"), "0"),
        HOLD: hold,
    }


def _sight(stand: PaneState) -> dict[str, str]:
    """The same for what it shows: its size, its cursor and the program in front."""
    return {
        "pane_width": str(stand.size[0]),
        "pane_height": str(stand.size[1]),
        "cursor_x": str(stand.cursor[0]),
        "cursor_y": str(stand.cursor[1]),
        "bracket_paste_flag": stand.brackets,
        "pane_current_command": literal(stand.command),
    }
