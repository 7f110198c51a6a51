"""Where a desk's panes are, their state, and what they show: one question to tmux for all of that."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog
from PIL import Image

from automation.protocol.activity import DIALOGS
from automation.protocol.ports import DeliveryFailure, PermanentFailure, TransientFailure
from automation.terminal import screen
from automation.terminal.pane_picture import drawn
from automation.terminal.screen import PaneScreen, ScreenLine
from automation.terminal.tmux import NoServer, TmuxServer, TmuxSilent
from core.calibration.model import FoundPane
from core.deliveries.model import Reason
from core.desks.model import Desk, LiveView, mark_of
from core.profiles.model import PaneProfile, Terminal

if TYPE_CHECKING:
    from core.desks.model import Pane as Wanted

log = structlog.get_logger(__name__)

TAG = "@octet_window"  # the option that identifies one of Octet's own panes, whatever its window is called
HOLD = "@octet_hold"  # the option of a pane that says whose hold it is under: a number, none when it is under none
HISTORY = 5_000  # at most so many lines above the screen are read for answers
REST_S = 5.0  # between two searches of a screen where the first took too long
WRITES_S = 0.3  # a text above a composer that changes for so long is being written
_PARTS: tuple[str, ...] = (
    *("pane_id", "pane_pid", "pid", "pane_dead", "pane_dead_status", "pane_in_mode", "pane_synchronized"),
    *("pane_input_off", "pane_width", "pane_height", "cursor_x", "cursor_y", "bracket_paste_flag"),
    *(HOLD, TAG, "pane_current_command"),
)
_TEXTS = frozenset({HOLD, TAG, "pane_current_command", "pane_title", "session_name"})
"""Parts whose value is free text. A program chooses what it is called, with newlines too."""
_BREAKS = "\x01-\x1f\x7f|"  # characters that could break a row


def asked(part: str) -> str:
    """Return how to ask tmux for this part. tmux replaces what could break a row, and cuts a long text."""
    return f"#{{=200:#{{s/[{_BREAKS}]/?/:{part}}}}}" if part in _TEXTS else f"#{{{part}}}"


def literal(text: str) -> str:
    """Return a text for tmux to compare with: without the meaning that its characters have there."""
    return re.sub("[#,}]", r"#\g<0>", text)


FORMAT = "|".join(map(asked, _PARTS))
_ROW = re.compile(r"%\d+" + "".join(rf"\|[^{_BREAKS}]*" if part in _TEXTS else r"\|\d*" for part in _PARTS[1:]))
_NEXT = f"octet-pane-{secrets.token_hex(8)}:"
"""Begins the line about the next pane; Octet looks separately at a pane that shows such a line itself."""
_PLACE = f"{asked('session_name')}:#{{window_index}}.#{{pane_index}}|{asked('pane_title')}"
_SHELLS = frozenset({"bash", "dash", "fish", "ksh", "sh", "tmux", "zsh"})  # a prompt of theirs may look like an agent's
_TYPISTS = "#{client_activity}|#{client_control_mode}|#{client_readonly}|#{pane_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaneState:
    """A pane's state, as its server reported in one moment."""

    id: str
    pid: int
    server: int  # of the tmux server: pane numbers restart with each
    is_dead: bool
    status: str
    modes: int  # copy mode and the like, which take keys for themselves
    is_synchronized: bool
    is_off: bool  # its input is switched off: by a user, or by our own hold
    size: tuple[int, int]
    cursor: tuple[int, int]
    brackets: str
    """`1` when its program asked for pastes in brackets, `0` when not; empty where this tmux does not tell."""
    hold: str
    tag: str
    command: str

    @property
    def mark(self) -> str:
        """Identifies exactly this pane, with this process."""
        return f"pane:{self.server}.{self.id}.{self.pid}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaneSnapshot:
    """A pane and what it shows, of one moment."""

    state: PaneState
    view: PaneScreen
    typed_s: float = float("inf")
    """How long no user at exactly this pane has pressed a key; infinite without a user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writing:
    """The text above a composer, since when it has been still, and since when it changed again and again."""

    text: tuple[str, ...] | None  # None while no composer was seen
    still_s: float
    since_s: float


class Panes:
    """Everything visible of one desk's panes. Touches nothing; belongs to one thread."""

    def __init__(self, desk: Desk, profiles: Mapping[str, PaneProfile], tmux: TmuxServer) -> None:
        self.tmux = tmux
        self.desk = desk
        self._windows = {window.name: window for window in desk.windows}
        self._profiles = profiles
        self._ids: dict[str, str] = {}
        self._rest_until_s: dict[str, float] = {}
        self._writing: dict[str, _Writing] = {}
        self.last: Mapping[str, PaneSnapshot | PermanentFailure] = {}  # what the worker saw last

    def names(self) -> tuple[str, ...]:
        return tuple(self._windows)

    def profile(self, name: str) -> PaneProfile:
        return self._profiles[self._windows[name].profile]

    def wanted(self, name: str) -> Wanted:
        pane = self._windows[name].pane
        assert pane is not None
        return pane

    def tag(self, name: str) -> str:
        """Return the tag of a pane, by which Octet finds it again anywhere. That of a user's own pane also contains its
        configured name, so that Octet searches again once the configuration names another one."""
        target = self.wanted(name).target
        return f"yours:{self.desk.name}/{name} {target}" if target else f"{self.desk.name}/{name}"

    def all(self) -> tuple[PaneState, ...]:
        """Return every pane of the server; none where there is no server. Raises TmuxSilent."""
        try:
            rows = self.tmux.ask(["list-panes", "-a", "-F", FORMAT])
        except NoServer:
            return ()
        return tuple(state for state in map(parse, rows) if state is not None)

    def unused(self) -> tuple[FoundPane, ...]:
        """Return the panes with a program that no Octet uses, and which profiles' composers they show. What was removed
        from this desk's configuration may still have its tag."""
        known, former = set(map(self.tag, self._windows)), f"yours:{self.desk.name}/"
        return tuple(
            found
            for one in self.all()
            if one.tag not in known and (not one.tag or one.tag.startswith(former))
            if not one.is_dead and one.command not in _SHELLS
            if (found := self._found(one)) is not None
        )

    def _found(self, state: PaneState) -> FoundPane | None:
        """Describe a pane; None for one that has just gone."""
        with suppress(NoServer, TmuxSilent):
            head, *captured = self.tmux.ask(
                ["display-message", "-p", "-t", state.id, _PLACE], ["capture-pane", "-p", "-e", "-J", "-t", state.id]
            )
            place, _, title = head.rpartition("|")
            lines = screen.parse(captured)
            fits = tuple(name for name, one in self._profiles.items() if _fits(one.terminal, state.command, lines))
            return FoundPane(place=place, title=title, program=state.command, fits=fits)
        return None

    def find(self, name: str) -> str:
        """Return its number, by which tmux is asked. Raises PermanentFailure."""
        if name not in self._ids:
            try:
                ours = [one for one in self.all() if one.tag == self.tag(name)]
            except TmuxSilent as trouble:
                raise PermanentFailure(Reason.CLOSED, trouble.message) from trouble
            if len(ours) > 1:
                raise PermanentFailure(Reason.AMBIGUOUS, f"{len(ours)} panes bear its name")
            self._ids[name] = ours[0].id if ours else self._untagged(name)
        return self._ids[name]

    def _untagged(self, name: str) -> str:
        """Find a user's own pane without a tag where the configuration says that it is: panes that close or move give
        their places to others, so it must not be that of another agent. Raises PermanentFailure."""
        target = self.wanted(name).target
        if not target:
            raise PermanentFailure(Reason.CLOSED, "there is no pane of this name; `octet desk up` makes it")
        try:
            # Alone, display-message takes the active pane where there is none of this name.
            state = parse(self.tmux.ask(*seeing(target))[0])
        except (NoServer, TmuxSilent) as trouble:
            raise PermanentFailure(Reason.CLOSED, trouble.message) from trouble
        if state is None or not self._may_be(name, state):
            raise PermanentFailure(Reason.CLOSED, f"its pane is gone; the pane now called {target} is another agent's")
        return state.id

    def _may_be(self, name: str, state: PaneState) -> bool:
        if not self.wanted(name).target:
            return state.tag == self.tag(name)
        return state.tag not in {self.tag(other) for other in self._windows if other != name}

    def seen(self, name: str, lines: Sequence[str]) -> PaneSnapshot:
        """Read what tmux answered to `seeing`, perhaps with its clients before that."""
        first = next((number for number, line in enumerate(lines) if line.startswith("%")), 0)
        clients, state = lines[:first], parse(lines[first]) if lines else None
        if state is None:
            raise TmuxSilent(why="it describes a pane in a way that Octet does not understand")
        view = self._view(name, state, lines[first + 1 :])
        return PaneSnapshot(state=state, view=view, typed_s=_typed_s(clients, state.id))

    def _view(self, name: str, state: PaneState, captured: Sequence[str]) -> PaneScreen:
        """Read what it shows; a failure makes only this pane unreadable. After a slow search rest for `REST_S`."""
        why = screen.SLOW
        try:
            if time.monotonic() >= self._rest_until_s.get(name, 0.0):
                lines, rows = screen.parse(captured), state.size[1]
                above = tuple(line.text for line in lines[:-rows])  # a dialog is on the visible screen
                view = screen.view(lines[-rows:], self.profile(name).terminal)
                whole = {"lines": (*above, *view.lines), "around": (*above, *view.around)}
                return replace(view, **whole, above=(*above, *view.above))
        except TransientFailure:
            self._rest_until_s[name] = time.monotonic() + REST_S
            log.warning("pane_search_too_slow", desk=self.desk.name, pane=name)
        except Exception as error:  # of one pane: the others must be read
            log.exception("pane_not_read", desk=self.desk.name, pane=name)
            why = f"reading its screen failed ({type(error).__name__}); the worker's log has more"
        return PaneScreen(lines=(why,), around=(), box=(), composer=None, is_ready=False, why_unread=why)

    def _note_writing(self, name: str, view: PaneScreen) -> None:
        """Note since when the text above the composer is still, while no sign says that its agent works. A growing
        composer only pushes some of it out."""
        now_s, text, before = time.monotonic(), tuple(filter(None, view.above)), self._writing.get(name)
        if view.is_busy:
            self._writing[name] = _Writing(text=text, still_s=now_s, since_s=now_s)
        elif view.composer is None or before is None:  # half drawn, at its start, or a dialog
            still_s, since_s = (before.still_s, before.since_s) if before else (float("-inf"), now_s)
            self._writing[name] = _Writing(
                text=None if view.composer is None else text, still_s=still_s, since_s=since_s
            )
        elif before.text is not None and text[-len(before.text) :] == before.text[-len(text) :]:
            self._writing[name] = replace(before, text=text)
        else:
            since_s = before.since_s if now_s - before.still_s < self._idle_s(name) else now_s
            self._writing[name] = _Writing(text=text, still_s=now_s, since_s=since_s)

    def _idle_s(self, name: str) -> float:
        return self.profile(name).idle_ms / 1000

    def is_still(self, name: str) -> bool:
        """Return whether the text above its composer has not changed for a while."""
        one = self._writing.get(name)
        return one is None or time.monotonic() - one.still_s >= self._idle_s(name)

    def is_writing(self, name: str) -> bool:
        """Return whether the text above its composer changes again and again: so an agent looks that writes."""
        one = self._writing.get(name)
        return one is not None and not self.is_still(name) and one.still_s - one.since_s >= WRITES_S

    def look(self, name: str, *, history: int = 0) -> PaneSnapshot:
        """Return the pane, all that it shows, and who types there. Raises PermanentFailure."""
        for _ in range(2):
            pane = self.find(name)
            since = ["-S", f"-{history}"] if history else []
            try:
                lines = self.tmux.ask(["list-clients", "-F", _TYPISTS], *seeing(pane, since))
            except NoServer as trouble:
                self._ids.clear()
                raise PermanentFailure(Reason.CLOSED, trouble.message) from trouble
            except TmuxSilent as trouble:
                if self._ids.pop(name, None) is None:
                    raise PermanentFailure(Reason.CLOSED, trouble.message) from trouble
                continue
            look = self.seen(name, lines)
            if self._may_be(name, look.state):
                if not history:
                    self._note_writing(name, look.view)
                return look
            self._ids.pop(name, None)
        raise PermanentFailure(Reason.CLOSED, "its pane is gone")

    def look_at_all(self) -> Mapping[str, PaneSnapshot | PermanentFailure]:
        """Look at every pane, in one question where all are where they were."""
        known = [name for name in self._windows if name in self._ids]
        questions = [
            question
            for name in known
            for question in (
                ["display-message", "-p", "-t", self._ids[name], f"{_NEXT}{FORMAT}"],
                ["capture-pane", "-p", "-e", "-J", "-t", self._ids[name]],
            )
        ]
        found: dict[str, PaneSnapshot | PermanentFailure] = {}
        try:
            answer = self.tmux.ask(*questions) if questions else []
        except (NoServer, TmuxSilent):
            answer = []
        starts = [number for number, line in enumerate(answer) if line.startswith(_NEXT)]
        if len(starts) == len(known):
            for name, start, end in zip(known, starts, [*starts[1:], len(answer)], strict=False):
                state = parse(answer[start].removeprefix(_NEXT))
                if state is not None and self._may_be(name, state):
                    view = self._view(name, state, answer[start + 1 : end])
                    self._note_writing(name, view)
                    found[name] = PaneSnapshot(state=state, view=view)
        for name in self._windows:
            if name not in found:
                found[name] = self.try_look(name)
        return found

    def try_look(self, name: str) -> PaneSnapshot | PermanentFailure:
        """Look; return the failure instead of raising it."""
        try:
            return self.look(name)
        except PermanentFailure as trouble:
            return trouble
        except TmuxSilent as trouble:
            return PermanentFailure(Reason.PANE_NOT_READABLE, trouble.message)

    def picture(self, name: str) -> Image.Image:
        return drawn(screen.hidden(self.look(name).view.lines, self.profile(name).terminal))

    def live(self, name: str, known: str) -> LiveView:
        """Return what the pane showed when the worker looked last, less than half a second ago."""
        seen = self.last.get(name) or self.look(name)
        if isinstance(seen, PermanentFailure):
            raise seen
        text = "\n".join(screen.hidden(seen.view.lines, self.profile(name).terminal))
        mark = mark_of(text.encode())
        return LiveView(mark=mark, text="" if mark == known else text)

    def whole(self) -> Image.Image:
        return drawn(self.shown())

    def is_composer_empty(self, name: str) -> bool:
        return self.look(name).view.is_empty

    def is_busy(self, name: str) -> bool:
        return self.look(name).view.is_busy

    def is_ready(self, name: str) -> bool:
        seen = self.last.get(name)
        return seen is not None and self.why_unusable(name, seen) is None

    def why_unusable(self, name: str, seen: PaneSnapshot | PermanentFailure) -> DeliveryFailure | None:
        """Return why no delivery could begin in what was seen of it."""
        if isinstance(seen, PermanentFailure):
            return seen
        try:
            self.preflight(name, seen)
        except DeliveryFailure as trouble:
            return trouble
        return None

    def shown(self) -> list[str]:
        """Return what all panes show, for users: one below the other, without what is masked."""
        lines: list[str] = []
        for name, look in self.look_at_all().items():
            texts = (look.note,) if isinstance(look, PermanentFailure) else look.view.lines
            lines += [
                f"── {self.desk.name} · {name} ".ljust(80, "─"),
                *screen.hidden(texts, self.profile(name).terminal),
                "",
            ]
        return lines

    def check(self, name: str, state: PaneState, *, held: str = "") -> None:
        """Raise TransientFailure or PermanentFailure unless keys sent now would reach its program, and nothing else.
        `held` is our own hold, under which its input is switched off."""
        if state.is_dead:
            how = f" with exit code {state.status}" if state.status else ""
            raise PermanentFailure(Reason.CLOSED, f"its program has ended{how}")
        if state.modes:
            raise TransientFailure(Reason.COVERED, "a user is scrolling in it (tmux's copy mode, which q ends)")
        if state.is_synchronized:
            raise PermanentFailure(Reason.AMBIGUOUS, "its input goes to other panes too (synchronize-panes)")
        if held and state.hold != held:
            raise TransientFailure(Reason.TOO_SLOW, "our hold on the pane was over")
        if not held and state.hold:
            raise TransientFailure(Reason.DISPLAY_HELD, "an earlier hold on the pane is not over yet")
        if state.is_off and not state.hold:
            raise PermanentFailure(Reason.LOCKED, f"its input is switched off (tmux select-pane -e -t {state.id})")
        wanted = self.profile(name).terminal.command
        if not screen.is_sane(wanted, state.command):
            raise PermanentFailure(Reason.CHANGED, f"{state.command} runs there now")

    def preflight(self, name: str, look: PaneSnapshot, *, may_be_busy: bool = False) -> None:
        """See everything that must hold before something is written there."""
        self.check(name, look.state)
        view = look.view
        if view.why_unread:
            raise TransientFailure(Reason.PANE_NOT_READABLE, view.why_unread)
        if view.dialog is not None:
            raise PermanentFailure(Reason.DIALOG, DIALOGS[self.profile(name).terminal.dialogs[view.dialog].shows])
        if view.is_busy and not may_be_busy:
            raise TransientFailure(Reason.BUSY, "its busy sign is shown")
        if view.composer is not None and not self.is_still(name) and not may_be_busy:
            raise TransientFailure(Reason.BUSY, "the text above its composer changes")
        if view.composer is None or not view.is_ready:
            raise TransientFailure(Reason.PANE_NOT_READABLE, "its prompt is not to be seen")
        if not view.is_empty:
            raise PermanentFailure(Reason.COMPOSER_NOT_EMPTY, "Octet left the text in it untouched; send or delete it")


