"""The hands on a display that does not answer: what went out is pressed, and nothing else is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.display import ROOT, VirtualDisplay

pytestmark = pytest.mark.display

PRESS = """
import os, signal, sys
from automation.desktop.hands import Fingers
from automation.desktop.x11.connection import DisplayHeld

display, server, when = sys.argv[1], int(sys.argv[2]), sys.argv[3]
fingers = Fingers(display)
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
