"""What each window shows of its agent over time: idle, busy, a question, an error, a limit."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from PIL import Image

from automation.desktop.observation import image_diff
from automation.desktop.observation.delivery_screenshots import paint_masks
from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.observation.screen_capture import to_small_png
from automation.desktop.observation.screen_signs import SETTLED_S, WindowSnapshot
from automation.protocol.activity import ActivityClassifier, ActivityReading, Sight
from automation.protocol.ports import DeliveryClock
from core.desks.model import Shown
from core.kit.redaction import redacted
from core.profiles.model import Act, Activity, Profile

APART_S = 0.25  # between two looks at one window, however fast it is drawn in
BUSY_APART_S = 0.5  # the same while it is busy: its spinner draws all the time, and says nothing new
SILENT_S = 5.0  # Octet asks a silent program again after this, though nothing is drawn
FRESH_S = 2.0  # the longest wait, for a caller, until it is certain what a window shows


@dataclass(slots=True, kw_only=True)
class _Followed:
    judge: ActivityClassifier
    view: WindowSnapshot = field(default_factory=lambda: WindowSnapshot(why_not="Octet has not looked yet"))
    shown: Shown | None = None
    crop: Image.Image | None = None
    looked_s: float = -APART_S
    due_s: float | None = 0.0


@dataclass(slots=True, kw_only=True)
class ActivityTracker:
    """All windows of one desk. Looks only when the display reports drawing. `tell` hears each change once,
    `tell_active` that a window at work changed. Belongs to the worker's thread."""

    inspector: WindowInspector
    tell: Callable[[Shown], None]
    tell_active: Callable[[str], None]
    on_view: Callable[[str, WindowSnapshot], None] = lambda _name, _view: None
    now_s: Callable[[], float] = time.monotonic
    _windows: dict[str, _Followed] = field(default_factory=dict[str, _Followed])

    def __post_init__(self) -> None:
        for name in self.inspector.names():
            self._windows[name] = _Followed(judge=ActivityClassifier(partial(self._is_same, name)))

    def mark_drawn(self, names: Iterable[str]) -> None:
        """Note that something was drawn in or over these windows: Octet looks at them soon, not too often."""
        for name in names:
            one = self._windows[name]
            is_busy = one.shown is not None and one.shown.activity is Activity.BUSY
            due_s = max(self.now_s(), one.looked_s + (BUSY_APART_S if is_busy else APART_S))
            one.due_s = due_s if one.due_s is None else min(one.due_s, due_s)

    def due_in_s(self) -> float | None:
        due = [one.due_s for one in self._windows.values() if one.due_s is not None]
        return max(0.0, min(due) - self.now_s()) if due else None

    def look(self) -> None:
        for name, one in self._windows.items():
            if one.due_s is not None and one.due_s <= self.now_s():
                self._look(name, one)

    def read_fresh(self, names: Iterable[str], pace: DeliveryClock) -> Mapping[str, Shown]:
        """Return what these windows show now, after a short wait until that is certain."""
        wanted = list(names)
        for name in wanted:
            self._look(name, self._windows[name])
        end_s = self.now_s() + FRESH_S
        while self.now_s() < end_s:
            waits = [self._windows[name].due_s for name in wanted if self._is_open(self._windows[name])]
            if not waits:
                break
            pace.rest(min(APART_S, max(0.01, min(due for due in waits if due is not None) - self.now_s())))
            self.look()
        return {name: self._now(name) for name in wanted}

    def _is_open(self, one: _Followed) -> bool:
        certain = one.view.why_not or one.judge.certain_in_s(self.now_s()) is None
        return not certain and one.due_s is not None

    def _now(self, name: str) -> Shown:
        one = self._windows[name]
        if one.judge.reading(self.now_s()) is None or one.shown is None:
            note = one.view.why_not or "it has just changed"
            return Shown(window=name, activity=Activity.UNKNOWN, note=note)
        return one.shown

    def _look(self, name: str, one: _Followed) -> None:
        one.view = view = self.inspector.view(name)
        self.on_view(name, view)
        profile = self.inspector.profile(name)
        one.judge.note_sight(sight_of(view, profile), self.now_s())
        one.looked_s = now_s = self.now_s()
        again_s = one.judge.certain_in_s(now_s)
        if again_s is None and one.view.unheard:
            again_s = SILENT_S
        one.due_s = None if again_s is None else now_s + max(again_s, 0.01)
        reading = one.judge.reading(now_s)
        if reading is not None:
            self._judged(name, one, reading)
        work = None if view.frame is None or not view.is_busy else partial(_without_signs, view.frame, profile)
        if one.judge.has_progress(work, now_s):
            self.tell_active(name)

    def _judged(self, name: str, one: _Followed, reading: ActivityReading) -> None:
        profile, view = self.inspector.profile(name), one.view
        crop = view.crop if view.dialog is not None else None
        if one.shown is not None and one.shown.activity is reading.activity:
            if crop is None and one.crop is None:
                one.shown = replace(one.shown, note=reading.note)
                return
            if crop is not None and self._is_same(name, crop, one.crop):
                return
        text = self.inspector.text(name, view)
        if text is None and not one.judge.is_restless(self.now_s()):
            one.due_s = self.now_s() + APART_S  # it has just changed: Octet reports it later
            return
        shown = redacted(text or "")  # if it has a code, Octet does not know where the picture shows it
        answers: tuple[Act, ...] = () if view.dialog is None else profile.dialogs[view.dialog].answers
        one.crop = crop
        # A dialog that is a separate window has no masks.
        painted = crop if crop is None or view.box is None else paint_masks(crop, view.box, profile.masks)
        one.shown = Shown(
            window=name,
            activity=reading.activity,
            answers=answers,
            text=shown,
            mark="" if crop is None else mark(crop),
            png=b"" if painted is None or shown != (text or "") else to_small_png(painted),
            note=reading.note,
        )
        self.tell(one.shown)

    def _is_same(self, name: str, picture: object, before: object) -> bool:
        return is_same_picture(picture, before, self.inspector.profile(name))


