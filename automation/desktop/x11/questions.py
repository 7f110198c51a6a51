"""Several questions to the display server at once: all are sent before the first answer is waited for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.error import BadAtom, BadDrawable, BadWindow
from Xlib.protocol import request

Property = bytes | Sequence[int]
"""Text as it lies there, or numbers."""
LONGEST = 65_536
"""Four-byte units of a property that are read: no title, class or list of windows is longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFacts:
    """What the server told about one window."""

    kind: Property | None
    net_name: Property | None
    name: Property | None
    x: int
    y: int
    width: int
    height: int
    is_viewable: bool


class AsyncQueries:
    """Asks over one connection, which belongs to one thread. What is returned is called for the answer."""

    def __init__(self, display: Display) -> None:
        self._display: Any = display  # untyped where requests are made by hand
        self._atoms: dict[str, int] = {}

    def atom(self, name: str) -> int:
        """The number of a name, asked for once."""
        if name not in self._atoms:
            self._atoms[name] = int(self._display.intern_atom(name))
        return self._atoms[name]

    def property(self, window: int, name: str) -> Callable[[], Property | None]:
        """A property of a window. The answer is None where it has none, or is gone."""
        answer = self._property(window, self.atom(name))

        def told() -> Property | None:
            try:
                return _value(answer)
            except (BadWindow, BadAtom):
                return None

        return told

    def about(self, window: int, root: int) -> Callable[[], WindowFacts]:
        """Who a window is and where it stands on the screen. Raises BadWindow or BadDrawable for one that is gone."""
        display = self._display.display
        kind = self._property(window, Xatom.WM_CLASS)
        net_name = self._property(window, self.atom("_NET_WM_NAME"))
        name = self._property(window, Xatom.WM_NAME)
        size: Any = request.GetGeometry(display, True, drawable=window)
        corner: Any = request.TranslateCoords(display, True, src_wid=window, dst_wid=root, src_x=0, src_y=0)
        attributes: Any = request.GetWindowAttributes(display, True, window=window)

        def told() -> WindowFacts:
            answers = (size, corner, attributes)
            trouble: Exception | None = None
            values: list[Property | None] = []
            for answer in (kind, net_name, name):
                try:
                    values.append(_value(answer))
                except BadWindow as gone:
                    trouble = gone
            for answer in answers:
                answer.reply()
            if trouble is not None:
                raise trouble
            return WindowFacts(
                kind=values[0],
                net_name=values[1],
                name=values[2],
                x=int(corner.x),
                y=int(corner.y),
                width=int(size.width),
                height=int(size.height),
                is_viewable=attributes.map_state == X.IsViewable,
            )

        return told

    def shown(self, windows: Sequence[int]) -> list[int]:
        """Those of the windows that are shown now, in their order."""
        asked: list[tuple[int, Any]] = [
            (window, request.GetWindowAttributes(self._display.display, True, window=window)) for window in windows
        ]
        found: list[int] = []
        for window, answer in asked:
            try:
                answer.reply()
            except (BadWindow, BadDrawable):
                continue
            if answer.map_state == X.IsViewable:
                found.append(window)
        return found

    def pointer(self, root: int) -> Callable[[], int]:
        """Which buttons and modifiers are down, as a mask."""
        answer: Any = request.QueryPointer(self._display.display, True, window=root)

        def told() -> int:
            answer.reply()
            return int(answer.mask)

        return told

    def keys(self) -> Callable[[], bool]:
        """Whether any key is down."""
        answer: Any = request.QueryKeymap(self._display.display, True)

        def told() -> bool:
            answer.reply()
            return any(answer.map)

        return told

    def focus(self) -> Callable[[], int]:
        """The window that gets the keys; 0 and 1 are the protocol's words for none and the one under the pointer."""
        answer: Any = request.GetInputFocus(self._display.display, True)

        def told() -> int:
            answer.reply()
            return int(answer.focus if isinstance(answer.focus, int) else answer.focus.id)

        return told

    def keyboard(self, window: int) -> Callable[[], int]:
        """What the server says to a wish to take all keys for this window."""
        answer: Any = request.GrabKeyboard(
            self._display.display,
            True,
            owner_events=False,
            grab_window=window,
            time=X.CurrentTime,
            pointer_mode=X.GrabModeAsync,
            keyboard_mode=X.GrabModeAsync,
        )

        def told() -> int:
            answer.reply()
            return int(answer.status)

        return told

    def _property(self, window: int, atom: int) -> Any:
        return request.GetProperty(
            self._display.display,
            True,
            delete=0,
            window=window,
            property=atom,
            type=X.AnyPropertyType,
            long_offset=0,
            long_length=LONGEST,
        )


def _value(answer: Any) -> Property | None:
    answer.reply()
    if not answer.property_type:
        return None
    form, value = answer.value
    return bytes(value) if form == 8 else [int(number) for number in value]
