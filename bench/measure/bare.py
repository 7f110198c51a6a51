"""What a delivery costs without any check: the naive loop, and each stage's bare act, on one window: Tk, or a page of
its measures in Chromium.

Run as a program, as PyAutoGUI binds one display per process:
bare.py KIND DISPLAY WINDOW_ID X Y WIDTH HEIGHT NAIVE BARE.
Prints one JSON object: the naive loop's milliseconds, and those of each bare stage.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pyperclip

from automation.desktop import gui
from automation.desktop.observation import image_diff
from automation.desktop.observation.screen_capture import ScreenCapture
from automation.desktop.window_info import DisplayHeld
from automation.desktop.x11.clipboard import X11Clipboard
from automation.desktop.x11.input import X11Input
from automation.desktop.x11.windows import X11Windows
from bench.measure.commits import commits_ms
from core.profiles.model import Box, Selection
from tests.fakes.desk import TK

LIMIT_S = 2.0
COMMITS = 3
"""Questions to the journal in one delivery: staging, staged, submitting."""
ECHO = "import sys\nfor line in sys.stdin: sys.stdout.write(line); sys.stdout.flush()"


def text_of(characters: int) -> str:
    """Return a text of this many characters: lines, spaces, several scripts."""
    return ("Sort the words of this text, äöü, 日本語, наука, and say how many there are.\n" * 1_000)[:characters]


def points_in(box: Box) -> list[tuple[int, int]]:
    """Places in the composer: every third click at one place would select a paragraph and spoil the round."""
    part = TK.composer.box
    row = box.y + part.y + part.height // 2
    return [(box.x + part.x + part.width * share // 4, row) for share in (1, 2, 3)]


def naive_ms(display: str, box: Box, text: str, rounds: int) -> list[float]:
    """Click, copy, paste, Enter, as a first script does it, with PyAutoGUI's own pauses."""
    hands: Any = gui.import_gui(display)
    hands.PAUSE = 0.1
    took: list[float] = []
    for _, point in zip(range(rounds), itertools.cycle(points_in(box)), strict=False):
        began = time.perf_counter()
        hands.click(*point)
        pyperclip.copy(text)
        hands.hotkey("ctrl", "v")
        hands.press("enter")
        took.append((time.perf_counter() - began) * 1000)
        time.sleep(0.15)
    hands.PAUSE = 0
    return took


class Bare:
    """The same libraries and the same window, nothing looked at twice."""

    def __init__(self, kind: str, display: str, window: int, box: Box) -> None:
        self._kind = kind
        self._input = X11Input(display)
        self._clipboard = X11Clipboard(display)
        self._windows = X11Windows(self._input.connection)
        self._screen = ScreenCapture(display)
        self._window = window
        part = TK.composer.box
        self._composer = Box(x=box.x + part.x, y=box.y + part.y, width=part.width, height=part.height)
        assert TK.busy.sign is not None
        sign = TK.busy.sign.box
        self._lamp = Box(x=box.x + sign.x, y=box.y + sign.y, width=sign.width, height=sign.height)
        self._points = itertools.cycle(points_in(box))

    def stages(self, text: str) -> dict[str, float]:
        """Each stage's act, in milliseconds."""
        found: dict[str, float] = {}

        def timed(name: str, act: Callable[[], None]) -> None:
            began = time.perf_counter()
            act()
            found[name] = (time.perf_counter() - began) * 1000

        self._start_anew()
        timed("preflight", self._look)
        timed("focus", self._click)
        offers = []
        client = self._windows.client_of(self._window)

        def stage() -> None:
            offer = self._clipboard.offer(Selection.CLIPBOARD, text, client)
            assert offer is not None
            offers.append(offer)
            self._input.press("ctrl+v")
            assert offer.until(lambda: offer.served > 0, LIMIT_S), "the window took nothing"

        def read_back() -> None:
            if self._kind == "chromium":  # it is read over the accessibility bus, once the text stands there
                self._until(lambda: not self._is_blank(), "the paste did not land")
                return
            self._input.press("ctrl+a")
            self._input.press("ctrl+c")
            assert offers[0].until(lambda: offers[0].is_lost, LIMIT_S), "the window copied nothing"
            assert self._clipboard.read(Selection.CLIPBOARD) == text

        timed("stage", stage)
        timed("readback", read_back)
        self._input.press("ctrl+end")
        timed("submit", lambda: self._input.press("enter"))
        timed("confirm", self._confirm)
        return found

    def _start_anew(self) -> None:
        """Clear the composer: a round before this one may have left something there."""
        self._input.press("ctrl+a")
        self._input.press("backspace")

    def _look(self) -> None:
        self._windows.see(self._window)
        self._windows.active()
        self._input.reach.is_anything_down()
        self._screen.take(self._composer)

    def _click(self) -> None:
        self._input.click(*next(self._points))
        while self._windows.active() != self._window:
            pass

    def _confirm(self) -> None:
        self._until(lambda: self._is_blank() and self._is_lit(), "Enter had no effect")

    def _is_blank(self) -> bool:
        return image_diff.is_blank(self._screen.take(self._composer), TK.composer.background, TK.composer.caret_px)

    def _is_lit(self) -> bool:
        assert TK.busy.sign is not None
        return image_diff.share(self._screen.take(self._lamp), TK.busy.sign.colour) >= TK.busy.sign.share

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        end = time.perf_counter() + LIMIT_S
        while not holds():
            assert time.perf_counter() < end, what
            time.sleep(0.0005)  # the window needs the processor too


def pipe_ms() -> float:
    """As many words and answers as a delivery has, to another process and back."""
    with subprocess.Popen([sys.executable, "-c", ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as echo:
        assert echo.stdin is not None
        assert echo.stdout is not None
        line = b"x" * 2_000 + b"\n"
        took = 0.0
        for number in range(COMMITS + 2):
            began = time.perf_counter()
            echo.stdin.write(line)
            echo.stdin.flush()
            echo.stdout.readline()
            took += 0.0 if number == 0 else time.perf_counter() - began  # the first one waits for its start
        echo.stdin.close()
    return took * 1000


def main() -> None:
    kind, display, window, *numbers = sys.argv[1:]
    x, y, width, height, naive, rounds = map(int, numbers)
    box, text = Box(x=x, y=y, width=width, height=height), text_of(2_000)
    told = {"naive": naive_ms(display, box, text, naive)} if naive else {}
    bare = Bare(kind, display, int(window), box)
    for _ in range(rounds):
        try:
            stages = bare.stages(text)
        except (AssertionError, DisplayHeld) as lost:
            print(f"a bare round came to nothing: {lost}", file=sys.stderr)
            continue
        for stage, took in stages.items():
            told.setdefault(stage, []).append(took)
        time.sleep(0.15)
    for _ in range(rounds):
        told.setdefault("commits", []).append(sum(commits_ms(COMMITS)))
    told["pipe and rest"] = [pipe_ms() for _ in range(min(rounds, 10))]
    print(json.dumps(told))


if __name__ == "__main__":
    main()