def is_same_picture(picture: object, before: object, profile: Profile) -> bool:
    """Return whether these look alike but for a caret."""
    if not isinstance(picture, Image.Image) or not isinstance(before, Image.Image):
        return picture is before
    return image_diff.is_same(picture, before, profile.composer.caret_px)


def sight_of(view: WindowSnapshot, profile: Profile) -> Sight:
    idle_s = profile.idle_ms / 1000
    if view.strange:
        odd = f"it shows a dialog its profile does not know: {view.strange}"
    elif not view.is_resting:
        odd = "it shows neither that it is at work nor that it rests"
    else:
        odd = "" if view.is_empty else "its composer is not empty"
    return Sight(
        why_not=view.why_not,
        dialog=view.dialog,
        shows=Activity.UNKNOWN if view.dialog is None else profile.dialogs[view.dialog].shows,
        is_busy=view.is_busy,
        unheard=view.unheard,
        has_busy_sign=profile.has_busy_sign,
        odd=odd,
        rest_s=max(idle_s, SETTLED_S) if profile.listens else idle_s,  # its program may have to report what it drew
        picture=view.crop if view.dialog is not None else view.frame,
    )


def mark(crop: Image.Image) -> str:
    """Return what identifies exactly this dialog: a letter more or less makes another one."""
    return hashlib.sha256(repr(crop.size).encode() + crop.tobytes()).hexdigest()


def _without_signs(frame: Image.Image, profile: Profile) -> Image.Image:
    """Return the window without what moves though no work is done: spinners, clocks beside them, a user's draft."""
    work = frame.copy()
    signs = [sign.box for sign in (profile.busy.sign, profile.idle.sign) if sign is not None]
    for box in (profile.composer.box, *signs):
        work.paste("#000000", box.edges)
    return work
