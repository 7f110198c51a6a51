"""Restores a desk's windows to their configured places, and reports what was done to each and how it was seen then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from automation.desktop.observation.inspector import WindowInspector
from automation.desktop.window_info import WindowInfo
from automation.protocol.ports import DeliveryClock, DeliveryFailure, PermanentFailure, TransientFailure
from core.deliveries.model import Reason
from core.desks.model import Arranged

MOVES_S = 0.5  # a manager takes at most so long for one request; a busy program redraws itself later
LOOK_S = 0.02


class WindowArranger:
    """One arranging. Belongs to the worker's thread; presses and clicks nothing."""

    def __init__(self, *, inspector: WindowInspector, pace: DeliveryClock) -> None:
        self._inspector = inspector
        self._windows = inspector.windows
        self._pace = pace
        self._done: dict[str, list[str]] = {}
        self._lost: dict[str, DeliveryFailure] = {}

    def run(self, names: Sequence[str]) -> tuple[Arranged, ...]:
        """Arrange all of them. Raises Cancelled when the user stops the desk meanwhile."""
        was_active = self._active()
        self._done = {name: [] for name in names}
        for name in names:
            self._pace.check()
            try:
                self._put_back(name, self._inspector.identify(name))
            except DeliveryFailure as trouble:
                self._lost[name] = trouble
        for name in names:  # after all moves: one of them may have covered another
            if name not in self._lost:
                self._pace.check()
                try:
                    self._uncover(name)
                except DeliveryFailure as trouble:
                    self._lost[name] = trouble
        if was_active and self._active() not in {0, was_active}:
            self._windows.activate(was_active)  # some managers give the focus to what they show
        return tuple(map(self._result, names))

    def _result(self, name: str) -> Arranged:
        trouble, done = self._lost.get(name) or self._why_not(name), tuple(self._done[name])
        if trouble is None:
            return Arranged(window=name, done=done)
        return Arranged(window=name, done=done, reason=trouble.reason, note=trouble.private)

    def _put_back(self, name: str, seen: WindowInfo) -> None:
        done = self._done[name]
        self._windows.check_reachable(seen.id)
        if not self._windows.is_on_this_workspace(seen.id):
            self._windows.bring_here(seen.id)
            self._until(lambda: self._windows.is_on_this_workspace(seen.id))
            done.append("brought to this workspace")
        if not self._now(seen).is_viewable:
            self._windows.show(seen.id)
            self._until(lambda: self._now(seen).is_viewable)
            done.append("shown again")
        filled = self._windows.fill_states(seen.id)
        if filled and (
            self._now(seen).box != self._inspector.configured_box(name) or self._windows.hides_window(filled)
        ):
            self._windows.unfill(seen.id, filled)
            self._until(lambda: not self._windows.fill_states(seen.id))
            done.append("restored from maximised or full screen")
        self._move(name, seen)

    def _move(self, name: str, seen: WindowInfo) -> None:
        wanted, before = self._inspector.configured_box(name), self._now(seen).box
        if before == wanted:
            return
        self._windows.move(seen.id, wanted)
        self._until(lambda: self._now(seen).box == wanted)
        now = self._now(seen).box
        if now not in {wanted, before}:
            # Some managers mean the frame's corner: ask again, by as much beside the place as it is off. And a window
            # that came onto a monitor of another scale makes itself another size there.
            aside = replace(wanted, x=2 * wanted.x - now.x, y=2 * wanted.y - now.y)
            self._windows.move(seen.id, aside)
            self._until(lambda: self._now(seen).box == wanted)
            now = self._now(seen).box
        moved = (
            [] if (now.x, now.y) == (before.x, before.y) else [f"moved from {before.x},{before.y} to {now.x},{now.y}"]
        )
        if (now.width, now.height) != (before.width, before.height):
            moved.append(f"resized from {before.width}×{before.height} to {now.width}×{now.height}")
        self._done[name] += moved or ["asked to move, which was not done"]

    def _uncover(self, name: str) -> None:
        cover = self._why_not(name)
        if cover is not None and cover.reason is Reason.COVERED:
            self._windows.raise_above(self._inspector.identify(name).id)
            self._until(lambda: (now := self._why_not(name)) is None or now.reason is not Reason.COVERED)
            self._done[name].append(f"raised above what lay over it ({cover.private or 'another window'})")

    def _why_not(self, name: str) -> DeliveryFailure | None:
        try:
            self._inspector.place(name)
        except DeliveryFailure as trouble:
            return trouble
        return None

    def _now(self, seen: WindowInfo) -> WindowInfo:
        now = self._windows.see(seen.id)
        if now is None:
            raise PermanentFailure(Reason.CLOSED, "it was closed meanwhile")
        return now

    def _active(self) -> int:
        """Return the window that gets the keys; 0 while the display does not answer: then no focus is restored."""
        try:
            return self._windows.active()
        except TransientFailure:
            return 0

    def _until(self, holds: Callable[[], bool]) -> None:
        end = self._pace.now_s() + MOVES_S
        while not holds() and self._pace.now_s() < end:
            self._pace.rest(LOOK_S)
