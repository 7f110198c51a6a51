"""The target of one delivery on X11: it is the right window, has the focus, and only our keys and clicks reach it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from automation.desktop.observation.inspector import LOCKED, WindowInspector
from automation.desktop.target.input_target import FOCUS_S, NOT_FOCUSED, InputTarget, wait_until
from automation.desktop.target.own_input import Clicks, places
from automation.desktop.x11.input import RoutingSnapshot, X11Input, do_nothing
from automation.desktop.x11.input_guard import GAP_S, InputGuard
from automation.protocol.ports import DeliveryClock, TransientFailure
from core.deliveries.model import Reason
from core.kit import faults
from core.profiles.model import Box, Readback

RELEASE_S = 0.05  # while the devices are held, a key may be down for so long before it counts as held by a user
ENOUGH_S = 0.15  # A hold that ends sooner is ended at once, and another one begun, before something new


class X11Target(InputTarget[WindowInspector]):
    """Octet holds the user's devices while it types; each look and its key or click are one grab of the server."""

    def __init__(
        self,
        *,
        name: str,
        inspector: WindowInspector,
        x11_input: X11Input,
        clicks: Clicks,
        pace: DeliveryClock,
        hold: InputGuard | None = None,
    ) -> None:
        """Without a `hold` no user works at this display."""
        super().__init__(name=name, inspector=inspector, pointer=x11_input, clicks=clicks, pace=pace)
        self._windows = inspector.windows
        self._input = x11_input
        self._reach = x11_input.reach
        self._hold = hold

    def needs_no_click(self) -> bool:
        """Return whether a click may count as the second of a double click in a terminal, which would select a word:
        some count by time alone. There the window's focus is enough."""
        return self.profile.readback[0] is Readback.PIXELS and self._clicks.is_recent()

    def has_focus(self) -> bool:
        """Return whether the target is the active window and gets the keys."""
        return self._reach.keys_go_to(self.window().id)

    def hold_devices(self) -> None:
        self._begin_hold(self._rest)

    def hold_for_clearing(self) -> None:
        self._begin_hold(self.wait)

    def is_held(self) -> bool:
        """Return whether the user's devices are held since the last click into the window, and long enough still: what
        was read there is still there. True where no user works."""
        return self._hold is None or self._hold.left_s >= ENOUGH_S

    def is_guarded(self) -> bool:
        return self._hold is not None and self._hold.is_on

    def wait_for_idle_input(self) -> None:
        self._input.check(self.profile.chords())
        if not self.until(lambda: not self._reach.is_anything_down(), GAP_S if self._hold else self._release_s()):
            raise TransientFailure(Reason.KEYS_DOWN)

    def guard(self) -> None:
        """See that the target has the focus; a press checks it again."""
        self._check_held()
        has_focus = self.has_focus()  # first: its answer also says whether the window is still at its place
        self._check_same(self.inspector.place(self.name, just_asked=True))
        if not has_focus:
            raise TransientFailure(Reason.FOCUS_TAKEN, NOT_FOCUSED)

    def press(self, chord: str, *, while_down: Callable[[], None] = do_nothing, by_s: float | None = None) -> None:
        """Press a chord into the target and nowhere else, unless the user asked to stop or it is later than `by_s` on
        the clock of the pace. Whatever it raises, nothing was pressed. The caller has guarded."""

        def now(instant: RoutingSnapshot) -> None:
            self.pace.check()
            self._check_in_time(by_s)
            self._press(chord, instant.focus, while_down=while_down)

        self._in_grab(now)

    def press_chord(self, chord: str, *, by_s: float) -> None:
        self.press(chord, by_s=by_s)

    def press_to_clear(self, chords: Sequence[str], *, rest_s: float = 0.0) -> None:
        """Press the chords that clear our own draft; neither a cover nor a stop prevents it. All in one grab: a thief
        of selections, who undoes what the first one selected, comes only after the last one. With `rest_s` that long
        after each other, for editors that learn of their selection later."""
        if self.inspector.identify(self.name).id != self.window().id:
            raise TransientFailure(Reason.FOCUS_TAKEN)

        def now(together: Sequence[str], instant: RoutingSnapshot) -> None:
            focus: int | None = instant.focus
            for chord in together:
                self._press(chord, focus)
                focus = None  # asked again: a key of ours may have moved it

        for together in [[chord] for chord in chords] if rest_s else [chords]:
            self._in_grab(partial(now, together))
            self.wait(rest_s)

    def drag_over(self, part: Box) -> None:
        """Select what a terminal shows in a part of the window, from its first cell to its last."""
        self.hold_devices()
        self._click(part, is_drag=True)

    def dismiss(self, question: int, chord: str) -> None:
        """Press a chord into another window of the target's own program that is in its way, and nowhere else."""

        def now(instant: RoutingSnapshot) -> None:
            if not self._reach.keys_go_to(question, focus=instant.focus):
                raise TransientFailure(Reason.FOCUS_TAKEN, NOT_FOCUSED)
            self._input.press(chord)

        self._begin_hold(self.wait)
        if not self.until(lambda: self._reach.keys_go_to(question), FOCUS_S):
            self._windows.activate(question)
            self.until(lambda: self._reach.keys_go_to(question), FOCUS_S)
        self._in_grab(now)

    def restore_user_state(self) -> None:
        """Restore pointer and focus, unless the user moved them meanwhile; then the user's devices and keys."""
        if self._hold is not None:
            self._hold.end()
            return
        super().restore_user_state()

    def release_devices(self) -> None:
        """End the hold: nothing of ours is left in the window, so a user need not wait longer."""
        if self._hold is not None:
            self._hold.end()

    def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until it holds, at most so long; look again when the display reports something, and now and then."""
        return wait_until(holds, seconds, self._input.changes.wait)

    def watch_drawing(self) -> None:
        """Have whatever is drawn in the window from now on end `wait_for_redraw`."""
        self._input.changes.watch_drawing(self.window().id)

    def wait_for_redraw(self, seconds: float) -> None:
        """Wait so long, or until something is drawn in the window."""
        self._input.changes.wait(seconds if self._input.changes.sees_drawing else min(seconds, 0.004))

    def _rest(self, seconds: float) -> None:
        self.pace.rest(seconds)
        self.pace.check()

    def _begin_hold(self, rest: Callable[[float], None]) -> None:
        target = self.window().id
        if self._hold is None:
            self._remember()
        elif self._hold.left_s < ENOUGH_S:
            self._hold.end(for_good=False)
            self._hold.begin(target, rest=rest)

    def _check_held(self) -> None:
        if self._hold is not None and not self._hold.is_on:
            raise TransientFailure(Reason.TOO_SLOW)

    def _in_grab(self, act: Callable[[RoutingSnapshot], None]) -> None:
        """Check and act as one: nothing on the display can change between. Octet waits outside the grab for what passes
        in a moment (a button of our own click that the window manager has not processed). Raises TransientFailure with
        nothing done."""
        end = time.monotonic() + self._release_s()
        while True:
            with self._input.server.asking(self._reach.ask) as instant:
                self._check_held()
                if instant.is_anything_down:
                    trouble = TransientFailure(Reason.KEYS_DOWN)
                elif instant.is_keyboard_taken:
                    trouble = TransientFailure(Reason.LOCKED, LOCKED)
                else:
                    act(instant)
                    return
            if time.monotonic() >= end:
                raise trouble
            self.wait(0.003)

    def _release_s(self) -> float:
        """Return how long a key or button may be down before it counts as the user's: longer after our own click."""
        return max(RELEASE_S, self._clicks.under_way_s())

    def _press(self, chord: str, focus: int | None, *, while_down: Callable[[], None] = do_nothing) -> None:
        if not self._reach.keys_go_to(self.window().id, focus=focus):
            raise TransientFailure(Reason.FOCUS_TAKEN, NOT_FOCUSED)
        faults.point("worker.grabbed")
        self._input.press(chord, while_down=while_down)

    def _click(self, part: Box, *, may_stop: bool = True, by_s: float | None = None, is_drag: bool = False) -> None:
        target, corner = self.window().id, (self.window().box.x, self.window().box.y)
        point = end = self._clicks.choose(places(part, corner), corner)
        if is_drag:
            left, top, right, bottom = part.on_screen(self.window().box).edges
            point, end = (left, top), (right - 1, bottom - 1)

        def now(_: RoutingSnapshot) -> None:
            if may_stop:
                self.pace.check()
            self._check_in_time(by_s)
            self._check_place()
            if self._windows.is_pointer_taken():
                raise TransientFailure(Reason.LOCKED, LOCKED)
            if not all(self._reach.click_goes_to(target, place) for place in (point, end)):
                raise TransientFailure(Reason.COVERED, "another window lies where the click would go")
            self._input.click(*point, to=end if is_drag else None)

        if self._hold is not None:
            self._hold.will_click(end)
        self._in_grab(now)
        self._clicks.made(end, corner)