def _fits(terminal: Terminal, command: str, lines: tuple[ScreenLine, ...]) -> bool:
    if not screen.is_sane(terminal.command, command):
        return False
    try:
        view = screen.view(lines, terminal)
    except TransientFailure:  # its patterns are too slow here
        return False
    return view.composer is not None and view.is_ready


def seeing(pane: str, since: Sequence[str] = ()) -> list[list[str]]:
    """Return the commands by which tmux reports a pane's state and what it shows, both of one moment."""
    return [["display-message", "-p", "-t", pane, FORMAT], ["capture-pane", "-p", "-e", "-J", *since, "-t", pane]]


def _typed_s(clients: Sequence[str], pane: str) -> float:
    """Return the seconds since a user typed: tmux counts whole ones; read-only and control clients type nothing."""
    last = 0
    for activity, control, read_only, there in (line.split("|") for line in clients if line.count("|") == 3):
        if there == pane and control != "1" and read_only != "1" and activity.isdigit():
            last = max(last, int(activity))
    return time.time() - last if last else float("inf")


def parse(row: str) -> PaneState | None:
    """Return what one row of FORMAT says; None for any other row."""
    if not _ROW.fullmatch(row):
        return None
    parts = dict(zip(_PARTS, row.split("|"), strict=True))

    def number(name: str) -> int:
        return int(parts[name] or 0)

    return PaneState(
        id=parts["pane_id"],
        pid=number("pane_pid"),
        server=number("pid"),
        is_dead=number("pane_dead") > 0,
        status=parts["pane_dead_status"],
        modes=number("pane_in_mode"),
        is_synchronized=number("pane_synchronized") > 0,
        is_off=number("pane_input_off") > 0,
        size=(number("pane_width"), number("pane_height")),
        cursor=(number("cursor_x"), number("cursor_y")),
        brackets=parts["bracket_paste_flag"],
        hold=parts[HOLD],
        tag=parts[TAG],
        command=parts["pane_current_command"],
    )
