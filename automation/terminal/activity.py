"""What each pane shows of its agent over time: idle, busy, a question, an error, a limit. Reports each change."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from automation.protocol.activity import UNSEEN_S, ActivityClassifier, ActivityReading, Sight
from automation.protocol.ports import PermanentFailure, TransientFailure
from automation.terminal import screen
from automation.terminal.pane import dialog_mark
from automation.terminal.pane_picture import drawn, png
from automation.terminal.panes import Panes, PaneSnapshot
from core.desks.model import Shown
from core.profiles.model import Activity, PaneProfile

_NUMBERS = re.compile(r"\d+")


def sight_of(look: PaneSnapshot | PermanentFailure, profile: PaneProfile, *, is_writing: bool = False) -> Sight:
    if isinstance(look, PermanentFailure):
        return Sight(why_not=f"{look.reason}: {look.note}")
    view = look.view
    if look.state.is_dead or view.why_unread:
        return Sight(why_not="its program has ended" if look.state.is_dead else view.why_unread)
    if view.composer is None or not view.is_ready:
        odd = "its prompt is not to be seen"
    else:
        odd = "" if view.is_empty else "its composer is not empty"
    return Sight(
        dialog=view.dialog,
        shows=Activity.UNKNOWN if view.dialog is None else profile.terminal.dialogs[view.dialog].shows,
        is_busy=view.is_busy or is_writing,
        has_busy_sign=profile.has_busy_sign,
        odd=odd,
        rest_s=profile.idle_ms / 1000,
        picture=view.lines if view.dialog is None else view.crop,
    )


@dataclass(slots=True, kw_only=True)
class _Followed:
    judge: ActivityClassifier = field(default_factory=ActivityClassifier)
    look: PaneSnapshot | None = None
    shown: Shown | None = None


@dataclass(slots=True, kw_only=True)
class PaneActivityTracker:
    """All panes of one desk. `tell` hears each change once, `tell_active` that a pane at work changed."""

    panes: Panes
    tell: Callable[[Shown], None]
    tell_active: Callable[[str], None]
    now_s: Callable[[], float] = time.monotonic
    _windows: dict[str, _Followed] = field(init=False)

    def __post_init__(self) -> None:
        self._windows = {name: _Followed() for name in self.panes.names()}
        for one in self._windows.values():
            # Dated back, so that Octet reports at once a pane that is already gone.
            one.judge.note_sight(Sight(why_not="Octet has not looked yet"), -UNSEEN_S)

    def note_looks(self, looks: Mapping[str, PaneSnapshot | PermanentFailure]) -> None:
        now_s = self.now_s()
        for name, look in looks.items():
            one = self._windows[name]
            one.look = None if isinstance(look, PermanentFailure) else look
            sight = sight_of(look, self.panes.profile(name), is_writing=self.panes.is_writing(name))
            one.judge.note_sight(sight, now_s)
            reading = one.judge.reading(now_s)
            if reading is not None:
                self._judged(name, one, reading)
            work = partial(self._work, name, one.look) if one.look is not None and sight.is_busy else None
            with suppress(TransientFailure):  # a search that took too long: the next look says more
                if one.judge.has_progress(work, now_s):
                    self.tell_active(name)

    def is_certain(self, name: str) -> bool:
        return self._windows[name].judge.reading(self.now_s()) is not None

    def shown(self, name: str) -> Shown:
        one = self._windows[name]
        if one.shown is None or one.judge.reading(self.now_s()) is None:
            return Shown(window=name, activity=Activity.UNKNOWN, note="it has just changed")
        return one.shown

    def _judged(self, name: str, one: _Followed, reading: ActivityReading) -> None:
        view, profile = one.look.view if one.look else None, self.panes.profile(name)
        dialog = None if view is None or view.dialog is None else profile.terminal.dialogs[view.dialog]
        known = "" if view is None or dialog is None else dialog_mark(view.crop)
        if one.shown is not None and (one.shown.activity, one.shown.mark) == (reading.activity, known):
            return
        crop = () if view is None or dialog is None else screen.hidden(view.crop, profile.terminal)
        one.shown = Shown(
            window=name,
            activity=reading.activity,
            answers=() if dialog is None else dialog.answers,
            text="\n".join(crop),
            mark=known,
            png=png(drawn(crop)) if crop else b"",
            note=reading.note,
        )
        self.tell(one.shown)

    def _work(self, name: str, look: PaneSnapshot) -> tuple[str, ...]:
        rest = screen.without_sign(look.view.around, self.panes.profile(name).terminal)
        return tuple(_NUMBERS.sub("", line) for line in rest)
