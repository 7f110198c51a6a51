"""The hands on a display that does not answer: what went out is pressed, and nothing else is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.display import ROOT, VirtualDisplay

pytestmark = pytest.mark.display

WRITES = """
import sys
from automation.desktop.x11.input import X11Input

fingers, sent = X11Input(sys.argv[1]), []
line = fingers.connection.display.socket
class Line:
    def send(self, data):
        sent.append(bytes(data))
        return line.send(data)
    def __getattr__(self, name):
        return getattr(line, name)
fingers.connection.display.socket = Line()
KEYS_BUTTONS_AND_MOVES = {2, 3, 4, 5, 6}
opcode = fingers.connection.query_extension("XTEST").major_opcode
def injected(data):
    "The kinds of events that one write asks XTEST for."
    while data:
        length = int.from_bytes(data[2:4], "little") * 4
        if data[0] == opcode and data[1] == 2 and data[4] in KEYS_BUTTONS_AND_MOVES:
            yield data[4]
        data = data[length:]
for act in (lambda: fingers.press("ctrl+shift+home"), lambda: fingers.click(30, 40)):
    sent.clear()
    act()
    print([kinds for kinds in map(list, map(injected, sent)) if kinds], flush=True)
"""
PRESS = """
import os, signal, sys
from automation.desktop.x11.input import X11Input
from automation.desktop.window_info import DisplayHeld

display, server, when = sys.argv[1], int(sys.argv[2]), sys.argv[3]
fingers = X11Input(display)
release = fingers._gui.keyUp
def release_and_stop(key, **more):
    release(key, **more)
    os.kill(server, signal.SIGSTOP)
fingers._gui.keyUp = release_and_stop
if when == "before":
    os.kill(server, signal.SIGSTOP)
try:
    fingers.press("a")
except DisplayHeld:
    print("nothing went out", flush=True)
else:
    print("pressed", flush=True)
sys.stdin.read()
fingers.connection.sync()
"""


def press(display: VirtualDisplay, when: str) -> str:
    """Press a key on a display whose server stands still before or after it; what the hands say of it."""
    argv = [sys.executable, "-c", PRESS, display.name, str(display.server.pid), when]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "DISPLAY": display.name}
    with subprocess.Popen(argv, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as hands:
        assert hands.stdin is not None
        assert hands.stdout is not None
        said = hands.stdout.readline().strip()
        os.kill(display.server.pid, signal.SIGCONT)
        hands.stdin.close()
        assert hands.wait(timeout=60) == 0
    return said


def test_a_key_that_went_out_is_pressed_also_when_the_display_does_not_answer_afterwards(
    display: VirtualDisplay,
) -> None:
    assert press(display, "after") == "pressed"
    assert not any(display.connection.query_keymap()), "it was released too"


def test_a_display_that_did_not_answer_before_the_key_got_none(display: VirtualDisplay) -> None:
    assert press(display, "before") == "nothing went out"


def test_what_is_pressed_is_released_in_the_same_write_so_that_no_kill_falls_between(display: VirtualDisplay) -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "DISPLAY": display.name}
    argv = [sys.executable, "-c", WRITES, display.name]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.splitlines() == ["[[2, 2, 2, 3, 3, 3]]", "[[6, 4, 5]]"], done.stdout + done.stderr
