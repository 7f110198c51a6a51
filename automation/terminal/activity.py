"""What each pane shows of its agent over time: idle, busy, a question, an error, a limit; told when it changes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from automation.protocol.ports import PermanentFailure, TransientFailure
from automation.terminal import screen
from automation.terminal.pane import dialog_mark
from automation.terminal.pane_picture import drawn, png
from automation.terminal.panes import DIALOGS, Panes, PaneSnapshot
from core.desks.model import Shown
from core.profiles.model import Activity, PaneProfile

DIALOG_S = 0.3
RESTLESS_S = 10.0
UNSEEN_S = 2.0
ALIVE_S = 60.0
_NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaneActivityReading:
    """What a pane shows, and what it was told by."""

    activity: Activity
    note: str = ""


class PaneActivityClassifier:
    """One pane, by one look after the other. Pure: the clock comes in with each look.

    A busy sign means busy at once. That it is gone means idle only when nothing changes any more, and the composer is
    there and empty. What no sign explains is unknown, never idle.
    """

    def __init__(self, profile: PaneProfile) -> None:
        self._profile = profile
        self.look: PaneSnapshot | None = None
        self._why = "nobody looked yet"
        self._kind: str | int = "unseen"
        self._kind_s = -UNSEEN_S
        self._still_s = 0.0
        self._seen: tuple[str, ...] = ()

    def saw(self, look: PaneSnapshot | PermanentFailure, now_s: float) -> None:
        """Take one look in."""
        why, kind, seen = _taken(look)
        if kind != self._kind:
            self._kind, self._kind_s, self._still_s = kind, now_s, now_s
        elif seen != self._seen:
            self._still_s = now_s
        self._seen, self._why = seen, why
        self.look = None if isinstance(look, PermanentFailure) else look

    def verdict(self, now_s: float) -> PaneActivityReading | None:
        """What it shows; None while that is not certain."""
        lasted_s, still_s, look = now_s - self._kind_s, now_s - self._still_s, self.look
        if look is None or self._why:
            return PaneActivityReading(activity=Activity.UNKNOWN, note=self._why) if lasted_s >= UNSEEN_S else None
        view = look.view
        if view.dialog is not None:
            if still_s < DIALOG_S and lasted_s < UNSEEN_S:
                return None
            shows = self._profile.terminal.dialogs[view.dialog].shows
            return PaneActivityReading(activity=shows, note=DIALOGS[shows])
        if view.is_busy:
            return PaneActivityReading(activity=Activity.BUSY, note="its busy sign is shown")
        if not self._profile.has_busy_sign:
            return PaneActivityReading(
                activity=Activity.UNKNOWN, note="its profile does not say how it looks while it is at work"
            )
        if still_s < self._profile.idle_ms / 1000:
            restless = PaneActivityReading(activity=Activity.UNKNOWN, note="it shows no sign, and does not stand still")
            return restless if lasted_s >= RESTLESS_S else None
        if view.composer is None or not view.is_ready:
            return PaneActivityReading(activity=Activity.UNKNOWN, note="its prompt is not to be seen")
        if not view.is_empty:
            return PaneActivityReading(activity=Activity.UNKNOWN, note="something stands in its composer")
        return PaneActivityReading(activity=Activity.IDLE)


def _taken(look: PaneSnapshot | PermanentFailure) -> tuple[str, str | int, tuple[str, ...]]:
    if isinstance(look, PermanentFailure):
        return f"{look.reason}: {look.note}", "unseen", ()
    if look.stand.is_dead:
        return "its program has ended", "dead", look.view.lines
    view = look.view
    if view.why_unread:
        return view.why_unread, "unread", ()
    if view.dialog is not None:
        return "", view.dialog, view.crop
    return "", "busy" if view.is_busy else "", view.lines


@dataclass(slots=True, kw_only=True)
class _Followed:
    judge: PaneActivityClassifier
    shown: Shown | None = None
    work: tuple[str, ...] | None = None
    work_s: float = 0.0


@dataclass(slots=True, kw_only=True)
class PaneActivityTracker:
    """All panes of one desk. `tell` hears each change once, `stirs` that something goes on in a pane at work."""

    panes: Panes
    tell: Callable[[Shown], None]
    stirs: Callable[[str], None]
    now_s: Callable[[], float] = time.monotonic
    _windows: dict[str, _Followed] = field(default_factory=dict[str, _Followed])

    def __post_init__(self) -> None:
        """Nothing was seen yet."""
        for name in self.panes.names():
            self._windows[name] = _Followed(judge=PaneActivityClassifier(self.panes.profile(name)))

    def saw(self, looks: Mapping[str, PaneSnapshot | PermanentFailure]) -> None:
        """Take a look at every pane in, and tell what is new."""
        now_s = self.now_s()
        for name, look in looks.items():
            one = self._windows[name]
            one.judge.saw(look, now_s)
            verdict = one.judge.verdict(now_s)
            if verdict is not None:
                self._judged(name, one, verdict)
            self._follow_work(name, one, now_s)

    def is_certain(self, name: str) -> bool:
        """Whether it can be told now what this pane shows."""
        return self._windows[name].judge.verdict(self.now_s()) is not None

    def shown(self, name: str) -> Shown:
        """What it shows, as far as that is certain."""
        one = self._windows[name]
        if one.shown is None or one.judge.verdict(self.now_s()) is None:
            return Shown(window=name, activity=Activity.UNKNOWN, note="it has just changed")
        return one.shown

    def _judged(self, name: str, one: _Followed, verdict: PaneActivityReading) -> None:
        view, profile = one.judge.look.view if one.judge.look else None, self.panes.profile(name)
        dialog = None if view is None or view.dialog is None else profile.terminal.dialogs[view.dialog]
        known = "" if view is None or dialog is None else dialog_mark(view.crop)
        if one.shown is not None and (one.shown.activity, one.shown.mark) == (verdict.activity, known):
            return
        crop = () if view is None or dialog is None else screen.hidden(view.crop, profile.terminal)
        one.shown = Shown(
            window=name,
            activity=verdict.activity,
            answers=() if dialog is None else dialog.answers,
            text="\n".join(crop),
            mark=known,
            png=png(drawn(crop)) if crop else b"",
            note=verdict.note,
        )
        self.tell(one.shown)

    def _follow_work(self, name: str, one: _Followed, now_s: float) -> None:
        look = one.judge.look
        if look is None or not look.view.is_busy:
            one.work = None
            return
        if one.work is not None and now_s - one.work_s < ALIVE_S:
            return
        try:
            rest = screen.without_sign(look.view.around, self.panes.profile(name).terminal)
        except TransientFailure:
            return
        work = tuple(_NUMBERS.sub("", line) for line in rest)
        if one.work is not None and work != one.work:
            self.stirs(name)
        one.work, one.work_s = work, now_s
